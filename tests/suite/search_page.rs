//! The search page and the searches that people keep.

use crate::appliance::{Appliance, eventually};
use crate::client::{Client, Reply, encoded};
use crate::people::{add_user, sign_in, with_session};
use crate::samples::{self, plain_with};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";
const FORM: &str = "application/x-www-form-urlencoded";
const PASSWORD: &str = "correct horse battery";
const PAGE_BYTES_MAX: usize = 100_000;

/// A user of that role, signed in.
fn enter(appliance: &Appliance, name: &str, role: &str, more: &[&str]) -> Client {
    assert!(add_user(appliance, name, role, more, PASSWORD).status.success());
    let client = appliance.client();
    let client = with_session(&client, &sign_in(&client, name, PASSWORD).expect(303));
    client.with("Sec-Fetch-Site", "same-origin").with("Accept", "text/html")
}

fn event(n: u32) -> Value {
    let (organization, principal) = if n < 40 { ("acme", "alice") } else { ("other", "trudy") };
    plain_with(json!({
        "timestamp": samples::after_ten(n * 60),
        "action": if n.is_multiple_of(2) { "data.export" } else { "auth.login" },
        "principalId": principal,
        "organizationId": organization,
        "outcomeDescription": if n.is_multiple_of(5) { "Access denied" } else { "done" },
    }))
}

/// Sixty events of two organisations, in the index.
fn filled() -> (Appliance, Client) {
    let appliance = Appliance::start();
    let client = appliance.everything("search");
    client.post(EVENTS, &Value::from((0..60).map(event).collect::<Vec<_>>())).expect(202);
    index_holds(&client, 60);
    (appliance, client)
}

fn index_holds(client: &Client, events: u64) {
    eventually("the index has come to the end of the log", || {
        let reply = client.get(&format!("{EVENTS}?q=action:*&limit=1"));
        (reply.status == 200 && reply.json()["pagination"]["total"] == events).then_some(())
    });
}

fn search(client: &Client, text: &str, more: &str) -> Reply {
    client.get(&format!("/search?q={}{more}", encoded(text)))
}

#[track_caller]
fn shows(page: &Reply, parts: &[&str]) {
    let html = page.text();
    for part in parts {
        assert!(html.contains(part), "{part:?} is not in: {html}");
    }
    assert!(html.len() < PAGE_BYTES_MAX, "{} bytes", html.len());
}

/// The address of the link whose text is `word`.
#[track_caller]
fn link(page: &Reply, word: &str) -> String {
    let html = page.text();
    let end = html.find(&format!(">{word}</a>")).unwrap_or_else(|| panic!("no link {word:?} in {html}"));
    let start = html[..end].rfind("href=\"").expect("it leads somewhere") + 6;
    let href = html[start..].split('"').next().expect("it ends");
    href.replace("&#38;", "&").replace("&amp;", "&").replace("&#34;", "\"")
}

