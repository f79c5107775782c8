//! How the parts of the appliance are: probed now and then, and remembered for whoever asks.
//!
//! Asking never probes, so that nobody can wear out the disk by asking.

use super::api::notify::target_views;
use super::state::Appliance;
use crate::config::Health as Thresholds;
use crate::ingest::{ClockWatch, Refused};
use crate::model::{DiskState, Seq};
use crate::readers::Progress;
use crate::routing::BreakerState;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

/// The state of one component, or of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Condition {
    /// As it should be.
    #[default]
    Ok,
    /// Someone should look today.
    Warning,
    /// Someone should look now.
    Critical,
}

impl Condition {
    /// The word in answers and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Condition::Ok => "OK",
            Condition::Warning => "WARNING",
            Condition::Critical => "CRITICAL",
        }
    }

    /// The condition of a value that is worse the higher it is.
    fn of<T: PartialOrd>(value: T, warning: T, critical: T) -> Condition {
        if value >= critical {
            Condition::Critical
        } else if value >= warning {
            Condition::Warning
        } else {
            Condition::Ok
        }
    }
}

/// What the last probe of a component found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// How it is.
    pub status: Condition,
    /// Why, for people.
    pub message: String,
    /// How long the probe took, in milliseconds.
    pub response_time: f64,
    /// When.
    pub last_check: Timestamp,
    /// Numbers, by name.
    pub details: BTreeMap<&'static str, f64>,
}

/// The results of the last probes. Shared.
#[derive(Clone, Default)]
pub struct HealthBoard(Arc<RwLock<BTreeMap<&'static str, Component>>>);

impl HealthBoard {
    /// All components, by name.
    pub fn components(&self) -> BTreeMap<&'static str, Component> {
        self.0.read().expect("no holder of this lock panics").clone()
    }

    /// The worst of them; nothing is known to be well before the first probe.
    pub fn overall(&self) -> Condition {
        let components = self.components();
        components.values().map(|component| component.status).max().unwrap_or(Condition::Critical)
    }

    fn put(&self, components: BTreeMap<&'static str, Component>) {
        *self.0.write().expect("no holder of this lock panics") = components;
    }
}

/// How long a write may wait for its commit before the store counts as stuck.
const STUCK: Duration = Duration::from_secs(10);

/// What the prober remembers from one round to the next.
pub struct Prober {
    clock: ClockWatch,
    behind: BTreeMap<&'static str, (Seq, Instant)>,
}

impl Prober {
    /// Begins to watch the clock.
    pub fn new(app: &Appliance) -> Prober {
        Prober { clock: ClockWatch::new(app.clock.wall(), Instant::now()), behind: BTreeMap::new() }
    }

