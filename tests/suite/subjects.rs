//! The pages of one principal and one resource: what they count, for whom, and whatever the ids are.

use crate::appliance::{Appliance, eventually};
use crate::client::{Client, encoded};
use crate::samples::{failed_sign_in, plain_with};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";

/// A page once the index has all of its events.
#[track_caller]
fn page(client: &Client, path: &str, holds: &str) -> String {
    let browser = client.with("Accept", "text/html");
    let mut last = String::new();
    eventually(&format!("{path} holds {holds}"), || {
        last = browser.get(path).expect(200).text();
        last.contains(holds).then_some(())
    });
    last
}

fn send(client: &Client, events: &[Value]) {
    client.post(EVENTS, &Value::from(events.to_vec())).expect(202);
}

/// What a browser would show of it.
fn text_of(html: &str) -> String {
    let texts = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    texts.collect::<String>().trim().to_owned()
}

/// The numbers of the row of a table whose head begins so.
fn numbers(page: &str, name: &str) -> Vec<String> {
    let heads = page.split("<th scope=\"row\">").skip(1);
    let row = heads.filter_map(|rest| rest.split_once("</tr>")).map(|(row, _)| row);
    let mut row = row.filter(|row| text_of(row).starts_with(name));
    let row = row.next().unwrap_or_else(|| panic!("{name} in {page}"));
    row.split("</t")
        .filter_map(|cell| cell.split_once("<td"))
        .map(|(_, cell)| text_of(&format!("<td{cell}")))
        .collect()
}

fn event(time: &str, more: Value) -> Value {
    let mut event = plain_with(json!({"timestamp": time, "principalId": "eve", "organizationId": "acme"}));
    let members = event.as_object_mut().expect("an event is an object");
    members.extend(more.as_object().expect("members").clone());
    event
}

#[test]
fn a_principal_is_counted_by_what_it_did_and_when_its_own_clock_said() {
    let config = "[detection]\ntime_zone = \"Europe/Berlin\"\n";
    let appliance = Appliance::start_configured(config);
    let client = appliance.everything("source");
    let on = |id: &str| json!({"targetResourceType": "Patient", "targetResourceId": id});
    let mut exported = on("p/1");
    exported["action"] = json!("data.export");
    exported["status"] = json!("failure");
    exported["sessionContext"] =
        json!({"ipAddress": "::ffff:10.0.0.7", "sessionId": "s", "userAgent": "Ward/4.2 (x)"});
    send(
        &client,
        &[
            // The clock is put forward from two to three on this Sunday in Berlin.
            event("2026-03-29T00:59:59Z", on("p/1")),
            event("2026-03-29T01:00:00Z", on("p/1")),
            // And back from three to two: one hour comes twice.
            event("2025-10-26T00:30:00Z", on("p/2")),
            event("2025-10-26T01:30:00Z", exported),
            plain_with(json!({"principalId": "Eve", "timestamp": "2020-01-01T00:00:00Z"})),
        ],
    );
    let shown = page(&client, "/principal?id=eve", "4 events, first seen");
    assert!(shown.contains("2025-10-26 00:30:00 UTC") && shown.contains("2026-03-29 01:00:00 UTC"));
    assert!(!shown.contains("2020-01-01"), "an id is its very writing");
    let sunday = numbers(&shown, "Sunday");
    let hours: Vec<(usize, &str)> =
        sunday.iter().map(String::as_str).enumerate().filter(|(_, count)| *count != "0").collect();
    assert_eq!(hours, [(1, "1"), (2, "2"), (3, "1")]);
    assert_eq!(numbers(&shown, "data.export"), ["1", "0", "1", "0"]);
    assert_eq!(numbers(&shown, "10.0.0.7"), ["1", "25.0 %"]);
    assert_eq!(numbers(&shown, "Ward/4.2 (x)"), ["1", "25.0 %"]);
    assert_eq!(numbers(&shown, "p/1"), ["3", "75.0 %"]);
    assert!(shown.contains("/resource?type=Patient&#38;id=p%2F1"), "a resource leads to its page");
    assert!(shown.len() < 100_000, "{} bytes", shown.len());

    let part =
        page(&client, "/principal?id=eve&from=2026-01-01&to=2026-03-29T01:00:00Z", "1 event, first seen");
    assert!(part.contains("Show all"));
    let resource = page(&client, "/resource?type=Patient&id=p%2F1", "3 events, first seen");
    assert!(resource.contains("/principal?id=eve"), "its principals lead to theirs");
    page(&client, "/resource?id=p%2F1", "3 events, first seen");
    page(&client, "/resource?type=Record&id=p%2F1", "No event");
}

#[test]
fn nobody_sees_of_another_organisation_what_it_did() {
    let appliance = Appliance::start();
    let client = appliance.everything("source");
    let tries: Vec<Value> = (0..6).map(|n| failed_sign_in("acme", "eve", n)).collect();
    send(&client, &tries);
    send(
        &client,
        &[event("2026-01-05T10:00:00Z", json!({"organizationId": "other", "action": "data.read"}))],
    );
    appliance.detection_is_done(&client);
    let all = page(&client, "/principal?id=eve", "7 events, first seen");
    assert!(all.contains("Related alerts") && all.contains("org=acme"));
    page(&client, "/principal?id=eve&org=other", "1 event, first seen");
    for (organization, holds) in [("other", "1 event, first seen"), ("nobody", "No event")] {
        let key = appliance.key(&["--name", organization, "--scope", "read", "--organization", organization]);
        let bound = appliance.client().with_key(&key);
        let shown = page(&bound, "/principal?id=eve", holds);
        assert!(!shown.contains("acme") && !shown.contains("Related alerts"), "{organization}: {shown}");
        page(&bound, "/principal?id=eve&org=acme", "No event");
    }
}

#[test]
fn an_id_of_any_characters_stands_there_as_text_and_a_long_one_makes_no_large_page() {
    let appliance = Appliance::start();
    let client = appliance.everything("source");
    let hostile = " \"><script>alert(1)</script>&amp;\u{202e}%2e*\\";
    let long = "é".repeat(900);
    let events = [hostile, &long].map(|id| {
        let more =
            json!({"principalId": id, "targetResourceType": id, "targetResourceId": id, "action": "a.b"});
        event("2026-01-05T10:00:00Z", more)
    });
    send(&client, &events);
    for path in ["/principal?id=", "/resource?id="] {
        let shown = page(&client, &format!("{path}{}", encoded(hostile)), "1 event, first seen");
        // The form keeps it as it is, where nobody sees it.
        let seen: String = shown.lines().filter(|line| !line.contains("type=\"hidden\"")).collect();
        assert!(!shown.contains("<script>alert") && !seen.contains('\u{202e}'), "{shown}");
        assert!(shown.contains("[U+202E]"), "{shown}");
        let shown = page(&client, &format!("{path}{}", encoded(&long)), "1 event, first seen");
        assert!(shown.len() < 100_000, "{} bytes", shown.len());
    }
    client.get("/principal").expect(400);
    client.get("/resource?type=Patient").expect(400);
    client.get("/principal?id=a&from=yesterday").expect(400);
}
