//! The running appliance: opens, wires, runs, stops.

mod first_user;
mod local_socket;
mod log_key;
mod service;
mod settings;

use crate::config::Config;
use crate::counters::{Counters, CountersError, Opening};
use crate::ingest::{
    Admission, Clock, Disk, DiskLimits, KeepingBudget, Limits, RateLimits, Writer, WriterTask,
};
use crate::keys::LogKeyError;
use crate::model::{ReceivedAt, SourceId};
use crate::notify::Notifier;
use crate::readers::{
    CountReader, DeliverReader, DetectReader, IndexReader, ReaderError, ScrubReader, ScrubRhythm, SealReader,
    SealRhythm, WatchReader, WatchSettings, Watched,
};
use crate::search::{Indexer, Place};
use crate::store::{FORMAT_VERSION, Options, Store, StoreError};
use crate::telemetry::Telemetry;
use crate::web::{
    self, Answered, App, Appliance, ConnectionLimits, Exports, HealthBoard, Listener, LiveStreams, Previews,
    Prober, SharedKeyring, SignIns, Throughput,
};
use jiff::SignedDuration;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use first_user::FirstPassword;
pub use local_socket::socket_path;
pub use log_key::{host_name, open as open_log_key};
pub use service::notify;

/// How often the parts are probed.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// After how long without an entry the log says that it was silent.
const SILENCE_MAX: Duration = Duration::from_secs(3_600);
/// How often sessions that are over are removed.
const TIDY_EVERY: Duration = Duration::from_secs(600);
/// How long answers may still take once the appliance stops.
const GOODBYE: Duration = Duration::from_secs(5);
/// How long telemetry may still be sent then.
const EXPORT_GOODBYE: Duration = Duration::from_secs(5);
/// How long the other parts are heard when one has failed.
const CAUSE_PATIENCE: Duration = Duration::from_secs(2);
/// Argon2 runs at once; one, so that guesses at a password have their turn one after the other.
const HASHING_MAX: usize = 1;
/// Sign-ins that may wait for it.
const SIGN_INS_WAITING_MAX: usize = 64;
/// The directory of the search index within the data directory.
pub const INDEX_DIR: &str = "index";
/// Listings at once.
const LISTINGS_MAX: usize = 4;

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

/// An appliance that is opened and wired, but does not answer yet.
pub struct Opened {
    app: App,
    writer_task: WriterTask,
    detect: DetectReader,
    count: CountReader,
    seal: SealReader,
    scrub: ScrubReader,
    index: IndexReader,
    deliver: DeliverReader,
    watch: WatchReader,
    /// The password of the administrator that was made because nobody could sign in.
    pub first_password: Option<FirstPassword>,
}

impl Opened {
    /// What handlers will see.
    pub fn app(&self) -> App {
        self.app.clone()
    }
}

