//! Exports: all that matches as one file, of whom, in which form, and that nothing in it can do harm.

use crate::appliance::{Appliance, eventually};
use crate::client::{Client, Reply};
use crate::samples::{self, plain_with};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const EVENTS: &str = "/api/v1/audit/events";
const EXPORT: &str = "/api/v1/audit/events/export";

fn event(n: u32) -> Value {
    plain_with(json!({
        "timestamp": samples::after_ten(n),
        "action": if n.is_multiple_of(2) { "data.export" } else { "auth.login" },
        "principalId": format!("user-{}", n % 7),
        "organizationId": if n.is_multiple_of(3) { "acme" } else { "other" },
        "outcomeDescription": if n.is_multiple_of(5) { "Access denied" } else { "done" },
        "details": {"n": n},
    }))
}

/// Sends that many events, in several commits and not in the order of their times.
fn send(client: &Client, count: u32) {
    let all: Vec<Value> = (0..count).map(|n| event((n * 7) % count)).collect();
    for some in all.chunks(700) {
        client.post(EVENTS, &Value::from(some)).expect(202);
    }
}

/// Waits until the index has that many events.
fn index_holds(client: &Client, events: u64) {
    eventually("the index has come to the end of the log", || {
        let reply = client.get(&format!("{EVENTS}?q=action:*&limit=1"));
        (reply.status == 200 && reply.json()["pagination"]["total"] == events).then_some(())
    });
}

fn lines(reply: &Reply) -> Vec<Value> {
    reply.text().lines().map(|line| serde_json::from_str(line).expect("each line is an object")).collect()
}

/// Every event that the list gives, page by page, in the order of receipt.
fn listed(client: &Client, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut next = String::new();
    loop {
        let path = format!("{EVENTS}?limit=1000&sortField=receivedAt{query}{next}");
        let page = client.get(&path).expect(200).json();
        all.extend(page["events"].as_array().expect("an array").iter().cloned());
        match page["pagination"]["nextCursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return all,
        }
    }
}

