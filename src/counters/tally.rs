//! What a stretch of the log adds to the counters.

use super::busiest::Busiest;
use crate::model::{Activity, AlertChange, Entry, EntryFlags, EntryKind, ReceivedAt, SourceId, Status};
use std::collections::{BTreeMap, HashMap};

/// Nanoseconds in a minute.
const MINUTE: u64 = 60_000_000_000;
/// Minutes in an hour.
const HOUR_MINUTES: u64 = 60;

/// The sums over a stretch of the log. The count reader fills one and hands it to the counters.
#[derive(Debug, Default)]
pub struct Tally {
    /// Added to the totals, by name.
    pub totals: HashMap<String, u64>,
    /// Added to the minutes, by their number since 1970.
    pub minutes: BTreeMap<u64, Minute>,
    /// Who was busiest, by the hour since 1970.
    pub hours: BTreeMap<u64, Busiest>,
    /// Fingerprints that people were told of, and until when (event time, ns) they are not told again.
    pub cooldowns: HashMap<[u8; 32], u64>,
    /// When something was received from a source, by its number.
    pub seen: HashMap<u32, ReceivedAt>,
    /// The running numbers of the events of a source, in the order of the log.
    pub numbers: HashMap<u32, Vec<i64>>,
    /// Entries that could not be counted (true), and those of them that have been since or never will (false).
    pub uncounted: BTreeMap<u64, bool>,
}

/// What came in within one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Events.
    pub events: u64,
    /// Events with `status` `failure`.
    pub failures: u64,
    /// Events whose hash or signature did not match.
    pub mismatches: u64,
    /// Alerts that were raised.
    pub alerts: u64,
}

impl Minute {
    /// Both together.
    pub fn plus(self, other: Minute) -> Minute {
        Minute {
            events: self.events + other.events,
            failures: self.failures + other.failures,
            mismatches: self.mismatches + other.mismatches,
            alerts: self.alerts + other.alerts,
        }
    }
}

/// The number of the minute, since 1970, that a time of receipt lies in.
fn minute_of(received_at: ReceivedAt) -> u64 {
    received_at.0 / MINUTE
}

impl Tally {
    fn count(&mut self, name: &str) {
        match self.totals.get_mut(name) {
            Some(total) => *total += 1,
            None => drop(self.totals.insert(name.to_owned(), 1)),
        }
    }

    fn minute(&mut self, received_at: ReceivedAt) -> &mut Minute {
        self.minutes.entry(minute_of(received_at)).or_default()
    }

    /// Adds an event. `principal` is who it is counted under.
    pub fn event(
        &mut self,
        entry: &Entry,
        status: Status,
        organization: Option<&str>,
        principal: Option<&str>,
    ) {
        debug_assert_eq!(entry.kind, EntryKind::Event);
        self.count("events");
        self.count(&format!("source/{}", entry.source.0));
        self.count(&format!("status/{}", status.name()));
        self.count(&format!("verdict/{}", entry.verdict.name()));
        self.count(&format!("source_verdict/{}/{}", entry.source.0, entry.verdict.name()));
        if entry.verdict.is_mismatch() {
            self.count(&format!("source_mismatches/{}", entry.source.0));
        }
        if entry.flags.has(EntryFlags::TIME_SUSPECT) {
            self.count("time_suspect");
        }
        let minute = self.minute(entry.received_at);
        minute.events += 1;
        minute.failures += u64::from(status == Status::Failure);
        minute.mismatches += u64::from(entry.verdict.is_mismatch());
        self.seen.insert(entry.source.0, entry.received_at);
        if let Some(principal) = principal {
            let hour = minute_of(entry.received_at) / HOUR_MINUTES;
            self.hours.entry(hour).or_default().add(organization, principal, status == Status::Failure);
        }
    }

    /// Adds the running number that a source gave its event.
    pub fn number(&mut self, source: SourceId, number: i64) {
        self.numbers.entry(source.0).or_default().push(number);
    }

    /// Adds what a person or the appliance did.
    pub fn activity(&mut self, activity: &Activity) {
        match activity {
            Activity::AlertRaised { pattern, severity, created_at, .. } => {
                self.count("alerts");
                self.count(&format!("pattern/{}", pattern.name()));
                self.count(&format!("severity/{}", severity.name()));
                self.minute(*created_at).alerts += 1;
            }
            Activity::AlertNotified { fingerprint, quiet_until, .. } => {
                self.count("notifications");
                self.cooldowns.insert(*fingerprint, quiet_until.0);
            }
            Activity::AlertChanged { change, .. } if *change != AlertChange::Raised => {
                self.count(&format!("alert_changes/{}", change.name()));
            }
            Activity::IdConflict { .. } => self.count("id_conflicts"),
            Activity::SignInFailed { .. } => self.count("sign_ins_failed"),
            _ => {}
        }
    }
}
