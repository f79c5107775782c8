//! From firing to alert: one open alert per fingerprint, one notification per cooldown.

use super::burst::Burst;
use super::engine::Firing;
use super::evidence;
use super::window::is_within;
use crate::model::{
    Alert, AlertChange, AlertStatus, AlertStep, Evidence, EvidenceItem, NotTold, ReceivedAt, Silence,
    SourceId, event_id,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Steps that an alert's history holds before notifications give way.
pub(super) const STEPS_MAX: usize = 1_000;
/// Who the appliance is in a history.
pub const APPLIANCE: &str = "sealwatch";

/// What a burst changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// The alerts that changed or are new, in that order; each goes back into the store.
    pub alerts: Vec<Alert>,
    /// Those of them that are new.
    pub raised: Vec<Raised>,
    /// What silences made of their status. Each comes before what is told of the same alert.
    pub changed: Vec<StatusChange>,
    /// What people are to be told, the first of each new alert included, in order.
    pub notified: Vec<Notification>,
}

/// An alert that is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Its id.
    pub alert: Uuid,
    /// The ids of the events that had counted when it was raised, bounded as evidence is.
    pub events: Vec<Uuid>,
}

/// A status that a silence, or its end, changed.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusChange {
    /// Of which alert.
    pub alert: Uuid,
    /// The step, as it stands in the alert's history.
    pub step: AlertStep,
}

/// What holds while a burst is applied; without silences by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'s> {
    /// The silences in force.
    pub silences: &'s [Silence],
    /// The time of the commit.
    pub now: ReceivedAt,
    /// Whether a silence or a maintenance window keeps everyone from being told of the alert that is known.
    pub covered: bool,
}

/// Something that people are to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Of which alert.
    pub alert: Uuid,
    /// How often it had fired by then.
    pub occurrences: u64,
    /// How many distinct events had counted by then.
    pub counted: u64,
    /// Event time of the firing that is told of.
    pub fired_at: Timestamp,
    /// Event time at which the cooldown ends.
    pub quiet_until: ReceivedAt,
}

/// Applies a burst to what the store knows of its fingerprint. `latest` is the alert that is open, or without
/// an open one the newest; `source_name` says what people call a source.
pub fn apply(
    latest: Option<Alert>,
    burst: &Burst,
    circumstances: Circumstances<'_>,
    source_name: impl Fn(SourceId) -> String,
) -> Applied {
    let mut applied = Applied::default();
    let mut current = latest;
    let mut changed = false;
    for (index, firing) in burst.firings.iter().enumerate() {
        match &mut current {
            Some(alert) if !alert.is_closed() || is_quiet(alert, firing.time) => {
                count(alert, burst, firing, circumstances, &mut applied);
            }
            _ => {
                let source = source_name(firing.source);
                let before = current.replace(raise(burst, index, source, circumstances, &mut applied));
                applied.alerts.extend(before.filter(|_| changed));
            }
        }
        changed = true;
    }
    applied.alerts.extend(current.filter(|_| changed));
    applied
}

/// Puts a step into a history. Notifications, of which there can be any number, give way once it is long;
/// what people did and said never does.
pub(super) fn push_step(history: &mut Vec<AlertStep>, step: AlertStep) {
    history.push(step);
    if history.len() > STEPS_MAX
        && let Some(oldest) = history.iter().position(|step| step.change == AlertChange::Notified)
    {
        history.remove(oldest);
    }
}

/// Whether the cooldown after the last notification covers `time`.
///
/// It reaches as far back as forward. A late event belongs to the burst that people were just told of, so it
/// is quiet. One far older does not: it is another log sent in afterwards, or an event with a forged time in
/// the future has moved the cooldown there, and treating everything before that as told would let one forged
/// event silence all true ones.
fn is_quiet(alert: &Alert, time: Timestamp) -> bool {
    let distance = time.duration_since(alert.last_notified_at).unsigned_abs();
    distance < std::time::Duration::from_secs(alert.cooldown_secs)
}

/// Counts one more firing on an alert that exists. A closed one, which counts only while its cooldown runs, tells nobody.
/// A suppressed one goes on where no silence covers it any more, and then people are told at once: the cooldown that runs
/// began with what nobody was told. For the same reason so are they once a silence or window no longer covers an alert whose last
/// notification was decided while one did.
fn count(
    alert: &mut Alert,
    burst: &Burst,
    firing: &Firing,
    circumstances: Circumstances<'_>,
    applied: &mut Applied,
) {
    alert.occurrences += 1;
    alert.last_seen_at = alert.last_seen_at.max(firing.received_at);
    alert.last_fired_at = alert.last_fired_at.max(firing.time);
    for item in &firing.counted {
        evidence::add(&mut alert.evidence, *item);
    }
    let resumes = alert.status == AlertStatus::Suppressed && circumstances.silence_of(alert).is_none();
    if resumes {
        let note = "no silence covers it any more".to_owned();
        change(alert, AlertStatus::Active, (AlertChange::Resumed, note), circumstances.now, applied);
    }
    let is_open = matches!(alert.status, AlertStatus::Active | AlertStatus::Suppressed);
    let is_over = alert.unheard && !circumstances.covered && is_open;
    if resumes || is_over || !is_quiet(alert, firing.time) {
        notify(alert, burst, firing, &mut applied.notified);
    }
}

