//! Alerts: when they are raised, what they say, and what people do about them.

use crate::appliance::{Appliance, found};
use crate::client::Client;
use crate::samples::{self, after_ten, data_access, failed_sign_in, plain, plain_with};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";

/// Sends events one by one; gives their ids.
#[track_caller]
fn send(client: &Client, events: &[Value]) -> Vec<Value> {
    events.iter().map(|event| client.post(EVENTS, event).expect(201).json()["id"].clone()).collect()
}

#[track_caller]
fn the_only(client: &Client, query: &str) -> Value {
    let alerts = found(client, query);
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    alerts[0].clone()
}

fn path(alert: &Value, step: &str) -> String {
    format!("/api/v1/alerts/{}{step}", alert["id"].as_str().expect("an id"))
}

fn time(value: &Value) -> jiff::Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no time"))
}

#[test]
fn five_failed_sign_ins_raise_one_alert_that_explains_itself() {
    let appliance = Appliance::start();
    let client = appliance.everything("sign-ins");
    let events: Vec<Value> = (0..4).map(|n| failed_sign_in("org-a", "mallory", n)).collect();
    let mut ids = send(&client, &events);
    // Others do not count: another principal, another organisation, another status.
    send(&client, &[failed_sign_in("org-a", "alice", 4), failed_sign_in("org-b", "mallory", 4)]);
    send(
        &client,
        &[plain_with(
            json!({"principalId": "mallory", "organizationId": "org-a", "action": "auth.login.failure"}),
        )],
    );
    appliance.detection_is_done(&client);
    assert_eq!(found(&client, ""), Vec::<Value>::new(), "four are not five");

    let fifth = plain_with(
        json!({"timestamp": after_ten(299), "action": "x.auth.login.failure", "status": "failure",
        "principalId": "mallory", "organizationId": "org-a", "correlationId": "c-5"}),
    );
    let stored = client.post(EVENTS, &fifth).expect(201).json();
    ids.push(stored["id"].clone());
    appliance.detection_is_done(&client);
    let alert = the_only(&client, "");
    assert_eq!(alert["organizationId"], "org-a");
    assert_eq!(
        (&alert["severity"], &alert["status"], &alert["type"]),
        (&json!("HIGH"), &json!("active"), &json!("SECURITY"))
    );
    assert_eq!((&alert["occurrences"], &alert["source"]), (&json!(1), &json!("sign-ins")));
    assert_eq!((&alert["createdAt"], &alert["lastSeenAt"]), (&stored["receivedAt"], &stored["receivedAt"]));
    assert_eq!(
        (&alert["acknowledged"], &alert["resolved"], &alert["resolutionNotes"]),
        (&json!(false), &json!(false), &Value::Null)
    );
    assert_eq!(alert["correlationId"], "c-5");
    for name in ["title", "description"] {
        assert!(
            alert[name].as_str().is_some_and(|text| text.contains("mallory") || name != "title"),
            "{alert}"
        );
    }
    assert!(alert["tags"].is_array());
    let metadata = &alert["metadata"];
    assert_eq!((&metadata["patternType"], &metadata["key"]), (&json!("FAILED_AUTH"), &json!("mallory")));
    let numbers = [&metadata["eventCount"], &metadata["threshold"], &metadata["timespanSeconds"]];
    assert_eq!(numbers, [&json!(5), &json!(5), &json!(300)]);
    assert_eq!(metadata["eventIds"], Value::from(ids));
    assert_eq!(time(&metadata["firstFiredAt"]).to_string(), after_ten(299));
    assert_eq!(time(&metadata["firstEventAt"]).to_string(), after_ten(0));
    assert_eq!(time(&metadata["lastEventAt"]).to_string(), after_ten(299));
    assert_eq!(client.get(&path(&alert, "")).expect(200).json(), alert, "one is as it is listed");
}

