//! Evidence of an alert: taken out by command, API and page, and checked with nothing but the binary.

use crate::appliance::{Appliance, eventually, found, lossy, sealwatch};
use crate::client::{Client, Reply};
use crate::command::output_of;
use crate::samples::{data_access, failed_sign_in};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

const EVENTS: &str = "/api/v1/audit/events";

fn start() -> Appliance {
    Appliance::start_with(&[("SEALWATCH_LOG__CHECKPOINT_SECS", "1")])
}

/// An alert about five failed sign-ins and one later, acknowledged and commented on; its id.
fn raise(appliance: &Appliance, client: &Client) -> String {
    for second in [0, 1, 2, 3, 4, 5] {
        client.post(EVENTS, &failed_sign_in("org-a", "mallory <b>", second)).expect(201);
    }
    appliance.detection_is_done(client);
    let alert = found(client, "&pattern=FAILED_AUTH").pop().expect("it was raised");
    let id = alert["id"].as_str().expect("an id").to_owned();
    client.post(&format!("/api/v1/alerts/{id}/acknowledge"), &json!({})).expect(200);
    let comment = json!({"comment": "called <the> user"});
    client.post(&format!("/api/v1/alerts/{id}/comment"), &comment).expect(200);
    id
}

/// The evidence, once a checkpoint covers it.
fn fetch(client: &Client, id: &str) -> Reply {
    eventually("the evidence is covered by a checkpoint", || {
        let reply = client.get(&format!("/api/v1/alerts/{id}/evidence"));
        if reply.status == 409 {
            assert!(reply.header("retry-after").is_some(), "who waits must know how long");
            return None;
        }
        Some(reply.expect(200))
    })
}

/// `sealwatch verify` as anyone would call it: without a data directory, without a configuration.
fn verify(args: &[&str]) -> Output {
    output_of(sealwatch().arg("verify").args(args))
}

#[track_caller]
fn answers(output: &Output, code: i32, words: &str) {
    let text = lossy(&output.stdout) + &lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(words), "{words:?} is not in {text}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("its name is text")
}

fn keep(appliance: &Appliance, name: &str, bytes: &[u8]) -> PathBuf {
    let path = appliance.file(name);
    std::fs::write(&path, bytes).expect("it can be written");
    path
}

fn log_key(client: &Client) -> String {
    client.get("/api/v1/log/key").expect(200).text().trim_end().to_owned()
}

#[test]
fn evidence_is_the_same_by_command_by_api_and_by_page_and_verifies_alone() {
    let mut appliance = start();
    let client = appliance.everything("ada");
    let id = raise(&appliance, &client);
    let key = log_key(&client);
    let reply = fetch(&client, &id);
    assert_eq!(reply.header("content-type"), Some("application/zip"));
    assert!(
        reply
            .header("content-disposition")
            .is_some_and(|value| value.contains("attachment") && value.contains(&id))
    );
    let by_api = keep(&appliance, "api.zip", &reply.body);
    answers(&verify(&[text(&by_api), "--key", &key]), 0, "WHOLE");
    answers(&verify(&[text(&by_api)]), 0, "compare");

    let page = client.with("Accept", "text/html").get(&format!("/alerts/{id}")).expect(200).text();
    assert!(page.contains(&format!("action=\"/alerts/{id}/evidence\"")), "the page offers it");
    let reply = client.call("POST", &format!("/alerts/{id}/evidence"), b"").expect(200);
    let by_page = keep(&appliance, "page.zip", &reply.body);
    answers(&verify(&["--json", text(&by_page), "--key", &key]), 0, "\"answer\":\"whole\"");

    let by_command = appliance.file("command.zip");
    let export = |appliance: &Appliance, output: &Path| {
        appliance.run(&["export", "--alert", &id, "--output", text(output)])
    };
    assert!(export(&appliance, &by_command).status.success());
    answers(&verify(&[text(&by_command), "--key", &key]), 0, "6 events as received");
    let again = export(&appliance, &by_command);
    assert!(
        !again.status.success() && lossy(&again.stderr).contains("there already"),
        "nothing is overwritten"
    );

    // What came after the last checkpoint of a stopped appliance is signed by the command itself.
    client.post(&format!("/api/v1/alerts/{id}/resolve"), &json!({"resolutionNotes": "done"})).expect(200);
    appliance.kill9();
    let stopped = appliance.file("stopped.zip");
    let done = export(&appliance, &stopped);
    assert!(done.status.success(), "{}", lossy(&done.stderr));
    answers(&verify(&[text(&stopped), "--key", &key]), 0, "status resolved");
    let unknown = appliance.run(&["export", "--alert", "00000000-0000-7000-8000-000000000000"]);
    assert_eq!(unknown.status.code(), Some(1), "{}", lossy(&unknown.stderr));
}

