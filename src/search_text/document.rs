//! An event or an alert as the search sees it.

use super::query::Name;
use super::words::value_kept;
use crate::model::{Alert, AuditEvent, Entry, FieldValue, ReceivedAt, organization_of};
use jiff::Timestamp;
use std::borrow::Cow;
use std::net::IpAddr;

/// What a search can look at. Made for one evaluation, or to put an event into the index.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    names: [Option<Cow<'a, str>>; Name::ALL.len()],
    /// The address as a value, and as it was written.
    pub address: Option<(IpAddr, Cow<'a, str>)>,
    /// What came of it.
    pub outcome: Option<Cow<'a, str>>,
    /// The program that was used.
    pub agent: Option<Cow<'a, str>>,
    /// Every other text whose words are looked for.
    pub texts: Vec<Cow<'a, str>>,
    /// How many records.
    pub record_count: Option<f64>,
    /// When it happened, or was raised.
    pub at: Timestamp,
    /// When it was taken in.
    pub received: ReceivedAt,
    /// Every other value by its path.
    pub values: Vec<FieldValue<'a>>,
}

/// Fields of the event that have a place of their own here; and hash and signature, which nobody looks for
/// and which would be a third of the index.
const PLACED: [&str; 20] = [
    "timestamp",
    "action",
    "status",
    "principalId",
    "organizationId",
    "targetResourceType",
    "targetResourceId",
    "outcomeDescription",
    "hash",
    "signature",
    "correlationId",
    "sessionContext.sessionId",
    "sessionContext.ipAddress",
    "sessionContext.userAgent",
    "dataClassification",
    "retentionPolicy",
    "recordCount",
    "id",
    "hashAlgorithm",
    "algorithm",
];

/// The names whose words are looked for as well.
const SPOKEN: [Name; 5] = [Name::Principal, Name::Organization, Name::Action, Name::Type, Name::Resource];

impl<'a> Document<'a> {
    /// An event. `source` is the name of its source, `values` are all values in its bytes.
    pub fn of_event(
        entry: &'a Entry,
        event: &'a AuditEvent<'_>,
        source: &'a str,
        values: Vec<FieldValue<'a>>,
    ) -> Document<'a> {
        let session = event.session.as_ref();
        let address = session.and_then(|session| session.ip_address.as_deref());
        let mut names = Names::default();
        names.put(Name::Principal, event.principal_id.as_deref());
        names.put(Name::Organization, organization_of(entry, event));
        names.put(Name::Action, Some(event.action.as_ref()));
        names.put(Name::Status, Some(event.status.name()));
        names.put(Name::Type, event.target_resource_type.as_deref());
        names.put(Name::Resource, event.target_resource_id.as_deref());
        names.put(Name::Session, session.and_then(|session| session.session_id.as_deref()));
        names.put(Name::Classification, Some(event.classification.name()));
        names.put(Name::Policy, Some(event.retention_policy.as_ref()));
        names.put(Name::Correlation, event.correlation_id.as_deref());
        names.put(Name::Verdict, Some(entry.verdict.name()));
        names.put(Name::Source, Some(source));
        names.put(Name::Id, Some(entry.id.to_string()));
        let mut document = Document {
            address: address.and_then(|text| Some((text.parse().ok()?, Cow::Borrowed(text)))),
            outcome: event.outcome_description.as_deref().map(Cow::Borrowed),
            agent: session.and_then(|session| session.user_agent.as_deref()).map(Cow::Borrowed),
            texts: names.spoken(),
            names: names.0,
            record_count: event.record_count,
            at: event.timestamp,
            received: entry.received_at,
            values,
        };
        document.values.retain(|field| !PLACED.contains(&field.path.as_str()));
        document
            .texts
            .extend(document.values.iter().filter(|field| field.is_text).map(|field| field.value.clone()));
        document.cut_values();
        document
    }

    /// An alert, with what it says of itself.
    pub fn of_alert(alert: &'a Alert, title: &'a str, description: &'a str) -> Document<'a> {
        let pattern = alert.pattern.name();
        let mut names = Names::default();
        names.put(Name::Principal, Some(alert.key.as_str()));
        names.put(Name::Organization, alert.organization.as_deref());
        names.put(Name::Status, Some(alert.status.name()));
        names.put(Name::Type, Some(alert.pattern.alert_type().name()));
        names.put(Name::Correlation, alert.correlation_id.as_deref());
        names.put(Name::Source, Some(alert.source.as_str()));
        names.put(Name::Id, Some(alert.id.to_string()));
        let tags = alert.tags();
        let mut texts = names.spoken();
        texts.extend([title, description, pattern].map(Cow::Borrowed));
        texts.extend(tags.iter().cloned().map(Cow::Owned));
        let value_at = |path: &str, value| FieldValue { path: path.to_owned(), value, is_text: true };
        let mut values = vec![
            value_at("pattern", Cow::Borrowed(pattern)),
            value_at("severity", Cow::Borrowed(alert.severity.name())),
            value_at("key", Cow::Borrowed(alert.key.as_str())),
            value_at("title", Cow::Borrowed(title)),
            value_at("description", Cow::Borrowed(description)),
            value_at("occurrences", Cow::Owned(alert.occurrences.to_string())),
        ];
        values.extend(
            tags.into_iter().flat_map(|tag| {
                [value_at("tag", Cow::Owned(tag.clone())), value_at("tags", Cow::Owned(tag))]
            }),
        );
        let mut document = Document {
            address: alert.key.parse().ok().map(|address| (address, Cow::Borrowed(alert.key.as_str()))),
            outcome: None,
            agent: None,
            texts,
            names: names.0,
            record_count: None,
            at: alert.created_at.timestamp(),
            received: alert.created_at,
            values,
        };
        document.cut_values();
        document
    }

    /// The name as it was written, as much of it as counts.
    pub fn name(&self, name: Name) -> Option<&str> {
        self.names[name as usize].as_deref()
    }

    fn cut_values(&mut self) {
        for field in &mut self.values {
            field.path = super::folded(&value_kept(field.path.as_str()));
            field.value = value_kept(std::mem::take(&mut field.value));
        }
    }
}

#[derive(Default)]
struct Names<'a>([Option<Cow<'a, str>>; Name::ALL.len()]);

impl<'a> Names<'a> {
    fn put(&mut self, name: Name, value: Option<impl Into<Cow<'a, str>>>) {
        self.0[name as usize] = value.map(value_kept);
    }

    fn spoken(&self) -> Vec<Cow<'a, str>> {
        SPOKEN.into_iter().filter_map(|name| self.0[name as usize].clone()).collect()
    }
}
