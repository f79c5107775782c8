//! A model that forgets nothing and looks at everything each time.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The names of the keys that send.
pub(super) const SOURCES: [&str; 2] = ["north", "south"];
pub(super) const PRINCIPALS: [&str; 2] = ["ada", "bob"];
/// By how much an event may come late.
const LATENESS_SECS: i64 = 5;

/// A windowed pattern: threshold, timespan and cooldown, small enough that scripts cross them often.
struct Rule {
    pattern: &'static str,
    threshold: usize,
    timespan_secs: i64,
    cooldown_secs: i64,
}

const RULES: [Rule; 4] = [
    Rule { pattern: "FAILED_AUTH", threshold: 3, timespan_secs: 20, cooldown_secs: 10 },
    Rule { pattern: "UNAUTHORIZED_ACCESS", threshold: 2, timespan_secs: 10, cooldown_secs: 30 },
    Rule { pattern: "DATA_VELOCITY", threshold: 4, timespan_secs: 5, cooldown_secs: 0 },
    Rule { pattern: "BULK_OPERATION", threshold: 2, timespan_secs: 60, cooldown_secs: 15 },
];
/// The cooldown of what fires on a single finding.
const SINGLE_COOLDOWN_SECS: i64 = 20;

/// The same for the appliance.
pub(super) fn configuration() -> String {
    let mut text = format!("[detection]\nlateness_secs = {LATENESS_SECS}\nsnapshot_events = 1000\n");
    for Rule { pattern, threshold, timespan_secs, cooldown_secs } in RULES {
        text += &format!("[patterns.{pattern}]\nthreshold = {threshold}\ntimespan_secs = {timespan_secs}\n");
        text += &format!("cooldown_secs = {cooldown_secs}\n");
    }
    text += "[patterns.OFF_HOURS]\nenabled = false\n";
    text + &format!("[patterns.INTEGRITY_VIOLATION]\ncooldown_secs = {SINGLE_COOLDOWN_SECS}\n")
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    SignIn,
    SignInDenied,
    Forbidden,
    Read,
    Export,
    ManyRecords,
}

impl Kind {
    pub(super) const ALL: [Kind; 7] = [
        Kind::Plain,
        Kind::SignIn,
        Kind::SignInDenied,
        Kind::Forbidden,
        Kind::Read,
        Kind::Export,
        Kind::ManyRecords,
    ];

    pub(super) fn action_and_status(self) -> (&'static str, &'static str) {
        match self {
            Kind::Plain => ("test.plain", "success"),
            Kind::SignIn | Kind::SignInDenied => ("auth.login.failure", "failure"),
            Kind::Forbidden => ("door.opened", "failure"),
            Kind::Read => ("data.read", "success"),
            Kind::Export => ("data.export", "success"),
            Kind::ManyRecords => ("thing.touched", "attempt"),
        }
    }

    pub(super) fn outcome(self) -> Option<&'static str> {
        match self {
            Kind::SignInDenied => Some("Access denied"),
            Kind::Forbidden => Some("that is FORBIDDEN here"),
            _ => None,
        }
    }

    pub(super) fn target(self) -> Option<&'static str> {
        (self == Kind::Export).then_some("Patient")
    }

    pub(super) fn records(self) -> Option<u64> {
        (self == Kind::ManyRecords).then_some(11)
    }

    /// The places in [`RULES`] of the patterns that it matches.
    fn rules(self) -> &'static [usize] {
        match self {
            Kind::Plain => &[],
            Kind::SignIn => &[0],
            Kind::SignInDenied => &[0, 1],
            Kind::Forbidden => &[1],
            Kind::Read => &[2],
            Kind::Export => &[2, 3],
            Kind::ManyRecords => &[3],
        }
    }
}

/// Whether it has a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    None,
    Right,
    Wrong,
}

/// An event of a script. Two with the same id and another mark are a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) organization: Option<u8>,
    /// Two principals, an address without a principal, and neither.
    pub(super) key: u8,
    pub(super) id: Option<u8>,
    pub(super) seal: Seal,
    /// Since ten o'clock.
    pub(super) half_secs: i64,
    /// Whether it breaks a rule of the format.
    pub(super) broken: bool,
    pub(super) mark: u64,
}

