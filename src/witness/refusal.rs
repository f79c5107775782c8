//! Why a witness does not accept what a log shows, in words that say what it means.

use super::hand_over::HandOverError;
use super::judge::LastGood;
use crate::merkle::{CheckpointError, KeyId, TiledTreeError};
use std::fmt;
use thiserror::Error;

/// A refusal, with what the witness last accepted of that log.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The log that the witness keeps.
    pub origin: String,
    /// What is wrong.
    pub why: Refusal,
    /// The last good checkpoint; `None` at first contact.
    pub last: Option<LastGood>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. ", self.why)?;
        match self.last {
            Some(last) => {
                write!(f, "The last good checkpoint of {:?} has {last}.", self.origin)
            }
            None => write!(f, "No checkpoint of {:?} was accepted before.", self.origin),
        }
    }
}

/// What is wrong with what a log shows.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Refusal {
    /// Nothing signed is there any more.
    #[error("no checkpoint: the log shows none any more, although it had one; it was made anew or emptied")]
    NoCheckpoint,
    /// Not a signed note, not a checkpoint, or with a wrong signature.
    #[error("bad checkpoint or signature: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint of another log.
    #[error(
        "other origin: the log says that it is {found:?}; it was replaced by another one, or this is another \
         log's place"
    )]
    OtherOrigin {
        /// What the checkpoint says.
        found: String,
    },
    /// Smaller than it was.
    #[error(
        "rolled back: the log has only {size} entries; its end was cut off or an older copy was put in its \
         place"
    )]
    RolledBack {
        /// How many entries it shows.
        size: u64,
    },
    /// Two trees of one size.
    #[error("forked: the log has as many entries as before, {size}, but other ones; its past was rewritten")]
    Forked {
        /// The size of both.
        size: u64,
    },
    /// A larger tree that does not begin with the one that was seen.
    #[error(
        "forked: the log of {size} entries does not continue the one that was seen; its past was rewritten"
    )]
    Rewritten {
        /// How many entries it shows.
        size: u64,
    },
    /// Another key signs.
    #[error(
        "key replaced: the checkpoint is signed with key {found} and not with {trusted}, which this witness \
         trusts, and nothing that {trusted} signed names another"
    )]
    OtherKey {
        /// The ids under the log's name, or that there are none.
        found: String,
        /// The key in force.
        trusted: KeyId,
    },
    /// A key signs that had handed over before.
    #[error(
        "former key: the checkpoint is signed with key {found}, which has handed over to {trusted}; whoever \
         signs with it now has a stolen or an old copy"
    )]
    FormerKey {
        /// The key that signed.
        found: KeyId,
        /// The key in force.
        trusted: KeyId,
    },
    /// What should make a new key trusted does not.
    #[error("key replaced: the hand-over from key {from} to another does not hold: {why}")]
    HandOver {
        /// The key that was in force.
        from: KeyId,
        /// What is wrong with it.
        why: HandOverError,
    },
    /// The tree cannot be seen.
    #[error("tiles missing: {0}; the log's end was cut off under its checkpoint, or part of it is held back")]
    TilesMissing(#[from] TiledTreeError),
    /// The tree that is shown is not the one that is signed.
    #[error(
        "tiles changed: they do not give the root of the signed checkpoint; the log is damaged or tampered with"
    )]
    TilesDiffer,
}
