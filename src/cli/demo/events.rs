//! Sample events: a day at an invented hospital and an invented bank, with an attack in it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// How far back the history goes, so that the charts of the last 24 hours look alive.
const HISTORY_SECS: i64 = 23 * 3_600;

/// The mean time between two ordinary events of the history.
const HISTORY_STEP_SECS: i64 = 330;

/// The mean time between two events of the live part.
const LIVE_STEP_MILLIS: i64 = 700;

/// An event of the demonstration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoEvent {
    /// When it happens, which is also its `timestamp`. Before the start: history, to be sent at once.
    pub at: Timestamp,
    /// The event as it goes over the wire, hash and signature included.
    pub json: String,
}

/// All events in the order of their time: a day of history, then an attack that begins three seconds after
/// `start`, then ordinary work without end. The same arguments give the same events.
///
/// `sign` gets an event without hash and signature, as JSON, and answers with the two in lower-case hex.
pub fn script(
    start: Timestamp,
    seed: u64,
    sign: impl Fn(&str) -> (String, String) + 'static,
) -> impl Iterator<Item = DemoEvent> {
    let mut story = Story { start, random: Random(seed), told: Vec::new() };
    story.ordinary_day();
    story.doctor_at_night();
    story.large_export();
    story.hasty_clerk();
    story.changed_transfer();
    story.guessed_password();
    story.told.sort_by_key(|scene| scene.at);
    let mut random = story.random.branch();
    let mut attack = Story { start, random: story.random, told: Vec::new() };
    attack.attack_now();
    let first = story.told.into_iter().chain(attack.told);
    let mut at = start + SignedDuration::from_secs(30);
    let live = std::iter::repeat_with(move || {
        at += SignedDuration::from_millis(LIVE_STEP_MILLIS / 2 + random.below(LIVE_STEP_MILLIS));
        Scene { at, event: ordinary(&mut random, at), changed: None }
    });
    first.chain(live).map(move |scene| scene.signed(&sign))
}

/// An event before it is signed.
struct Scene {
    at: Timestamp,
    event: Value,
    /// A field that someone changes after signing, and what they write there.
    changed: Option<(&'static str, &'static str)>,
}

impl Scene {
    fn signed(mut self, sign: &impl Fn(&str) -> (String, String)) -> DemoEvent {
        self.event["timestamp"] = json!(format!("{:.3}", self.at));
        self.event["eventVersion"] = json!("1.0");
        let (hash, signature) = sign(&self.event.to_string());
        self.event["hash"] = json!(hash);
        self.event["hashAlgorithm"] = json!("SHA-256");
        self.event["signature"] = json!(signature);
        if let Some((field, value)) = self.changed {
            self.event[field] = json!(value);
        }
        DemoEvent { at: self.at, json: self.event.to_string() }
    }
}

/// Someone who works at one of the two, with the address they work from.
struct Person {
    name: &'static str,
    organization: &'static str,
    address: &'static str,
}

const HOSPITAL: &str = "st-brigid-hospital";
const BANK: &str = "harbour-bank";

const STAFF: [Person; 12] = [
    Person { name: "nurse.okafor", organization: HOSPITAL, address: "10.20.4.11" },
    Person { name: "nurse.halloran", organization: HOSPITAL, address: "10.20.4.12" },
    Person { name: "dr.lindqvist", organization: HOSPITAL, address: "10.20.7.3" },
    Person { name: "dr.marsh", organization: HOSPITAL, address: "10.20.7.9" },
    Person { name: "a.fitzgerald", organization: HOSPITAL, address: "10.20.9.40" },
    Person { name: "lab.ferreira", organization: HOSPITAL, address: "10.20.12.5" },
    Person { name: "clerk.byrne", organization: HOSPITAL, address: "10.20.9.41" },
    Person { name: "teller.novak", organization: BANK, address: "10.60.1.21" },
    Person { name: "teller.adeyemi", organization: BANK, address: "10.60.1.22" },
    Person { name: "m.keller", organization: BANK, address: "10.60.3.7" },
    Person { name: "advisor.rossi", organization: BANK, address: "10.60.3.15" },
    Person { name: "svc.reporting", organization: BANK, address: "10.60.9.2" },
];

/// From where the attackers come: addresses that RFC 5737 keeps for documentation.
const ATTACKER: &str = "203.0.113.66";

fn person(name: &str) -> &'static Person {
    STAFF.iter().find(|person| person.name == name).expect("every name in the story is one of the staff")
}

/// An event of that person, from that address.
fn event(person: &Person, address: &str, action: &str, status: &str) -> Value {
    json!({
        "action": action,
        "status": status,
        "principalId": person.name,
        "organizationId": person.organization,
        "dataClassification": "INTERNAL",
        "sessionContext": {
            "sessionId": format!("sess-{}", person.name),
            "ipAddress": address,
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Desk/4.2",
        },
    })
}

/// The event with what it was done to, and the class of that data.
fn on(mut event: Value, kind: &str, id: String, classification: &str) -> Value {
    event["targetResourceType"] = json!(kind);
    event["targetResourceId"] = json!(id);
    event["dataClassification"] = json!(classification);
    event
}

