//! The audit event: who did what to which record, with what outcome.

use super::SessionContext;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use uuid::Uuid;

/// One audit event as its sender wrote it, checked against every rule of the wire format. `decode` makes it
/// out of the raw bytes, from which it borrows; it ends with them.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent<'a> {
    /// `timestamp` as the text sent, which is what the hash covers. `None` where the sender left it to the
    /// server.
    pub timestamp_text: Option<Cow<'a, str>>,
    /// When it happened: `timestamp` as an instant, or the time of receipt where none was sent.
    pub timestamp: Timestamp,
    /// `action`, 1 to 10,000 characters.
    pub action: Cow<'a, str>,
    /// `status`.
    pub status: Status,
    /// `principalId`: who did it. The empty string is kept as sent; see [`AuditEvent::key`].
    pub principal_id: Option<Cow<'a, str>>,
    /// `organizationId` as sent. The organisation that an event counts as may come from the API key instead.
    pub organization_id: Option<Cow<'a, str>>,
    /// `targetResourceType`.
    pub target_resource_type: Option<Cow<'a, str>>,
    /// `targetResourceId`.
    pub target_resource_id: Option<Cow<'a, str>>,
    /// `outcomeDescription`.
    pub outcome_description: Option<Cow<'a, str>>,
    /// What the sender claims of the event's integrity.
    pub claim: Claim<'a>,
    /// `eventVersion`.
    pub event_version: Option<Cow<'a, str>>,
    /// `correlationId`.
    pub correlation_id: Option<Cow<'a, str>>,
    /// `sessionContext`.
    pub session: Option<SessionContext<'a>>,
    /// `dataClassification`, or its default.
    pub classification: Classification,
    /// `retentionPolicy`; `standard` where none is named.
    pub retention_policy: Cow<'a, str>,
    /// `recordCount`: how many records the action touched.
    pub record_count: Option<f64>,
    /// `id`, where the sender gave one.
    pub id: Option<Uuid>,
    /// `sourceSeq`: the sender's own running number.
    pub source_seq: Option<i64>,
}

impl AuditEvent<'_> {
    /// What the windows count by: the principal, or without one (absent or empty) the address it came from.
    pub fn key(&self) -> Option<&str> {
        let principal = self.principal_id.as_deref().filter(|id| !id.is_empty());
        principal.or_else(|| self.session.as_ref()?.ip_address.as_deref())
    }
}

/// The hash and the signature that came with an event, unchecked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claim<'a> {
    /// `hash`: 64 hex digits.
    pub hash: Option<Cow<'a, str>>,
    /// `hashAlgorithm`: `SHA-256` (the default) or `SHA-256-JCS`; `decode` refuses any other.
    pub hash_algorithm: Option<Cow<'a, str>>,
    /// `signature`.
    pub signature: Option<Cow<'a, str>>,
    /// `algorithm`: how the signature was made; `HMAC-SHA256` where none is named.
    pub algorithm: Option<Cow<'a, str>>,
}

/// A value within an event that is no container, wherever it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldValue<'a> {
    /// The names of the fields that lead to it, with dots between; places in arrays are left out.
    pub path: String,
    /// The text, or a number or a truth value as written.
    pub value: Cow<'a, str>,
    /// Whether it is a text.
    pub is_text: bool,
}

/// How the action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was tried; the outcome is not known.
    Attempt,
    /// It was done.
    Success,
    /// It was refused or failed.
    Failure,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 3] = [Status::Attempt, Status::Success, Status::Failure];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Status::Attempt => "attempt",
            Status::Success => "success",
            Status::Failure => "failure",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// How sensitive the data is that the action touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Classification {
    /// Anyone may see it.
    Public,
    /// For the organisation; what an event without a classification counts as.
    #[default]
    Internal,
    /// For few.
    Confidential,
    /// Protected health information.
    Phi,
}

impl Classification {
    /// Every classification, the least sensitive first.
    pub const ALL: [Classification; 4] =
        [Classification::Public, Classification::Internal, Classification::Confidential, Classification::Phi];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Classification::Public => "PUBLIC",
            Classification::Internal => "INTERNAL",
            Classification::Confidential => "CONFIDENTIAL",
            Classification::Phi => "PHI",
        }
    }

    /// The classification of that name.
    pub fn from_name(name: &str) -> Option<Classification> {
        Classification::ALL.into_iter().find(|class| class.name() == name)
    }
}
