//! The hashes of a tree, read from its stored tiles.

use super::hash::node_hash;
use super::tree::TILE_WIDTH;
use crate::model::Hash;
use thiserror::Error;

/// Levels of the tree that one tile spans.
const TILE_HEIGHT: u32 = TILE_WIDTH.trailing_zeros();

/// The most tiles kept for further proofs: each takes 16 KiB with the hashes computed from it.
const KEPT_TILES_MAX: usize = 128;

/// Why a root or a proof could not be computed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TiledTreeError {
    /// A tile is not there, or holds fewer hashes than the tree needs.
    #[error("tile {index} of level {level} is missing or has fewer than {width} hashes")]
    TileMissing {
        /// Its level.
        level: u8,
        /// Its place in the level.
        index: u64,
        /// The hashes that it has in a tree of this size.
        width: usize,
    },
    /// Something was asked of the tree that only a larger one can have.
    #[error("{asked} lies beyond the log, which has {size} entries")]
    BeyondTree {
        /// The entry or the size that was asked for.
        asked: u64,
        /// The tree's size.
        size: u64,
    },
}

/// A tree of a certain size over stored tiles: gives roots and proofs, each at the cost of a few tiles per
/// level. Made for one size and dropped with it; several proofs share what was read.
///
/// `read` is given level, index and the width that the tile has in a tree of this size. It may answer with a
/// wider tile, as the log may have grown since; the rest is not looked at.
pub struct TiledTree<R> {
    size: u64,
    read: R,
    kept: Vec<Kept>,
}

/// A tile with all inner nodes over it.
struct Kept {
    level: u8,
    index: u64,
    /// Row 0 holds the tile's hashes, each further row the hashes of neighbouring pairs; a node without its
    /// pair is left out.
    rows: Vec<Vec<Hash>>,
}

