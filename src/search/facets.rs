//! How often each value occurs among what was found, and how it is spread over time.

use super::schema::{ACTION, AT, CLASSIFICATION, ORGANIZATION, PRINCIPAL, STATUS, micros_and_rest};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, ColumnValues, StrColumn};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

/// Values of one facet that a segment hands on: the most frequent ones. Only where one has more different
/// values than this can a count be too low.
const SEGMENT_VALUES_MAX: usize = 20_000;
/// Stretches of one histogram.
const BUCKETS_MAX: usize = 1_000;

/// What can be counted by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facet {
    /// What was done.
    Action,
    /// Who did it.
    Principal,
    /// Whose it is.
    Organization,
    /// How it ended.
    Status,
    /// How sensitive.
    Classification,
}

impl Facet {
    /// Every one.
    pub const ALL: [Facet; 5] =
        [Facet::Action, Facet::Principal, Facet::Organization, Facet::Status, Facet::Classification];

    fn column(self) -> &'static str {
        match self {
            Facet::Action => ACTION,
            Facet::Principal => PRINCIPAL,
            Facet::Organization => ORGANIZATION,
            Facet::Status => STATUS,
            Facet::Classification => CLASSIFICATION,
        }
    }
}

/// What is to be counted.
#[derive(Clone, Debug, PartialEq)]
pub struct FacetRequest {
    /// By value.
    pub facets: Vec<Facet>,
    /// Values of each facet, the most frequent ones.
    pub values_max: usize,
    /// By time.
    pub histogram: Option<Histogram>,
}

/// Equal stretches of event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// Where the first one begins.
    pub from: Timestamp,
    /// Where the last one ends; this moment is outside.
    pub to: Timestamp,
    /// How many: 1 to 1,000; others are brought within.
    pub buckets: usize,
}

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCount {
    /// The value as it was written.
    pub value: String,
    /// How many events have it.
    pub count: u64,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FacetCounts {
    /// All events that were found.
    pub total: u64,
    /// For each facet asked for, in that order: the most frequent values first, of equal ones by name.
    pub facets: Vec<Vec<FacetCount>>,
    /// For each stretch of the histogram.
    pub histogram: Vec<u64>,
    /// The time of the earliest and of the latest event found, to the microsecond below.
    pub span: Option<(Timestamp, Timestamp)>,
}

pub(super) struct FacetCollector<'r>(pub(super) &'r FacetRequest);

