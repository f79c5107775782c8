//! Bad input: each is refused with its status, its code and its field, and the appliance is well after it.

mod events;
mod lines;
mod requests;
mod wire;

use crate::appliance::{Appliance, total};
use crate::client::{Client, Reply, exchange};
use crate::samples::{plain, plain_with};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";

/// What must come back.
struct Refusal {
    status: u16,
    code: &'static str,
    /// `None` where it is about the whole.
    field: Option<&'static str>,
}

/// Runs the cases of one table against one appliance. After each ten, and at the end, it must take a good
/// event, and have stored nothing else.
struct Table {
    appliance: Appliance,
    client: Client,
    cases: usize,
    good: u64,
}

impl Table {
    fn new() -> Table {
        let appliance = Appliance::start();
        let client = appliance.everything("bad input");
        Table { appliance, client, cases: 0, good: 0 }
    }

    #[track_caller]
    fn check(
        &mut self,
        name: &str,
        reply: &Reply,
        status: u16,
        code: &'static str,
        field: Option<&'static str>,
    ) {
        self.compare(name, reply, &Refusal { status, code, field });
        self.cases += 1;
        if self.cases.is_multiple_of(10) {
            self.is_well();
        }
    }

    #[track_caller]
    fn compare(&self, name: &str, reply: &Reply, expected: &Refusal) {
        assert_eq!(reply.status, expected.status, "{name}: {reply}");
        let kind = reply.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{name}: {reply}");
        let problem = reply.json();
        assert_eq!(problem["status"], expected.status, "{name}");
        assert_eq!(problem["code"], expected.code, "{name}: {problem}");
        assert_eq!(problem["field"].as_str(), expected.field, "{name}: {problem}");
        assert_eq!(problem["requestId"].as_str(), reply.header("x-request-id"), "{name}");
        assert!(problem["timestamp"].is_string() && problem["title"].is_string(), "{name}: {problem}");
        let message = problem["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty() && message.len() < 500, "{name}: {message}");
        if let Some(field) = expected.field {
            assert!(message.contains(field), "{name}: the message names the field: {message}");
        }
    }

    /// One event, as JSON text.
    #[track_caller]
    fn event(
        &mut self,
        name: &str,
        body: impl AsRef<[u8]>,
        status: u16,
        code: &'static str,
        field: Option<&'static str>,
    ) {
        let reply = self.client.post_as(EVENTS, "application/json", body.as_ref());
        self.check(name, &reply, status, code, field);
    }

    /// A good event with one member changed.
    #[track_caller]
    fn member(&mut self, field: &'static str, value: Value, code: &'static str) {
        let name = format!("{field}: {value:.60}");
        self.event(&name, plain_with(json!({ field: value })).to_string(), 422, code, Some(field));
    }

    /// A good event with that text in it as a member more.
    #[track_caller]
    fn written(
        &mut self,
        name: &str,
        member: &str,
        status: u16,
        code: &'static str,
        field: Option<&'static str>,
    ) {
        let text = plain().to_string();
        self.event(name, format!("{},{member}}}", &text[..text.len() - 1]), status, code, field);
    }

    #[track_caller]
    fn is_well(&mut self) {
        self.client.post(EVENTS, &plain()).expect(201);
        self.good += 1;
        assert_eq!(total(&self.client, ""), self.good, "nothing but the good events is stored");
        self.appliance.client().get("/livez").expect(200);
    }

    #[track_caller]
    fn finish(mut self, cases_min: usize) {
        self.is_well();
        assert!(self.cases >= cases_min, "{} cases", self.cases);
    }
}

/// Sends one chunk again and again.
fn chunked(client: &Client, chunk: &[u8], times: usize) -> Reply {
    let head = client.with("Content-Type", "application/json").head("POST", EVENTS);
    let head = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let one = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
    let mut parts = vec![head.as_bytes()];
    parts.extend(std::iter::repeat_n(one.as_slice(), times));
    parts.push(b"0\r\n\r\n");
    exchange(&client.address, &parts).expect("a refusal comes")
}