#[test]
fn the_timespan_is_open_at_its_old_end() {
    let appliance = Appliance::start();
    let client = appliance.everything("timespan");
    let four: Vec<Value> = (0..4).map(|_| failed_sign_in("org-a", "edge", 0)).collect();
    send(&client, &four);
    send(&client, &[failed_sign_in("org-a", "edge", 300)]);
    appliance.detection_is_done(&client);
    assert_eq!(found(&client, "").len(), 0, "exactly one timespan older counts no longer");
    let four: Vec<Value> = (0..4).map(|_| failed_sign_in("org-a", "inside", 0)).collect();
    send(&client, &four);
    let last =
        plain_with(json!({"timestamp": "2026-01-05T10:04:59.999999999Z", "action": "auth.login.failure",
        "status": "failure", "principalId": "inside", "organizationId": "org-a"}));
    send(&client, &[last]);
    appliance.detection_is_done(&client);
    assert_eq!(the_only(&client, "")["metadata"]["key"], "inside");
}

#[test]
fn each_pattern_fires_at_its_threshold_and_for_whom_it_must() {
    let appliance = Appliance::start();
    let client = appliance.everything("patterns");
    let mut events = Vec::new();
    for n in 0..3 {
        events.push(plain_with(
            json!({"timestamp": after_ten(n * 100), "status": "failure", "organizationId": "org-a",
            "outcomeDescription": (["Unauthorized", "ACCESS DENIED to it", "forbidden"][n as usize]),
            "principalId": "", "sessionContext": {"ipAddress": "10.0.0.9"}}),
        ));
    }
    for n in 0..50 {
        let mut event = data_access("org-a", "reader", &format!("10:00:{n:02}"));
        event["action"] = json!("fhir.patient.read");
        events.push(event);
    }
    for n in 0..100 {
        events.push(plain_with(
            json!({"timestamp": after_ten(n), "principalId": "exporter", "organizationId": "org-a",
            "recordCount": 10.5, "status": "attempt"}),
        ));
        // Ten is not over ten.
        events.push(plain_with(
            json!({"timestamp": after_ten(n), "principalId": "modest", "organizationId": "org-a",
            "recordCount": 10, "status": "attempt"}),
        ));
    }
    events.push(data_access("org-a", "owl", "22:00:00"));
    events.push(data_access("org-a", "lark", "06:00:00"));
    events.push(data_access("org-a", "early", "05:59:59"));
    // Nobody: neither a principal nor an address.
    events.extend((0..5).map(|n| failed_sign_in("org-a", "", n)));
    client.post(EVENTS, &Value::from(events)).expect(202);
    appliance.detection_is_done(&client);
    let mut seen: Vec<(String, String, String)> = found(&client, "")
        .iter()
        .map(|alert| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (
                text(&alert["metadata"]["patternType"]),
                text(&alert["metadata"]["key"]),
                text(&alert["severity"]),
            )
        })
        .collect();
    seen.sort();
    let expected = [
        ("BULK_OPERATION", "exporter", "MEDIUM"),
        ("DATA_VELOCITY", "reader", "MEDIUM"),
        ("OFF_HOURS", "early", "LOW"),
        ("OFF_HOURS", "owl", "LOW"),
        ("UNAUTHORIZED_ACCESS", "10.0.0.9", "CRITICAL"),
    ];
    assert_eq!(
        seen,
        expected.map(|(pattern, key, severity)| (pattern.to_owned(), key.to_owned(), severity.to_owned()))
    );
}

