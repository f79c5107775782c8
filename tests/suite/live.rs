//! What pages hear while they are open, steps on many alerts, and the pages about sources and health.

use crate::appliance::{Appliance, PATIENCE, eventually, found};
use crate::client::{Client, Reply, encoded};
use crate::people::{add_user, sign_in, with_session};
use crate::samples::{data_access, plain_with};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Instant;

const EVENTS: &str = "/api/v1/audit/events";
const FORM: &str = "application/x-www-form-urlencoded";
const PASSWORD: &str = "correct horse battery";

/// A stream of server-sent events that is being read.
struct Stream {
    reader: BufReader<TcpStream>,
    /// Everything that was read.
    heard: String,
}

/// One event.
#[derive(Debug)]
struct Told {
    name: String,
    id: String,
    data: Value,
}

impl Stream {
    /// Asks and reads the head; the status where it is no stream.
    fn open(client: &Client, path: &str) -> Result<Stream, u16> {
        let mut stream = TcpStream::connect(&client.address).expect("it answers");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        let head = format!("{}\r\n", client.head("GET", path));
        stream.write_all(head.as_bytes()).expect("it reads");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).expect("it answers");
        let status: u16 = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).expect("the head goes on");
            assert!(!line.to_lowercase().starts_with("content-encoding"), "a packed stream comes in lumps");
        }
        if status == 200 { Ok(Stream { reader, heard: String::new() }) } else { Err(status) }
    }

    #[track_caller]
    fn opened(client: &Client, path: &str) -> Stream {
        Stream::open(client, path).unwrap_or_else(|status| panic!("{path}: {status}"))
    }

    /// The next event; nothing at the end. What frames the chunks begins like no line of an event.
    fn next(&mut self) -> Option<Told> {
        let (mut name, mut id) = (String::new(), String::new());
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A stream that has nothing to tell beats all the same, so that no read of it ever takes too long.
            assert!(Instant::now() < deadline, "no event came, only: {}", self.heard);
            let mut line = String::new();
            if self.reader.read_line(&mut line).expect("it goes on or ends") == 0 {
                return None;
            }
            self.heard.push_str(&line);
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut name);
            } else if let Some(text) = line.strip_prefix("id: ") {
                text.clone_into(&mut id);
            } else if let Some(text) = line.strip_prefix("data: ") {
                return Some(Told { name, id, data: serde_json::from_str(text).expect("data is JSON") });
            }
        }
    }

    /// The next event of that name that fits.
    #[track_caller]
    fn until(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Told {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "waited in vain for {name}: {}", self.heard);
            let told = self.next().unwrap_or_else(|| panic!("it ended before {name}: {}", self.heard));
            if told.name == name && fits(&told.data) {
                return told;
            }
        }
    }
}

/// A client that is signed in as someone new, on our own pages.
#[track_caller]
fn enter(appliance: &Appliance, name: &str, role: &str, more: &[&str]) -> Client {
    enter_from("same-origin", appliance, name, role, more)
}

/// The same where the requests come from that site.
#[track_caller]
fn enter_from(site: &str, appliance: &Appliance, name: &str, role: &str, more: &[&str]) -> Client {
    let added = add_user(appliance, name, role, more, PASSWORD);
    assert!(added.status.success(), "{added:?}");
    let client = appliance.client();
    with_session(&client, &sign_in(&client, name, PASSWORD).expect(303)).with("Sec-Fetch-Site", site)
}