impl<R: FnMut(u8, u64, usize) -> Option<Vec<Hash>>> TiledTree<R> {
    /// The tree of the first `size` leaves. Nothing is read yet.
    pub fn new(size: u64, read: R) -> TiledTree<R> {
        TiledTree { size, read, kept: Vec::new() }
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The Merkle tree hash of all leaves.
    pub fn root(&mut self) -> Result<Hash, TiledTreeError> {
        self.root_at(self.size)
    }

    /// The Merkle tree hash of the first `size` leaves.
    pub fn root_at(&mut self, size: u64) -> Result<Hash, TiledTreeError> {
        if size > self.size {
            return Err(TiledTreeError::BeyondTree { asked: size, size: self.size });
        }
        if size == 0 { Ok(super::empty_root()) } else { self.range_hash(0, size) }
    }

    /// The hash of the leaf at `index`.
    pub fn leaf(&mut self, index: u64) -> Result<Hash, TiledTreeError> {
        if index >= self.size {
            return Err(TiledTreeError::BeyondTree { asked: index, size: self.size });
        }
        self.subtree_hash(0, index)
    }

    /// MTH(D[start:end]) of RFC 6962, for the ranges that its definitions lead to: not empty, and `start` a
    /// multiple of the smallest power of two that the range fits into.
    pub(super) fn range_hash(&mut self, start: u64, end: u64) -> Result<Hash, TiledTreeError> {
        // Each set bit of the length is a full subtree, the largest first; they are joined from the right.
        let mut hash = None;
        let mut end = end;
        while end > start {
            let height = (end - start).trailing_zeros();
            end -= 1 << height;
            let subtree = self.subtree_hash(height, end >> height)?;
            hash = Some(hash.map_or(subtree, |right| node_hash(&subtree, &right)));
        }
        Ok(hash.expect("the range is not empty"))
    }

    /// The root of the `index`-th full subtree of 2 to the `height` leaves.
    fn subtree_hash(&mut self, height: u32, index: u64) -> Result<Hash, TiledTreeError> {
        let level = u8::try_from(height / TILE_HEIGHT).expect("eight levels hold 2^64 leaves");
        let row = height % TILE_HEIGHT;
        let row_width = TILE_WIDTH as u64 >> row;
        let tile = self.tile(level, index / row_width)?;
        let hash = tile.rows.get(row as usize).and_then(|hashes| hashes.get((index % row_width) as usize));
        Ok(*hash.expect("a tile of the tree's width holds every full subtree in its reach"))
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<&Kept, TiledTreeError> {
        if let Some(place) = self.kept.iter().position(|tile| tile.level == level && tile.index == index) {
            return Ok(&self.kept[place]);
        }
        let in_level = self.size >> (u32::from(level) * TILE_HEIGHT);
        let width =
            usize::try_from(in_level - index * TILE_WIDTH as u64).map_or(TILE_WIDTH, |n| n.min(TILE_WIDTH));
        let missing = TiledTreeError::TileMissing { level, index, width };
        let mut hashes = (self.read)(level, index, width).ok_or(missing)?;
        if hashes.len() < width {
            return Err(missing);
        }
        hashes.truncate(width);
        if self.kept.len() == KEPT_TILES_MAX {
            self.kept.clear();
        }
        self.kept.push(Kept { level, index, rows: rows_over(hashes) });
        Ok(self.kept.last().expect("one was just added"))
    }
}

fn rows_over(hashes: Vec<Hash>) -> Vec<Vec<Hash>> {
    let mut rows = vec![hashes];
    for row in 0..TILE_HEIGHT as usize - 1 {
        let (pairs, _) = rows[row].as_chunks::<2>();
        rows.push(pairs.iter().map(|[left, right]| node_hash(left, right)).collect());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{Tree, leaf_hash, root_of};

    fn hashes(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn every_root_of_the_past_comes_from_the_tiles_of_a_grown_tree() {
        let leaves = hashes(700);
        let mut full = Vec::new();
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(*leaf, |tile| full.push(tile)));
        full.extend(tree.partial_tiles());
        let read = |level, index, _: usize| {
            full.iter()
                .find(|tile| tile.level == level && tile.index == index)
                .map(|tile| tile.hashes.clone())
        };
        for size in 0..=700 {
            assert_eq!(TiledTree::new(size as u64, read).root(), Ok(root_of(&leaves[..size])), "size {size}");
        }
        let mut last = TiledTree::new(700, read);
        assert_eq!(last.root_at(699), Ok(root_of(&leaves[..699])));
        assert_eq!(last.leaf(699), Ok(leaves[699]));
        assert_eq!(last.leaf(700), Err(TiledTreeError::BeyondTree { asked: 700, size: 700 }));
        assert_eq!(last.root_at(701), Err(TiledTreeError::BeyondTree { asked: 701, size: 700 }));
    }

    #[test]
    fn a_missing_or_narrow_tile_is_named() {
        let missing = TiledTreeError::TileMissing { level: 0, index: 1, width: 44 };
        let leaves = hashes(300);
        let absent = |level, index, _| (level == 1 || index == 0).then(|| leaves[..256].to_vec());
        assert_eq!(TiledTree::new(300, absent).root(), Err(missing));
        let narrow =
            |_, index, _| Some(if index == 0 { leaves[..256].to_vec() } else { leaves[256..299].to_vec() });
        assert_eq!(TiledTree::new(300, narrow).leaf(299), Err(missing));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let leaves = hashes(256);
        let mut reads = 0;
        let mut tree = TiledTree::new(256 * 300, |_, _, _| {
            reads += 1;
            Some(leaves.clone())
        });
        for index in 0..300 {
            tree.leaf(index * 256).expect("every tile is there");
            assert!(tree.kept.len() <= KEPT_TILES_MAX);
        }
        assert_eq!(reads, 300);
    }

    #[test]
    fn of_a_wider_tile_only_what_the_tree_has_is_kept() {
        let leaves = hashes(300);
        let mut tree = TiledTree::new(3, |_, _, _| Some(leaves.clone()));
        assert_eq!(tree.root(), Ok(root_of(&leaves[..3])));
        assert_eq!(tree.kept[0].rows[0], leaves[..3]);
    }
}
