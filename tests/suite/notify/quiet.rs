//! Quiet on purpose: acknowledged alerts, silences and maintenance windows mute the telling, never the record.

use super::receiver::Receiver;
use super::{configured, deliveries, hook, raise, route, settled};
use crate::appliance::{Appliance, eventually, lossy, sealwatch};
use crate::client::Client;
use crate::samples::failed_sign_in;
use serde_json::{Value, json};

/// Fires the alert of that principal once more, after its cooldown.
fn fire_again(client: &Client, principal: &str, round: u32) {
    let events: Vec<Value> = (0..5).map(|n| failed_sign_in("clinic", principal, round * 400 + n)).collect();
    client.post("/api/v1/audit/events", &Value::from(events)).expect(202);
}

#[track_caller]
fn newest(client: &Client, alert: &str, count: usize) -> Value {
    eventually(&format!("there are {count} notifications"), || {
        Some(deliveries(client, alert)).filter(|found| found.len() == count)
    })
    .remove(0)
}

fn started(receiver: &Receiver, more: &str) -> Appliance {
    let rest = [hook("desk", receiver.port), route("all", &["desk"]), more.to_owned()].concat();
    Appliance::start_configured(&configured(&[receiver.address()], &rest))
}

#[test]
fn an_acknowledged_alert_repeats_to_nobody_and_says_who_is_on_it() {
    let receiver = Receiver::start();
    let appliance = started(&receiver, "");
    let client = appliance.everything("ack");
    let alert = raise(&client, "clinic", "ada");
    settled(&client, &alert, "desk", "told");
    fire_again(&client, "ada", 1);
    eventually("it is told", || (newest(&client, &alert, 2)["state"] == "told").then_some(()));
    client.post(&format!("/api/v1/alerts/{alert}/acknowledge"), &json!({})).expect(200);
    fire_again(&client, "ada", 2);
    let quiet = newest(&client, &alert, 3);
    assert_eq!((&quiet["state"], &quiet["why"]), (&json!("notTold"), &json!("key:ack had acknowledged it")));
    eventually("two arrived", || (receiver.got().len() == 2).then_some(()));
}

#[test]
fn a_silence_mutes_what_it_names_shows_beforehand_what_that_is_and_can_be_ended() {
    let receiver = Receiver::start();
    let appliance = started(&receiver, "");
    let client = appliance.everything("silences");
    let ada = raise(&client, "clinic", "ada");
    let bob = raise(&client, "clinic", "bob");
    for alert in [&ada, &bob] {
        settled(&client, alert, "desk", "told");
    }
    let matcher = json!({"keys": ["ada"], "patterns": ["FAILED_AUTH"]});
    let preview =
        client.post("/api/v1/silences/preview", &json!({ "matcher": matcher, "days": 3 })).expect(200).json();
    assert_eq!((&preview["alerts"], &preview["notifications"]), (&json!(1), &json!(1)));
    assert_eq!(preview["latestAlertIds"], json!([ada]));

    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let silence = json!({"matcher": matcher, "reason": "a drill", "endsAt": ends});
    let made = client.post("/api/v1/silences", &silence).expect(201).json();
    assert_eq!((&made["by"], &made["inForce"]), (&json!("key:silences"), &json!(true)));
    fire_again(&client, "ada", 1);
    fire_again(&client, "bob", 1);
    let quiet = newest(&client, &ada, 2);
    assert_eq!(quiet["why"], "silenced by key:silences: a drill");
    assert_ne!(newest(&client, &bob, 2)["state"], "notTold");
    let record = client.get(&format!("/api/v1/alerts/{ada}")).expect(200).json();
    assert!(record.to_string().contains("\"occurrences\":2"), "the record goes on: {record}");

    let id = made["id"].as_str().expect("an id");
    client.call("DELETE", &format!("/api/v1/silences/{id}"), b"").expect(204);
    client.call("DELETE", &format!("/api/v1/silences/{id}"), b"").expect(404);
    let listed = client.get("/api/v1/silences").expect(200).json();
    assert_eq!(listed["data"][0]["inForce"], false, "it stays as the explanation");
    fire_again(&client, "ada", 2);
    assert_ne!(newest(&client, &ada, 3)["state"], "notTold");
    eventually("four arrived", || (receiver.got().len() == 4).then_some(()));
}

