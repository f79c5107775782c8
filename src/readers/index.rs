//! The index reader: puts the events of the log into the search index.
//!
//! The index can be made again at any time, so its own trouble never ends the process: it is told once, and
//! after a pause, longer each time, the index is opened again, or begun anew.

use super::backoff::Backoff;
use super::failing::{Failing, trip};
use super::progress::{Progress, ReaderError};
use super::thread::StepThread;
use super::{ROOM_LOOKED_FOR_EVERY, STRETCH_BYTES, SourceNames, observe, pause, sleep_until};
use crate::decode;
use crate::ingest::Writer;
use crate::model::{Entry, EntryKind, ReceivedAt, Seq};
use crate::routing::Retry;
use crate::search::{Indexer, Opening, Search, SearchError, SearchState, Wanted};
use crate::search_text::Document;
use crate::store::{Steps, Store, StoreError};
use crate::telemetry::{Step, Tracer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long what was added may wait until it is found. A commit takes some tens of milliseconds, and twice
/// this must stay below the two seconds that an event may wait in all.
const COMMIT_EVERY: Duration = Duration::from_millis(800);
/// The same while the index is made and answers nobody: fewer commits make larger pieces, which is quicker.
const COMMIT_EVERY_MAKING: Duration = Duration::from_secs(3);
/// The name of this reader in dead letters.
const READER: &str = "index";

/// Reads the log for the search. Runs as long as the appliance.
pub struct IndexReader {
    writer: Writer,
    committed: watch::Receiver<Seq>,
    progress: Progress,
    search: Arc<Search>,
    backoff: Backoff,
    thread: StepThread,
    work: Work,
}

/// What may block.
struct Work {
    store: Arc<Store>,
    indexer: Indexer,
    names: SourceNames,
    failing: Failing,
    /// What somebody decided about dead letters before this entry was done before.
    decisions_from: Seq,
    /// The first entry that was not added; `None` as long as the index is not open.
    position: Option<Seq>,
    /// Since when something waits for its commit.
    waiting_since: Option<Instant>,
    committed_at: Option<Instant>,
    progress: Progress,
    tracer: Tracer,
}

/// What went wrong in a step.
enum Trouble {
    Log(StoreError),
    Index(SearchError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Log(error)
    }
}

impl From<SearchError> for Trouble {
    fn from(error: SearchError) -> Trouble {
        Trouble::Index(error)
    }
}

impl IndexReader {
    /// A reader that opens the index when it runs.
    pub fn new(
        store: Arc<Store>,
        indexer: Indexer,
        writer: Writer,
        names: SourceNames,
    ) -> Result<IndexReader, ReaderError> {
        let progress = Progress::at(Seq(0));
        let (search, committed) = (indexer.search(), writer.committed());
        let work = Work::new(store, indexer, names, progress.clone())?;
        let (backoff, thread) = (Backoff::default(), StepThread::new(READER)?);
        Ok(IndexReader { writer, committed, progress, search, backoff, thread, work })
    }

    /// The same with other pauses after it failed.
    pub fn retrying(self, retry: Retry) -> IndexReader {
        IndexReader { backoff: Backoff::new(retry), ..self }
    }

    /// The same with its steps traced.
    pub fn traced(mut self, tracer: Tracer) -> IndexReader {
        self.work.tracer = tracer;
        self
    }

    /// How far what can be found has come.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Follows the log until told to stop; then commits what is left.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ReaderError> {
        while !stop.is_cancelled() {
            let size = *self.committed.borrow_and_update();
            let is_behind = self.work.position.is_none_or(|position| position < size);
            let due = self.work.waiting_since.map(|since| since + COMMIT_EVERY);
            if (is_behind || due.is_some()) && !self.writer.has_room() {
                pause(ROOM_LOOKED_FOR_EVERY, &stop).await;
            } else if is_behind {
                let trouble;
                (self, trouble) = self.make(Work::step).await?;
                if let Some(wait) = trouble {
                    pause(wait, &stop).await;
                }
            } else {
                let search = self.search.clone();
                tokio::select! {
                    () = stop.cancelled() => {}
                    changed = self.committed.changed() => changed.map_err(|_| ReaderError::Stopped)?,
                    () = search.asked() => (self, _) = self.make(Work::step).await?,
                    () = sleep_until(due) => (self, _) = self.make(Work::commit).await?,
                }
            }
        }
        if self.work.waiting_since.is_some() && self.writer.has_room() {
            let (_, trouble) = self.thread.step(self.work, Work::commit).await;
            // What could not be committed is read again at the next start.
            drop(trouble);
        }
        Ok(())
    }

    /// Does that, and tells of it; answers for how long to leave the index alone, where it was in trouble.
    async fn make(
        mut self,
        step: fn(&mut Work) -> Result<(), Trouble>,
    ) -> Result<(IndexReader, Option<Duration>), ReaderError> {
        let done;
        (self.work, done) = self.thread.step(self.work, step).await;
        let wait = self.wait_after(done)?;
        if wait.is_some() {
            return Ok((self, wait));
        }
        // A failure is entered before the index passes over the entry for good, a success once the index has it: a kill
        // in between tries once more and loses nothing.
        let Steps { failed, done } = self.work.failing.news();
        self.enter(Steps { failed, done: Vec::new() }).await?;
        if done.is_empty() {
            return Ok((self, None));
        }
        let committed;
        (self.work, committed) = self.thread.step(self.work, Work::commit).await;
        let wait = self.wait_after(committed)?;
        if wait.is_none() {
            self.enter(Steps { failed: Vec::new(), done }).await?;
        }
        Ok((self, wait))
    }

    async fn enter(&self, steps: Steps) -> Result<(), ReaderError> {
        if !steps.is_empty() {
            self.writer.commit_in_time(move |txn| txn.enter_steps(READER, &steps)).await?;
        }
        Ok(())
    }

    /// How long to wait where the index was in trouble; the log's own ends the process.
    fn wait_after(&mut self, done: Result<(), Trouble>) -> Result<Option<Duration>, ReaderError> {
        match done {
            Ok(()) => {
                self.backoff.succeeded();
                Ok(None)
            }
            Err(Trouble::Log(error)) => Err(error.into()),
            Err(Trouble::Index(error)) => {
                let wait = self.backoff.failed();
                tracing::error!(%error, "the search index cannot be written; it is tried again in {} ms", wait.as_millis());
                self.work.position = None;
                self.work.waiting_since = None;
                Ok(Some(wait))
            }
        }
    }
}

