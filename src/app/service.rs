//! What runs beside everything: probes, tidying, and telling systemd.

use super::AppError;
use crate::web::{App, Prober};
use sd_notify::NotifyState;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long the times of steps go into one slice; the last few slices are what is called recent.
const SLICE: Duration = Duration::from_secs(60);

/// What systemd shows of us: the state, and what is not well.
fn status(app: &App) -> String {
    let components = app.health.components();
    let unwell = components.iter().filter(|(_, found)| found.status != crate::web::Condition::Ok);
    let unwell: Vec<String> = unwell.map(|(name, found)| format!("{name}: {}", found.message)).collect();
    let overall = app.health.overall().name();
    if unwell.is_empty() { overall.to_owned() } else { format!("{overall}; {}", unwell.join("; ")) }
}

/// Probes the parts now and then. systemd's watchdog is fed only while the store takes writes and gives them back.
pub(super) async fn probe(
    app: App,
    mut prober: Prober,
    every: Duration,
    stop: CancellationToken,
) -> Result<&'static str, AppError> {
    let every = sd_notify::watchdog_enabled().map_or(every, |limit| every.min(limit / 3));
    let (mut told, mut turned) = (String::new(), Instant::now());
    loop {
        app.throughput.look(Instant::now(), app.store.events());
        if turned.elapsed() >= SLICE {
            app.telemetry.tracer.steps().turn();
            turned = Instant::now();
        }
        let status = status(&app);
        if status != told {
            notify(&[NotifyState::Status(&status)]);
            told = status;
        }
        let store = app.health.components().remove("store");
        if store.is_some_and(|store| store.status != crate::web::Condition::Critical) {
            notify(&[NotifyState::Watchdog]);
        }
        tokio::select! {
            () = tokio::time::sleep(every) => prober.round(&app).await,
            () = stop.cancelled() => return Ok("the prober"),
        }
    }
}

/// Sends telemetry to the collector, where there is one. Nothing else waits for it.
pub(super) async fn export(app: App, stop: CancellationToken) {
    let export = app.telemetry.export.clone();
    let families = || async { app.read(crate::web::families).await.unwrap_or_else(|_| Vec::new()) };
    export.run(families, stop).await;
}

/// Removes sessions that are over.
pub(super) async fn tidy(
    app: App,
    every: Duration,
    stop: CancellationToken,
) -> Result<&'static str, AppError> {
    let idle = app.config.web.session_idle_secs.saturating_mul(1_000_000_000);
    let longest = app.config.web.session_max_secs.saturating_mul(1_000_000_000);
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return Ok("the tidier"),
        }
        app.previews.forget_old();
        let now = app.now_received();
        let before = move |age: u64| crate::model::ReceivedAt(now.0.saturating_sub(age));
        let ended = app.writer.commit(move |txn| txn.end_old_sessions(before(idle), before(longest))).await;
        ended.map_err(|_| AppError::Ended("the writer"))?;
        app.book().await.map_err(|_| AppError::Ended("the writer"))?;
    }
}

/// Tells systemd, where it listens.
pub fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