#[test]
fn a_stream_tells_new_alerts_and_events_within_the_scope_and_goes_on_where_it_ended() {
    let appliance = Appliance::start();
    let everything = appliance.everything("events");
    let vic = enter(&appliance, "vic", "viewer", &["--organization", "org-a"]);
    let ana = enter(&appliance, "ana", "viewer", &[]);
    let mut theirs = Stream::opened(&vic, "/live?alerts=0&tail=0");
    let mut all = Stream::opened(&ana, "/live?alerts=0&tail=0&principal=bat");
    assert_eq!(theirs.until("alerts", |_| true).data["open"], 0);
    assert_eq!(all.until("numbers", |_| true).data["dayEvents"], "0");

    everything.post(EVENTS, &json!([data_access("org-b", "owl", "23:00:00")])).expect(202);
    let told = all.until("alerts", |news| news["raised"] == 1);
    assert_eq!((&told.data["open"], &told.data["newest"][0]["key"]), (&json!(1), &json!("owl")));
    everything.post(EVENTS, &json!([data_access("org-a", "bat", "23:00:00")])).expect(202);
    let told = theirs.until("alerts", |news| news["raised"] != 0);
    assert_eq!((&told.data["open"], &told.data["raised"]), (&json!(1), &json!(1)));
    assert_eq!(told.data["newest"][0]["key"], "bat");
    // The second alert may be told with the events of the same moment, or after them.
    let rows = all.until("rows", |_| true).data;
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(1), "the filter holds: {rows}");
    assert_eq!((&rows["rows"][0]["principal"], &rows["more"]), (&json!("bat"), &json!(0)));
    all.until("numbers", |numbers| numbers["dayEvents"] == "2");
    for secret in ["org-b", "owl", "event: numbers"] {
        assert!(!theirs.heard.contains(secret), "{secret}: {}", theirs.heard);
    }

    let mark = told.id;
    everything.post(EVENTS, &json!([data_access("org-a", "fox", "23:00:00")])).expect(202);
    appliance.detection_is_done(&everything);
    let mut again = Stream::opened(&vic.with("Last-Event-ID", &mark), "/live?alerts=0&tail=0");
    let news = again.until("alerts", |_| true).data;
    assert_eq!((&news["raised"], &news["newest"][0]["key"]), (&json!(1), &json!("fox")));
    let rows = again.until("rows", |_| true).data["rows"].clone();
    assert!(rows.as_array().is_some_and(|rows| rows.iter().all(|row| row["principal"] != "owl")), "{rows}");
}

#[test]
fn a_tail_with_a_search_text_tells_what_it_finds_and_nothing_else() {
    let appliance = Appliance::start();
    let everything = appliance.everything("ward 7");
    let ana = enter(&appliance, "ana", "viewer", &[]);
    let text = encoded("action:data.* -principal:owl source:\"ward 7\" OR details.ward:W7");
    let mut reading = Stream::opened(&ana, &format!("/live?tail=0&status=success&q={text}"));
    reading.until("alerts", |_| true);
    everything
        .post(EVENTS, &json!([data_access("org-a", "owl", "10:00:00"), plain_with(json!({"n": 1}))]))
        .expect(202);
    everything.post(EVENTS, &json!([data_access("org-a", "bat", "10:00:01")])).expect(202);
    let ward = json!({"details": {"ward": "w7"}, "principalId": "cat"});
    let failed = json!({"details": {"ward": "W7"}, "status": "failure"});
    everything.post(EVENTS, &json!([plain_with(failed), plain_with(ward)])).expect(202);
    let mut told = Vec::new();
    while told.len() < 2 {
        let rows = reading.until("rows", |_| true).data["rows"].clone();
        told.extend(rows.as_array().expect("rows").iter().map(|row| row["principal"].clone()));
    }
    assert_eq!(told, ["bat", "cat"]);
}

#[test]
fn a_search_text_that_cannot_be_read_is_marked_beside_its_field() {
    let appliance = Appliance::start();
    let ana = enter(&appliance, "ana", "viewer", &[]).with("Accept", "text/html");
    for (place, name) in [("/events", "q"), ("/events/live", "q"), ("/alerts", "search")] {
        let page = ana.get(&format!("{place}?{name}={}", encoded("owl (\u{202e}<b>"))).expect(400).text();
        assert!(page.contains("at character 5: this parenthesis is never closed"), "{place}: {page}");
        assert!(
            page.contains("<bdi>owl </bdi><mark><bdi>(</bdi></mark><bdi>[U+202E]&#60;b&#62;</bdi>"),
            "{page}"
        );
        assert!(page.contains("aria-invalid=\"true\""), "{place}: the field is marked");
        assert!(!page.contains("tail="), "{place}: nothing is followed");
        assert!(page.contains("value=\"owl (\u{202e}&#60;b&#62;\""), "{place}: the form keeps it");
    }
    let noted = ana.get("/api/v1/activity?kind=searches").text();
    assert!(!noted.contains("owl"), "what could not be read was not searched: {noted}");
}

