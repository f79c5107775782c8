//! Running it: health, numbers, the configuration's check, keys, exit codes.

use crate::appliance::{Appliance, counted, eventually, lossy, sealwatch, total};
use crate::client::encoded;
use crate::command::output_of;
use crate::samples::{plain, plain_with};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const EVENTS: &str = "/api/v1/audit/events";

#[test]
fn health_is_told_in_short_to_anyone_and_by_component_to_readers() {
    let appliance = Appliance::start();
    let client = appliance.everything("health");
    let nobody = appliance.client();
    nobody.get("/livez").expect(200);
    eventually("it is ready", || (nobody.get("/readyz").status == 200).then_some(()));
    let short = nobody.get("/healthz").expect(200).json();
    assert!(["OK", "WARNING"].contains(&short["status"].as_str().unwrap_or_default()), "{short}");
    assert!(short.get("components").is_none(), "nobody is told what it is made of");
    for path in ["/api/v1/health", "/api/v1/health/detailed"] {
        nobody.get(path).expect(401);
        let health = client.get(path).expect(200).json();
        assert!(health["timestamp"].is_string());
        let components = health["components"].as_object().expect("components by name");
        assert!(components.len() >= 5, "{health}");
        for (name, component) in components {
            let status = component["status"].as_str().unwrap_or_default();
            assert!(["OK", "WARNING", "CRITICAL"].contains(&status), "{name}: {component}");
            assert!(component["message"].as_str().is_some_and(|message| !message.is_empty()), "{name}");
            assert!(component["responseTime"].is_number() && component["lastCheck"].is_string(), "{name}");
            assert!(component["details"].is_object(), "{name}");
            client.get(&format!("/api/v1/health/components/{}", encoded(name))).expect(200);
        }
    }
    for path in ["/api/v1/health/ready", "/api/v1/health/alive"] {
        client.get(path).expect(200);
    }
}

/// Prometheus text taken apart: each sample by its name with labels. Every line must follow the format.
fn samples_of(text: &str) -> BTreeMap<String, f64> {
    let mut types = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert!(["counter", "gauge", "summary", "histogram"].contains(&kind), "{line}");
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "a family stands once: {line}");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').expect("a series and a value");
            let name = series.split('{').next().unwrap_or_default();
            assert!(name.starts_with("sealwatch_"), "{line}");
            let family = |name: &str| types.contains_key(name);
            let part_of_family = ["_sum", "_count", "_bucket"]
                .into_iter()
                .any(|part| name.strip_suffix(part).is_some_and(family));
            assert!(family(name) || part_of_family, "{line}");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(samples.insert(series.to_owned(), value).is_none(), "a series stands once: {line}");
        }
    }
    samples
}

#[test]
fn numbers_add_up_in_json_and_as_prometheus_text() {
    let mut appliance = Appliance::start();
    let key = appliance.key(&["--name", "a \"quoted\" name\\", "--scope", "ingest", "--scope", "read"]);
    let client = appliance.client().with_key(&key);
    let event = plain_with(json!({"id": "0192a0de-0000-7000-8000-0000000000aa"}));
    client.post(EVENTS, &event).expect(201);
    client.post(EVENTS, &event).expect(200);
    client.post(EVENTS, &json!([plain(), 7, plain(), {}])).expect(202);
    client.post(EVENTS, &plain_with(json!({"status": "no"}))).expect(422);
    client.post_text(EVENTS, "{").expect(400);
    client.with("Idempotency-Key", "k").post(EVENTS, &plain()).expect(201);
    client.with("Idempotency-Key", "k").post(EVENTS, &plain()).expect(201);
    let expected = json!({"received": 10, "stored": 4, "duplicate": 2, "rejected": 4});
    for restarted in [false, true] {
        if restarted {
            appliance.stop();
            appliance.restart();
        }
        let client = appliance.client().with_key(&key);
        let metrics = counted(&client);
        assert_eq!(metrics["accounting"]["a \"quoted\" name\\"], expected, "restarted: {restarted}");
        assert_eq!((&metrics["eventsProcessed"], &metrics["errorsGenerated"]), (&json!(4), &json!(4)));
        assert_eq!((&metrics["queueDepth"], &metrics["integrityViolations"]), (&json!(0), &json!(0)));
        for name in ["errorRate", "alertsGenerated", "suspiciousPatterns"] {
            assert!(metrics[name].is_number(), "{name}");
        }
        for name in ["average", "p50", "p95", "p99"] {
            assert!(metrics["processingLatency"][name].is_number(), "{name}");
        }
        assert!(metrics["timestamp"].is_string());
        assert_eq!(metrics["integrityVerifications"], json!({"total": 0, "passed": 0, "failed": 0}));

        let reply = client.get("/metrics").expect(200);
        assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
        let samples = samples_of(&reply.text());
        let of = |result: &str| {
            samples[&format!(
                r#"sealwatch_intake_events_total{{source="a \"quoted\" name\\",result="{result}"}}"#
            )]
        };
        assert_eq!(of("received"), of("stored") + of("duplicate") + of("rejected"));
        assert_eq!(of("received"), 10.0);
        assert_eq!(samples["sealwatch_intake_unaccounted_events"], 0.0);
        assert!(samples["sealwatch_log_entries"] >= 4.0);
    }
    let client = appliance.client().with_key(&key);
    for path in ["/api/v1/metrics/system", "/api/v1/metrics/performance"] {
        assert!(client.get(path).expect(200).json().is_object());
    }
}