impl Event {
    pub(super) fn organization(&self) -> Option<&'static str> {
        self.organization.map(|number| ["clinic", "ward"][usize::from(number)])
    }

    pub(super) fn principal(&self) -> Option<&'static str> {
        PRINCIPALS.get(usize::from(self.key)).copied()
    }

    pub(super) fn address(&self) -> Option<&'static str> {
        (self.key == 2).then_some("10.0.0.1")
    }

    pub(super) fn uuid(&self) -> Option<String> {
        self.id.map(|number| format!("0192a0de-0000-7000-8000-00000000000{number}"))
    }

    pub(super) fn time(&self) -> Timestamp {
        let ten: Timestamp = "2026-01-05T10:00:00Z".parse().expect("a time");
        ten + SignedDuration::from_millis(self.half_secs * 500)
    }

    fn key(&self) -> Option<&'static str> {
        self.principal().or(self.address())
    }
}

/// An alert, as far as it follows from what was sent. Times are of events; an alert about an id has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alert {
    pub(super) pattern: String,
    pub(super) organization: Option<String>,
    pub(super) key: String,
    first_fired: Option<Timestamp>,
    pub(super) status: String,
    occurrences: u64,
    counted: u64,
    named: usize,
    first_event: Option<Timestamp>,
    last_event: Option<Timestamp>,
    last_fired: Option<Timestamp>,
    last_notified: Option<Timestamp>,
    told: usize,
}

impl Alert {
    /// The alert of an answer.
    pub(super) fn from_json(json: &Value) -> Alert {
        let metadata = &json["metadata"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let pattern = text(&metadata["patternType"]).expect("a text");
        // When a second event with an id was refused is nothing that a script can know.
        let has_times = pattern != "ID_CONFLICT";
        let time = |name: &str| {
            let text = metadata[name].as_str().filter(|_| has_times)?;
            Some(text.parse().expect("a time"))
        };
        let history = json["history"].as_array().expect("an array");
        Alert {
            organization: text(&json["organizationId"]),
            key: text(&metadata["key"]).expect("a text"),
            status: text(&json["status"]).expect("a text"),
            occurrences: json["occurrences"].as_u64().expect("a number"),
            counted: metadata["eventCount"].as_u64().expect("a number"),
            named: metadata["eventIds"].as_array().expect("an array").len(),
            first_fired: time("firstFiredAt"),
            last_fired: time("lastFiredAt"),
            first_event: time("firstEventAt"),
            last_event: time("lastEventAt"),
            last_notified: time("lastNotifiedAt"),
            told: history.iter().filter(|step| step["change"] == "notified").count(),
            pattern,
        }
    }

    fn is_closed(&self) -> bool {
        ["resolved", "dismissed"].contains(&&*self.status)
    }
}

/// An event in the windows of one pattern.
struct Position {
    rule: usize,
    organization: Option<&'static str>,
    key: &'static str,
    time: Timestamp,
    counted: bool,
}

/// Everything that was ever taken, and what follows from it.
#[derive(Default)]
pub(super) struct Model {
    stored: Vec<(usize, Event)>,
    positions: Vec<Position>,
    late: u64,
    alerts: Vec<Alert>,
    /// Received, stored, duplicate and rejected of each source.
    books: [[u64; 4]; SOURCES.len()],
    /// What requests with an `Idempotency-Key` were answered: stored, duplicate, rejected.
    answers: BTreeMap<usize, [u64; 3]>,
}

impl Model {
    /// Takes a request; answers how many events were stored, duplicate and rejected.
    pub(super) fn take(&mut self, source: usize, events: &[Event]) -> [u64; 3] {
        let mut taken = [0; 3];
        // A conflict is an entry behind the events of its request.
        let mut conflicts = Vec::new();
        for event in events {
            let known = self.stored.iter().find(|(_, known)| {
                event.id.is_some() && known.id == event.id && known.organization == event.organization
            });
            let outcome = match known {
                _ if event.broken => 2,
                None => 0,
                Some((_, known)) if known == event => 1,
                Some(_) => {
                    conflicts.push(event.clone());
                    2
                }
            };
            taken[outcome] += 1;
            if outcome == 0 {
                self.stored.push((source, event.clone()));
                self.observe(source, event);
            }
        }
        for event in conflicts {
            self.fire("ID_CONFLICT", event.organization(), SOURCES[source], None, &[], 1);
        }
        self.book(source, taken);
        taken
    }

