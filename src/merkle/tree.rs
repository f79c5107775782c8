//! The growing right edge of the tree, from which tiles and the root come.

use super::hash::root_of;
use crate::model::Hash;

/// Hashes in a full tile: 2 to the tile height of 8.
pub const TILE_WIDTH: usize = 256;

/// A row of neighbouring hashes of one level, as C2SP tlog-tiles stores them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// 0 holds leaf hashes; each hash of level n stands for 256ⁿ leaves.
    pub level: u8,
    /// Its place in the level.
    pub index: u64,
    /// 1 to 256 hashes; a tile with fewer is partial and will be replaced.
    pub hashes: Vec<Hash>,
}

/// The tree's size and, per level, the tile that is still growing: all that is needed to append. The writer
/// owns it; after a restart it comes back from the stored tiles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    size: u64,
    /// The partial tile of each level, each shorter than [`TILE_WIDTH`].
    edge: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree of `size` leaves whose partial tiles `read` finds by level, index and width. `None` where one
    /// is missing.
    pub fn restore(size: u64, mut read: impl FnMut(u8, u64, usize) -> Option<Vec<Hash>>) -> Option<Tree> {
        let mut edge = Vec::new();
        let mut hashes = size;
        while hashes > 0 {
            let width = (hashes % TILE_WIDTH as u64) as usize;
            let index = hashes / TILE_WIDTH as u64;
            let level = u8::try_from(edge.len()).expect("eight levels hold 2^64 leaves");
            edge.push(if width == 0 { Vec::new() } else { read(level, index, width)? });
            hashes = index;
        }
        Some(Tree { size, edge })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf hash; tiles that it fills are handed to `filled`, lowest level first.
    pub fn push(&mut self, leaf: Hash, mut filled: impl FnMut(Tile)) {
        self.size += 1;
        let mut carry = leaf;
        let mut hashes = self.size;
        for level in 0.. {
            if self.edge.len() == usize::from(level) {
                self.edge.push(Vec::with_capacity(TILE_WIDTH));
            }
            let tile = &mut self.edge[usize::from(level)];
            tile.push(carry);
            hashes /= TILE_WIDTH as u64;
            if tile.len() < TILE_WIDTH {
                return;
            }
            carry = root_of(tile);
            filled(Tile { level, index: hashes - 1, hashes: std::mem::take(tile) });
        }
    }

    /// The tiles that are still growing, to be stored beside the full ones.
    pub fn partial_tiles(&self) -> impl Iterator<Item = Tile> {
        let mut hashes = self.size;
        self.edge.iter().zip(0u8..).filter_map(move |(edge, level)| {
            hashes /= TILE_WIDTH as u64;
            (!edge.is_empty()).then(|| Tile { level, index: hashes, hashes: edge.clone() })
        })
    }

    /// The Merkle tree hash of all leaves.
    pub fn root(&self) -> Hash {
        let mut rest: Option<Hash> = None;
        for edge in &self.edge {
            let row: Vec<Hash> = edge.iter().copied().chain(rest).collect();
            if !row.is_empty() {
                rest = Some(root_of(&row));
            }
        }
        rest.unwrap_or_else(super::empty_root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;
    use std::collections::HashMap;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn the_root_is_that_of_the_plain_definition_at_every_size() {
        let leaves = leaves(1_030);
        let mut tree = Tree::default();
        assert_eq!(tree.root(), root_of(&[]));
        for (index, leaf) in leaves.iter().enumerate() {
            tree.push(*leaf, |_| {});
            assert_eq!(tree.root(), root_of(&leaves[..=index]), "size {}", index + 1);
        }
    }

    #[test]
    fn the_tree_comes_back_from_its_tiles_at_every_edge() {
        for size in [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000] {
            let mut tiles = HashMap::new();
            let mut tree = Tree::default();
            for leaf in leaves(size) {
                tree.push(leaf, |tile| {
                    tiles.insert((tile.level, tile.index), tile.hashes);
                });
            }
            tiles.extend(tree.partial_tiles().map(|tile| ((tile.level, tile.index), tile.hashes)));
            let read = |level, index, width: usize| {
                tiles.get(&(level, index)).filter(|hashes| hashes.len() == width).cloned()
            };
            let restored = Tree::restore(size, read).expect("every tile was stored");
            assert_eq!(restored.root(), tree.root(), "size {size}");
            assert_eq!(restored.size(), size);
        }
    }

    #[test]
    fn full_tiles_are_handed_out_once_with_their_place() {
        let mut seen = Vec::new();
        let mut tree = Tree::default();
        for leaf in leaves(65_536) {
            tree.push(leaf, |tile| seen.push((tile.level, tile.index, tile.hashes.len())));
        }
        assert_eq!(seen.len(), 257);
        assert_eq!(seen[0], (0, 0, 256));
        assert_eq!(seen[256], (1, 0, 256));
    }
}
