//! What a query finds in all segments, ready to be counted column by column.

use super::facets::{Distinct, FacetCount, Ranking};
use super::hits::{Hits, WIDE_DOCUMENTS};
use super::parallel;
use super::tally::{self, Values};
use super::totals::Totals;
use jiff::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
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

/// The most frequent values of a column. The counts are exact. Where a segment has more different values than it hands
/// on by name, one that is about as frequent may be missing among them.
pub(super) fn ranked(lists: &[Arc<Values>], values_max: usize) -> tantivy::Result<Ranking<FacetCount>> {
    ranked_by(lists, values_max, Some, |value| (value.to_owned(), format!("{value}\0")))
}

/// The same of values that stand in terms: `value_of` a term, and from which term to which, the last one outside, those
/// of a value lie.
pub(super) fn ranked_by<'v, V: Ord + Hash + Copy + ToString>(
    lists: &'v [Arc<Values>],
    values_max: usize,
    value_of: impl Fn(&'v str) -> Option<V>,
    terms_of: impl Fn(V) -> (String, String),
) -> tantivy::Result<Ranking<FacetCount>> {
    // Of each value: what those segments say that name all of theirs, and what the others name of theirs.
    let mut sums: HashMap<V, (u64, u64)> = HashMap::new();
    for list in lists {
        for (value, count) in list.named.iter().filter_map(|(term, count)| Some((value_of(term)?, *count))) {
            let sum = sums.entry(value).or_default();
            *if list.has_more() { &mut sum.1 } else { &mut sum.0 } += count;
        }
    }
    let more: Vec<&Values> = lists.iter().map(|list| &**list).filter(|list| list.has_more()).collect();
    let known = sums.len() as u64;
    let least = lists.iter().map(|list| list.distinct).max().unwrap_or_default();
    let distinct =
        if more.is_empty() { Distinct::Exactly(known) } else { Distinct::AtLeast(known.max(least)) };
    let mut first: Vec<(u64, V)> = sums.iter().map(|(value, (all, named))| (all + named, *value)).collect();
    let order = |a: &(u64, V), b: &(u64, V)| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1));
    if first.len() > values_max {
        first.select_nth_unstable_by(values_max, order);
        first.truncate(values_max);
    }
    if !more.is_empty() {
        for (count, value) in &mut first {
            let (from, to) = terms_of(*value);
            *count = sums[value].0;
            for list in &more {
                *count += list.between(from.as_bytes(), to.as_bytes())?;
            }
        }
    }
    first.sort_unstable_by(order);
    let first = first.into_iter().map(|(count, value)| FacetCount { value: value.to_string(), count });
    Ok(Ranking { first: first.collect(), distinct })
}

/// A span of microseconds as times.
pub(super) fn span_of((first, last): (i64, i64)) -> Option<(Timestamp, Timestamp)> {
    let time = |micros| Timestamp::from_microsecond(micros).ok();
    time(first).zip(time(last)).filter(|_| first <= last)
}
