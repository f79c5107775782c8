//! The whole engine against a plain model: what requests, kills and decisions of people leave behind is what a few
//! loops over everything that was ever sent say. The model is written from the specification and shares no code with it.
//!
//! A few scripts among the other tests; `tests/long model` for more.

mod plain;

use crate::appliance::{Appliance, counted, eventually};
use crate::client::{Client, Reply};
use crate::samples::{hashed, plain_with};
use plain::{Alert, Event, Kind, Model, SOURCES, Seal};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";
/// Patterns whose alerts follow from what was sent alone.
const PATTERNS: [&str; 6] = [
    "FAILED_AUTH",
    "UNAUTHORIZED_ACCESS",
    "DATA_VELOCITY",
    "BULK_OPERATION",
    "INTEGRITY_VIOLATION",
    "ID_CONFLICT",
];

/// One step of a script.
#[derive(Clone, Debug)]
enum Step {
    /// A request of one source.
    Send { source: usize, events: Vec<Event>, form: Form },
    /// One of the requests before, to the letter.
    Again(usize),
    /// The process is killed and started again.
    Kill,
    /// It is stopped in good order and started again.
    Restart,
    /// The same, and what is derived from the log is gone meanwhile.
    LoseDerived,
    /// Somebody acknowledges, resolves or dismisses one of the alerts.
    Decide(usize, &'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Single,
    Batch,
    /// A batch with an `Idempotency-Key`.
    Keyed,
}

/// Events of few principals close together, mostly in order and sometimes late, with few ids, so that much meets.
fn events(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Event>> {
    let kind = prop::sample::select(&Kind::ALL[..]);
    let often_none = |some: std::ops::Range<u8>| prop::option::weighted(0.3, some);
    let key = prop_oneof![4 => 0..2_u8, 1 => 2..4_u8];
    let seal = prop_oneof![6 => Just(Seal::None), 1 => Just(Seal::Right), 1 => Just(Seal::Wrong)];
    let step = prop_oneof![6 => 0..4_i64, 2 => -16..0_i64, 1 => 5..60_i64];
    let one = (kind, often_none(0..2), key, often_none(0..5), seal, step, prop::bool::weighted(0.05));
    let one = one.prop_map(|(kind, organization, key, id, seal, half_secs, broken)| Event {
        kind,
        organization,
        key,
        id,
        seal,
        half_secs,
        broken,
        mark: 0,
    });
    prop::collection::vec(one, count)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let form = prop_oneof![Just(Form::Batch), Just(Form::Keyed)];
    let source = 0..SOURCES.len();
    let single = (source.clone(), events(1..2)).prop_map(|(source, events)| (source, events, Form::Single));
    let many = (source, events(1..12), form);
    let send = prop_oneof![1 => single, 3 => many];
    let decision = prop::sample::select(&["acknowledge", "resolve", "dismiss"][..]);
    let step = prop_oneof![
        16 => send.prop_map(|(source, events, form)| Step::Send { source, events, form }),
        3 => any::<prop::sample::Index>().prop_map(|index| Step::Again(index.index(1 << 16))),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
        1 => Just(Step::LoseDerived),
        3 => (0..100_usize, decision).prop_map(|(alert, decision)| Step::Decide(alert, decision)),
    ];
    // Times go on from one request to the next; marks tell the events apart.
    prop::collection::vec(step, 1..40).prop_map(|mut steps| {
        let (mut newest, mut mark) = (0, 0);
        for step in &mut steps {
            let Step::Send { events, .. } = step else { continue };
            for event in events {
                event.half_secs += newest;
                newest = newest.max(event.half_secs);
                event.mark = mark;
                mark += 1;
            }
        }
        steps
    })
}

/// The appliance, and what the model says it must hold.
struct Both {
    appliance: Appliance,
    keys: Vec<String>,
    model: Model,
    sent: Vec<(usize, Vec<Event>, Form)>,
}

impl Both {
    fn new() -> Both {
        let mut appliance = Appliance::at_rest();
        appliance.configure(&plain::configuration());
        let scopes = ["--scope", "ingest", "--scope", "read", "--scope", "admin"];
        let key = |name: &&str| appliance.key(&[&["--name", *name], &scopes[..]].concat());
        let keys = SOURCES.iter().map(key).collect();
        Both { appliance, keys, model: Model::default(), sent: Vec::new() }
    }

    fn client(&self, source: usize) -> Client {
        self.appliance.client().with_key(&self.keys[source])
    }

    fn make(&mut self, step: &Step) {
        match step {
            Step::Send { source, events, form } => {
                self.sent.push((*source, events.clone(), *form));
                self.send(self.sent.len() - 1, false);
            }
            Step::Again(which) if !self.sent.is_empty() => self.send(which % self.sent.len(), true),
            Step::Again(_) => {}
            Step::Kill => {
                self.appliance.kill9();
                self.appliance.restart();
            }
            Step::Restart => {
                assert_eq!(self.appliance.stop().code(), Some(0));
                self.appliance.restart();
            }
            Step::LoseDerived => {
                self.appliance.kill9();
                for directory in ["counters", "index"] {
                    // It may not have come so far as to make one.
                    drop(std::fs::remove_dir_all(self.appliance.data_dir().join(directory)));
                }
                self.appliance.restart();
            }
            Step::Decide(which, decision) => self.decide(*which, decision),
        }
    }

    /// Sends the request of that number; the answer is what the model says.
    fn send(&mut self, number: usize, again: bool) {
        let (source, events, form) = self.sent[number].clone();
        let client = self.client(source).with("Content-Type", "application/json");
        let bodies: Vec<Value> = events.iter().map(json_of).collect();
        let (reply, expected) = match form {
            Form::Single => {
                let reply = client.call("POST", EVENTS, bodies[0].to_string().as_bytes());
                (reply, self.model.take(source, &events))
            }
            Form::Batch | Form::Keyed => {
                let client = if form == Form::Keyed {
                    client.with("Idempotency-Key", &format!("request-{number}"))
                } else {
                    client
                };
                let reply = client.call("POST", EVENTS, Value::from(bodies).to_string().as_bytes());
                let expected = if again && form == Form::Keyed {
                    self.model.replay(source, number)
                } else {
                    self.model.take_as(source, &events, number)
                };
                (reply, expected)
            }
        };
        check_answer(form, &reply, expected);
    }

    fn decide(&mut self, which: usize, decision: &str) {
        let client = self.client(0);
        self.settle(&client);
        let shown = shown_alerts(&client);
        if shown.is_empty() {
            return;
        }
        let (id, alert) = &shown[which % shown.len()];
        let status = client
            .post(&format!("/api/v1/alerts/{id}/{decision}"), &json!({"resolutionNotes": "seen"}))
            .status;
        assert!([200, 409, 422].contains(&status), "{status}");
        if status == 200 {
            self.model.decide(alert, decision);
        }
    }

    /// Waits until detection has come to the end of the log.
    fn settle(&self, client: &Client) {
        eventually("detection has read all", || {
            let metrics = client.get("/metrics").expect(200).text();
            metrics.contains("sealwatch_reader_lag_entries{reader=\"detect\"} 0\n").then_some(())
        });
    }

    /// Holds everything that can be told from outside against the model.
    fn check(&self) {
        let client = self.client(0);
        self.settle(&client);
        let listed = listed(&client);
        let (shown, expected) = (listed.iter().map(|event| event["mark"].clone()), self.model.marks());
        assert_eq!(shown.collect::<Vec<_>>(), expected, "the events in the order of the log");
        let mut alerts: Vec<Alert> = shown_alerts(&client).into_iter().map(|(_, alert)| alert).collect();
        alerts.sort();
        assert_eq!(alerts, self.model.alerts());
        let metrics = counted(&client);
        assert_eq!(metrics["eventsProcessed"], expected.len());
        for (name, counts) in self.model.counters() {
            assert_eq!(metrics[name], json!(counts), "{name}");
        }
        let books = metrics["accounting"].as_object().expect("an object");
        for (source, account) in SOURCES.iter().zip(self.model.books()) {
            let shown = books
                .get(*source)
                .cloned()
                .unwrap_or_else(|| json!({"received": 0, "stored": 0, "duplicate": 0, "rejected": 0}));
            assert_eq!(shown, account, "{source}");
        }
        let (late, metrics) = (self.model.late(), client.get("/metrics").expect(200).text());
        assert!(
            metrics.contains(&format!("\nsealwatch_detect_late_events_total {late}\n")),
            "{late} late: {metrics}"
        );
        assert!(metrics.contains("\nsealwatch_intake_unaccounted_events 0\n"), "{metrics}");
        for principal in plain::PRINCIPALS {
            let wanted = self.model.of_principal(principal);
            eventually("the index", || {
                let reply = client.get(&format!("{EVENTS}?limit=1&q=principal:{principal}"));
                let found = (reply.status == 200).then(|| reply.json()["pagination"]["total"].clone());
                (found? == wanted).then_some(())
            });
        }
    }
}

fn check_answer(form: Form, reply: &Reply, [stored, duplicate, rejected]: [u64; 3]) {
    if form == Form::Single {
        let status = match [stored, duplicate, rejected] {
            [1, 0, 0] => &[201][..],
            [0, 1, 0] => &[200],
            _ => &[409, 422],
        };
        assert!(status.contains(&reply.status), "{status:?}: {reply}");
        return;
    }
    assert_eq!(reply.status, 202, "{reply}");
    let told = reply.json();
    assert_eq!(
        [&told["accepted"], &told["duplicate"], &told["rejected"]],
        [stored, duplicate, rejected],
        "{told}"
    );
}

/// The event as it is sent.
fn json_of(event: &Event) -> Value {
    let (action, status) = event.kind.action_and_status();
    let mut json = plain_with(json!({
        "timestamp": event.time().to_string(),
        "action": action,
        "status": status,
        "mark": event.mark,
        "outcomeDescription": event.kind.outcome(),
        "targetResourceType": event.kind.target(),
        "recordCount": event.kind.records(),
        "organizationId": event.organization(),
        "principalId": event.principal(),
        "sessionContext": event.address().map(|address| json!({"ipAddress": address, "sessionId": "s", "userAgent": "u"})),
        "id": event.uuid(),
    }));
    match event.seal {
        Seal::None => {}
        Seal::Right => json = hashed(json),
        Seal::Wrong => json["hash"] = Value::from("0".repeat(64)),
    }
    if event.broken {
        json["status"] = Value::from("perhaps");
    }
    json
}

/// Every event, in the order of the log.
fn listed(client: &Client) -> Vec<Value> {
    let (mut all, mut more) = (Vec::new(), String::new());
    loop {
        let path = format!("{EVENTS}?limit=1000&sortField=receivedAt&sortDirection=asc{more}");
        let page = client.get(&path).expect(200).json();
        all.extend(page["events"].as_array().expect("an array").iter().cloned());
        let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { break };
        more = format!("&cursor={cursor}");
    }
    all.sort_by_key(|event| event["seq"].as_u64());
    all
}

/// The alerts that follow from what was sent, with their ids.
fn shown_alerts(client: &Client) -> Vec<(String, Alert)> {
    let page = client.get("/api/v1/alerts?limit=1000&sortBy=createdAt&sortOrder=asc").expect(200).json();
    let alerts = page["data"].as_array().expect("an array").iter();
    let own = alerts.filter(|alert| {
        alert["metadata"]["patternType"].as_str().is_some_and(|pattern| PATTERNS.contains(&pattern))
    });
    own.map(|alert| (alert["id"].as_str().expect("an id").to_owned(), Alert::from_json(alert))).collect()
}

#[test]
fn whatever_is_sent_killed_and_decided_the_whole_is_what_a_plain_model_says() {
    let cases = std::env::var("SEALWATCH_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(8);
    let config = Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    let done = TestRunner::new(config).run(&steps(), |steps| {
        let mut both = Both::new();
        steps.iter().for_each(|step| both.make(step));
        both.check();
        Ok(())
    });
    if let Err(error) = done {
        panic!("{error}");
    }
}