/// What anyone does at that time: at night nobody reads records, or each one who does would be an alert.
fn ordinary(random: &mut Random, at: Timestamp) -> Value {
    let person = &STAFF[random.below(STAFF.len() as i64) as usize];
    let number = 1_000 + random.below(9_000);
    let event = |action: &str| event(person, person.address, action, "success");
    let chance = random.below(100);
    if chance == 0 {
        let mut failed = event("auth.login.failure");
        failed["status"] = json!("failure");
        failed["outcomeDescription"] = json!("wrong password");
        return failed;
    }
    let hour = at.to_zoned_datetime(jiff::tz::TimeZone::UTC).hour();
    if !(6..22).contains(&hour) || chance < 25 {
        let actions =
            ["auth.login.success", "auth.session.refresh", "auth.logout", "schedule.view", "message.send"];
        return event(actions[random.below(actions.len() as i64) as usize]);
    }
    let mut read = match (person.organization, chance % 3) {
        (HOSPITAL, 0) => on(event("fhir.observation.read"), "Observation", format!("obs-{number}"), "PHI"),
        (HOSPITAL, 1) => on(event("fhir.patient.update"), "Patient", format!("pat-{number}"), "PHI"),
        (HOSPITAL, _) => on(event("fhir.patient.read"), "Patient", format!("pat-{number}"), "PHI"),
        (_, 0) => on(event("data.update.address"), "Customer", format!("cust-{number}"), "CONFIDENTIAL"),
        _ => on(event("data.read.account"), "Account", format!("acc-{number}"), "CONFIDENTIAL"),
    };
    read["recordCount"] = json!(1 + random.below(8));
    read
}

/// What happened, scene by scene; times are seconds from the start.
struct Story {
    start: Timestamp,
    random: Random,
    told: Vec<Scene>,
}

impl Story {
    fn tell(&mut self, millis: i64, event: Value) {
        let at = self.start + SignedDuration::from_millis(millis);
        self.told.push(Scene { at, event, changed: None });
    }

    fn ordinary_day(&mut self) {
        let mut secs = -HISTORY_SECS;
        while secs < -5 {
            let at = self.start + SignedDuration::from_secs(secs);
            let event = ordinary(&mut self.random, at);
            self.tell(secs * 1_000, event);
            secs += HISTORY_STEP_SECS / 2 + self.random.below(HISTORY_STEP_SECS);
        }
    }

    /// A doctor looks into four records at two in the morning (UTC).
    fn doctor_at_night(&mut self) {
        const TWO_O_CLOCK: i64 = 2 * 3_600;
        let since = (self.start.as_second() - TWO_O_CLOCK).rem_euclid(86_400).clamp(600, HISTORY_SECS);
        let doctor = person("dr.marsh");
        for step in 0..4 {
            let read = event(doctor, doctor.address, "fhir.patient.read", "success");
            self.tell(
                (step * 95 - since) * 1_000,
                on(read, "Patient", format!("pat-{}", 4_410 + step), "PHI"),
            );
        }
    }

    /// A reporting account exports more in four minutes than in any week.
    fn large_export(&mut self) {
        let account = person("svc.reporting");
        for step in 0..108 {
            let mut export = event(account, account.address, "data.export.statement", "success");
            export = on(export, "Account", format!("acc-{}", 2_000 + step), "CONFIDENTIAL");
            export["recordCount"] = json!(250);
            self.tell(-11_400_000 + step * 2_200, export);
        }
    }

    /// A clerk opens 56 patients within a minute.
    fn hasty_clerk(&mut self) {
        let clerk = person("clerk.byrne");
        for step in 0..56 {
            let read = event(clerk, clerk.address, "fhir.patient.read", "success");
            self.tell(-3_000_000 + step * 850, on(read, "Patient", format!("pat-{}", 7_100 + step), "PHI"));
        }
    }

    /// Someone turns a transfer into another one after it was signed.
    fn changed_transfer(&mut self) {
        let advisor = person("advisor.rossi");
        let transfer = event(advisor, advisor.address, "payment.transfer.approve", "success");
        self.tell(-1_800_000, on(transfer, "Transfer", "tr-88213 to acc-4471".to_owned(), "CONFIDENTIAL"));
        if let Some(scene) = self.told.last_mut() {
            scene.changed = Some(("targetResourceId", "tr-88213 to acc-9906"));
        }
    }

    /// A password is guessed from outside, and the account is looked through.
    fn guessed_password(&mut self) {
        let victim = person("m.keller");
        for step in 0..7 {
            self.tell(-720_000 + step * 9_000, failed_sign_in(victim));
        }
        self.tell(-655_000, event(victim, ATTACKER, "auth.login.success", "success"));
        for step in 0..3 {
            let listing = event(victim, ATTACKER, "account.list", "success");
            self.tell(-640_000 + step * 20_000, on(listing, "Branch", format!("br-{step}"), "CONFIDENTIAL"));
        }
    }

