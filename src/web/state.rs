//! What every handler can reach.

use super::export::Exports;
use super::health::HealthBoard;
use super::live::LiveStreams;
use super::performance::Throughput;
use crate::config::Config;
use crate::counters::Counters;
use crate::detect::EngineStats;
use crate::ingest::{Admission, Clock, Disk, KeepingBudget, RateLimits, Refused, Writer};
use crate::keys::{Keyring, LogSigner};
use crate::model::{ReceivedAt, SourceId};
use crate::notify::Notifier;
use crate::readers::{DeliveryBoard, Progress};
use crate::search::Search;
use crate::store::{Account, Store, StoreError, Txn};
use crate::telemetry::Telemetry;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use tokio::sync::Semaphore;

/// The running appliance as the face of it sees it. One value, shared by all requests.
pub struct Appliance {
    /// The settings.
    pub config: Config,
    /// The truth.
    pub store: Arc<Store>,
    /// The one way to change it.
    pub writer: Writer,
    /// The disk that holds the log.
    pub disk: Disk,
    /// What each source may still send, where that is bounded.
    pub rates: RateLimits,
    /// Room for what is being taken in.
    pub admission: Admission,
    /// How much of what was refused may still be kept as evidence.
    pub keeping: KeepingBudget,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// Finds events.
    pub search: Arc<Search>,
    /// Signs the log's checkpoints.
    pub signer: Arc<LogSigner>,
    /// Held while the log's key is replaced: one change at a time.
    pub key_change: tokio::sync::Mutex<()>,
    /// Held while the log is checked because someone asked: one check at a time.
    pub log_check: Arc<tokio::sync::Mutex<()>>,
    /// The API keys in force.
    pub keyring: SharedKeyring,
    /// The time.
    pub clock: Clock,
    /// Sends to the targets of the settings.
    pub notifier: Arc<Notifier>,
    /// How those targets are.
    pub deliveries: DeliveryBoard,
    /// How far detection has come.
    pub detected: Progress,
    /// How far counting has come.
    pub counted: Progress,
    /// How far the newest checkpoint reaches.
    pub sealed: Progress,
    /// How far what can be found reaches.
    pub indexed: Progress,
    /// How full the windows are.
    pub detect_stats: Arc<Mutex<EngineStats>>,
    /// Messages, traces and the times of the steps.
    pub telemetry: Telemetry,
    /// How many requests were answered in what way.
    pub answered: Answered,
    /// How much is taken in.
    pub throughput: Throughput,
    /// How the parts are.
    pub health: HealthBoard,
    /// Books of requests that made no commit, entered with the next one.
    pub unbooked: Mutex<HashMap<SourceId, Account>>,
    /// Failed sign-ins, so that guessing is slow.
    pub sign_ins: super::auth::SignIns,
    /// Argon2 runs at once: each takes 19 MiB.
    pub hashing: Semaphore,
    /// Sign-ins that may wait for their turn.
    pub sign_in_queue: Semaphore,
    /// The one preview of settings at a time.
    pub previews: super::patterns::Previews,
    /// Listings at once: each reads much, and holds a thread while it does.
    pub listings: Arc<Semaphore>,
    /// Large bodies taken apart at once: more would only share the processors, and each takes memory.
    pub taking_apart: Arc<Semaphore>,
    /// The exports that are under way.
    pub exports: Exports,
    /// The answers that go on for as long as somebody looks.
    pub live: LiveStreams,
    /// Whether this is the demonstration, where whoever comes from this host is signed in.
    pub demo: bool,
    /// When the process began.
    pub started: std::time::Instant,
}

/// Answers by the first digit of their status.
#[derive(Debug, Default)]
pub struct Answered([AtomicU64; 5]);

