//! Collects firings by fingerprint, so that a run of events touches each alert once.

use super::engine::{Engine, Firing, Observed, integrity_key};
use super::observation::{Observation, Place, hash_place, hash_text};
use super::settings::Settings;
use crate::model::{EvidenceItem, Fingerprint, Pattern, ReceivedAt, Seq, Severity, SourceId, event_id};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use uuid::Uuid;

/// The firings of one fingerprint in one run of events, and what is needed to raise an alert from them.
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    /// Pattern, organisation and key in one value.
    pub fingerprint: Fingerprint,
    /// What was found.
    pub pattern: Pattern,
    /// Whose events.
    pub organization: Option<String>,
    /// The principal, address or source that it is about.
    pub key: String,
    /// How serious, by the settings.
    pub severity: Severity,
    /// The threshold in force.
    pub threshold: u64,
    /// The timespan in force.
    pub timespan_secs: u64,
    /// The cooldown in force.
    pub cooldown_secs: u64,
    /// Everything that the window held at the first firing, in the order of time: those within a firing's
    /// timespan and also those beside it, because a late event may be judged over an earlier end than the
    /// first firing was.
    pub window: Vec<EvidenceItem>,
    /// The firings in the order of the log; at least one.
    pub firings: Vec<Firing>,
}

/// The bursts of one run of events. The detect reader makes one per run, and empties it with
/// [`Bursts::take`].
#[derive(Debug, Default)]
pub struct Bursts {
    bursts: Vec<Burst>,
    index: HashMap<(Pattern, Place), usize>,
    firings: usize,
}

impl Bursts {
    /// Takes one event through the engine and keeps what fired.
    pub fn observe(&mut self, engine: &mut Engine, observation: &Observation<'_>) -> Observed {
        let mut observed = engine.observe(observation);
        for fired in observed.firings.drain(..) {
            self.push((fired.pattern, fired.place), fired.firing, |pattern, firing| {
                let key = match pattern {
                    Pattern::IntegrityViolation => integrity_key(observation),
                    _ => observation.event.key().unwrap_or_default(),
                };
                let window = match pattern {
                    Pattern::IntegrityViolation => firing.counted.clone(),
                    _ => engine.window(pattern, fired.place),
                };
                new_burst(engine.settings(), pattern, observation.organization, key, window)
            });
        }
        observed
    }

    /// Keeps an id that was used again for other content.
    pub fn observe_id_conflict(&mut self, settings: &Settings, conflict: &IdConflict<'_>) {
        let mut burst = id_conflict(settings, conflict);
        let place = Place::of(conflict.organization, conflict.source_name);
        if let Some(firing) = burst.firings.pop() {
            self.push((Pattern::IdConflict, place), firing, |_, _| burst);
        }
    }

    /// Keeps what the appliance noticed of itself or its sources.
    pub fn observe_finding(&mut self, settings: &Settings, finding: &Finding<'_>) {
        let mut burst = finding_burst(settings, finding);
        let place = Place::of(None, &burst.key);
        if let Some(firing) = burst.firings.pop() {
            self.push((finding.pattern, place), firing, |_, _| burst);
        }
    }

    /// How many firings are waiting.
    pub fn firings(&self) -> usize {
        self.firings
    }

    /// The bursts in the order of their first firings; afterwards there are none.
    pub fn take(&mut self) -> Vec<Burst> {
        self.index.clear();
        self.firings = 0;
        std::mem::take(&mut self.bursts)
    }

    fn push(&mut self, at: (Pattern, Place), firing: Firing, burst: impl FnOnce(Pattern, &Firing) -> Burst) {
        let index = *self.index.entry(at).or_insert_with(|| {
            self.bursts.push(burst(at.0, &firing));
            self.bursts.len() - 1
        });
        self.bursts[index].firings.push(firing);
        self.firings += 1;
    }
}

/// An id that was used again for other content, as its entry in the log tells it.
#[derive(Clone, Copy, Debug)]
pub struct IdConflict<'a> {
    /// The place of the entry in the log.
    pub seq: Seq,
    /// The id.
    pub id: Uuid,
    /// When the second event was refused.
    pub received_at: ReceivedAt,
    /// Whose event.
    pub organization: Option<&'a str>,
    /// Who sent the second one.
    pub source: SourceId,
    /// What people call that source.
    pub source_name: &'a str,
}

/// The burst of one id that was used again. The refused event is not stored and its time not known, so the
/// time of the refusal stands for it.
pub fn id_conflict(settings: &Settings, conflict: &IdConflict<'_>) -> Burst {
    let IdConflict { seq, id, received_at, organization, source, source_name } = *conflict;
    let time = received_at.timestamp();
    let counted = vec![EvidenceItem { seq, id, time }];
    let mut burst = new_burst(settings, Pattern::IdConflict, organization, source_name, counted.clone());
    let firing =
        Firing { seq, id, received_at, time, window_end: time, counted, correlation_id: None, source };
    burst.firings.push(firing);
    burst
}

/// Something that the appliance noticed of itself or its sources, as its entry tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// What was found.
    pub pattern: Pattern,
    /// The place of the entry in the log.
    pub seq: Seq,
    /// When it was noticed.
    pub received_at: ReceivedAt,
    /// What it is about: the same again belongs to the same alert.
    pub key: &'a str,
}

/// The burst of one such finding. No event counts in it.
fn finding_burst(settings: &Settings, finding: &Finding<'_>) -> Burst {
    let Finding { pattern, seq, received_at, key } = *finding;
    let time = received_at.timestamp();
    let mut burst = new_burst(settings, pattern, None, key, Vec::new());
    burst.firings.push(Firing {
        seq,
        id: event_id(received_at, seq, 0),
        received_at,
        time,
        window_end: time,
        counted: Vec::new(),
        correlation_id: None,
        source: SourceId(0),
    });
    burst
}

/// Pattern, organisation and key in one value: SHA-256 over the pattern's name, whether there is an
/// organisation, the organisation and the key, each text led by its length as 8 bytes, the lowest first.
pub fn fingerprint(pattern: Pattern, organization: Option<&str>, key: &str) -> Fingerprint {
    hash_place(hash_text(Sha256::new(), pattern.name()), organization, key).finalize().into()
}

fn new_burst(
    settings: &Settings,
    pattern: Pattern,
    organization: Option<&str>,
    key: &str,
    window: Vec<EvidenceItem>,
) -> Burst {
    let settings = settings.for_organization(organization).get(pattern);
    let single = !Pattern::WINDOWED.contains(&pattern);
    Burst {
        fingerprint: fingerprint(pattern, organization, key),
        pattern,
        organization: organization.map(str::to_owned),
        key: key.to_owned(),
        severity: settings.severity,
        threshold: if single { 1 } else { settings.threshold.max(1) },
        timespan_secs: if single { 0 } else { settings.timespan_secs },
        cooldown_secs: settings.cooldown_secs,
        window,
        firings: Vec::new(),
    }
}
