//! The running appliance: opens, wires, runs, stops.

mod first_user;
mod ground;
mod local_socket;
mod log_key;
mod open;
mod service;
mod settings;

use crate::config::Config;
use crate::counters::CountersError;
use crate::ingest::Clock;
use crate::keys::LogKeyError;
use crate::model::ReceivedAt;
use crate::readers::ReaderError;
use crate::store::StoreError;
use crate::web::{self, App, ConnectionLimits, Listener, Prober};
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use first_user::FirstPassword;
pub use local_socket::socket_path;
pub use log_key::{host_name, open as open_log_key};
pub use open::{Opened, indexer, open, open_notifier};
pub use service::notify;

/// How often the parts are probed.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// How often sessions that are over are removed.
const TIDY_EVERY: Duration = Duration::from_secs(600);
/// How long answers may still take once the appliance stops.
const GOODBYE: Duration = Duration::from_secs(5);
/// How long telemetry may still be sent then.
const EXPORT_GOODBYE: Duration = Duration::from_secs(5);
/// How long the other parts are heard when one has failed.
const CAUSE_PATIENCE: Duration = Duration::from_secs(2);

/// Why the appliance could not begin, or ended by itself.
#[derive(Debug, Error)]
pub enum AppError {
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The counters.
    #[error(transparent)]
    Counters(#[from] CountersError),
    /// A reader.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// The key that signs the log.
    #[error(transparent)]
    LogKey(#[from] LogKeyError),
    /// The log is known to the world by another name.
    #[error(
        "the log's origin was fixed as {fixed:?} when it was made; the setting log.origin says {set:?}: remove it"
    )]
    Origin {
        /// What it was made with.
        fixed: String,
        /// What the settings say now.
        set: String,
    },
    /// A notification target.
    #[error("the notification target {0}")]
    Notify(String),
    /// A file, a socket or a thread.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A part ended although nobody asked it to.
    #[error("{0} ended unexpectedly; the messages before this one say why")]
    Ended(&'static str),
}

impl AppError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> AppError {
        let what = what.into();
        move |source| AppError::Io { what, source }
    }
}

/// The tasks beside the faces; each answers with its name when it ends in good order.
type Parts = JoinSet<Result<&'static str, AppError>>;

/// Answers on `listener` until `stop`; ends before that only when a part fails. `ready` is called once
/// requests are taken.
pub async fn serve(
    opened: Opened,
    listener: TcpListener,
    stop: CancellationToken,
    ready: impl FnOnce(&App),
) -> Result<(), AppError> {
    let Opened { app, writer_task, detect, count, seal, scrub, watch, index, deliver, .. } = opened;
    let export_stop = CancellationToken::new();
    let mut exporting = tokio::spawn(service::export(app.clone(), export_stop.clone()));
    let mut prober = Prober::new(&app);
    Prober::store_round(&app).await;
    prober.round(&app).await;
    let (web_stop, reader_stop) = (CancellationToken::new(), CancellationToken::new());
    let mut parts = Parts::new();
    parts.spawn_blocking(move || Ok(writer_task.join().map(|()| "the writer")?));
    let token = reader_stop.clone();
    parts.spawn(async move { Ok(detect.run(token).await.map(|()| "the detect reader")?) });
    let token = reader_stop.clone();
    parts.spawn(async move { Ok(count.run(token).await.map(|()| "the count reader")?) });
    let token = reader_stop.clone();
    parts.spawn(async move { Ok(seal.run(token).await.map(|()| "the seal reader")?) });
    let token = reader_stop.clone();
    parts.spawn(async move { Ok(scrub.run(token).await.map(|()| "the self-check")?) });
    let token = reader_stop.clone();
    parts.spawn(async move { Ok(index.run(token).await.map(|()| "the index reader")?) });
    let token = reader_stop.clone();
    parts.spawn(async move { Ok(deliver.run(token).await.map(|()| "the deliver reader")?) });
    let token = reader_stop.clone();
    parts.spawn(async move { Ok(watch.run(token).await.map(|()| "the watch")?) });
    parts.spawn(service::probe_store(app.clone(), PROBE_EVERY, reader_stop.clone()));
    parts.spawn(service::probe(app.clone(), prober, PROBE_EVERY, reader_stop.clone()));
    parts.spawn(service::tidy(app.clone(), TIDY_EVERY, reader_stop.clone()));
    let mut faces = JoinSet::new();
    let limits = connection_limits(&app.config);
    let router = web::router(app.clone());
    faces.spawn(web::answer(Listener::Tcp(listener), router.clone(), limits, web_stop.clone()));
    if let Some(local) = local_socket::listen(&app.config.data_dir) {
        faces.spawn(web::answer(Listener::Local(local), router, limits, web_stop.clone()));
    }
    ready(&app);
    let first = tokio::select! {
        () = stop.cancelled() => None,
        ended = parts.join_next() => ended,
    };
    service::notify(&[sd_notify::NotifyState::Stopping]);
    web_stop.cancel();
    app.writer.give_up_waiting();
    app.live.end();
    while faces.join_next().await.is_some() {}
    local_socket::remove(&app.config.data_dir);
    reader_stop.cancel();
    let telemetry = app.telemetry.clone();
    let ended = finish(parts, app, first.map(fate)).await;
    telemetry.export.stopping();
    export_stop.cancel();
    // What is left after that is lost, and told.
    if tokio::time::timeout(EXPORT_GOODBYE, &mut exporting).await.is_err() {
        exporting.abort();
        drop(exporting.await);
    }
    telemetry.export.close();
    ended
}