#[test]
fn late_events_count_in_their_place_and_later_ones_are_flagged_and_do_not() {
    let appliance = Appliance::start();
    let client = appliance.everything("late");
    let late = |principal: &str, late_by: u32| {
        let mut events: Vec<Value> = (0..4).map(|_| failed_sign_in("org-a", principal, 1_000)).collect();
        events.push(failed_sign_in("org-a", principal, 1_000 - late_by));
        events
    };
    send(&client, &late("in time", 299));
    send(&client, &late("too late", 301));
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10);
    let future: Vec<Value> = (0..5)
        .map(|_| {
            let mut event = failed_sign_in("org-a", "tomorrow", 0);
            event["timestamp"] = json!(soon.to_string());
            event
        })
        .collect();
    let stored = client.post(EVENTS, &future[0]).expect(201).json();
    assert_eq!(stored["timeSuspect"], true, "stored and flagged: {stored}");
    send(&client, &future[1..]);
    appliance.detection_is_done(&client);
    assert_eq!(the_only(&client, "")["metadata"]["key"], "in time");
}

#[test]
fn firings_count_on_the_alert_and_the_cooldown_limits_only_notifications() {
    let appliance = Appliance::start();
    let client = appliance.everything("cooldown");
    let at = |second: u32| failed_sign_in("org-a", "mallory", second);
    send(&client, &[at(0), at(1), at(2), at(3), at(4), at(5)]);
    appliance.detection_is_done(&client);
    let alert = the_only(&client, "");
    assert_eq!((&alert["occurrences"], &alert["metadata"]["eventCount"]), (&json!(2), &json!(6)));
    let notified = |alert: &Value| time(&alert["metadata"]["lastNotifiedAt"]).to_string();
    assert_eq!(notified(&alert), after_ten(4), "the second firing falls into the cooldown");
    send(&client, &[at(240), at(241), at(242), at(243), at(306)]);
    appliance.detection_is_done(&client);
    let alert = the_only(&client, "");
    assert_eq!((&alert["occurrences"], &alert["metadata"]["eventCount"]), (&json!(7), &json!(11)));
    assert_eq!(notified(&alert), after_ten(306), "a firing after the cooldown notifies again");
    assert_eq!(time(&alert["metadata"]["firstFiredAt"]).to_string(), after_ten(4));
    assert_eq!(time(&alert["metadata"]["lastEventAt"]).to_string(), after_ten(306));
}

/// A firing looked at the newest alert of its fingerprint only: where that was closed and an older one
/// reopened, it opened another beside it.
#[test]
fn a_firing_counts_on_the_older_alert_that_was_reopened() {
    let appliance = Appliance::start();
    let client = appliance.everything("reopened");
    let fire = |time: &str| {
        send(&client, &[data_access("org-a", "owl", time)]);
        appliance.detection_is_done(&client);
    };
    let step = |alert: &Value, name: &str| client.post(&path(alert, name), &json!({}));
    fire("22:00:00");
    let older = the_only(&client, "");
    step(&older, "/resolve").expect(200);
    fire("22:10:00");
    let newer = the_only(&client, "&status=active");
    assert_ne!(newer["id"], older["id"]);
    step(&older, "/reopen").expect(409);
    step(&newer, "/resolve").expect(200);
    step(&older, "/reopen").expect(200);
    step(&newer, "/reopen").expect(409);
    fire("22:20:00");
    let open = the_only(&client, "&status=active");
    assert_eq!((&open["id"], &open["occurrences"]), (&older["id"], &json!(2)));
    assert_eq!(found(&client, "").len(), 2);
}