#[test]
fn evidence_of_one_organisation_is_not_there_for_another_and_each_export_is_noted() {
    let mut appliance = start();
    let client = appliance.everything("all");
    let id = raise(&appliance, &client);
    let scoped = |name: &str, organization: &str| {
        appliance.client().with_key(&appliance.key(&[
            "--name",
            name,
            "--scope",
            "read",
            "--organization",
            organization,
        ]))
    };
    fetch(&scoped("own", "org-a"), &id);
    let other = scoped("other", "org-b");
    other.get(&format!("/api/v1/alerts/{id}/evidence")).expect(404);
    other.call("POST", &format!("/alerts/{id}/evidence"), b"").expect(404);
    appliance.client().get(&format!("/api/v1/alerts/{id}/evidence")).expect(401);
    appliance.stop();
    let store = sealwatch::store::Store::open_as_it_stands(&appliance.data_dir(), Default::default());
    let store = store.expect("it opens").expect("it is there");
    let bodies = (0..store.size().0).map(|seq| {
        let read = store.entry(sealwatch::model::Seq(seq)).expect("it can be read").expect("it is there");
        read.expect("it is whole").entry.body
    });
    let noted: Vec<Value> = bodies
        .filter_map(|body| serde_json::from_slice::<Value>(&body).ok())
        .filter(|entry| entry["activity"] == "exported")
        .collect();
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert_eq!(noted[0]["by"], "key:own");
    assert!(noted[0]["what"].as_str().is_some_and(|what| what.contains(&id)), "{noted:?}");
}

#[test]
fn evidence_names_every_key_that_has_signed_and_any_of_them_may_be_trusted() {
    let appliance = start();
    let client = appliance.everything("keys");
    let first = log_key(&client);
    let id = raise(&appliance, &client);
    fetch(&client, &id);
    assert!(appliance.run(&["key", "rotate-log-key"]).status.success());
    let second = log_key(&client);
    client.post(&format!("/api/v1/alerts/{id}/comment"), &json!({"comment": "later"})).expect(200);
    let file = keep(&appliance, "rotated.zip", &fetch(&client, &id).body);
    for key in [&first, &second] {
        answers(&verify(&[text(&file), "--key", key]), 0, "WHOLE");
    }
    let stranger = start();
    let other = log_key(&stranger.client());
    answers(&verify(&[text(&file), "--key", &other]), 1, "signed none of the checkpoints");
    let keys = keep(&appliance, "keys.txt", format!("{other}\n{second}\n").as_bytes());
    answers(&verify(&[text(&file), "--key", text(&keys)]), 0, "WHOLE");
}

