//! `verify`: what it says of a log that is whole, damaged, in use, set back or another one; and the self-check.

use crate::appliance::{Appliance, eventually, found, lossy};
use crate::client::Client;
use crate::samples::plain_with;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

const EVENTS: &str = "/api/v1/audit/events";
/// Does not compress, so that it stands in the file as it is.
const MARK: &str = "q7Zx91LmB04vTfKe8YwRsU2dHj6PnAcG";

fn start() -> Appliance {
    Appliance::start_with(&[("SEALWATCH_LOG__CHECKPOINT_SECS", "1")])
}

fn send(client: &Client, count: usize) {
    client.post(EVENTS, &Value::from(vec![plain_with(json!({ "mark": MARK })); count])).expect(202);
}

#[track_caller]
fn says(output: &Output, code: i32, words: &[&str]) {
    let told = lossy(&[&output.stdout[..], &output.stderr].concat());
    assert_eq!(output.status.code(), Some(code), "{told}");
    for words in words {
        assert!(told.contains(words), "{words:?} is not in: {told}");
    }
}

/// The checkpoint that covers everything sent so far.
fn checkpoint(client: &Client, size: u64) -> String {
    eventually("a checkpoint of everything", || {
        let text = client.get("/checkpoint").expect(200).text();
        let covered: u64 = text.lines().nth(1).expect("a size").parse().expect("digits");
        (covered >= size).then_some(text)
    })
}

/// Changes the text of one event in the file.
fn damage(data_dir: &Path) {
    let file = data_dir.join("log.redb");
    let mut bytes = std::fs::read(&file).expect("the log is there");
    let places: Vec<usize> = bytes
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, text)| *text == MARK.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "the text stands in the file");
    for at in places {
        bytes[at] ^= 1;
    }
    std::fs::write(&file, &bytes).expect("it can be written");
}

#[test]
fn a_log_is_said_to_be_intact_and_complete_or_not_stopped_as_well_as_running() {
    let mut appliance = start();
    let client = appliance.everything("verify");
    send(&client, 300);
    let key = client.get("/api/v1/log/key").expect(200).text();
    let running = appliance.run(&["verify", "--key", key.trim()]);
    says(&running, 0, &["checked itself", "INTACT: ", "COMPLETE: ", "Signed up to entry"]);
    let json: Value = serde_json::from_slice(&appliance.run(&["verify", "--json"]).stdout).expect("JSON");
    assert_eq!(
        (&json["intact"], &json["complete"], &json["events"]),
        (&json!(true), &json!(true), &json!(300))
    );
    let another = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    says(&appliance.run(&["verify", "--key", another]), 1, &["NOT INTACT", "never was one of this log's"]);

    assert_eq!(appliance.stop().code(), Some(0));
    let before = std::fs::read(appliance.data_dir().join("log.redb")).expect("the log is there");
    says(
        &appliance.run(&["verify", "--key", key.trim()]),
        0,
        &["INTACT: ", "COMPLETE: ", "counters: derived"],
    );
    says(&appliance.run(&["verify", "--key", another]), 1, &["NOT INTACT"]);
    says(&appliance.run(&["verify", "--key", "rubbish"]), 2, &["NOT CHECKED", "no such file"]);
    let after = std::fs::read(appliance.data_dir().join("log.redb")).expect("the log is there");
    assert!(before == after, "looking changes nothing");

    damage(&appliance.data_dir());
    says(&appliance.run(&["verify"]), 1, &["NOT INTACT", "The first entry that is wrong is"]);
    let json: Value = serde_json::from_slice(&appliance.run(&["verify", "--json"]).stdout).expect("JSON");
    assert_eq!((&json["intact"], &json["complete"]), (&json!(false), &Value::Null), "{json}");
    assert!(json["firstWrong"].is_u64() && json["altered"]["count"].is_u64(), "{json}");
    appliance.restart();
    says(&appliance.run(&["verify"]), 1, &["checked itself", "NOT INTACT"]);
}