#[test]
fn an_alert_lives_from_active_to_resolved_with_who_when_and_why() {
    let mut appliance = Appliance::start();
    let client = appliance.everything("ada");
    send(&client, &[data_access("org-a", "owl", "23:00:00")]);
    appliance.detection_is_done(&client);
    let alert = the_only(&client, "");
    let step = |name: &str, body: Value| client.post(&path(&alert, name), &body);
    let changed = step("/acknowledge", json!({})).expect(200).json();
    assert_eq!(changed["success"], true);
    let now = &changed["alert"];
    assert_eq!(
        (&now["status"], &now["acknowledged"], &now["acknowledgedBy"]),
        (&json!("acknowledged"), &json!(true), &json!("key:ada"))
    );
    time(&now["acknowledgedAt"]);
    for illegal in ["/acknowledge", "/reopen"] {
        let problem = step(illegal, json!({})).expect(409).json();
        assert!(
            problem["message"].as_str().is_some_and(|why| why.contains("acknowledged")),
            "it says why: {problem}"
        );
    }
    step("/comment", json!({"comment": "looking into it"})).expect(200);
    let now =
        step("/resolve", json!({"resolutionNotes": "a night shift"})).expect(200).json()["alert"].clone();
    assert_eq!(
        (&now["status"], &now["resolved"], &now["resolvedBy"]),
        (&json!("resolved"), &json!(true), &json!("key:ada"))
    );
    assert_eq!(now["resolutionNotes"], "a night shift");
    time(&now["resolvedAt"]);
    for illegal in ["/resolve", "/dismiss", "/acknowledge"] {
        step(illegal, json!({})).expect(409);
    }
    let now = step("/reopen", json!({"reason": "it was not"})).expect(200).json()["alert"].clone();
    assert_eq!(
        (&now["status"], &now["resolved"], &now["acknowledged"]),
        (&json!("active"), &json!(false), &json!(false))
    );
    let now = step("/dismiss", json!({"reason": "known"})).expect(200).json()["alert"].clone();
    assert_eq!(now["status"], "dismissed");

    let history: Vec<(String, String, Option<String>)> = now["history"]
        .as_array()
        .expect("an array")
        .iter()
        .filter(|step| step["change"] != "notified")
        .map(|step| {
            time(&step["at"]);
            let text = |name: &str| step[name].as_str().map(str::to_owned);
            (text("change").expect("what"), text("by").expect("who"), text("note"))
        })
        .collect();
    let expected = [
        ("raised", "sealwatch", None),
        ("acknowledged", "key:ada", None),
        ("commented", "key:ada", Some("looking into it")),
        ("resolved", "key:ada", Some("a night shift")),
        ("reopened", "key:ada", Some("it was not")),
        ("dismissed", "key:ada", Some("known")),
    ];
    assert_eq!(
        history,
        expected.map(|(change, by, note)| (change.to_owned(), by.to_owned(), note.map(str::to_owned)))
    );

    let before = (
        client.get(&path(&alert, "")).expect(200).json(),
        client.get("/api/v1/alerts/statistics").expect(200).json(),
    );
    appliance.kill9();
    appliance.restart();
    let client = client.at(&appliance.address);
    let after = (
        client.get(&path(&alert, "")).expect(200).json(),
        client.get("/api/v1/alerts/statistics").expect(200).json(),
    );
    assert_eq!(after, before, "after a restart everything is as it was");
}

