//! Intake: every form in which events may come, what is answered, and what of them can be read back.

use crate::appliance::{Appliance, eventually, found, total};
use crate::client::encoded;
use crate::samples::{self, plain, plain_with};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Write;

const EVENTS: &str = "/api/v1/audit/events";

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("writing into memory");
    encoder.finish().expect("writing into memory")
}

pub(crate) fn id_of(event: &Value) -> String {
    event["id"].as_str().expect("a stored event has an id").to_owned()
}

pub(crate) fn is_hex(value: &Value, digits: usize) -> bool {
    value.as_str().is_some_and(|text| {
        text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// Every member that the appliance adds, and every one that was sent, unchanged.
#[track_caller]
fn check_stored(stored: &Value, sent: &Value, verdict: &str) {
    uuid::Uuid::parse_str(&id_of(stored)).expect("the id is a UUID");
    assert!(stored["seq"].is_u64(), "{stored}");
    let received = stored["receivedAt"].as_str().expect("a text");
    received.parse::<jiff::Timestamp>().expect("receivedAt is RFC 3339");
    assert_eq!(stored["integrity"], verdict, "{stored}");
    assert!(is_hex(&stored["leafHash"], 64), "{stored}");
    for (name, value) in sent.as_object().expect("an event is an object") {
        assert_eq!(&stored[name], value, "{name}");
    }
}

#[test]
fn one_event_is_answered_with_itself_as_it_is_stored() {
    let appliance = Appliance::start();
    let client = appliance.everything("one");
    let sent = plain_with(
        json!({"details": {"n": 1.50, "text": "päivää"}, "id": "0192a0de-0000-7000-8000-00000000000a"}),
    );
    let reply = client.post(EVENTS, &sent).expect(201);
    assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
    assert!(reply.header("x-request-id").is_some(), "every answer carries an id");
    check_stored(&reply.json(), &sent, "unsigned");
    // The same shape everywhere an event is listed, and visible at once.
    let listed = client.get(EVENTS).expect(200).json();
    assert_eq!(listed["events"], json!([reply.json()]));
    assert_eq!(client.get(&format!("{EVENTS}/{}", id_of(&sent))).expect(200).json(), reply.json());

    let wrapped =
        json!({"eventData": {"action": "test.wrapped", "status": "attempt"}, "options": {"any": [1]}});
    let stored = client.post(EVENTS, &wrapped).expect(201).json();
    check_stored(&stored, &wrapped["eventData"], "unsigned");
    assert_eq!(stored["timestamp"], stored["receivedAt"], "left to the server in this form");
    let with_bearer = appliance.key(&["--name", "bearer"]);
    let bearer = appliance.client().with("Authorization", &format!("Bearer {with_bearer}"));
    bearer.post(EVENTS, &plain()).expect(201);
    assert_eq!(total(&client, ""), 3);
}

#[test]
fn verdicts_say_what_checking_hash_and_signature_found() {
    let appliance = Appliance::start_with(&[("AUDIT_CRYPTO_SECRET", samples::SECRET)]);
    let client = appliance.everything("verdicts");
    let verdict = |event: &Value| client.post(EVENTS, event).expect(201).json()["integrity"].clone();
    assert_eq!(verdict(&samples::signed(plain(), samples::SECRET)), "verified");
    assert_eq!(verdict(&plain()), "unsigned");
    assert_eq!(verdict(&samples::hashed(plain())), "unsigned", "a known key would have signed it");
    assert_eq!(verdict(&samples::signed(plain(), "another secret")), "signature_mismatch");
    let mut changed = samples::signed(plain(), samples::SECRET);
    changed["action"] = json!("test.plaim");
    assert_eq!(verdict(&changed), "hash_mismatch");
    let mut kms = samples::signed(plain(), samples::SECRET);
    kms["algorithm"] = json!("RSASSA_PSS_SHA_256");
    assert_eq!(verdict(&kms), "unverifiable");

    // The version 2 hash of this event, worked out by hand: members sorted, no white space.
    let canonical = concat!(
        r#"{"action":"test.plain","details":{"a":1,"b":[true]},"#,
        r#""status":"success","timestamp":"2026-01-05T10:00:00.000Z"}"#,
    );
    let mut whole: Value = serde_json::from_str(canonical).expect("it is JSON");
    whole["hash"] = json!(hex::encode(Sha256::digest(canonical)));
    whole["hashAlgorithm"] = json!("SHA-256-JCS");
    assert_eq!(verdict(&whole), "unsigned");
    whole["details"]["a"] = json!(2);
    assert_eq!(verdict(&whole), "hash_mismatch", "version 2 covers the details too");

    // A key's own secret comes before the default one.
    let secret_file = appliance.file("secret");
    std::fs::write(&secret_file, "the key's own\n").expect("it can be written");
    let path = secret_file.to_str().expect("a plain path");
    let own = appliance.client().with_key(&appliance.key(&["--name", "own", "--signing-secret-file", path]));
    let verdict = |event: &Value| own.post(EVENTS, event).expect(201).json()["integrity"].clone();
    assert_eq!(verdict(&samples::signed(plain(), "the key's own")), "verified");
    assert_eq!(verdict(&samples::signed(plain(), samples::SECRET)), "signature_mismatch");
}

#[test]
fn an_event_can_be_verified_again() {
    let appliance = Appliance::start_with(&[("AUDIT_CRYPTO_SECRET", samples::SECRET)]);
    let client = appliance.everything("again");
    let event = samples::signed(plain(), samples::SECRET);
    let id = id_of(&client.post(EVENTS, &event).expect(201).json());
    let found = client.post(&format!("{EVENTS}/{id}/verify"), &json!({})).expect(200).json();
    assert_eq!((&found["eventId"], &found["isValid"]), (&json!(id), &json!(true)));
    assert_eq!((&found["computedHash"], &found["storedHash"]), (&event["hash"], &event["hash"]));
    assert_eq!(found["hashAlgorithm"], "SHA-256");
    assert!(found["verificationTimestamp"].is_string() && !found["details"].is_null(), "{found}");

    let mut changed = event.clone();
    changed["status"] = json!("failure");
    let id = id_of(&client.post(EVENTS, &changed).expect(201).json());
    let found = client.post(&format!("{EVENTS}/{id}/verify"), &json!({})).expect(200).json();
    assert_eq!(found["isValid"], false);
    assert_eq!(found["storedHash"], event["hash"]);
    assert_eq!(found["computedHash"], samples::hash(&changed));
}

#[test]
fn bulk_answers_for_each_event() {
    let appliance = Appliance::start();
    let client = appliance.everything("bulk");
    let bulk = |events: Value| client.post(&format!("{EVENTS}/bulk"), &json!({ "events": events }));
    let untimed = plain_with(json!({"timestamp": null}));
    let all = bulk(json!([plain(), untimed])).expect(200).json();
    assert_eq!((&all["total"], &all["successful"], &all["failed"]), (&json!(2), &json!(2), &json!(0)));
    assert!(all["requestId"].is_string() && all["processingTime"].is_number(), "{all}");
    let results = all["results"].as_array().expect("an array");
    check_stored(&results[0]["event"], &plain(), "unsigned");
    assert_eq!((&results[1]["index"], &results[1]["success"]), (&json!(1), &json!(true)));
    assert_eq!(results[1]["event"]["timestamp"], results[1]["event"]["receivedAt"]);

    let some = bulk(json!([plain_with(json!({"status": "ok"})), plain(), 7])).expect(207).json();
    assert_eq!((&some["total"], &some["successful"], &some["failed"]), (&json!(3), &json!(1), &json!(2)));
    let first = &some["results"][0];
    assert_eq!(first["success"], false);
    assert!(first["error"].as_str().is_some_and(|error| error.contains("status")), "{first}");
    assert_eq!(first["validationErrors"][0]["field"], "status");
    assert!(first.get("event").is_none(), "{first}");
    assert_eq!(some["results"][1]["success"], true);
    assert_eq!(bulk(json!([])).expect(200).json()["total"], 0);
    assert_eq!(total(&client, ""), 3);
}

#[test]
fn streams_of_events_come_as_array_lines_or_objects_in_a_row_and_packed() {
    let appliance = Appliance::start();
    let client = appliance.everything("streams");
    let three: Vec<String> = (0..3).map(|n| plain_with(json!({"n": n})).to_string()).collect();
    let forms = [
        ("application/json", format!("[{}]", three.join(", "))),
        ("application/json", three.concat()),
        ("application/json", three.join("\n")),
        ("application/x-ndjson", three.join("\n")),
        ("application/x-ndjson", format!("{}\r\n\r\n", three.join("\r\n"))),
        ("application/ndjson; charset=utf-8", format!("\n\n{}\n", three.join("\n\n"))),
    ];
    let mut stored = 0;
    for (content_type, body) in &forms {
        for packed in [false, true] {
            let reply = if packed {
                client.with("Content-Encoding", "gzip").post_as(EVENTS, content_type, &gzip(body.as_bytes()))
            } else {
                client.post_as(EVENTS, content_type, body.as_bytes())
            };
            let summary = reply.expect(202).json();
            stored += 3;
            assert_eq!((&summary["accepted"], &summary["rejected"]), (&json!(3), &json!(0)), "{body}");
            assert_eq!((&summary["duplicate"], &summary["errors"]), (&json!(0), &json!([])));
            let (first, last) = (summary["firstSeq"].as_u64(), summary["lastSeq"].as_u64());
            assert_eq!(last, first.map(|seq| seq + 2), "{summary}");
            assert_eq!(total(&client, ""), stored, "visible as soon as it is acknowledged");
        }
    }
    let none = client.post_text(EVENTS, "[]").expect(202).json();
    assert_eq!((&none["accepted"], &none["firstSeq"]), (&json!(0), &Value::Null));
    let single = client.with("Content-Encoding", "gzip");
    single.post_as(EVENTS, "application/json", &gzip(plain().to_string().as_bytes())).expect(201);
}

#[test]
fn the_same_id_with_the_same_bytes_is_a_no_op_and_with_others_a_conflict() {
    let appliance = Appliance::start();
    let client = appliance.everything("ids");
    let event = plain_with(json!({"id": "0192a0de-0000-7000-8000-000000000001", "organizationId": "org-a"}));
    let first = client.post(EVENTS, &event).expect(201).json();
    assert_eq!(client.post(EVENTS, &event).expect(200).json(), first, "a duplicate gets the stored event");
    let stream = client.post(EVENTS, &json!([event, plain(), event])).expect(202).json();
    assert_eq!((&stream["accepted"], &stream["duplicate"]), (&json!(1), &json!(2)));
    let bulk = client.post(&format!("{EVENTS}/bulk"), &json!({"events": [event]})).expect(200).json();
    assert_eq!(bulk["results"][0]["event"], first);

    let mut other = event.clone();
    other["action"] = json!("test.other");
    let problem = client.post(EVENTS, &other).expect(409).json();
    assert_eq!((&problem["code"], &problem["field"]), (&json!("id_conflict"), &json!("id")));
    let stream = client.post(EVENTS, &json!([plain(), other])).expect(202).json();
    assert_eq!((&stream["accepted"], &stream["rejected"]), (&json!(1), &json!(1)));
    assert_eq!(stream["errors"][0]["code"], "id_conflict");
    assert_eq!(stream["errors"][0]["line"], 2);

    // The id is unique within its organisation only.
    let mut elsewhere = event;
    elsewhere["organizationId"] = json!("org-b");
    client.post(EVENTS, &elsewhere).expect(201);

    appliance.detection_is_done(&client);
    let alerts = found(&client, "");
    let patterns: Vec<_> = alerts.iter().map(|alert| alert["metadata"]["patternType"].clone()).collect();
    assert_eq!(patterns, [json!("ID_CONFLICT")], "one alert however often");
    assert_eq!(alerts[0]["organizationId"], "org-a");
    assert_eq!(alerts[0]["occurrences"], 2);
}

#[test]
fn the_first_of_two_events_with_one_id_in_a_batch_wins() {
    let appliance = Appliance::start();
    let client = appliance.everything("twins");
    let one = plain_with(json!({"id": "0192a0de-0000-7000-8000-000000000002", "n": 1}));
    let mut two = one.clone();
    two["n"] = json!(2);
    let summary = client.post(EVENTS, &json!([one, one, two])).expect(202).json();
    let counts = [&summary["accepted"], &summary["duplicate"], &summary["rejected"]];
    assert_eq!(counts, [&json!(1), &json!(1), &json!(1)]);
    assert_eq!(client.get(&format!("{EVENTS}/{}", id_of(&one))).expect(200).json()["n"], 1);
}

#[test]
fn an_idempotency_key_gets_the_stored_answer_and_stores_nothing_twice() {
    let mut appliance = Appliance::start();
    let client = appliance.everything("idempotent");
    let keyed = client.with("Idempotency-Key", "a-1");
    let first = keyed.post(EVENTS, &plain()).expect(201);
    assert_eq!(first.header("idempotent-replayed"), None);
    let again = keyed.post(EVENTS, &plain()).expect(201);
    assert_eq!(again.json(), first.json());
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let problem = keyed.post(EVENTS, &plain_with(json!({"n": 1}))).expect(409).json();
    assert!(problem["code"].is_string() && problem["message"].is_string(), "{problem}");

    let stream = client.with("Idempotency-Key", "a-2");
    let body = json!([plain(), 7, plain()]);
    let first = stream.post(EVENTS, &body).expect(202).json();
    assert_eq!(first["accepted"], 2);
    appliance.kill9();
    appliance.restart();
    let key = appliance.key(&["--name", "reader", "--scope", "read"]);
    let stream = stream.at(&appliance.address);
    let again = stream.post(EVENTS, &body).expect(202);
    assert_eq!((again.json(), again.header("idempotent-replayed")), (first, Some("true")));
    // Another key's requests are another name space.
    let other = appliance.everything("somebody else").with("Idempotency-Key", "a-1");
    assert_eq!(other.post(EVENTS, &plain()).expect(201).header("idempotent-replayed"), None);
    assert_eq!(total(&appliance.client().with_key(&key), ""), 4);
}

#[test]
fn a_key_that_is_bound_to_an_organisation_writes_and_reads_for_it_alone() {
    let appliance = Appliance::start();
    let all = appliance.everything("all");
    let bound = ["--organization", "org-a", "--scope", "ingest", "--scope", "read"];
    let bound = appliance.client().with_key(&appliance.key(&[&["--name", "bound"], &bound[..]].concat()));
    let stored = bound.post(EVENTS, &plain()).expect(201).json();
    assert_eq!(stored["organizationId"], "org-a", "an event without one counts as the key's");
    let raw = bound.get(&format!("{EVENTS}/{}/raw", id_of(&stored))).expect(200);
    assert_eq!(raw.text(), plain().to_string(), "its bytes are unchanged");
    bound.post(EVENTS, &plain_with(json!({"organizationId": "org-a"}))).expect(201);
    let problem = bound.post(EVENTS, &plain_with(json!({"organizationId": "org-b"}))).expect(403).json();
    assert_eq!(problem["field"], "organizationId");
    let stream = bound.post(EVENTS, &json!([plain_with(json!({"organizationId": "org-b"})), plain()]));
    assert_eq!(stream.expect(202).json()["rejected"], 1);

    let theirs = all.post(EVENTS, &plain_with(json!({"organizationId": "org-b"}))).expect(201).json();
    let nobodys = all.post(EVENTS, &plain()).expect(201).json();
    for hidden in [&theirs, &nobodys] {
        for part in ["", "/raw", "/salt", "/leaf"] {
            bound.get(&format!("{EVENTS}/{}{part}", id_of(hidden))).expect(404);
        }
        bound.post(&format!("{EVENTS}/{}/verify", id_of(hidden)), &json!({})).expect(404);
    }
    assert_eq!(total(&bound, ""), 3);
    assert_eq!(total(&bound, "&organizationIds=org-b"), 0);
    assert_eq!(total(&all, ""), 5);
}

#[test]
fn a_key_may_do_what_its_scopes_say() {
    let appliance = Appliance::start();
    let everything = appliance.everything("everything");
    let stored = everything.post(EVENTS, &plain()).expect(201).json();
    let with = |name: &str, scope: &str| {
        appliance.client().with_key(&appliance.key(&["--name", name, "--scope", scope]))
    };
    let (ingest, read, admin) = (with("i", "ingest"), with("r", "read"), with("a", "admin"));
    assert_eq!(read.post(EVENTS, &plain()).expect(403).json()["code"], "not_allowed");
    read.post(&format!("{EVENTS}/bulk"), &json!({"events": []})).expect(403);
    ingest.post(EVENTS, &plain()).expect(201);
    for path in [
        EVENTS.to_owned(),
        format!("{EVENTS}/{}", id_of(&stored)),
        "/api/v1/alerts".to_owned(),
        "/metrics".to_owned(),
    ] {
        ingest.get(&path).expect(403);
        read.get(&path).expect(200);
        appliance.client().get(&path).expect(401);
    }
    let new_key = json!({"name": "made over HTTP", "scopes": ["read"]});
    for weak in [&ingest, &read] {
        weak.post("/api/v1/keys", &new_key).expect(403);
    }
    let made = admin.post("/api/v1/keys", &new_key).expect(201).json();
    let made_client = appliance.client().with_key(made["key"].as_str().expect("the key is shown once"));
    made_client.get(EVENTS).expect(200);
    admin.call("DELETE", "/api/v1/keys/made%20over%20HTTP", b"").expect(204);
    made_client.get(EVENTS).expect(401);
    let listed = admin.get("/api/v1/keys").expect(200).text();
    assert!(!listed.contains("sw_") && listed.contains("made over HTTP"), "{listed}");
}

#[test]
fn hostile_texts_are_kept_to_the_byte() {
    let appliance = Appliance::start();
    let client = appliance.everything("hostile");
    let marks = "e\u{301}".repeat(100);
    let texts = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "{{7*7}}",
        "${jndi:ldap://127.0.0.1/a}",
        "%0d%0aSet-Cookie: a=b",
        "=cmd|' /C calc'!A0",
        "\u{1b}[2J",
        "\u{1b}]8;;http://127.0.0.1\u{7}link\u{1b}]8;;\u{7}",
        "\u{202e}gnp.exe",
        "'; DROP TABLE events; --",
        "../../etc/passwd",
        "\\\\host\\share",
        "🦭🏳️‍🌈",
        &*marks,
        "a\u{200d}b",
        "\u{fffe}\u{ffff}",
        "a\r\nb",
        "\u{0}",
    ];
    for text in texts {
        let sent =
            plain_with(json!({"principalId": text, "outcomeDescription": text, "details": {"any": text}}));
        let stored = client.post(EVENTS, &sent).expect(201).json();
        assert_eq!(stored["principalId"], text);
        let raw = client.get(&format!("{EVENTS}/{}/raw", id_of(&stored))).expect(200);
        assert_eq!(raw.text(), sent.to_string());
        let found = total(&client, &format!("&principalIds={}", encoded(text)));
        assert_eq!(found, 1, "{text:?} is found as it is");
    }
    let log = appliance.log();
    assert!(!log.contains('\u{1b}') && !log.contains("<script>"), "the log holds nothing of events: {log}");
}

#[test]
fn a_flood_of_events_is_taken_and_accounted_for() {
    let appliance = Appliance::start();
    let client = appliance.everything("flood");
    let lines: String = (0..1_000).map(|n| format!("{}\n", plain_with(json!({ "n": n })))).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2 {
                    let summary =
                        client.post_as(EVENTS, "application/x-ndjson", lines.as_bytes()).expect(202).json();
                    assert_eq!(summary["accepted"], 1_000);
                }
            });
        }
    });
    assert_eq!(total(&client, ""), 8_000);
    let accounted = eventually("the counters have come to the end", || {
        let metrics = client.get("/api/v1/metrics/audit").expect(200).json();
        (metrics["eventsByStatus"]["success"] == 8_000).then_some(metrics)
    });
    assert_eq!(accounted["eventsProcessed"], 8_000);
    assert_eq!(
        accounted["accounting"]["flood"],
        json!({"received": 8_000, "stored": 8_000, "duplicate": 0, "rejected": 0})
    );
}
