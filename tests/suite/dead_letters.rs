//! Steps that panic: the flow goes on, the entry waits as a dead letter, and can be tried again or given up.

use crate::appliance::{self, Appliance, eventually, found, lossy};
use crate::client::Client;
use crate::people::{add_user, sign_in, with_session};
use crate::samples::failed_sign_in;
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";
const LETTERS: &str = "/api/v1/dead-letters";
/// The action at which the readers are made to fail.
const TRIP: &str = "auth.login.failure.trip";
const PASSWORD: &str = "correct horse battery";

fn letters(client: &Client) -> Vec<Value> {
    let listed = client.get(LETTERS).expect(200).json();
    listed["deadLetters"].as_array().expect("an array").clone()
}

fn tripping(principal: &str, second: u32) -> Value {
    let mut event = failed_sign_in("acme", principal, second);
    event["action"] = Value::from(TRIP);
    event
}

fn everything(appliance: &Appliance) -> (String, Client) {
    let scopes = ["--name", "app", "--scope", "ingest", "--scope", "read", "--scope", "admin"];
    let key = appliance.key(&scopes);
    let client = appliance.client().with_key(&key);
    (key, client)
}

#[test]
fn an_event_at_which_detection_fails_is_looked_at_again_when_someone_says_so() {
    let failing = [("SEALWATCH_FAILPOINT", "detect:auth.login.failure.trip")];
    let mut appliance = Appliance::start_with(&failing);
    let (key, client) = everything(&appliance);
    let sign_ins: Vec<Value> = (0..4).map(|second| failed_sign_in("acme", "eve", second)).collect();
    client.post(EVENTS, &Value::from(sign_ins)).expect(202);
    client.post(EVENTS, &tripping("eve", 4)).expect(201);
    appliance.detection_is_done(&client);
    let [letter] = &letters(&client)[..] else { panic!("one step failed") };
    assert_eq!(
        (&letter["kind"], &letter["worker"], &letter["tries"]),
        (&json!("step"), &json!("detect"), &json!(1))
    );
    let cause = letter["failures"][0]["cause"].as_str().expect("a text");
    assert!(cause.contains("asked the detect reader to fail"), "{cause}");
    assert!(found(&client, "").is_empty(), "the fifth was not looked at");

    // It fails again as long as nothing has changed, over a restart too.
    let retried = client.post(&format!("{LETTERS}/retry"), &json!({"ids": [letter["id"]]})).expect(200);
    assert_eq!(retried.json()["ids"], json!([letter["id"]]));
    eventually("the second failure", || (letters(&client)[0]["tries"] == 2).then_some(()));
    appliance.kill9();
    appliance.restart();
    let client = appliance.client().with_key(&key);
    appliance.detection_is_done(&client);
    assert_eq!((letters(&client).len(), letters(&client)[0]["tries"].clone()), (1, json!(2)));

    // What made it fail is gone.
    appliance.kill9();
    appliance.restart_with(&[]);
    let client = appliance.client().with_key(&key);
    assert_eq!(letters(&client).len(), 1, "nobody has said so yet");
    let output = appliance.run(&["dead-letters", "retry", "--all"]);
    assert!(output.status.success(), "{}", lossy(&output.stderr));
    let alert = eventually("the alert", || found(&client, "").into_iter().next());
    assert_eq!(alert["metadata"]["eventCount"], 5);
    eventually("the letter is gone", || letters(&client).is_empty().then_some(()));
    assert_eq!(appliance.stop().code(), Some(0));
    let verified = appliance.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}{}", lossy(&verified.stdout), lossy(&verified.stderr));
    appliance.restart();
    let client = appliance.client().with_key(&key);
    appliance.detection_is_done(&client);
    assert_eq!((found(&client, "").len(), letters(&client).len()), (1, 0), "nothing twice");
}

#[test]
fn an_event_that_could_not_be_counted_is_counted_once() {
    let failing = [("SEALWATCH_FAILPOINT", "count:auth.login.failure.trip")];
    let mut appliance = Appliance::start_with(&failing);
    let (key, client) = everything(&appliance);
    let counted = |client: &Client| appliance::counted(client)["eventsByStatus"].clone();
    client.post(EVENTS, &json!([tripping("eve", 0), failed_sign_in("acme", "eve", 1)])).expect(202);
    assert_eq!(counted(&client), json!({"failure": 1}));
    eventually("the letter", || (letters(&client).len() == 1).then_some(()));
    appliance.kill9();
    appliance.restart_with(&[]);
    let client = appliance.client().with_key(&key);
    assert_eq!((counted(&client), letters(&client).len()), (json!({"failure": 1}), 1));
    for _ in 0..2 {
        client.post(&format!("{LETTERS}/retry"), &json!({})).expect(200);
        assert_eq!(counted(&client), json!({"failure": 2}));
        eventually("the letter is gone", || letters(&client).is_empty().then_some(()));
    }
    // Counted anew from the log, it is counted in its place, and what was asked for later finds nothing to do.
    appliance.kill9();
    std::fs::remove_dir_all(appliance.data_dir().join("counters")).expect("it is there");
    appliance.restart();
    assert_eq!(counted(&appliance.client().with_key(&key)), json!({"failure": 2}));
}

