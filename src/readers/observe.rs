//! From an entry of the log to what detection sees of it: the same live, after a restart and in a preview.

use crate::decode;
use crate::detect::{Bursts, Engine, Finding, IdConflict, Observation, Observed};
use crate::model::{Activity, AuditEvent, DiskState, Entry, EntryFlags, EntryKind, Pattern, organization_of};
use std::borrow::Cow;

/// Takes an entry that is an event through the engine.
pub(super) fn observe_event(
    entry: &Entry,
    event: &AuditEvent<'_>,
    source_name: &str,
    engine: &mut Engine,
    bursts: &mut Bursts,
) -> Observed {
    bursts.observe(
        engine,
        &Observation {
            seq: entry.seq,
            id: entry.id,
            received_at: entry.received_at,
            source: entry.source,
            source_name,
            organization: organization_of(entry, event),
            event,
            verdict: entry.verdict,
            time_suspect: entry.flags.has(EntryFlags::TIME_SUSPECT),
        },
    )
}

/// Takes the entry of something done that is itself worth an alert.
pub(super) fn observe_activity(
    entry: &Entry,
    activity: &Activity,
    source_name: &str,
    engine: &Engine,
    bursts: &mut Bursts,
) {
    let (seq, received_at) = (entry.seq, entry.received_at);
    match activity {
        Activity::IdConflict { id, organization, .. } => {
            let conflict = IdConflict {
                seq,
                id: *id,
                received_at,
                organization: organization.as_deref(),
                source: entry.source,
                source_name,
            };
            bursts.observe_id_conflict(engine.settings(), &conflict);
        }
        _ => {
            if let Some((pattern, key)) = finding(activity) {
                let finding = Finding { pattern, seq, received_at, key: &key };
                bursts.observe_finding(engine.settings(), &finding);
            }
        }
    }
}

/// What the appliance noticed that is worth an alert, and what it is about: the same again belongs to the same alert.
fn finding(activity: &Activity) -> Option<(Pattern, Cow<'_, str>)> {
    Some(match activity {
        // About the place, so that the next check, which finds the same, belongs to the same alert.
        Activity::LogChecked { findings: 1.., first, first_entry, .. } => {
            let key = first_entry.map(|entry| Cow::from(format!("entry {entry}")));
            (Pattern::LogDamage, key.unwrap_or_else(|| first.as_deref().unwrap_or("something").into()))
        }
        Activity::DiskChanged { state, .. } if *state >= DiskState::Short => {
            (Pattern::DiskSpace, "data directory".into())
        }
        Activity::ClockJumped { .. } => (Pattern::ClockJump, "clock of the host".into()),
        Activity::SourceSilent { source, .. } => (Pattern::SourceSilent, source.into()),
        Activity::DeadLettersWait { waiting, waiting_max } if waiting > waiting_max => {
            (Pattern::DeadLetters, "Dead letters".into())
        }
        Activity::BooksDiffer { source, .. } => (Pattern::BooksDiffer, source.into()),
        Activity::TargetBroken { target, .. } | Activity::DeliveriesGivenUp { target, .. } => {
            (Pattern::Undelivered, target.into())
        }
        _ => return None,
    })
}

/// What the appliance noticed to be over: what its alert was about, and why nobody needs to look any more.
pub(super) fn relief(activity: &Activity) -> Option<(Pattern, &str, &'static str)> {
    match activity {
        Activity::TargetMended { target } => {
            Some((Pattern::Undelivered, target, "there is no more trouble with this target"))
        }
        _ => None,
    }
}

/// The event of an entry. One that cannot be decoded is named and passed over.
pub(super) fn event_of(entry: &Entry) -> Option<AuditEvent<'_>> {
    match decode::stored(&entry.body, entry.received_at) {
        Ok(event) => Some(event),
        Err(fault) => {
            tracing::error!(
                seq = entry.seq.0,
                code = fault.code,
                "a stored event cannot be decoded; detection passes over it"
            );
            None
        }
    }
}

/// What an entry asks the readers to do with dead letters.
pub(super) struct Asked {
    pub(super) ids: Vec<String>,
    /// Whether to try them again; else they are given up.
    pub(super) again: bool,
}

/// What an entry says of dead letters that were decided about.
pub(super) fn dead_letters_asked(entry: &Entry) -> Option<Asked> {
    if entry.kind != EntryKind::Activity {
        return None;
    }
    match activity_of(entry)? {
        Activity::DeadLettersRetried { ids, .. } => Some(Asked { ids, again: true }),
        Activity::DeadLettersDiscarded { ids, .. } => Some(Asked { ids, again: false }),
        _ => None,
    }
}

/// What was done by an entry that is no event.
pub(super) fn activity_of(entry: &Entry) -> Option<Activity> {
    serde_json::from_slice(&entry.body).ok()
}
