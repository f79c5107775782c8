//! How a witness learns of a new key from what the former one signed.

use super::judge::LastGood;
use super::refusal::Refusal;
use crate::merkle::{
    Checkpoint, CheckpointError, KeyId, Leaf, Note, ProofError, TiledTree, TreeHead, Verifier, VerifierError,
    body_digest, leaf_hash, verify_consistency, verify_inclusion,
};
use crate::model::{Activity, EntryKind, Hash, Salt};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How a key handed over to the next, as the log publishes it and witnesses read it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HandOver {
    /// The bytes of the leaf of the entry that names the new key.
    #[serde(with = "hex::serde")]
    pub leaf: Vec<u8>,
    /// What its body is hashed with.
    #[serde(with = "hex::serde")]
    pub salt: Salt,
    /// The entry's JSON.
    pub body: String,
    /// The checkpoint that ends with that entry, signed by the former key.
    pub checkpoint: String,
}

/// Why a hand-over makes no key trusted.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum HandOverError {
    /// Its checkpoint is not one that the former key signed.
    #[error("its checkpoint is not the former key's: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The leaf is none, of another entry, or of an entry that the appliance did not write itself.
    #[error("its leaf is not that of an entry in which the appliance names a key")]
    Leaf,
    /// Something else could follow what the former key signed.
    #[error("its entry is not the last of its checkpoint")]
    NotLast,
    /// The new key is none, or has another name.
    #[error("the new key is not a key of this log: {0}")]
    Key(VerifierError),
    /// The former key signed more than it should have.
    #[error("the former key signed a larger checkpoint, of {signed} entries, than its last one, of {size}")]
    SignedAfter {
        /// What the witness has seen.
        signed: u64,
        /// The size at which the key handed over.
        size: u64,
    },
    /// Not part of the log that is shown.
    #[error("it is not in the log that is shown: {0}")]
    NotInLog(ProofError),
}

/// A hand-over that the former key signed. Whether the log that is shown holds it is yet to be proven.
pub(super) struct Succession {
    pub(super) from: KeyId,
    pub(super) key: Verifier,
    tree: TreeHead,
    leaf: Hash,
}

/// The hand-overs that lead from the trusted key to the one that signs a checkpoint of `size`, in their order. What
/// names another former key says nothing here: it belongs to keys before the trusted one, or to none.
pub(super) fn follow(
    trusted: &Verifier,
    hand_overs: &[HandOver],
    size: u64,
) -> Result<Vec<Succession>, Refusal> {
    let mut followed: Vec<Succession> = Vec::new();
    for hand_over in hand_overs {
        let former = followed.last().map_or(trusted, |succession| &succession.key);
        let Some(key) = hand_over.key_after(former) else { continue };
        let from = former.id();
        let succession = succeed(hand_over, former, &key).map_err(|why| Refusal::HandOver { from, why })?;
        // The checkpoint that ends with the entry is still the former key's.
        if succession.tree.size >= size {
            break;
        }
        followed.push(succession);
    }
    Ok(followed)
}

impl HandOver {
    /// The text of the key before and of the one that is named, whether or not anything proves it.
    fn named(&self) -> Option<(String, String)> {
        match serde_json::from_str(&self.body) {
            Ok(Activity::LogKeyNamed { key, previous: Some(previous) }) => Some((previous, key)),
            _ => None,
        }
    }

    /// The key that signed until then, as the entry says and nothing proves: where a witness that trusts what it sees
    /// first begins.
    pub fn former(&self) -> Option<Verifier> {
        Verifier::parse(&self.named()?.0).ok()
    }

    fn key_after(&self, former: &Verifier) -> Option<String> {
        self.named().filter(|(previous, _)| *previous == former.to_string()).map(|(_, key)| key)
    }
}

fn succeed(hand_over: &HandOver, former: &Verifier, key: &str) -> Result<Succession, HandOverError> {
    let note = Note::parse(hand_over.checkpoint.as_bytes()).map_err(CheckpointError::from)?;
    let tree = Checkpoint::open(&note, std::slice::from_ref(former))?.tree;
    let leaf = Leaf::parse(&hand_over.leaf).ok_or(HandOverError::Leaf)?;
    // An event holds whatever its sender wrote: whoever may send one could name a key of their own.
    let is_ours = leaf.kind == EntryKind::Activity;
    if !is_ours || leaf.body_digest != body_digest(&hand_over.salt, hand_over.body.as_bytes()) {
        return Err(HandOverError::Leaf);
    }
    if leaf.seq.0.checked_add(1) != Some(tree.size) {
        return Err(HandOverError::NotLast);
    }
    let key = Verifier::parse(key).map_err(HandOverError::Key)?;
    if key.name() != former.name() || key.signature_type() != former.signature_type() {
        return Err(HandOverError::Key(VerifierError::Name));
    }
    Ok(Succession { from: former.id(), key, tree, leaf: leaf_hash(&hand_over.leaf) })
}

impl Succession {
    /// Whether it lies in the log that is shown, behind what was seen. The caller has held the tiles against `new`.
    pub(super) fn prove<R: FnMut(u8, u64, usize) -> Option<Vec<Hash>>>(
        &self,
        last: Option<LastGood>,
        new: &TreeHead,
        tiles: &mut TiledTree<R>,
    ) -> Result<(), Refusal> {
        let size = self.tree.size;
        let refused = |why| Refusal::HandOver { from: self.from, why };
        if let Some(last) = last.filter(|last| last.tree.size > size) {
            return Err(refused(HandOverError::SignedAfter { signed: last.tree.size, size }));
        }
        let proof = tiles.consistency_proof(size)?;
        verify_consistency(&self.tree, new, &proof)
            .map_err(|error| refused(HandOverError::NotInLog(error)))?;
        // What the former key signed is the beginning of the new tree, so what is there in the new one was there in
        // the former one's.
        let proof = tiles.inclusion_proof(size - 1)?;
        verify_inclusion(&self.leaf, size - 1, new, &proof)
            .map_err(|error| refused(HandOverError::NotInLog(error)))
    }
}
