//! Seeing inside: what a collector gets, what it does not get and where that is counted, messages, traces, metrics.

mod collector;

use crate::appliance::{Appliance, eventually, found, metric, sealwatch};
use crate::client::Client;
use crate::samples::{failed_sign_in, plain, plain_with};
use collector::{Collector, Mood, pairs, pause};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

const EVENTS: &str = "/api/v1/audit/events";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// An appliance that tells `collector` everything at once.
fn observed(collector: &Collector, more: &[(&str, &str)]) -> Appliance {
    let endpoint = format!("http://{}/v1/traces", collector.address);
    let env = [
        ("OTLP_ENDPOINT", endpoint.as_str()),
        ("SEALWATCH_OTLP__BATCH_SECS", "1"),
        ("SEALWATCH_OTLP__METRICS_SECS", "1"),
        ("SEALWATCH_TELEMETRY__TRACE_RATIO", "1"),
    ];
    Appliance::start_with(&[&env, more].concat())
}

/// The numbers of an export: offered, sent, waiting, dropped.
fn tally(client: &Client, signal: &str) -> [f64; 4] {
    let text = client.get("/metrics").expect(200).text();
    let sum = |name: &str| -> f64 {
        let begin = format!("{name}{{signal=\"{signal}\"");
        let lines = text.lines().filter(|line| line.starts_with(&begin));
        lines.map(|line| line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).expect("a number")).sum()
    };
    ["offered_total", "sent_total", "waiting", "dropped_total"]
        .map(|name| sum(&format!("sealwatch_export_{name}")))
}