#[test]
fn an_event_that_could_not_be_indexed_is_found_once_it_is_tried_again() {
    let mut appliance = Appliance::start_with(&[("SEALWATCH_FAILPOINT", "index:auth.login.failure.trip")]);
    let (key, client) = everything(&appliance);
    let hits = |client: &Client| {
        let reply = client.get(&format!("{EVENTS}?q=principal:eve"));
        (reply.status == 200).then(|| reply.json()["events"].as_array().expect("an array").len())
    };
    let settled = |client: &Client, wanted: usize| {
        eventually("the index", || (hits(client) == Some(wanted)).then_some(()));
    };
    client.post(EVENTS, &json!([tripping("eve", 0), failed_sign_in("acme", "eve", 1)])).expect(202);
    eventually("the letter", || (letters(&client).len() == 1).then_some(()));
    assert_eq!(letters(&client)[0]["worker"], "index");
    settled(&client, 1);
    appliance.kill9();
    appliance.restart_with(&[]);
    let client = appliance.client().with_key(&key);
    settled(&client, 1);
    client.post(&format!("{LETTERS}/retry"), &json!({})).expect(200);
    eventually("the letter is gone", || letters(&client).is_empty().then_some(()));
    settled(&client, 2);

    // Made anew from the log, the index takes the entry in its place, once.
    appliance.kill9();
    std::fs::remove_dir_all(appliance.data_dir().join("index")).expect("it is there");
    appliance.restart();
    let client = appliance.client().with_key(&key);
    settled(&client, 2);
    assert!(letters(&client).is_empty());
}

#[test]
fn too_many_that_wait_are_an_alert_and_someone_gives_them_up_with_a_reason() {
    let config = "[dead_letters]\nwaiting_max = 1\n";
    let mut appliance = Appliance::start_configured(config);
    appliance.stop();
    appliance.restart_with(&[("SEALWATCH_FAILPOINT", "detect:auth.login.failure.trip")]);
    let (_, client) = everything(&appliance);
    client
        .post(EVENTS, &json!([tripping("eve", 0), tripping("<b>mallory", 1), tripping("bob", 2)]))
        .expect(202);
    let alert = eventually("the alert", || found(&client, "&pattern=DEAD_LETTERS").into_iter().next());
    assert_eq!((&alert["type"], &alert["severity"]), (&json!("SYSTEM"), &json!("HIGH")));
    let waiting = letters(&client);
    assert_eq!(waiting.len(), 3);

    assert!(add_user(&appliance, "ada", "admin", &[], PASSWORD).status.success());
    assert!(add_user(&appliance, "vera", "viewer", &[], PASSWORD).status.success());
    let enter = |name: &str| {
        let client = appliance.client();
        let client = with_session(&client, &sign_in(&client, name, PASSWORD).expect(303));
        client.with("Sec-Fetch-Site", "same-origin")
    };
    let (ada, vera) = (enter("ada"), enter("vera"));
    let page = ada.get("/dead-letters").expect(200).text();
    assert!(page.contains("3 dead letters") && page.contains("the detect reader at entry"), "{page}");
    assert!(
        !vera
            .get("/dead-letters")
            .expect(200)
            .text()
            .contains("<form method=\"post\" action=\"/dead-letters\"")
    );
    let form = "application/x-www-form-urlencoded";
    let id = waiting[0]["id"].as_str().expect("an id");
    let give_up = format!("step=discard&id={id}&reason=a%20drill");
    vera.post_as("/dead-letters", form, give_up.as_bytes()).expect(403);
    ada.post_as("/dead-letters", form, b"step=discard&reason=").expect(422);
    ada.post_as("/dead-letters", form, give_up.as_bytes()).expect(303);
    client.post(&format!("{LETTERS}/discard"), &json!({"ids": [waiting[1]["id"]]})).expect(422);
    let listed = appliance.run(&["dead-letters", "list"]);
    assert_eq!(lossy(&listed.stdout).lines().count(), 2, "{}", lossy(&listed.stdout));
    let gone = appliance.run(&["dead-letters", "discard", id, "--reason", "again"]);
    assert_eq!(gone.status.code(), Some(1), "it is given up already");
    let output = appliance.run(&["dead-letters", "discard", "--all", "--reason", "a drill"]);
    assert!(output.status.success(), "{}", lossy(&output.stderr));
    assert!(letters(&client).is_empty());
    let told = client.get("/api/v1/activity?kind=appliance").expect(200).json();
    let sentences: Vec<&str> = told["activities"]
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(|activity| activity["sentence"].as_str())
        .filter(|sentence| sentence.contains("gave up"))
        .collect();
    assert_eq!(sentences, ["The host’s operator gave up on 2 dead letters", "ada gave up on 1 dead letter"]);
}
