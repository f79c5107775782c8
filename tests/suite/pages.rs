//! The pages, in a real browser: `tests/browser/run.mjs` visits each and does what people do there.

use crate::appliance::{Appliance, lossy};
use crate::command::Run;
use crate::samples::{data_access, failed_sign_in, plain_with};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const EVENTS: &str = "/api/v1/audit/events";
/// How long the whole visit may take.
const VISIT_PATIENCE: Duration = Duration::from_secs(900);

/// Where node and the browser are; says why the test cannot run without them.
fn browser() -> Result<(PathBuf, PathBuf), String> {
    let found = |name: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
    };
    let node = found("node").ok_or("node is not installed")?;
    let chromium = found("chromium").ok_or("chromium is not installed")?;
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/node_modules/playwright-core");
    if modules.is_dir() {
        Ok((node, chromium))
    } else {
        Err("`npm ci` was not run in tests/browser".to_owned())
    }
}

#[test]
fn the_pages_work_in_a_browser() {
    let (node, chromium) = match browser() {
        Ok(found) => found,
        Err(why) => {
            assert!(std::env::var_os("SEALWATCH_REQUIRE_BROWSER").is_none(), "{why}");
            println!("skipped: {why}");
            return;
        }
    };
    let appliance = Appliance::start();
    let client = appliance.everything("sample source");
    let now = jiff::Timestamp::now();
    client.post(EVENTS, &Value::from(sample_events(now))).expect(202);
    // Twice, so that one is a neighbour of the other; from a source whose name means no good either.
    let source = "<script>document.title='pwned'</script>\u{202e}draw";
    let hostile = appliance.client().with_key(&appliance.key(&["--name", source, "--scope", "ingest"]));
    hostile.post(EVENTS, &hostile_event(now)).expect(201);
    let stored = hostile.post(EVENTS, &hostile_event(now)).expect(201).json();
    appliance.detection_is_done(&client);
    let password = std::fs::read_to_string(appliance.data_dir().join("initial-password"))
        .expect("the first start writes it");

    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let shots = std::env::var_os("SEALWATCH_SHOTS").map_or_else(|| appliance.file("shots"), PathBuf::from);
    let mut visit = Command::new(node);
    visit
        .current_dir(directory)
        .args(["run.mjs", "--base", &format!("http://{}", appliance.address), "--user", "admin"])
        .args(["--hostile-event", stored["id"].as_str().expect("an id")])
        .args(["--key", &appliance.key(&["--name", "browser", "--scope", "ingest", "--scope", "read"])])
        .arg("--shots")
        .arg(shots)
        .env("SEALWATCH_PASSWORD", password.trim())
        .env("SEALWATCH_CHROMIUM", chromium)
        .stdin(Stdio::null());
    let output = Run::begin(&mut visit).end_within(VISIT_PATIENCE);
    assert!(output.status.success(), "{}\n{}", lossy(&output.stdout), lossy(&output.stderr));
    print!("{}", lossy(&output.stdout));
}

/// What makes alerts of several kinds, and a day of ordinary work.
fn sample_events(now: jiff::Timestamp) -> Vec<Value> {
    let mut events: Vec<Value> =
        (0..8).map(|n| failed_sign_in("st-marys", "mallory@example.org", n)).collect();
    events.extend(["owl", "bat", "moth", "fox"].map(|who| data_access("north-clinic", who, "23:10:00")));
    events.extend((0..60).map(|n| {
        plain_with(json!({
            "timestamp": (now - jiff::SignedDuration::from_mins(n * 20)).to_string(),
            "action": "fhir.patient.read",
            "principalId": format!("nurse-{}", n % 6),
            "organizationId": "st-marys",
            "targetResourceType": "Patient",
            "targetResourceId": format!("pat-{n}"),
            "sessionContext": {"ipAddress": "10.1.2.3", "sessionId": "s-1", "userAgent": "Ward/4.2"},
        }))
    }));
    let forged = json!({"hash": "0".repeat(64), "organizationId": "st-marys", "principalId": "forger"});
    events.push(plain_with(forged));
    events
}

/// Text that tries to do something to whoever looks at it, or at least to look like something else: markup, an
/// override of the direction, a sequence for terminals, an emoji of several characters, marks piled on a letter.
const HOSTILE: &str = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">\u{202e}\
                       gnp.exe\u{1b}[2J \u{1f469}\u{200d}\u{2695}\u{fe0f} e\u{301}\u{323}\u{301}\u{301}\u{301}";

/// An event with such a text in every field that takes one.
fn hostile_event(now: jiff::Timestamp) -> Value {
    plain_with(json!({
        "timestamp": now.to_string(),
        "action": HOSTILE,
        "principalId": HOSTILE,
        "organizationId": HOSTILE,
        "outcomeDescription": format!("{HOSTILE}{}", "x".repeat(10_000 - HOSTILE.chars().count())),
        "targetResourceType": HOSTILE,
        "targetResourceId": HOSTILE,
        "sessionContext": {"sessionId": HOSTILE, "ipAddress": "::1", "userAgent": HOSTILE},
        "retentionPolicy": HOSTILE,
        "eventVersion": HOSTILE,
        "signature": HOSTILE,
        "details": {HOSTILE: HOSTILE, "list": [HOSTILE]},
        "correlationId": format!("javascript:alert(1){HOSTILE}"),
    }))
}