    /// The same, and keeps the answer for when the request comes again.
    pub(super) fn take_as(&mut self, source: usize, events: &[Event], number: usize) -> [u64; 3] {
        let taken = self.take(source, events);
        self.answers.insert(number, taken);
        taken
    }

    /// A request whose answer was kept: what it brought is there already.
    pub(super) fn replay(&mut self, source: usize, number: usize) -> [u64; 3] {
        let taken = self.answers[&number];
        let [stored, duplicate, rejected] = taken;
        self.book(source, [0, stored + duplicate, rejected]);
        taken
    }

    fn book(&mut self, source: usize, [stored, duplicate, rejected]: [u64; 3]) {
        let more = [stored + duplicate + rejected, stored, duplicate, rejected];
        self.books[source].iter_mut().zip(more).for_each(|(count, more)| *count += more);
    }

    fn observe(&mut self, source: usize, event: &Event) {
        let (organization, time) = (event.organization(), event.time());
        if event.seal == Seal::Wrong {
            let key = event.key().unwrap_or(SOURCES[source]);
            self.fire("INTEGRITY_VIOLATION", organization, key, Some(time), &[time], 1);
        }
        let Some(key) = event.key() else { return };
        let mut is_late = false;
        for rule in event.kind.rules() {
            is_late |= self.enter(*rule, organization, key, time);
        }
        self.late += u64::from(is_late);
    }

    /// One event into the window of one pattern; whether it came too late for that.
    fn enter(
        &mut self,
        rule: usize,
        organization: Option<&'static str>,
        key: &'static str,
        time: Timestamp,
    ) -> bool {
        let Rule { pattern, threshold, timespan_secs, .. } = RULES[rule];
        let (timespan, lateness) =
            (SignedDuration::from_secs(timespan_secs), SignedDuration::from_secs(LATENESS_SECS));
        let same =
            |other: &Position| (other.rule, other.organization, other.key) == (rule, organization, key);
        let times: Vec<Timestamp> =
            self.positions.iter().filter(|other| same(other)).map(|other| other.time).collect();
        if times.iter().any(|newest| time < *newest - lateness) {
            return true;
        }
        let end = times.into_iter().filter(|other| *other < time + timespan).chain([time]).max();
        let end = end.expect("its own time is there");
        self.positions.push(Position { rule, organization, key, time, counted: false });
        let within = |other: &&mut Position| same(other) && other.time <= end && other.time > end - timespan;
        let mut within: Vec<&mut Position> = self.positions.iter_mut().filter(within).collect();
        if within.len() < threshold {
            return false;
        }
        let all: Vec<Timestamp> = within.iter().map(|position| position.time).collect();
        within.retain(|position| !position.counted);
        within.iter_mut().for_each(|position| position.counted = true);
        let fresh: Vec<Timestamp> = within.iter().map(|position| position.time).collect();
        if self.current(pattern, organization, key, time).is_some() {
            self.fire(pattern, organization, key, Some(time), &fresh, fresh.len());
        } else {
            self.fire(pattern, organization, key, Some(time), &all, all.len());
        }
        false
    }

    /// The alert on which a firing at that time counts.
    fn current(
        &mut self,
        pattern: &str,
        organization: Option<&str>,
        key: &str,
        time: Timestamp,
    ) -> Option<&mut Alert> {
        let about = |alert: &&mut Alert| {
            (&*alert.pattern, alert.organization.as_deref(), &*alert.key) == (pattern, organization, key)
        };
        let newest = self.alerts.iter_mut().rev().find(about)?;
        (!newest.is_closed() || is_quiet(newest, time)).then_some(newest)
    }

