//! The index reader: puts the events of the log into the search index.
//!
//! The index can be made again at any time, so its own trouble never ends the process: it is told once, and
//! after a pause the index is opened again, or begun anew.

use super::progress::{Progress, ReaderError};
use super::{STRETCH_BYTES, guarded};
use crate::decode;
use crate::model::{Entry, EntryKind, Seq, SourceId};
use crate::search::{Indexer, Opening, Search, SearchError, SearchState, Wanted};
use crate::search_text::Document;
use crate::store::{Store, StoreError};
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
/// The pause after trouble with the index.
const PAUSE: Duration = Duration::from_secs(10);

/// Gives the name of a source.
type Names = Arc<dyn Fn(SourceId) -> String + Send + Sync>;

/// Reads the log for the search. Runs as long as the appliance.
pub struct IndexReader {
    committed: watch::Receiver<Seq>,
    progress: Progress,
    search: Arc<Search>,
    work: Work,
}

/// What may block.
struct Work {
    store: Arc<Store>,
    indexer: Indexer,
    names: Names,
    /// The first entry that was not added; `None` as long as the index is not open.
    position: Option<Seq>,
    /// Since when something waits for its commit.
    waiting_since: Option<Instant>,
    committed_at: Option<Instant>,
    progress: Progress,
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
    /// A reader that opens the index when it runs. `committed` tells the size of the log.
    pub fn new(
        store: Arc<Store>,
        indexer: Indexer,
        committed: watch::Receiver<Seq>,
        names: Names,
    ) -> IndexReader {
        let progress = Progress::at(Seq(0));
        let search = indexer.search();
        let work = Work::new(store, indexer, names, progress.clone());
        IndexReader { committed, progress, search, work }
    }

    /// How far what can be found has come.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Follows the log until told to stop; then commits what is left.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ReaderError> {
        loop {
            let size = *self.committed.borrow_and_update();
            if self.work.position.is_none_or(|position| position < size) && !stop.is_cancelled() {
                let trouble;
                (self.work, trouble) = self.work.step_in_background(Work::step).await;
                if self.has_trouble(trouble)? {
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
                continue;
            }
            let due = self.work.waiting_since.map(|since| since + COMMIT_EVERY);
            let search = self.search.clone();
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.committed.changed() => changed.map_err(|_| ReaderError::Stopped)?,
                () = search.asked() => {
                    let trouble;
                    (self.work, trouble) = self.work.step_in_background(Work::step).await;
                    self.has_trouble(trouble)?;
                }
                () = sleep_until(due) => {
                    let trouble;
                    (self.work, trouble) = self.work.step_in_background(Work::commit).await;
                    self.has_trouble(trouble)?;
                }
            }
        }
        if self.work.waiting_since.is_some() {
            let (_, trouble) = self.work.step_in_background(Work::commit).await;
            // What could not be committed is read again at the next start.
            drop(trouble);
        }
        Ok(())
    }

    /// Whether the index was in trouble; the log's own ends the process.
    fn has_trouble(&mut self, trouble: Result<(), Trouble>) -> Result<bool, ReaderError> {
        match trouble {
            Ok(()) => Ok(false),
            Err(Trouble::Log(error)) => Err(error.into()),
            Err(Trouble::Index(error)) => {
                tracing::error!(%error, "the search index cannot be written; it is tried again in {} seconds", PAUSE.as_secs());
                self.work.position = None;
                self.work.waiting_since = None;
                Ok(true)
            }
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Work {
    fn new(store: Arc<Store>, indexer: Indexer, names: Names, progress: Progress) -> Work {
        Work { store, indexer, names, position: None, waiting_since: None, committed_at: None, progress }
    }

    async fn step_in_background(
        mut self,
        step: fn(&mut Work) -> Result<(), Trouble>,
    ) -> (Work, Result<(), Trouble>) {
        tokio::task::spawn_blocking(move || {
            let done = step(&mut self);
            (self, done)
        })
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Opens the index if it is not, and adds about one stretch of the log to it.
    fn step(&mut self) -> Result<(), Trouble> {
        let position = self.opened()?;
        let mut next = position;
        for block in self.store.blocks_from(position, STRETCH_BYTES)? {
            for read in block.entries_from(next) {
                if let Ok(stored) = read {
                    let mut added = Ok(());
                    guarded(next, || added = self.add(&stored.entry));
                    added?;
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
        if since.elapsed() >= every || caught_up && (makes || rested) {
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
        self.progress.advance(position);
        self.position = Some(position);
        Ok(position)
    }

    fn add(&mut self, entry: &Entry) -> Result<(), SearchError> {
        if entry.kind != EntryKind::Event {
            return Ok(());
        }
        let event = decode::stored(&entry.body, entry.received_at);
        let (Ok(event), Ok(values)) = (event, decode::values(&entry.body)) else { return Ok(()) };
        let source = (self.names)(entry.source);
        self.indexer.add(entry.seq, &Document::of_event(entry, &event, &source, values))
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

/// Makes the index of a stopped appliance from the log. `each` is told how far it has come.
pub fn rebuild(
    store: Arc<Store>,
    mut indexer: Indexer,
    names: Names,
    mut each: impl FnMut(Seq),
) -> Result<(), ReaderError> {
    let size = store.size();
    indexer.begin_anew(size)?;
    let mut work = Work::new(store, indexer, names, Progress::at(Seq(0)));
    work.position = Some(Seq(0));
    let done = (|| {
        while work.position.is_some_and(|position| position < size) {
            work.step()?;
            work.position.into_iter().for_each(&mut each);
        }
        work.commit()
    })();
    done.map_err(|trouble| match trouble {
        Trouble::Log(error) => error.into(),
        Trouble::Index(error) => error.into(),
    })
}
