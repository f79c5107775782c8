//! Every rule of the wire format, on both sides of its boundary.

use super::*;
use crate::model::{AuditEvent, Classification, ReceivedAt, Status};

const REQUIRED: &str = r#""timestamp":"2024-01-01T00:00:00.000Z","action":"a.b","status":"success""#;

/// An event with everything that is required and `members` besides.
fn with(members: &str) -> String {
    format!("{{{REQUIRED},{members}}}")
}

fn read(raw: &str) -> Result<AuditEvent<'_>, Fault> {
    event(raw.as_bytes(), &Limits::default(), None)
}

/// Kind, code and field of the fault, or `None`.
fn fault(raw: impl AsRef<[u8]>) -> Option<(FaultKind, &'static str, Option<String>)> {
    let fault = event(raw.as_ref(), &Limits::default(), None).err()?;
    assert!(fault.message.len() < 300, "{}", fault.message);
    Some((fault.kind, fault.code, fault.field))
}

/// That the event is refused as not valid (422) for `code` of `field`.
fn check_invalid(raw: &str, code: &str, field: &str) {
    let expected = (FaultKind::Invalid, field.to_owned());
    let found = fault(raw).map(|(kind, found, field)| (found, (kind, field.unwrap_or_default())));
    assert_eq!(found, Some((code, expected)), "{raw:.200}");
}

#[test]
fn an_event_with_every_field_is_read_whole() {
    let raw = with(
        r#""principalId":"p","organizationId":"o","targetResourceType":"t","targetResourceId":"r\n",
        "outcomeDescription":"d","hash":"08a78f83fe3d90b6e7450abf80aa40b6071d4736be6b0e9b5cbcc5c1579c6143",
        "hashAlgorithm":"SHA-256","signature":"s",
        "algorithm":"HMAC-SHA256","eventVersion":"1.0","correlationId":"c",
        "sessionContext":{"sessionId":"i","ipAddress":"::1","userAgent":"u","geolocation":{"x":1}},
        "dataClassification":"PHI","retentionPolicy":"long",
        "processingLatency":0,"queueDepth":1.5,"recordCount":-2e1,
        "id":"01890a5d-ac96-774b-bcce-b302099a8057","sourceSeq":-9223372036854775808,"details":{"a":[1]}"#,
    );
    let event = read(&raw).expect("valid");
    assert_eq!(event.timestamp_text.as_deref(), Some("2024-01-01T00:00:00.000Z"));
    assert_eq!(event.timestamp.as_second(), 1_704_067_200);
    assert_eq!((event.action.as_ref(), event.status), ("a.b", Status::Success));
    assert_eq!(event.target_resource_id.as_deref(), Some("r\n"));
    let session = event.session.expect("was sent");
    assert_eq!(session.ip_address.as_deref(), Some("::1"));
    assert_eq!((event.classification, event.retention_policy.as_ref()), (Classification::Phi, "long"));
    assert_eq!((event.record_count, event.source_seq), (Some(-20.0), Some(i64::MIN)));
    assert_eq!(event.id.map(|id| id.get_version_num()), Some(7));
    assert_eq!(event.claim.signature.as_deref(), Some("s"));
}