#[test]
fn a_silence_needs_a_matcher_a_reason_an_end_and_the_right_to_make_it() {
    let appliance = Appliance::start();
    let client = appliance.everything("silences");
    let ends = |secs: i64| jiff::Timestamp::now() + jiff::SignedDuration::from_secs(secs);
    let silence = |matcher: Value, reason: &str, secs: i64| json!({"matcher": matcher, "reason": reason, "endsAt": ends(secs)});
    let ada = json!({"keys": ["ada"]});
    for (status, body) in [
        (422, silence(json!({}), "a drill", 60)),
        (422, silence(ada.clone(), " ", 60)),
        (422, silence(ada.clone(), "a drill", -60)),
        (422, silence(ada.clone(), "a drill", 91 * 86_400)),
        (422, silence(json!({"key": ["ada"]}), "a drill", 60)),
        (422, silence(json!({"keys": vec!["x"; 1]}), &"x".repeat(1_001), 60)),
        (422, silence(json!({"keys": [" "]}), "a blank name", 60)),
        (422, silence(json!({"tags": ["failed-atuh"]}), "a tag of no alert", 60)),
        (201, silence(json!({"tags": ["failed-auth"], "organizations": ["bakery"]}), "theirs", 60)),
        (201, silence(ada.clone(), "a drill", 60)),
    ] {
        client.post("/api/v1/silences", &body).expect(status);
    }
    let key = appliance.key(&["--name", "reader", "--scope", "read"]);
    appliance.client().with_key(&key).post("/api/v1/silences", &silence(ada, "a drill", 60)).expect(403);
    let bound = ["--name", "bound", "--scope", "admin", "--organization", "clinic"];
    let bound = appliance.client().with_key(&appliance.key(&bound));
    bound.post("/api/v1/silences", &silence(json!({"keys": ["ada"]}), "mine", 60)).expect(403);
    bound.post("/api/v1/silences", &silence(json!({"organizations": ["bakery"]}), "mine", 60)).expect(403);
    bound.post("/api/v1/silences", &silence(json!({"organizations": ["clinic"]}), "mine", 60)).expect(201);
    let seen = bound.get("/api/v1/silences").expect(200).json();
    let mut seen: Vec<&Value> = seen["data"].as_array().expect("an array").iter().collect();
    seen.sort_by_key(|silence| silence["by"] != "key:bound");
    let [own, wider] = seen[..] else { panic!("its own, and the one that mutes theirs as well: {seen:?}") };
    assert_eq!((&own["by"], &own["reason"]), (&json!("key:bound"), &json!("mine")));
    assert_eq!((&own["partial"], &wider["partial"]), (&json!(false), &json!(true)));
    assert!(
        !["\"ada\"", "a drill", "key:silences"].iter().any(|word| wider.to_string().contains(word)),
        "{wider}"
    );
    let id = wider["id"].as_str().expect("an id");
    bound.call("DELETE", &format!("/api/v1/silences/{id}"), b"").expect(404);
    let page = bound.get("/notifications").expect(200).text();
    assert_eq!(page.matches("End it now").count(), 1, "{page}");
    assert!(page.contains("about other organisations as well") && !page.contains("of ada"), "{page}");
    let typed = b"key=ada&reason=typed&action=preview";
    let refused = bound.post_as("/notifications/silences", "application/x-www-form-urlencoded", typed);
    assert!(refused.expect(403).text().contains(">typed</textarea>"), "nothing typed is lost");
}

