//! Dead letters: listed with their history, sent again with the id that they had, or discarded with a reason.

use super::receiver::{Answer, Receiver};
use super::{configured, deliveries, hook, raise, route, settled, target};
use crate::appliance::{Appliance, eventually, lossy};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_dead_letter_is_sent_again_with_its_id_and_one_of_a_target_that_is_gone_says_so() {
    let receiver = Receiver::scripted(|number| Answer::of(if number == 0 { 400 } else { 200 }));
    let hanging = Receiver::scripted(|_| Answer::of(503).with("Retry-After", "600"));
    let both =
        [hook("desk", receiver.port), hook("old", hanging.port), route("all", &["desk", "old"])].concat();
    let allow = [receiver.address(), hanging.address()];
    let mut appliance = Appliance::start_configured(&configured(&allow, &both));
    let client = appliance.everything("dead");
    let alert = raise(&client, "clinic", "ada");
    let dead = settled(&client, &alert, "desk", "dead");
    let id = dead["id"].as_str().expect("an id");
    let letters = client.get("/api/v1/notify/dead-letters?target=desk").expect(200).json();
    assert_eq!((&letters["data"][0]["id"], &letters["data"][0]["kind"]), (&dead["id"], &json!("delivery")));
    let retry = format!("/api/v1/notify/dead-letters/{id}/retry");
    let bakery = ["--name", "bakery", "--scope", "admin", "--organization", "bakery"];
    let bakery = appliance.client().with_key(&appliance.key(&bakery));
    bakery.post_text(&retry, "").expect(404);
    bakery.post(&retry.replace("retry", "discard"), &json!({"reason": "not mine"})).expect(404);
    assert_eq!(bakery.post("/api/v1/notify/dead-letters/retry", &json!({})).expect(200).json()["done"], 0);
    let seen = bakery.get("/api/v1/notify/dead-letters").expect(200).json();
    assert_eq!(seen["data"], json!([]), "nothing of others");
    client.post_text(&retry, "").expect(204);
    assert_eq!(settled(&client, &alert, "desk", "told")["id"], *id);
    client.post_text(&retry, "").expect(404);
    let got = receiver.got();
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"));

    assert_eq!(deliveries(&client, &alert).len(), 2);
    appliance.stop();
    appliance
        .configure(&configured(&allow, &[hook("desk", receiver.port), route("all", &["desk"])].concat()));
    let client = client.at(&appliance.address);
    let stray = settled(&client, &alert, "old", "dead");
    assert_eq!(stray["why"], "the target is no longer in the settings");
    let id = stray["id"].as_str().expect("an id");
    let refused = client.post_text(&format!("/api/v1/notify/dead-letters/{id}/retry"), "").expect(409).json();
    assert_eq!(refused["code"], "target_missing");
    let all = client.post("/api/v1/notify/dead-letters/retry", &json!({})).expect(200).json();
    assert_eq!(all["done"], 0, "it would wait for ever");
    appliance.stop();
    let config = appliance.file("sealwatch.toml").display().to_string();
    let retry = |which| appliance.run(&["notify", "dead-letters", "retry", which, "--config", &config]);
    let one = retry(id);
    assert_eq!(one.status.code(), Some(1));
    assert!(lossy(&one.stderr).contains("no longer in the settings"), "{}", lossy(&one.stderr));
    assert_eq!(lossy(&retry("--all").stderr), "0 on their way again.\n");
}

