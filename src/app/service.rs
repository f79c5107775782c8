//! What runs beside everything: probes, tidying, and telling systemd.

use super::AppError;
use crate::model::ReceivedAt;
use crate::web::{App, Prober};
use sd_notify::NotifyState;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long it is kept what became of a notification, once that is known: 90 days.
const DELIVERIES_KEPT_NANOS: u64 = 90 * 86_400 * 1_000_000_000;
/// Notifications of which it is kept at most.
const DELIVERIES_KEPT_MAX: u64 = 1_000_000;
/// Notifications that one commit forgets.
const DELIVERIES_PER_COMMIT: usize = 1_000;

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

/// Probes the store now and then. systemd hears that we are ready once it is well, and its watchdog is fed only while it
/// takes writes and gives them back.
pub(super) async fn probe_store(
    app: App,
    every: Duration,
    stop: CancellationToken,
) -> Result<&'static str, AppError> {
    let every = sd_notify::watchdog_enabled().map_or(every, |limit| every.min(limit / 3));
    let mut is_ready = false;
    loop {
        let store = app.health.components().remove("store");
        if store.is_some_and(|store| store.status != crate::web::Condition::Critical) {
            if !std::mem::replace(&mut is_ready, true) {
                notify(&[NotifyState::Ready]);
            }
            notify(&[NotifyState::Watchdog]);
        }
        tokio::select! {
            () = tokio::time::sleep(every) => Prober::store_round(&app).await,
            () = stop.cancelled() => return Ok("the store's prober"),
        }
    }
}

/// Probes the other parts now and then, and tells systemd how all are.
pub(super) async fn probe(
    app: App,
    mut prober: Prober,
    every: Duration,
    stop: CancellationToken,
) -> Result<&'static str, AppError> {
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
        tokio::select! {
            () = tokio::time::sleep(every) => prober.round(&app).await,
            () = stop.cancelled() => return Ok("the prober"),
        }
    }
}

/// Sends telemetry to the collector, where there is one. Nothing else waits for it.
pub(super) async fn export(app: App, stop: CancellationToken) {
    let export = app.telemetry.export.clone();
    // A task of its own, so that a panic over the numbers is that collection's trouble. Without any, none is sent.
    let families = || {
        let app = app.clone();
        async move {
            let read = tokio::spawn(async move { app.read(crate::web::families).await }).await;
            read.ok().and_then(Result::ok).unwrap_or_else(|| {
                tracing::warn!("the numbers cannot be read, so no metrics are sent this time");
                Vec::new()
            })
        }
    };
    export.run(families, stop).await;
}

/// Removes sessions that are over, and notifications that ended long ago.
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
        let before = move |age: u64| ReceivedAt(now.0.saturating_sub(age));
        let ended =
            app.writer.commit_in_time(move |txn| txn.end_old_sessions(before(idle), before(longest))).await;
        ended.map_err(|_| AppError::Ended("the writer"))?;
        forget_deliveries(&app, before(DELIVERIES_KEPT_NANOS)).await?;
        let ended = before(DELIVERIES_KEPT_NANOS);
        let forget = move |txn: &mut crate::store::Txn<'_>| txn.forget_silences(ended, DELIVERIES_PER_COMMIT);
        app.writer.commit_in_time(forget).await.map_err(|_| AppError::Ended("the writer"))?;
        app.book().await.map_err(|_| AppError::Ended("the writer"))?;
    }
}

/// In pieces, so that the writer is kept from nobody for long.
async fn forget_deliveries(app: &App, before: ReceivedAt) -> Result<(), AppError> {
    loop {
        let forget = move |txn: &mut crate::store::Txn<'_>| {
            txn.forget_deliveries(before, DELIVERIES_KEPT_MAX, DELIVERIES_PER_COMMIT)
        };
        let forgotten = app.writer.commit_in_time(forget).await.map_err(|_| AppError::Ended("the writer"))?;
        if forgotten < DELIVERIES_PER_COMMIT {
            return Ok(());
        }
    }
}

/// Tells systemd, where it listens.
pub fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