impl Answered {
    /// The names of the classes, in order.
    pub const CLASSES: [&'static str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

    /// Counts one.
    pub fn record(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.0[class].fetch_add(1, Ordering::Relaxed);
    }

    /// Each class with its answers.
    pub fn counts(&self) -> [(&'static str, u64); 5] {
        std::array::from_fn(|at| (Answered::CLASSES[at], self.0[at].load(Ordering::Relaxed)))
    }
}

/// What handlers take as their state.
pub type App = Arc<Appliance>;

/// The keys in force, replaced as a whole.
#[derive(Clone, Default)]
pub struct SharedKeyring(Arc<RwLock<Arc<Keyring>>>);

impl SharedKeyring {
    /// The keys as they are now.
    pub fn get(&self) -> Arc<Keyring> {
        self.0.read().expect("no holder of this lock panics").clone()
    }

    /// Reads the keys from the store again.
    pub fn reload(&self, store: &Store, config: &Config) -> Result<(), StoreError> {
        // Read under the lock: of two reloads the later one must not be overtaken by what the earlier one had
        // read.
        let mut ring = self.0.write().expect("no holder of this lock panics");
        *ring = Arc::new(Keyring::new(store.keys()?, config.integrity.signing_secret.as_ref()));
        Ok(())
    }
}

impl Appliance {
    /// Runs `read` where it may block: the store and the counters are synchronous.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Appliance) -> T + Send + 'static,
    ) -> T {
        let (app, span) = (self.clone(), tracing::Span::current());
        tokio::task::spawn_blocking(move || span.in_scope(|| read(&app)))
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// The same for what may have to read much: a few at a time, the others wait.
    pub async fn list<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Appliance) -> T + Send + 'static,
    ) -> T {
        self.read_in_turn(&self.listings, read).await
    }

    /// The same in one of a number of turns, which ends with the work, also where nobody waits for it any more.
    pub async fn read_in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        turns: &Arc<Semaphore>,
        read: impl FnOnce(&Appliance) -> T + Send + 'static,
    ) -> T {
        let turn = turns.clone().acquire_owned().await.expect("the semaphore is never closed");
        self.read(move |app| {
            let _turn = turn;
            read(app)
        })
        .await
    }

    /// The host's time, or that of the newest entry where the clock went back behind it. Sessions are
    /// measured by it.
    pub fn now_received(&self) -> ReceivedAt {
        self.clock.received_at().max(self.store.last_received_at())
    }

    /// How many events the source of that name may send in a second; 0 does not bound them.
    pub fn events_per_sec_max(&self, source: &str) -> u32 {
        let own = self.config.sources.events_per_sec_max.get(source);
        own.copied().unwrap_or(self.config.intake.events_per_sec_max)
    }

    /// Enters into the books what is still to be entered. For when nothing else is committed.
    pub async fn book(&self) -> Result<(), Refused> {
        let unbooked = self.take_unbooked();
        if unbooked.is_empty() {
            return Ok(());
        }
        let enter = move |txn: &mut Txn<'_>| {
            unbooked.into_iter().try_for_each(|(source, account)| txn.account(source, account))
        };
        self.writer.commit_in_time(enter).await
    }

    /// Enters what a request brought that made no commit.
    pub fn book_later(&self, source: SourceId, account: Account) {
        let mut unbooked = self.unbooked.lock().expect("no holder of this lock panics");
        let sum = unbooked.entry(source).or_default();
        *sum = sum.plus(account);
    }

    /// Takes what is still to be booked.
    pub fn take_unbooked(&self) -> HashMap<SourceId, Account> {
        std::mem::take(&mut *self.unbooked.lock().expect("no holder of this lock panics"))
    }

    /// The books of all sources together.
    pub fn books(&self) -> Result<Account, StoreError> {
        Ok(self.accounts()?.into_values().fold(Account::default(), Account::plus))
    }

    /// The books of every source, with what is still to be entered.
    pub fn accounts(&self) -> Result<HashMap<SourceId, Account>, StoreError> {
        let mut accounts = self.unbooked.lock().expect("no holder of this lock panics").clone();
        for (source, account) in self.store.accounts()? {
            let sum = accounts.entry(source).or_default();
            *sum = sum.plus(account);
        }
        Ok(accounts)
    }
}
