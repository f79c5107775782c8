//! Listing events: a scan over the blocks that can hold an answer, best first.
//!
//! Blocks are read one by one, each in a short transaction, and those that the index rules out are not read
//! at all. The end of the log is fixed at the start, so that a page is consistent while events keep coming.

use super::append::BlockSummary;
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use crate::decode;
use crate::model::{EntryKind, EventCursor, EventFilter, EventOrder, EventQuery, Seq, Stored};
use redb::ReadableDatabase;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long a listing may take before it is given up, so that a wide one cannot keep a thread for ever.
const LISTING_MAX: Duration = Duration::from_secs(20);
/// Bytes of all bodies of one page, about.
const PAGE_BYTES_MAX: usize = 32 << 20;
/// Rows of the block index that one read transaction takes.
const INDEX_ROWS_MAX: usize = 50_000;

/// A page of events, and what is known beyond it.
#[derive(Clone, Debug, Default)]
pub struct EventPage {
    /// The events, in the order asked for.
    pub events: Vec<Stored>,
    /// How many there are in all.
    pub total: u64,
    /// How many could not be read, and so are not counted.
    pub damaged: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<EventCursor>,
}

/// Events that were read by their numbers.
#[derive(Clone, Debug, Default)]
pub struct EventsAt {
    /// The events, in the order asked for.
    pub events: Vec<Stored>,
    /// How many of the numbers were dealt with.
    pub taken: usize,
    /// How many of them could not be read.
    pub damaged: u64,
}

impl Store {
    /// The events that the query asks for. `total` is exact for the log as it stood at the call.
    pub fn events_page(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        let mut blocks: Vec<(u64, BlockSummary)> = self.block_index()?;
        blocks.retain(|(_, summary)| summary.events > 0 && overlaps(summary, &query.filter));
        sort_best_first(&mut blocks, query);
        let countable = query.filter.is_time_only();
        let mut scan = Scan { query, best: BTreeSet::new(), passed: false, total: 0, damaged: 0 };
        let started = Instant::now();
        for (first, summary) in blocks {
            let is_known = summary != BlockSummary::UNKNOWN;
            if countable && is_known && lies_inside(&summary, query) && !scan.could_gain(first, &summary) {
                scan.total += u64::from(summary.events);
                continue;
            }
            if started.elapsed() > LISTING_MAX {
                return Err(StoreError::TooLong { secs: LISTING_MAX.as_secs() });
            }
            scan.take_block(self, first)?;
            if scan.passed {
                break;
            }
        }
        scan.finish(self)
    }

    /// The events of those numbers in the order given, as the index found them. One that is damaged is
    /// counted; what takes more than 32 MiB ends early.
    pub fn events_at(&self, seqs: &[Seq]) -> Result<EventsAt, StoreError> {
        let mut read = EventsAt::default();
        let mut bytes = 0;
        for seq in seqs {
            if bytes >= PAGE_BYTES_MAX {
                break;
            }
            read.taken += 1;
            match self.entry(*seq)? {
                Some(Ok(stored)) => {
                    bytes += stored.entry.body.len();
                    read.events.push(stored);
                }
                _ => read.damaged += 1,
            }
        }
        Ok(read)
    }

    /// The index of all blocks, read in pieces.
    fn block_index(&self) -> Result<Vec<(u64, BlockSummary)>, StoreError> {
        let mut rows = Vec::new();
        let end = self.size().0;
        let mut from = 0;
        loop {
            let index = self.db.begin_read()?.open_table(t::BLOCK_INDEX)?;
            let (before, began) = (rows.len(), from);
            for row in index.range(from..end)?.take(INDEX_ROWS_MAX) {
                let (first, value) = row?;
                from = first.value() + 1;
                // A block of which the index says nothing is looked through, so that damage hides no event.
                let summary = BlockSummary::decode(first.value(), value.value());
                rows.push((first.value(), summary.unwrap_or(BlockSummary::UNKNOWN)));
            }
            // Damage can put a smaller key last; going on from there would have no end.
            if rows.len() - before < INDEX_ROWS_MAX || from <= began {
                return Ok(rows);
            }
        }
    }
}

/// Whether an event of the block could be within the time asked for.
pub(super) fn overlaps(summary: &BlockSummary, filter: &EventFilter) -> bool {
    let after = filter.from.is_none_or(|from| summary.last_ms >= from.as_millisecond());
    after && filter.to.is_none_or(|to| summary.first_ms <= to.as_millisecond())
}

/// Whether every event of the block is surely within the time asked for.
fn lies_inside(summary: &BlockSummary, query: &EventQuery) -> bool {
    let after = query.filter.from.is_none_or(|from| summary.first_ms > from.as_millisecond());
    after && query.filter.to.is_none_or(|to| summary.last_ms < to.as_millisecond())
}

