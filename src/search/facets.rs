//! How often each value occurs among what was found, and how it is spread over time.

use super::counting::{Counting, ranked, span_of};
use super::schema::{ACTION, CLASSIFICATION, ORGANIZATION, PRINCIPAL, STATUS};
use super::tally::{self, Times, Values};
use jiff::Timestamp;
use std::sync::Arc;

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

    pub(super) fn column(self) -> &'static str {
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

/// How many different values there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// So many.
    Exactly(u64),
    /// So many or more: they were too many to tell them all apart.
    AtLeast(u64),
}

/// The most frequent values first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking<T> {
    /// As many as were asked for.
    pub first: Vec<T>,
    /// How many different ones there are.
    pub distinct: Distinct,
}

impl<T> Default for Ranking<T> {
    fn default() -> Ranking<T> {
        Ranking { first: Vec::new(), distinct: Distinct::Exactly(0) }
    }
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

/// One column of one segment, counted.
enum Counted {
    Values(usize, Arc<Values>),
    Times(Times),
}

/// Counts what the request asks for.
pub(super) fn count(counting: &Counting<'_>, request: &FacetRequest) -> tantivy::Result<FacetCounts> {
    // `None` stands for the times.
    let pieces: Vec<Option<usize>> = [None].into_iter().chain((0..request.facets.len()).map(Some)).collect();
    let counted = counting.each(&pieces, |piece, segment, hits| match piece {
        Some(at) => Ok(Counted::Values(at, counting.values(request.facets[at].column(), segment, hits)?)),
        None => Ok(Counted::Times(tally::times(segment, hits, request.histogram, None)?)),
    })?;
    let mut counts = FacetCounts { total: counting.total, ..FacetCounts::default() };
    counts.histogram = vec![0; request.histogram.map_or(0, tally::buckets_of)];
    let mut span = (i64::MAX, i64::MIN);
    let mut values: Vec<Vec<Arc<Values>>> = vec![Vec::new(); request.facets.len()];
    for counted in counted {
        match counted {
            Counted::Values(at, of_segment) => values[at].push(of_segment),
            Counted::Times(times) => {
                span = (span.0.min(times.span.0), span.1.max(times.span.1));
                counts.histogram.iter_mut().zip(times.histogram).for_each(|(sum, more)| *sum += more);
            }
        }
    }
    counts.span = span_of(span);
    let first = values.iter().map(|lists| Ok(ranked(lists, request.values_max)?.first));
    counts.facets = first.collect::<tantivy::Result<_>>()?;
    Ok(counts)
}
