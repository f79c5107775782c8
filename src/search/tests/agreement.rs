//! What the index finds and counts is what a scan of all events finds and counts.

use super::{LOG, add, document, entry, event, everything, query};
use crate::model::{
    Entry, EventCursor, EventFilter, EventOrder, EventQuery, Organizations, ReceivedAt, Seq, Status, Verdict,
};
use crate::search::{Facet, FacetRequest, Found, Histogram, Indexer, Place, Search};
use crate::search_text::{Query, parse};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

const EVENTS: u64 = 300;

/// All events in an index in memory, in several pieces.
pub(super) fn indexed() -> &'static (Vec<Entry>, Arc<Search>) {
    static INDEXED: OnceLock<(Vec<Entry>, Arc<Search>)> = OnceLock::new();
    INDEXED.get_or_init(|| {
        let entries: Vec<Entry> = (0..EVENTS).map(entry).collect();
        let mut indexer = Indexer::new(Place::Memory, LOG.to_owned(), 0);
        indexer.prepare(Seq(0)).expect("memory");
        entries.chunks(70).for_each(|chunk| add(&mut indexer, chunk));
        (entries, indexer.search())
    })
}

/// What a scan of all events finds, in the order asked for.
pub(super) fn scanned(text: &Query, query: &EventQuery) -> Vec<EventCursor> {
    let found = indexed().0.iter().filter_map(|entry| {
        let event = event(entry);
        let is_found = query.filter.matches(entry, &event) && text.matches(&document(entry, &event));
        let nanos = match query.order {
            EventOrder::Timestamp => event.timestamp.as_nanosecond(),
            EventOrder::ReceivedAt => i128::from(entry.received_at.0),
        };
        is_found.then_some(EventCursor { nanos, seq: entry.seq.0 })
    });
    let mut found: Vec<EventCursor> = found.collect();
    found.sort_unstable();
    if query.descending {
        found.reverse();
    }
    found
}

#[track_caller]
fn check(text: &str, query: &EventQuery) -> usize {
    let parsed = parse(text).expect(text);
    let expected = scanned(&parsed, query);
    let found = indexed().1.events(&parsed, query).expect("it is ready");
    let behind = |hit: &&EventCursor| {
        query.after.is_none_or(|after| (hit < &&after) == query.descending && **hit != after)
    };
    let rest: Vec<EventCursor> = expected.iter().filter(behind).copied().collect();
    let page: Vec<EventCursor> = rest.iter().skip(query.offset).take(query.limit).copied().collect();
    let has_next = rest.len() > query.offset + query.limit;
    assert_eq!(found, Found { total: expected.len() as u64, hits: page, has_next }, "{text}");
    let best = indexed().1.most_relevant(&parsed, &query.filter, 0, 1_000).expect("it is ready");
    let seqs = |hits: &[EventCursor]| hits.iter().map(|hit| hit.seq).collect::<BTreeSet<_>>();
    assert_eq!(seqs(&best.hits), seqs(&expected), "{text} by relevance");
    expected.len()
}

