//! The main job on real input: an attack on a live cloud account, recorded, is sent and found out.

use crate::appliance::{Appliance, Chance, counted, found, lossy, sealwatch, shared, strike_after, total};
use crate::client::Client;
use crate::command::{Run, output_of};
use crate::samples::SECRET;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const RECORDING: &str = "data/cloudtrail-attack-2023.ndjson";
const EVENTS: u64 = 2_900;
const KILLS: usize = 10;

/// What the recording's own description says must be found: pattern, the end of the key, the first firing.
const EXPECTED: [(&str, &str, &str); 4] = [
    ("DATA_VELOCITY", "arn:aws:iam::123837392027:user/bert-jan", "11:57:49"),
    ("UNAUTHORIZED_ACCESS", "arn:aws:iam::123837392027:user/bert-jan", "11:54:47"),
    (
        "UNAUTHORIZED_ACCESS",
        "assumed-role/stratus-red-team-ec2-get-password-data-role/aws-go-sdk-1688990082523310002",
        "11:54:47",
    ),
    (
        "UNAUTHORIZED_ACCESS",
        "assumed-role/stratus-red-team-get-usr-data-role/aws-go-sdk-1688990565286187801",
        "12:02:55",
    ),
];

fn start() -> (Appliance, Client) {
    let appliance = Appliance::start_with(&[("AUDIT_CRYPTO_SECRET", SECRET)]);
    let client = appliance.everything("recorder");
    (appliance, client)
}

/// `sealwatch send` with a key of its own in a file.
fn send(appliance: &Appliance, batch: usize, file: &Path) -> Command {
    let key_file = appliance.file("key");
    if !key_file.exists() {
        std::fs::write(&key_file, appliance.key(&["--name", "sender"])).expect("it can be written");
    }
    let mut command = sealwatch();
    command.args(["send", "--json", "--url", &format!("http://{}", appliance.address)]);
    command.args(["--batch-events", &batch.to_string()]).arg("--api-key-file").arg(key_file).arg(file);
    command
}

/// Sends the file; gives the summary.
#[track_caller]
fn send_all(appliance: &Appliance, file: &Path) -> Value {
    let output = output_of(&mut send(appliance, 500, file));
    assert!(output.status.success(), "{}", lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a summary as JSON")
}

/// Exactly the four alerts; gives them, sorted.
#[track_caller]
fn check_found(appliance: &Appliance, client: &Client) -> Vec<Value> {
    assert_eq!(total(client, ""), EVENTS, "each event is stored once");
    assert_eq!(total(client, "&verifiedOnly=true"), EVENTS, "and verified");
    let metrics = counted(client);
    let numbers = ["eventsProcessed", "integrityViolations", "integrityVerifications"]
        .map(|name| metrics[name].clone());
    assert_eq!(numbers, [json!(EVENTS), json!(0), json!({"total": EVENTS, "passed": EVENTS, "failed": 0})]);
    appliance.detection_is_done(client);
    let mut alerts = found(client, "");
    alerts.sort_by_key(|alert| {
        (
            alert["metadata"]["patternType"].to_string(),
            alert["metadata"]["firstFiredAt"].to_string(),
            alert["metadata"]["key"].to_string(),
        )
    });
    let seen: Vec<String> = alerts.iter().map(summary).collect();
    assert_eq!(alerts.len(), EXPECTED.len(), "{seen:#?}");
    for (pattern, key, fired) in EXPECTED {
        let is_it = |alert: &&Value| {
            alert["metadata"]["patternType"] == pattern
                && alert["metadata"]["key"].as_str().is_some_and(|found| found.ends_with(key))
        };
        let matching: Vec<&Value> = alerts.iter().filter(is_it).collect();
        assert_eq!(matching.len(), 1, "{pattern} {key} in {seen:#?}");
        assert_eq!(matching[0]["organizationId"], "123837392027");
        let first = matching[0]["metadata"]["firstFiredAt"].as_str().unwrap_or_default();
        assert!(first.starts_with(&format!("2023-07-10T{fired}")), "{pattern} {key}: {first}");
    }
    alerts
}

fn summary(alert: &Value) -> String {
    let metadata = &alert["metadata"];
    format!(
        "{} {} {} ×{} of {}",
        metadata["patternType"],
        metadata["key"],
        metadata["firstFiredAt"],
        alert["occurrences"],
        metadata["eventCount"]
    )
}

/// What must not depend on when and how often the events were sent, nor on kills.
fn essence(alerts: &[Value]) -> Vec<Value> {
    let of = |alert: &Value| {
        let mut metadata = alert["metadata"].clone();
        // Ids of events are given by the appliance, one each time it stores.
        metadata["eventIds"] = json!(metadata["eventIds"].as_array().map(Vec::len));
        json!([
            metadata,
            alert["occurrences"],
            alert["severity"],
            alert["status"],
            alert["title"],
            alert["description"]
        ])
    };
    alerts.iter().map(of).collect()
}

#[test]
fn a_recorded_attack_is_stored_verified_and_found_and_sending_it_again_changes_nothing() {
    let Some(file) = shared(RECORDING) else { return };
    let (appliance, client) = start();
    let sent = send_all(&appliance, &file);
    assert_eq!(
        (&sent["sent"], &sent["accepted"], &sent["rejected"]),
        (&json!(EVENTS), &json!(EVENTS), &json!(0))
    );
    let first = check_found(&appliance, &client);
    let fences = total(&client, "&principalIds=fence");
    let again = send_all(&appliance, &file);
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(EVENTS)));
    assert_eq!(total(&client, ""), EVENTS + fences);
    appliance.detection_is_done(&client);
    let mut second = found(&client, "");
    second.sort_by_key(|alert| first.iter().position(|known| known["id"] == alert["id"]));
    assert_eq!(second, first, "no new alert, and the same occurrences");
}