/// The cells of a table without line breaks in them.
fn table(csv: &str) -> Vec<Vec<String>> {
    csv.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn an_export_is_the_whole_list_with_every_filter() {
    let appliance = Appliance::start();
    let client = appliance.everything("export");
    send(&client, 5_000);
    index_holds(&client, 5_000);
    for query in [
        "",
        "&actions=data.*",
        "&principalIds=user-3&statuses=success",
        "&startDate=2026-01-05T10:10:00Z&endDate=2026-01-05T10:20:00Z",
        "&organizationIds=acme&endDate=2026-01-05T10:03:00Z",
        "&q=denied",
        "&q=details.n:%3E4000%20-org:acme",
        "&q=denied&principalIds=user-1&startDate=2026-01-05T10:10:00Z",
        "&q=nothing",
    ] {
        let reply = client.get(&format!("{EXPORT}?format=ndjson{query}")).expect(200);
        let (exported, listed) = (lines(&reply), listed(&client, query));
        assert!(exported == listed, "{query}: {} lines, {} listed", exported.len(), listed.len());
        assert!(query == "&q=nothing" || !listed.is_empty(), "{query}");

        let csv = client.get(&format!("{EXPORT}?format=csv{query}")).expect(200).text();
        let rows = table(&csv);
        assert_eq!(rows[0][..3], ["id", "seq", "timestamp"]);
        assert!(csv.ends_with("\r\n") && rows.iter().all(|row| row.len() == rows[0].len()), "{query}");
        let ids: Vec<&str> = rows[1..].iter().map(|row| &*row[0]).collect();
        assert!(
            ids.iter().eq(&listed.iter().map(|it| it["id"].as_str().unwrap_or_default()).collect::<Vec<_>>())
        );
    }
    let reply = client.get(&format!("{EXPORT}?format=csv&q=denied")).expect(200);
    let disposition = reply.header("content-disposition").expect("it is a file").to_owned();
    assert!(disposition.starts_with("attachment; filename=\"sealwatch-events-"), "{disposition}");
    assert!(disposition.ends_with("Z.csv\""), "{disposition}");
}

#[test]
fn an_export_holds_what_its_caller_may_see_and_the_log_tells_of_it() {
    let appliance = Appliance::start();
    let client = appliance.everything("export");
    send(&client, 300);
    index_holds(&client, 300);
    let key = appliance.key(&["--name", "bound", "--scope", "read", "--organization", "acme"]);
    let bound = appliance.client().with_key(&key);
    for query in
        ["", "&q=action:*", "&q=-missing", "&q=org:other%20OR%20org:*", "&organizationIds=acme,other"]
    {
        let exported = lines(&bound.get(&format!("{EXPORT}?format=ndjson{query}")).expect(200));
        assert_eq!(exported.len(), 100, "{query}");
        assert!(exported.iter().all(|event| event["organizationId"] == "acme"), "{query}");
        let csv = bound.get(&format!("{EXPORT}?format=csv{query}")).expect(200).text();
        assert_eq!(csv.lines().count(), 101, "{query}");
    }
    assert_eq!(bound.get(&format!("{EXPORT}?format=ndjson&q=org:other")).expect(200).body, b"");
    appliance.client().get(&format!("{EXPORT}?format=csv")).expect(401);
    let key = appliance.key(&["--name", "sender", "--scope", "ingest"]);
    appliance.client().with_key(&key).get(&format!("{EXPORT}?format=csv")).expect(403);

    let page = client.get("/api/v1/activity?limit=500").expect(200).text();
    assert!(page.contains("key:bound took out events as NDJSON"), "{page:.2000}");
    assert!(page.contains("\"query\":\"format=ndjson&q=org:other%20OR%20org:*\""), "{page:.2000}");
    for (query, status) in
        [("", 400), ("?format=xlsx", 400), ("?format=csv&limit=5", 400), ("?format=csv&q=(", 400)]
    {
        client.get(&format!("{EXPORT}{query}")).expect(status);
    }
}

#[test]
fn alerts_are_exported_within_the_scope_of_their_caller() {
    let appliance = Appliance::start();
    let client = appliance.everything("export");
    for (organization, principal) in [("acme", "mallory"), ("acme", "=cmd"), ("other", "trudy")] {
        let tries: Vec<Value> = (0..5).map(|n| samples::failed_sign_in(organization, principal, n)).collect();
        client.post(EVENTS, &Value::from(tries)).expect(202);
    }
    appliance.detection_is_done(&client);
    let keys = |client: &Client, query: &str| -> BTreeSet<String> {
        let reply = client.get(&format!("/api/v1/alerts/export?format=ndjson{query}")).expect(200);
        let key = |alert: &Value| alert["metadata"]["key"].as_str().unwrap_or_default().to_owned();
        lines(&reply).iter().map(key).collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(keys(&client, "&pattern=FAILED_AUTH"), set(&["mallory", "=cmd", "trudy"]));
    assert_eq!(keys(&client, "&search=mal*"), set(&["mallory"]));
    let key = appliance.key(&["--name", "bound", "--scope", "read", "--organization", "acme"]);
    let bound = appliance.client().with_key(&key);
    assert_eq!(keys(&bound, ""), set(&["mallory", "=cmd"]));
    let csv = bound.get("/api/v1/alerts/export?format=csv").expect(200).text();
    assert_eq!(csv.matches("FAILED_AUTH").count(), 2, "{csv}");
    assert!(csv.contains(",\"'=cmd\","), "{csv}");
    let listed = client.get("/api/v1/alerts?pattern=FAILED_AUTH&search=mallory").expect(200).json();
    let exported =
        client.get("/api/v1/alerts/export?format=ndjson&pattern=FAILED_AUTH&search=mallory").expect(200);
    assert_eq!(lines(&exported), *listed["data"].as_array().expect("an array"));
}

#[test]
fn nothing_that_a_sender_wrote_is_a_formula() {
    let appliance = Appliance::start();
    let client = appliance.everything("export");
    let begins = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"];
    let events = begins.map(|begin| {
        let text = format!("{begin}HYPERLINK(\"http://x\",\"a\")");
        plain_with(json!({
            "action": text, "principalId": text, "organizationId": text, "targetResourceType": text,
            "targetResourceId": text, "outcomeDescription": text, "correlationId": text,
            "sessionContext": {"sessionId": text, "userAgent": text},
        }))
    });
    client.post(EVENTS, &Value::from(events.to_vec())).expect(202);
    let csv = client.get(&format!("{EXPORT}?format=csv")).expect(200).text();
    for begin in begins {
        let cell = format!(",\"'{begin}HYPERLINK(\"\"http://x\"\",\"\"a\"\")\"");
        assert_eq!(csv.matches(&cell).count(), 9, "{begin:?} in {csv}");
    }
    assert_eq!(csv.matches("HYPERLINK").count(), 9 * begins.len());
}

#[test]
fn an_export_that_is_cut_off_does_not_look_whole() {
    let mut appliance = Appliance::start();
    let client = appliance.everything("export");
    let long = "x".repeat(8_000);
    for _ in 0..10 {
        let events = vec![plain_with(json!({"outcomeDescription": long})); 400];
        client.post(EVENTS, &Value::from(events)).expect(202);
    }
    let address = appliance.address.clone();
    let head = format!("{}\r\n", client.head("GET", &format!("{EXPORT}?format=ndjson")));
    // More than the buffers of both ends hold: it waits for its reader until the appliance stops.
    let mut stream = std::net::TcpStream::connect(&address).expect("it listens");
    std::io::Write::write_all(&mut stream, head.as_bytes()).expect("it reads");
    eventually("the export has begun", || {
        let page = client.get("/api/v1/activity").expect(200).text();
        page.contains("took out events as NDJSON").then_some(())
    });
    assert_eq!(appliance.stop().code(), Some(0));
    let reply = crate::client::read_reply(&mut std::io::BufReader::new(stream));
    assert!(reply.is_err(), "the last chunk never came");
}

#[test]
fn an_event_that_cannot_be_read_is_named_in_its_place() {
    let mut appliance = Appliance::start();
    let client = appliance.everything("export");
    let mark = "a-text-to-be-damaged-on-disk";
    let texts = ["first", mark, "last"];
    let stored = texts.map(|text| {
        client.post(EVENTS, &plain_with(json!({"outcomeDescription": text}))).expect(201).json()["seq"]
            .clone()
    });
    index_holds(&client, 3);
    assert_eq!(appliance.stop().code(), Some(0));
    let file = appliance.data_dir().join("log.redb");
    let mut bytes = std::fs::read(&file).expect("the log is there");
    let places: Vec<usize> =
        (0..bytes.len() - mark.len()).filter(|at| bytes[*at..].starts_with(mark.as_bytes())).collect();
    assert!(!places.is_empty(), "the text stands in the file");
    for at in places {
        bytes[at] ^= 1;
    }
    std::fs::write(&file, &bytes).expect("it can be written");
    appliance.restart();
    let client = client.at(&appliance.address);
    index_holds(&client, 3);
    for query in ["", "&q=action:*"] {
        let lines = lines(&client.get(&format!("{EXPORT}?format=ndjson{query}")).expect(200));
        let named = |line: &Value| {
            if line["damaged"].is_object() { line["damaged"]["seq"].clone() } else { line["seq"].clone() }
        };
        let seqs: Vec<Value> = lines.iter().map(named).collect();
        assert_eq!(seqs, [&stored[2], &stored[1], &stored[0]].map(Clone::clone), "{lines:?}");
        assert!(
            lines[1]["damaged"]["message"].as_str().is_some_and(|text| text.contains("damaged")),
            "{lines:?}"
        );
        let csv = client.get(&format!("{EXPORT}?format=csv{query}")).expect(200).text();
        let cells = &table(&csv)[2];
        assert_eq!(
            (json!(cells[1].parse::<u64>().ok()), &*cells[19]),
            (stored[1].clone(), "damaged"),
            "{csv}"
        );
    }
}