/// Opens everything under the data directory and brings it up to the end of the log. Blocks.
pub fn open(config: Config, clock: Clock, telemetry: Telemetry, demo: bool) -> Result<Opened, AppError> {
    let began = Instant::now();
    let options = Options {
        cache_bytes: config.log.cache_bytes,
        lateness: SignedDuration::from_secs(
            config.detection.settings.lateness_secs.try_into().unwrap_or(i64::MAX),
        ),
    };
    let store = Arc::new(Store::open(&config.data_dir, options, clock.received_at())?);
    if let Some(from) = store.migrated_from() {
        tracing::info!(from, to = FORMAT_VERSION, "the log was brought to this program's format");
    }
    let ran_until = store.ran_until()?;
    clock.not_before(store.last_received_at());
    let counters_dir = config.data_dir.join("counters");
    let (counters, opening) = Counters::open(&counters_dir, &store.log_id(), store.size())?;
    if let Opening::SetAside(why) = opening {
        tracing::warn!(%why, "the counters were set aside as counters.damaged; they are filled from the log again");
    }
    let counters = Arc::new(counters);
    let limits = Limits {
        queue_requests_max: config.intake.queue_requests_max,
        commit_events_max: config.log.commit_events_max,
        commit_bytes_max: config.log.commit_bytes_max,
    };
    let disk = disk(&store, &config);
    let (writer, writer_task) = Writer::start(store.clone(), clock.clone(), disk.clone(), limits)
        .map_err(AppError::io("start the writer's thread"))?;
    let keyring = SharedKeyring::default();
    keyring.reload(&store, &config)?;
    let names = {
        let keyring = keyring.clone();
        Arc::new(move |source: SourceId| keyring.get().name(source))
    };
    let layers = config.layers.clone();
    let routing = Arc::new(config.notify.routing.clone());
    let detect = DetectReader::restore(
        store.clone(),
        writer.clone(),
        layers,
        config.detection.snapshot_events,
        names.clone(),
        routing.clone(),
    )?
    .traced(telemetry.tracer.clone());
    let notifier = open_notifier(&config)?;
    let wait_max = config.notify.wait_max;
    let deliver =
        DeliverReader::new(store.clone(), writer.clone(), notifier.clone(), clock.clone(), wait_max, routing);
    let deliver = deliver.traced(telemetry.tracer.clone());
    let count = CountReader::new(store.clone(), counters.clone(), writer.clone())?;
    let count = count.traced(telemetry.tracer.clone());
    let signer = Arc::new(open_log_key(&store, &config, clock.received_at())?);
    let every = Duration::from_secs(config.log.checkpoint_secs);
    let rhythm = SealRhythm { every, silence_max: SILENCE_MAX };
    let seal = SealReader::new(store.clone(), writer.clone(), signer.clone(), rhythm)?;
    let seal = seal.traced(telemetry.tracer.clone());
    let check_hours = config.log.check_hours;
    let rhythm = ScrubRhythm {
        // The demonstration is gone before there is anything to find.
        every: (check_hours > 0 && !demo).then(|| Duration::from_secs(check_hours * 3_600)),
        bytes_per_sec: config.log.check_bytes_per_sec,
    };
    let now = clock.clone();
    let scrub = ScrubReader::new(store.clone(), writer.clone(), rhythm, move || now.received_at());
    let watched = Watched {
        store: store.clone(),
        writer: writer.clone(),
        counters: counters.clone(),
        counted: count.progress(),
        deliveries: deliver.board(),
        disk: disk.clone(),
        clock: clock.clone(),
        keys: Box::new({
            let keyring = keyring.clone();
            move || keyring.get()
        }),
    };
    let settings = WatchSettings {
        clock_jump: Duration::from_secs(config.health.clock_jump_warn_secs),
        silence: config.sources.silence.clone(),
        dead_letters_max: config.dead_letters.waiting_max,
        dead_letters_kept: config.dead_letters.keep,
        targets: notifier.targets().map(|target| target.name.clone()).collect(),
        broken_after: config.notify.broken_after,
        ran_until,
    };
    let watch = WatchReader::new(watched, settings);
    settings::note(&store, &config, clock.received_at())?;
    let indexer = indexer(&config, &store);
    let search = indexer.search();
    let index = IndexReader::new(store.clone(), indexer, writer.clone(), names)?;
    let index = index.traced(telemetry.tracer.clone());
    settings::apply_levels(&store, &telemetry)?;
    let first_password = first_user::make(&store, &config.data_dir, clock.received_at(), demo)?;
    tracing::info!(
        entries = store.size().0,
        events = store.events(),
        read_again_for_detection = detect.read_again(),
        not_counted_yet = store.size().0.saturating_sub(count.progress().position().0),
        dead_letters = store.dead_letters_waiting()?,
        last_ran_until = %ran_until.timestamp(),
        millis = began.elapsed().as_millis() as u64,
        "the log is open"
    );
    let app = Arc::new(Appliance {
        disk,
        rates: RateLimits::default(),
        admission: Admission::new(config.intake.queue_bytes_max),
        keeping: KeepingBudget::default(),
        notifier,
        deliveries: deliver.board(),
        detected: detect.progress(),
        counted: count.progress(),
        sealed: seal.progress(),
        indexed: index.progress(),
        search,
        signer,
        key_change: tokio::sync::Mutex::new(()),
        log_check: Arc::default(),
        detect_stats: detect.stats(),
        telemetry,
        answered: Answered::default(),
        throughput: Throughput::default(),
        health: HealthBoard::default(),
        unbooked: Mutex::default(),
        sign_ins: SignIns::default(),
        hashing: Semaphore::new(HASHING_MAX),
        sign_in_queue: Semaphore::new(SIGN_INS_WAITING_MAX),
        previews: Previews::default(),
        listings: Semaphore::new(LISTINGS_MAX),
        exports: Exports::default(),
        live: LiveStreams::default(),
        started: Instant::now(),
        config,
        store,
        writer,
        counters,
        keyring,
        clock,
        demo,
    });
    Ok(Opened { app, writer_task, detect, count, seal, scrub, watch, index, deliver, first_password })
}

/// What writes the search index of that log.
pub fn indexer(config: &Config, store: &Store) -> Indexer {
    let place = Place::Directory(config.data_dir.join(INDEX_DIR));
    Indexer::new(place, store.log_id(), config.search.memory_bytes)
}

/// What sends to the targets of the settings.
pub fn open_notifier(config: &Config) -> Result<Arc<Notifier>, AppError> {
    let notify = &config.notify;
    Notifier::new(notify.targets.clone(), notify.policy.clone(), notify.link_base(config.listen))
        .map_err(AppError::Notify)
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
    let exporting = tokio::spawn(service::export(app.clone(), export_stop.clone()));
    let mut prober = Prober::new(&app);
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
    // What telemetry is left after that is counted as lost.
    drop(tokio::time::timeout(EXPORT_GOODBYE, exporting).await);
    ended
}

/// Lets the readers finish while the writer still takes their last work, then the writer.
async fn finish(mut parts: Parts, app: App, failed: Option<AppError>) -> Result<(), AppError> {
    if let Some(failed) = failed {
        return Err(the_cause(failed, parts).await);
    }
    while parts.len() > 1 {
        if let Some(Ok(Err(error))) = parts.join_next().await {
            return Err(the_cause(error, parts).await);
        }
    }
    // The last of the books; where that fails, the writer's own error says more.
    let _stopped = app.book().await;
    app.writer.stop().await;
    match parts.join_next().await {
        Some(Ok(Err(error))) => Err(error),
        _ => {
            tracing::info!(entries = app.store.size().0, "stopped; everything is committed");
            Ok(())
        }
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

/// Why a part ended that should have run on.
fn fate(ended: Result<Result<&'static str, AppError>, tokio::task::JoinError>) -> AppError {
    match ended {
        Ok(Ok(part)) => AppError::Ended(part),
        Ok(Err(error)) => error,
        Err(_) => AppError::Ended("a part that panicked"),
    }
}

/// The disk under the log.
fn disk(store: &Store, config: &Config) -> Disk {
    let health = &config.health;
    let limits = DiskLimits {
        warn_percent: health.disk_warn_percent,
        alert_percent: health.disk_alert_percent,
        refuse_percent: health.disk_critical_percent,
        reserve_bytes: health.disk_reserve_bytes,
    };
    store.path().map_or_else(Disk::boundless, |path| Disk::of(path, limits))
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
