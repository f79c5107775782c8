//! The language by example: what is read, what is refused and where, and what is found.

use super::{Document, parse, quoted};
use crate::decode;
use crate::model::{Entry, EntryFlags, EntryKind, ReceivedAt, Seq, SourceId, Verdict};
use uuid::Uuid;

const EVENT: &str = r#"{
    "timestamp":"2026-01-15T10:30:00.5Z", "action":"data.export.csv", "status":"failure",
    "principalId":"Alice@Example.com", "organizationId":"acme-corp", "targetResourceType":"Patient",
    "targetResourceId":"records/2026/0042", "outcomeDescription":"Access denied: no write permission",
    "correlationId":"REQ-77", "dataClassification":"PHI", "recordCount":150,
    "sessionContext":{"sessionId":"s-1","ipAddress":"10.1.2.3","userAgent":"curl/8.5","geolocation":"Berlin"},
    "details":{"Region":"us-east-1","tags":["Nightly","Über Größe"],"size":2.5e3,"dry":true,"none":null}
}"#;

fn entry() -> Entry {
    Entry {
        seq: Seq(7),
        kind: EntryKind::Event,
        received_at: ReceivedAt(1_768_500_000_000_000_000),
        salt: [0; 32],
        id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00ff),
        source: SourceId(3),
        verdict: Verdict::HashMismatch,
        flags: EntryFlags::default(),
        assigned_organization: None,
        body: EVENT.as_bytes().to_vec(),
    }
}

#[track_caller]
fn check(texts: &[&str], expected: bool) {
    let entry = entry();
    let event = decode::stored(&entry.body, entry.received_at).expect("an event");
    let values = decode::values(&entry.body).expect("an event");
    let document = Document::of_event(&entry, &event, "Ward 7", values);
    for text in texts {
        let query = parse(text).expect(text);
        assert_eq!(query.matches(&document), expected, "{text}");
        let without = parse(&format!("-({text})")).expect(text);
        assert_eq!(without.matches(&document), !expected, "not {text}");
    }
}

#[test]
fn a_word_is_found_in_any_text_whatever_its_case() {
    check(
        &["alice", "EXPORT", "denied", "berlin", "nightly", "größe", "ÜBER", "curl", "patient", "0042"],
        true,
    );
    check(&["alic", "expor", "phi", "hash", "2500", "missing"], false);
}

#[test]
fn a_phrase_is_words_in_a_row_within_one_text() {
    check(
        &["\"access denied\"", "\"ACCESS, denied no\"", "data.export", "alice@example.com", "us-east-1"],
        true,
    );
    check(&["\"denied access\"", "\"access no\"", "\"csv alice\"", "\"permission curl\""], false);
}

#[test]
fn an_id_or_an_address_is_found_as_a_whole_without_a_field() {
    let texts =
        ["REQ-77", "req-77", "s-1", "10.1.2.3", "::ffff:10.1.2.3", "01920000-0000-7000-8000-0000000000ff"];
    // Without quotes the colons of the address would make it a field.
    check(&texts.map(quoted).each_ref().map(String::as_str), true);
    check(&["req-7", "\"10.1.2\""], false);
}

#[test]
fn a_field_takes_the_whole_value_and_stars_a_part_of_it() {
    check(
        &[
            "principal:alice@example.com",
            "principalId:\"ALICE@example.com\"",
            "action:data.*",
            "action:*csv",
            "action:*export*",
            "action:data*csv",
            "action:*",
            "resource:*/2026/*",
            "type:patient",
            "org:acme*",
            "status:failure",
            "classification:phi",
            "policy:standard",
            "verdict:hash_mismatch",
            "source:\"ward 7\"",
            "session:s-1",
            "correlation:req-*",
            "id:*00ff",
            "STATUS:Failure",
        ],
        true,
    );
    check(
        &[
            "principal:alice",
            "action:data",
            "action:\"data.*\"",
            "action:export*",
            "resource:2026",
            "type:patients",
            "org:other",
            "status:success",
            "action:csv*data",
            "session:*2*",
            "action:*data.export.csv.*",
        ],
        false,
    );
}

#[test]
fn a_text_with_stars_looks_at_words_and_whole_names() {
    check(&["deni*", "*nied", "*enie*", "data.*", "*.csv", "alice@*", "10.1.*", "*/0042"], true);
    check(&["denie", "eni*", "export.*", "10.2.*", "*/42"], false);
}

#[test]
fn an_address_is_one_a_network_or_a_part() {
    check(
        &[
            "ip:10.1.2.3",
            "ip:10.0.0.0/8",
            "ip:10.1.2.3/32",
            "ip:0.0.0.0/0",
            "ip:::ffff:10.1.2.3",
            "ip:*.2.3",
            "ip:*",
        ],
        true,
    );
    check(&["ip:10.1.2.4", "ip:10.2.0.0/16", "ip:2001:db8::/32", "ip:*.2.4", "ip:10.1.2.2/32"], false);
}