#[test]
fn they_are_listed_with_their_history_and_decided_about_by_page_and_command_running_or_not() {
    let refuses = Arc::new(AtomicBool::new(false));
    let script = refuses.clone();
    let receiver = Receiver::scripted(move |_| Answer::of(if script.load(Relaxed) { 400 } else { 500 }));
    let rest = ["wait_max_secs = 20\n", &hook("desk", receiver.port), &route("all", &["desk"])].concat();
    let mut appliance = Appliance::start_configured(&configured(&[receiver.address()], &rest));
    let client = appliance.everything("letters");
    let alert = raise(&client, "clinic", "ada");
    let dead = settled(&client, &alert, "desk", "dead");
    let id = dead["id"].as_str().expect("an id").to_owned();
    let letter = client.get("/api/v1/notify/dead-letters").expect(200).json()["data"][0].clone();
    let tries = letter["failures"].as_array().expect("an array");
    let count = tries.len();
    assert!(count >= 2 && letter["tries"] == count, "{letter}");
    let in_vain = "waited in vain for 20 seconds: answered 500";
    let cause = |failed: &Value| failed["cause"] == "answered 500" || failed["cause"] == in_vain;
    assert!(tries.iter().all(cause), "{letter}");
    assert_eq!(letter["firstFailure"], tries[0]["at"]);
    assert_eq!((&letter["reason"], &letter["organizationId"]), (&json!(in_vain), &json!("clinic")));
    refuses.store(true, Relaxed);
    client.get("/api/v1/notify/dead-letters?tagret=desk").expect(400);
    assert_eq!(client.get("/api/v1/notify/dead-letters?target=other").expect(200).json()["data"], json!([]));
    client.post("/api/v1/notify/dead-letters/discard", &json!({"reason": " "})).expect(422);

    let page = client.get("/notifications/dead-letters?target=desk").expect(200).text();
    assert!(
        page.contains("1 dead letter<")
            && page.contains(&format!("{count} tries"))
            && page.contains("History"),
        "{page}"
    );
    assert!(
        client.get("/notifications").expect(200).text().contains("/notifications/dead-letters?target=desk")
    );
    let reader = appliance.client().with_key(&appliance.key(&["--name", "reader", "--scope", "read"]));
    reader.get("/notifications/dead-letters").expect(403);
    reader.get("/api/v1/notify/dead-letters").expect(403);
    let decide = |form: String| client.post_as("/notifications/dead-letters", FORM, form.as_bytes());
    let refused = decide(format!("id={id}&action=discard&reason=")).expect(422).text();
    assert!(refused.contains("why it need not arrive"), "{refused}");
    decide(format!("id={id}&action=forget")).expect(400);
    decide(format!("id={id}&action=retry")).expect(303);
    // After five failures the breaker is open; whoever does not want to wait closes it.
    client.post("/api/v1/notify/targets/desk/breaker", &json!({"open": false})).expect(204);

    let config = appliance.file("sealwatch.toml").display().to_string();
    let command = |appliance: &Appliance, args: &[&str]| {
        let ended = appliance.run(&[&["notify", "dead-letters"], args, &["--config", &config]].concat());
        let told = lossy(&ended.stdout) + &lossy(&ended.stderr);
        (ended.status.code(), told)
    };
    eventually("it is dead again", || {
        let (code, told) = command(&appliance, &["list", "--target", "desk"]);
        (code == Some(0) && told.contains(&id))
            .then(|| assert!(told.contains("1 try\tanswered 400"), "{told}"))
    });
    let (code, told) = command(&appliance, &["retry", "--all"]);
    assert_eq!((code, told.as_str()), (Some(0), "1 on their way again.\n"));
    settled(&client, &alert, "desk", "dead");
    appliance.stop();
    let (_, told) = command(&appliance, &["list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(
        (&listed[0]["id"], listed[0]["failures"].as_array().map(Vec::len)),
        (&json!(id), Some(count + 2))
    );
    let (code, told) = command(&appliance, &["discard", &id, "--reason", "they were called"]);
    assert_eq!((code, told.as_str()), (Some(0), "1 discarded.\n"));
    assert_eq!(command(&appliance, &["discard", &id, "--reason", "again"]).0, Some(1));
    assert_eq!(command(&appliance, &["discard", "--all", "--reason", ""]).0, Some(1));
    assert_eq!(command(&appliance, &["retry"]).0, Some(2));
    appliance.restart();
    let client = client.at(&appliance.address);
    let gone = settled(&client, &alert, "desk", "discarded");
    assert_eq!(gone["why"], "discarded by local: they were called");
    let activity = client.get("/activity").expect(200).text();
    assert!(
        activity.contains("discarded a dead letter") && activity.contains("they were called"),
        "{activity}"
    );
}

#[test]
fn a_target_is_stopped_and_set_going_by_hand_and_its_numbers_say_so() {
    let receiver = Receiver::start();
    let rest = [hook("desk", receiver.port), route("all", &["desk"])].concat();
    let appliance = Appliance::start_configured(&configured(&[receiver.address()], &rest));
    let client = appliance.everything("hands");
    let breaker = "/api/v1/notify/targets/desk/breaker";
    client.post("/api/v1/notify/targets/other/breaker", &json!({"open": true})).expect(404);
    client.post(breaker, &json!({"close": true})).expect(422);
    let reader = appliance.client().with_key(&appliance.key(&["--name", "reader", "--scope", "read"]));
    reader.post(breaker, &json!({"open": true})).expect(403);
    client.post(breaker, &json!({"open": true})).expect(204);
    let alert = raise(&client, "clinic", "ada");
    let waiting = settled(&client, &alert, "desk", "waiting");
    assert_eq!(waiting["attempts"], 0);
    let stopped = target(&client, "desk");
    assert_eq!((&stopped["breaker"], &stopped["waiting"]), (&json!("held"), &json!(1)));
    assert!(stopped["oldestWaitingAt"].is_string(), "{stopped}");
    assert!(client.get("/notifications").expect(200).text().contains("stopped by hand"));
    let numbers = client.get("/metrics").expect(200).text();
    for line in [
        "sealwatch_breaker_state{target=\"desk\"} 3",
        "sealwatch_outbox_waiting{target=\"desk\"} 1",
        "sealwatch_notify_dead_letters{target=\"desk\"} 0",
    ] {
        assert!(numbers.contains(line), "{line}");
    }
    let health = eventually("health has looked", || {
        let health = client.get("/api/v1/health/components/notify").expect(200).json();
        (health["status"] == "WARNING").then_some(health)
    });
    assert!(
        health["message"].as_str().is_some_and(|why| why.contains("1 of 1 targets are not sent to now")),
        "{health}"
    );
    assert_eq!(receiver.got().len(), 0, "nothing goes out");
    client.post_as("/notifications/targets/desk/breaker", FORM, b"open=false").expect(303);
    settled(&client, &alert, "desk", "told");
    assert_eq!(target(&client, "desk")["breaker"], "closed");
    assert!(client.get("/activity").expect(200).text().contains("stopped telling"));
}

#[test]
fn the_settings_say_how_often_it_is_tried_and_when_the_target_is_left_alone() {
    let receiver = Receiver::scripted(|_| Answer::of(503));
    let settings = "[retry]\nbase_millis = 10\n[breaker]\nfailures = 2\nopen_secs = 3600\n";
    let rest = [hook("desk", receiver.port), route("all", &["desk"]), settings.to_owned()].concat();
    let appliance = Appliance::start_configured(&configured(&[receiver.address()], &rest));
    let client = appliance.everything("settings");
    raise(&client, "clinic", "ada");
    eventually("it is left alone", || (target(&client, "desk")["breaker"] == "open").then_some(()));
    assert_eq!(receiver.got().len(), 2);
}