#[test]
fn an_open_maintenance_window_is_the_reason_and_other_organisations_see_nothing() {
    let receiver = Receiver::start();
    let window = "[notify.maintenance.always]\nfrom = \"00:00\"\nto = \"24:00\"\nkeys = [\"ada\"]\n";
    let appliance = started(&receiver, window);
    let client = appliance.everything("window");
    let alert = raise(&client, "clinic", "ada");
    let quiet = newest(&client, &alert, 1);
    assert_eq!(quiet["why"], "the maintenance window always was open");
    let page = client.get(&format!("/alerts/{alert}")).expect(200).text();
    assert!(page.contains("Not told") && page.contains("the maintenance window always was open"), "{page}");
    let other = raise(&client, "clinic", "bob");
    settled(&client, &other, "desk", "told");
    assert!(client.get(&format!("/alerts/{other}")).expect(200).text().contains("<strong>Told</strong>"));
    let bakery = appliance.key(&["--name", "bakery", "--scope", "read", "--organization", "bakery"]);
    appliance.client().with_key(&bakery).get(&format!("/api/v1/alerts/{alert}/deliveries")).expect(404);
}

#[test]
fn the_page_tests_targets_shows_what_a_silence_would_mute_makes_it_and_ends_it() {
    let receiver = Receiver::start();
    let appliance = started(&receiver, "");
    let client = appliance.everything("page");
    let alert = raise(&client, "clinic", "ada");
    settled(&client, &alert, "desk", "told");
    let form = |fields: &str| {
        client.post_as("/notifications/silences", "application/x-www-form-urlencoded", fields.as_bytes())
    };
    let tested = client.post_as("/notifications/targets/desk/test", "application/x-www-form-urlencoded", b"");
    assert!(tested.expect(200).text().contains("desk took the test."));
    let shown = form("key=ada&action=preview").expect(200).text();
    assert!(shown.contains("muted 1 notification of 1 alert") && shown.contains("value=\"ada\""), "{shown}");
    assert!(shown.contains(&format!("href=\"/alerts/{alert}\">The latest of them</a>")), "{shown}");
    let refused = form("key=ada&hours=2&reason=&action=silence").expect(422).text();
    assert!(refused.contains("a silence needs a reason"), "{refused}");
    for field in ["pattern=FAILED_ATUH", "severity=high"] {
        for action in ["preview", "silence"] {
            let refused = form(&format!("key=ada&hours=2&reason=a+drill&{field}&action={action}"));
            assert!(refused.expect(422).text().contains("there is no"), "{field} {action}");
        }
    }
    form("key=ada&patterns=FAILED_AUTH&hours=2&reason=a+drill&action=silence").expect(400);
    assert_eq!(client.get("/api/v1/silences").expect(200).json()["data"], json!([]), "nothing wider is made");
    form("key=%3Cb%3Eada&hours=2&reason=a+drill&action=silence").expect(303);
    let page = client.get("/notifications").expect(200).text();
    assert!(page.contains("a drill") && !page.contains("<b>ada") && page.contains("End it now"), "{page}");
    let listed = client.get("/api/v1/silences").expect(200).json();
    let id = listed["data"][0]["id"].as_str().expect("an id").to_owned();
    let ended = client.post_as(
        &format!("/notifications/silences/{id}/end"),
        "application/x-www-form-urlencoded",
        b"",
    );
    ended.expect(303);
    assert!(!client.get("/notifications").expect(200).text().contains("End it now"));
    let reader = appliance.client().with_key(&appliance.key(&["--name", "reader", "--scope", "read"]));
    let page = reader.get("/notifications").expect(200).text();
    assert!(!page.contains("Send a test") && !page.contains("A new silence"), "{page}");
    reader.post_as("/notifications/targets/desk/test", "application/x-www-form-urlencoded", b"").expect(403);
}

