//! Scripts over a store in memory.

mod disk;
mod faults;
mod formats;

use super::*;
use crate::detect::{Burst, Firing};
use crate::merkle::body_digest;
use crate::model::{
    Activity, Alert, AlertChange, AlertFilter, AlertOrder, Appended, Draft, EntryFlags, EntryKind,
    EventFilter, EventOrder, EventQuery, EvidenceItem, Organizations, Pattern, Placed, ReceivedAt, Seq,
    Severity, SourceId, Verdict,
};
use crate::search_text::Query;
use redb::backends::InMemoryBackend;
use std::ops::ControlFlow;
use uuid::Uuid;

const SECOND: u64 = 1_000_000_000;

fn now(secs: u64) -> ReceivedAt {
    ReceivedAt(1_700_000_000 * SECOND + secs * SECOND)
}

fn store() -> Store {
    Store::open_on(InMemoryBackend::new(), now(0)).expect("memory does not fail")
}

fn draft(store: &Store, id: Option<u128>, principal: &str, timestamp: &str) -> Draft {
    let id = id.map(Uuid::from_u128);
    let own = id.map(|id| format!(r#""id":"{id}","#)).unwrap_or_default();
    let body = format!(
        r#"{{{own}"timestamp":"{timestamp}","action":"data.read","status":"success","principalId":"{principal}"}}"#
    );
    let salt = [7; 32];
    Draft {
        id,
        source: SourceId(1),
        verdict: Verdict::Unsigned,
        flags: EntryFlags::default(),
        timestamp: Some(timestamp.parse().expect("a time")),
        organization: None,
        organization_assigned: false,
        salt,
        body_digest: body_digest(&salt, body.as_bytes()),
        content_digest: store.content_digest(body.as_bytes()),
        body: body.into_bytes(),
    }
}

fn append(store: &Store, drafts: Vec<Draft>) -> Vec<Appended> {
    let mut txn = store.begin(now(1)).expect("memory does not fail");
    let appended = txn.append_events(drafts).expect("memory does not fail");
    let stored = appended.iter().filter(|result| matches!(result, Appended::Stored(_))).count() as u64;
    let account = Account { received: stored, stored, ..Account::default() };
    txn.account(SourceId(1), account).expect("memory does not fail");
    txn.commit().expect("memory does not fail");
    appended
}

fn checked(store: &Store) -> Report {
    let report = store.check(&Anchors::default(), 2, |_| ControlFlow::Continue(()));
    report.expect("nobody ended it")
}

fn query() -> EventQuery {
    EventQuery {
        filter: EventFilter::all(Organizations::All),
        order: EventOrder::Timestamp,
        descending: true,
        offset: 0,
        limit: 10,
        after: None,
    }
}

fn principals(store: &Store, page: &EventPage) -> Vec<String> {
    assert!(store.size() > Seq(0));
    let name = |body: &[u8]| {
        let event: serde_json::Value = serde_json::from_slice(body).expect("JSON");
        event["principalId"].as_str().expect("a name").to_owned()
    };
    page.events.iter().map(|stored| name(&stored.entry.body)).collect()
}

#[test]
fn an_event_is_found_by_the_id_that_the_server_gave_and_by_its_own() {
    let store = store();
    let drafts = vec![
        draft(&store, None, "alice", "2024-01-01T00:00:00Z"),
        draft(&store, Some(5), "bob", "2024-01-01T00:00:01Z"),
    ];
    let appended = append(&store, drafts);
    for (result, name) in appended.iter().zip(["alice", "bob"]) {
        let Appended::Stored(Placed { seq, id }) = *result else { panic!("{result:?}") };
        let stored = store.event(id, &Organizations::All).expect("readable").expect("there").expect("whole");
        assert_eq!(stored.entry.seq, seq);
        assert!(String::from_utf8_lossy(&stored.entry.body).contains(name));
    }
    assert_eq!(store.event(Uuid::from_u128(6), &Organizations::All).expect("readable"), None);
}

#[test]
fn the_same_id_with_the_same_bytes_is_a_duplicate_with_others_a_conflict() {
    let store = store();
    let first = append(&store, vec![draft(&store, Some(5), "bob", "2024-01-01T00:00:00Z")]);
    let Appended::Stored(placed) = first[0] else { panic!("{first:?}") };
    let size = store.size();
    let again = append(&store, vec![draft(&store, Some(5), "bob", "2024-01-01T00:00:00Z")]);
    assert_eq!(again, [Appended::Duplicate(placed)]);
    assert_eq!(store.size(), size);
    let other = append(&store, vec![draft(&store, Some(5), "eve", "2024-01-01T00:00:00Z")]);
    assert_eq!(other, [Appended::Conflict]);
    assert_eq!((store.size(), store.events()), (size.next(), 1), "only the conflict itself is noted");
    let entry = store.entry(size).expect("readable").expect("there").expect("whole").entry;
    assert_eq!(entry.kind, EntryKind::Activity);
}

#[test]
fn within_one_commit_the_first_of_an_id_wins() {
    let store = store();
    let one = || draft(&store, Some(9), "bob", "2024-01-01T00:00:00Z");
    let appended = append(&store, vec![one(), one(), draft(&store, Some(9), "eve", "2024-01-01T00:00:00Z")]);
    assert!(
        matches!(appended[..], [Appended::Stored(a), Appended::Duplicate(b), Appended::Conflict] if a == b)
    );
}

#[test]
fn an_id_is_unique_within_its_organisation_only() {
    let store = store();
    let of = |organization: &str| Draft {
        organization: Some(organization.to_owned()),
        organization_assigned: true,
        ..draft(&store, Some(5), "bob", "2024-01-01T00:00:00Z")
    };
    let appended = append(&store, vec![of("acme"), of("bolt")]);
    assert!(appended.iter().all(|result| matches!(result, Appended::Stored(_))));
    for name in ["acme", "bolt"] {
        let scope = Organizations::from_names([name.to_owned()]);
        let stored =
            store.event(Uuid::from_u128(5), &scope).expect("readable").expect("there").expect("whole");
        assert_eq!(stored.entry.assigned_organization.as_deref(), Some(name));
    }
    let nobody = Organizations::from_names(["else".to_owned()]);
    assert_eq!(store.event(Uuid::from_u128(5), &nobody).expect("readable"), None);
}

#[test]
fn a_clock_that_goes_back_does_not_reorder_the_log() {
    let store = store();
    append(&store, vec![draft(&store, None, "alice", "2024-01-01T00:00:00Z")]);
    let txn = store.begin(ReceivedAt(5)).expect("memory does not fail");
    assert_eq!(txn.now(), now(1));
}

#[test]
fn events_are_listed_newest_first_by_their_own_time_with_an_exact_total() {
    let store = store();
    for day in [3, 1, 4, 2, 5] {
        append(&store, vec![draft(&store, None, &format!("p{day}"), &format!("2024-01-0{day}T00:00:00Z"))]);
    }
    let page = store.events_page(&EventQuery { limit: 2, ..query() }).expect("readable");
    assert_eq!(principals(&store, &page), ["p5", "p4"]);
    assert_eq!(page.total, 5);
    let next = store.events_page(&EventQuery { limit: 2, after: page.next, ..query() }).expect("readable");
    assert_eq!(principals(&store, &next), ["p3", "p2"]);
    let last = store.events_page(&EventQuery { limit: 2, after: next.next, ..query() }).expect("readable");
    assert_eq!((principals(&store, &last), last.next), (vec!["p1".to_owned()], None));
    let by_offset = store.events_page(&EventQuery { limit: 2, offset: 3, ..query() }).expect("readable");
    assert_eq!(principals(&store, &by_offset), ["p2", "p1"]);
    let rising = store.events_page(&EventQuery { descending: false, ..query() }).expect("readable");
    assert_eq!(principals(&store, &rising), ["p1", "p2", "p3", "p4", "p5"]);
}

#[test]
fn by_receipt_no_more_blocks_are_read_than_the_page_needs() {
    let store = store();
    let oldest = store.size();
    for n in 0..6 {
        append(&store, vec![draft(&store, None, &format!("p{n}"), "2024-01-01T00:00:00Z")]);
    }
    // Whoever does not need the oldest block does not notice that it is gone.
    let write = store.db.begin_write().expect("nobody else writes");
    write.open_table(tables::BLOCKS).expect("a table").remove(oldest.0).expect("in memory").expect("a block");
    write.commit().expect("in memory");
    let newest = EventQuery { order: EventOrder::ReceivedAt, limit: 2, ..query() };
    let page = store.events_page(&newest).expect("readable");
    assert_eq!(principals(&store, &page), ["p5", "p4"]);
    assert_eq!((page.total, page.damaged), (6, 0));
    let next = store.events_page(&EventQuery { after: page.next, ..newest }).expect("readable");
    assert_eq!(principals(&store, &next), ["p3", "p2"]);
}

#[test]
fn a_time_range_counts_its_ends_and_a_filter_counts_exactly() {
    let store = store();
    for second in 0..60 {
        let name = if second % 2 == 0 { "even" } else { "odd" };
        append(&store, vec![draft(&store, None, name, &format!("2024-01-01T00:00:{second:02}Z"))]);
    }
    let mut query = query();
    query.filter.from = Some("2024-01-01T00:00:10Z".parse().expect("a time"));
    query.filter.to = Some("2024-01-01T00:00:20Z".parse().expect("a time"));
    assert_eq!(store.events_page(&query).expect("readable").total, 11);
    query.filter.principals.insert("even".to_owned());
    assert_eq!(store.events_page(&query).expect("readable").total, 6);
}

#[test]
fn many_events_in_one_commit_become_blocks_and_all_are_found_again() {
    let store = store();
    let drafts = (0..20_000).map(|n| draft(&store, None, &format!("principal-{n}"), "2024-01-01T00:00:00Z"));
    let appended = append(&store, drafts.collect());
    assert_eq!(appended.len(), 20_000);
    let mut next = Seq(0);
    while next < store.size() {
        for block in store.blocks_from(next, 1 << 20).expect("readable") {
            for read in block.entries_from(next) {
                assert_eq!(read.as_ref().expect("whole").entry.seq, next);
                next = next.next();
            }
        }
    }
    let report = checked(&store);
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.events, report.root), (20_000, store.root()));
}

