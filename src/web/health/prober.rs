//! Goes round the components, and remembers from one round to the next what only a change can show.

use super::probes::{
    component, probe_counters, probe_dead_letters, probe_disk, probe_export, probe_log_check, probe_notify,
    probe_queue, timed,
};
use super::{Component, Condition};
use crate::ingest::{ClockWatch, Refused};
use crate::model::Seq;
use crate::readers::Progress;
use crate::web::state::Appliance;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

    /// Probes the store and puts the result on the board. By itself, because systemd's watchdog goes by it: what else is
    /// slow must not have the process ended.
    pub async fn store_round(app: &Arc<Appliance>) {
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
        app.health.put(BTreeMap::from([("store", timed(app, began, store))]));
    }

    /// Probes everything else once and puts the results on the board.
    pub async fn round(&mut self, app: &Arc<Appliance>) {
        let mut components = BTreeMap::new();
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

/// The age of the entry at `position`, which a reader has not dealt with; 0 where there is none yet.
async fn lag_secs(app: &Arc<Appliance>, position: Seq) -> f64 {
    if position >= app.store.size() {
        return 0.0;
    }
    let oldest = app.read(move |app| app.store.entry(position)).await;
    let Ok(Some(Ok(oldest))) = oldest else { return 0.0 };
    app.now_received().0.saturating_sub(oldest.entry.received_at.0) as f64 / 1e9
}