#[test]
fn a_step_is_taken_once_however_often_it_is_asked_for_with_one_key() {
    let appliance = Appliance::start();
    let client = appliance.everything("steps");
    send(&client, &[data_access("org-a", "owl", "23:00:00")]);
    appliance.detection_is_done(&client);
    let alert = the_only(&client, "");
    let keyed = client.with("Idempotency-Key", "k");
    let first = keyed.post(&path(&alert, "/comment"), &json!({"comment": "one"})).expect(200);
    let again = keyed.post(&path(&alert, "/comment"), &json!({"comment": "one"})).expect(200);
    assert_eq!((again.json(), again.header("idempotent-replayed")), (first.json(), Some("true")));
    keyed.post(&path(&alert, "/comment"), &json!({"comment": "two"})).expect(409);
    let notes = client.get(&path(&alert, "")).expect(200).text().matches(r#""note":"one""#).count();
    assert_eq!(notes, 1);
}

#[test]
fn a_closed_alert_takes_firings_while_its_cooldown_runs_and_then_a_new_one_opens() {
    let appliance = Appliance::start();
    let client = appliance.everything("closed");
    send(&client, &[data_access("org-a", "owl", "23:00:00")]);
    appliance.detection_is_done(&client);
    let first = the_only(&client, "");
    client.post(&path(&first, "/resolve"), &json!({"resolutionNotes": "fine"})).expect(200);
    send(&client, &[data_access("org-a", "owl", "23:04:59")]);
    appliance.detection_is_done(&client);
    let still = the_only(&client, "");
    assert_eq!((&still["status"], &still["occurrences"]), (&json!("resolved"), &json!(2)));
    send(&client, &[data_access("org-a", "owl", "23:05:01")]);
    appliance.detection_is_done(&client);
    let second = the_only(&client, "&status=active");
    assert_ne!(second["id"], first["id"]);
    assert_eq!(found(&client, "").len(), 2);
    let problem = client.post(&path(&first, "/reopen"), &json!({})).expect(409).json();
    assert!(problem["message"].as_str().is_some_and(|why| why.contains("newer")), "{problem}");
    client.post(&path(&second, "/dismiss"), &json!({})).expect(200);
    client.post(&path(&first, "/reopen"), &json!({})).expect(200);
}

#[test]
fn one_violation_of_integrity_raises_its_alert() {
    let appliance = Appliance::start_with(&[("AUDIT_CRYPTO_SECRET", samples::SECRET)]);
    let client = appliance.everything("integrity");
    let mut tampered =
        samples::signed(plain_with(json!({"organizationId": "org-a", "principalId": "p"})), samples::SECRET);
    tampered["status"] = json!("failure");
    let ids = send(&client, &[tampered]);
    send(&client, &[samples::signed(plain(), samples::SECRET)]);
    appliance.detection_is_done(&client);
    let alert = the_only(&client, "");
    assert_eq!((&alert["type"], &alert["severity"]), (&json!("SECURITY"), &json!("CRITICAL")));
    assert_eq!(alert["metadata"]["patternType"], "INTEGRITY_VIOLATION");
    assert_eq!(alert["metadata"]["eventIds"], Value::from(ids));
    assert_eq!(alert["organizationId"], "org-a");
}

#[test]
fn alerts_and_their_numbers_are_each_organisations_own() {
    let appliance = Appliance::start();
    let client = appliance.everything("all");
    send(
        &client,
        &[
            data_access("org-a", "owl", "23:00:00"),
            data_access("org-b", "owl", "23:00:00"),
            data_access("org-b", "bat", "23:00:00"),
        ],
    );
    appliance.detection_is_done(&client);
    let scopes = ["--organization", "org-a", "--scope", "read", "--scope", "admin"];
    let bound = appliance.client().with_key(&appliance.key(&[&["--name", "bound"], &scopes[..]].concat()));
    let own = the_only(&bound, "");
    assert_eq!(own["organizationId"], "org-a");
    let statistics = bound.get("/api/v1/alerts/statistics").expect(200).json();
    assert_eq!((&statistics["total"], &statistics["byStatus"]["active"]), (&json!(1), &json!(1)));
    for alert in found(&client, "&organizationId=org-b") {
        bound.get(&path(&alert, "")).expect(404);
        bound.post(&path(&alert, "/acknowledge"), &json!({})).expect(404);
        assert_eq!(client.get(&path(&alert, "")).expect(200).json()["status"], "active");
    }
    bound.get("/api/v1/metrics/audit").expect(403);
    bound.post(&path(&own, "/acknowledge"), &json!({})).expect(200);
    let statistics = client.get("/api/v1/alerts/statistics").expect(200).json();
    assert_eq!(
        (&statistics["byStatus"]["acknowledged"], &statistics["bySeverity"]["LOW"]),
        (&json!(1), &statistics["total"])
    );
    assert_eq!(statistics["byType"]["SECURITY"], statistics["total"]);
    assert_eq!(statistics["bySource"]["all"], statistics["total"]);
    assert!(statistics["trends"].is_array());
    let reader = appliance.client().with_key(&appliance.key(&["--name", "reader", "--scope", "read"]));
    reader.post(&path(&own, "/resolve"), &json!({})).expect(403);
}

#[test]
fn lists_of_alerts_filter_search_and_sort() {
    let appliance = Appliance::start();
    let client = appliance.everything("lists");
    let other = appliance.everything("other source");
    let sign_ins: Vec<Value> = (0..5).map(|n| failed_sign_in("org-a", "mallory", n)).collect();
    send(&client, &sign_ins);
    send(&other, &[data_access("org-a", "owl", "23:00:00"), data_access("org-b", "bat", "23:00:00")]);
    appliance.detection_is_done(&client);
    let keys = |query: &str| -> Vec<String> {
        found(&client, query)
            .iter()
            .map(|alert| alert["metadata"]["key"].as_str().unwrap_or("?").to_owned())
            .collect()
    };
    assert_eq!(keys(""), ["bat", "owl", "mallory"], "newest first");
    assert_eq!(keys("&sortBy=createdAt&sortOrder=asc"), ["mallory", "owl", "bat"]);
    assert_eq!(keys("&severity=HIGH"), ["mallory"]);
    assert_eq!(keys("&severity=HIGH&severity=LOW").len(), 3);
    assert_eq!(keys("&source=lists"), ["mallory"]);
    assert_eq!(keys("&type=SYSTEM").len(), 0);
    assert_eq!(keys("&tags=off-hours"), ["bat", "owl"]);
    assert_eq!(keys("&search=MALLORY"), ["mallory"], "case does not matter");
    assert_eq!(keys("&search=failed"), ["mallory"], "the words of the pattern");
    assert_eq!(keys("&status=resolved").len(), 0);
    assert_eq!(keys("&startDate=2100-01-01").len(), 0);
    assert_eq!(keys("&endDate=2100-01-01").len(), 3);
    assert_eq!(keys("&sortBy=severity&sortOrder=desc")[0], "mallory");
    let page = client.get("/api/v1/alerts?limit=1&offset=1").expect(200).json();
    let pagination = &page["pagination"];
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&pagination["hasNext"], &pagination["hasPrevious"], &pagination["limit"]),
        (&json!(true), &json!(true), &json!(1))
    );
    assert_eq!(pagination["total"], 4, "three, and the one of the fence");
}