#[test]
fn what_is_no_session_or_no_filter_gets_no_stream() {
    let appliance = Appliance::start();
    assert_eq!(Stream::open(&appliance.client(), "/live").err(), Some(401));
    let ingest = appliance.key(&["--name", "sender", "--scope", "ingest"]);
    assert_eq!(Stream::open(&appliance.client().with_key(&ingest), "/live").err(), Some(403));
    let reader = appliance.client().with_key(&appliance.key(&["--name", "reader", "--scope", "read"]));
    for query in ["alerts=x", "tail=-1", "tail=0&status=fine", "tail=0&q=a%20OR"] {
        assert_eq!(Stream::open(&reader, &format!("/live?{query}")).err(), Some(400), "{query}");
    }
    // What is no id of ours is nothing to go on from.
    Stream::opened(&reader.with("Last-Event-ID", "x"), "/live").until("alerts", |news| news["raised"] == 0);
}

#[test]
fn a_session_holds_four_streams_and_gets_a_place_back_when_one_ends() {
    let appliance = Appliance::start();
    let ana = enter(&appliance, "ana", "viewer", &[]);
    let mut streams: Vec<Stream> = (0..4).map(|_| Stream::opened(&ana, "/live")).collect();
    let refused = ana.get("/live").expect(429);
    assert!(refused.header("retry-after").is_some(), "{refused}");
    let bob = enter(&appliance, "bob", "viewer", &[]);
    Stream::opened(&bob, "/live").until("alerts", |_| true);
    drop(streams.pop());
    eventually("the place is free", || Stream::open(&ana, "/live").ok());
}

#[test]
fn a_stream_ends_with_its_session_its_user_and_the_appliance() {
    let mut appliance = Appliance::start();
    let ana = enter(&appliance, "ana", "viewer", &[]);
    let mut stream = Stream::opened(&ana, "/live");
    ana.post_as("/sign-out", FORM, b"").expect(303);
    assert_eq!(stream.until("end", |_| true).data["reason"], "session");
    assert!(stream.next().is_none());
    let bob = enter(&appliance, "bob", "viewer", &[]);
    let mut stream = Stream::opened(&bob, "/live");
    assert!(appliance.run(&["user", "remove", "bob"]).status.success());
    stream.until("end", |_| true);
    let eve = enter(&appliance, "eve", "viewer", &[]);
    let mut stream = Stream::opened(&eve, "/live");
    stream.until("numbers", |_| true);
    assert!(appliance.stop().success());
    while stream.next().is_some() {}
    assert!(!appliance.log().contains("were still busy"), "a stream holds nobody up: {}", appliance.log());
}

