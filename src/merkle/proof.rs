//! Whether a Merkle proof holds: the verification of RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use super::hash::{empty_root, node_hash};
use crate::model::Hash;
use thiserror::Error;

/// How many leaves a tree has and what its root is. Only a signature binds the two together: a proof alone
/// does not tell apart sizes in which its path takes the same turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// How many leaves.
    pub size: u64,
    /// The Merkle tree hash over them.
    pub root: Hash,
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ProofError {
    /// The tree is too small to hold the entry.
    #[error("entry {index} cannot be in a log of {size} entries (the first is 0)")]
    BeyondTree {
        /// The leaf that was to be proven.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// Hashes are missing at the end.
    #[error("the proof is cut short: it ends before it reaches the root")]
    TooShort,
    /// Hashes are left over.
    #[error("the proof has hashes left over after it has reached the root")]
    TooLong,
    /// An inclusion proof that leads elsewhere.
    #[error(
        "the proof leads to another root than the log's: the entry, its place or the proof is not the log's"
    )]
    RootDiffers,
    /// A consistency proof that does not start from the old tree.
    #[error(
        "the proof does not fit the earlier log of {size} entries: its past was changed or the proof is wrong"
    )]
    OldRootDiffers {
        /// The earlier size.
        size: u64,
    },
    /// A consistency proof that does not end in the new tree.
    #[error(
        "the proof does not fit the later log of {size} entries: its past was changed or the proof is wrong"
    )]
    NewRootDiffers {
        /// The later size.
        size: u64,
    },
    /// The later tree is the smaller one.
    #[error("the log became smaller: it had {old} entries and now has {new}; it was rolled back or cut off")]
    Shrunk {
        /// The earlier size.
        old: u64,
        /// The later size.
        new: u64,
    },
    /// Two trees of one size with different roots.
    #[error("the log was forked: two logs of {size} entries have different roots")]
    Forked {
        /// The size of both.
        size: u64,
    },
    /// A tree of size 0 with the root of another.
    #[error("a log without entries has one root only, and this is not it")]
    EmptyRoot,
}

/// Whether the leaf of that hash is the one at `index` of the tree. `proof` goes from the leaf's sibling up
/// to the root's child (RFC 6962, section 2.1.1).
pub fn verify_inclusion(leaf: &Hash, index: u64, tree: &TreeHead, proof: &[Hash]) -> Result<(), ProofError> {
    if index >= tree.size {
        return Err(ProofError::BeyondTree { index, size: tree.size });
    }
    let mut path = Path { node: index, last: tree.size - 1 };
    let mut root = *leaf;
    for sibling in proof {
        root = match path.climb()? {
            Side::Left => node_hash(sibling, &root),
            Side::Right => node_hash(&root, sibling),
        };
    }
    path.is_at_root()?;
    if root == tree.root { Ok(()) } else { Err(ProofError::RootDiffers) }
}

/// Whether `new` is `old` with leaves appended and nothing else changed (RFC 6962, section 2.1.2). From a
/// tree of size 0, which the RFC leaves open, to any other the proof is empty; so it is between equal trees.
pub fn verify_consistency(old: &TreeHead, new: &TreeHead, proof: &[Hash]) -> Result<(), ProofError> {
    if old.size > new.size {
        return Err(ProofError::Shrunk { old: old.size, new: new.size });
    }
    if [old, new].iter().any(|tree| tree.size == 0 && tree.root != empty_root()) {
        return Err(ProofError::EmptyRoot);
    }
    if old.size == new.size && old.root != new.root {
        return Err(ProofError::Forked { size: old.size });
    }
    if old.size == new.size || old.size == 0 {
        return if proof.is_empty() { Ok(()) } else { Err(ProofError::TooLong) };
    }
    verify_growth(old, new, proof)
}

/// The case 0 < old size < new size.
fn verify_growth(old: &TreeHead, new: &TreeHead, proof: &[Hash]) -> Result<(), ProofError> {
    // The largest full subtree at the old tree's right edge is where both climbs begin. The proof names its
    // hash first, unless it is the whole old tree.
    let (start, rest) = if old.size.is_power_of_two() {
        (old.root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(ProofError::TooShort)?;
        (*first, rest)
    };
    let height = old.size.trailing_zeros();
    let mut path = Path { node: (old.size - 1) >> height, last: (new.size - 1) >> height };
    let (mut old_root, mut new_root) = (start, start);
    for sibling in rest {
        match path.climb()? {
            Side::Left => {
                old_root = node_hash(sibling, &old_root);
                new_root = node_hash(sibling, &new_root);
            }
            Side::Right => new_root = node_hash(&new_root, sibling),
        }
    }
    path.is_at_root()?;
    if old_root != old.root {
        return Err(ProofError::OldRootDiffers { size: old.size });
    }
    if new_root != new.root { Err(ProofError::NewRootDiffers { size: new.size }) } else { Ok(()) }
}

/// The side on which a proof's hash stands.
enum Side {
    Left,
    Right,
}

/// A climb from a node to the root: its number in its level, and that of the level's last node.
struct Path {
    node: u64,
    last: u64,
}

impl Path {
    /// Climbs over the next hash of the proof and says on which side that hash stands.
    fn climb(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::TooLong);
        }
        let side = if self.node % 2 == 1 || self.node == self.last { Side::Left } else { Side::Right };
        if matches!(side, Side::Left) {
            // A last node without a sibling moves up unchanged to the level where it has one.
            let levels = self.node.trailing_zeros();
            self.node >>= levels;
            self.last >>= levels;
        }
        self.node >>= 1;
        self.last >>= 1;
        Ok(side)
    }

    fn is_at_root(&self) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::TooShort) }
    }
}

#[cfg(test)]
mod tests;
