//! A target that takes nothing is an alert, told by way of the others, and resolved when it is well again.

use super::receiver::{Answer, Receiver};
use super::{configured, deliveries, hook, raise, route, settled};
use crate::appliance::{Appliance, eventually, found, lossy};
use crate::client::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

/// A server that answers with whatever status the test sets.
fn moody(status: u16) -> (Receiver, Arc<AtomicU16>) {
    let mood = Arc::new(AtomicU16::new(status));
    let script = mood.clone();
    (Receiver::scripted(move |_| Answer::of(script.load(Relaxed))), mood)
}

/// The alerts of the type DELIVERY.
fn about_targets(client: &Client) -> Vec<Value> {
    found(client, "&type=DELIVERY")
}

#[track_caller]
fn about_target(client: &Client, name: &str) -> Value {
    eventually(&format!("there is an alert about {name}"), || {
        about_targets(client).into_iter().find(|alert| alert["metadata"]["key"] == name)
    })
}

#[test]
fn a_target_with_a_wrong_password_is_told_of_by_the_other_and_resolved_once_it_takes_what_waited() {
    let (desk, mood) = moody(401);
    let phone = Receiver::start();
    let rest = [
        "broken_after_secs = 1\n",
        &hook("desk", desk.port),
        &hook("phone", phone.port),
        &route("misuse", &["desk"]),
        "[notify.routes.own]\ntargets = [\"desk\", \"phone\"]\ntypes = [\"DELIVERY\"]\n",
    ];
    let allow = [desk.address(), phone.address()];
    let mut appliance = Appliance::start_configured(&configured(&allow, &rest.concat()));
    let client = appliance.everything("broken");
    let alert = raise(&client, "clinic", "ada");
    let broken = about_target(&client, "desk");
    assert_eq!((&broken["status"], &broken["severity"]), (&json!("active"), &json!("HIGH")));
    assert_eq!(broken["metadata"]["patternType"], "UNDELIVERED");
    let id = broken["id"].as_str().expect("an id").to_owned();
    settled(&client, &id, "phone", "told");
    let waits = settled(&client, &alert, "desk", "waiting");
    assert_eq!(waits["why"], "answered 401");
    let other = raise(&client, "clinic", "bob");
    let why = settled(&client, &other, "desk", "waiting")["why"].to_string();
    assert!(why.contains("answered 401") || why.contains("its target is down"), "{why}");
    let own = settled(&client, &id, "desk", "notTold");
    assert_eq!(own["why"], "it is this target that nothing reaches");
    assert_eq!(phone.got()[0].json()["data"]["alert"]["key"], "desk");
    let page = client.get(&format!("/alerts/{id}")).expect(200).text();
    assert!(page.contains("Notifications to desk do not arrive"), "{page}");

    // It is told of once, and neither again after a restart nor taken for mended.
    let client = client.at({
        appliance.stop();
        appliance.restart();
        &appliance.address
    });
    eventually("desk has been tried again", || (desk.got().len() >= 2).then_some(()));
    assert_eq!(about_target(&client, "desk")["occurrences"], 1);

    mood.store(200, Relaxed);
    client.post("/api/v1/notify/targets/desk/breaker", &json!({"open": false})).expect(204);
    settled(&client, &alert, "desk", "told");
    let resolved = eventually("the alert about it is resolved", || {
        about_targets(&client).into_iter().find(|alert| alert["status"] == "resolved")
    });
    assert_eq!((&resolved["id"], &resolved["resolvedBy"]), (&json!(id), &json!("sealwatch")));
    assert_eq!(resolved["resolutionNotes"], "there is no more trouble with this target");
    assert_eq!(about_targets(&client).len(), 1);
    assert_eq!(phone.got().len(), 1, "told once");
    let activity = client.get("/activity").expect(200).text();
    assert!(activity.contains("has not got through to “desk”"), "{activity}");
    assert!(activity.contains("found no more trouble with “desk”"), "{activity}");
    appliance.stop();
    let verified = appliance.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", lossy(&verified.stdout));
}

#[test]
fn what_is_given_up_is_told_of_as_it_grows_and_the_alert_ends_when_somebody_has_decided() {
    let (desk, _) = moody(400);
    let rest = ["broken_after_secs = 1\n", &hook("desk", desk.port), &route("all", &["desk"])].concat();
    let appliance = Appliance::start_configured(&configured(&[desk.address()], &rest));
    let client = appliance.everything("given-up");
    let first = raise(&client, "clinic", "p0");
    settled(&client, &first, "desk", "dead");
    assert_eq!(about_target(&client, "desk")["occurrences"], 1);
    for number in 1..4 {
        let alert = raise(&client, "clinic", &format!("p{number}"));
        settled(&client, &alert, "desk", "dead");
    }
    let grown = eventually("it has grown", || {
        Some(about_target(&client, "desk")).filter(|alert| alert["occurrences"].as_u64() >= Some(2))
    });
    assert_eq!(
        deliveries(&client, grown["id"].as_str().expect("an id")),
        Vec::<Value>::new(),
        "no route, no storm"
    );
    client.post("/api/v1/notify/dead-letters/discard", &json!({"reason": "they were called"})).expect(200);
    eventually("the alert ends", || (about_target(&client, "desk")["status"] == "resolved").then_some(()));
}
