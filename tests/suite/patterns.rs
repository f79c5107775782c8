//! Settings of patterns: changed while the appliance runs, previewed, and kept over kills.

use crate::appliance::{Appliance, eventually, found, lossy, sealwatch, shared};
use crate::client::{Client, encoded};
use crate::command::output_of;
use crate::samples::{SECRET, after_ten, failed_sign_in, plain_with};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";
const FAILED: &str = "/api/v1/patterns/FAILED_AUTH";
const PAGE: &str = "/patterns/FAILED_AUTH";

fn put(client: &Client, path: &str, body: &Value) -> crate::client::Reply {
    client.with("Content-Type", "application/json").call("PUT", path, body.to_string().as_bytes())
}

fn post_form(client: &Client, path: &str, form: &str) -> crate::client::Reply {
    client.post_as(path, "application/x-www-form-urlencoded", form.as_bytes())
}

/// So many failed sign-ins.
fn fail(client: &Client, who: &str, times: u32) {
    let events: Vec<Value> = (0..times).map(|n| failed_sign_in("st-marys", who, n)).collect();
    client.post(EVENTS, &Value::from(events)).expect(202);
}

fn setting(client: &Client, organization: &str, name: &str) -> Value {
    let list = client.get(&format!("/api/v1/patterns?organization={organization}")).expect(200).json();
    let patterns = list["patterns"].as_array().expect("a list of patterns");
    let failed = patterns.iter().find(|pattern| pattern["name"] == "FAILED_AUTH").expect("it is among them");
    failed["settings"][name].clone()
}

fn of_pattern(mut alerts: Vec<Value>, pattern: &str) -> Vec<Value> {
    alerts.retain(|alert| alert["metadata"]["patternType"] == pattern);
    alerts
}

/// Who has an alert of failed sign-ins, and under which threshold it was raised.
fn alerts(appliance: &Appliance, client: &Client) -> Vec<(String, u64)> {
    appliance.detection_is_done(client);
    let alerts = of_pattern(found(client, ""), "FAILED_AUTH");
    let mut seen: Vec<(String, u64)> = alerts
        .iter()
        .map(|alert| {
            let metadata = &alert["metadata"];
            (
                metadata["key"].as_str().unwrap_or_default().to_owned(),
                metadata["threshold"].as_u64().unwrap_or_default(),
            )
        })
        .collect();
    seen.sort();
    seen
}

#[test]
fn a_change_holds_from_its_entry_on_and_over_kills() {
    let script = |kill: bool| {
        let mut appliance = Appliance::start();
        let mut client = appliance.everything("changer");
        // One that stops keeps a snapshot of the windows, one that is killed does not.
        let pause = |appliance: &mut Appliance, client: &mut Client, gently: bool| {
            if kill {
                if gently {
                    appliance.stop();
                } else {
                    appliance.kill9();
                }
                appliance.restart();
                *client = client.at(&appliance.address);
            }
        };
        fail(&client, "before", 3);
        pause(&mut appliance, &mut client, true);
        put(&client, FAILED, &json!({"threshold": 2})).expect(200);
        pause(&mut appliance, &mut client, false);
        fail(&client, "between", 2);
        pause(&mut appliance, &mut client, false);
        put(&client, FAILED, &json!({"threshold": 4})).expect(200);
        fail(&client, "after", 3);
        pause(&mut appliance, &mut client, true);
        fail(&client, "later", 4);
        put(&client, FAILED, &json!({"threshold": null})).expect(200);
        pause(&mut appliance, &mut client, false);
        fail(&client, "last", 4);
        let seen = alerts(&appliance, &client);
        if kill {
            appliance.stop();
            assert_eq!(appliance.run(&["verify"]).status.code(), Some(0));
        }
        seen
    };
    let calm = script(false);
    assert_eq!(calm, [("between".to_owned(), 2), ("later".to_owned(), 4)]);
    assert_eq!(script(true), calm);
}

#[test]
fn a_value_says_where_it_comes_from_and_goes_back_there() {
    let appliance = Appliance::start_configured("[patterns.FAILED_AUTH]\nthreshold = 7\n");
    let client = appliance.everything("changer");
    assert_eq!(
        setting(&client, "", "threshold"),
        json!({"value": "7", "key": "patterns.FAILED_AUTH.threshold", "from": "file", "place": 2})
    );
    assert_eq!(setting(&client, "", "severity")["from"], "default");
    put(&client, &format!("{FAILED}?organization=st-marys"), &json!({"threshold": 2, "severity": "LOW"}))
        .expect(200);
    let own = setting(&client, "st-marys", "threshold");
    assert_eq!(
        (&own["value"], &own["from"], &own["changedBy"]),
        (&json!("2"), &json!("changed"), &json!("key:changer"))
    );
    assert_eq!(setting(&client, "", "threshold")["value"], "7", "of all others it is what it was");
    assert_eq!(setting(&client, "st-marys", "timespan_secs")["from"], "all");
    put(&client, &format!("{FAILED}?organization=st-marys"), &json!({"threshold": null})).expect(200);
    assert_eq!(setting(&client, "st-marys", "threshold")["value"], "7");
    let settings = client.get("/settings").expect(200).text();
    assert!(settings.contains("organizations.st-marys.patterns.FAILED_AUTH.severity"), "{settings}");
}