/// Lets the readers finish while the writer still takes their last work, then the writer.
async fn finish(mut parts: Parts, app: App, failed: Option<AppError>) -> Result<(), AppError> {
    if let Some(failed) = failed {
        return Err(the_cause(failed, parts).await);
    }
    while parts.len() > 1 {
        match parts.join_next().await {
            Some(Ok(Ok(_))) | None => {}
            Some(ended) => return Err(the_cause(fate(ended), parts).await),
        }
    }
    // The last of the books; where that fails, the writer's own error says more.
    let _stopped = app.book().await;
    app.writer.stop().await;
    match parts.join_next().await {
        Some(Ok(Ok(_))) | None => {
            tracing::info!(entries = app.store.size().0, "stopped; everything is committed");
            Ok(())
        }
        Some(ended) => Err(fate(ended)),
    }
}

/// When the writer fails, whoever waits for it often ends first and knows no more than that. The others are
/// heard for a moment, and whoever names a cause is believed.
async fn the_cause(first: AppError, mut parts: Parts) -> AppError {
    let mut told = first;
    let patience = tokio::time::sleep(CAUSE_PATIENCE);
    tokio::pin!(patience);
    while matches!(told, AppError::Reader(ReaderError::Stopped) | AppError::Ended(_)) {
        tokio::select! {
            ended = parts.join_next() => match ended {
                Some(Ok(Err(error))) => told = error,
                Some(_) => {}
                None => break,
            },
            () = &mut patience => break,
        }
    }
    parts.abort_all();
    told
}

/// Why a part ended that should have run on, or not like this.
fn fate(ended: Result<Result<&'static str, AppError>, tokio::task::JoinError>) -> AppError {
    match ended {
        Ok(Ok(part)) => AppError::Ended(part),
        Ok(Err(error)) => error,
        Err(_) => AppError::Ended("a part that panicked"),
    }
}

fn connection_limits(config: &Config) -> ConnectionLimits {
    ConnectionLimits {
        connections_max: config.web.connections_max,
        header_timeout: Duration::from_secs(config.web.header_timeout_secs),
        goodbye: GOODBYE,
    }
}

/// Files that root made in a directory of someone else's, such as the service's, are given to that one.
pub fn give_to_owner_of(dir: &std::path::Path, files: &[PathBuf]) {
    use std::os::unix::fs::MetadataExt;
    let Ok(owner) = std::fs::metadata(dir) else { return };
    for file in files.iter().filter(|file| file.exists()) {
        // Only root can; for everyone else the files are their own already.
        drop(std::os::unix::fs::chown(file, Some(owner.uid()), Some(owner.gid())));
    }
}

/// Now, as a time of receipt, for commands that write to a stopped appliance.
pub fn received_now() -> ReceivedAt {
    Clock::system().received_at()
}
