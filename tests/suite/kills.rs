//! Kills at random moments under load: what was acknowledged is there once, and alerts and counters are those of a
//! run that nobody disturbed.
//!
//! Twelve kills among the other tests; `tests/long kills` for more.

use crate::appliance::{Appliance, Chance, counted, eventually, found, lossy, strike_after, total};
use crate::client::Client;
use crate::samples::{failed_sign_in, plain, plain_with};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Scope;
use std::time::Duration;

const EVENTS: &str = "/api/v1/audit/events";
const KILLS: usize = 12;
/// Events of a batch.
const BATCH: usize = 20;

/// How a client sends, and whether it may send again what it got no answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// One event without an id.
    Bare,
    /// One event with an id of its own, again until it is acknowledged.
    Own,
    /// A batch without ids.
    BareBatch,
    /// A batch whose events have ids, again until it is acknowledged.
    OwnBatch,
    /// A batch without ids under an `Idempotency-Key`, again until it is acknowledged.
    KeyedBatch,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Bare, Kind::Own, Kind::BareBatch, Kind::OwnBatch, Kind::KeyedBatch];

    fn events(self) -> usize {
        if matches!(self, Kind::Bare | Kind::Own) { 1 } else { BATCH }
    }

    fn comes_again(self) -> bool {
        !matches!(self, Kind::Bare | Kind::BareBatch)
    }
}

/// One request of the load, from which everything in it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    kind: Kind,
    round: usize,
    number: usize,
}

impl Mark {
    fn text(self) -> String {
        format!("{:?}-{:03}-{:05}", self.kind, self.round, self.number)
    }

    fn from_text(text: &str) -> Option<Mark> {
        let mut parts = text.split('-');
        let kind = parts.next()?;
        let kind = Kind::ALL.into_iter().find(|known| format!("{known:?}") == kind)?;
        Some(Mark { kind, round: parts.next()?.parse().ok()?, number: parts.next()?.parse().ok()? })
    }

    /// An event of it. Some are sign-ins that fail, often enough for alerts.
    fn event(self, place: usize) -> Value {
        let Mark { kind, round, number } = self;
        let second = u32::try_from(round * 200 + number % 200).expect("rounds are few");
        let mut event = match (number + place) % 3 {
            0 => failed_sign_in(&format!("{kind:?}"), &format!("user-{}", number % 5), second),
            _ => plain(),
        };
        event["correlationId"] = Value::from(self.text());
        if matches!(kind, Kind::Own | Kind::OwnBatch) {
            let id = format!("0192a0de-0000-7000-8{:03}-{round:04}{number:06}{place:02}", kind as usize);
            event["id"] = Value::from(id);
        }
        event
    }

    fn body(self) -> Value {
        match self.kind.events() {
            1 => self.event(0),
            many => (0..many).map(|place| self.event(place)).collect(),
        }
    }

    /// Whether it was acknowledged.
    fn send(self, client: &Client) -> bool {
        let mut client = client.with("Content-Type", "application/json");
        if self.kind == Kind::KeyedBatch {
            client = client.with("Idempotency-Key", &self.text());
        }
        let Ok(reply) = client.try_call("POST", EVENTS, self.body().to_string().as_bytes()) else {
            return false;
        };
        match reply.status {
            200 | 201 => true,
            202 => {
                let taken = reply.json()["accepted"].as_u64().zip(reply.json()["duplicate"].as_u64());
                assert_eq!(taken.map(|(new, known)| new + known), Some(BATCH as u64), "{reply}");
                true
            }
            _ => false,
        }
    }
}

/// Ends the clients of a round, also where the test fails meanwhile: else the scope would wait for them for ever.
pub(crate) struct Ends<'e>(pub(crate) &'e AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What was sent and what was acknowledged, over all rounds.
#[derive(Default)]
pub(crate) struct Load {
    acknowledged: BTreeSet<Mark>,
    /// By client: what is still to be sent again.
    in_doubt: Vec<Vec<Mark>>,
    done: Vec<std::sync::mpsc::Receiver<Sent>>,
    /// How many clients got their first answer.
    heard: Arc<AtomicUsize>,
}