#[test]
fn what_the_file_would_refuse_is_refused_at_its_field_and_changes_nothing() {
    let appliance = Appliance::start();
    let client = appliance.everything("changer");
    let refused = put(&client, FAILED, &json!({"timespan_secs": 0})).expect(422).json();
    assert_eq!(refused["field"], "threshold", "the two do not fit each other");
    put(&client, FAILED, &json!({"treshold": 3})).expect(422);
    put(&client, "/api/v1/patterns/NOTHING", &json!({})).expect(404);
    let form = format!("threshold=0&timespan_secs=soon&severity=HIGH&holidays={}", encoded("<b>"));
    let page = post_form(&client, PAGE, &form).expect(422).text();
    for words in [
        "0 is not a whole number from 1 to 100000",
        "is not a whole number from 0 to 604800",
        "value=\"soon\"",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let page = post_form(
        &client,
        "/patterns/OFF_HOURS",
        &format!("off_hours=25&time_zone=Mars&holidays={}", encoded("<b>")),
    );
    let page = page.expect(422).text();
    assert!(
        page.contains("Mars") && page.contains("is not an IANA time zone") && page.contains("&#60;b&#62;"),
        "{page}"
    );
    assert_eq!(setting(&client, "", "threshold")["from"], "default");
    let saved = post_form(&client, PAGE, "threshold=6&timespan_secs=300&severity=HIGH").expect(303);
    assert_eq!(saved.header("location"), Some("/patterns/FAILED_AUTH?saved=1"));
    let page = client.get("/patterns/FAILED_AUTH?saved=1").expect(200).text();
    assert!(page.contains("changed here by key:changer"), "{page}");
    post_form(&client, PAGE, "reset=threshold&threshold=99").expect(303);
    assert_eq!(setting(&client, "", "threshold")["value"], "5");
}

#[test]
fn only_an_administrator_of_everyone_changes_settings_and_nobody_sees_more_than_theirs() {
    let appliance = Appliance::start();
    let client = appliance.everything("changer");
    put(&client, &format!("{FAILED}?organization=north-clinic"), &json!({"threshold": 2})).expect(200);
    let reader = appliance.client().with_key(&appliance.key(&["--name", "reader", "--scope", "read"]));
    put(&reader, FAILED, &json!({"threshold": 2})).expect(403);
    post_form(&reader, PAGE, "threshold=2").expect(403);
    let page = reader.get(&format!("{PAGE}?preview=1&threshold=2")).expect(200).text();
    let (_, main) = page.split_once("<main").expect("every page has its part");
    assert!(!main.contains("<input") && main.contains("Threshold"), "a reader reads: {page}");
    let bound = ["--name", "bound", "--scope", "read", "--scope", "admin", "--organization", "st-marys"];
    let bound = appliance.client().with_key(&appliance.key(&bound));
    put(&bound, FAILED, &json!({"threshold": 2})).expect(403);
    bound.get(&format!("{PAGE}?org=north-clinic")).expect(404);
    for path in [PAGE, "/settings", "/patterns", "/api/v1/patterns"] {
        let text = bound.get(path).expect(200).text();
        assert!(!text.contains("north-clinic"), "{path}: {text}");
    }
    appliance.client().get("/api/v1/patterns").expect(401);
}

/// What a preview and the alerts of the log must agree on, sorted.
fn essence(id: &Value, key: &Value, occurrences: &Value, count: &Value, first: &Value) -> String {
    json!([id, key, occurrences, count, first]).to_string()
}

/// A preview that changes nothing raises what was raised; gives it.
#[track_caller]
fn check_preview(client: &Client, pattern: &str) -> Value {
    let preview = eventually("the preview is done", || {
        let reply = client.get(&format!("/api/v1/patterns/{pattern}/preview?days=90")).expect(200).json();
        (reply["done"] == true).then_some(reply)
    });
    let raised = |alerts: &Value| -> Vec<String> {
        let alerts = alerts["alerts"].as_array().expect("a list of alerts");
        let of = |alert: &Value| {
            essence(
                &alert["id"],
                &alert["key"],
                &alert["occurrences"],
                &alert["eventCount"],
                &alert["firstFiredAt"],
            )
        };
        let mut raised: Vec<String> = alerts.iter().map(of).collect();
        raised.sort();
        raised
    };
    let page = client.get("/api/v1/alerts?limit=1000").expect(200).json();
    let live = of_pattern(page["data"].as_array().expect("alerts stand in an array").clone(), pattern);
    let live = live.iter().map(|alert| {
        let metadata = &alert["metadata"];
        essence(
            &alert["id"],
            &metadata["key"],
            &alert["occurrences"],
            &metadata["eventCount"],
            &metadata["firstFiredAt"],
        )
    });
    let mut live: Vec<String> = live.collect();
    live.sort();
    assert_eq!(raised(&preview["present"]), live, "{pattern}");
    assert_eq!(raised(&preview["proposed"]), live, "{pattern}");
    assert_eq!((&preview["new"], &preview["gone"]), (&json!(0), &json!(0)));
    preview
}

#[test]
fn a_preview_that_changes_nothing_raises_what_was_raised() {
    let appliance = Appliance::start();
    let client = appliance.everything("changer");
    for (who, times) in [("ada", 5), ("bob", 9), ("cyd", 4)] {
        fail(&client, who, times);
    }
    appliance.detection_is_done(&client);
    let ada = of_pattern(found(&client, ""), "FAILED_AUTH")
        .into_iter()
        .find(|alert| alert["metadata"]["key"] == "ada");
    let id = ada.expect("she failed five times")["id"].as_str().expect("an id").to_owned();
    client.post(&format!("/api/v1/alerts/{id}/resolve"), &json!({"note": "a drill"})).expect(200);
    let again: Vec<Value> = (900..906)
        .map(|second| {
            plain_with(json!({
                "timestamp": after_ten(second), "action": "auth.login.failure", "status": "failure",
                "organizationId": "st-marys", "principalId": "ada",
            }))
        })
        .collect();
    client.post(EVENTS, &Value::from(again)).expect(202);
    client.post(EVENTS, &plain_with(json!({"hash": "0".repeat(64), "principalId": "forger"}))).expect(201);
    appliance.detection_is_done(&client);
    let preview = check_preview(&client, "FAILED_AUTH");
    assert_eq!(preview["present"]["total"], 3, "ada twice, because her first alert was closed, and bob");
    for pattern in ["OFF_HOURS", "INTEGRITY_VIOLATION", "DATA_VELOCITY"] {
        check_preview(&client, pattern);
    }
    let lower = client.get(&format!("{FAILED}/preview?threshold=4&days=1")).expect(200).json();
    assert_eq!(
        (&lower["proposed"]["total"], &lower["new"], &lower["gone"]),
        (&json!(4), &json!(1), &json!(0))
    );
    let off = client.get(&format!("{FAILED}/preview?enabled=false")).expect(200).json();
    assert_eq!((&off["proposed"]["total"], &off["gone"]), (&json!(0), &json!(3)));
    let page = client.get(&format!("{PAGE}?preview=1&threshold=4&days=1")).expect(200).text();
    assert!(page.contains("Would be new: 1 alert") && page.contains("cyd"), "{page}");
    client.get(&format!("{PAGE}?preview=1&threshold=0")).expect(422);
    client.get(&format!("{PAGE}?preview=1&days=91")).expect(422);
    assert_eq!(setting(&client, "", "threshold")["from"], "default", "a preview changes nothing");
    let bound = ["--name", "bound", "--scope", "read", "--scope", "admin", "--organization", "north-clinic"];
    let bound = appliance.client().with_key(&appliance.key(&bound));
    let nothing = bound.get(&format!("{FAILED}/preview?threshold=1")).expect(200).json();
    assert_eq!(
        (&nothing["events"], &nothing["proposed"]["total"]),
        (&json!(0), &json!(0)),
        "within the caller's scope"
    );
}

#[test]
fn a_preview_of_a_recorded_attack_raises_what_was_raised() {
    let Some(file) = shared("data/cloudtrail-attack-2023.ndjson") else { return };
    let appliance = Appliance::start_with(&[("AUDIT_CRYPTO_SECRET", SECRET)]);
    let client = appliance.everything("recorder");
    let key_file = appliance.file("key");
    std::fs::write(&key_file, appliance.key(&["--name", "sender"])).expect("it can be written");
    let mut send = sealwatch();
    send.args(["send", "--url", &format!("http://{}", appliance.address), "--api-key-file"])
        .arg(key_file)
        .arg(file);
    let sent = output_of(&mut send);
    assert!(sent.status.success(), "{}", lossy(&sent.stderr));
    appliance.detection_is_done(&client);
    assert_eq!(check_preview(&client, "UNAUTHORIZED_ACCESS")["present"]["total"], 3);
    assert_eq!(check_preview(&client, "DATA_VELOCITY")["present"]["total"], 1);
    check_preview(&client, "BULK_OPERATION");
}
