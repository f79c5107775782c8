//! What a caller asks of events and alerts: filters, order and page, always within the caller's
//! organisations.

use super::{
    Alert, AlertStatus, AlertType, AuditEvent, Classification, Entry, Organizations, Pattern, ReceivedAt,
    Severity, Status, Verdict,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Which events are asked for. Empty lists and `None` do not restrict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    /// What the caller may see.
    pub scope: Organizations,
    /// Event time, the first that counts.
    pub from: Option<Timestamp>,
    /// Event time, the last that counts.
    pub to: Option<Timestamp>,
    /// Time of receipt, the first that counts.
    pub received_from: Option<ReceivedAt>,
    /// Time of receipt, the first that counts no more.
    pub received_before: Option<ReceivedAt>,
    /// `principalId`, whole.
    pub principals: BTreeSet<String>,
    /// Organisation, whole.
    pub organizations: BTreeSet<String>,
    /// `action`, whole, or with a trailing `*` its beginning.
    pub actions: BTreeSet<String>,
    /// `status`.
    pub statuses: BTreeSet<Status>,
    /// `dataClassification`.
    pub classifications: BTreeSet<Classification>,
    /// `targetResourceType`, whole.
    pub resource_types: BTreeSet<String>,
    /// `targetResourceId`, whole.
    pub resource_ids: BTreeSet<String>,
    /// `sessionContext.ipAddress`, whole.
    pub addresses: BTreeSet<String>,
    /// `correlationId`, whole.
    pub correlation: Option<String>,
    /// What checking the integrity found.
    pub verdicts: BTreeSet<Verdict>,
}

impl EventFilter {
    /// Every event that the caller may see.
    pub fn all(scope: Organizations) -> EventFilter {
        EventFilter {
            scope,
            from: None,
            to: None,
            received_from: None,
            received_before: None,
            principals: BTreeSet::new(),
            organizations: BTreeSet::new(),
            actions: BTreeSet::new(),
            statuses: BTreeSet::new(),
            classifications: BTreeSet::new(),
            resource_types: BTreeSet::new(),
            resource_ids: BTreeSet::new(),
            addresses: BTreeSet::new(),
            correlation: None,
            verdicts: BTreeSet::new(),
        }
    }

    /// Whether only the time restricts, so that counting needs no look at the events.
    pub fn is_time_only(&self) -> bool {
        self.scope == Organizations::All
            && self.correlation.is_none()
            && self.received_from.is_none()
            && self.received_before.is_none()
            && self.statuses.is_empty()
            && self.classifications.is_empty()
            && self.verdicts.is_empty()
            && [
                &self.principals,
                &self.organizations,
                &self.actions,
                &self.resource_types,
                &self.resource_ids,
                &self.addresses,
            ]
            .iter()
            .all(|names| names.is_empty())
    }

    /// Whether the event is one of those asked for.
    pub fn matches(&self, entry: &Entry, event: &AuditEvent<'_>) -> bool {
        let organization = organization_of(entry, event);
        let address = event.session.as_ref().and_then(|session| session.ip_address.as_deref());
        self.scope.allow(organization)
            && self.from.is_none_or(|from| event.timestamp >= from)
            && self.to.is_none_or(|to| event.timestamp <= to)
            && self.received_from.is_none_or(|from| entry.received_at >= from)
            && self.received_before.is_none_or(|end| entry.received_at < end)
            && is_one_of(event.principal_id.as_deref(), &self.principals)
            && is_one_of(organization, &self.organizations)
            && (self.actions.is_empty() || self.actions.iter().any(|wanted| is_action(&event.action, wanted)))
            && (self.statuses.is_empty() || self.statuses.contains(&event.status))
            && (self.classifications.is_empty() || self.classifications.contains(&event.classification))
            && is_one_of(event.target_resource_type.as_deref(), &self.resource_types)
            && is_one_of(event.target_resource_id.as_deref(), &self.resource_ids)
            && is_one_of(address, &self.addresses)
            && self.correlation.as_deref().is_none_or(|id| event.correlation_id.as_deref() == Some(id))
            && (self.verdicts.is_empty() || self.verdicts.contains(&entry.verdict))
    }
}

