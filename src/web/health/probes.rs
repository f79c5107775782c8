//! Each component's probe: how it is, and why.

use super::{Component, Condition};
use crate::config::Health as Thresholds;
use crate::model::DiskState;
use crate::routing::{BreakerState, BreakerView};
use crate::web::api::notify::target_views;
use crate::web::state::Appliance;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Whether telemetry gets to the collector. It is never more than a warning: nothing of the log depends on it.
pub(super) fn probe_export(app: &Appliance, (breaker, held): (BreakerView, bool)) -> Component {
    let export = &app.telemetry.export;
    let waiting = (export.traces.waiting() + export.logs.waiting()) as f64;
    let dropped = export.tallies().iter().map(|(_, tally)| tally.dropped_in_all()).sum::<u64>() as f64;
    let (status, message) = match breaker.state {
        _ if held => {
            (Condition::Warning, "somebody stopped the sending; let it go on under Circuit breakers")
        }
        BreakerState::Closed if !export.is_refused() => (Condition::Ok, "the collector takes what is sent"),
        BreakerState::Closed => {
            (Condition::Warning, "the collector refuses what is sent; look at otlp.endpoint and at its key")
        }
        BreakerState::HalfOpen | BreakerState::Open => {
            (Condition::Warning, "the collector does not answer; look at it, at otlp.endpoint and at its key")
        }
    };
    component(app, status, message.to_owned(), 0.0, [("waiting", waiting), ("dropped", dropped)])
}

pub(super) async fn probe_counters(app: &Arc<Appliance>) -> Component {
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
pub(super) async fn probe_log_check(app: &Arc<Appliance>) -> Component {
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
pub(super) async fn probe_notify(app: &Arc<Appliance>) -> Component {
    let began = Instant::now();
    let targets = app.read(target_views).await;
    let millis = began.elapsed().as_secs_f64() * 1_000.0;
    let targets = match targets {
        Ok(targets) => targets,
        Err(problem) => return component(app, Condition::Warning, problem.message, millis, []),
    };
    let now = app.clock.now();
    let stopped = targets.iter().filter(|target| target.is_stopped()).count();
    let dead: usize = targets.iter().map(|target| target.dead).sum();
    let waiting: usize = targets.iter().map(|target| target.waiting).sum();
    let oldest = targets.iter().map(|target| target.oldest_secs(now)).fold(0.0, f64::max);
    let (status, message) = if stopped > 0 {
        // Without their names: whoever may read may read this.
        (
            Condition::Warning,
            format!("{stopped} of {} targets are not sent to now; see /notifications", targets.len()),
        )
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
        ("stopped", stopped as f64),
        ("waiting", waiting as f64),
        ("oldestSeconds", oldest),
        ("deadLetters", dead as f64),
    ];
    component(app, status, message, millis, details)
}

/// Whether steps have failed for good; everything else goes on.
pub(super) async fn probe_dead_letters(app: &Arc<Appliance>) -> Component {
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

pub(super) fn probe_queue(app: &Appliance) -> Component {
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

pub(super) fn probe_disk(app: &Appliance) -> Component {
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

pub(super) fn component<const N: usize>(
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

pub(super) fn timed(app: &Appliance, began: Instant, result: Result<String, String>) -> Component {
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