impl Collector for FacetCollector<'_> {
    type Fruit = FacetCounts;
    type Child = SegmentFacets;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentFacets> {
        let columns = segment.fast_fields();
        let tallies = self.0.facets.iter().map(|facet| {
            let column = columns.str(facet.column())?;
            Ok(column.map(|column| Tally {
                counts: vec![0; column.num_terms()],
                ords: column.ords().clone(),
                column,
                buffer: Vec::new(),
            }))
        });
        Ok(SegmentFacets {
            total: 0,
            tallies: tallies.collect::<tantivy::Result<_>>()?,
            at: columns.i64(AT)?.first_or_default_col(0),
            spread: self.0.histogram.map(Spread::of),
            span: (i64::MAX, i64::MIN),
            buffer: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<SegmentCounts>) -> tantivy::Result<FacetCounts> {
        let mut merged = FacetCounts::default();
        let empty = self.0.histogram.map(Spread::of);
        merged.histogram = empty.map(|spread| spread.counts).unwrap_or_default();
        let mut values: Vec<HashMap<String, u64>> = vec![HashMap::new(); self.0.facets.len()];
        let mut span = (i64::MAX, i64::MIN);
        for fruit in fruits {
            merged.total += fruit.total;
            span = (span.0.min(fruit.span.0), span.1.max(fruit.span.1));
            merged.histogram.iter_mut().zip(fruit.histogram).for_each(|(sum, more)| *sum += more);
            for (sums, counts) in values.iter_mut().zip(fruit.facets) {
                counts?.into_iter().for_each(|(value, count)| *sums.entry(value).or_default() += count);
            }
        }
        let time = |micros| Timestamp::from_microsecond(micros).ok();
        merged.span = time(span.0).zip(time(span.1)).filter(|_| merged.total > 0);
        merged.facets = values.into_iter().map(|values| ranked(values, self.0.values_max)).collect();
        Ok(merged)
    }
}

fn ranked(values: HashMap<String, u64>, values_max: usize) -> Vec<FacetCount> {
    let mut counts: Vec<FacetCount> =
        values.into_iter().map(|(value, count)| FacetCount { value, count }).collect();
    counts.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    counts.truncate(values_max);
    counts
}

/// What one segment holds.
pub(super) struct SegmentCounts {
    total: u64,
    facets: Vec<tantivy::Result<Vec<(String, u64)>>>,
    histogram: Vec<u64>,
    span: (i64, i64),
}

pub(super) struct SegmentFacets {
    total: u64,
    /// `None` where no document of the segment has a value.
    tallies: Vec<Option<Tally>>,
    at: Arc<dyn ColumnValues<i64>>,
    spread: Option<Spread>,
    span: (i64, i64),
    buffer: Vec<i64>,
}

/// The counts of one facet by the number that the segment gives each value.
struct Tally {
    column: StrColumn,
    ords: Column<u64>,
    counts: Vec<u32>,
    buffer: Vec<Option<u64>>,
}

impl Tally {
    fn take(&mut self, documents: &[DocId]) {
        self.buffer.clear();
        self.buffer.resize(documents.len(), None);
        self.ords.first_vals(documents, &mut self.buffer);
        for ord in self.buffer.iter().flatten() {
            self.counts[*ord as usize] += 1;
        }
    }

    fn finish(self) -> tantivy::Result<Vec<(String, u64)>> {
        let mut found: Vec<(u64, u32)> = (0..).zip(self.counts).filter(|(_, count)| *count > 0).collect();
        if found.len() > SEGMENT_VALUES_MAX {
            found.select_nth_unstable_by_key(SEGMENT_VALUES_MAX, |(_, count)| std::cmp::Reverse(*count));
            found.truncate(SEGMENT_VALUES_MAX);
            found.sort_unstable();
        }
        let ords: Vec<u64> = found.iter().map(|(ord, _)| *ord).collect();
        let mut values = Vec::with_capacity(found.len());
        self.column.dictionary().sorted_ords_to_term_cb(&ords, |value| {
            values.push(String::from_utf8_lossy(value).into_owned());
        })?;
        Ok(values.into_iter().zip(found.into_iter().map(|(_, count)| u64::from(count))).collect())
    }
}

/// The counts of the histogram.
struct Spread {
    from: i64,
    to: i64,
    /// Microseconds of one stretch, at least one.
    width: i64,
    counts: Vec<u64>,
}

impl Spread {
    fn of(histogram: Histogram) -> Spread {
        let buckets = histogram.buckets.clamp(1, BUCKETS_MAX);
        let (from, to) = (micros_and_rest(histogram.from).0, micros_and_rest(histogram.to).0);
        let length = to.saturating_sub(from).max(1);
        let width = length.div_euclid(buckets as i64) + i64::from(length % buckets as i64 > 0);
        Spread { from, to, width, counts: vec![0; buckets] }
    }

    fn take(&mut self, micros: i64) {
        if micros >= self.to {
            return;
        }
        let bucket = micros.saturating_sub(self.from).div_euclid(self.width);
        if let Some(count) = usize::try_from(bucket).ok().and_then(|bucket| self.counts.get_mut(bucket)) {
            *count += 1;
        }
    }
}

impl SegmentCollector for SegmentFacets {
    type Fruit = SegmentCounts;

    fn collect(&mut self, document: DocId, _: Score) {
        self.collect_block(&[document]);
    }

    fn collect_block(&mut self, documents: &[DocId]) {
        self.total += documents.len() as u64;
        self.tallies.iter_mut().flatten().for_each(|tally| tally.take(documents));
        let mut times = std::mem::take(&mut self.buffer);
        times.resize(documents.len(), 0);
        self.at.get_vals(documents, &mut times);
        for micros in &times {
            self.span = (self.span.0.min(*micros), self.span.1.max(*micros));
        }
        if let Some(spread) = &mut self.spread {
            times.iter().for_each(|micros| spread.take(*micros));
        }
        self.buffer = times;
    }

    fn harvest(self) -> SegmentCounts {
        let finished = self.tallies.into_iter().map(|tally| tally.map_or(Ok(Vec::new()), Tally::finish));
        SegmentCounts {
            total: self.total,
            facets: finished.collect(),
            histogram: self.spread.map(|spread| spread.counts).unwrap_or_default(),
            span: self.span,
        }
    }
}