fn is_one_of(value: Option<&str>, wanted: &BTreeSet<String>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
}

fn is_action(action: &str, wanted: &str) -> bool {
    wanted.strip_suffix('*').map_or_else(|| action == wanted, |beginning| action.starts_with(beginning))
}

/// The organisation that an event counts as: its own, or that of the API key that sent it.
pub fn organization_of<'a>(entry: &'a Entry, event: &'a AuditEvent<'_>) -> Option<&'a str> {
    let own = event.organization_id.as_deref().filter(|name| !name.is_empty());
    own.or(entry.assigned_organization.as_deref())
}

/// By what events are ordered; ties are broken by their place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOrder {
    /// When it happened.
    Timestamp,
    /// When it was taken in.
    ReceivedAt,
}

/// A page of events.
#[derive(Clone, Debug)]
pub struct EventQuery {
    /// Which.
    pub filter: EventFilter,
    /// By what they are ordered.
    pub order: EventOrder,
    /// The newest first.
    pub descending: bool,
    /// How many to pass over.
    pub offset: usize,
    /// How many at most.
    pub limit: usize,
    /// Only those after this place in the order.
    pub after: Option<EventCursor>,
}

/// A place in the order of events: the last one of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventCursor {
    /// The value that the events are ordered by, in nanoseconds since 1970.
    pub nanos: i128,
    /// Its place in the log.
    pub seq: u64,
}

/// Which alerts are asked for. Empty sets and `None` do not restrict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertFilter {
    /// What the caller may see.
    pub scope: Organizations,
    /// Where they stand.
    pub statuses: BTreeSet<AlertStatus>,
    /// How serious.
    pub severities: BTreeSet<Severity>,
    /// What area.
    pub types: BTreeSet<AlertType>,
    /// What they are about.
    pub patterns: BTreeSet<Pattern>,
    /// Whose.
    pub organizations: BTreeSet<String>,
    /// The source of the event that fired first.
    pub sources: BTreeSet<String>,
    /// Tags, any of them.
    pub tags: BTreeSet<String>,
    /// `createdAt`, the first that counts.
    pub from: Option<Timestamp>,
    /// `createdAt`, the last that counts.
    pub to: Option<Timestamp>,
}

impl AlertFilter {
    /// Every alert that the caller may see.
    pub fn all(scope: Organizations) -> AlertFilter {
        AlertFilter {
            scope,
            statuses: BTreeSet::new(),
            severities: BTreeSet::new(),
            types: BTreeSet::new(),
            patterns: BTreeSet::new(),
            organizations: BTreeSet::new(),
            sources: BTreeSet::new(),
            tags: BTreeSet::new(),
            from: None,
            to: None,
        }
    }

    /// Those that nobody has closed.
    pub fn open(scope: Organizations) -> AlertFilter {
        let statuses =
            BTreeSet::from([AlertStatus::Active, AlertStatus::Acknowledged, AlertStatus::Suppressed]);
        AlertFilter { statuses, ..AlertFilter::all(scope) }
    }

    /// Whether the alert is one of those asked for.
    pub fn matches(&self, alert: &Alert) -> bool {
        let created_at = alert.created_at.timestamp();
        self.scope.allow(alert.organization.as_deref())
            && (self.statuses.is_empty() || self.statuses.contains(&alert.status))
            && (self.severities.is_empty() || self.severities.contains(&alert.severity))
            && (self.types.is_empty() || self.types.contains(&alert.pattern.alert_type()))
            && (self.patterns.is_empty() || self.patterns.contains(&alert.pattern))
            && is_one_of(alert.organization.as_deref(), &self.organizations)
            && is_one_of(Some(&alert.source), &self.sources)
            && (self.tags.is_empty() || alert.tags().iter().any(|tag| self.tags.contains(tag)))
            && self.from.is_none_or(|from| created_at >= from)
            && self.to.is_none_or(|to| created_at <= to)
    }
}

/// By what alerts are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertOrder {
    /// When it was raised.
    CreatedAt,
    /// When it fired last.
    LastSeenAt,
    /// How serious.
    Severity,
    /// Where it stands.
    Status,
    /// What it is about, by name.
    Pattern,
    /// Whose.
    Organization,
    /// How often it fired.
    Occurrences,
}
