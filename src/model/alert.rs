//! The alert: what was found, on what evidence, and what people did about it.

use super::{Pattern, ReceivedAt, Seq};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Pattern, organisation and key, hashed: one fingerprint has at most one alert that is not closed.
pub type Fingerprint = [u8; 32];

/// Something that a person should look at. The detect reader raises it, people change its status, and it is
/// never removed; every step of its life is also an entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Derived from the event that fired first, so that a replay gives the same id.
    pub id: Uuid,
    /// The organisation of its events; `None` where they name none.
    pub organization: Option<String>,
    /// What was found.
    pub pattern: Pattern,
    /// The principal (or address, or source) that it is about.
    pub key: String,
    /// Pattern, organisation and key in one value.
    #[serde(with = "hex::serde")]
    pub fingerprint: Fingerprint,
    /// How serious.
    pub severity: Severity,
    /// Where it stands.
    pub status: AlertStatus,
    /// The `receivedAt` of the event that fired first.
    pub created_at: ReceivedAt,
    /// The `receivedAt` of the event that fired last.
    pub last_seen_at: ReceivedAt,
    /// How often the pattern fired, the first time included.
    pub occurrences: u64,
    /// The threshold in force when it was raised.
    pub threshold: u64,
    /// The timespan in force when it was raised.
    pub timespan_secs: u64,
    /// Event time of the first firing.
    pub first_fired_at: Timestamp,
    /// Event time of the latest firing.
    pub last_fired_at: Timestamp,
    /// Event time of the last notification; the cooldown runs from here.
    pub last_notified_at: Timestamp,
    /// Whether the last notification was decided while a silence or a maintenance window covered it, so that nobody was told:
    /// the next firing that none covers is told, whatever the cooldown says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unheard: bool,
    /// How long after a notification the next one may follow.
    pub cooldown_secs: u64,
    /// Correlation id of the event that fired first.
    pub correlation_id: Option<String>,
    /// The trace of the request that brought the event that fired first, 32 hex digits, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Name of the source of the event that fired first.
    pub source: String,
    /// The events that counted.
    pub evidence: Evidence,
    /// What was done about it, oldest first.
    pub history: Vec<AlertStep>,
}

impl Alert {
    /// Whether it is resolved or dismissed.
    pub fn is_closed(&self) -> bool {
        matches!(self.status, AlertStatus::Resolved | AlertStatus::Dismissed)
    }

    /// Words to group by: the pattern in lower case.
    pub fn tags(&self) -> Vec<String> {
        vec![tag_of(self.pattern)]
    }

    /// The last step of that kind, if there was one.
    pub fn last_step(&self, change: AlertChange) -> Option<&AlertStep> {
        self.history.iter().rev().find(|step| step.change == change)
    }
}

/// The tag of the alerts of a pattern: its name in lower case, as `failed-auth`.
pub fn tag_of(pattern: Pattern) -> String {
    pattern.name().to_lowercase().replace('_', "-")
}

/// The events that counted towards an alert: all of them up to 1,000, then the first and the last 500.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// How many distinct events counted.
    pub count: u64,
    /// Event time of the earliest.
    pub first_event_at: Option<Timestamp>,
    /// Event time of the latest.
    pub last_event_at: Option<Timestamp>,
    /// The first events that counted: up to 1,000 while there are no more, else 500.
    pub first: Vec<EvidenceItem>,
    /// The last 500 that counted, once there are more than 1,000.
    pub last: std::collections::VecDeque<EvidenceItem>,
}

/// One event that counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceItem {
    /// Its place in the log.
    pub seq: Seq,
    /// Its id.
    pub id: Uuid,
    /// Its own time.
    pub time: Timestamp,
}

/// One step in the life of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertStep {
    /// What was done.
    pub change: AlertChange,
    /// When.
    pub at: ReceivedAt,
    /// By whom; `sealwatch` for the appliance itself.
    pub by: String,
    /// Why, in the person's own words.
    pub note: Option<String>,
}