#[test]
fn each_kind_of_clause_finds_what_a_scan_finds() {
    for text in [
        "alice",
        "denied",
        "\"access denied\"",
        "\"denied access\"",
        "c-1",
        "10.1.2.3",
        "alic*",
        "*lic*",
        "data.*",
        "*.1",
        "principal:alice",
        "principal:ali*",
        "principal:*B",
        "principal:änne",
        "org:acme",
        "org:ac*me",
        "org:assigned",
        "action:data.export",
        "action:data.*",
        "type:patient",
        "resource:rec/1",
        "resource:*1*",
        "session:s1",
        "verdict:verified",
        "classification:phi",
        "correlation:c-1",
        "id:*7000*",
        "ip:10.0.0.0/8",
        "ip:10.1.2.3",
        "ip:2001:db8::/32",
        "ip:10.1.2.3/32",
        "ip:10.1.2.0/24",
        "ip:10.1.0.0/16",
        "ip:::/8",
        "-ip:0.0.0.0/0",
        "ip:*.2.*",
        "ip:*",
        "outcome:denied",
        "outcome:acc*",
        "agent:curl",
        "outcome:\"access denied\"",
        "recordCount:>4",
        "recordCount:0",
        "recordCount:..100",
        "recordCount:*",
        "recordCount:<0",
        "at:2026-01-15",
        "at:>2026-01-15T10:30:00Z",
        "at:<=2026-01-15T10:30:00Z",
        "at:<2026-01-15T10:30:00.0000005Z",
        "at:>=2026-01-15T10:30:00.0000005Z",
        "at:>2026-01-15T10:30:00.0000005Z",
        "at:<1970-01-01",
        "at:2026-01-15T10:30:00.0000005Z",
        "received:>2026-01-15T18:00:00.000000770Z",
        "received:<=2026-01-15T18:00:00.000000770Z",
        "details.region:us-*",
        "details.region:eu",
        "details.n:>100",
        "details.n:5",
        "details.n:1*",
        "-alice",
        "alice -denied",
        "denied OR ip:10.1.2.3",
        "-(denied OR alice)",
    ] {
        let found = check(text, &query(everything()));
        assert!(found > 0 && found < EVENTS as usize, "{text} finds {found}, which shows nothing");
    }
    for text in [
        "",
        "*",
        "source:feed",
        "policy:standard",
        "at:*",
        "received:*",
        "received:>1960-01-01",
        "-received:<1960-01-01",
        "-missing",
        "at:<9999-01-01",
    ] {
        assert_eq!(check(text, &query(everything())), EVENTS as usize, "{text}");
    }
    for text in ["missing", "received:<1960-01-01", "received:>2700-01-01", "principal:a principal:b"] {
        assert_eq!(check(text, &query(everything())), 0, "{text}");
    }
}

/// Search texts that make sense, nested.
fn texts() -> impl Strategy<Value = String> {
    let clause = prop::sample::select(vec![
        "alice",
        "Denied",
        "\"access denied\"",
        "data.*",
        "*ex*",
        "principal:al*",
        "-org:acme",
        "org:acme",
        "status:failure",
        "action:*export",
        "ip:10.0.0.0/8",
        "recordCount:>5",
        "recordCount:..100",
        "at:2026-01-15",
        "at:>1970-01-01",
        "details.region:us-*",
        "details.n:<50",
        "id:*7*",
        "resource:rec/1",
        "verdict:verified",
        "c-1",
        "outcome:was",
    ]);
    clause.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|texts| format!("({})", texts.join(" "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|texts| format!("({})", texts.join(" OR "))),
            inner.prop_map(|text| format!("-{text}")),
        ]
    })
}

