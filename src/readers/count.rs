//! The count reader: folds the log into the counters.
//!
//! The counters can be made again at any time, so their own trouble never ends the process: they are begun anew.

use super::backoff::Backoff;
use super::failing::{Failing, trip};
use super::progress::{Progress, ReaderError};
use super::thread::StepThread;
use super::{ROOM_LOOKED_FOR_EVERY, STRETCH_BYTES, observe, pause, sleep_until};
use crate::counters::{Counters, CountersError, Tally};
use crate::decode;
use crate::ingest::Writer;
use crate::model::{Entry, EntryKind, Seq, organization_of};
use crate::routing::Retry;
use crate::store::{Steps, Store, StoreError};
use crate::telemetry::{Step, Tracer};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long what was counted may wait until it is brought to disk. What a kill takes is counted again.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// The name of this reader in dead letters.
const READER: &str = "count";

/// Reads the log for the counters. Runs as long as the appliance.
pub struct CountReader {
    writer: Writer,
    committed: watch::Receiver<Seq>,
    progress: Progress,
    backoff: Backoff,
    thread: StepThread,
    work: Work,
}

/// What may block.
struct Work {
    store: Arc<Store>,
    counters: Arc<Counters>,
    position: Seq,
    failing: Failing,
    /// Since when something waits to be brought to disk.
    waiting_since: Option<Instant>,
    /// Whether the counters are to be begun anew.
    is_broken: bool,
    tracer: Tracer,
}

/// What went wrong in a step.
enum Trouble {
    Log(StoreError),
    Counters(CountersError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Log(error)
    }
}

impl From<CountersError> for Trouble {
    fn from(error: CountersError) -> Trouble {
        Trouble::Counters(error)
    }
}

impl CountReader {
    /// Goes on from where the counters are.
    pub fn new(
        store: Arc<Store>,
        counters: Arc<Counters>,
        writer: Writer,
    ) -> Result<CountReader, ReaderError> {
        let (position, committed) = (counters.position()?, writer.committed());
        let failing = Failing::resume(READER, counters.uncounted()?, &store)?;
        let progress = Progress::at(position);
        let (waiting_since, is_broken, tracer) = (None, false, Tracer::default());
        let work = Work { store, counters, position, failing, waiting_since, is_broken, tracer };
        let (backoff, thread) = (Backoff::default(), StepThread::new(READER)?);
        Ok(CountReader { writer, committed, progress, backoff, thread, work })
    }

    /// The same with other pauses after it failed.
    pub fn retrying(self, retry: Retry) -> CountReader {
        CountReader { backoff: Backoff::new(retry), ..self }
    }

    /// The same with its steps traced.
    pub fn traced(mut self, tracer: Tracer) -> CountReader {
        self.work.tracer = tracer;
        self
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Follows the log until told to stop; then brings to disk what is left.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ReaderError> {
        self.tell().await?;
        while !stop.is_cancelled() {
            let size = *self.committed.borrow_and_update();
            let flush = self.work.waiting_since.map(|since| since + FLUSH_EVERY);
            let wants_room = self.work.is_broken || self.work.position < size || flush.is_some();
            if wants_room && !self.writer.has_room() {
                // An error would have the counters begun anew; so they wait, and answer with what they have.
                pause(ROOM_LOOKED_FOR_EVERY, &stop).await;
            } else if self.work.is_broken || self.work.position < size {
                let trouble;
                (self, trouble) = self.make(Work::step).await?;
                if let Some(wait) = trouble {
                    pause(wait, &stop).await;
                }
            } else {
                tokio::select! {
                    () = stop.cancelled() => {}
                    changed = self.committed.changed() => changed.map_err(|_| ReaderError::Stopped)?,
                    () = sleep_until(flush) => (self, _) = self.make(Work::flush).await?,
                }
            }
        }
        if !self.work.is_broken && self.writer.has_room() {
            self.make(Work::flush).await?;
        }
        Ok(())
    }

    /// Does that, and tells of it; answers for how long to leave the counters alone, where they were in trouble.
    async fn make(
        mut self,
        step: fn(&mut Work) -> Result<(), Trouble>,
    ) -> Result<(CountReader, Option<Duration>), ReaderError> {
        let trouble;
        (self.work, trouble) = self.thread.step(self.work, step).await;
        match trouble {
            Ok(()) => {
                self.tell().await?;
                self.progress.advance(self.work.position);
                self.backoff.succeeded();
                Ok((self, None))
            }
            Err(Trouble::Log(error)) => Err(error.into()),
            Err(Trouble::Counters(error)) => {
                let wait = self.backoff.failed();
                tracing::error!(%error, "the counters cannot be written; in {} ms they are begun anew and filled from the log", wait.as_millis());
                self.work.is_broken = true;
                Ok((self, Some(wait)))
            }
        }
    }

    /// Enters what became of steps that failed. The counters know it already: what a kill keeps from being entered here is
    /// at the next start.
    async fn tell(&mut self) -> Result<(), ReaderError> {
        let steps = self.work.failing.news();
        if !steps.is_empty() {
            self.writer.commit_in_time(move |txn| txn.enter_steps(READER, &steps)).await?;
        }
        Ok(())
    }
}

impl Work {
    /// Counts about one stretch of the log, after the counters were begun anew if that is due.
    fn step(&mut self) -> Result<(), Trouble> {
        if self.is_broken {
            self.begin_anew()?;
        }
        let (from, began) = (self.position, std::time::Instant::now());
        let done = self.count_stretch();
        let failed = done.is_err() || !self.failing.untold().failed.is_empty();
        super::traced(&self.tracer, Step::Count, (from, self.position), began, failed);
        done?;
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= FLUSH_EVERY { self.flush() } else { Ok(()) }
    }