/// What can be done to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertChange {
    /// It was raised.
    Raised,
    /// People were told of it.
    Notified,
    /// Someone looks into it.
    Acknowledged,
    /// It was dealt with.
    Resolved,
    /// It was not worth dealing with.
    Dismissed,
    /// It was closed too early.
    Reopened,
    /// Something was said about it.
    Commented,
    /// A silence covered it when it was raised.
    Suppressed,
    /// It fired, and no silence covered it any more.
    Resumed,
}

impl AlertChange {
    /// The past participle that stands in the log and on pages.
    pub fn name(self) -> &'static str {
        match self {
            AlertChange::Raised => "raised",
            AlertChange::Notified => "notified",
            AlertChange::Acknowledged => "acknowledged",
            AlertChange::Resolved => "resolved",
            AlertChange::Dismissed => "dismissed",
            AlertChange::Reopened => "reopened",
            AlertChange::Commented => "commented",
            AlertChange::Suppressed => "suppressed",
            AlertChange::Resumed => "resumed",
        }
    }

    /// Whether it is an entry of its own, with who did it and why. That it was raised and that people were told of it
    /// have entries of other kinds.
    pub fn is_entered_as_change(self) -> bool {
        !matches!(self, AlertChange::Raised | AlertChange::Notified)
    }
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// Nobody has looked yet.
    Active,
    /// Someone is on it.
    Acknowledged,
    /// Dealt with.
    Resolved,
    /// Not worth dealing with.
    Dismissed,
    /// A silence covered it when it was raised, and it has not fired since that ended. Nobody has closed it.
    Suppressed,
}

impl AlertStatus {
    /// Every status, the most urgent first.
    pub const ALL: [AlertStatus; 5] = [
        AlertStatus::Active,
        AlertStatus::Acknowledged,
        AlertStatus::Suppressed,
        AlertStatus::Resolved,
        AlertStatus::Dismissed,
    ];

    /// The name in answers and on pages.
    pub fn name(self) -> &'static str {
        match self {
            AlertStatus::Active => "active",
            AlertStatus::Acknowledged => "acknowledged",
            AlertStatus::Resolved => "resolved",
            AlertStatus::Dismissed => "dismissed",
            AlertStatus::Suppressed => "suppressed",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<AlertStatus> {
        AlertStatus::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// How serious an alert is; the order is from harmless to critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Worth a look this week.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// Worth waking someone.
    Critical,
}

impl Severity {
    /// Every severity, the most serious first.
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    /// The name in answers, settings and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "INFO",
            Severity::Low => "LOW",
            Severity::Medium => "MEDIUM",
            Severity::High => "HIGH",
            Severity::Critical => "CRITICAL",
        }
    }

    /// The severity of that name.
    pub fn from_name(name: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// What area an alert belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AlertType {
    /// Misuse or tampering.
    Security,
    /// A rule of law or contract.
    Compliance,
    /// Too slow.
    Performance,
    /// The appliance or its host.
    System,
    /// A number out of its range.
    Metrics,
    /// A notification that did not arrive.
    Delivery,
    /// Anything else.
    Custom,
}

impl AlertType {
    /// Every type.
    pub const ALL: [AlertType; 7] = [
        AlertType::Security,
        AlertType::Compliance,
        AlertType::Performance,
        AlertType::System,
        AlertType::Metrics,
        AlertType::Delivery,
        AlertType::Custom,
    ];

    /// The name in answers and on pages.
    pub fn name(self) -> &'static str {
        match self {
            AlertType::Security => "SECURITY",
            AlertType::Compliance => "COMPLIANCE",
            AlertType::Performance => "PERFORMANCE",
            AlertType::System => "SYSTEM",
            AlertType::Metrics => "METRICS",
            AlertType::Delivery => "DELIVERY",
            AlertType::Custom => "CUSTOM",
        }
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<AlertType> {
        AlertType::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
