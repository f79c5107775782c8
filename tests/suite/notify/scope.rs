//! The targets are everyone's: whoever is bound to organisations neither sees nor moves them, and what a target says of itself
//! is shown to those alone who may.

use super::receiver::Receiver;
use super::stubs::{raw, read_some};
use super::{configured, deliveries, hook, raise, route, settled, target};
use crate::appliance::{Appliance, eventually};
use serde_json::{Value, json};
use std::io::Write;

const FORM: &str = "application/x-www-form-urlencoded";
/// Part of an address that only its owner knows.
const SECRET: &str = "xQ77secret";

#[test]
fn an_administrator_of_one_organisation_rules_no_targets() {
    let receiver = Receiver::start();
    let rest = [hook("desk", receiver.port), route("all", &["desk"])].concat();
    let appliance = Appliance::start_configured(&configured(&[receiver.address()], &rest));
    let everything = appliance.everything("all");
    let scopes = ["--scope", "read", "--scope", "admin", "--organization", "clinic"];
    let bound = appliance.client().with_key(&appliance.key(&[&["--name", "bound"], &scopes[..]].concat()));
    let open = json!({"open": true});
    bound.get("/api/v1/notify/targets").expect(403);
    bound.post_text("/api/v1/notify/targets/desk/test", "").expect(403);
    bound.post("/api/v1/notify/targets/desk/breaker", &open).expect(403);
    bound.post("/api/v1/health/breakers/desk", &open).expect(403);
    for form in
        ["/notifications/targets/desk/test", "/notifications/targets/desk/breaker", "/health/breakers/desk"]
    {
        bound.post_as(form, FORM, b"open=true").expect(403);
    }
    assert_eq!(receiver.got().len(), 0);
    assert_eq!(target(&everything, "desk")["breaker"], "closed");
    everything.post("/api/v1/notify/targets/desk/breaker", &open).expect(204);
    eventually("the stopped target shows", || {
        let health = everything.get("/api/v1/health/components/notify").expect(200).json();
        (health["status"] == "WARNING").then_some(())
    });
    for path in ["/api/v1/health", "/api/v1/health/detailed"] {
        let (all, some) = (everything.get(path).expect(200).json(), bound.get(path).expect(200).json());
        assert_eq!(all["breakers"][0]["name"], "desk");
        assert_eq!(some["breakers"], Value::Null);
        assert!(!some.to_string().contains("desk"), "{some}");
    }
    for path in ["/health", "/notifications"] {
        assert!(everything.get(path).expect(200).text().contains("desk"), "{path}");
        assert!(!bound.get(path).expect(200).text().contains("desk"), "{path}");
    }
}

#[test]
fn what_a_target_answers_gives_no_secret_away_and_is_shown_to_its_administrators_alone() {
    let port = raw(|mut stream| {
        read_some(&mut stream)?;
        let body = format!("no hook at /hooks/{SECRET}/{SECRET}, says the desk");
        let head = format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes())
    });
    let desk = hook("desk", port).replace("/hook\"", &format!("/hooks/{SECRET}/{SECRET}\""));
    let rest = ["broken_after_secs = 1\n", &desk, &route("all", &["desk"])].concat();
    let appliance = Appliance::start_configured(&configured(&[format!("127.0.0.1:{port}")], &rest));
    let client = appliance.everything("all");
    let scopes = ["--scope", "read", "--scope", "admin", "--organization", "clinic"];
    let bound = appliance.client().with_key(&appliance.key(&[&["--name", "bound"], &scopes[..]].concat()));
    let alert = raise(&client, "clinic", "ada");
    let why = |client| {
        let found = deliveries(client, &alert);
        found.iter().find_map(|found| Some(found["why"].as_str()?.to_owned()))
    };
    eventually("it has been tried", || why(&client).filter(|why| why.contains("says the desk")));
    assert_eq!(why(&bound).as_deref(), Some("answered 404"));
    assert!(target(&client, "desk")["lastFailure"].to_string().contains("[hidden]"));
    let page = bound.get(&format!("/alerts/{alert}")).expect(200).text();
    assert!(page.contains("answered 404") && !page.contains("says the desk"), "{page}");
    settled(&client, &alert, "desk", "waiting");
    let log = eventually("the journal tells of it", || {
        Some(appliance.log()).filter(|log| log.contains("notifications do not reach a target"))
    });
    assert!(log.contains("answered 404") && !log.contains("says the desk") && !log.contains(SECRET), "{log}");
    for path in ["/activity", "/notifications", "/api/v1/notify/targets", "/health"] {
        assert!(!client.get(path).expect(200).text().contains(SECRET), "{path}");
    }
    let activity = client.get("/activity").expect(200).text();
    assert!(!activity.contains("says the desk"), "{activity}");
}