#[test]
fn a_collector_gets_traces_logs_and_metrics_that_fit_together() {
    let collector = Collector::start(&[]);
    let more = [
        ("OTLP_API_KEY", "bearer-s3cret"),
        ("OTLP_AUTH_HEADER", "X-Tenant: tenant-s3cret"),
        ("OTEL_SERVICE_NAME", "seal-test"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test"),
        ("SEALWATCH_OTLP__LOG_LEVEL", "debug"),
    ];
    let appliance = observed(&collector, &more);
    let client = appliance.everything("observed");
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let traced = client.with("traceparent", &parent).with("X-Request-Id", "observed-1");
    let events: Vec<Value> = (0..5).map(|n| failed_sign_in("org-a", "mallory", n)).collect();
    traced.post(EVENTS, &Value::from(events)).expect(202);

    let alert = eventually("the alert is raised", || found(&client, "").pop());
    assert_eq!(alert["traceId"], TRACE, "the alert names the trace of the event that raised it");

    let ours = |span: &opentelemetry_proto::tonic::trace::v1::Span| hex::encode(&span.trace_id) == TRACE;
    let spans = eventually("the trace arrives", || {
        let spans: Vec<_> =
            collector.got(|got| got.spans.iter().filter(|span| ours(span)).cloned().collect());
        spans
            .iter()
            .any(|span: &opentelemetry_proto::tonic::trace::v1::Span| span.name == "commit")
            .then_some(spans)
    });
    let root =
        spans.iter().find(|span| span.name == "POST /api/v1/audit/events").expect("the request's own span");
    assert_eq!(hex::encode(&root.parent_span_id), CALLER);
    assert_eq!(root.kind, 2, "a server's span");
    let about = pairs(&root.attributes);
    for pair in [
        ("sealwatch.action", "auth.login.failure"),
        ("sealwatch.organization", "org-a"),
        ("sealwatch.events", "5"),
    ] {
        assert!(about.contains(&(pair.0.to_owned(), pair.1.to_owned())), "{about:?}");
    }
    assert!(!format!("{spans:?}").contains("mallory"), "nobody's data is in a trace");
    for part in ["receive", "validate", "integrity", "commit_wait", "commit"] {
        let span = spans.iter().find(|span| span.name == part).unwrap_or_else(|| panic!("{part}"));
        assert_eq!(span.parent_span_id, root.span_id, "{part}");
        let within = root.start_time_unix_nano <= span.start_time_unix_nano
            && span.end_time_unix_nano <= root.end_time_unix_nano + 1_000_000;
        assert!(within, "{part}");
    }
    for step in ["detect", "count", "index"] {
        eventually("the reader's step arrives, with a link to the request", || {
            collector.got(|got| {
                let mut steps =
                    got.spans.iter().filter(|span| span.name == step && span.parent_span_id.is_empty());
                steps
                    .any(|span| span.links.iter().any(|link| hex::encode(&link.trace_id) == TRACE))
                    .then_some(())
            })
        });
    }
    let log = eventually("the message of the request arrives", || {
        collector.got(|got| {
            let of_ours =
                |log: &&opentelemetry_proto::tonic::logs::v1::LogRecord| hex::encode(&log.trace_id) == TRACE;
            got.logs.iter().find(of_ours).cloned()
        })
    });
    assert_eq!(log.span_id, root.span_id);
    assert!(pairs(&log.attributes).contains(&("request_id".to_owned(), "observed-1".to_owned())), "{log:?}");

    eventually("the metrics say what Prometheus hears", || {
        collector.got(|got| {
            let commit =
                got.metrics.iter().find(|metric| metric.name == "sealwatch_step_duration_seconds")?;
            let Some(Data::Histogram(histogram)) = &commit.data else { panic!("{commit:?}") };
            let of_commit =
                |attributes| pairs(attributes).contains(&("step".to_owned(), "commit".to_owned()));
            let point = histogram.data_points.iter().find(|point| of_commit(&point.attributes))?;
            assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
            assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
            let stored = got.metrics.iter().find(|metric| metric.name == "sealwatch_intake_events")?;
            let Some(Data::Sum(sum)) = &stored.data else { panic!("{stored:?}") };
            assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
            (point.count == 1 && !sum.data_points.is_empty()).then_some(())
        })
    });
    collector.got(|got| {
        for resource in &got.resources {
            for pair in [("service.name", "seal-test"), ("deployment.environment", "test")] {
                assert!(resource.contains(&(pair.0.to_owned(), pair.1.to_owned())), "{resource:?}");
            }
            assert!(resource.iter().any(|(name, _)| name == "service.version"));
        }
        for head in &got.heads {
            for line in [
                "authorization: bearer bearer-s3cret",
                "x-tenant: tenant-s3cret",
                "content-encoding: gzip",
                "content-type: application/x-protobuf",
            ] {
                assert!(head.lines().any(|found| found == line), "{line}: {head}");
            }
        }
    });
    let page = client.get("/settings").text() + &appliance.log();
    assert!(!page.contains("s3cret"));
}

#[test]
fn what_a_collector_does_not_take_is_sent_again_or_counted() {
    let collector = Collector::start(&[Mood::Refuses(429, Some(1)), Mood::Refuses(503, None), Mood::Hangs]);
    let more = [("SEALWATCH_OTLP__TIMEOUT_SECS", "5")];
    let appliance = observed(&collector, &more);
    let client = appliance.everything("again");
    client.post(EVENTS, &plain()).expect(201);
    let arrived =
        |name: &str| collector.got(|got| got.spans.iter().any(|span| span.name == name).then_some(()));
    eventually("the fourth try gets through", || arrived("commit"));
    collector.got(|got| {
        assert!(got.asked.len() >= 4, "{}", got.asked.len());
        assert!(pause(got) >= Duration::from_secs(1), "it was asked to wait: {:?}", pause(got));
    });
    eventually("everything that was offered arrived", || {
        let [offered, sent, waiting, dropped] = tally(&client, "traces");
        assert_eq!(dropped, 0.0);
        (sent > 0.0 && sent + waiting <= offered).then_some(())
    });
    // A refusal for good is not sent again, and what it takes only in part is counted as that.
    let refused_beyond = |what: &str, before: f64| {
        client.post(EVENTS, &plain()).expect(201);
        eventually(what, || {
            let refused =
                metric(&client, "sealwatch_export_dropped_total{signal=\"traces\",reason=\"refused\"}")?;
            (refused > before).then_some(refused)
        })
    };
    collector.be(&[Mood::Refuses(400, None)]);
    let refused = refused_beyond("what is refused is counted", 0.0);
    // Twice, as the first answer may come too late on a slow machine.
    collector.be(&[Mood::TakesBut(1), Mood::TakesBut(1)]);
    let more = refused_beyond("the one that is not taken is counted", refused) - refused;
    assert!(more <= 2.0, "{more}");
    let [offered, sent, waiting, dropped] = tally(&client, "traces");
    // What is on its way right now is one batch at most.
    assert!(
        (0.0..=100.0).contains(&(offered - sent - waiting - dropped)),
        "{offered} {sent} {waiting} {dropped}"
    );
}

#[test]
fn a_collector_that_does_not_know_us_is_left_alone_and_that_is_a_warning() {
    let collector = Collector::start(&[Mood::Refuses(401, None); 100]);
    let more = [("OTLP_API_KEY", "ours"), ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=theirs,x-also=1")];
    let appliance = observed(&collector, &more);
    let client = appliance.everything("refused");
    client.post(EVENTS, &plain()).expect(201);
    let export = eventually("the health says so", || {
        let health = client.get("/api/v1/health/components/export").expect(200).json();
        (health["status"] == "WARNING").then_some(health)
    });
    assert!(export["message"].as_str().is_some_and(|message| message.contains("otlp.endpoint")), "{export}");
    let refusals = appliance.log().matches("the collector refuses what it is sent").count();
    assert_eq!(refusals, 1, "{}", appliance.log());
    collector.be(&[]);
    client.post("/api/v1/health/breakers/otlp", &json!({"open": false})).expect(204);
    client.post(EVENTS, &plain()).expect(201);
    eventually("it is well again", || {
        let head = collector.got(|got| got.heads.last().cloned())?;
        assert!(head.contains("authorization: bearer ours") && !head.contains("theirs"), "{head}");
        assert!(head.contains("x-also: 1"), "{head}");
        let health = client.get("/api/v1/health/components/export").expect(200).json();
        (health["status"] == "OK").then_some(())
    });
}

#[test]
fn what_is_odd_about_a_request_is_not_repeated_and_one_whose_caller_leaves_is_noted() {
    let appliance = Appliance::start_with(&[("OTEL_TRACES_SAMPLER", "always_on"), ("LOG_LEVEL", "trace")]);
    let client = appliance.everything("odd");
    let method = "X".repeat(60_000);
    drop(appliance.client().try_call(&method, "/livez", b""));
    client.call("DELETE", "/api/v1/users/alice.person", b"").expect(404);
    // The head and a part of the body; then the caller is gone.
    let head = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        appliance.key(&["--name", "leaves", "--scope", "ingest"])
    );
    let mut stream = std::net::TcpStream::connect(&*appliance.address).expect("it listens");
    stream.write_all(head.as_bytes()).expect("it reads");
    drop(stream);
    let traces = eventually("the request that nobody waited for is kept", || {
        let traces = client.get("/api/v1/telemetry/traces").expect(200).json();
        let roots = traces["traces"].as_array()?.iter().map(|trace| trace["spans"][0].clone());
        let found = roots.filter(|root| root["name"] == format!("POST {EVENTS}")).count();
        (found > 0).then(|| traces.to_string())
    });
    assert!(traces.contains("_OTHER") && !traces.contains("XXXX"), "{}", &traces[..2_000.min(traces.len())]);
    assert!(traces.contains("/api/v1/users/{name}") && !traces.contains("alice.person"));
    assert!(!appliance.log().contains("alice.person") && !appliance.log().contains("XXXX"));
}

#[test]
fn a_collector_that_hangs_holds_up_neither_intake_nor_the_end() {
    let collector = Collector::start(&[Mood::Hangs; 100]);
    let more = [("SEALWATCH_OTLP__QUEUE_MAX", "100"), ("SEALWATCH_OTLP__TIMEOUT_SECS", "300")];
    let mut appliance = observed(&collector, &more);
    let client = appliance.everything("hangs");
    let began = std::time::Instant::now();
    for _ in 0..100 {
        client.post(EVENTS, &plain()).expect(201);
    }
    let [offered, sent, waiting, dropped] = tally(&client, "traces");
    assert!(dropped > 0.0 && waiting <= 100.0 && sent == 0.0, "{offered} {sent} {waiting} {dropped}");
    assert!(began.elapsed() < Duration::from_secs(150), "{:?}", began.elapsed());
    let health = client.get("/api/v1/health/components/export").expect(200).json();
    assert_eq!(health["details"]["waiting"].as_f64().map(|waiting| waiting <= 200.0), Some(true), "{health}");
    let stopping = std::time::Instant::now();
    assert_eq!(appliance.stop().code(), Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(25), "{:?}", stopping.elapsed());
    let log = appliance.log();
    assert!(log.contains("did not reach the collector"), "{log}");
    // After a restart, with the collector well again, new traces arrive.
    collector.be(&[]);
    appliance.restart();
    appliance.client().get("/livez").expect(200);
    eventually("a trace of the new run arrives", || {
        collector.got(|got| got.spans.iter().any(|span| span.name == "GET /livez").then_some(()))
    });
}

#[test]
fn a_person_opens_and_closes_the_breaker_before_the_collector() {
    let collector = Collector::start(&[]);
    let appliance = observed(&collector, &[]);
    let client = appliance.everything("breaker");
    let standing = || {
        let health = client.get("/api/v1/health").expect(200).json();
        let breakers = health["breakers"].as_array().expect("breakers").clone();
        breakers.into_iter().find(|breaker| breaker["name"] == "otlp").expect("that of the collector")
    };
    eventually("the first metrics arrive", || collector.got(|got| (!got.metrics.is_empty()).then_some(())));
    assert_eq!((&standing()["state"], &standing()["opened"]), (&json!("closed"), &json!(0)));
    let path = "/api/v1/health/breakers/otlp";
    client.post(path, &json!({"open": true})).expect(204);
    assert_eq!(standing()["state"], "held");
    let text = client.get("/metrics").expect(200).text();
    assert!(text.contains("sealwatch_breaker_state{target=\"otlp\"} 3"), "{text}");
    let parent = format!("00-{TRACE}-{CALLER}-01");
    client.with("traceparent", &parent).post(EVENTS, &plain()).expect(201);
    eventually("it waits", || (tally(&client, "traces")[2] > 0.0).then_some(()));
    client.post(path, &json!({"open": false})).expect(204);
    eventually("it arrives once the breaker is closed", || {
        collector.got(|got| got.spans.iter().any(|span| hex::encode(&span.trace_id) == TRACE).then_some(()))
    });
    client.post("/api/v1/health/breakers/nobody", &json!({"open": true})).expect(404);
    let reader = appliance.client().with_key(&appliance.key(&["--name", "reader", "--scope", "read"]));
    reader.post(path, &json!({"open": true})).expect(403);
}

#[test]
fn a_restart_sends_what_waits_first() {
    // At its end it waits for the collector no longer than some seconds, which it may not have on a slow machine.
    let arrived = (0..3).any(|_| all_arrives_before_the_end());
    assert!(arrived, "the trace and its parts, the numbers and the last message were sent before the end");
}

fn all_arrives_before_the_end() -> bool {
    let collector = Collector::start(&[]);
    let mut appliance = observed(&collector, &[("SEALWATCH_OTLP__BATCH_SECS", "300")]);
    let client = appliance.everything("restart");
    client.with("traceparent", &format!("00-{TRACE}-{CALLER}-01")).post(EVENTS, &plain()).expect(201);
    appliance.stop();
    collector.got(|got| {
        let of_ours = got.spans.iter().filter(|span| hex::encode(&span.trace_id) == TRACE).count();
        let stopped = got.logs.iter().any(|log| format!("{:?}", log.body).contains("stopped;"));
        of_ours >= 5 && !got.metrics.is_empty() && stopped
    })
}

#[test]
fn a_collector_is_believed_by_its_own_certificate_alone() {
    let (collector, certificate) = Collector::start_tls();
    let mut appliance = Appliance::at_rest();
    let file = appliance.file("ca.pem").display().to_string();
    std::fs::write(&file, certificate).expect("it can be written");
    let endpoint = format!("https://{}", collector.address);
    let usual = [
        ("OTLP_ENDPOINT", endpoint.as_str()),
        ("SEALWATCH_OTLP__BATCH_SECS", "1"),
        ("SEALWATCH_OTLP__RETRY_SECS", "1"),
        ("SEALWATCH_TELEMETRY__TRACE_RATIO", "1"),
    ];
    appliance.restart_with(&usual);
    let client = appliance.everything("strangers");
    eventually("what a stranger did not get is counted", || {
        (tally(&client, "traces")[3] > 0.0).then_some(())
    });
    assert!(collector.got(|got| got.heads.is_empty()), "nothing was told to a stranger");
    appliance.stop();
    appliance.restart_with(&[&usual[..], &[("OTEL_EXPORTER_OTLP_CERTIFICATE", file.as_str())]].concat());
    appliance.client().get("/livez").expect(200);
    eventually("it arrives", || {
        collector.got(|got| got.spans.iter().any(|span| span.name == "GET /livez").then_some(()))
    });
}

#[test]
fn without_a_word_nothing_is_kept_for_a_collector() {
    let appliance = Appliance::start_with(&[("OTLP_API_KEY", "unused")]);
    let client = appliance.everything("silent");
    client.post(EVENTS, &plain()).expect(201);
    assert_eq!(["traces", "logs", "metrics"].map(|signal| tally(&client, signal)), [[0.0; 4]; 3]);
    client.get("/api/v1/health/components/export").expect(404);
}

#[test]
fn traces_are_looked_at_without_a_collector() {
    let appliance = Appliance::start_with(&[("OTEL_TRACES_SAMPLER", "always_off")]);
    let client = appliance.everything("looked at");
    client.post(EVENTS, &plain()).expect(201);
    let parent = format!("00-{TRACE}-{CALLER}-01");
    client.with("traceparent", &parent).post(EVENTS, &plain()).expect(201);
    client.with("traceparent", "rubbish").post(EVENTS, &plain()).expect(201);
    let traces = client.get(&format!("/api/v1/telemetry/traces/{TRACE}")).expect(200).json();
    let spans = traces["traces"][0]["spans"].as_array().expect("spans").clone();
    assert_eq!(spans[0]["parentSpanId"], CALLER);
    assert_eq!(spans[0]["name"], "POST /api/v1/audit/events");
    assert!(spans.iter().any(|span| span["name"] == "commit" && span["parentSpanId"] == spans[0]["spanId"]));
    let all = client.get("/api/v1/telemetry/traces").expect(200).json();
    let kept = all["traces"].as_array().expect("traces");
    let sampled: Vec<_> = kept.iter().filter(|trace| trace["kept"] == "sampled").collect();
    assert!(sampled.iter().all(|trace| trace["traceId"] == TRACE || trace["links"][0] == TRACE), "{all}");
    client.get("/api/v1/telemetry/traces/0af7651916cd43dd8448eb211c80319c").expect(404);
    appliance.client().get("/api/v1/telemetry/traces").expect(401);
}

#[test]
fn an_administrator_changes_levels_while_it_runs_and_for_good() {
    let mut appliance = Appliance::start();
    let client = appliance.everything("levels");
    let answered = |appliance: &Appliance| appliance.log().matches("\"message\":\"answered\"").count();
    assert_eq!(answered(&appliance), 0);
    let levels = "/api/v1/telemetry/levels";
    let changed = client.with("Content-Type", "application/json");
    let put = |body: &Value| changed.call("PUT", levels, body.to_string().as_bytes());
    let reply = put(&json!({"telemetry.log_level": "debug"})).expect(200).json();
    assert_eq!(reply["telemetry.log_level"], "debug");
    assert!(reply["entry"].is_u64(), "it is an entry of the log");
    client.with("X-Request-Id", "told-1").with("X-Correlation-Id", "c-1").get("/livez").expect(200);
    eventually("requests are told of", || (answered(&appliance) > 0).then_some(()));
    let log = appliance.log();
    let line = log.lines().find(|line| line.contains("told-1")).expect("the request's message");
    let line: Value = serde_json::from_str(line).expect("one JSON object a line");
    assert_eq!((&line["request_id"], &line["correlation_id"]), (&json!("told-1"), &json!("c-1")));
    assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
    assert_eq!(line["span_id"].as_str().map(str::len), Some(16));
    put(&json!({"telemetry.log_level": "loud"})).expect(422);
    put(&json!({"telemetry.colour": "info"})).expect(422);
    let reader = appliance.key(&["--name", "reader", "--scope", "read"]);
    appliance.client().with_key(&reader).get(levels).expect(200);
    let reading = appliance.client().with_key(&reader).with("Content-Type", "application/json");
    reading.call("PUT", levels, br#"{"telemetry.log_level":"off"}"#).expect(403);

    appliance.stop();
    appliance.restart();
    let client = client.at(&appliance.address);
    assert_eq!(client.get(levels).expect(200).json()["telemetry.log_level"], "debug");
    let changed = client.with("Content-Type", "application/json");
    let reply = changed.call("PUT", levels, br#"{"telemetry.log_level":null}"#).expect(200).json();
    assert_eq!(reply["telemetry.log_level"], "info");
    let activity = client.get("/api/v1/activity").expect(200).text();
    assert!(activity.contains("telemetry.log_level"), "{activity}");
}

#[test]
fn messages_go_into_files_that_are_compressed_and_hold_no_content() {
    let mut appliance = Appliance::at_rest();
    let dir = appliance.file("messages");
    let text = dir.display().to_string();
    appliance.restart_with(&[
        ("SEALWATCH_TELEMETRY__LOG_DIR", text.as_str()),
        ("SEALWATCH_TELEMETRY__FILE_LEVEL", "debug"),
        ("SEALWATCH_TELEMETRY__FILE_BYTES_MAX", "65536"),
        ("SEALWATCH_TELEMETRY__FILES_KEPT", "2"),
    ]);
    let client = appliance.everything("files");
    client
        .post(EVENTS, &plain_with(json!({"principalId": "content-1", "correlationId": "corr-7"})))
        .expect(201);
    let path = format!("/nowhere%1b[2J{}", "x".repeat(150));
    let fill = client.with("X-Request-Id", &"r".repeat(128));
    for _ in 0..700 {
        fill.get(&path).expect(404);
    }
    appliance.stop();
    let mut files: Vec<_> =
        std::fs::read_dir(&dir).expect("it was made").map(|file| file.expect("listed").path()).collect();
    files.sort();
    assert_eq!(files.len(), 3, "two older ones and the present one: {files:?}");
    let mut all = std::fs::read_to_string(dir.join("sealwatch.log")).expect("it is written");
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "gz")) {
        let packed = std::fs::File::open(file).expect("it is there");
        GzDecoder::new(packed).read_to_string(&mut all).expect("it is whole");
    }
    assert!(all.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "one JSON object a line");
    assert!(!all.contains('\u{1b}') && !all.contains("content-1"));
    assert!(all.contains("\"trace_id\""));
}

#[test]
fn prometheus_finds_nothing_wrong_with_the_metrics() {
    let appliance = Appliance::start();
    let client = appliance.everything("promtool");
    client.post(EVENTS, &plain()).expect(201);
    let text = client.get("/metrics").expect(200).text();
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        assert!(std::env::var_os("SEALWATCH_REQUIRE_PROMTOOL").is_none(), "promtool is required and absent");
        println!("skipped: promtool is absent (Debian's package prometheus)");
        return;
    };
    tool.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
    let output = tool.wait_with_output().expect("it ends");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn a_configuration_that_cannot_export_is_refused_at_the_start() {
    let check = |name: &str, value: &str| {
        let mut command = sealwatch();
        let output = command
            .arg("check-config")
            .env("OTLP_ENDPOINT", "http://localhost:4318")
            .env(name, value)
            .output();
        let output = output.expect("it can be started");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (name, value) in
        [("OTLP_AUTH_HEADER", "no-header-s3cret"), ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nonexistent")]
    {
        let (code, said) = check(name, value);
        assert!(code == Some(1) && said.contains(name) && !said.contains("s3cret"), "{said}");
    }
    assert_eq!(check("OTLP_API_KEY", "k").0, Some(0));
}
