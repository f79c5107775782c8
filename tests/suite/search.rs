//! Search: what a text finds over HTTP, for whom, and that its index comes back whatever befalls it.

use crate::appliance::{Appliance, eventually, lossy};
use crate::client::{Client, Reply, encoded};
use crate::samples::{self, plain_with};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";

fn ask(client: &Client, text: &str, more: &str) -> Reply {
    client.get(&format!("{EVENTS}?q={}{more}", encoded(text)))
}

/// The numbers of the events that a text finds, in the order of the answer; `None` while there is no index.
#[track_caller]
fn found(client: &Client, text: &str, more: &str) -> Option<Vec<u64>> {
    let reply = ask(client, text, more);
    if reply.status == 503 {
        assert_eq!(reply.json()["code"], "index_not_ready", "{reply}");
        assert!(reply.header("retry-after").is_some());
        return None;
    }
    let page = reply.expect(200).json();
    let events = page["events"].as_array().expect("events stand in an array");
    Some(events.iter().filter_map(|event| event["n"].as_u64()).collect())
}

/// Waits until the index has that many events.
#[track_caller]
fn index_holds(client: &Client, events: u64) {
    eventually("the index has come to the end of the log", || {
        let reply = ask(client, "action:*", "&limit=1");
        (reply.status == 200 && reply.json()["pagination"]["total"] == events).then_some(())
    });
}

fn event(n: u32) -> Value {
    plain_with(json!({
        "timestamp": samples::after_ten(n),
        "n": n,
        "action": if n.is_multiple_of(2) { "data.export" } else { "auth.login" },
        "status": if n.is_multiple_of(3) { "failure" } else { "success" },
        "principalId": format!("user-{}@example.com", n % 4),
        "organizationId": if n < 15 { "acme" } else { "Acme" },
        "outcomeDescription": if n.is_multiple_of(5) { "Access denied by policy" } else { "done" },
        "recordCount": n * 10,
        "sessionContext": {"ipAddress": format!("10.0.{}.1", n % 3), "sessionId": format!("s-{n}")},
        "details": {"region": if n == 7 { "us-east-1" } else { "eu-west-1" }},
    }))
}

/// Twenty events in an appliance whose index has them.
fn filled() -> (Appliance, Client) {
    let appliance = Appliance::start();
    let client = appliance.everything("search");
    client.post(EVENTS, &Value::from((0..20).map(event).collect::<Vec<_>>())).expect(202);
    index_holds(&client, 20);
    (appliance, client)
}

