//! All that is known of what a query finds, for the page of one principal or one resource.

use super::counting::{Counting, ranked, ranked_by, span_of};
use super::facets::{Distinct, FacetCount, Histogram, Ranking};
use super::schema::{
    ADDRESS, AGENT, CLASSIFICATION, ORGANIZATION, PRINCIPAL, RESOURCE, SEPARATOR, address_of,
    terms_of_address,
};
use super::tally::{self, Times, Values, WEEK_HOURS};
use crate::model::Status;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::sync::Arc;

/// What is to be counted.
#[derive(Clone, Debug)]
pub struct ProfileRequest {
    /// Values of each list, the most frequent ones.
    pub values_max: usize,
    /// By time.
    pub histogram: Option<Histogram>,
    /// Whose clock the hours of the week are read from.
    pub zone: TimeZone,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// All events that were found.
    pub total: u64,
    /// The time of the earliest and of the latest of them, to the microsecond below.
    pub span: Option<(Timestamp, Timestamp)>,
    /// For each stretch of the histogram.
    pub histogram: Vec<u64>,
    /// For each of the 168 hours of the local week, from Monday on.
    pub week: Vec<u64>,
    /// What was done, and how it ended.
    pub actions: Ranking<ActionCount>,
    /// Who did it.
    pub principals: Ranking<FacetCount>,
    /// Whose it is.
    pub organizations: Ranking<FacetCount>,
    /// How sensitive.
    pub classifications: Ranking<FacetCount>,
    /// From where, in the usual writing.
    pub addresses: Ranking<FacetCount>,
    /// With which programs.
    pub agents: Ranking<FacetCount>,
    /// To what: those that have an id.
    pub resources: Ranking<ResourceCount>,
}

/// An action and how often it ended how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionCount {
    /// The action as it was written.
    pub action: String,
    /// How often, in the order of [`Status::ALL`].
    pub by_status: [u64; Status::ALL.len()],
}

impl ActionCount {
    /// How often in all.
    pub fn count(&self) -> u64 {
        self.by_status.iter().sum()
    }
}

/// A resource and how often it was dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceCount {
    /// Its type; empty where it has none.
    pub resource_type: String,
    /// Its id.
    pub id: String,
    /// How often.
    pub count: u64,
}

/// The columns that are counted by value.
const COLUMNS: [&str; 6] = [PRINCIPAL, ORGANIZATION, CLASSIFICATION, AGENT, ADDRESS, RESOURCE];

#[derive(Clone, Copy)]
enum Piece {
    Times,
    Outcomes,
    Values(usize),
}

enum Counted {
    Times(Times),
    Outcomes(Vec<(String, [u64; Status::ALL.len()])>),
    Values(usize, Arc<Values>),
}

/// Counts what the request asks for.
pub(super) fn profile(counting: &Counting<'_>, request: &ProfileRequest) -> tantivy::Result<Profile> {
    let pieces: Vec<Piece> =
        [Piece::Times, Piece::Outcomes].into_iter().chain((0..COLUMNS.len()).map(Piece::Values)).collect();
    let counted = counting.each(&pieces, |piece, segment, hits| {
        Ok(match piece {
            Piece::Times => {
                Counted::Times(tally::times(segment, hits, request.histogram, Some(&request.zone))?)
            }
            Piece::Outcomes => Counted::Outcomes(tally::outcomes(segment, hits)?),
            Piece::Values(at) => Counted::Values(at, counting.values(COLUMNS[at], segment, hits)?),
        })
    })?;
    let mut found = Profile { total: counting.total, week: vec![0; WEEK_HOURS], ..Profile::default() };
    found.histogram = vec![0; request.histogram.map_or(0, tally::buckets_of)];
    let mut span = (i64::MAX, i64::MIN);
    let (mut outcomes, mut values) = (Vec::new(), COLUMNS.map(|_| Vec::new()));
    for counted in counted {
        match counted {
            Counted::Times(times) => {
                span = (span.0.min(times.span.0), span.1.max(times.span.1));
                found.histogram.iter_mut().zip(times.histogram).for_each(|(sum, more)| *sum += more);
                found.week.iter_mut().zip(times.week).for_each(|(sum, more)| *sum += more);
            }
            Counted::Outcomes(of_segment) => outcomes.push(of_segment),
            Counted::Values(at, of_segment) => values[at].push(of_segment),
        }
    }
    found.span = span_of(span);
    found.actions = actions(&outcomes, request.values_max);
    let most = request.values_max;
    let [principals, organizations, classifications, agents, addresses, resources] = &values;
    found.principals = ranked(principals, most)?;
    found.organizations = ranked(organizations, most)?;
    found.classifications = ranked(classifications, most)?;
    found.agents = ranked(agents, most)?;
    // An address may be written in several ways.
    found.addresses = ranked_by(addresses, most, address_of, terms_of_address)?;
    let Ranking { first, distinct } = ranked(resources, most)?;
    found.resources = Ranking { first: first.iter().map(resource).collect(), distinct };
    Ok(found)
}

fn actions(lists: &[Vec<(String, [u64; Status::ALL.len()])>], values_max: usize) -> Ranking<ActionCount> {
    let mut sums: HashMap<&str, [u64; Status::ALL.len()]> = HashMap::new();
    for (action, by_status) in lists.iter().flatten() {
        let sum = sums.entry(action).or_default();
        sum.iter_mut().zip(by_status).for_each(|(sum, more)| *sum += more);
    }
    let distinct = Distinct::Exactly(sums.len() as u64);
    let mut first: Vec<ActionCount> = sums
        .into_iter()
        .map(|(action, by_status)| ActionCount { action: action.to_owned(), by_status })
        .collect();
    first.sort_unstable_by(|a, b| b.count().cmp(&a.count()).then_with(|| a.action.cmp(&b.action)));
    first.truncate(values_max);
    Ranking { first, distinct }
}

fn resource(FacetCount { value, count }: &FacetCount) -> ResourceCount {
    let (resource_type, id) = value.split_once(SEPARATOR).unwrap_or(("", value));
    ResourceCount { resource_type: resource_type.to_owned(), id: id.to_owned(), count: *count }
}
