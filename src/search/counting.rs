//! What a query finds in all segments, ready to be counted column by column.

use super::facets::FacetCount;
use super::hits::{Hits, WIDE_DOCUMENTS};
use super::parallel;
use super::tally::{self, Values};
use super::totals::Totals;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use tantivy::query::Query;
use tantivy::{Searcher, SegmentReader};

/// The hits of one query.
pub(super) struct Counting<'s> {
    segments: &'s [SegmentReader],
    hits: Vec<Hits>,
    totals: &'s Totals,
    pub(super) total: u64,
}

impl<'s> Counting<'s> {
    pub(super) fn of(
        searcher: &'s Searcher,
        query: &dyn Query,
        totals: &'s Totals,
    ) -> tantivy::Result<Counting<'s>> {
        totals.keep_only(searcher);
        let hits = Hits::of(searcher, query)?;
        let total = hits.iter().map(Hits::count).sum();
        Ok(Counting { segments: searcher.segment_readers(), hits, totals, total })
    }

    /// What `count` makes of each of `pieces` in each segment that has hits.
    pub(super) fn each<P: Copy + Sync, R: Send>(
        &self,
        pieces: &[P],
        count: impl Fn(P, &SegmentReader, &Hits) -> tantivy::Result<R> + Sync,
    ) -> tantivy::Result<Vec<R>> {
        let segments = self.segments.iter().zip(&self.hits).filter(|(_, hits)| hits.count() > 0);
        let work: Vec<(P, &SegmentReader, &Hits)> = segments
            .flat_map(|(segment, hits)| pieces.iter().map(move |piece| (*piece, segment, hits)))
            .collect();
        let counted = parallel::each(self.total >= WIDE_DOCUMENTS, &work, |(piece, segment, hits)| {
            count(*piece, segment, hits)
        });
        counted.into_iter().collect()
    }

    /// How often each value of a column occurs in a segment.
    pub(super) fn values(
        &self,
        column: &'static str,
        segment: &SegmentReader,
        hits: &Hits,
    ) -> tantivy::Result<Arc<Values>> {
        let is_all = matches!(hits, Hits::All(_));
        if let Some(known) = self.totals.get(segment, column).filter(|_| is_all) {
            return Ok(known);
        }
        let values = Arc::new(tally::values(segment, column, hits)?);
        if is_all {
            self.totals.keep(segment, column, &values);
        }
        Ok(values)
    }
}

/// The sums over all segments.
pub(super) fn summed<'v, V: Copy + 'v>(
    lists: impl Iterator<Item = &'v [(String, V)]>,
    add: impl Fn(&mut V, V),
) -> HashMap<&'v str, V> {
    let mut sums: HashMap<&str, V> = HashMap::new();
    for (value, count) in lists.flatten() {
        sums.entry(value).and_modify(|sum| add(sum, *count)).or_insert(*count);
    }
    sums
}

/// The most frequent values first, of equal ones by name.
pub(super) fn ranked<'v>(
    sums: impl IntoIterator<Item = (&'v str, u64)>,
    values_max: usize,
) -> Vec<FacetCount> {
    let mut counts: Vec<(&str, u64)> = sums.into_iter().collect();
    let first = |a: &(&str, u64), b: &(&str, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0));
    if counts.len() > values_max {
        counts.select_nth_unstable_by(values_max, first);
        counts.truncate(values_max);
    }
    counts.sort_unstable_by(first);
    counts.into_iter().map(|(value, count)| FacetCount { value: value.to_owned(), count }).collect()
}

/// A span of microseconds as times.
pub(super) fn span_of((first, last): (i64, i64)) -> Option<(Timestamp, Timestamp)> {
    let time = |micros| Timestamp::from_microsecond(micros).ok();
    time(first).zip(time(last)).filter(|_| first <= last)
}