    /// While the newcomer looks: a password is guessed, then closed records are tried with it.
    fn attack_now(&mut self) {
        let victim = person("a.fitzgerald");
        for step in 0..6 {
            self.tell(3_000 + step * 900, failed_sign_in(victim));
        }
        self.tell(9_000, event(victim, ATTACKER, "auth.login.success", "success"));
        for step in 0..4 {
            let mut denied = event(victim, ATTACKER, "fhir.patient.read", "failure");
            denied = on(denied, "Patient", format!("pat-{}", 9_001 + step), "PHI");
            denied["outcomeDescription"] = json!("access denied: not in the care team of this patient");
            self.tell(12_000 + step * 1_700, denied);
        }
    }
}

fn failed_sign_in(victim: &Person) -> Value {
    let mut failed = event(victim, ATTACKER, "auth.login.failure", "failure");
    failed["outcomeDescription"] = json!("wrong password");
    failed["correlationId"] = json!(format!("sign-in-{}", victim.name));
    failed
}

/// SplitMix64 (Steele, Lea, Flood 2014): the demonstration wants the same story from the same seed, not
/// secrecy.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `bound`.
    fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound.unsigned_abs().max(1)) as i64
    }

    fn branch(&mut self) -> Random {
        Random(self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{self, Limits};
    use crate::detect::{Engine, Observation, Settings};
    use crate::integrity::{Key, hash_v1, sign, verify};
    use crate::model::{Pattern, ReceivedAt, Secret, Seq, SourceId};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    /// Signs as existing senders do.
    fn signed(text: &str) -> (String, String) {
        let event =
            decode::event(text.as_bytes(), &Limits::default(), None).expect("the story breaks no rule");
        let hash = hash_v1(&event);
        (hex::encode(hash), hex::encode(sign(&hash, &key())))
    }

    fn key() -> Key {
        Key::new(&Secret::new("demonstration".to_owned()))
    }

    /// Pattern and key of everything that detection finds in the first events of the story.
    fn found(start: Timestamp, seed: u64, count: usize) -> BTreeSet<(Pattern, String)> {
        let mut engine = Engine::new(Settings::default());
        let mut found = BTreeSet::new();
        for (number, sample) in script(start, seed, signed).take(count).enumerate() {
            let raw = sample.json.as_bytes();
            let event = decode::event(raw, &Limits::default(), None).expect("the story breaks no rule");
            let observation = Observation {
                seq: Seq(number as u64),
                id: Uuid::from_u128(number as u128),
                received_at: ReceivedAt::from_timestamp(sample.at),
                source: SourceId(1),
                source_name: "demo",
                organization: event.organization_id.as_deref(),
                event: &event,
                verdict: verify(&event, raw, Some(&key())).verdict,
                time_suspect: false,
            };
            let key = event.key().unwrap_or_default();
            found.extend(
                engine.observe(&observation).firings.iter().map(|fired| (fired.pattern, key.to_owned())),
            );
        }
        found
    }

    #[test]
    fn the_story_sets_off_every_pattern_once_and_ordinary_work_none() {
        let expected = [
            (Pattern::FailedAuth, "a.fitzgerald"),
            (Pattern::FailedAuth, "m.keller"),
            (Pattern::UnauthorizedAccess, "a.fitzgerald"),
            (Pattern::DataVelocity, "clerk.byrne"),
            (Pattern::BulkOperation, "svc.reporting"),
            (Pattern::OffHours, "dr.marsh"),
            (Pattern::IntegrityViolation, "advisor.rossi"),
        ];
        let expected = expected.map(|(pattern, key)| (pattern, key.to_owned()));
        for seed in 1..=4 {
            assert_eq!(found(start(), seed, 2_000), BTreeSet::from(expected.clone()), "seed {seed}");
        }
    }

    #[test]
    fn ordinary_work_at_night_sets_off_nothing() {
        let late = "2026-03-04T23:00:00Z".parse().expect("a time stamp");
        let at_night = found(late, 1, 2_000).into_iter().filter(|(pattern, _)| *pattern == Pattern::OffHours);
        let keys: Vec<String> = at_night.map(|(_, key)| key).collect();
        assert_eq!(keys, ["clerk.byrne", "dr.marsh"], "those of the story alone");
    }

    fn start() -> Timestamp {
        "2026-03-04T15:20:00Z".parse().expect("a time stamp")
    }

    fn events(start: Timestamp, seed: u64, count: usize) -> Vec<DemoEvent> {
        script(start, seed, |_| ("0".repeat(64), "1".repeat(64))).take(count).collect()
    }

    #[test]
    fn the_same_seed_tells_the_same_story_and_another_one_another() {
        assert_eq!(events(start(), 7, 900), events(start(), 7, 900));
        assert_ne!(events(start(), 7, 900), events(start(), 8, 900));
    }

    #[test]
    fn time_never_runs_backwards_and_the_live_part_has_no_end() {
        let events = events(start(), 1, 3_000);
        assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let history = events.iter().filter(|event| event.at < start()).count();
        assert!((350..550).contains(&history), "{history} events of history");
    }
}
