//! Asking the index, from as many threads as ask.

use super::compile::Compiler;
use super::counting::Counting;
use super::error::SearchError;
use super::facets::{self, FacetCounts, FacetRequest};
use super::newest::{self, Found, Newest};
use super::profile::{self, Profile, ProfileRequest};
use super::schema::{AT_REST, Fields, SEQ};
use super::totals::Totals;
use crate::model::{EventCursor, EventFilter, EventQuery, Seq};
use crate::search_text::Query;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};
use tantivy::collector::{Count, TopDocs};
use tantivy::{IndexReader, Searcher};
use tokio::sync::Notify;

/// How often the index is checked because a question failed: whoever finds one that always fails must not keep
/// it from the others.
const CHECK_EVERY: Duration = Duration::from_secs(600);
/// Hits that one search by relevance may pass over and give, together.
const RELEVANT_MAX: usize = 101_000;

/// The index as those see it who ask. Shared; the [`Indexer`](super::Indexer) keeps it up to date.
#[derive(Default)]
pub struct Search {
    state: RwLock<State>,
    /// What is to be done with it, until the indexer takes it up.
    wanted: Mutex<Option<Wanted>>,
    asked: Notify,
    /// When a question failed that made the index be checked.
    failed_at: Mutex<Option<Instant>>,
    totals: Totals,
}

/// What someone wants to be done with the index, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// To be made again from the log, whatever is in it.
    Made(String),
    /// To be checked, and made again if it is damaged.
    Checked(String),
}

#[derive(Default)]
enum State {
    #[default]
    Checking,
    Making {
        position: Seq,
        of: Seq,
    },
    Ready(Reader),
}

#[derive(Clone)]
struct Reader {
    reader: IndexReader,
    fields: Fields,
}

/// How the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchState {
    /// It is being opened and checked.
    Checking,
    /// It is being made from the log, from the beginning or from where it was.
    Making {
        /// How far it has come.
        position: Seq,
        /// Where it will begin to answer.
        of: Seq,
    },
    /// It answers.
    Ready,
}

impl Search {
    /// The events that the text finds among those that the filter lets through, within the caller's scope.
    /// `total` is exact for the index as it is: at most two seconds behind the log.
    pub fn events(&self, text: &Query, query: &EventQuery) -> Result<Found, SearchError> {
        self.ask(|searcher, fields| {
            let clause = compiler(searcher, fields)?.filtered(text, &query.filter);
            let (total, mut hits) = newest::search(searcher, &*clause, &Newest::of(query))?;
            let end = query.offset.saturating_add(query.limit);
            let has_next = hits.len() > end;
            hits.truncate(end);
            hits.drain(..query.offset.min(hits.len()));
            Ok(Found { total, hits, has_next })
        })
    }

    /// The same with those first that the words of the text fit best. A place in this order is the number of
    /// hits before it, so `nanos` of a hit says nothing.
    pub fn most_relevant(
        &self,
        text: &Query,
        filter: &EventFilter,
        offset: usize,
        limit: usize,
    ) -> Result<Found, SearchError> {
        let wanted = offset.saturating_add(limit).clamp(1, RELEVANT_MAX);
        self.ask(|searcher, fields| {
            let clause = compiler(searcher, fields)?.filtered(text, filter);
            let first = TopDocs::with_limit(wanted).order_by_score();
            let (total, found) = searcher.search(&clause, &(Count, first))?;
            let columns = searcher.segment_readers().iter().map(|segment| segment.fast_fields().u64(SEQ));
            let columns = columns.collect::<tantivy::Result<Vec<_>>>()?;
            let hits = found.into_iter().skip(offset).map(|(_, at)| EventCursor {
                nanos: 0,
                seq: columns[at.segment_ord as usize].first(at.doc_id).unwrap_or_default(),
            });
            Ok(Found { total: total as u64, hits: hits.collect(), has_next: total > wanted })
        })
    }

