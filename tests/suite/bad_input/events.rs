//! One event that breaks a rule, is no JSON, or exceeds a limit.

use super::{EVENTS, Table};
use crate::samples::{plain, plain_with};
use serde_json::json;

#[test]
fn a_member_that_breaks_its_rule_is_named() {
    let mut table = Table::new();
    let long = "x".repeat(10_001);
    for (field, value, code) in [
        ("timestamp", json!(null), "required"),
        ("timestamp", json!(1_767_607_200), "wrong_type"),
        ("timestamp", json!("yesterday"), "invalid_timestamp"),
        ("timestamp", json!("2026-01-05"), "invalid_timestamp"),
        ("timestamp", json!("2026-01-05T10:00:00"), "invalid_timestamp"),
        ("timestamp", json!("2026-02-30T10:00:00Z"), "invalid_timestamp"),
        ("timestamp", json!("2026-01-05T24:61:00Z"), "invalid_timestamp"),
        ("timestamp", json!("2026-01-05T10:00:60Z"), "invalid_timestamp"),
        ("timestamp", json!("10000-01-05T10:00:00Z"), "invalid_timestamp"),
        ("timestamp", json!("2026-01-05T10:00:00+99:99"), "invalid_timestamp"),
        ("action", json!(null), "required"),
        ("action", json!(""), "empty"),
        ("action", json!(["a"]), "wrong_type"),
        ("action", json!(long), "string_too_long"),
        ("status", json!(null), "required"),
        ("status", json!("ok"), "not_allowed"),
        ("status", json!("SUCCESS"), "not_allowed"),
        ("status", json!(true), "wrong_type"),
        ("principalId", json!(7), "wrong_type"),
        ("principalId", json!(long), "string_too_long"),
        ("organizationId", json!(["a"]), "wrong_type"),
        ("targetResourceType", json!({}), "wrong_type"),
        ("targetResourceId", json!(1.5), "wrong_type"),
        ("outcomeDescription", json!(false), "wrong_type"),
        ("hash", json!(7), "wrong_type"),
        ("hash", json!("a".repeat(63)), "invalid_hash"),
        ("hash", json!("g".repeat(64)), "invalid_hash"),
        ("hashAlgorithm", json!("MD5"), "unknown_algorithm"),
        ("hashAlgorithm", json!("sha-256"), "unknown_algorithm"),
        ("signature", json!(7), "wrong_type"),
        ("algorithm", json!("none"), "unknown_algorithm"),
        ("algorithm", json!("RSASSA_PSS_SHA_1"), "unknown_algorithm"),
        ("eventVersion", json!(1.0), "wrong_type"),
        ("correlationId", json!(7), "wrong_type"),
        ("sessionContext", json!("session"), "wrong_type"),
        ("dataClassification", json!("SECRET"), "not_allowed"),
        ("dataClassification", json!(1), "wrong_type"),
        ("retentionPolicy", json!(30), "wrong_type"),
        ("processingLatency", json!("1"), "wrong_type"),
        ("processingLatency", json!(-0.5), "negative"),
        ("queueDepth", json!(-1), "negative"),
        ("recordCount", json!("5"), "wrong_type"),
        ("id", json!(7), "wrong_type"),
        ("id", json!(""), "invalid_id"),
        ("id", json!("../../etc/passwd"), "invalid_id"),
        ("id", json!("0192a0de00007000800000000000000a"), "invalid_id"),
        ("sourceSeq", json!(1.5), "wrong_type"),
        ("sourceSeq", json!("1"), "wrong_type"),
    ] {
        table.member(field, value, code);
    }
    for (context, code, field) in [
        (json!({"sessionId": ""}), "empty", "sessionContext.sessionId"),
        (json!({"sessionId": 7}), "wrong_type", "sessionContext.sessionId"),
        (json!({"ipAddress": "10.0.0.256"}), "invalid_ip_address", "sessionContext.ipAddress"),
        (json!({"ipAddress": ""}), "invalid_ip_address", "sessionContext.ipAddress"),
        (json!({"ipAddress": "localhost"}), "invalid_ip_address", "sessionContext.ipAddress"),
        (json!({"userAgent": ""}), "empty", "sessionContext.userAgent"),
    ] {
        let event = plain_with(json!({ "sessionContext": context })).to_string();
        table.event(&context.to_string(), event, 422, code, Some(field));
    }
    table.finish(50);
}