impl Circumstances<'_> {
    /// The silence that covers the alert.
    fn silence_of(&self, alert: &Alert) -> Option<&Silence> {
        self.silences.iter().find(|silence| silence.mutes(alert, self.now))
    }
}

fn change(
    alert: &mut Alert,
    status: AlertStatus,
    (change, note): (AlertChange, String),
    now: ReceivedAt,
    applied: &mut Applied,
) {
    let step = AlertStep { note: Some(note), ..step(change, now) };
    alert.status = status;
    push_step(&mut alert.history, step.clone());
    applied.changed.push(StatusChange { alert: alert.id, step });
}

fn notify(alert: &mut Alert, burst: &Burst, firing: &Firing, notified: &mut Vec<Notification>) {
    alert.last_notified_at = firing.time;
    // Whoever decides whom it tells knows better.
    alert.unheard = false;
    // The cooldown that was running ended as it was announced; the settings of today hold for the next.
    alert.cooldown_secs = burst.cooldown_secs;
    push_step(&mut alert.history, step(AlertChange::Notified, firing.received_at));
    let cooldown = SignedDuration::from_secs(i64::try_from(alert.cooldown_secs).unwrap_or(i64::MAX));
    let quiet_until = firing.time.checked_add(cooldown).unwrap_or(Timestamp::MAX);
    notified.push(Notification {
        alert: alert.id,
        occurrences: alert.occurrences,
        counted: alert.evidence.count,
        fired_at: firing.time,
        quiet_until: ReceivedAt::from_timestamp(quiet_until),
    });
}

/// A new alert, raised by the burst's firing of that index; suppressed where a silence covers it.
fn raise(
    burst: &Burst,
    index: usize,
    source: String,
    circumstances: Circumstances<'_>,
    applied: &mut Applied,
) -> Alert {
    let firing = &burst.firings[index];
    let [a, b, c, d, ..] = burst.fingerprint;
    let mut alert = Alert {
        id: event_id(firing.received_at, firing.seq, u32::from_le_bytes([a, b, c, d])),
        organization: burst.organization.clone(),
        pattern: burst.pattern,
        key: burst.key.clone(),
        fingerprint: burst.fingerprint,
        severity: burst.severity,
        status: AlertStatus::Active,
        created_at: firing.received_at,
        last_seen_at: firing.received_at,
        occurrences: 1,
        threshold: burst.threshold,
        timespan_secs: burst.timespan_secs,
        first_fired_at: firing.time,
        last_fired_at: firing.time,
        last_notified_at: firing.time,
        cooldown_secs: burst.cooldown_secs,
        correlation_id: firing.correlation_id.clone(),
        trace_id: None,
        unheard: false,
        source,
        evidence: evidence_of(burst, index),
        history: vec![step(AlertChange::Raised, firing.received_at)],
    };
    applied.raised.push(Raised { alert: alert.id, events: evidence::ids(&alert.evidence) });
    if let Some(silence) = circumstances.silence_of(&alert) {
        let note = NotTold::of_silence(silence).to_string();
        let suppressed = (AlertChange::Suppressed, note);
        change(&mut alert, AlertStatus::Suppressed, suppressed, circumstances.now, applied);
    }
    notify(&mut alert, burst, firing, &mut applied.notified);
    alert
}

/// The events in the judged timespan of the burst's firing of that index: what the window held at the first
/// firing, and what the firings since have counted. Events that an earlier alert counted are evidence of this
/// one as well.
fn evidence_of(burst: &Burst, index: usize) -> Evidence {
    let end = burst.firings[index].window_end;
    let counted = burst.firings[..=index].iter().flat_map(|firing| &firing.counted);
    let within: BTreeMap<_, EvidenceItem> = burst
        .window
        .iter()
        .chain(counted)
        .filter(|item| is_within(item.time, end, burst.timespan_secs))
        .map(|item| ((item.time, item.seq), *item))
        .collect();
    let mut evidence = Evidence::default();
    within.into_values().for_each(|item| evidence::add(&mut evidence, item));
    evidence
}

fn step(change: AlertChange, at: ReceivedAt) -> AlertStep {
    AlertStep { change, at, by: APPLIANCE.to_owned(), note: None }
}
