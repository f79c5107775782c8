//! The watch: looks after the appliance itself and its sources, and enters in the log what has changed.

mod books;
mod dead_letters;
mod disk;
mod silence;
mod targets;
#[cfg(test)]
mod tests;

use super::deliver::DeliveryBoard;
use super::progress::{Progress, ReaderError};
use crate::counters::Counters;
use crate::detect;
use crate::ingest::{Clock, ClockWatch, Disk, Writer};
use crate::keys::Keyring;
use crate::model::{Activity, DiskState, Pattern, ReceivedAt, SourceId};
use crate::store::{Store, StoreError};
use silence::Silences;
pub use silence::is_silent;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// From one round to the next.
const ROUND_EVERY: Duration = Duration::from_secs(5);
/// Rounds from one look at the books to the next.
const BOOKS_EVERY: u64 = 12;
/// How long a round waits for the counters to come to the end of the log.
const COUNTERS_PATIENCE: Duration = Duration::from_secs(2);

/// What the watch is told.
#[derive(Clone, Debug)]
pub struct WatchSettings {
    /// From how long a jump of the clock on it is an entry.
    pub clock_jump: Duration,
    /// For how long a source may be silent, by its name.
    pub silence: BTreeMap<String, Duration>,
    /// How many dead letters may wait.
    pub dead_letters_max: u64,
    /// For how long dead letters are kept.
    pub dead_letters_kept: Duration,
    /// The names of the notification targets.
    pub targets: Vec<String>,
    /// For how long a target must have failed before that is an entry.
    pub broken_after: Duration,
    /// Until when the appliance ran before it was started.
    pub ran_until: ReceivedAt,
}

/// What the watch looks at.
pub struct Watched {
    /// The log.
    pub store: Arc<Store>,
    /// Enters what was noticed.
    pub writer: Writer,
    /// Knows when each source sent last.
    pub counters: Arc<Counters>,
    /// How far the counters have come.
    pub counted: Progress,
    /// How the notification targets are.
    pub deliveries: DeliveryBoard,
    /// The disk that holds the log.
    pub disk: Disk,
    /// The time.
    pub clock: Clock,
    /// The keys in force.
    pub keys: Box<dyn Fn() -> Arc<Keyring> + Send + Sync>,
}

/// Looks at everything in rounds. Runs as long as the appliance.
pub struct WatchReader {
    watched: Watched,
    settings: WatchSettings,
    clock: ClockWatch,
    silences: Silences,
    rounds: u64,
}

impl WatchReader {
    /// Goes on from what the store remembers as noticed.
    pub fn new(watched: Watched, settings: WatchSettings) -> WatchReader {
        let began = watched.clock.received_at();
        let silences = Silences::new(settings.silence.clone(), settings.ran_until, began);
        let clock = ClockWatch::new(watched.clock.wall(), Instant::now());
        WatchReader { watched, settings, clock, silences, rounds: 0 }
    }