#[test]
fn an_answer_is_remembered_for_its_request_and_no_other() {
    let store = store();
    let (key, request, other) = (AnswerKey::new("key:a", "k"), [1; 32], [2; 32]);
    let answer = Answer { status: 202, body: b"{\"accepted\":3}".to_vec() };
    let mut txn = store.begin(now(1)).expect("memory");
    assert_eq!(txn.remembered(key, &request).expect("memory"), Remembered::Nothing);
    txn.remember(key, &request, &answer).expect("memory");
    txn.commit().expect("memory");
    let week = 7 * 24 * 3600;
    let txn = store.begin(now(week)).expect("memory");
    assert_eq!(txn.remembered(key, &request).expect("memory"), Remembered::Answer(answer));
    assert_eq!(txn.remembered(key, &other).expect("memory"), Remembered::OtherRequest);
    assert_eq!(txn.remembered(AnswerKey::new("key:b", "k"), &request).expect("memory"), Remembered::Nothing);
    drop(txn);
    let txn = store.begin(now(week + 1)).expect("memory");
    assert_eq!(txn.remembered(key, &request).expect("memory"), Remembered::Nothing, "its week is over");
}

#[test]
fn the_books_add_up() {
    let store = store();
    for _ in 0..2 {
        let mut txn = store.begin(now(1)).expect("memory");
        txn.account(SourceId(3), Account { received: 5, stored: 3, duplicate: 1, rejected: 1 })
            .expect("memory");
        txn.commit().expect("memory");
    }
    let sum = Account { received: 10, stored: 6, duplicate: 2, rejected: 2 };
    assert_eq!(store.accounts().expect("memory"), [(SourceId(3), sum)]);
}

