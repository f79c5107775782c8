//! That the events are those that the alert names, and about whom it says they are.

use super::alert::names_all;
use crate::decode;
use crate::evidence::exhibit::{Exhibit, ProvedEntry};
use crate::evidence::finding::Finding;
use crate::evidence::layout::{ALERT, EVENTS, by_seq, name_of};
use crate::model::{
    Activity, Alert, AuditEvent, EntryKind, EvidenceItem, Pattern, event_id, seq_of_event_id,
};
use std::collections::BTreeSet;

pub(super) fn check(exhibit: &Exhibit, findings: &mut Vec<Finding>) {
    let alert = &exhibit.alert;
    let entries = by_seq(&exhibit.events);
    let mut named = BTreeSet::new();
    for item in alert.evidence.first.iter().chain(&alert.evidence.last) {
        let mut wrong = |what: &str| findings.push(Finding::new(name_of(EVENTS, item.seq.0, ".json"), what));
        if !named.insert(item.seq) {
            wrong("the alert names the event twice");
        }
        match entries.get(&item.seq) {
            None => wrong("the event that the alert names is missing"),
            Some(entry) => check_event(alert, item, entry).unwrap_or_else(wrong),
        }
    }
    for seq in entries.keys().filter(|seq| !named.contains(seq)) {
        findings.push(Finding::new(name_of(EVENTS, seq.0, ".json"), "the alert does not name this event"));
    }
    check_firing(exhibit, findings);
}

fn check_event(alert: &Alert, item: &EvidenceItem, entry: &ProvedEntry) -> Result<(), &'static str> {
    let leaf = entry.parts().ok_or("its leaf cannot be read")?;
    if leaf.kind == EntryKind::Activity {
        return check_conflict(alert, item, entry);
    }
    let event = decode::stored(&entry.body, leaf.received_at).map_err(|_| "it cannot be read as an event")?;
    let random = entry.salt.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let id = event.id.unwrap_or_else(|| event_id(leaf.received_at, entry.seq, random));
    if item.id != id {
        return Err("its id is not the one that the alert names");
    }
    if item.time != event.timestamp {
        return Err("its time is not the one that the alert names");
    }
    // An integrity violation is about a key where the event has one, and else about a source.
    let is_of_key = event.key().is_none_or(|key| key == alert.key);
    if alert.pattern == Pattern::IdConflict || !is_of_key {
        return Err("it is not about whom the alert is");
    }
    if event.key().is_none() && Pattern::WINDOWED.contains(&alert.pattern) {
        return Err("it is about nobody");
    }
    // Where an event names none, it counts as its API key's, which is not in the log.
    if named_organization(&event).is_some_and(|name| alert.organization.as_deref() != Some(name)) {
        return Err("it is of another organisation than the alert");
    }
    Ok(())
}

fn named_organization<'a>(event: &'a AuditEvent<'_>) -> Option<&'a str> {
    event.organization_id.as_deref().filter(|name| !name.is_empty())
}

/// The refusal of an id that came again stands for the event, which was not stored.
fn check_conflict(alert: &Alert, item: &EvidenceItem, entry: &ProvedEntry) -> Result<(), &'static str> {
    match entry.activity() {
        Some(Activity::IdConflict { id, organization, .. })
            if alert.pattern == Pattern::IdConflict
                && id == item.id
                && organization == alert.organization
                && item.time == entry.received_at().timestamp() =>
        {
            Ok(())
        }
        _ => Err("it is not the refusal that the alert names"),
    }
}

/// The event that fired first is named by the alert's own id.
fn check_firing(exhibit: &Exhibit, findings: &mut Vec<Finding>) {
    let alert = &exhibit.alert;
    let mut wrong = |what: &str| findings.push(Finding::new(ALERT, what));
    let entries = by_seq(&exhibit.events);
    let items = || alert.evidence.first.iter().chain(&alert.evidence.last);
    let firing = seq_of_event_id(alert.id).and_then(|seq| {
        let item = items().find(|item| item.seq == seq)?;
        entries.get(&seq).map(|entry| (item, *entry))
    });
    match firing {
        Some((item, entry)) => {
            let event = decode::stored(&entry.body, entry.received_at());
            let correlation = event.ok().and_then(|event| Some(event.correlation_id?.into_owned()));
            if (entry.received_at(), item.time) != (alert.created_at, alert.first_fired_at) {
                wrong("when it fired first is not when that event came and happened");
            }
            if correlation != alert.correlation_id {
                wrong("the correlation id is not that of the event that fired first");
            }
        }
        None if names_all(alert) => wrong("the event that fired first is not among its events"),
        None => {}
    }
    if names_all(alert) {
        if !items().any(|item| item.time == alert.last_fired_at) {
            wrong("when it fired last is not when one of its events happened");
        }
        if !exhibit.events.iter().any(|entry| entry.received_at() == alert.last_seen_at) {
            wrong("when it was seen last is not when one of its events came");
        }
    }
}