#[test]
fn settings_of_all_and_of_one_organisation_decide() {
    let appliance = Appliance::start_configured(
        r#"
        [patterns.FAILED_AUTH]
        threshold = 2
        severity = "CRITICAL"
        [patterns.BULK_OPERATION]
        enabled = false
        [organizations.org-b.patterns.FAILED_AUTH]
        threshold = 3
        [organizations."org-c"]
        time_zone = "Asia/Tokyo"
        "#,
    );
    let client = appliance.everything("settings");
    let mut events = Vec::new();
    for organization in ["org-a", "org-b", "org-d"] {
        events.extend((0..2).map(|n| failed_sign_in(organization, organization, n)));
    }
    events.push(failed_sign_in("org-b", "org-b", 2));
    // Three in the afternoon in UTC is midnight in Tokyo.
    events.extend(["org-a", "org-c"].map(|organization| data_access(organization, "owl", "15:00:00")));
    client.post(EVENTS, &Value::from(events)).expect(202);
    appliance.detection_is_done(&client);
    let mut seen: Vec<String> = found(&client, "")
        .iter()
        .map(|alert| {
            let metadata = &alert["metadata"];
            let parts = [
                &metadata["patternType"],
                &alert["organizationId"],
                &alert["severity"],
                &metadata["eventCount"],
            ];
            parts.map(Value::to_string).join(" ").replace('"', "")
        })
        .collect();
    seen.sort();
    let expected = [
        "FAILED_AUTH org-a CRITICAL 2",
        "FAILED_AUTH org-b CRITICAL 3",
        "FAILED_AUTH org-d CRITICAL 2",
        "OFF_HOURS org-c LOW 1",
    ];
    assert_eq!(seen, expected);
}