#[test]
fn a_text_finds_events_with_every_filter_and_in_pages() {
    let (_appliance, client) = filled();
    let find = |text: &str, more: &str| found(&client, text, more).expect("the index is ready");
    assert_eq!(find("principal:USER-1@* action:auth.* -status:failure", ""), [17, 13, 5, 1]);
    assert_eq!(find("\"access denied\" recordCount:>100", ""), [15]);
    assert_eq!(find("ip:10.0.1.0/24 details.region:us-*", ""), [7]);
    assert_eq!(find("s-3 OR session:*-19", ""), [19, 3]);
    assert_eq!(find("denied", "&organizationIds=Acme"), [15], "a filter's case matters");
    assert_eq!(find("denied org:ACME", "&statuses=failure"), [15, 0], "a text's does not");
    assert_eq!(find("at:<=2026-01-05T10:00:02Z", "&sortDirection=asc"), [0, 1, 2]);
    assert_eq!(find("data.export", "&startDate=2026-01-05T10:00:16Z&sortField=receivedAt"), [18, 16]);
    assert_eq!(find("denied", "&actions=data.*&principalIds=user-2%40example.com"), [10]);
    assert_eq!(find("denied OR \"done\" action:auth.login", "&sortField=relevance").len(), 12);
    assert_eq!(find("nothing", ""), [0_u64; 0]);

    let page = ask(&client, "action:data.export", "&limit=4&offset=2").expect(200).json();
    assert_eq!(page["pagination"]["total"], 10);
    assert_eq!(page["pagination"]["hasPrevious"], true);
    let mut all = Vec::new();
    let mut next = String::new();
    loop {
        let page = ask(&client, "action:data.export", &format!("&limit=4{next}")).expect(200).json();
        all.extend(
            page["events"].as_array().expect("an array").iter().filter_map(|event| event["n"].as_u64()),
        );
        assert_eq!(page["pagination"]["total"], 10);
        assert_eq!(page["pagination"]["hasNext"], page["pagination"]["nextCursor"].is_string());
        match page["pagination"]["nextCursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(all, [18, 16, 14, 12, 10, 8, 6, 4, 2, 0]);
}

#[test]
fn a_text_that_cannot_be_read_is_refused_with_its_place() {
    let appliance = Appliance::start();
    let client = appliance.everything("search");
    for (text, position) in [("alice (bob", 7), ("recordCount:many", 13), ("\"open", 1), ("über OR", 8)] {
        let problem = ask(&client, text, "").expect(400).json();
        assert_eq!((&problem["field"], &problem["position"]), (&json!("q"), &json!(position)), "{problem}");
        assert!(
            problem["message"].as_str().is_some_and(|message| message.contains("character")),
            "{problem}"
        );
        let alerts = client.get(&format!("/api/v1/alerts?search={}", encoded(text))).expect(400).json();
        assert_eq!((&alerts["field"], &alerts["position"]), (&json!("search"), &json!(position)), "{alerts}");
    }
    for more in ["?sortField=relevance", "?q=a&sortField=relevance&sortDirection=asc"] {
        client.get(&format!("{EVENTS}{more}")).expect(400);
    }
}

#[test]
fn a_search_never_leaves_the_scope_of_its_key() {
    let (appliance, _) = filled();
    let key = appliance.key(&["--name", "bound", "--scope", "read", "--organization", "Acme"]);
    let bound = appliance.client().with_key(&key);
    let find = |text: &str| found(&bound, text, "&sortDirection=asc").expect("the index is ready");
    let own = [15, 16, 17, 18, 19];
    for text in ["action:*", "-missing", "org:acme OR org:*", "NOT org:other", "done OR denied"] {
        assert_eq!(find(text), own, "{text}");
    }
    assert_eq!(find("recordCount:<150"), [0_u64; 0]);
    assert_eq!(ask(&bound, "acme", "").expect(200).json()["pagination"]["total"], own.len());
    bound.post("/api/v1/search/reindex", &json!({})).expect(403);
}

#[test]
fn alerts_are_found_by_what_they_say() {
    let appliance = Appliance::start();
    let client = appliance.everything("search");
    for principal in ["mallory@example.com", "trudy"] {
        let tries: Vec<Value> = (0..5).map(|n| samples::failed_sign_in("acme", principal, n)).collect();
        client.post(EVENTS, &Value::from(tries)).expect(202);
    }
    appliance.detection_is_done(&client);
    let keys = |text: &str| -> Vec<String> {
        let path = format!("/api/v1/alerts?organizationId=acme&search={}", encoded(text));
        let page = client.get(&path).expect(200).json();
        let keys =
            page["data"].as_array().into_iter().flatten().map(|alert| alert["metadata"]["key"].as_str());
        let mut keys: Vec<String> = keys.map(|key| key.expect("an alert has a key").to_owned()).collect();
        keys.sort();
        keys
    };
    let both = ["mallory@example.com", "trudy"];
    for text in [
        "",
        "failed auth",
        "FAILED_AUTH",
        "pattern:failed_auth",
        "status:active",
        "tag:failed-auth",
        "type:security",
    ] {
        assert_eq!(keys(text), both, "{text}");
    }
    for text in
        ["mallory", "principal:MALLORY@example.com", "mal*", "*lory*", "-trudy", "\"mallory@example.com\""]
    {
        assert_eq!(keys(text), ["mallory@example.com"], "{text}");
    }
    assert_eq!(keys("status:resolved"), [""; 0]);
}

#[test]
fn the_index_comes_back_after_a_kill_and_when_it_is_damaged_or_gone() {
    let (mut appliance, client) = filled();
    client.post(EVENTS, &event(20)).expect(201);
    appliance.kill9();
    appliance.restart();
    index_holds(&client.at(&appliance.address), 21);

    appliance.kill9();
    let index = appliance.data_dir().join("index");
    let files: Vec<_> =
        std::fs::read_dir(&index).expect("it is there").map(|file| file.expect("a file").path()).collect();
    for file in
        files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "term" || kind == "idx"))
    {
        let mut bytes = std::fs::read(file).expect("it can be read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        std::fs::write(file, bytes).expect("it can be written");
    }
    appliance.restart();
    index_holds(&client.at(&appliance.address), 21);
    assert!(appliance.log().contains("the search index was removed"), "{}", appliance.log());

    assert_eq!(appliance.stop().code(), Some(0));
    std::fs::remove_dir_all(&index).expect("it is there");
    appliance.restart();
    index_holds(&client.at(&appliance.address), 21);
}

#[test]
fn reindex_makes_the_index_of_a_running_and_of_a_stopped_appliance() {
    let (mut appliance, client) = filled();
    let output = appliance.run(&["reindex"]);
    assert!(output.status.success(), "{}", lossy(&output.stderr));
    index_holds(&client, 20);
    eventually("the log tells of it", || appliance.log().contains("made again from the log").then_some(()));

    assert_eq!(appliance.stop().code(), Some(0));
    std::fs::remove_dir_all(appliance.data_dir().join("index")).expect("it is there");
    let output = appliance.run(&["reindex"]);
    assert!(output.status.success(), "{}", lossy(&output.stderr));
    appliance.restart();
    // It was whole already, so it answers as soon as it is checked.
    index_holds(&client.at(&appliance.address), 20);
    let state = client.at(&appliance.address).get("/api/v1/search/index").expect(200).json();
    assert_eq!(state["state"], "ready", "{state}");
}

#[test]
fn the_pages_of_events_are_answered_by_the_index_and_miss_nothing_that_was_acknowledged() {
    let appliance = Appliance::start();
    let client = appliance.everything("pages");
    let many: Vec<Value> =
        (0..5_100).map(|n| plain_with(json!({"n": n, "principalId": format!("p{n}")}))).collect();
    client.post(EVENTS, &Value::from(many)).expect(202);
    index_holds(&client, 5_100);
    let page = client.with("Accept", "text/html");
    for (n, query) in
        ["principal=newest-0", "q=newest-1", "principal=newest-2&q=newest", "q=newest*&verdict=unsigned"]
            .into_iter()
            .enumerate()
    {
        let event = json!({"principalId": format!("newest-{n}"), "action": "data.new", "sessionContext": {"sessionId": "s-9"}});
        let event = client.post(EVENTS, &plain_with(event)).expect(201).json();
        eventually("the list has the newest event", || {
            let list = page.get(&format!("/events?{query}")).expect(200).text();
            assert!(!list.contains("p50"), "{query}");
            let has_it = list.contains(&format!("newest-{n}</bdi></a>"));
            // Filters have it at once; a text waits for the index for a moment, and says when that was not enough.
            let says_so = query.contains("q=") && list.contains("not searched yet");
            assert!(has_it || says_so, "{query}: {list}");
            has_it.then_some(())
        });
        let event = page.get(&format!("/events/{}", event["id"].as_str().expect("an id"))).expect(200).text();
        assert!(event.contains("All of this session"), "{event}");
        assert_eq!(
            event.matches("class=\"list-row\"").count(),
            if n == 0 { 0 } else { n + 1 },
            "its neighbours: {event}"
        );
    }
}