#[test]
fn an_alert_raised_under_a_silence_is_suppressed_until_it_fires_without_one() {
    let receiver = Receiver::start();
    let mut appliance = started(&receiver, "[log]\ncheckpoint_secs = 1\n");
    let client = appliance.everything("suppressed");
    let known = raise(&client, "clinic", "ada");
    settled(&client, &known, "desk", "told");
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let silence = json!({"matcher": {"keys": ["ada", "eve"]}, "reason": "a drill", "endsAt": ends});
    let silence = client.post("/api/v1/silences", &silence).expect(201).json();
    fire_again(&client, "ada", 1);
    assert_eq!(newest(&client, &known, 2)["state"], "notTold");
    let status = |id: &str| client.get(&format!("/api/v1/alerts/{id}")).expect(200).json()["status"].clone();
    assert_eq!(status(&known), "active", "people know of it");

    let alert = raise(&client, "clinic", "eve");
    let quiet = newest(&client, &alert, 1);
    assert_eq!(
        (&quiet["state"], &quiet["why"]),
        (&json!("notTold"), &json!("silenced by key:suppressed: a drill"))
    );
    assert_eq!(status(&alert), "suppressed");
    let listed = |status: &str| {
        let page = client.get(&format!("/api/v1/alerts?status={status}")).expect(200).json();
        page["data"].as_array().expect("an array").iter().any(|found| found["id"] == *alert)
    };
    assert!(listed("suppressed") && !listed("active"));
    let counts = client.get("/api/v1/alerts/statistics").expect(200).json();
    assert_eq!(
        (&counts["byStatus"]["suppressed"], &counts["open"]),
        (&json!(1), &json!(2)),
        "it counts as open"
    );
    assert!(
        client.get("/alerts").expect(200).text().contains("Suppressed"),
        "and stands among the open ones"
    );
    let page = client.get(&format!("/alerts/{alert}")).expect(200).text();
    assert!(page.contains("Nobody was told: silenced by key:suppressed: a drill."), "{page}");
    client.post(&format!("/api/v1/alerts/{alert}/comment"), &json!({"comment": "seen"})).expect(200);
    client.post(&format!("/api/v1/alerts/{alert}/reopen"), &json!({})).expect(409);

    // Still within the cooldown: but when that began, nobody was told.
    client
        .call("DELETE", &format!("/api/v1/silences/{}", silence["id"].as_str().expect("an id")), b"")
        .expect(204);
    assert_eq!(status(&alert), "suppressed", "until it fires");
    client.post("/api/v1/audit/events", &failed_sign_in("clinic", "eve", 9)).expect(201);
    eventually("it is told", || (newest(&client, &alert, 2)["state"] == "told").then_some(()));
    client.post("/api/v1/audit/events", &failed_sign_in("clinic", "ada", 410)).expect(201);
    eventually("it is told", || (newest(&client, &known, 3)["state"] == "told").then_some(()));
    let record = client.get(&format!("/api/v1/alerts/{alert}")).expect(200).json();
    assert_eq!((&record["status"], &record["occurrences"]), (&json!("active"), &json!(2)));
    let steps: Vec<&str> = record["history"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["change"].as_str())
        .collect();
    assert_eq!(steps, ["raised", "suppressed", "notified", "commented", "resumed", "notified"]);
    assert_eq!(receiver.got().len(), 3);

    // A suppressed alert is closed as any other, and both the log and the evidence tell of all this.
    let silence = json!({"matcher": {"keys": ["mallory"]}, "reason": "another", "endsAt": ends});
    client.post("/api/v1/silences", &silence).expect(201);
    let closed = raise(&client, "clinic", "mallory");
    client
        .post(&format!("/api/v1/alerts/{closed}/resolve"), &json!({"resolutionNotes": "a drill"}))
        .expect(200);
    assert_eq!(status(&closed), "resolved");
    let zip = eventually("a checkpoint covers it", || {
        let reply = client.get(&format!("/api/v1/alerts/{alert}/evidence"));
        (reply.status == 200).then_some(reply)
    });
    let file = appliance.file("alert.zip");
    std::fs::write(&file, &zip.body).expect("it can be written");
    let checked = sealwatch().arg("verify").arg(&file).output().expect("the program can be started");
    assert_eq!(checked.status.code(), Some(0), "{}", lossy(&checked.stdout));
    appliance.stop();
    let verified = appliance.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", lossy(&verified.stdout));
}