    fn count_stretch(&mut self) -> Result<(), Trouble> {
        let mut tally = Tally::default();
        for block in self.store.blocks_from(self.position, STRETCH_BYTES)? {
            for read in block.entries_from(self.position) {
                if let Ok(stored) = read {
                    self.take(&stored.entry, &mut tally)?;
                }
                self.position = self.position.next();
            }
        }
        let Steps { failed, done } = self.failing.untold();
        tally.uncounted.extend(failed.iter().map(|step| (step.seq.0, true)));
        tally.uncounted.extend(done.iter().map(|seq| (seq.0, false)));
        Ok(self.counters.apply(&tally, self.position)?)
    }

    fn begin_anew(&mut self) -> Result<(), Trouble> {
        self.counters.begin_anew()?;
        self.failing = Failing::resume(READER, BTreeSet::new(), &self.store)?;
        (self.position, self.waiting_since, self.is_broken) = (Seq(0), None, false);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        self.waiting_since = None;
        Ok(self.counters.flush()?)
    }

    fn take(&mut self, entry: &Entry, tally: &mut Tally) -> Result<(), StoreError> {
        self.failing.run(entry.seq, || count(entry, tally));
        let Some(asked) = observe::dead_letters_asked(entry) else { return Ok(()) };
        if !asked.again {
            tally.uncounted.extend(self.failing.give_up(&asked.ids).iter().map(|seq| (seq.0, false)));
            return Ok(());
        }
        for seq in self.failing.own(&asked.ids) {
            if let Some(Ok(stored)) = self.store.entry(seq)? {
                self.failing.run_again(seq, || count(&stored.entry, tally));
            }
        }
        Ok(())
    }
}

fn count(entry: &Entry, tally: &mut Tally) {
    match entry.kind {
        EntryKind::Event => {
            if let Ok(event) = decode::stored(&entry.body, entry.received_at) {
                trip(READER, &event.action);
                tally.event(entry, event.status, organization_of(entry, &event), event.key());
                event.source_seq.into_iter().for_each(|number| tally.number(entry.source, number));
            }
        }
        EntryKind::Activity => {
            if let Ok(activity) = serde_json::from_slice(&entry.body) {
                tally.activity(&activity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activity, ReceivedAt};
    use crate::store::Options;

    #[test]
    fn counters_that_are_begun_anew_count_the_whole_log_once() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path(), Options::default(), ReceivedAt(1)).expect("a new log");
        let mut txn = store.begin(ReceivedAt(2)).expect("the disk works");
        let activity = Activity::SignInFailed { name: "ana".to_owned(), address: "::1".to_owned() };
        txn.append_activity(&activity).expect("the disk works");
        txn.commit().expect("the disk works");
        let counters = Counters::open(&dir.path().join("counters"), &store.log_id(), store.size());
        let (store, counters) = (Arc::new(store), Arc::new(counters.expect("a new directory").0));
        let failing = Failing::resume(READER, BTreeSet::new(), &store).expect("the disk works");
        let mut work = Work {
            store,
            counters: counters.clone(),
            position: Seq(0),
            failing,
            waiting_since: None,
            is_broken: false,
            tracer: Tracer::default(),
        };
        for is_broken in [false, true, true] {
            work.is_broken = is_broken;
            assert!(work.step().is_ok_and(|()| work.flush().is_ok()), "the disk works");
            assert_eq!(counters.total("sign_ins_failed").expect("open"), 1);
            assert_eq!(counters.position().expect("open"), work.store.size());
        }
    }
}