/// What was refused was entered into the books with the next commit, so that a stop before one forgot it.
#[test]
fn what_was_refused_is_still_counted_after_a_stop() {
    let mut appliance = Appliance::start();
    let key = appliance.key(&["--name", "refused", "--scope", "ingest", "--scope", "read"]);
    let summary = appliance.client().with_key(&key).post_as(EVENTS, "application/x-ndjson", b"{\n");
    assert_eq!(summary.expect(202).json()["rejected"], 1);
    let expected = json!({"received": 1, "stored": 0, "duplicate": 0, "rejected": 1});
    for restarted in [false, true] {
        if restarted {
            assert_eq!(appliance.stop().code(), Some(0));
            appliance.restart();
        }
        let metrics = counted(&appliance.client().with_key(&key));
        assert_eq!(metrics["accounting"]["refused"], expected, "restarted: {restarted}");
    }
}

#[test]
fn every_answer_carries_the_headers_that_keep_pages_safe() {
    let appliance = Appliance::start();
    let client = appliance.everything("headers");
    for path in ["/", "/sign-in", "/livez", "/api/v1/alerts", "/nowhere", "/static/style.css"] {
        let reply = client.get(path);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        let policy = reply.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(reply.header("x-request-id").is_some_and(|id| !id.is_empty()), "{path}");
        assert_eq!(reply.header("server"), None, "{path}");
    }
    let named = client.with("X-Request-Id", "mine-1").get("/livez");
    assert_eq!(named.header("x-request-id"), Some("mine-1"));
    let forged = client.with("X-Request-Id", "mine 1<script>").get("/livez");
    assert!(forged.header("x-request-id").is_some_and(|id| !id.contains('<')));
}

