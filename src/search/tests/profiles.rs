//! What the index tells of one principal or resource is what a scan of all events tells.

use super::agreement::{filters, indexed, scanned};
use super::{LOG, add, entry, event, everything, query};
use crate::model::{AuditEvent, Entry, EventFilter, Seq, Status};
use crate::search::{Distinct, Facet, FacetCount, FacetRequest, Histogram, Indexer, Place, ProfileRequest};
use crate::search_text::Query;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::IpAddr;

type Counts = BTreeMap<String, u64>;

fn count(counts: &mut Counts, value: Option<impl Into<String>>) {
    value.into_iter().for_each(|value| *counts.entry(value.into()).or_default() += 1);
}

fn address(event: &AuditEvent<'_>) -> Option<String> {
    let address: IpAddr = event.session.as_ref()?.ip_address.as_deref()?.parse().ok()?;
    Some(address.to_canonical().to_string())
}

fn told(counts: &[FacetCount]) -> Counts {
    assert!(counts.is_sorted_by_key(|count| std::cmp::Reverse(count.count)), "{counts:?}");
    counts.iter().map(|count| (count.value.clone(), count.count)).collect()
}

fn check(filter: EventFilter) -> u64 {
    let zone = TimeZone::get("Europe/Berlin").expect("the zone database is bundled");
    let from: Timestamp = "2026-01-15T00:00:00Z".parse().expect("a time");
    let histogram = Histogram { from, to: from + SignedDuration::from_hours(48), buckets: 48 };
    let request = ProfileRequest { values_max: 100, histogram: Some(histogram), zone: zone.clone() };
    let (entries, search) = indexed();
    let found = search.profile(&filter, &request).expect("it is ready");
    let [mut principals, mut organizations, mut addresses, mut agents, mut resources, mut classes] =
        [const { Counts::new() }; 6];
    let mut actions: BTreeMap<String, [u64; Status::ALL.len()]> = BTreeMap::new();
    let (mut week, mut hours) = (vec![0; 168], vec![0; 48]);
    let hits = scanned(&Query::everything(), &query(filter));
    for hit in &hits {
        let entry = &entries[hit.seq as usize / 2];
        let event = event(entry);
        let session = event.session.as_ref();
        count(&mut principals, event.principal_id.as_deref());
        count(&mut organizations, crate::model::organization_of(entry, &event));
        count(&mut addresses, address(&event));
        count(&mut agents, session.and_then(|session| session.user_agent.as_deref()));
        count(&mut classes, Some(event.classification.name()));
        let kind = event.target_resource_type.as_deref().unwrap_or_default();
        count(&mut resources, event.target_resource_id.as_deref().map(|id| format!("{kind} {id}")));
        let status =
            Status::ALL.iter().position(|status| *status == event.status).expect("it is one of them");
        actions.entry(event.action.clone().into_owned()).or_default()[status] += 1;
        let local = zone.to_datetime(event.timestamp);
        let day = local.weekday().since(Weekday::Monday);
        week[usize::try_from(i32::from(day) * 24 + i32::from(local.hour())).expect("not negative")] += 1;
        let hour = (hit.nanos - from.as_nanosecond()).div_euclid(3_600_000_000_000);
        let hour = usize::try_from(hour).ok().and_then(|hour| hours.get_mut(hour));
        hour.into_iter().for_each(|count: &mut u64| *count += 1);
    }
    assert_eq!(found.total, hits.len() as u64);
    assert_eq!((found.week, found.histogram), (week, hours));
    let by_status: BTreeMap<_, _> =
        found.actions.first.iter().map(|count| (count.action.clone(), count.by_status)).collect();
    assert_eq!(by_status, actions);
    let lists = [found.principals, found.organizations, found.addresses, found.agents, found.classifications];
    for (list, expected) in lists.iter().zip([principals, organizations, addresses, agents, classes]) {
        assert_eq!(list.distinct, Distinct::Exactly(expected.len() as u64));
        assert_eq!(told(&list.first), expected);
    }
    let named = found.resources.first.iter().map(|it| (format!("{} {}", it.resource_type, it.id), it.count));
    assert_eq!(named.collect::<Counts>(), resources);
    let micros = |time: Timestamp| time.as_nanosecond().div_euclid(1_000);
    let ends = hits.last().zip(hits.first()).map(|(first, last)| (first.nanos, last.nanos));
    assert_eq!(
        found.span.map(|(first, last)| (micros(first), micros(last))),
        ends.map(|(first, last)| (first.div_euclid(1_000), last.div_euclid(1_000)))
    );
    found.total
}

