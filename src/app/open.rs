//! Opens everything under the data directory, and wires it.

use super::first_user::{self, FirstPassword};
use super::ground::Ground;
use super::log_key::open as open_log_key;
use super::{AppError, settings};
use crate::config::Config;
use crate::counters::{Counters, Opening};
use crate::ingest::{
    Admission, Clock, Disk, DiskLimits, KeepingBudget, Limits, RateLimits, Writer, WriterTask,
};
use crate::notify::Notifier;
use crate::readers::{
    CountReader, DeliverReader, DetectReader, IndexReader, ScrubReader, SealReader, SourceNames, WatchReader,
    Watched,
};
use crate::search::{INDEX_DIR, Indexer, Place};
use crate::store::{FORMAT_VERSION, Options, Store};
use crate::telemetry::Telemetry;
use crate::web::{
    Answered, App, Appliance, Exports, HealthBoard, LiveStreams, Previews, SharedKeyring, SignIns, Throughput,
};
use jiff::SignedDuration;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::Semaphore;

/// Argon2 runs at once; one, so that guesses at a password have their turn one after the other.
const HASHING_MAX: usize = 1;
/// Sign-ins that may wait for it.
const SIGN_INS_WAITING_MAX: usize = 64;
/// Large bodies that are taken apart at once, for each processor.
const BODIES_PER_PROCESSOR: usize = 2;
/// Listings at once.
const LISTINGS_MAX: usize = 4;

/// An appliance that is opened and wired, but does not answer yet.
pub struct Opened {
    pub(super) app: App,
    pub(super) writer_task: WriterTask,
    pub(super) detect: DetectReader,
    pub(super) count: CountReader,
    pub(super) seal: SealReader,
    pub(super) scrub: ScrubReader,
    pub(super) index: IndexReader,
    pub(super) deliver: DeliverReader,
    pub(super) watch: WatchReader,
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
    let counters = open_counters(&store, &config)?;
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
    let names: SourceNames = {
        let keyring = keyring.clone();
        Arc::new(move |source| keyring.get().name(source))
    };
    let notifier = open_notifier(&config)?;
    let signer = Arc::new(open_log_key(&store, &config, clock.received_at())?);
    let ground = Ground {
        store: &store,
        writer: &writer,
        clock: &clock,
        config: &config,
        tracer: &telemetry.tracer,
        routing: Arc::new(config.notify.routing.clone()),
    };
    let detect = ground.detect(names.clone())?;
    let deliver = ground.deliver(notifier.clone());
    let count = ground.count(counters.clone())?;
    let seal = ground.seal(signer.clone())?;
    let scrub = ground.scrub(demo);
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
    let targets = notifier.targets().map(|target| target.name.clone()).collect();
    let watch = ground.watch(watched, targets, ran_until);
    settings::note(&store, &config, clock.received_at())?;
    let indexer = indexer(&config, &store);
    let search = indexer.search();
    let index = ground.index(indexer, names)?;
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
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
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
        listings: Arc::new(Semaphore::new(LISTINGS_MAX)),
        taking_apart: Arc::new(Semaphore::new(BODIES_PER_PROCESSOR * processors)),
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

/// The counters, and a message where they are to be filled again.
fn open_counters(store: &Store, config: &Config) -> Result<Arc<Counters>, AppError> {
    let dir = config.data_dir.join("counters");
    let (counters, opening) = Counters::open(&dir, &store.log_id(), store.size())?;
    match opening {
        Opening::SetAside(why) => {
            tracing::warn!(%why, "the counters were set aside as counters.damaged; they are filled from the log again");
        }
        Opening::New if store.events() > 0 => {
            tracing::warn!("there were no counters; they are filled from the log");
        }
        Opening::New | Opening::Kept => {}
    }
    Ok(Arc::new(counters))
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