#[test]
fn what_is_not_json_or_beyond_a_limit_is_told_apart() {
    let mut table = Table::new();
    for (name, body, status, code) in [
        ("empty", "", 400, "empty_body"),
        ("blank", " \r\n\t", 400, "empty_body"),
        ("null", "null", 422, "wrong_type"),
        ("a number", "1", 422, "wrong_type"),
        ("a text", "\"x\"", 422, "wrong_type"),
        ("true", "true", 422, "wrong_type"),
        ("cut off", r#"{"action":"a","#, 400, "json_syntax"),
        ("cut off in a text", r#"{"action":"a"#, 400, "json_syntax"),
        ("something after it", "{}x", 400, "json_syntax"),
        ("a bracket too many", "{}}", 400, "json_syntax"),
        ("a comma at the end", r#"{"action":"a",}"#, 400, "json_syntax"),
        ("single quotes", "{'action':'a'}", 400, "json_syntax"),
        ("a comment", "{/* */}", 400, "json_syntax"),
        ("NaN", r#"{"recordCount":NaN}"#, 400, "json_syntax"),
        ("infinity", r#"{"recordCount":-Infinity}"#, 400, "json_syntax"),
        ("a leading zero", r#"{"recordCount":01}"#, 400, "json_syntax"),
        ("no such escape", r#"{"action":"\x41"}"#, 400, "json_syntax"),
        ("a byte order mark", "\u{feff}{}", 400, "json_syntax"),
        ("an array that is cut off", "[{},", 400, "json_syntax"),
    ] {
        table.event(name, body, status, code, None);
    }
    table.event("no members", "{}", 422, "required", Some("timestamp"));
    table.event("a raw NUL", b"{\"action\":\"a\0b\"}", 400, "json_syntax", None);
    table.event("NUL between", b"{\0}", 400, "json_syntax", None);
    table.event("invalid UTF-8", b"{\"action\":\"\xff\xfe\"}", 400, "invalid_utf8", None);
    table.event("overlong UTF-8", b"{\"action\":\"\xc0\x80\"}", 400, "invalid_utf8", None);
    table.event("UTF-16", b"{\0\"\0", 400, "json_syntax", None);

    table.written("a key twice", r#""action":"b""#, 400, "duplicate_key", Some("action"));
    table.written("a key twice, escaped", r#""\u0061ction":"b""#, 400, "duplicate_key", Some("action"));
    table.written("a key twice within", r#""d":{"a":1,"a":1}"#, 400, "duplicate_key", Some("d.a"));
    table.written("half a pair", r#""d":"\ud800""#, 400, "lone_surrogate", Some("d"));
    table.written("the other half", r#""d":"\udc00x""#, 400, "lone_surrogate", Some("d"));
    table.written("1e400", r#""d":1e400"#, 400, "number_out_of_range", Some("d"));
    table.written("-1e999", r#""recordCount":-1e999"#, 400, "number_out_of_range", Some("recordCount"));
    table.written("four deep", r#""d":{"a":{"b":{}}}"#, 422, "too_deep", Some("d.a.b"));
    table.written("arrays count", r#""d":[[[]]]"#, 422, "too_deep", Some("d[0][0]"));
    table.written(
        "a text too long",
        &format!(r#""d":["{}"]"#, "x".repeat(10_001)),
        422,
        "string_too_long",
        Some("d[0]"),
    );

    let nested = |depth: usize| format!(r#""d":{}{}"#, "[".repeat(depth), "]".repeat(depth));
    let reply = table
        .client
        .post_text(EVENTS, &format!("{},{}}}", plain().to_string().trim_end_matches('}'), nested(100)));
    assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("too_deep")), "{reply}");
    table.written("129 deep", &nested(129), 400, "too_deep", None);
    table.event("400,000 brackets", "[".repeat(400_000), 400, "too_deep", None);
    table.event("400,000 objects", "{\"a\":".repeat(400_000), 400, "too_deep", None);

    let keys: Vec<String> = (0..1_000).map(|n| format!(r#""k{n}":0"#)).collect();
    let reply = table
        .client
        .post_text(EVENTS, &format!("{},{}}}", plain().to_string().trim_end_matches('}'), keys.join(",")));
    assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("too_many_keys")), "{reply}");
    let reply = table.client.post(EVENTS, &plain_with(json!({ "k".repeat(10_000): 0 })));
    assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("key_too_long")), "{reply}");
    let large = plain_with(json!({"details": vec!["x".repeat(9_000); 34]})).to_string();
    assert!(large.len() > 300_000);
    table.event("300 KB", &large, 413, "event_too_large", None);

    let bulk = format!("{EVENTS}/bulk");
    for (name, body, status, code, field) in [
        ("bulk without events", "{}", 422, "required", Some("events")),
        ("bulk of an array", "[]", 422, "wrong_type", None),
        ("bulk of null", r#"{"events":null}"#, 422, "wrong_type", Some("events")),
        ("bulk of an object", r#"{"events":{}}"#, 422, "wrong_type", Some("events")),
        ("bulk twice", r#"{"events":[],"events":[]}"#, 400, "duplicate_key", Some("events")),
        ("bulk cut off", r#"{"events":[{}"#, 400, "json_syntax", None),
    ] {
        let reply = table.client.post_text(&bulk, body);
        table.check(name, &reply, status, code, field);
    }
    table.event("two to wrap", r#"{"eventData":{},"eventData":{}}"#, 400, "duplicate_key", Some("eventData"));
    table.finish(45);
}