fn sort_best_first(blocks: &mut [(u64, BlockSummary)], query: &EventQuery) {
    match (query.order, query.descending) {
        (EventOrder::Timestamp, true) => {
            blocks.sort_by_key(|(first, summary)| std::cmp::Reverse((summary.last_ms, *first)));
        }
        (EventOrder::Timestamp, false) => blocks.sort_by_key(|(first, summary)| (summary.first_ms, *first)),
        (EventOrder::ReceivedAt, true) => blocks.reverse(),
        (EventOrder::ReceivedAt, false) => {}
    }
}

/// The best events so far, bounded by what the page can need.
struct Scan<'q> {
    query: &'q EventQuery,
    /// In the order asked for: the last one is the first to go. Bodies are read once the page is known.
    best: BTreeSet<Place>,
    /// Whether everything further back was received too early.
    passed: bool,
    total: u64,
    damaged: u64,
}

/// A place in the order asked for: for a descending order both numbers are negated.
type Place = (i128, i128);

impl Scan<'_> {
    fn wanted(&self) -> usize {
        // One more tells whether there is a next page.
        self.query.offset.saturating_add(self.query.limit).saturating_add(1)
    }

    fn place(&self, cursor: EventCursor) -> Place {
        let sign = if self.query.descending { -1 } else { 1 };
        (sign * cursor.nanos, sign * i128::from(cursor.seq))
    }

    /// Whether a block could still hold an event for the page.
    fn could_gain(&self, first: u64, summary: &BlockSummary) -> bool {
        let Some(worst) = self.best.last().filter(|_| self.best.len() >= self.wanted()) else {
            return true;
        };
        let best_of_block = match (self.query.order, self.query.descending) {
            // Entries are received in the order of the log, and so are the blocks here.
            (EventOrder::ReceivedAt, _) => return false,
            (EventOrder::Timestamp, true) => -(i128::from(summary.last_ms) + 1) * 1_000_000,
            (EventOrder::Timestamp, false) => i128::from(summary.first_ms) * 1_000_000,
        };
        (best_of_block, -i128::from(first) - i128::from(summary.entries)) <= *worst
    }

    fn take_block(&mut self, store: &Store, first: u64) -> Result<(), StoreError> {
        for read in store.read_block(first)?.entries {
            match read {
                Ok(stored) => {
                    self.note_passed(&stored);
                    if stored.entry.kind == EntryKind::Event {
                        self.take(&stored);
                    }
                }
                Err(_) => self.damaged += 1,
            }
        }
        Ok(())
    }

    /// Blocks come newest first when ordered by receipt, so one old entry means that all further ones are
    /// older.
    fn note_passed(&mut self, stored: &Stored) {
        let backwards = self.query.order == EventOrder::ReceivedAt && self.query.descending;
        let from = self.query.filter.received_from;
        self.passed |= backwards && from.is_some_and(|from| stored.entry.received_at < from);
    }

    fn take(&mut self, stored: &Stored) {
        let Ok(event) = decode::stored(&stored.entry.body, stored.entry.received_at) else {
            self.damaged += 1;
            return;
        };
        if !self.query.filter.matches(&stored.entry, &event) {
            return;
        }
        self.total += 1;
        let nanos = match self.query.order {
            EventOrder::Timestamp => event.timestamp.as_nanosecond(),
            EventOrder::ReceivedAt => i128::from(stored.entry.received_at.0),
        };
        let place = self.place(EventCursor { nanos, seq: stored.entry.seq.0 });
        if self.query.after.is_some_and(|after| place <= self.place(after)) {
            return;
        }
        let full = self.best.len() >= self.wanted();
        if full && self.best.last().is_some_and(|worst| place > *worst) {
            return;
        }
        self.best.insert(place);
        if full {
            self.best.pop_last();
        }
    }

    /// Reads the events of the page. One whose bodies take more than [`PAGE_BYTES_MAX`] ends early; the next
    /// begins there.
    fn finish(self, store: &Store) -> Result<EventPage, StoreError> {
        let sign = if self.query.descending { -1 } else { 1 };
        let (offset, limit) = (self.query.offset, self.query.limit);
        let mut page = EventPage { total: self.total, damaged: self.damaged, ..EventPage::default() };
        let mut bytes = 0;
        let mut last = None;
        for (nanos, seq) in self.best.iter().skip(offset) {
            if page.events.len() == limit || bytes >= PAGE_BYTES_MAX {
                page.next = last;
                break;
            }
            let seq = u64::try_from(sign * seq).expect("a place holds the number of an entry");
            last = Some(EventCursor { nanos: sign * nanos, seq });
            if let Some(Ok(stored)) = store.entry(Seq(seq))? {
                bytes += stored.entry.body.len();
                page.events.push(stored);
            }
        }
        Ok(page)
    }
}