#[test]
fn numbers_are_compared() {
    check(
        &[
            "recordCount:150",
            "recordCount:>100",
            "recordCount:>=150",
            "recordCount:<=150",
            "recordCount:<150.5",
            "recordCount:100..150",
            "recordCount:150..",
            "recordCount:..150",
            "recordcount:*",
            "details.size:>2000",
            "details.size:2.5e3",
            "details.size:2000..3000",
        ],
        true,
    );
    check(
        &[
            "recordCount:>150",
            "recordCount:<150",
            "recordCount:151..",
            "details.size:<2500",
            "details.dry:>0",
        ],
        false,
    );
}

#[test]
fn times_are_compared_and_a_date_is_its_whole_day() {
    check(
        &[
            "at:2026-01-15",
            "at:>2026-01-15",
            "at:>=2026-01-15",
            "at:<=2026-01-15",
            "at:<2026-01-16",
            "at:2026-01-14..2026-01-15",
            "at:>2026-01-15T10:30:00Z",
            "at:2026-01-15T10:30:00.5Z",
            "at:<2026-01-15T12:30:00+01:00",
            "timestamp:>2026-01-15T10:30",
            "received:>2026-01-15",
        ],
        true,
    );
    check(
        &[
            "at:2026-01-14",
            "at:<2026-01-15",
            "at:>2026-01-16",
            "at:>2026-01-15T10:30:00.5Z",
            "received:<2026-01-15",
        ],
        false,
    );
}

#[test]
fn any_other_field_is_found_by_its_path() {
    check(
        &[
            "details.region:us-east-1",
            "DETAILS.Region:US-*",
            "details.tags:nightly",
            "details.tags:\"über größe\"",
            "details.dry:true",
            "sessionContext.geolocation:berlin",
            "details.region:*",
        ],
        true,
    );
    check(
        &[
            "details.region:us",
            "details.none:null",
            "details.none:*",
            "region:us-east-1",
            "details.tags:über",
        ],
        false,
    );
}

#[test]
fn prose_is_found_by_words() {
    check(
        &["outcome:denied", "outcome:\"no write\"", "outcome:perm*", "agent:curl", "agent:\"curl/8.5\""],
        true,
    );
    check(&["outcome:curl", "outcome:perm", "agent:denied"], false);
}

#[test]
fn or_binds_weaker_than_and_which_may_be_left_out() {
    check(
        &[
            "missing OR alice",
            "missing OR alice denied",
            "alice AND denied",
            "(missing OR alice) denied",
            "NOT missing",
            "-missing",
            "alice -missing",
            "--alice",
            "-status:success",
            "alice NOT (missing OR gone)",
        ],
        true,
    );
    check(
        &["alice missing", "(alice OR missing) gone", "-alice", "NOT alice OR missing", "alice AND -denied"],
        false,
    );
}

#[test]
fn the_example_of_the_manual_is_read() {
    let text = r#"principal:alice@* action:data.* status:failure ip:10.0.0.0/8 recordCount:>100 "access denied" -org:acme"#;
    check(&[text], true);
}

#[track_caller]
fn check_fault(text: &str, position: usize, part: &str) {
    let fault = parse(text).expect_err(text);
    assert_eq!((fault.position, fault.what.contains(part)), (position, true), "{text}: {fault}");
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    check_fault("alice \"open", 7, "never closed");
    check_fault("über (alice", 6, "never closed");
    check_fault("alice)", 6, "no parenthesis");
    check_fault("alice OR", 9, "must stand here");
    check_fault("OR alice", 1, "must stand here");
    check_fault("alice AND OR bob", 11, "must stand here");
    check_fault("()", 2, "must stand here");
    check_fault("NOT", 4, "must stand here");
    check_fault("a - b", 3, "minus");
    check_fault("principal: alice", 11, "a value must follow");
    check_fault(":alice", 1, "name of a field");
    check_fault("alice && bob", 7, "letters or digits");
    check_fault("ip:10.0.0", 4, "an address");
    check_fault("ip:10.0.0.0/33", 4, "an address");
    check_fault("recordCount:many", 13, "a number");
    check_fault("recordCount:>NaN", 13, "a number");
    check_fault("recordCount:..", 13, "needs an end");
    check_fault("at:yesterday", 4, "a date");
    check_fault("at:2026-02-30", 4, "a date");
    check_fault("outcome:two.w*", 9, "one word");
    check_fault("a*b*c*d*e*f*g*h*i*j", 1, "stars");
}

#[test]
fn length_depth_and_number_of_terms_are_bounded() {
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(20)).is_ok());
    check_fault(&nested(21), 22, "20 deep");
    assert!(parse(&"a ".repeat(100)).is_ok());
    check_fault(&"a ".repeat(101), 201, "100 terms");
    assert!(parse(&"a".repeat(2_000)).is_ok());
    check_fault(&"ä".repeat(2_001), 2_001, "2000 characters");
    assert!(parse(&"-".repeat(1_999)).is_err());
    assert!(parse(&"(".repeat(2_000)).is_err());
}

#[test]
fn what_is_quoted_means_itself() {
    for name in ["a\"b", "a\\", "x:y (z)", "-n", "a*b"] {
        let query = parse(&format!("principal:{}", quoted(name))).expect(name);
        let expected = super::Query::Name(super::Name::Principal, super::Pattern::whole(name));
        assert_eq!(query, expected, "{name}");
    }
}