impl Work {
    fn new(
        store: Arc<Store>,
        indexer: Indexer,
        names: SourceNames,
        progress: Progress,
    ) -> Result<Work, StoreError> {
        let mut failing = Failing::restore(READER, &store)?;
        failing.restored();
        let (position, waiting_since, committed_at) = (None, None, None);
        let decisions_from = store.size();
        Ok(Work {
            store,
            indexer,
            names,
            failing,
            decisions_from,
            position,
            waiting_since,
            committed_at,
            progress,
            tracer: Tracer::default(),
        })
    }

    /// Opens the index if it is not, and adds about one stretch of the log to it.
    fn step(&mut self) -> Result<(), Trouble> {
        let (position, began) = (self.opened()?, std::time::Instant::now());
        let done = self.add_stretch(position);
        let failed = done.is_err() || !self.failing.untold().failed.is_empty();
        super::traced(
            &self.tracer,
            Step::Index,
            (position, self.position.unwrap_or(position)),
            began,
            failed,
        );
        done
    }

    fn add_stretch(&mut self, position: Seq) -> Result<(), Trouble> {
        let mut next = position;
        for block in self.store.blocks_from(position, STRETCH_BYTES)? {
            for read in block.entries_from(next) {
                if let Ok(stored) = read {
                    self.take(&stored.entry)?;
                }
                next = next.next();
            }
        }
        self.position = Some(next);
        if next == position {
            return Ok(());
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let makes = self.indexer.search().state() != SearchState::Ready;
        let caught_up = next >= self.store.size();
        let every = if makes { COMMIT_EVERY_MAKING } else { COMMIT_EVERY };
        // After a pause there is no reason to wait for more.
        let rested = self.committed_at.is_none_or(|at| at.elapsed() >= COMMIT_EVERY);
        let due = since.elapsed() >= every || caught_up && (makes || rested);
        if due && self.failing.untold().is_empty() {
            self.commit()?;
        }
        Ok(())
    }

    /// Where the index has come to, after it was opened or begun anew if that is due.
    fn opened(&mut self) -> Result<Seq, Trouble> {
        let size = self.store.size();
        let wanted = self.indexer.take_wanted();
        if let (Some(position), None) = (self.position, &wanted) {
            return Ok(position);
        }
        self.waiting_since = None;
        self.failing = Failing::restore(READER, &self.store)?;
        // What to do about decisions that are read once more is said by `decisions_from`.
        self.failing.restored();
        let position = if let Some(Wanted::Made(why)) = wanted {
            tracing::warn!(%why, "the search index is made again from the log");
            self.indexer.begin_anew(size)?;
            Seq(0)
        } else {
            let (position, opening) = self.indexer.prepare(size)?;
            match (opening, wanted) {
                (Opening::Removed(why), _) => {
                    tracing::warn!(%why, "the search index was removed; it is made again from the log");
                }
                (_, Some(Wanted::Checked(why))) => {
                    tracing::error!(%why, "a search failed although the index is whole; please report it");
                }
                _ => {}
            }
            position
        };
        self.decisions_from = if position == Seq(0) { size } else { position };
        self.progress.advance(position);
        self.position = Some(position);
        Ok(position)
    }

    fn take(&mut self, entry: &Entry) -> Result<(), Trouble> {
        let Work { store, indexer, names, failing, decisions_from, .. } = self;
        let mut added = Ok(());
        failing.run(entry.seq, || added = add(indexer, names, entry));
        added?;
        let asked = observe::dead_letters_asked(entry).filter(|_| entry.seq >= *decisions_from);
        let Some(asked) = asked else { return Ok(()) };
        if !asked.again {
            failing.give_up(&asked.ids);
            return Ok(());
        }
        for seq in failing.own(&asked.ids) {
            if let Some(Ok(stored)) = store.entry(seq)? {
                let mut added = Ok(());
                failing.run_again(seq, || added = add(indexer, names, &stored.entry));
                added?;
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Trouble> {
        if let Some(position) = self.position {
            self.indexer.commit(position)?;
            self.waiting_since = None;
            self.committed_at = Some(Instant::now());
            self.progress.advance(position);
        }
        Ok(())
    }
}

fn add(indexer: &mut Indexer, names: &SourceNames, entry: &Entry) -> Result<(), SearchError> {
    if entry.kind != EntryKind::Event {
        return Ok(());
    }
    let event = decode::stored(&entry.body, entry.received_at);
    let (Ok(event), Ok(values)) = (event, decode::values(&entry.body)) else { return Ok(()) };
    trip(READER, &event.action);
    indexer.add(entry.seq, &Document::of_event(entry, &event, &names(entry.source), values))
}

/// Makes the index of a stopped appliance from the log, at that time. `each` is told how far it has come.
pub fn rebuild(
    store: Arc<Store>,
    mut indexer: Indexer,
    names: SourceNames,
    now: ReceivedAt,
    mut each: impl FnMut(Seq),
) -> Result<(), ReaderError> {
    let size = store.size();
    indexer.begin_anew(size)?;
    let mut work = Work::new(store.clone(), indexer, names, Progress::at(Seq(0)))?;
    work.position = Some(Seq(0));
    let done = (|| {
        while work.position.is_some_and(|position| position < size) {
            work.step()?;
            work.position.into_iter().for_each(&mut each);
        }
        let steps = work.failing.news();
        if !steps.is_empty() {
            let mut txn = store.begin(now)?;
            txn.enter_steps(READER, &steps)?;
            txn.commit()?;
        }
        work.commit()
    })();
    done.map_err(|trouble| match trouble {
        Trouble::Log(error) => error.into(),
        Trouble::Index(error) => error.into(),
    })
}
