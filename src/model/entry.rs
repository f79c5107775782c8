//! One entry of the log: what every part of the appliance derives its state from.

use super::{ReceivedAt, Seq, SourceId, Verdict};
use uuid::Uuid;

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// 32 random bytes that keep the content of a removed body from being guessed from its hash.
pub type Salt = [u8; 32];

/// One entry of the log as it is stored. The writer makes it, numbers it and never changes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the log.
    pub seq: Seq,
    /// What the body is.
    pub kind: EntryKind,
    /// When the appliance took it in.
    pub received_at: ReceivedAt,
    /// Goes with the body when the body is removed.
    pub salt: Salt,
    /// The event's id, the sender's or the server's. Zero for other kinds.
    pub id: Uuid,
    /// Who sent it.
    pub source: SourceId,
    /// What checking the event's integrity found; for the appliance's own entries [`Verdict::Verified`].
    pub verdict: Verdict,
    /// What else was noticed at intake.
    pub flags: EntryFlags,
    /// The organisation that the API key is bound to, where the event named none itself.
    pub assigned_organization: Option<String>,
    /// The bytes as received: the event's JSON, or the JSON of an [`Activity`](super::Activity).
    pub body: Vec<u8>,
}

/// What an entry's body is. The numbers stand in the leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// An audit event that a source sent.
    Event = 1,
    /// Something that a person or the appliance itself did.
    Activity = 2,
}

impl EntryKind {
    /// The kind of that number in the log.
    pub fn from_number(number: u8) -> Option<EntryKind> {
        [EntryKind::Event, EntryKind::Activity].into_iter().find(|kind| *kind as u8 == number)
    }
}

/// What was noticed about an event at intake, as a set of bits in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryFlags(pub u8);

impl EntryFlags {
    /// The event's time lies more than the allowed lateness after its receipt: it enters no window.
    pub const TIME_SUSPECT: EntryFlags = EntryFlags(1);
    /// The sender gave no `timestamp`; the time of receipt counts.
    pub const TIME_ASSIGNED: EntryFlags = EntryFlags(2);
    /// `eventVersion` is not one that is known.
    pub const UNKNOWN_VERSION: EntryFlags = EntryFlags(4);

    /// Whether all bits of `flag` are set.
    pub fn has(self, flag: EntryFlags) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// The set with `flag` added where `on`.
    pub fn with(self, flag: EntryFlags, on: bool) -> EntryFlags {
        if on { EntryFlags(self.0 | flag.0) } else { self }
    }
}

/// An event that was checked and is ready for the log, but for the number and the time that only the writer
/// can give.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The sender's id, where it gave one.
    pub id: Option<Uuid>,
    /// Who sent it.
    pub source: SourceId,
    /// What checking its integrity found.
    pub verdict: Verdict,
    /// What was noticed so far.
    pub flags: EntryFlags,
    /// When it happened; `None` is the time of receipt.
    pub timestamp: Option<jiff::Timestamp>,
    /// The organisation that it counts as.
    pub organization: Option<String>,
    /// Whether that came from the API key rather than from the event.
    pub organization_assigned: bool,
    /// Fresh random bytes.
    pub salt: Salt,
    /// SHA-256(salt ‖ body).
    pub body_digest: Hash,
    /// Tells a retry from a conflict where the sender gave an id: a keyed digest of the body.
    pub content_digest: [u8; 16],
    /// The bytes as received.
    pub body: Vec<u8>,
}

/// What became of a [`Draft`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log now.
    Stored(Placed),
    /// The same id with the same bytes was there already.
    Duplicate(Placed),
    /// The same id was there with other bytes; nothing was stored.
    Conflict,
}

/// Where an event lies in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its number.
    pub seq: Seq,
    /// Its id.
    pub id: Uuid,
}

/// An entry that was read back, with the leaf hash that it was checked against.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The entry.
    pub entry: Entry,
    /// Its RFC 6962 leaf hash.
    pub leaf_hash: Hash,
}
