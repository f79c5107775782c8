//! From the bytes of one event to what the log takes: decode, check against the sender's rights, verify.

use super::Notes;
use crate::decode::{self, Fault, Limits};
use crate::integrity;
use crate::merkle;
use crate::model::{AuditEvent, Draft, EntryFlags, Salt, SourceId};
use jiff::Timestamp;

/// Who sends, as far as an event must be held against it.
#[derive(Clone, Copy)]
pub struct Sender<'a> {
    /// The number of the API key.
    pub source: SourceId,
    /// The organisation that the key is bound to.
    pub organization: Option<&'a str>,
    /// What its events are signed with, where that is known.
    pub key: Option<&'a integrity::Key>,
}

/// Why an event was not taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// It breaks a rule of the format.
    Fault(Fault),
    /// It is of an organisation that the key may not write for.
    Organization,
    /// Its id was used before for other content.
    IdConflict,
}

impl Rejection {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::Fault(fault) => fault.code,
            Rejection::Organization => "organization_not_allowed",
            Rejection::IdConflict => "id_conflict",
        }
    }

    /// The field that breaks the rule.
    pub fn field(&self) -> Option<&str> {
        match self {
            Rejection::Fault(fault) => fault.field.as_deref(),
            Rejection::Organization => Some("organizationId"),
            Rejection::IdConflict => Some("id"),
        }
    }

    /// The rule, for people.
    pub fn message(&self) -> &str {
        match self {
            Rejection::Fault(fault) => &fault.message,
            Rejection::Organization => {
                "organizationId must be that of this key, which sends for its own organisation only"
            }
            Rejection::IdConflict => {
                "an event with this id and other content was stored before; this one was not stored"
            }
        }
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Rejection {
        Rejection::Fault(fault)
    }
}

/// Makes the draft of one event. `assumed` is the time of receipt where the form lets the server supply a
/// missing `timestamp`; `content_digest` is only asked for an event with an id. `notes` are on all events of the request.
pub fn draft(
    raw: &[u8],
    sender: &Sender<'_>,
    limits: &Limits,
    assumed: Option<Timestamp>,
    salt: Salt,
    content_digest: impl FnOnce(&[u8]) -> [u8; 16],
    notes: &mut Notes,
) -> Result<Draft, Rejection> {
    let decoded = decode::event(raw, limits, assumed);
    notes.validated();
    let event = decoded?;
    let own = event.organization_id.as_deref().filter(|name| !name.is_empty());
    if let (Some(bound), Some(own)) = (sender.organization, own)
        && bound != own
    {
        return Err(Rejection::Organization);
    }
    let finding = integrity::verify(&event, raw, sender.key);
    let organization = own.or(sender.organization);
    notes.event(&event, organization);
    let body_digest = merkle::body_digest(&salt, raw);
    notes.checked();
    Ok(Draft {
        id: event.id,
        source: sender.source,
        verdict: finding.verdict,
        flags: flags(&event),
        timestamp: event.timestamp_text.is_some().then_some(event.timestamp),
        organization: organization.map(str::to_owned),
        organization_assigned: own.is_none() && sender.organization.is_some(),
        salt,
        body_digest,
        content_digest: event.id.map_or([0; 16], |_| content_digest(raw)),
        body: raw.to_vec(),
    })
}

fn flags(event: &AuditEvent<'_>) -> EntryFlags {
    let unknown = event.event_version.as_deref().is_some_and(|version| !decode::known_version(version));
    EntryFlags::default()
        .with(EntryFlags::TIME_ASSIGNED, event.timestamp_text.is_none())
        .with(EntryFlags::UNKNOWN_VERSION, unknown)
}
