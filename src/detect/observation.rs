//! What detection needs to know of one stored event.

use crate::model::{AuditEvent, EvidenceItem, ReceivedAt, Seq, SourceId, Verdict};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One stored event as detection sees it. The detect reader makes it from an entry of the log; it ends with
/// that entry.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Its place in the log; every observation's is greater than that of the one before.
    pub seq: Seq,
    /// Its id.
    pub id: Uuid,
    /// When the appliance took it in.
    pub received_at: ReceivedAt,
    /// Who sent it.
    pub source: SourceId,
    /// What people call the source.
    pub source_name: &'a str,
    /// Whose event it is: what it names itself, or else the organisation that its API key is bound to.
    pub organization: Option<&'a str>,
    /// The event.
    pub event: &'a AuditEvent<'a>,
    /// What checking its integrity found.
    pub verdict: Verdict,
    /// Whether intake found its time to lie too far after its receipt.
    pub time_suspect: bool,
}

impl Observation<'_> {
    /// The event as it stands in windows and in evidence.
    pub fn item(&self) -> EvidenceItem {
        EvidenceItem { seq: self.seq, id: self.id, time: self.event.timestamp }
    }
}

/// Organisation and key, hashed to 128 bits: a window needs no text, so its size does not depend on what was
/// sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub [u8; 16]);

impl Place {
    /// The place of `key` within `organization`.
    pub fn of(organization: Option<&str>, key: &str) -> Place {
        let digest: [u8; 32] = hash_place(Sha256::new(), organization, key).finalize().into();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        Place(short)
    }
}

/// Adds organisation and key to a hash so that no other pair adds the same bytes: each text is led by its
/// length, and an absent organisation differs from an empty one.
pub(super) fn hash_place(hash: Sha256, organization: Option<&str>, key: &str) -> Sha256 {
    let hash = hash.chain_update([u8::from(organization.is_some())]);
    hash_text(hash_text(hash, organization.unwrap_or_default()), key)
}

/// Adds a text, led by its length, to a hash.
pub(super) fn hash_text(hash: Sha256, text: &str) -> Sha256 {
    hash.chain_update((text.len() as u64).to_le_bytes()).chain_update(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pairs_share_a_place() {
        let pairs = [(None, "ab"), (Some(""), "ab"), (Some("a"), "b"), (Some("ab"), ""), (Some("b"), "a")];
        let places: std::collections::BTreeSet<Place> =
            pairs.iter().map(|(organization, key)| Place::of(*organization, key)).collect();
        assert_eq!(places.len(), pairs.len());
    }
}