#[test]
fn every_kind_of_alert_has_evidence_that_verifies() {
    let appliance = start();
    let client = appliance.everything("kinds");
    client.post(EVENTS, &data_access("org-a", "owl", "23:00:00")).expect(201);
    let id = "018b2f5e-0000-7000-8000-000000000001";
    let event = |action: &str| json!({"id": id, "action": action, "status": "success", "principalId": "p", "timestamp": "2023-07-10T12:00:00Z"});
    client.post(EVENTS, &event("one")).expect(201);
    client.post(EVENTS, &event("two")).expect(409);
    let mut tampered = event("three");
    tampered["id"] = Value::Null;
    tampered.as_object_mut().expect("an object").remove("id");
    tampered["hash"] = json!("00".repeat(32));
    client.post(EVENTS, &tampered).expect(201);
    let many: Vec<Value> = (0..1_300).map(|n| failed_sign_in("org-a", "mallory", n % 300)).collect();
    client.post(EVENTS, &Value::from(many)).expect(202);
    appliance.detection_is_done(&client);
    let alerts = found(&client, "");
    let mut kinds: Vec<&str> =
        alerts.iter().filter_map(|alert| alert["metadata"]["patternType"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["FAILED_AUTH", "ID_CONFLICT", "INTEGRITY_VIOLATION", "OFF_HOURS"]);
    for alert in &alerts {
        let file = keep(&appliance, "kind.zip", &fetch(&client, alert["id"].as_str().expect("an id")).body);
        answers(&verify(&[text(&file), "--key", &log_key(&client)]), 0, "WHOLE");
    }
}

#[test]
fn a_proof_and_a_checkpoint_are_checked_offline() {
    let appliance = start();
    let client = appliance.everything("proofs");
    let event = client.post(EVENTS, &failed_sign_in("org-a", "mallory", 0)).expect(201).json();
    let path = |part: &str| format!("{EVENTS}/{}/{part}", event["id"].as_str().expect("an id"));
    let proof = eventually("a checkpoint that covers the event", || {
        let reply = client.get(&path("proof"));
        (reply.status == 200).then_some(reply.body)
    });
    let key = log_key(&client);
    let proof = keep(&appliance, "event.tlog-proof", &proof);
    let [leaf, raw, salt] =
        ["leaf", "raw", "salt"].map(|part| keep(&appliance, part, &client.get(&path(part)).expect(200).body));
    let (proof, leaf, raw, salt) = (text(&proof), text(&leaf), text(&raw), text(&salt));
    answers(&verify(&[proof]), 2, "--leaf");
    answers(&verify(&[proof, "--key", &key]), 2, "--leaf");
    answers(&verify(&[proof, "--leaf", leaf]), 2, "--key");
    answers(&verify(&[proof, "--leaf", leaf, "--key", &key]), 0, "WHOLE");
    answers(
        &verify(&[proof, "--leaf", leaf, "--key", &key, "--raw", raw, "--salt", salt]),
        0,
        "bytes that were given",
    );
    let digits = std::fs::read_to_string(salt).expect("it was written");
    answers(&verify(&[proof, "--leaf", leaf, "--key", &key, "--raw", raw, "--salt", &digits]), 0, "WHOLE");
    answers(&verify(&[proof, "--leaf", leaf, "--key", &key, "--raw", leaf, "--salt", salt]), 1, "commits to");
    let mut other = std::fs::read(leaf).expect("it was written");
    other[40] ^= 1;
    let other = keep(&appliance, "other-leaf", &other);
    answers(&verify(&[proof, "--leaf", text(&other), "--key", &key]), 1, "WRONG");

    let checkpoint = client.get("/checkpoint").expect(200).body;
    let good = keep(&appliance, "checkpoint", &checkpoint);
    answers(&verify(&[text(&good)]), 2, "--key");
    answers(&verify(&[text(&good), "--key", &key]), 0, "WHOLE");
    let mut changed = checkpoint;
    let at = changed.iter().position(u8::is_ascii_digit).expect("a number is in it");
    changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
    let bad = keep(&appliance, "changed", &changed);
    answers(&verify(&[text(&bad), "--key", &key]), 1, "WRONG");
    let unknown = keep(&appliance, "unknown", b"something else");
    answers(&verify(&[text(&unknown), "--key", &key]), 2, "NOT CHECKED");
    answers(&verify(&["no-such-file"]), 2, "NOT CHECKED");
    answers(&verify(&[text(&good), text(&unknown), text(&bad), "--key", &key]), 1, "WRONG");
}