    /// Looks at everything now and then, until told to stop.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ReaderError> {
        // Not before: a demonstration lets its clock run through a day first.
        self.clock = ClockWatch::new(self.watched.clock.wall(), Instant::now());
        loop {
            self.round(Instant::now()).await?;
            tokio::select! {
                () = tokio::time::sleep(ROUND_EVERY) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// One look at everything; `steady` is the time of the clock that only runs forward.
    async fn round(&mut self, steady: Instant) -> Result<(), ReaderError> {
        // Beside the other clock's, before anything that takes time.
        let wall = self.watched.clock.wall();
        // While nothing is written nothing can be entered, and there is nothing to see but that.
        if self.watched.disk.state() == DiskState::Spent {
            return Ok(());
        }
        let jump = self.clock.jump(wall, steady);
        if jump.unsigned_abs() >= self.settings.clock_jump {
            let by_ms = i64::try_from(jump.as_millis()).unwrap_or(i64::MAX);
            tracing::warn!(by_ms, "the host's clock jumped; check its time synchronisation");
            let activity = Activity::ClockJumped { by_ms };
            self.watched.writer.commit_in_time(move |txn| txn.append_activity(&activity)).await?;
        }
        let noticed = self.watched.store.noticed()?;
        let mut changes: Vec<Change> = Vec::new();
        changes.extend(disk::change(&self.watched.disk, &noticed));
        if !self.settings.silence.is_empty() {
            changes.extend(self.look_for_silence(&noticed).await?);
        }
        if self.rounds.is_multiple_of(BOOKS_EVERY) {
            let keys = (self.watched.keys)();
            let name = |source: SourceId| keys.name(source);
            changes.extend(books::changes(&self.watched.store.accounts()?, name, &noticed));
        }
        let waiting = self.watched.store.dead_letters_waiting()?;
        changes.extend(dead_letters::change(waiting, self.settings.dead_letters_max, &noticed));
        if waiting > 0 && self.rounds.is_multiple_of(BOOKS_EVERY) {
            let kept = u64::try_from(self.settings.dead_letters_kept.as_nanos()).unwrap_or(u64::MAX);
            let before = ReceivedAt(self.watched.clock.received_at().0.saturating_sub(kept));
            self.watched.writer.commit_in_time(move |txn| txn.archive_dead_letters(before)).await?;
        }
        changes.extend(self.look_at_targets(&noticed).await?);
        self.rounds += 1;
        for Change { about, how, activity } in changes {
            let enter = move |txn: &mut crate::store::Txn<'_>| txn.notice(&about, how.as_deref(), &activity);
            self.watched.writer.commit_in_time(enter).await?;
        }
        Ok(())
    }

    async fn look_at_targets(&self, noticed: &Noticed) -> Result<Vec<Change>, ReaderError> {
        let Watched { store, deliveries, clock, .. } = &self.watched;
        let looks = self.settings.targets.iter().map(|name| {
            let (status, given_up) = (deliveries.status(name), store.given_up(name)?);
            let alert = store.newest_of(&detect::fingerprint(Pattern::Undelivered, None, name))?;
            Ok(targets::Look {
                name: name.clone(),
                status,
                given_up,
                unheard_from: targets::unheard_from(alert),
            })
        });
        let looks: Vec<targets::Look> = looks.collect::<Result<_, StoreError>>()?;
        for (about, how) in targets::lowered(&looks, noticed) {
            let remember = move |txn: &mut crate::store::Txn<'_>| txn.remember_noticed(&about, &how);
            self.watched.writer.commit_in_time(remember).await?;
        }
        let changes = targets::changes(&looks, self.settings.broken_after, clock.received_at(), noticed);
        for change in &changes {
            // The alert goes by way of the other targets. Where there is none, this is how it is heard of.
            if let Activity::TargetBroken { target, reason, .. } = &change.activity {
                tracing::error!(%target, %reason, "notifications do not reach a target; see /notifications");
            }
        }
        Ok(changes)
    }

    async fn look_for_silence(&self, noticed: &Noticed) -> Result<Vec<Change>, ReaderError> {
        let Watched { store, counters, counted, clock, keys, .. } = &self.watched;
        // What was sent and is not counted yet would look like silence.
        if !counted.reaches(store.size(), COUNTERS_PATIENCE).await {
            return Ok(Vec::new());
        }
        // The count reader says so, and begins them anew.
        let Ok(seen) = counters.last_seen() else { return Ok(Vec::new()) };
        let keys = keys();
        let seen = seen.into_iter().map(|(source, at)| (keys.name(source), at)).collect();
        Ok(self.silences.changes(&seen, clock.received_at(), noticed))
    }
}

/// What was noticed before, as the store has it.
type Noticed = BTreeMap<String, Vec<u8>>;

/// Something that is otherwise than when it was last noticed.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    about: String,
    /// How it is; `None` is as it should be.
    how: Option<Vec<u8>>,
    activity: Activity,
}
