//! The index against the plain meaning of the language, and against every kind of trouble on disk.

mod agreement;
mod profiles;
mod disk;

use super::Indexer;
use crate::decode;
use crate::model::{
    AuditEvent, Entry, EntryFlags, EntryKind, EventFilter, EventOrder, EventQuery, Organizations, ReceivedAt,
    Seq, SourceId, Verdict,
};
use crate::search_text::Document;
use uuid::Uuid;

const LOG: &str = "00112233445566778899aabbccddeeff";

/// One of a list, by a number that need not fit.
fn pick<'a>(list: &[&'a str], number: u64) -> &'a str {
    list[(number % list.len() as u64) as usize]
}

/// Events whose values meet in many ways, with what is awkward: both cases, far times, parts of microseconds.
fn entry(seq: u64) -> Entry {
    let mix = |salt: u64| (seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).wrapping_mul(salt | 1) >> 7;
    let time = pick(
        &[
            "2026-01-15T10:30:00Z",
            "2026-01-15T10:30:00.000000500Z",
            "2026-01-15T10:30:00.000001Z",
            "0001-01-01T00:00:00Z",
            "9998-12-31T23:59:59.999999999Z",
            "2026-01-15T12:00:00+02:00",
            "1969-12-31T23:59:59.9999999Z",
            "2026-01-16T00:00:00Z",
        ],
        mix(3),
    );
    let address = pick(
        &["10.1.2.3", "10.1.2.4", "::ffff:10.1.2.3", "2001:db8::1", "2001:DB8:0::1", "192.168.0.1"],
        mix(5),
    );
    let mut body = format!(
        r#"{{"timestamp":"{time}","action":"{}","status":"{}","dataClassification":"{}""#,
        pick(&["data.read", "data.export", "Data.Export", "auth.login", "data.exporter"], mix(7)),
        pick(&["success", "failure", "attempt"], mix(11)),
        pick(&["PHI", "PUBLIC", "INTERNAL"], mix(13)),
    );
    let mut add = |name: &str, value: Option<&str>| {
        value.into_iter().for_each(|value| body.push_str(&format!(r#","{name}":"{value}""#)));
    };
    let some = |list: &[&'static str], number: u64| Some(pick(list, number)).filter(|text| *text != "-");
    add("principalId", some(&["alice", "Alice", "bob", "alice.b", "ÄNNE", "-"], mix(17)));
    add("organizationId", some(&["acme", "Acme", "other", "-"], mix(19)));
    add("targetResourceType", some(&["Patient", "Record", "-"], mix(23)));
    add("targetResourceId", some(&["rec/1", "rec/12", "REC/1", "-"], mix(29)));
    add(
        "outcomeDescription",
        some(&["Access denied", "denied access", "access was denied", "ok", "-"], mix(31)),
    );
    add("correlationId", some(&["c-1", "C-1", "-"], mix(37)));
    if mix(41) % 3 > 0 {
        body.push_str(&format!(
            r#","sessionContext":{{"ipAddress":"{address}","sessionId":"s{}","userAgent":"curl 8"}}"#,
            mix(43) % 4
        ));
    }
    if mix(47) % 3 > 0 {
        body.push_str(&format!(
            r#","recordCount":{}"#,
            pick(&["0", "-0", "5", "100", "100.5", "-3", "1e9"], mix(53))
        ));
    }
    let region = pick(&["us-east-1", "US-West", "eu"], mix(59));
    body.push_str(&format!(
        r#","details":{{"region":"{region}","n":[{},{}],"note":"{}"}}}}"#,
        mix(61) % 9,
        mix(67) % 200,
        pick(&["alice was here", "nobody", "denied"], mix(71))
    ));
    Entry {
        seq: Seq(seq * 2),
        kind: EntryKind::Event,
        received_at: ReceivedAt(1_768_500_000_000_000_000 + seq * 77),
        salt: [0; 32],
        id: Uuid::from_u128(u128::from(seq) << 60 | 0x7000 << 64),
        source: SourceId(1),
        verdict: if seq.is_multiple_of(4) { Verdict::Verified } else { Verdict::Unsigned },
        flags: EntryFlags::default(),
        assigned_organization: seq.is_multiple_of(5).then(|| "assigned".to_owned()),
        body: body.into_bytes(),
    }
}

fn event(entry: &Entry) -> AuditEvent<'_> {
    decode::stored(&entry.body, entry.received_at).expect("an event of ours")
}

fn document<'a>(entry: &'a Entry, event: &'a AuditEvent<'_>) -> Document<'a> {
    Document::of_event(entry, event, "Feed", decode::values(&entry.body).expect("an event of ours"))
}

fn add(indexer: &mut Indexer, entries: &[Entry]) {
    for entry in entries {
        indexer.add(entry.seq, &document(entry, &event(entry))).expect("the index is open");
    }
    let end = entries.last().map_or(Seq(0), |entry| entry.seq.next());
    indexer.commit(end).expect("the index is open");
}

fn query(filter: EventFilter) -> EventQuery {
    EventQuery {
        filter,
        order: EventOrder::Timestamp,
        descending: true,
        offset: 0,
        limit: 1_000,
        after: None,
    }
}

fn everything() -> EventFilter {
    EventFilter::all(Organizations::All)
}
