//! The decision: whether what a log shows continues what the witness remembers.

use super::hand_over::{self, HandOver};
use super::refusal::{Refusal, Refused};
use crate::merkle::{
    Checkpoint, CheckpointError, Note, NoteError, SignatureType, TiledTree, TreeHead, Verifier,
    verify_consistency,
};
use crate::model::Hash;
use jiff::Timestamp;
use std::fmt;

/// How long a log may go without growing, in seconds. An appliance writes an entry an hour when nothing else comes, and
/// the witness may ask at any moment between two.
pub const HELD_BACK_SECS: i64 = 2 * 3_600;

/// What a witness knows of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// Every key that it trusts or trusted, all of the log's name, the one in force last. Never empty.
    keys: Vec<Verifier>,
    last: Option<LastGood>,
}

/// The last checkpoint that was accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LastGood {
    /// The tree that it states.
    pub tree: TreeHead,
    /// When it was first seen.
    pub at: Timestamp,
}

impl fmt::Display for LastGood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries and was accepted at {:.0}", self.tree.size, self.at)
    }
}

/// What was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The checkpoint, under the log's own signature alone: what others put below it is not the witness's to repeat.
    pub note: Note,
    /// Its tree.
    pub tree: TreeHead,
    /// What is trusted from here on, the key in force last.
    pub keys: Vec<Verifier>,
    /// Whether the key in force is another one than before.
    pub is_key_new: bool,
    /// How it continues what was seen.
    pub growth: Growth,
}

/// How a log continues what was seen of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// Nothing was seen before.
    FirstContact,
    /// Entries were appended, and nothing else changed.
    Grown {
        /// The checkpoint before.
        from: LastGood,
    },
    /// It is the same as before.
    Unchanged {
        /// The checkpoint before.
        from: LastGood,
    },
}

impl Memory {
    /// What a witness knows; `None` where the keys are not those of one log.
    pub fn new(keys: Vec<Verifier>, last: Option<LastGood>) -> Option<Memory> {
        let name = keys.first()?.name();
        let fits = |key: &Verifier| key.name() == name && key.signature_type() == SignatureType::Ed25519;
        keys.iter().all(fits).then_some(Memory { keys, last })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.in_force().name()
    }

    /// Every key that is or was trusted, the one in force last.
    pub fn keys(&self) -> &[Verifier] {
        &self.keys
    }

    /// The last checkpoint that was accepted.
    pub fn last(&self) -> Option<LastGood> {
        self.last
    }

    fn in_force(&self) -> &Verifier {
        self.keys.last().expect("a memory is made with a key at least")
    }
}

impl Accepted {
    /// The key that signs the log now.
    pub fn key_in_force(&self) -> &Verifier {
        self.keys.last().expect("a memory's keys are among them")
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.key_in_force().name()
    }
}

impl Growth {
    /// Since when the log has stood still for longer than a running appliance does.
    pub fn held_back_since(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Growth::Unchanged { from } => {
                let stood = now.duration_since(from.at).as_secs();
                (stood > HELD_BACK_SECS).then_some(from.at)
            }
            _ => None,
        }
    }
}

/// Holds what a log shows against what the witness remembers. `shown` is its newest checkpoint as it came, `hand_overs`
/// how its keys followed each other, and `read` finds its tiles as [`TiledTree::new`] asks for them.
pub fn judge(
    memory: &Memory,
    shown: Option<&[u8]>,
    hand_overs: &[HandOver],
    read: impl FnMut(u8, u64, usize) -> Option<Vec<Hash>>,
) -> Result<Accepted, Box<Refused>> {
    let accepted = match shown {
        Some(shown) => accept(memory, shown, hand_overs, read),
        None => Err(Refusal::NoCheckpoint),
    };
    let refuse = |why| Box::new(Refused { origin: memory.origin().to_owned(), why, last: memory.last });
    accepted.map_err(refuse)
}