#[test]
fn check_config_names_every_mistake_at_once_with_its_line() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = "listen = \"nowhere\"\n[intake]\ndepth_max = 0\ncolour = 1\n\
                [patterns.FAILED_AUTH]\nthreshold = \"five\"\n\
                [detection]\ntime_zone = \"Mars/Olympus\"\noff_hours = [25]\n[colours]\nred = 1\n";
    std::fs::write(file.path(), text).expect("it can be written");
    let check =
        |args: &[&str]| output_of(sealwatch().args(["check-config", "--config"]).arg(file.path()).args(args));
    let output = check(&[]);
    assert_eq!(output.status.code(), Some(1));
    let told = lossy(&output.stderr);
    for (line, key) in [
        (1, "listen"),
        (3, "intake.depth_max"),
        (4, "colour"),
        (6, "threshold"),
        (8, "time_zone"),
        (9, "off_hours"),
        (11, "colours"),
    ] {
        let found = told.lines().any(|text| text.contains(&format!(":{line}:")) && text.contains(key));
        assert!(found, "line {line}, {key}: {told}");
    }
    let report: Value = serde_json::from_slice(&check(&["--json"]).stdout).expect("JSON on standard output");
    assert_eq!(report["ok"], false);
    assert!(report["mistakes"].as_array().is_some_and(|mistakes| mistakes.len() >= 7), "{report}");
    let mut serve = sealwatch();
    serve
        .args(["serve", "--data-dir"])
        .arg(file.path().with_extension("data"))
        .arg("--config")
        .arg(file.path());
    let serve = output_of(&mut serve);
    assert_eq!(serve.status.code(), Some(2), "{}", lossy(&serve.stderr));
    assert!(lossy(&serve.stderr).contains("intake.depth_max"));

    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/sealwatch.toml");
    let output = output_of(sealwatch().args(["check-config", "--config", shipped]));
    assert_eq!(output.status.code(), Some(0), "{}", lossy(&output.stderr));
    let output = output_of(sealwatch().args(["check-config", "--config", "/nonexistent/sealwatch.toml"]));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn every_command_has_help_and_wrong_usage_is_two() {
    let help = |args: &[&str]| {
        let output = output_of(sealwatch().args(args).arg("--help"));
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        lossy(&output.stdout)
    };
    let listed = help(&[]);
    for command in ["serve", "demo", "check-config", "key", "user", "send", "verify"] {
        assert!(listed.contains(command), "{command} in {listed}");
        assert!(help(&[command]).len() > 100, "{command}");
    }
    for command in [&["key", "create"][..], &["user", "add"], &["verify"], &["serve"]] {
        let text = help(command);
        assert!(text.contains("--data-dir") && text.contains("--config"), "{command:?}: {text}");
    }
    for wrong in [
        &[][..],
        &["fly"],
        &["serve", "--fly"],
        &["serve", "--listen", "x"],
        &["key", "create"],
        &["key", "create", "--name", "x", "--scope", "fly"],
        &["user", "add", "bob", "--role", "king"],
    ] {
        let output = output_of(sealwatch().args(wrong).current_dir(std::env::temp_dir()));
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", lossy(&output.stderr));
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{wrong:?}: errors go to standard error"
        );
    }
    assert!(lossy(&output_of(sealwatch().arg("--version")).stdout).starts_with("sealwatch "));
}

#[test]
fn keys_are_made_with_the_appliance_running_or_stopped() {
    let mut appliance = Appliance::at_rest();
    let before = appliance.key(&["--name", "before", "--scope", "ingest", "--scope", "read"]);
    assert!(appliance.data_dir().is_dir(), "the data dir is made where there is none");
    appliance.restart();
    appliance.client().with_key(&before).post(EVENTS, &plain()).expect(201);
    let during = appliance.key(&["--name", "during"]);
    appliance.client().with_key(&during).post(EVENTS, &plain()).expect(201);
    let twice = appliance.run(&["key", "create", "--name", "during"]);
    assert_eq!(twice.status.code(), Some(1), "{}", lossy(&twice.stderr));
    assert!(twice.stdout.is_empty() && lossy(&twice.stderr).contains("during"));
    appliance.stop();
    let after = appliance.key(&["--name", "after", "--organization", "org-a"]);
    appliance.restart();
    let stored = appliance.client().with_key(&after).post(EVENTS, &plain()).expect(201).json();
    assert_eq!((&stored["organizationId"], &stored["source"]), (&json!("org-a"), &json!("after")));
    let listed = appliance.run(&["key", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON on standard output");
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    assert!(appliance.run(&["key", "revoke", "--name", "during"]).status.success());
    appliance.client().with_key(&during).post(EVENTS, &plain()).expect(401);
    appliance.client().with_key(&before).post(EVENTS, &plain()).expect(201);
    assert_eq!(total(&appliance.client().with_key(&before), ""), 4);
    for key in [&before, &during, &after] {
        assert!(!appliance.log().contains(&**key), "no key stands in the log");
        let kept = std::fs::read(appliance.data_dir().join("log.redb")).expect("the log is there");
        assert!(!kept.windows(key.len()).any(|window| window == key.as_bytes()), "keys are kept as hashes");
    }
}

#[test]
fn the_api_describes_itself() {
    let appliance = Appliance::start();
    let client = appliance.everything("description");
    let described = client.get("/api/v1/openapi.json").expect(200).json();
    assert!(described["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
}