#[test]
fn a_page_shows_events_counts_and_pages_of_what_a_text_finds() {
    let (appliance, _) = filled();
    let ada = enter(&appliance, "ada", "viewer", &[]);
    let page = search(&ada, "denied", "").expect(200);
    shows(
        &page,
        &[
            "12 events",
            "data.export",
            "alice",
            "trudy",
            "<svg class=\"chart\"",
            "Narrow down",
            "0 alerts found",
        ],
    );
    assert_eq!(page.text().matches("<tr role=\"row\">").count(), 1 + 12);

    let narrowed = ada.get(&link(&page, "<bdi class=\"clip\">trudy</bdi>")).expect(200);
    shows(&narrowed, &["4 events", "Principal: <bdi>trudy</bdi>"]);
    let html = narrowed.text();
    let taken_out =
        html.split("class=\"pill chosen\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
    assert_eq!(taken_out, Some("/search?q=denied"));

    let first = search(&ada, "action:*", "").expect(200);
    shows(&first, &["60 events"]);
    let second = ada.get(&link(&first, "More")).expect(200);
    let third = ada.get(&link(&second, "More")).expect(200);
    assert!(!third.text().contains(">More</a>"));
    assert_eq!(third.text().matches("<tr role=\"row\">").count(), 1 + 10);
    let best = search(&ada, "denied OR done", "&sort=relevance").expect(200);
    shows(&ada.get(&link(&best, "More")).expect(200), &["60 events", ">First page</a>"]);

    let bar = link(&search(&ada, "denied", "").expect(200), "2026-01-05 10:30–10:35");
    shows(&ada.get(&bar).expect(200), &["1 event<", "value=\"2026-01-05T10:30:00\""]);
    shows(&search(&ada, "denied", "&range=hour").expect(200), &["No event matches", "Search at all times"]);
    shows(&ada.get("/search").expect(200), &["60 events"]);
    ada.get("/search?range=eon").expect(400);
}

#[test]
fn nothing_of_others_is_found_counted_or_exported() {
    let (appliance, client) = filled();
    let tries: Vec<Value> = (0..5).map(|n| samples::failed_sign_in("other", "trudy", n)).collect();
    client.post(EVENTS, &Value::from(tries)).expect(202);
    appliance.detection_is_done(&client);
    index_holds(&client, 66);
    let bound = enter(&appliance, "bob", "viewer", &["--organization", "acme"]);
    for text in ["", "action:*", "-missing", "trudy OR alice", "org:other OR org:*", "NOT org:none"] {
        let page = search(&bound, text, "").expect(200);
        shows(&page, &["40 events", "alice", "0 alerts found"]);
        let results = page.text().split("<main").nth(1).expect("there is a main part").to_owned();
        let beyond_form = results.split("Narrow down").nth(1).expect("there are facets");
        assert!(
            !beyond_form.contains(">trudy<") && !beyond_form.contains(">other<"),
            "{text}: {beyond_form}"
        );
    }
    let all = enter(&appliance, "ada", "viewer", &[]);
    let page = search(&all, "trudy", "").expect(200);
    shows(&page, &["1 alert found", "25 events"]);
    let alerts = all.get(&link(&page, "All of them")).expect(200);
    shows(&alerts, &["trudy"]);
    let csv = bound.get(&link(&search(&bound, "action:*", "").expect(200), "CSV")).expect(200).text();
    assert_eq!((csv.lines().count(), csv.contains("trudy")), (41, false));
    let csv = bound.get("/events/export?format=csv&principal=trudy").expect(200).text();
    assert_eq!(csv.lines().count(), 1, "{csv}");
    assert_eq!(bound.get("/alerts/export?format=ndjson&status=all").expect(200).body, b"");
    assert!(
        all.get("/alerts/export?format=ndjson&status=all&search=trudy").expect(200).text().contains("trudy")
    );
}

#[test]
fn a_text_that_cannot_be_read_shows_where_and_stays_in_the_form() {
    let (appliance, _) = filled();
    let ada = enter(&appliance, "ada", "viewer", &[]);
    let page = search(&ada, "alice (bob", "").expect(400);
    shows(
        &page,
        &["This text cannot be read", "alice <mark>(</mark>bob", ">      ^</span>", "value=\"alice (bob\""],
    );
    let hostile = "<script>alert(1)</script> \"\u{202e} (";
    let page = search(&ada, hostile, "").expect(400);
    assert!(!page.text().contains("<script>alert"), "{page}");
    shows(&page, &["[U+202E]"]);
    shows(&search(&ada, &"x ".repeat(5_000), "").expect(400), &["too long for this page"]);
}

#[test]
fn what_a_sender_wrote_is_shown_as_text_and_can_be_narrowed_by() {
    let appliance = Appliance::start();
    let client = appliance.everything("search");
    let hostile = "<img src=x onerror=alert(1)> \"quoted\" \\ & '\u{202e}";
    let long = "y".repeat(9_000);
    for text in [hostile, &long] {
        let event = plain_with(json!({"principalId": text, "organizationId": text, "action": text}));
        client.post(EVENTS, &event).expect(201);
    }
    index_holds(&client, 2);
    let ada = enter(&appliance, "ada", "viewer", &[]);
    let page = search(&ada, "action:*", "").expect(200);
    assert!(!page.text().contains("<img"), "{page}");
    shows(&page, &["2 events", "[U+202E]"]);
    let html = page.text();
    let facets = html.split("id=\"by-principal\"").nth(1).expect("it is a facet");
    let href =
        facets.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("it leads there");
    shows(&ada.get(href).expect(200), &["1 event<"]);
}

#[test]
fn a_search_of_a_person_is_noted_once() {
    let (appliance, client) = filled();
    let ada = enter(&appliance, "ada", "viewer", &[]);
    ada.get("/search").expect(200);
    let page = search(&ada, "org:acme", "").expect(200);
    ada.get(&link(&page, "More")).expect(200);
    search(&client.with("Accept", "text/html"), "by:program", "");
    let activity = client.get("/api/v1/activity?kind=searches").expect(200).json();
    let searches = activity["activities"].as_array().expect("an array");
    assert_eq!(searches.len(), 1, "{activity}");
    assert_eq!(searches[0]["sentence"], "ada searched the events and alerts");
}

#[test]
fn searches_are_kept_for_their_user_alone() {
    let (appliance, client) = filled();
    let (ada, bob) = (enter(&appliance, "ada", "viewer", &[]), enter(&appliance, "bob", "viewer", &[]));
    let query = encoded("q=principal%3A%22alice%22&range=week&cursor=17");
    let keep = |name: &str| format!("name={}&query={query}", encoded(name));
    let saved = ada.post_as("/searches", FORM, keep("<b>night</b> shift").as_bytes()).expect(303);
    assert_eq!(saved.header("location"), Some("/search?q=principal%3A%22alice%22&range=week"));
    shows(&ada.get("/search").expect(200), &["Saved searches (1)", "&#60;b&#62;night&#60;/b&#62; shift"]);
    assert!(!bob.get("/search").expect(200).text().contains("shift"));
    let other_site = appliance.client().with("Sec-Fetch-Site", "cross-site");
    let own_site = appliance.client();
    let cross = with_session(&other_site, &sign_in(&own_site, "ada", PASSWORD).expect(303));
    cross.post_as("/searches", FORM, keep("x").as_bytes()).expect(403);
    ada.post_as("/searches", FORM, keep("").as_bytes()).expect(400);
    ada.post_as("/searches", FORM, keep(&"x".repeat(81)).as_bytes()).expect(400);

    let list = |client: &Client| client.get("/api/v1/searches").expect(200).json()["searches"].clone();
    assert_eq!(list(&ada)[0]["address"], "/search?q=principal%3A%22alice%22&range=week");
    assert_eq!(list(&bob), json!([]));
    bob.post("/api/v1/searches", &json!({"name": "mine", "query": "q=a"})).expect(201);
    for number in 1..50 {
        bob.post("/api/v1/searches", &json!({"name": format!("{number}"), "query": "q=a"})).expect(201);
    }
    let full = bob.post("/api/v1/searches", &json!({"name": "more", "query": "q=a"})).expect(409).json();
    assert_eq!(full["code"], "too_many_searches");
    shows(&bob.get("/search").expect(200), &["There is no room for more"]);
    assert_eq!(bob.call("DELETE", "/api/v1/searches/mine", b"").status, 204);
    assert_eq!(bob.call("DELETE", "/api/v1/searches/mine", b"").status, 404);
    client.get("/api/v1/searches").expect(403);

    let forget = format!("name={}&query=q%3Da", encoded("<b>night</b> shift"));
    let back = ada.post_as("/searches/forget", FORM, forget.as_bytes()).expect(303);
    assert_eq!(back.header("location"), Some("/search?q=a"));
    assert_eq!(list(&ada), json!([]));
}