    /// How often each value occurs among what the text finds, and how that is spread over time.
    pub fn facets(
        &self,
        text: &Query,
        filter: &EventFilter,
        request: &FacetRequest,
    ) -> Result<FacetCounts, SearchError> {
        self.ask(|searcher, fields| {
            let clause = compiler(searcher, fields)?.filtered(text, filter);
            Ok(facets::count(&Counting::of(searcher, &*clause, &self.totals)?, request)?)
        })
    }

    /// All that is known of what the filter lets through.
    pub fn profile(&self, filter: &EventFilter, request: &ProfileRequest) -> Result<Profile, SearchError> {
        self.ask(|searcher, fields| {
            let clause = compiler(searcher, fields)?.filtered(&Query::everything(), filter);
            Ok(profile::profile(&Counting::of(searcher, &*clause, &self.totals)?, request)?)
        })
    }

    /// How it is.
    pub fn state(&self) -> SearchState {
        match &*self.read() {
            State::Checking => SearchState::Checking,
            State::Making { position, of } => SearchState::Making { position: *position, of: *of },
            State::Ready(_) => SearchState::Ready,
        }
    }

    /// Asks for the index to be made again. It answers nothing until it is.
    pub fn make_again(&self, why: &str) {
        self.want(Wanted::Made(why.to_owned()));
    }

    fn want(&self, what: Wanted) {
        let mut wanted = self.wanted.lock().expect("no holder of this lock panics");
        if !matches!(*wanted, Some(Wanted::Made(_))) {
            *wanted = Some(what);
        }
        self.asked.notify_one();
    }

    /// Lets the index be checked after a question has failed, unless that was done a short while ago.
    fn check_after(&self, error: &SearchError) {
        let mut failed_at = self.failed_at.lock().expect("no holder of this lock panics");
        if failed_at.is_none_or(|at| at.elapsed() >= CHECK_EVERY) {
            *failed_at = Some(Instant::now());
            self.want(Wanted::Checked(error.to_string()));
        }
    }

    /// Waits until someone asks for the index to be made again.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(super) fn take_wanted(&self) -> Option<Wanted> {
        self.wanted.lock().expect("no holder of this lock panics").take()
    }

    pub(super) fn is_making(&self, position: Seq, of: Seq) {
        *self.write() = State::Making { position, of };
    }

    pub(super) fn is_ready(&self, reader: IndexReader, fields: Fields) {
        *self.write() = State::Ready(Reader { reader, fields });
    }

    pub(super) fn is_checking(&self) {
        *self.write() = State::Checking;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().expect("no holder of this lock panics")
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().expect("no holder of this lock panics")
    }

    /// What fails may be a damage that shows only when it is read, or a mistake of ours: the files tell.
    pub(super) fn ask<T>(
        &self,
        ask: impl FnOnce(&Searcher, &Fields) -> Result<T, SearchError>,
    ) -> Result<T, SearchError> {
        let Reader { reader, fields } = match &*self.read() {
            State::Ready(reader) => reader.clone(),
            State::Checking => return Err(SearchError::NotReady { percent: 0 }),
            State::Making { position, of } => {
                let percent = 100 * u128::from(position.0) / u128::from(of.0.max(1));
                return Err(SearchError::NotReady { percent: percent.min(99) as u8 });
            }
        };
        let searcher = reader.searcher();
        let answer = catch_unwind(AssertUnwindSafe(|| ask(&searcher, &fields)));
        let answer = answer.unwrap_or(Err(SearchError::Panicked));
        if let Err(error @ (SearchError::Damaged(_) | SearchError::Panicked)) = &answer {
            self.check_after(error);
        }
        answer
    }
}

fn compiler<'f>(searcher: &Searcher, fields: &'f Fields) -> Result<Compiler<'f>, SearchError> {
    let mut has_rests = false;
    for segment in searcher.segment_readers() {
        has_rests |= segment.fast_fields().u64(AT_REST)?.max_value() > 0;
    }
    Ok(Compiler { fields, has_rests })
}