#[test]
fn null_counts_as_absent_and_absent_gives_the_default() {
    for raw in [
        format!("{{{REQUIRED}}}"),
        with(
            r#""principalId":null,"hash":null,
            "hashAlgorithm":null,"signature":null,"algorithm":null,"id":null,
            "eventVersion":null,"sessionContext":null,"dataClassification":null,"retentionPolicy":null,
            "processingLatency":null,"queueDepth":null,"recordCount":null,"sourceSeq":null,"other":null"#,
        ),
    ] {
        let event = read(&raw).expect("valid");
        assert_eq!(event.classification, Classification::Internal);
        assert_eq!(event.retention_policy, "standard");
        assert_eq!((event.principal_id, event.session, event.id), (None, None, None));
    }
    let event = with(r#""sessionContext":{"sessionId":null}"#);
    assert_eq!(read(&event).map(|event| event.session.map(|session| session.session_id)), Ok(Some(None)));
}

#[test]
fn a_typical_event_is_read_without_a_copy() {
    let raw = with(r#""principalId":"p","sessionContext":{"ipAddress":"10.0.0.1"}"#);
    let event = read(&raw).expect("valid");
    assert!(matches!(event.action, std::borrow::Cow::Borrowed(_)));
    assert!(matches!(event.principal_id, Some(std::borrow::Cow::Borrowed(_))));
}

#[test]
fn what_is_required_is_missed_by_name() {
    check_invalid("{}", "required", "timestamp");
    check_invalid(r#"{"timestamp":null,"action":"a","status":"failure"}"#, "required", "timestamp");
    check_invalid(r#"{"timestamp":"2024-01-01T00:00:00Z","status":"failure"}"#, "required", "action");
    check_invalid(r#"{"timestamp":"2024-01-01T00:00:00Z","action":"a","status":null}"#, "required", "status");
    check_invalid(
        r#"{"timestamp":"2024-01-01T00:00:00Z","action":"","status":"failure"}"#,
        "empty",
        "action",
    );
}

#[test]
fn a_missing_timestamp_is_the_time_of_receipt_only_where_the_form_says_so() {
    let raw = br#"{"action":"a","status":"attempt"}"#;
    let received = ReceivedAt(1_700_000_000_123_456_789);
    let event = event(raw, &Limits::default(), Some(received.timestamp())).expect("valid");
    assert_eq!((event.timestamp_text, event.timestamp), (None, received.timestamp()));
    assert_eq!(stored(raw, received).map(|event| event.timestamp), Ok(received.timestamp()));
    let raw = br#"{"action":"a","status":"attempt","timestamp":""}"#;
    assert_eq!(stored(raw, received).map_err(|fault| fault.code).err(), Some("invalid_timestamp"));
}

#[test]
fn closed_sets_formats_and_types_are_kept_to() {
    for (members, code, field) in [
        (r#""principalId":1"#, "wrong_type", "principalId"),
        (r#""organizationId":{}"#, "wrong_type", "organizationId"),
        (r#""signature":true"#, "wrong_type", "signature"),
        (r#""eventVersion":1.0"#, "wrong_type", "eventVersion"),
        (r#""dataClassification":"phi""#, "not_allowed", "dataClassification"),
        (r#""dataClassification":"""#, "not_allowed", "dataClassification"),
        (r#""hashAlgorithm":"MD5""#, "unknown_algorithm", "hashAlgorithm"),
        (r#""hashAlgorithm":"sha-256""#, "unknown_algorithm", "hashAlgorithm"),
        (r#""algorithm":"HMAC-SHA512""#, "unknown_algorithm", "algorithm"),
        (r#""algorithm":"RSASSA_PSS_SHA_1""#, "unknown_algorithm", "algorithm"),
        (r#""hash":"""#, "invalid_hash", "hash"),
        (r#""sessionContext":[]"#, "wrong_type", "sessionContext"),
        (r#""sessionContext":{"sessionId":""}"#, "empty", "sessionContext.sessionId"),
        (r#""sessionContext":{"userAgent":""}"#, "empty", "sessionContext.userAgent"),
        (r#""sessionContext":{"userAgent":5}"#, "wrong_type", "sessionContext.userAgent"),
        (r#""sessionContext":{"ipAddress":""}"#, "invalid_ip_address", "sessionContext.ipAddress"),
        (r#""sessionContext":{"ipAddress":"10.0.0.256"}"#, "invalid_ip_address", "sessionContext.ipAddress"),
        (r#""sessionContext":{"ipAddress":"10.0.0.1:80"}"#, "invalid_ip_address", "sessionContext.ipAddress"),
        (r#""processingLatency":-0.1"#, "negative", "processingLatency"),
        (r#""queueDepth":-1"#, "negative", "queueDepth"),
        (r#""queueDepth":"1""#, "wrong_type", "queueDepth"),
        (r#""recordCount":"5000""#, "wrong_type", "recordCount"),
        (r#""sourceSeq":1.0"#, "wrong_type", "sourceSeq"),
        (r#""sourceSeq":9223372036854775808"#, "wrong_type", "sourceSeq"),
        (r#""id":"""#, "invalid_id", "id"),
        (r#""id":"01890a5dac96774bbcceb302099a8057""#, "invalid_id", "id"),
        (r#""id":"../../../../etc/passwd-aaaaaaaaaaaaaa""#, "invalid_id", "id"),
        (r#""id":7"#, "wrong_type", "id"),
    ] {
        check_invalid(&with(members), code, field);
    }
    let time = r#"{"timestamp":"2026-02-30T00:00:00Z","action":"a","status":"success"}"#;
    check_invalid(time, "invalid_timestamp", "timestamp");
    let status = r#"{"timestamp":"2026-02-20T00:00:00Z","action":"a","status":"SUCCESS"}"#;
    check_invalid(status, "not_allowed", "status");
}

#[test]
fn what_lies_just_inside_a_rule_is_accepted() {
    for members in [
        r#""principalId":"""#.to_owned(),
        r#""sessionContext":{}"#.to_owned(),
        r#""sessionContext":{"ipAddress":"2001:db8::1"}"#.to_owned(),
        r#""queueDepth":-0"#.to_owned(),
        r#""eventVersion":"9""#.to_owned(),
        r#""algorithm":"RSASSA_PKCS1_V1_5_SHA_512""#.to_owned(),
        r#""hashAlgorithm":"SHA-256-JCS""#.to_owned(),
        r#""id":"01890A5D-AC96-774B-BCCE-B302099A8057""#.to_owned(),
        format!(r#""hash":"{}""#, "aF".repeat(32)),
        r#""x":123456789012345678901234567890,"y":-0,"z":1E5,"w":1e-999"#.to_owned(),
        r#""x":"\u0000 \ufffe \ud83e\uddad""#.to_owned(),
    ] {
        assert_eq!(fault(with(&members)), None, "{members}");
    }
    check_invalid(&with(&format!(r#""hash":"{}""#, "a".repeat(63))), "invalid_hash", "hash");
    check_invalid(&with(&format!(r#""hash":"{}g""#, "a".repeat(63))), "invalid_hash", "hash");
}

#[test]
fn strings_have_up_to_10_000_characters_at_any_depth() {
    for (character, field) in
        [("x", "principalId"), ("é", "principalId"), (r"\ud83e\uddad", "other"), ("🦭", "other")]
    {
        let member = |count: usize| with(&format!(r#""{field}":"{}""#, character.repeat(count)));
        assert_eq!(fault(member(10_000)), None, "{character}");
        check_invalid(&member(10_001), "string_too_long", field);
    }
    let nested = with(&format!(r#""details":{{"list":["{}"]}}"#, "x".repeat(10_001)));
    check_invalid(&nested, "string_too_long", "details.list[0]");
}

#[test]
fn keys_have_up_to_256_bytes_and_an_event_up_to_1000_of_them() {
    assert_eq!(fault(with(&format!(r#""{}":1"#, "k".repeat(256)))), None);
    let found = fault(with(&format!(r#""{}":1"#, "k".repeat(10_000)))).map(|(kind, code, _)| (kind, code));
    assert_eq!(found, Some((FaultKind::Invalid, "key_too_long")));
    let keys = |count: usize| -> Vec<_> { (0..count).map(|key| format!("\"k{key}\":1")).collect() };
    assert_eq!(fault(with(&keys(997).join(","))), None);
    check_invalid(&with(&keys(998).join(",")), "too_many_keys", "k997");
    check_invalid(
        &with(&format!(r#""details":{{{}}}"#, keys(997).join(","))),
        "too_many_keys",
        "details.k996",
    );
}

#[test]
fn nesting_is_3_deep_and_more_than_128_is_not_read_at_all() {
    assert_eq!(fault(with(r#""a":{"b":{}}"#)), None);
    assert_eq!(fault(with(r#""a":[[]]"#)), None);
    check_invalid(&with(r#""a":{"b":{"c":{}}}"#), "too_deep", "a.b.c");
    check_invalid(&with(r#""a":[[[]]]"#), "too_deep", "a[0][0]");
    let nested = |depth: usize| with(&format!(r#""a":{}{}"#, "[".repeat(depth - 1), "]".repeat(depth - 1)));
    assert_eq!(
        fault(nested(128)).map(|(kind, code, _)| (kind, code)),
        Some((FaultKind::Invalid, "too_deep"))
    );
    assert_eq!(fault(nested(129)), Some((FaultKind::Malformed, "too_deep", None)));
    assert_eq!(stored(nested(128).as_bytes(), ReceivedAt(0)).err(), None);
}

#[test]
fn a_key_that_stands_twice_is_refused_at_any_depth_however_it_is_written() {
    let many: Vec<_> = (0..40).map(|key| format!("\"k{key}\":1")).collect();
    for (members, field) in [
        (r#""action":"b""#.to_owned(), "action"),
        (r#""\u0061ction":"b""#.to_owned(), "action"),
        (r#""x":1,"x":1"#.to_owned(), "x"),
        (r#""d":{"x":1,"y":{"x":2},"x":1}"#.to_owned(), "d.x"),
        (r#""d":[{"x":1,"x":1}]"#.to_owned(), "d[0].x"),
        (r#""sessionContext":{"ipAddress":"::1","ipAddress":"::1"}"#.to_owned(), "sessionContext.ipAddress"),
        (format!(r#""d":{{{},"k39":2}}"#, many.join(",")), "d.k39"),
        (format!(r#""d":{{{},"k0":2}}"#, many.join(",")), "d.k0"),
    ] {
        let expected = Some((FaultKind::Malformed, "duplicate_key", Some(field.to_owned())));
        assert_eq!(fault(with(&members)), expected, "{members}");
    }
    assert_eq!(fault(with(r#""d":{"x":{"x":1},"y":{"x":1}},"x":1"#)), None);
    assert_eq!(fault(with(&format!(r#""d":{{{}}}"#, many.join(",")))), None);
}

#[test]
fn a_second_key_is_noticed_whichever_of_however_many_it_repeats() {
    for count in [1, 2, 31, 32, 33, 34, 40] {
        let keys: Vec<_> = (0..count).map(|key| format!("\"k{key}\":1")).collect();
        for twice in &keys {
            let found = fault(with(&format!(r#""d":{{{},{twice}}}"#, keys.join(",")))).map(|found| found.1);
            assert_eq!(found, Some("duplicate_key"), "{twice} of {count}");
        }
    }
}

#[test]
fn what_is_not_json_in_utf_8_is_malformed_and_outranks_a_broken_rule() {
    let cases: [(&[u8], &str); 21] = [
        (b"", "json_syntax"),
        (b"{", "json_syntax"),
        (b"{}x", "json_syntax"),
        (b"{} {}", "json_syntax"),
        (b"{\"a\":1,}", "json_syntax"),
        (b"{\"a\" 1}", "json_syntax"),
        (b"{a:1}", "json_syntax"),
        (b"{'a':1}", "json_syntax"),
        (b"{\"a\":01}", "json_syntax"),
        (b"{\"a\":+1}", "json_syntax"),
        (b"{\"a\":NaN}", "json_syntax"),
        (b"{\"a\":1.}", "json_syntax"),
        (b"{\"a\":[1,]}", "json_syntax"),
        (b"{\"a\":\"\n\"}", "json_syntax"),
        (b"{\"a\":\"\0\"}", "json_syntax"),
        (b"{/**/}", "json_syntax"),
        (b"\xef\xbb\xbf{}", "json_syntax"),
        (b"{\"a\":\"\xff\"}", "invalid_utf8"),
        (br#"{"id":1,"a":"\ud800"}"#, "lone_surrogate"),
        (br#"{"a":"\udc00\ud800"}"#, "lone_surrogate"),
        (b"{\"a\":1e400}", "number_out_of_range"),
    ];
    for (raw, code) in cases {
        let found = fault(raw).map(|(kind, code, _)| (kind, code));
        assert_eq!(found, Some((FaultKind::Malformed, code)), "{}", String::from_utf8_lossy(raw));
    }
    assert_eq!(fault(r#"{"id":"no","x":}"#).map(|found| found.1), Some("json_syntax"));
    for raw in ["null", "1", "\"x\"", "[]", "true"] {
        assert_eq!(fault(raw), Some((FaultKind::Invalid, "wrong_type", None)), "{raw}");
    }
}

#[test]
fn an_event_has_up_to_256_kib() {
    let sized = |bytes: usize| {
        let padding = bytes - with(r#""x":"#).len() - 1;
        with(&format!(r#""x":{}1"#, " ".repeat(padding)))
    };
    let at_limit = sized(256 * 1024);
    assert_eq!((at_limit.len(), fault(&at_limit)), (256 * 1024, None));
    assert_eq!(fault(sized(256 * 1024 + 1)), Some((FaultKind::TooLarge, "event_too_large", None)));
}

#[test]
fn a_fault_echoes_little_and_only_what_prints() {
    let key = "\u{202e}<b>".repeat(60);
    let fault = read(&with(&format!(r#""{key}":"{}""#, "x".repeat(20_000)))).map(drop).expect_err("too long");
    let field = fault.field.expect("names the field");
    assert!(field.len() <= 64 && !field.contains('\u{202e}'), "{field}");
    assert!(fault.message.starts_with(&field) && fault.message.len() < 150, "{}", fault.message);
}

#[test]
fn versions_that_are_known_are_three() {
    assert!(["1.0", "1.1", "2.0"].into_iter().all(known_version));
    assert!(!["", "1", "2.1", "1.0 "].into_iter().any(known_version));
}
