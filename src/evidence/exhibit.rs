//! What the evidence of one alert consists of, before it becomes files and after it was read from them.

use super::rule::Rule;
use crate::merkle::{Leaf, Note, TlogProof, Verifier};
use crate::model::{Activity, Alert, EntryKind, Hash, ReceivedAt, Salt, Seq};

/// Everything that proves one alert. Collected from the log, or read from a bundle and then unchecked.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// Who took it out, and when.
    pub export: Export,
    /// The alert.
    pub alert: Alert,
    /// Its rule.
    pub rule: Rule,
    /// The events that it names, in the order of the log.
    pub events: Vec<ProvedEntry>,
    /// Its raising, notifications and steps, in the order of the log.
    pub history: Vec<ProvedEntry>,
    /// The entries that name the keys of the log, in the order of the log.
    pub keys: Vec<ProvedEntry>,
    /// The checkpoints that the proofs lead to, the smallest first.
    pub chain: Vec<Link>,
}

/// The circumstances of an export, as the appliance states them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Who asked for it.
    pub by: String,
    /// When.
    pub at: ReceivedAt,
}

/// An entry of the log with what proves it.
#[derive(Clone, Debug)]
pub struct ProvedEntry {
    /// Its place in the log.
    pub seq: Seq,
    /// The bytes of its leaf.
    pub leaf: Vec<u8>,
    /// What its body is hashed with.
    pub salt: Salt,
    /// The bytes as received.
    pub body: Vec<u8>,
    /// That the leaf is in the tree of a checkpoint.
    pub proof: TlogProof,
}

impl ProvedEntry {
    /// What the leaf says; `None` where it is none.
    pub fn parts(&self) -> Option<Leaf> {
        Leaf::parse(&self.leaf)
    }

    /// When the appliance took it in, as its leaf says.
    pub fn received_at(&self) -> ReceivedAt {
        self.parts().map_or(ReceivedAt(0), |leaf| leaf.received_at)
    }

    /// What was done. An event is none, whatever its sender wrote: whoever may send one could else name a key, or a
    /// step of an alert.
    pub fn activity(&self) -> Option<Activity> {
        let is_ours = self.parts().is_some_and(|leaf| leaf.kind == EntryKind::Activity);
        is_ours.then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }
}

/// A checkpoint, and the proof that it continues the one before.
#[derive(Clone, Debug)]
pub struct Link {
    /// How many entries it covers.
    pub size: u64,
    /// The checkpoint as it was signed.
    pub note: Note,
    /// From the one before; nothing for the first.
    pub consistency: Vec<Hash>,
}

impl Exhibit {
    /// The keys that the entries in [`Exhibit::keys`] name, each with the place of its entry.
    pub fn named_keys(&self) -> Vec<(Seq, Verifier)> {
        let named = self.keys.iter().filter_map(|entry| match entry.activity()? {
            Activity::LogKeyNamed { key, .. } => Some((entry.seq, Verifier::parse(&key).ok()?)),
            _ => None,
        });
        named.collect()
    }
}

/// Which of the keys signs a checkpoint of that size: the checkpoint that ends with the entry that names a key is still the
/// former key's.
pub(super) fn key_of_size(keys: &[(Seq, Verifier)], size: u64) -> Option<&Verifier> {
    let later = keys.iter().skip(1).rev().find(|(named_at, _)| size > named_at.0.saturating_add(1));
    later.or(keys.first()).map(|(_, key)| key)
}