/// Filters of every kind, few at a time.
pub(super) fn filters() -> impl Strategy<Value = EventFilter> {
    let names = |names: &'static [&'static str]| {
        prop_oneof![
            3 => Just(BTreeSet::new()),
            1 => prop::collection::btree_set(prop::sample::select(names).prop_map(str::to_owned), 1..3),
        ]
    };
    let scope = prop_oneof![
        Just(Organizations::All),
        prop::sample::select(&["acme", "Acme", "assigned", "ac"][..])
            .prop_map(|name| Organizations::Only(BTreeSet::from([name.to_owned()]))),
    ];
    let times = &[
        "2026-01-15T10:30:00Z",
        "2026-01-15T10:30:00.0000005Z",
        "1969-12-31T23:59:59.9999999Z",
        "9998-01-01T00:00:00Z",
    ][..];
    let time = || {
        prop::option::weighted(
            0.2,
            prop::sample::select(times).prop_map(|text| text.parse().expect("a time")),
        )
    };
    let received = || {
        prop::option::weighted(
            0.2,
            (0..EVENTS).prop_map(|seq| ReceivedAt(1_768_500_000_000_000_000 + seq * 77)),
        )
    };
    let sets = (
        names(&["alice", "Alice", "ali"]),
        names(&["acme", "Acme", "assigned"]),
        names(&["data.export", "Data.Export", "data.*", "Data*", "DATA*"]),
        names(&["Patient", "patient"]),
        names(&["rec/1", "REC/1"]),
        names(&["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "no address"]),
    );
    let closed = (
        prop::option::weighted(0.2, prop::sample::select(&Status::ALL[..])),
        prop::option::weighted(0.2, prop::sample::select(&["c-1", "C-1"][..])),
        prop::bool::weighted(0.2),
    );
    (scope, sets, closed, (time(), time()), (received(), received())).prop_map(
        |(scope, sets, closed, times, received)| {
            let (principals, organizations, actions, resource_types, resource_ids, addresses) = sets;
            EventFilter {
                principals,
                organizations,
                actions,
                resource_types,
                resource_ids,
                addresses,
                statuses: closed.0.into_iter().collect(),
                correlation: closed.1.map(str::to_owned),
                verdicts: closed.2.then_some(Verdict::Verified).into_iter().collect(),
                from: times.0,
                to: times.1,
                received_from: received.0,
                received_before: received.1,
                ..EventFilter::all(scope)
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_index_finds_what_a_scan_finds(text in texts(), filter in filters(), descending: bool, by_receipt: bool) {
        let order = if by_receipt { EventOrder::ReceivedAt } else { EventOrder::Timestamp };
        check(&text, &EventQuery { order, descending, ..query(filter) });
    }

    #[test]
    fn pages_follow_each_other(offset in 0_usize..40, limit in 1_usize..40, after in prop::option::of(0..EVENTS), descending: bool, by_receipt: bool) {
        let order = if by_receipt { EventOrder::ReceivedAt } else { EventOrder::Timestamp };
        let all = scanned(&Query::everything(), &EventQuery { order, ..query(everything()) });
        let after = after.map(|at| all[at as usize]);
        check("-status:attempt", &EventQuery { order, descending, offset, limit, after, ..query(everything()) });
    }

    #[test]
    fn facets_count_what_a_scan_counts(text in prop_oneof![1 => Just(String::new()), 3 => texts()], filter in prop_oneof![1 => Just(everything()), 3 => filters()]) {
        let parsed = parse(&text).expect("a text of ours");
        let from: jiff::Timestamp = "2026-01-15T00:00:00Z".parse().expect("a time");
        let histogram = Histogram { from, to: from + jiff::SignedDuration::from_hours(24), buckets: 24 };
        let request = FacetRequest { facets: Facet::ALL.into(), values_max: 100, histogram: Some(histogram) };
        let counted = indexed().1.facets(&parsed, &filter, &request).expect("it is ready");
        let found = scanned(&parsed, &query(filter));
        prop_assert_eq!(counted.total, found.len() as u64);
        let mut actions: BTreeMap<String, u64> = BTreeMap::new();
        let mut hours = vec![0; 24];
        for hit in &found {
            let entry = &indexed().0[hit.seq as usize / 2];
            *actions.entry(event(entry).action.into_owned()).or_default() += 1;
            let hour = (hit.nanos - from.as_nanosecond()).div_euclid(3_600_000_000_000);
            usize::try_from(hour).ok().and_then(|hour| hours.get_mut(hour)).into_iter().for_each(|count| *count += 1);
        }
        let by_name: BTreeMap<String, u64> =
            counted.facets[0].iter().map(|count| (count.value.clone(), count.count)).collect();
        prop_assert_eq!(by_name, actions);
        prop_assert_eq!(&counted.histogram, &hours);
        let micros = |hit: Option<&EventCursor>| hit.map(|hit| hit.nanos.div_euclid(1_000));
        let span = counted.span.map(|(first, last)| (first.as_nanosecond() / 1_000, last.as_nanosecond() / 1_000));
        prop_assert_eq!(span, micros(found.last()).zip(micros(found.first())));
    }
}

#[test]
fn the_most_frequent_value_is_the_first_and_no_more_are_told_than_asked_for() {
    let request = FacetRequest { facets: vec![Facet::Status], values_max: 2, histogram: None };
    let counted = indexed().1.facets(&Query::everything(), &everything(), &request).expect("it is ready");
    let [statuses] = &counted.facets[..] else { panic!("one facet was asked for") };
    assert_eq!(statuses.len(), 2);
    assert!(statuses[0].count >= statuses[1].count, "{statuses:?}");
}

#[test]
fn the_best_fitting_event_comes_first() {
    let best =
        indexed().1.most_relevant(&parse("alice OR \"denied access\"").expect("a text"), &everything(), 0, 1);
    let best = best.expect("it is ready");
    let entry = &indexed().0[best.hits[0].seq as usize / 2];
    assert_eq!(event(entry).outcome_description.as_deref(), Some("denied access"));
    assert!(best.has_next);
}