/// One firing at that second, of a fingerprint that is always the same.
fn firing_step(secs: u64) -> DetectionStep {
    let (time, id) = (now(secs).timestamp(), Uuid::from_u128(u128::from(secs)));
    let item = EvidenceItem { seq: Seq(secs), id, time };
    let firing = Firing {
        seq: item.seq,
        id,
        received_at: now(secs),
        time,
        window_end: time,
        counted: vec![item],
        correlation_id: None,
        source: SourceId(1),
    };
    let burst = Burst {
        fingerprint: [1; 32],
        pattern: Pattern::FailedAuth,
        organization: None,
        key: "bob".to_owned(),
        severity: Severity::High,
        threshold: 1,
        timespan_secs: 300,
        cooldown_secs: 300,
        window: vec![item],
        firings: vec![firing],
    };
    DetectionStep { bursts: vec![burst], position: Seq(secs), ..DetectionStep::default() }
}

fn fire(store: &Store, secs: u64) {
    let mut txn = store.begin(now(secs)).expect("memory");
    txn.apply_detection(&firing_step(secs)).expect("memory");
    txn.commit().expect("memory");
}

fn change(store: &Store, alert: &Alert, change: AlertChange) -> Result<Alert, Refusal> {
    let mut txn = store.begin(now(1)).expect("memory");
    let note = Some("because".to_owned());
    let changed = txn.change_alert(alert.id, &Organizations::All, change, "ann", note).expect("memory");
    txn.commit().expect("memory");
    changed
}