#[test]
fn ten_kills_while_a_recorded_attack_is_sent_change_nothing() {
    let Some(file) = shared(RECORDING) else { return };
    let (calm, client) = start();
    send_all(&calm, &file);
    let expected = essence(&check_found(&calm, &client));
    drop(calm);

    let mut chance = Chance::new("the moments of ten kills");
    let (mut appliance, client) = start();
    let mut sender = send(&appliance, 10, &file);
    sender.args(["--retry-secs", "600"]);
    let mut sender = Run::begin(&mut sender);
    let mut while_sending = 0;
    for _ in 0..KILLS {
        strike_after(Duration::from_millis(chance.below(120)));
        while_sending += usize::from(sender.child().try_wait().expect("it was started here").is_none());
        appliance.kill9();
        appliance.restart_in_place();
    }
    let output = sender.end();
    assert!(output.status.success(), "{}", lossy(&output.stderr));
    println!("{while_sending} of {KILLS} kills fell into the sending");
    assert!(while_sending > KILLS / 2, "the kills came too late to show anything");
    assert_eq!(essence(&check_found(&appliance, &client)), expected, "as in a run that never stopped");
    appliance.stop();
    assert_eq!(appliance.run(&["verify"]).status.code(), Some(0));
}

#[test]
fn one_byte_of_a_critical_field_that_was_changed_is_found() {
    let Some(file) = shared(RECORDING) else { return };
    let mut chance = Chance::new("the line that is changed");
    let recording = std::fs::read_to_string(file).expect("it can be read");
    let mut lines: Vec<String> = recording.lines().map(str::to_owned).collect();
    let at = usize::try_from(chance.below(lines.len() as u64)).expect("it is small");
    let field = ["\"action\":\"", "\"principalId\":\"", "\"organizationId\":\""];
    let field = field.into_iter().rfind(|field| lines[at].contains(field)).expect("each has an action");
    let place = lines[at].find(field).expect("it was just found") + field.len();
    // One bit of an ASCII letter or digit: the case of a letter, or another digit.
    let byte = lines[at].as_bytes()[place];
    let changed = if byte.is_ascii_digit() { byte ^ 1 } else { byte ^ 0x20 };
    lines[at].replace_range(place..=place, &char::from(changed).to_string());

    let (appliance, client) = start();
    let tampered = appliance.file("tampered.ndjson");
    std::fs::write(&tampered, lines.join("\n")).expect("it can be written");
    let sent = send_all(&appliance, &tampered);
    assert_eq!(sent["accepted"], EVENTS, "still stored");
    assert_eq!(total(&client, "&verifiedOnly=true"), EVENTS - 1);
    let metrics = counted(&client);
    assert_eq!(metrics["eventsByVerdict"]["hash_mismatch"], 1);
    assert_eq!(metrics["integrityViolations"], 1);
    appliance.detection_is_done(&client);
    let alerts = found(&client, "");
    let violations: Vec<&Value> =
        alerts.iter().filter(|alert| alert["metadata"]["patternType"] == "INTEGRITY_VIOLATION").collect();
    assert_eq!(violations.len(), 1, "line {}", at + 1);
    let id = violations[0]["metadata"]["eventIds"][0].as_str().expect("the event is named").to_owned();
    let event = client.get(&format!("/api/v1/audit/events/{id}")).expect(200).json();
    assert_eq!(event["integrity"], "hash_mismatch");
    assert_eq!(client.get(&format!("/api/v1/audit/events/{id}/raw")).expect(200).text(), lines[at]);
}

#[test]
fn all_vectors_of_existing_senders_verify() {
    let Some(file) = shared("vectors/event-integrity-v1.json") else { return };
    let text = std::fs::read_to_string(file).expect("it can be read");
    let vectors: Value = serde_json::from_str(&text).expect("it is JSON");
    let list =
        vectors.as_array().or_else(|| vectors["vectors"].as_array()).expect("a list of vectors").clone();
    assert_eq!(list.len(), 10);
    let secret = vectors["secret"].as_str().unwrap_or(SECRET).to_owned();
    let appliance = Appliance::start_with(&[("AUDIT_CRYPTO_SECRET", &secret)]);
    let client = appliance.everything("vectors");
    for vector in list {
        let mut event = vector.get("event").or_else(|| vector.get("input")).unwrap_or(&vector).clone();
        for name in ["hash", "signature"] {
            if let Some(value) = vector.get(name) {
                event[name] = value.clone();
            }
        }
        let stored = client.post("/api/v1/audit/events", &event).expect(201).json();
        assert_eq!(stored["integrity"], "verified", "{vector}");
    }
}
