//! What events and alerts look like in answers.

use crate::decode;
use crate::detect;
use crate::model::{Alert, AlertChange, AlertStep, EntryFlags, ReceivedAt, Stored};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt::Write;

/// Members that the appliance adds to an event, which win over the sender's own of that name.
const ADDED: [&str; 8] =
    ["id", "seq", "receivedAt", "integrity", "leafHash", "source", "timeSuspect", "unknownVersion"];

/// A stored event: its own members as sent, to the letter, and what the appliance adds. A time or an
/// organisation that the server supplied stands where the sender's would.
pub fn event_json(stored: &Stored, source: &str) -> Box<RawValue> {
    let entry = &stored.entry;
    let mut json = format!(
        r#"{{"id":"{}","seq":{},"receivedAt":"{}","integrity":"{}","leafHash":"{}","source":{}"#,
        entry.id,
        entry.seq,
        instant(entry.received_at),
        entry.verdict.name(),
        hex::encode(stored.leaf_hash),
        quoted(source),
    );
    if entry.flags.has(EntryFlags::TIME_SUSPECT) {
        json.push_str(r#","timeSuspect":true"#);
    }
    if entry.flags.has(EntryFlags::UNKNOWN_VERSION) {
        json.push_str(r#","unknownVersion":true"#);
    }
    let members = decode::members(&entry.body).unwrap_or_default();
    if entry.flags.has(EntryFlags::TIME_ASSIGNED) {
        add(&mut json, "timestamp", &quoted(&instant(entry.received_at)));
    }
    if let Some(organization) = &entry.assigned_organization {
        add(&mut json, "organizationId", &quoted(organization));
    }
    let supplied = |name: &str| {
        ADDED.contains(&name)
            || (name == "timestamp" && entry.flags.has(EntryFlags::TIME_ASSIGNED))
            || (name == "organizationId" && entry.assigned_organization.is_some())
    };
    for (name, value) in members.iter().filter(|(name, _)| !supplied(name)) {
        add(&mut json, name, value.get());
    }
    json.push('}');
    RawValue::from_string(json).expect("every member was parsed or made here")
}

fn add(json: &mut String, name: &str, value: &str) {
    write!(json, ",{}:{value}", quoted(name)).expect("a string takes all text");
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

/// A time of receipt as RFC 3339 with all its digits.
pub fn instant(received_at: ReceivedAt) -> String {
    received_at.timestamp().to_string()
}

/// An alert as it stands in answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertJson {
    id: uuid::Uuid,
    organization_id: Option<String>,
    title: String,
    description: String,
    severity: &'static str,
    status: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    source: String,
    created_at: String,
    last_seen_at: String,
    occurrences: u64,
    acknowledged: bool,
    acknowledged_at: Option<String>,
    acknowledged_by: Option<String>,
    resolved: bool,
    resolved_at: Option<String>,
    resolved_by: Option<String>,
    resolution_notes: Option<String>,
    correlation_id: Option<String>,
    trace_id: Option<String>,
    tags: Vec<String>,
    metadata: AlertMetadata,
    history: Vec<StepJson>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertMetadata {
    pattern_type: &'static str,
    key: String,
    event_count: u64,
    threshold: u64,
    timespan_seconds: u64,
    first_fired_at: Timestamp,
    last_fired_at: Timestamp,
    last_notified_at: Timestamp,
    cooldown_seconds: u64,
    first_event_at: Option<Timestamp>,
    last_event_at: Option<Timestamp>,
    event_ids: Vec<uuid::Uuid>,
    /// Events between the first and the last 500, which are not named.
    events_not_named: u64,
}

#[derive(Debug, Serialize)]
struct StepJson {
    change: &'static str,
    at: String,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl From<&AlertStep> for StepJson {
    fn from(step: &AlertStep) -> StepJson {
        StepJson {
            change: step.change.name(),
            at: instant(step.at),
            by: step.by.clone(),
            note: step.note.clone(),
        }
    }
}

impl From<&Alert> for AlertJson {
    fn from(alert: &Alert) -> AlertJson {
        let acknowledged = since_reopened(alert, &[AlertChange::Acknowledged]);
        let closed = since_reopened(alert, &[AlertChange::Resolved, AlertChange::Dismissed]);
        let resolved = closed.filter(|step| step.change == AlertChange::Resolved);
        AlertJson {
            id: alert.id,
            organization_id: alert.organization.clone(),
            title: detect::title(alert.pattern, &alert.key),
            description: detect::explain(alert),
            severity: alert.severity.name(),
            status: alert.status.name(),
            kind: alert.pattern.alert_type().name(),
            source: alert.source.clone(),
            created_at: instant(alert.created_at),
            last_seen_at: instant(alert.last_seen_at),
            occurrences: alert.occurrences,
            acknowledged: acknowledged.is_some(),
            acknowledged_at: acknowledged.map(|step| instant(step.at)),
            acknowledged_by: acknowledged.map(|step| step.by.clone()),
            resolved: resolved.is_some(),
            resolved_at: resolved.map(|step| instant(step.at)),
            resolved_by: resolved.map(|step| step.by.clone()),
            resolution_notes: closed.and_then(|step| step.note.clone()),
            correlation_id: alert.correlation_id.clone(),
            trace_id: alert.trace_id.clone(),
            tags: alert.tags(),
            metadata: AlertMetadata::from(alert),
            history: alert.history.iter().map(StepJson::from).collect(),
        }
    }
}

impl From<&Alert> for AlertMetadata {
    fn from(alert: &Alert) -> AlertMetadata {
        let evidence = &alert.evidence;
        let event_ids: Vec<_> = evidence.first.iter().chain(&evidence.last).map(|item| item.id).collect();
        AlertMetadata {
            pattern_type: alert.pattern.name(),
            key: alert.key.clone(),
            event_count: evidence.count,
            threshold: alert.threshold,
            timespan_seconds: alert.timespan_secs,
            first_fired_at: alert.first_fired_at,
            last_fired_at: alert.last_fired_at,
            last_notified_at: alert.last_notified_at,
            cooldown_seconds: alert.cooldown_secs,
            first_event_at: evidence.first_event_at,
            last_event_at: evidence.last_event_at,
            events_not_named: evidence.count.saturating_sub(event_ids.len() as u64),
            event_ids,
        }
    }
}

/// The last step of one of these kinds, unless the alert was reopened after it.
fn since_reopened<'a>(alert: &'a Alert, changes: &[AlertChange]) -> Option<&'a AlertStep> {
    let latest = alert.history.iter().rev();
    let mut since = latest.take_while(|step| step.change != AlertChange::Reopened);
    since.find(|step| changes.contains(&step.change))
}