    /// Probes everything once and puts the results on the board.
    pub async fn round(&mut self, app: &Arc<Appliance>) {
        let mut components = BTreeMap::new();
        let began = Instant::now();
        let written = tokio::time::timeout(STUCK, app.writer.commit(|txn| txn.probe())).await;
        let store = match written {
            Ok(Ok(written)) => match app.read(|app| app.store.probed()).await {
                Ok(read) if read >= Some(written) => {
                    Ok("the log takes writes and gives them back".to_owned())
                }
                Ok(_) => Err("what was written to the log did not come back".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            // The disk's component says so; a restart would not help.
            Ok(Err(Refused::DiskFull)) => Ok(Refused::DiskFull.to_string()),
            Ok(Err(refused)) => Err(refused.to_string()),
            Err(_) => Err(format!("a write has waited for more than {} seconds", STUCK.as_secs())),
        };
        components.insert("store", timed(app, began, store));
        components.insert("counters", probe_counters(app).await);
        components.insert("disk", probe_disk(app));
        components.insert("clock", self.probe_clock(app));
        components.insert("queue", probe_queue(app));
        components.insert("log_check", probe_log_check(app).await);
        components.insert("notify", probe_notify(app).await);
        components.insert("dead_letters", probe_dead_letters(app).await);
        for (name, progress) in [("detect", &app.detected), ("count", &app.counted), ("index", &app.indexed)]
        {
            let mut component = self.probe_reader(app, name, progress);
            component.details.insert("lagSeconds", lag_secs(app, progress.position()).await);
            components.insert(name, component);
        }
        if let Some(breaker) = app.telemetry.export.breaker() {
            components.insert("export", probe_export(app, breaker));
        }
        app.health.put(components);
    }

    /// The clock of the host against the one that only runs forward.
    fn probe_clock(&mut self, app: &Appliance) -> Component {
        let jump = self.clock.jump(app.clock.wall(), Instant::now()).as_secs_f64();
        let thresholds = &app.config.health;
        let (warning, critical) =
            (thresholds.clock_jump_warn_secs as f64, thresholds.clock_jump_critical_secs as f64);
        let status = Condition::of(jump.abs(), warning, critical);
        let message = match status {
            Condition::Ok => "the clock runs evenly".to_owned(),
            _ => format!("the clock jumped by {jump:.0} seconds; check the host's time synchronisation"),
        };
        component(app, status, message, 0.0, [("jumpSeconds", jump)])
    }

    /// A reader that is behind and does not move is worse than one that is behind.
    fn probe_reader(&mut self, app: &Appliance, name: &'static str, progress: &Progress) -> Component {
        let (position, size) = (progress.position(), app.store.size());
        let lag = size.0.saturating_sub(position.0);
        let caught_up_to = self.behind.get(name).copied();
        let since = match caught_up_to {
            Some((seen, since)) if lag > 0 && seen == position => since,
            _ => Instant::now(),
        };
        self.behind.insert(name, (position, since));
        let stuck = if lag == 0 { 0 } else { since.elapsed().as_secs() };
        let thresholds = &app.config.health;
        let status = Condition::of(
            stuck,
            thresholds.reader_lag_warn_secs.max(1),
            thresholds.reader_lag_critical_secs.max(1),
        );
        let message = match status {
            Condition::Ok if lag == 0 => "it has read the whole log".to_owned(),
            Condition::Ok => format!("it is {lag} entries behind and catching up"),
            _ => format!(
                "it is {lag} entries behind and has not moved for {stuck} seconds; restart the appliance"
            ),
        };
        component(app, status, message, 0.0, [("lagEntries", lag as f64), ("position", position.0 as f64)])
    }
}

fn component<const N: usize>(
    app: &Appliance,
    status: Condition,
    message: String,
    response_time: f64,
    details: [(&'static str, f64); N],
) -> Component {
    Component {
        status,
        message,
        response_time,
        last_check: app.clock.now(),
        details: BTreeMap::from(details),
    }
}

fn timed(app: &Appliance, began: Instant, result: Result<String, String>) -> Component {
    let millis = began.elapsed().as_secs_f64() * 1_000.0;
    match result {
        Ok(message) if millis < app.config.health.probe_warn_millis as f64 => {
            component(app, Condition::Ok, message, millis, [])
        }
        Ok(_) => {
            let message = format!("it took {millis:.0} ms; the disk is slow or busy");
            component(app, Condition::Warning, message, millis, [])
        }
        Err(message) => component(app, Condition::Critical, message, millis, []),
    }
}

/// The age of the entry at `position`, which a reader has not dealt with; 0 where there is none yet.
async fn lag_secs(app: &Arc<Appliance>, position: Seq) -> f64 {
    if position >= app.store.size() {
        return 0.0;
    }
    let oldest = app.read(move |app| app.store.entry(position)).await;
    let Ok(Some(Ok(oldest))) = oldest else { return 0.0 };
    app.now_received().0.saturating_sub(oldest.entry.received_at.0) as f64 / 1e9
}

/// Whether telemetry gets to the collector. It is never more than a warning: nothing of the log depends on it.
fn probe_export(app: &Appliance, breaker: BreakerState) -> Component {
    let export = &app.telemetry.export;
    let waiting = (export.traces.waiting() + export.logs.waiting()) as f64;
    let dropped = |tally: &crate::telemetry::Tally| -> u64 {
        crate::telemetry::ExportDrop::ALL.into_iter().map(|why| tally.dropped(why)).sum()
    };
    let dropped = export.tallies().iter().map(|(_, tally)| dropped(tally)).sum::<u64>() as f64;
    let (status, message) = match breaker {
        BreakerState::Closed => (Condition::Ok, "the collector takes what is sent"),
        BreakerState::HalfOpen | BreakerState::Open => {
            (Condition::Warning, "the collector does not answer; look at it, at otlp.endpoint and at its key")
        }
    };
    component(app, status, message.to_owned(), 0.0, [("waiting", waiting), ("dropped", dropped)])
}

async fn probe_counters(app: &Arc<Appliance>) -> Component {
    let began = Instant::now();
    let looked = app.read(|app| match app.writer.has_room() {
        true => app.counters.flush().map(|()| "sled takes writes"),
        // A flush that found no room would break them.
        false => app.counters.position().map(|_| "they can be read, and wait for room on the disk"),
    });
    let looked = looked.await.map(str::to_owned).map_err(|error| error.to_string());
    timed(app, began, looked)
}

/// What the last check of the log found; the check itself is made on its own rhythm.
async fn probe_log_check(app: &Arc<Appliance>) -> Component {
    let began = Instant::now();
    let last = app.read(|app| app.store.last_check()).await;
    let millis = began.elapsed().as_secs_f64() * 1_000.0;
    match last {
        Err(error) => component(app, Condition::Critical, error.to_string(), millis, []),
        Ok(None) => component(app, Condition::Ok, "the log was not checked yet".to_owned(), millis, []),
        Ok(Some(last)) => {
            let (status, message) = match last.first.filter(|_| last.findings > 0) {
                None => (Condition::Ok, "the last check found the log intact and complete".to_owned()),
                Some(first) => {
                    let more = "run `sealwatch verify`, then restore a backup";
                    (Condition::Critical, format!("the last check found damage: {first}; {more}"))
                }
            };
            let at = last.at.timestamp().as_second() as f64;
            let details =
                [("entries", last.entries as f64), ("findings", last.findings as f64), ("checkedAt", at)];
            component(app, status, message, millis, details)
        }
    }
}

/// Whether people can be told. Never critical: events are taken in and alerts raised all the same.
async fn probe_notify(app: &Arc<Appliance>) -> Component {
    let began = Instant::now();
    let targets = app.read(target_views).await;
    let millis = began.elapsed().as_secs_f64() * 1_000.0;
    let targets = match targets {
        Ok(targets) => targets,
        Err(problem) => return component(app, Condition::Warning, problem.message, millis, []),
    };
    let now = app.clock.now();
    let stopped: Vec<&str> =
        targets.iter().filter(|target| target.is_stopped()).map(|target| target.name.as_str()).collect();
    let dead: usize = targets.iter().map(|target| target.dead).sum();
    let waiting: usize = targets.iter().map(|target| target.waiting).sum();
    let oldest = targets.iter().map(|target| target.oldest_secs(now)).fold(0.0, f64::max);
    let (status, message) = if !stopped.is_empty() {
        (Condition::Warning, format!("not sent to now: {}; see /notifications", stopped.join(", ")))
    } else if dead as u64 > app.config.dead_letters.waiting_max {
        (
            Condition::Warning,
            format!("{dead} dead letters wait for a decision; see /notifications/dead-letters"),
        )
    } else if oldest >= app.config.health.notify_wait_warn_secs as f64 {
        (Condition::Warning, format!("a notification has waited for {oldest:.0} seconds; see /notifications"))
    } else if targets.is_empty() {
        (Condition::Ok, "no notification target is set".to_owned())
    } else {
        (Condition::Ok, "what is to be told is told".to_owned())
    };
    let details = [
        ("targets", targets.len() as f64),
        ("stopped", stopped.len() as f64),
        ("waiting", waiting as f64),
        ("oldestSeconds", oldest),
        ("deadLetters", dead as f64),
    ];
    component(app, status, message, millis, details)
}

/// Whether steps have failed for good; everything else goes on.
async fn probe_dead_letters(app: &Arc<Appliance>) -> Component {
    let began = Instant::now();
    let waiting = app.read(|app| app.store.dead_letters_waiting()).await;
    let millis = began.elapsed().as_secs_f64() * 1_000.0;
    let waiting = match waiting {
        Ok(waiting) => waiting,
        Err(error) => return component(app, Condition::Critical, error.to_string(), millis, []),
    };
    let (status, message) = match waiting {
        0 => (Condition::Ok, "no step has failed for good".to_owned()),
        _ => {
            let status = match waiting > app.config.dead_letters.waiting_max {
                true => Condition::Warning,
                false => Condition::Ok,
            };
            (status, format!("{waiting} steps failed for good and wait for a decision; see /dead-letters"))
        }
    };
    component(app, status, message, millis, [("waiting", waiting as f64)])
}

fn probe_queue(app: &Appliance) -> Component {
    let fill = app.admission.fill();
    let Thresholds { queue_warn_percent: warn, queue_critical_percent: critical, .. } = app.config.health;
    let status = Condition::of(fill * 100.0, warn.into(), critical.into());
    let message = match status {
        Condition::Ok => "there is room for what comes in".to_owned(),
        _ => "more comes in than can be written; senders are asked to wait".to_owned(),
    };
    let waiting = app.writer.events_waiting() as f64;
    component(app, status, message, 0.0, [("fill", fill), ("eventsWaiting", waiting)])
}

fn probe_disk(app: &Appliance) -> Component {
    let began = Instant::now();
    let Some(path) = app.store.path() else {
        return component(app, Condition::Ok, "the log is in memory".to_owned(), 0.0, []);
    };
    let usage = app.disk.usage().and_then(|usage| Ok((usage, std::fs::metadata(path)?.len())));
    let (usage, file) = match usage {
        Ok(usage) => usage,
        Err(error) => {
            let message = format!("the file system cannot be asked: {error}");
            return component(app, Condition::Warning, message, 0.0, []);
        }
    };
    let (status, what) = match app.disk.state_of(usage) {
        DiskState::Roomy => (Condition::Ok, ""),
        DiskState::Scarce | DiskState::Short => {
            (Condition::Warning, "; make room or give the data directory a larger disk")
        }
        DiskState::Full => (Condition::Critical, "; no event is taken in until there is room"),
        DiskState::Spent => (Condition::Critical, "; nothing is written until there is room"),
    };
    let percent = usage.percent();
    let millis = began.elapsed().as_secs_f64() * 1_000.0;
    let details = [("usedPercent", percent), ("freeBytes", usage.free as f64), ("logBytes", file as f64)];
    component(app, status, format!("{percent:.0} % used{what}"), millis, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_begins_at_its_threshold() {
        assert_eq!(Condition::of(79, 80, 95), Condition::Ok);
        assert_eq!(Condition::of(80, 80, 95), Condition::Warning);
        assert_eq!(Condition::of(94, 80, 95), Condition::Warning);
        assert_eq!(Condition::of(95, 80, 95), Condition::Critical);
    }

    #[test]
    fn nothing_is_well_before_it_was_looked_at() {
        assert_eq!(HealthBoard::default().overall(), Condition::Critical);
    }
}