#[test]
fn everything_is_counted_the_same_the_first_time_and_from_what_is_kept() {
    assert_eq!(check(everything()), check(everything()));
}

#[test]
fn one_principal_and_one_resource_have_their_own() {
    let alice = EventFilter { principals: ["alice".to_owned()].into(), ..everything() };
    let record = EventFilter {
        resource_types: ["Record".to_owned()].into(),
        resource_ids: ["rec/1".to_owned()].into(),
        ..everything()
    };
    assert!(check(alice) > 0);
    assert!(check(record) > 0);
}

/// One of many that have a principal, an address and a resource each.
fn of(seq: u64, who: &str, address: &str) -> Entry {
    let body = format!(
        r#"{{"timestamp":"2026-01-15T10:30:00Z","action":"data.read","status":"success","principalId":"{who}",
        "targetResourceId":"{who}","sessionContext":{{"ipAddress":"{address}"}}}}"#
    );
    Entry { body: body.into_bytes(), ..entry(seq) }
}

#[test]
fn the_most_frequent_of_very_many_values_are_counted_to_the_last_one() {
    let mut indexer = Indexer::new(Place::Memory, LOG.to_owned(), 0);
    indexer.prepare(Seq(0)).expect("memory");
    for segment in 0..3_u64 {
        let single = |n: u64| (format!("p{n}-{segment}"), format!("10.{segment}.{}.{}", n / 250, n % 250));
        let mut those: Vec<(String, String)> = (0..1_200).map(single).collect();
        // In the last segment, only once and behind all others by name: not among those that it hands on by name.
        let often = if segment < 2 { 30 } else { 1 };
        those.extend((0..often).map(|n| {
            let address = if n % 2 == 0 { "203.0.113.9" } else { "::ffff:203.0.113.9" };
            ("z-often".to_owned(), address.to_owned())
        }));
        those.extend((0..20).map(|_| ("always".to_owned(), "10.9.9.9".to_owned())));
        let entries: Vec<Entry> =
            (segment * 2_000..).zip(those).map(|(seq, (who, address))| of(seq, &who, &address)).collect();
        add(&mut indexer, &entries);
    }
    let search = indexer.search();
    let is = |value: &str, count| FacetCount { value: value.to_owned(), count };
    let request = ProfileRequest { values_max: 2, histogram: None, zone: TimeZone::UTC };
    for _ in 0..2 {
        let found = search.profile(&everything(), &request).expect("it is ready");
        assert_eq!(found.principals.first, [is("z-often", 61), is("always", 60)]);
        assert_eq!(found.addresses.first, [is("203.0.113.9", 61), is("10.9.9.9", 60)]);
        assert_eq!(found.resources.first.iter().map(|it| it.count).collect::<Vec<_>>(), [61, 60]);
        assert!(matches!(found.principals.distinct, Distinct::AtLeast(1_202..)));
    }
    let request = FacetRequest { facets: vec![Facet::Principal], values_max: 2, histogram: None };
    let found = search.facets(&Query::everything(), &everything(), &request).expect("it is ready");
    assert_eq!(found.facets, [[is("z-often", 61), is("always", 60)]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_filter_gives_what_a_scan_gives(filter in filters()) {
        check(filter);
    }
}