#[test]
fn of_a_burst_the_newest_events_are_shown_and_the_rest_is_told_of() {
    let appliance = Appliance::start();
    let everything = appliance.everything("events");
    let ana = enter(&appliance, "ana", "viewer", &[]);
    let mut reading = Stream::opened(&ana, "/live?tail=0");
    let batch: Vec<Value> = (0..3_000).map(|n| plain_with(json!({"principalId": format!("p{n}")}))).collect();
    everything.post(EVENTS, &Value::from(batch)).expect(202);
    let told = reading.until("rows", |rows| rows["more"] != 0);
    let rows = told.data["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 20, "a bounded number is shown");
    assert_eq!(rows[19]["principal"], "p2999", "the newest");
    assert_eq!(told.data["hurried"], true, "what was not looked at is told");
}

#[test]
fn many_alerts_are_changed_in_one_step_and_each_that_could_not_be_is_named() {
    let appliance = Appliance::start();
    let everything = appliance.everything("events");
    let events = [("org-a", "owl"), ("org-a", "bat"), ("org-a", "fox"), ("org-b", "moth")];
    let events = events.map(|(organization, who)| data_access(organization, who, "23:00:00"));
    everything.post(EVENTS, &Value::from(events.to_vec())).expect(202);
    appliance.detection_is_done(&everything);
    let alerts = found(&everything, "");
    let id = |key: &str| {
        let alert = alerts.iter().find(|alert| alert["metadata"]["key"] == key).expect("it was raised");
        alert["id"].as_str().expect("an id").to_owned()
    };
    everything.post(&format!("/api/v1/alerts/{}/acknowledge", id("fox")), &json!({})).expect(200);
    let ana = enter(&appliance, "ana", "analyst", &["--organization", "org-a"]).with("Accept", "text/html");
    let form = |ids: &[String], rest: &str| {
        let ids: Vec<String> = ids.iter().map(|id| format!("id={id}")).collect();
        format!("{}&{rest}", ids.join("&")).into_bytes()
    };
    let four = ["owl", "bat", "fox", "moth"].map(id);
    let body = form(&four, &format!("step=acknowledge&back={}", encoded("/alerts?status=all")));
    let said = ana.post_as("/alerts/bulk", FORM, &body).expect(200).text();
    assert!(
        said.contains("2 alerts were acknowledged") && said.contains("2 alerts stayed as before"),
        "{said}"
    );
    assert!(said.contains("already acknowledged") && said.contains("no alert with this id"), "{said}");
    assert!(!said.contains("moth") && said.contains("/alerts?status=all"), "{said}");
    let status =
        |id: &str| everything.get(&format!("/api/v1/alerts/{id}")).expect(200).json()["status"].clone();
    assert_eq!(
        four.each_ref().map(|id| status(id)),
        ["acknowledged", "acknowledged", "acknowledged", "active"]
    );

    let refused = |reply: Reply, status| drop(reply.expect(status));
    refused(ana.post_as("/alerts/bulk", FORM, &form(&four[..1], "step=dismiss&note=+")), 400);
    refused(ana.post_as("/alerts/bulk", FORM, &form(&four[3..], "step=acknowledge")), 409);
    let vic = enter(&appliance, "vic", "viewer", &[]);
    refused(vic.post_as("/alerts/bulk", FORM, &form(&four, "step=acknowledge")), 403);
    let lured = enter_from("cross-site", &appliance, "zoe", "analyst", &[]);
    refused(lured.post_as("/alerts/bulk", FORM, &form(&four, "step=acknowledge")), 403);
    ana.post_as("/alerts/bulk", FORM, &form(&four[..2], "step=dismiss&note=a+drill")).expect(200);
    let owl = everything.get(&format!("/api/v1/alerts/{}", four[0])).expect(200).json();
    assert_eq!((&owl["status"], &owl["resolutionNotes"]), (&json!("dismissed"), &json!("a drill")));
    assert_eq!(
        owl["history"].as_array().and_then(|steps| steps.last()).map(|step| step["by"].clone()),
        Some(json!("ana"))
    );
}

#[test]
fn sources_and_health_show_what_is_the_callers_to_see() {
    // However slow the disk is: else the page says that instead.
    let appliance = Appliance::start_with(&[("SEALWATCH_HEALTH__PROBE_WARN_MILLIS", "60000")]);
    let own = appliance.key(&["--name", "ward-app", "--scope", "ingest", "--organization", "org-a"]);
    let other = appliance.key(&["--name", "lab-app", "--scope", "ingest", "--organization", "org-b"]);
    let event = |organization: &str| plain_with(json!({"organizationId": organization}));
    appliance.client().with_key(&own).post(EVENTS, &json!([event("org-a"), {"action": 1}])).expect(202);
    appliance.client().with_key(&other).post(EVENTS, &event("org-b")).expect(201);
    let vic = enter(&appliance, "vic", "viewer", &["--organization", "org-a"]).with("Accept", "text/html");
    let all = enter(&appliance, "ana", "viewer", &[]).with("Accept", "text/html");
    let seen = eventually("the event is counted", || {
        let text = all.get("/sources").expect(200).text();
        (text.matches("silent for").count() == 2).then_some(text)
    });
    assert!(seen.contains("ward-app") && seen.contains("lab-app") && seen.contains("Unsigned"), "{seen}");
    assert!(
        seen.contains("data-label=\"Rejected\" class=\"number\"><strong"),
        "what was rejected stands out"
    );
    let theirs = vic.get("/sources").expect(200).text();
    assert!(theirs.contains("ward-app") && !theirs.contains("lab-app"), "{theirs}");
    let health = all.get("/health").expect(200).text();
    assert!(health.contains("the log takes writes") && health.contains("Throughput"), "{health}");
    let theirs = vic.get("/health").expect(200).text();
    assert!(theirs.contains("the log takes writes") && !theirs.contains("Throughput"), "{theirs}");
    assert_eq!(appliance.client().with("Accept", "text/html").get("/sources").status, 303);
    for page in ["/", "/alerts", "/events", "/events/live", "/sources", "/health", "/help"] {
        let size = all.get(page).expect(200).body.len();
        assert!(size < 100_000, "{page} has {size} bytes");
    }
}