struct Sent {
    acknowledged: Vec<Mark>,
    in_doubt: Vec<Mark>,
}

impl Load {
    pub(crate) fn new() -> Load {
        Load { in_doubt: vec![Vec::new(); Kind::ALL.len()], ..Load::default() }
    }

    /// Has each kind of client send until `ended`, first what is in doubt; the scope ends with them.
    pub(crate) fn send_until<'scope, 'e: 'scope>(
        &mut self,
        ended: &'e AtomicBool,
        client: &'e Client,
        round: usize,
        scope: &'scope Scope<'scope, 'e>,
    ) {
        for (kind, again) in Kind::ALL.into_iter().zip(&mut self.in_doubt) {
            let (sender, receiver) = std::sync::mpsc::channel();
            self.done.push(receiver);
            let (again, heard) = (std::mem::take(again), self.heard.clone());
            scope.spawn(move || {
                let mut sent = Sent { acknowledged: Vec::new(), in_doubt: Vec::new() };
                let fresh = (0..).map(|number| Mark { kind, round, number });
                for mark in again.into_iter().chain(fresh) {
                    if mark.round == round && ended.load(Ordering::Relaxed) {
                        break;
                    }
                    if mark.send(client) {
                        heard.fetch_add(usize::from(sent.acknowledged.is_empty()), Ordering::Relaxed);
                        sent.acknowledged.push(mark);
                    } else {
                        if kind.comes_again() {
                            sent.in_doubt.push(mark);
                        }
                        // Nobody is there right now.
                        std::thread::park_timeout(Duration::from_millis(5));
                    }
                }
                sender.send(sent).expect("the test waits for it");
            });
        }
    }

    /// Waits until each client of the first round got an answer.
    pub(crate) fn is_under_way(&self) {
        let all = Kind::ALL.len();
        eventually("each client got an answer", || (self.heard.load(Ordering::Relaxed) >= all).then_some(()));
    }

    /// Takes up what the clients of the last rounds were told.
    fn settle(&mut self) {
        for (client, done) in std::mem::take(&mut self.done).into_iter().enumerate() {
            let sent = done.recv().expect("the client has ended");
            self.acknowledged.extend(sent.acknowledged);
            self.in_doubt[client % Kind::ALL.len()].extend(sent.in_doubt);
        }
    }

    /// Sends what is in doubt once more, until nothing is.
    fn send_again(&mut self, client: &Client) {
        self.settle();
        for mark in self.in_doubt.iter_mut().flat_map(std::mem::take) {
            assert!(mark.send(client), "nothing is in the way of {}", mark.text());
            self.acknowledged.insert(mark);
        }
    }

    /// What was acknowledged is there once, and what was not is there whole or not at all.
    pub(crate) fn check(&mut self, there: &[Mark]) {
        self.settle();
        let mut counts: BTreeMap<Mark, usize> = BTreeMap::new();
        for mark in there {
            *counts.entry(*mark).or_default() += 1;
        }
        for kind in Kind::ALL {
            assert!(self.acknowledged.iter().any(|mark| mark.kind == kind), "{kind:?} did its work");
        }
        for mark in &self.acknowledged {
            assert!(counts.contains_key(mark), "{} was acknowledged and is gone", mark.text());
        }
        for (mark, count) in counts {
            assert_eq!(count, mark.kind.events(), "{} is there once, and whole", mark.text());
        }
    }
}

/// The marks of all events in the order of the log.
pub(crate) fn marks_in_the_log(client: &Client) -> Vec<Mark> {
    let mut marks = BTreeMap::new();
    let mut more = String::new();
    loop {
        let page = client.get(&format!("{EVENTS}?limit=1000&sortField=receivedAt{more}")).expect(200).json();
        for event in page["events"].as_array().expect("an array") {
            let mark = event["correlationId"].as_str().and_then(Mark::from_text);
            let place = event["seq"].as_u64().expect("each has its place");
            assert!(marks.insert(place, mark.expect("nothing else was sent")).is_none(), "{place} twice");
        }
        let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { break };
        more = format!("&cursor={cursor}");
    }
    marks.into_values().collect()
}

