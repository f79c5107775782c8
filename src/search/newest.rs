//! The first of what was found in an order of time, and how many there are in all.

use super::schema::{AT, AT_REST, RECEIVED, SEQ, split_nanos};
use crate::model::{EventCursor, EventOrder, EventQuery};
use std::sync::Arc;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::ColumnValues;
use tantivy::query::{EnableScoring, Query};
use tantivy::{DocId, Score, Searcher, SegmentOrdinal, SegmentReader};

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// How many events there are in all.
    pub total: u64,
    /// The events of the page in their order: the number of each, and by what it is ordered.
    pub hits: Vec<EventCursor>,
    /// Whether more follow.
    pub has_next: bool,
}

/// Takes the first `wanted` in an order of time.
pub(super) struct Newest {
    order: EventOrder,
    descending: bool,
    after: Option<Place>,
    wanted: usize,
}

/// Where a document stands in the order asked for: the highest comes first.
type Place = (i64, u64, u64);

impl Newest {
    /// What the page of a query needs, and one more, which tells whether there is a next page.
    pub(super) fn of(query: &EventQuery) -> Newest {
        let mut newest = Newest {
            order: query.order,
            descending: query.descending,
            after: None,
            wanted: query.offset.saturating_add(query.limit).saturating_add(1),
        };
        newest.after = query.after.map(|cursor| {
            let (micros, rest) = match query.order {
                EventOrder::Timestamp => split_nanos(cursor.nanos),
                EventOrder::ReceivedAt => (0, 0),
            };
            newest.place(micros, rest, cursor.seq)
        });
        newest
    }

    fn place(&self, micros: i64, rest: u64, seq: u64) -> Place {
        if self.descending { (micros, rest, seq) } else { (!micros, !rest, !seq) }
    }
}

/// What `newest` takes of all that the query finds, and how much that is. Segments that can hold the first come
/// first, so that of most others the documents are only counted.
pub(super) fn search(
    searcher: &Searcher,
    query: &dyn Query,
    newest: &Newest,
) -> tantivy::Result<(u64, Vec<EventCursor>)> {
    let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
    let mut segments = Vec::new();
    for (ordinal, segment) in searcher.segment_readers().iter().enumerate() {
        segments.push((newest.best_of(segment)?, ordinal as SegmentOrdinal, segment));
    }
    segments.sort_unstable_by_key(|(best, ..)| std::cmp::Reverse(*best));
    let (mut total, mut fruits) = (0, Vec::new());
    let mut places: Vec<Place> = Vec::new();
    for (best, ordinal, segment) in segments {
        if places.get(newest.wanted - 1).is_some_and(|worst| best < worst.0) {
            total += u64::from(weight.count(segment)?);
            continue;
        }
        let fruit = newest.collect_segment(&*weight, ordinal, segment)?;
        places.extend(fruit.1.iter().map(|(place, _)| *place));
        places.sort_unstable_by_key(|place| std::cmp::Reverse(*place));
        places.truncate(newest.wanted);
        fruits.push(fruit);
    }
    let (counted, hits) = newest.merge_fruits(fruits)?;
    Ok((total + counted, hits))
}

impl Newest {
    /// The first number of a place that no document of the segment can exceed.
    fn best_of(&self, segment: &SegmentReader) -> tantivy::Result<i64> {
        if self.order == EventOrder::ReceivedAt {
            // All places begin with 0 (or its opposite) there: the number in the log decides.
            return Ok(i64::MAX);
        }
        let at = segment.fast_fields().i64(AT)?;
        Ok(if self.descending { at.max_value() } else { !at.min_value() })
    }
}