fn accept(
    memory: &Memory,
    shown: &[u8],
    hand_overs: &[HandOver],
    read: impl FnMut(u8, u64, usize) -> Option<Vec<Hash>>,
) -> Result<Accepted, Refusal> {
    let note = Note::parse(shown).map_err(CheckpointError::from)?;
    let stated = Checkpoint::parse(note.text())?;
    if stated.origin() != memory.origin() {
        return Err(Refusal::OtherOrigin { found: stated.origin().to_owned() });
    }
    let new = stated.tree;
    if memory.last.is_some_and(|last| new.size < last.tree.size) {
        // An older copy may well be signed with a key that has handed over since.
        check_signature(&note, &memory.keys, memory)?;
        return Err(Refusal::RolledBack { size: new.size });
    }
    let successions = hand_over::follow(memory.in_force(), hand_overs, new.size)?;
    let in_force = successions.last().map_or(memory.in_force(), |succession| &succession.key);
    check_signature(&note, std::slice::from_ref(in_force), memory)?;
    if memory.last.is_some_and(|last| new.size == last.tree.size && new.root != last.tree.root) {
        return Err(Refusal::Forked { size: new.size });
    }
    let mut tiles = TiledTree::new(new.size, read);
    // Also where nothing is new: an end that was cut off under a checkpoint that stayed is seen here alone.
    if tiles.root()? != new.root {
        return Err(Refusal::TilesDiffer);
    }
    if let Some(last) = memory.last {
        check_growth(&last.tree, &new, &mut tiles)?;
    }
    for succession in &successions {
        succession.prove(memory.last, &new, &mut tiles)?;
    }
    let own =
        note.signatures().iter().find(|line| line.name() == in_force.name() && line.id() == in_force.id());
    let own = own.expect("this key's signature was just verified").clone();
    Ok(Accepted {
        note: Note::new(note.text().to_owned(), own).map_err(CheckpointError::from)?,
        tree: new,
        is_key_new: !successions.is_empty(),
        keys: memory.keys.iter().cloned().chain(successions.into_iter().map(|next| next.key)).collect(),
        growth: match memory.last {
            None => Growth::FirstContact,
            Some(from) if from.tree == new => Growth::Unchanged { from },
            Some(from) => Growth::Grown { from },
        },
    })
}

/// Whether one of `valid` has signed. The memory's other keys only say what it means that none has.
fn check_signature(note: &Note, valid: &[Verifier], memory: &Memory) -> Result<(), Refusal> {
    let error = match Checkpoint::open(note, valid) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    if error != CheckpointError::Note(NoteError::NoKnownKey) {
        return Err(error.into());
    }
    let trusted = valid.last().unwrap_or(memory.in_force()).id();
    if let Ok(signed_by) = note.verify(&memory.keys) {
        return Err(Refusal::FormerKey { found: signed_by[0].id, trusted });
    }
    let found: Vec<String> = note
        .signatures()
        .iter()
        .filter(|line| line.name() == memory.origin())
        .map(|line| line.id().to_string())
        .collect();
    let found = if found.is_empty() { "of another name".to_owned() } else { found.join(", ") };
    Err(Refusal::OtherKey { found, trusted })
}

/// Whether the new tree begins with the old one, as far as the tiles show it, whose root the caller has checked.
fn check_growth<R: FnMut(u8, u64, usize) -> Option<Vec<Hash>>>(
    old: &TreeHead,
    new: &TreeHead,
    tiles: &mut TiledTree<R>,
) -> Result<(), Refusal> {
    let proof = tiles.consistency_proof(old.size)?;
    if verify_consistency(old, new, &proof).is_ok() {
        return Ok(());
    }
    // A proof that fails may be the tiles' fault: they then disagree with the new checkpoint too.
    let shown = TreeHead { size: old.size, root: tiles.root_at(old.size)? };
    match verify_consistency(&shown, new, &proof) {
        Ok(()) => Err(Refusal::Rewritten { size: new.size }),
        Err(_) => Err(Refusal::TilesDiffer),
    }
}