    /// A firing; `events` are the times of those that count for the first time on its alert.
    fn fire(
        &mut self,
        pattern: &str,
        organization: Option<&str>,
        key: &str,
        time: Option<Timestamp>,
        events: &[Timestamp],
        counted: usize,
    ) {
        let at = time.unwrap_or(Timestamp::UNIX_EPOCH);
        if self.current(pattern, organization, key, at).is_none() {
            self.alerts.push(Alert {
                pattern: pattern.to_owned(),
                organization: organization.map(str::to_owned),
                key: key.to_owned(),
                first_fired: time,
                status: "active".to_owned(),
                occurrences: 0,
                counted: 0,
                named: 0,
                first_event: None,
                last_event: None,
                last_fired: None,
                last_notified: None,
                told: 0,
            });
        }
        let alert = self.alerts.iter_mut().rev().find(|alert| {
            (&*alert.pattern, alert.organization.as_deref(), &*alert.key) == (pattern, organization, key)
        });
        let alert = alert.expect("there is one now");
        alert.occurrences += 1;
        alert.counted += counted as u64;
        alert.named += counted;
        alert.first_event = alert.first_event.into_iter().chain(events.iter().copied()).min();
        alert.last_event = alert.last_event.into_iter().chain(events.iter().copied()).max();
        alert.last_fired = alert.last_fired.max(time);
        if alert.told == 0 || !is_quiet(alert, at) {
            alert.last_notified = time;
            alert.told += 1;
        }
    }

    /// What somebody decided about the alert that is shown so.
    pub(super) fn decide(&mut self, shown: &Alert, decision: &str) {
        let status = match decision {
            "acknowledge" => "acknowledged",
            "resolve" => "resolved",
            _ => "dismissed",
        };
        let alert = self.alerts.iter_mut().rev().find(|alert| *alert == shown);
        status.clone_into(&mut alert.expect("what is shown is what the model has").status);
    }

    /// The marks of all events, in the order of the log.
    pub(super) fn marks(&self) -> Vec<Value> {
        self.stored.iter().map(|(_, event)| Value::from(event.mark)).collect()
    }

    pub(super) fn alerts(&self) -> Vec<Alert> {
        let mut alerts = self.alerts.clone();
        alerts.sort();
        alerts
    }

    pub(super) fn late(&self) -> u64 {
        self.late
    }

    pub(super) fn of_principal(&self, principal: &str) -> u64 {
        self.stored.iter().filter(|(_, event)| event.principal() == Some(principal)).count() as u64
    }

    pub(super) fn books(&self) -> [Value; SOURCES.len()] {
        self.books.map(|[received, stored, duplicate, rejected]| {
            json!({"received": received, "stored": stored, "duplicate": duplicate, "rejected": rejected})
        })
    }

    pub(super) fn counters(&self) -> [(&'static str, BTreeMap<&'static str, u64>); 3] {
        let by = |name: fn(&(usize, Event)) -> &'static str| {
            let mut counts = BTreeMap::new();
            self.stored.iter().for_each(|stored| *counts.entry(name(stored)).or_default() += 1);
            counts
        };
        let verdict = |(_, event): &(usize, Event)| match event.seal {
            Seal::None => "unsigned",
            Seal::Right => "verified",
            Seal::Wrong => "hash_mismatch",
        };
        [
            ("eventsByStatus", by(|(_, event)| event.kind.action_and_status().1)),
            ("eventsBySource", by(|(source, _)| SOURCES[*source])),
            ("eventsByVerdict", by(verdict)),
        ]
    }
}

/// Whether the cooldown after the last notification covers that time, forward and back.
fn is_quiet(alert: &Alert, time: Timestamp) -> bool {
    let rule = RULES.iter().find(|rule| rule.pattern == alert.pattern);
    let cooldown = rule.map_or(SINGLE_COOLDOWN_SECS, |rule| rule.cooldown_secs);
    // What is about an id goes by the host's clock, and no script takes as long as its cooldown.
    let Some(last) = alert.last_notified else { return true };
    time.duration_since(last).abs() < SignedDuration::from_secs(cooldown)
}