impl Collector for Newest {
    type Fruit = (u64, Vec<EventCursor>);
    type Child = SegmentNewest;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentNewest> {
        let columns = segment.fast_fields();
        Ok(SegmentNewest {
            newest: Newest { ..*self },
            at: columns.i64(AT)?.first_or_default_col(0),
            rest: columns.u64(AT_REST)?.first_or_default_col(0),
            received: columns.u64(RECEIVED)?.first_or_default_col(0),
            seq: columns.u64(SEQ)?.first_or_default_col(0),
            total: 0,
            kept: Vec::new(),
            worst: None,
            buffer: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<SegmentFound>) -> tantivy::Result<(u64, Vec<EventCursor>)> {
        let total = fruits.iter().map(|(total, _)| total).sum();
        let mut all: Vec<(Place, EventCursor)> = fruits.into_iter().flat_map(|(_, found)| found).collect();
        all.sort_unstable_by_key(|(place, _)| std::cmp::Reverse(*place));
        all.truncate(self.wanted);
        Ok((total, all.into_iter().map(|(_, cursor)| cursor).collect()))
    }
}

type SegmentFound = (u64, Vec<(Place, EventCursor)>);

/// The first of one segment.
pub(super) struct SegmentNewest {
    newest: Newest,
    at: Arc<dyn ColumnValues<i64>>,
    rest: Arc<dyn ColumnValues<u64>>,
    received: Arc<dyn ColumnValues<u64>>,
    seq: Arc<dyn ColumnValues<u64>>,
    total: u64,
    kept: Vec<(Place, DocId)>,
    /// Whatever comes behind it cannot be wanted.
    worst: Option<Place>,
    buffer: Vec<i64>,
}

impl SegmentNewest {
    /// Takes a document whose time is known already, in whole microseconds.
    fn take(&mut self, document: DocId, micros: i64) {
        let first = if self.newest.descending { micros } else { !micros };
        // Most documents are out by this alone, and cost no look at the other columns.
        if self.worst.is_some_and(|worst| first < worst.0) {
            return;
        }
        let place = self.newest.place(micros, self.rest_of(document), self.seq.get_val(document));
        let is_out = |limit: Option<Place>| limit.is_some_and(|limit| place >= limit);
        if is_out(self.newest.after) || self.worst.is_some_and(|worst| place < worst) {
            return;
        }
        self.kept.push((place, document));
        if self.kept.len() >= 2 * self.newest.wanted.max(32) {
            self.cut();
        }
    }

    fn rest_of(&self, document: DocId) -> u64 {
        match self.newest.order {
            EventOrder::Timestamp => self.rest.get_val(document),
            EventOrder::ReceivedAt => 0,
        }
    }

    fn cut(&mut self) {
        if self.kept.len() > self.newest.wanted {
            let last = self.newest.wanted - 1;
            self.kept.select_nth_unstable_by_key(last, |(place, _)| std::cmp::Reverse(*place));
            self.worst = Some(self.kept[last].0);
            self.kept.truncate(self.newest.wanted);
        }
    }
}

impl SegmentCollector for SegmentNewest {
    type Fruit = SegmentFound;

    fn collect(&mut self, document: DocId, _: Score) {
        self.collect_block(&[document]);
    }

    fn collect_block(&mut self, documents: &[DocId]) {
        self.total += documents.len() as u64;
        let mut micros = std::mem::take(&mut self.buffer);
        micros.resize(documents.len(), 0);
        if self.newest.order == EventOrder::Timestamp {
            self.at.get_vals(documents, &mut micros);
        }
        for (document, micros) in documents.iter().zip(&micros) {
            self.take(*document, *micros);
        }
        self.buffer = micros;
    }

    fn harvest(mut self) -> SegmentFound {
        self.cut();
        let cursor = |document: DocId| EventCursor {
            nanos: match self.newest.order {
                EventOrder::Timestamp => {
                    i128::from(self.at.get_val(document)) * 1_000 + i128::from(self.rest.get_val(document))
                }
                EventOrder::ReceivedAt => i128::from(self.received.get_val(document)),
            },
            seq: self.seq.get_val(document),
        };
        (self.total, self.kept.iter().map(|(place, document)| (*place, cursor(*document))).collect())
    }
}