#[test]
fn a_log_that_was_set_back_is_told_by_a_checkpoint_kept_elsewhere() {
    let mut appliance = start();
    let client = appliance.everything("first");
    send(&client, 20);
    assert_eq!(appliance.stop().code(), Some(0));
    let (old, data) = (appliance.file("old.redb"), appliance.data_dir().join("log.redb"));
    std::fs::copy(&data, &old).expect("there is room");
    appliance.restart();
    let client = appliance.client().with_key(&appliance.key(&["--name", "second", "--scope", "ingest"]));
    send(&client, 20);
    let kept = appliance.file("checkpoint");
    std::fs::write(&kept, checkpoint(&client, 45)).expect("there is room");
    let kept = kept.to_string_lossy().into_owned();
    says(&appliance.run(&["verify", "--checkpoint", &kept]), 0, &["checked itself"]);
    assert_eq!(appliance.stop().code(), Some(0));
    says(&appliance.run(&["verify", "--checkpoint", &kept]), 0, &["COMPLETE: "]);
    std::fs::copy(&old, &data).expect("there is room");
    says(&appliance.run(&["verify"]), 0, &["COMPLETE: "]);
    says(&appliance.run(&["verify", "--checkpoint", &kept]), 1, &["NOT COMPLETE", "it was cut or set back"]);
}

#[test]
fn a_key_that_is_not_the_logs_is_told() {
    let mut appliance = start();
    let mut other = start();
    for appliance in [&mut appliance, &mut other] {
        assert_eq!(appliance.stop().code(), Some(0));
    }
    let file = "keys/checkpoint-key.pem";
    std::fs::copy(other.data_dir().join(file), appliance.data_dir().join(file)).expect("there is room");
    says(&appliance.run(&["verify"]), 1, &["NOT INTACT", "is another one than the log names last"]);
    std::fs::write(appliance.data_dir().join(file), "rubbish").expect("it can be written");
    says(&appliance.run(&["verify"]), 1, &["NOT INTACT", "holds no Ed25519 private key"]);
    std::fs::remove_file(appliance.data_dir().join(file)).expect("it is there");
    says(&appliance.run(&["verify"]), 0, &["NOT CHECKED: the key that signs"]);
}

#[test]
fn only_administrators_of_everything_have_the_log_checked() {
    let appliance = start();
    let reader = appliance.client().with_key(&appliance.key(&["--name", "reader", "--scope", "read"]));
    reader.post("/api/v1/log/check", &json!({})).expect(403);
    let some = ["--name", "some", "--scope", "admin", "--organization", "acme"];
    appliance.client().with_key(&appliance.key(&some)).post("/api/v1/log/check", &json!({})).expect(403);
    appliance.client().post("/api/v1/log/check", &json!({})).expect(401);
    let admin = appliance.everything("admin");
    admin.post("/api/v1/log/check", &json!({"keys": ["rubbish"]})).expect(422);
    let reply = admin.post("/api/v1/log/check", &json!({})).expect(200);
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    let text = reply.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (last, progress) = lines.split_last().expect("at least the report");
    assert!(
        progress.iter().all(|line| line["progress"]["entries"].is_u64()) && !progress.is_empty(),
        "{text}"
    );
    assert_eq!(last["report"]["altered"]["count"], 0, "{text}");
}

#[test]
fn the_appliance_finds_damage_by_itself_and_raises_an_alert() {
    let mut appliance = Appliance::start_with(&[("SEALWATCH_LOG__CHECK_HOURS", "0")]);
    let key = appliance.key(&["--name", "self", "--scope", "ingest", "--scope", "read", "--scope", "admin"]);
    send(&appliance.client().with_key(&key), 20);
    assert_eq!(appliance.stop().code(), Some(0));
    damage(&appliance.data_dir());
    appliance.restart_with(&[("SEALWATCH_LOG__CHECK_HOURS", "24")]);
    let client = appliance.client().with_key(&key);
    let alert =
        eventually("an alert of the damage", || found(&client, "&pattern=LOG_DAMAGE").into_iter().next());
    assert_eq!((&alert["severity"], &alert["type"]), (&json!("CRITICAL"), &json!("SYSTEM")), "{alert}");
    assert!(alert["title"].as_str().is_some_and(|title| title.contains("entry")), "{alert}");
    eventually("the health to tell of it", || {
        let health = client.get("/api/v1/health/components/log_check").expect(200).json();
        (health["status"] == "CRITICAL").then_some(())
    });
}
