//! Streams with bad events among good ones, and odd events that are good.

use super::EVENTS;
use crate::appliance::{Appliance, total};
use crate::client::Client;
use crate::samples::{plain, plain_with};
use serde_json::json;

/// Answers of one body of lines: accepted, and the lines of the errors with their codes.
fn lines_of(client: &Client, body: &[u8]) -> (u64, Vec<(u64, String)>) {
    let summary = client.post_as(EVENTS, "application/x-ndjson", body).expect(202).json();
    let errors = summary["errors"].as_array().expect("an array");
    assert_eq!(summary["rejected"], errors.len());
    assert!(errors.iter().all(|error| error["message"].as_str().is_some_and(|message| !message.is_empty())));
    let errors = errors.iter().map(|error| {
        (error["line"].as_u64().expect("a line"), error["code"].as_str().expect("a code").to_owned())
    });
    (summary["accepted"].as_u64().expect("a number"), errors.collect())
}

#[test]
fn the_good_lines_around_a_bad_one_are_stored() {
    let appliance = Appliance::start();
    let client = appliance.everything("lines");
    let good = plain().to_string();
    let mut stored = 0;
    let bad_lines: [(&[u8], &str); 12] = [
        (br#"{"action":"a""#, "json_syntax"),
        (b"x", "json_syntax"),
        (b"{}x", "json_syntax"),
        (b"{}", "required"),
        (b"[]", "wrong_type"),
        (b"null", "wrong_type"),
        (b"{\"action\":\"\xff\"}", "invalid_utf8"),
        (b"\xef\xbb\xbf{}", "json_syntax"),
        (b"{\"a\":\0}", "json_syntax"),
        (br#"{"a":1,"a":1}"#, "duplicate_key"),
        (br#"{"a":"\ud800"}"#, "lone_surrogate"),
        (br#"{"a":1e400}"#, "number_out_of_range"),
    ];
    for (bad, code) in bad_lines {
        for at in [1, 2, 3] {
            for end in ["\n", "\r\n"] {
                let mut lines = vec![good.as_bytes(); 2];
                lines.insert(at - 1, bad);
                let (accepted, errors) = lines_of(&client, &lines.join(end.as_bytes()));
                assert_eq!(
                    (accepted, errors),
                    (2, vec![(at as u64, code.to_owned())]),
                    "{}",
                    bad.escape_ascii()
                );
                stored += 2;
            }
        }
        assert_eq!(total(&client, ""), stored);
    }
    let long = plain_with(json!({"details": vec!["x".repeat(9_000); 34]})).to_string();
    let deep = format!("{}{}", "[".repeat(400_000), "\n");
    let body = [&good, "\n", &long, "\n", &good, "\n\n\n", &deep, &good].concat();
    let expected = vec![(2, "event_too_large".to_owned()), (6, "event_too_large".to_owned())];
    assert_eq!(lines_of(&client, body.as_bytes()), (3, expected), "blank lines count as lines");
    stored += 3;
    assert_eq!(lines_of(&client, b"x\ny\n\nz").0, 0, "all bad is 202 with nothing accepted");
    let array = client.post_text(EVENTS, &format!("[{good}, {{}}, 7, {good}]")).expect(202).json();
    assert_eq!((&array["accepted"], &array["rejected"]), (&json!(2), &json!(2)));
    assert_eq!((&array["errors"][0]["line"], &array["errors"][0]["field"]), (&json!(2), &json!("timestamp")));
    assert_eq!(total(&client, ""), stored + 2);
}

#[test]
fn odd_but_good_input_is_taken() {
    let appliance = Appliance::start();
    let client = appliance.everything("odd");
    let text = plain().to_string();
    for member in [
        r#""d":"\u0000""#,
        r#""d":"\ufffe""#,
        r#""d":-0"#,
        r#""d":1E5"#,
        r#""d":0.1e1"#,
        r#""d":123456789012345678901234567890"#,
        r#""d":"\ud83e\uddad""#,
        r#""d":{"a":{}}"#,
        r#""d":[[]]"#,
        r#""":1"#,
        r#""principalId":null"#,
        r#""principalId":"""#,
        r#""eventVersion":"9.9""#,
        r#""__proto__":{}"#,
        r#""seq":1,"receivedAt":"x","integrity":"verified","leafHash":"x""#,
        r#""processingLatency":0"#,
        r#""sessionContext":{"ipAddress":"::1","geolocation":"x"}"#,
        r#""sourceSeq":-9223372036854775808"#,
    ] {
        let body = format!("{},{member}}}", &text[..text.len() - 1]);
        let stored = client.post_text(EVENTS, &body).expect(201).json();
        assert_eq!(stored["integrity"], "unsigned", "a sender cannot say what we find: {member}");
        let id = stored["id"].as_str().expect("an id");
        assert_eq!(client.get(&format!("{EVENTS}/{id}/raw")).expect(200).text(), body);
    }
    for time in [
        "0000-01-01T00:00:00Z",
        "9999-12-30T00:00:00Z",
        "1969-12-31T23:59:59.999999999Z",
        "2016-12-31T23:59:60Z",
        "2026-01-05T10:00:00-12:34",
    ] {
        let stored = client.post(EVENTS, &plain_with(json!({ "timestamp": time }))).expect(201).json();
        assert_eq!(stored["timestamp"], time);
    }
    let wrong = client.post(EVENTS, &plain_with(json!({"hash": "A".repeat(64)}))).expect(201).json();
    assert_eq!(wrong["integrity"], "hash_mismatch", "evidence is kept, not refused");
    let exactly = plain_with(json!({"action": "x".repeat(10_000), "details": vec!["ä".repeat(10_000); 12]}));
    client.post(EVENTS, &exactly).expect(201);
}