/// The events of the log, in its order, as they were sent.
fn sent_as(marks: &[Mark]) -> Vec<Value> {
    let mut places: BTreeMap<Mark, usize> = BTreeMap::new();
    let event = |mark: &Mark| {
        let place = places.entry(*mark).or_default();
        *place += 1;
        mark.event(*place - 1)
    };
    marks.iter().map(event).collect()
}

/// What alerts say but for their ids, their traces and the times of receipt, and the counters.
fn judged(appliance: &Appliance, client: &Client) -> (Vec<Value>, Value) {
    appliance.detection_is_done(client);
    let mut alerts = found(client, "");
    for alert in &mut alerts {
        let history = alert["history"].as_array().expect("an array");
        let told = history.iter().filter(|step| step["change"] == "notified").count();
        let alert = alert.as_object_mut().expect("an object");
        alert.retain(|name, _| !["id", "traceId", "createdAt", "lastSeenAt", "history"].contains(&&**name));
        alert.insert("told".to_owned(), Value::from(told));
        let metadata = alert["metadata"].as_object_mut().expect("an object");
        let named = metadata.remove("eventIds").and_then(|ids| Some(ids.as_array()?.len()));
        metadata.insert("named".to_owned(), Value::from(named));
    }
    alerts.sort_by_cached_key(Value::to_string);
    let counters = counted(client);
    let names = [
        "eventsProcessed",
        "alertsGenerated",
        "suspiciousPatterns",
        "eventsBySource",
        "eventsByStatus",
        "eventsByVerdict",
        "alertsByPattern",
    ];
    let counters: BTreeMap<&str, &Value> = names.into_iter().map(|name| (name, &counters[name])).collect();
    (alerts, json!(counters))
}

#[test]
fn after_any_kill_everything_is_as_if_nobody_had_been_disturbed() {
    let mut chance = Chance::new("the moments of the kills");
    let kills = std::env::var("SEALWATCH_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut appliance = Appliance::start();
    let key = appliance.key(&["--name", "kills", "--scope", "ingest", "--scope", "read"]);
    let mut load = Load::new();
    for round in 0..kills {
        let client = appliance.client().with_key(&key);
        let killed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _ends = Ends(&killed);
            load.send_until(&killed, &client, round, scope);
            strike_after(Duration::from_millis(20 + chance.below(380)));
            appliance.kill9();
        });
        load.settle();
        appliance.restart();
    }
    let client = appliance.client().with_key(&key);
    load.send_again(&client);
    let marks = marks_in_the_log(&client);
    load.check(&marks);
    assert_eq!(total(&client, ""), marks.len() as u64, "the total is what the list holds");
    let books = client.get("/api/v1/metrics/audit").expect(200).json()["accounting"]["kills"].clone();
    let number = |name: &str| books[name].as_u64().expect("a number");
    assert_eq!(number("stored"), marks.len() as u64);
    assert_eq!(number("received"), number("stored") + number("duplicate") + number("rejected"));
    println!("{kills} kills, {} events, {} of them known already", marks.len(), books["duplicate"]);

    let undisturbed = Appliance::start();
    let same = undisturbed.everything("kills");
    for events in sent_as(&marks).chunks(1_000) {
        same.post(EVENTS, &Value::from(events)).expect(202);
    }
    let ((alerts, counters), (expected, expected_counters)) =
        (judged(&appliance, &client), judged(&undisturbed, &same));
    assert!(alerts.len() >= 5, "there was something to find: {alerts:?}");
    assert_eq!(alerts, expected);
    assert_eq!(counters, expected_counters);

    client.post(EVENTS, &plain_with(json!({"correlationId": "fresh"}))).expect(201);
    assert_eq!(appliance.stop().code(), Some(0));
    let verified = appliance.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}{}", lossy(&verified.stdout), lossy(&verified.stderr));
}