fn alerts(store: &Store) -> Vec<Alert> {
    let all = AlertFilter::all(Organizations::All);
    store.alerts_page(&all, &Query::everything(), AlertOrder::CreatedAt, false, 0, 10).expect("memory").alerts
}

#[test]
fn an_event_names_the_alerts_that_it_counted_in() {
    let store = store();
    fire(&store, 10);
    let found = store.alerts_of_event(Seq(10), &Organizations::All).expect("memory");
    assert_eq!(found, alerts(&store));
    assert_eq!(store.alerts_of_event(Seq(11), &Organizations::All).expect("memory"), []);
}

/// Once an older alert was reopened, the next firing looked at the newest one, found it closed, and opened a
/// third beside the one that was open.
#[test]
fn a_firing_finds_the_alert_that_was_reopened() {
    let store = store();
    fire(&store, 10);
    change(&store, &alerts(&store)[0], AlertChange::Resolved).expect("it is open");
    fire(&store, 1_000);
    let [older, newer] = &alerts(&store)[..] else { panic!("the cooldown was over, so there are two") };
    assert!(
        matches!(change(&store, older, AlertChange::Reopened), Err(Refusal::Illegal(_))),
        "the newer is open"
    );
    change(&store, newer, AlertChange::Dismissed).expect("it is open");
    change(&store, older, AlertChange::Reopened).expect("nothing else is open");
    assert!(
        matches!(change(&store, newer, AlertChange::Reopened), Err(Refusal::Illegal(_))),
        "the older is open"
    );
    fire(&store, 2_000);
    let [older, newer] = &alerts(&store)[..] else { panic!("the firing belongs to the one that is open") };
    assert_eq!((older.occurrences, newer.occurrences), (2, 1));
    assert!(!older.is_closed() && newer.is_closed());
}

#[test]
fn a_log_of_a_newer_program_is_refused_and_left_as_it_is() {
    let disk = disk::Disk::with(Vec::new(), disk::Fault::NONE);
    let store = Store::open_on(disk.clone(), now(0)).expect("memory does not fail");
    let write = store.db.begin_write().expect("memory does not fail");
    let newer = (FORMAT_VERSION + 1).to_le_bytes();
    let mut meta = write.open_table(tables::META).expect("it is there");
    meta.insert(tables::META_FORMAT, &newer[..]).expect("memory does not fail");
    drop(meta);
    write.commit().expect("memory does not fail");
    drop(store);
    let before = disk.content();
    let again = disk::Disk::with(before.clone(), disk::Fault::NONE);
    let refused = Store::open_on(again.clone(), now(1)).err().expect("nobody knows what is in it");
    let words = format!("format {}; this program knows formats up to {FORMAT_VERSION}", FORMAT_VERSION + 1);
    assert!(refused.to_string().contains(&words), "{refused}");
    drop(again);
    let same = disk::Disk::with(before, disk::Fault::NONE);
    assert!(matches!(Store::open_on(same, now(2)), Err(StoreError::Newer { .. })), "and still is");
}

#[test]
fn a_new_log_begins_with_its_own_entry() {
    let store = store();
    let entry = store.entry(Seq(0)).expect("readable").expect("there").expect("whole").entry;
    let activity: Activity = serde_json::from_slice(&entry.body).expect("an activity");
    assert!(matches!(activity, Activity::LogCreated { log_id, .. } if log_id == store.log_id()));
}
