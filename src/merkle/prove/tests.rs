//! Every proof of every small tree, and some of large ones: it holds, and nothing near it does.

use super::*;
use crate::merkle::{TILE_WIDTH, Tree, TreeHead, leaf_hash, root_of, verify_consistency, verify_inclusion};
use std::collections::HashMap;

/// A log of distinct leaves with its tiles as they are stored at its last size.
struct Log {
    leaves: Vec<Hash>,
    tiles: HashMap<(u8, u64), Vec<Hash>>,
    /// The heads that are asked for, by size.
    heads: HashMap<u64, TreeHead>,
}

impl Log {
    /// `asked` tells of which sizes a head is needed.
    fn new(size: u64, asked: impl Fn(u64) -> bool) -> Log {
        let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut tree = Tree::default();
        let mut tiles = HashMap::new();
        let mut heads = HashMap::from([(0, TreeHead { size: 0, root: tree.root() })]);
        for leaf in &leaves {
            tree.push(*leaf, |tile| {
                tiles.insert((tile.level, tile.index), tile.hashes);
            });
            let size = tree.size();
            if asked(size) {
                heads.insert(size, TreeHead { size, root: tree.root() });
            }
        }
        tiles.extend(tree.partial_tiles().map(|tile| ((tile.level, tile.index), tile.hashes)));
        Log { leaves, tiles, heads }
    }

    fn at(&self, size: u64) -> TiledTree<impl FnMut(u8, u64, usize) -> Option<Vec<Hash>>> {
        TiledTree::new(size, |level, index, _| self.tiles.get(&(level, index)).cloned())
    }

    fn included(&self, index: u64, at: u64, proof: &[Hash]) -> bool {
        self.included_as(index, index, at, proof)
    }

    fn included_as(&self, leaf: u64, index: u64, at: u64, proof: &[Hash]) -> bool {
        verify_inclusion(&self.leaves[leaf as usize], index, &self.heads[&at], proof).is_ok()
    }

    fn continues(&self, old: u64, new: u64, proof: &[Hash]) -> bool {
        verify_consistency(&self.heads[&old], &self.heads[&new], proof).is_ok()
    }
}

/// Every change of one bit that `bits` lets through, and a hash less or more at either end.
fn near_misses(proof: &[Hash], bits: impl Fn(usize) -> bool) -> Vec<Vec<Hash>> {
    let mut misses: Vec<Vec<Hash>> = (0..proof.len() * 256)
        .filter(|bit| bits(*bit))
        .map(|bit| {
            let mut changed = proof.to_vec();
            changed[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
            changed
        })
        .collect();
    if !proof.is_empty() {
        misses.extend([proof[1..].to_vec(), proof[..proof.len() - 1].to_vec()]);
    }
    let more = proof.first().copied().unwrap_or([0; 32]);
    misses.extend([[&[more], proof].concat(), [proof, &[more]].concat()]);
    misses
}

/// All near misses in small trees; in larger ones one bit, another one for each proof, and each seventh proof
/// cut and extended.
fn misses_of(proof: &[Hash], size: u64, place: u64) -> Vec<Vec<Hash>> {
    let bits = (proof.len() * 256).max(1);
    let chosen = (place * 8_191 + size * 31) as usize % bits;
    let mut misses = near_misses(proof, |bit| size < 16 || bit == chosen);
    if size > 64 && !(place + size).is_multiple_of(7) {
        misses.truncate(1);
    }
    misses
}

/// PATH as the RFC writes it down, by recursion over the leaves.
fn path_by_definition(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    if index < left.len() {
        [path_by_definition(index, left), vec![root_of(right)]].concat()
    } else {
        [path_by_definition(index - left.len(), right), vec![root_of(left)]].concat()
    }
}

#[test]
fn every_inclusion_proof_up_to_300_entries_holds_and_nothing_near_it() {
    let log = Log::new(300, |_| true);
    for size in 1..=300 {
        let mut tree = log.at(size);
        for index in 0..size {
            let proof = tree.inclusion_proof(index).expect("all tiles are there");
            assert!(log.included(index, size, &proof), "{index} of {size}");
            for wrong in misses_of(&proof, size, index) {
                assert!(!log.included(index, size, &wrong), "{index} of {size}: {wrong:02x?}");
            }
            for other in (0..size).filter(|other| *other != index && (size <= 32 || *other == index ^ 1)) {
                assert!(!log.included_as(index, other, size, &proof), "{index} as {other} of {size}");
                assert!(
                    !log.included_as(other, index, size, &proof),
                    "{other} in place of {index} of {size}"
                );
            }
            for other in (1..=300).filter(|other| *other != size && (size <= 16 || other.abs_diff(size) == 1))
            {
                assert!(!log.included(index, other, &proof), "{index} of {size} in {other}");
            }
        }
        assert_eq!(tree.inclusion_proof(size), Err(TiledTreeError::BeyondTree { asked: size, size }));
    }
}

#[test]
fn every_consistency_proof_up_to_300_entries_holds_and_nothing_near_it() {
    let log = Log::new(300, |_| true);
    for new in 0..=300 {
        let mut tree = log.at(new);
        for old in 0..=new {
            let proof = tree.consistency_proof(old).expect("all tiles are there");
            assert!(log.continues(old, new, &proof), "{old} to {new}");
            for wrong in misses_of(&proof, new, old) {
                assert!(!log.continues(old, new, &wrong), "{old} to {new}: {wrong:02x?}");
            }
            if old == 0 || old == new {
                assert!(proof.is_empty());
                continue;
            }
            for other in (1..=300).filter(|other| *other != old && (new <= 16 || other.abs_diff(old) == 1)) {
                assert!(!log.continues(other, new, &proof), "{old} to {new} from {other}");
            }
            for other in (1..=300).filter(|other| *other != new && (new <= 16 || other.abs_diff(new) == 1)) {
                assert!(!log.continues(old, other, &proof), "{old} to {new} taken to {other}");
            }
        }
        assert_eq!(
            tree.consistency_proof(new + 1),
            Err(TiledTreeError::BeyondTree { asked: new + 1, size: new })
        );
    }
}

#[test]
fn inclusion_proofs_are_those_of_the_definition() {
    let log = Log::new(300, |_| true);
    for size in [1, 2, 3, 7, 8, 9, 100, 255, 256, 257, 300] {
        for index in 0..size {
            let expected = path_by_definition(index as usize, &log.leaves[..size as usize]);
            assert_eq!(log.at(size).inclusion_proof(index), Ok(expected), "{index} of {size}");
        }
    }
}

#[test]
fn proofs_hold_where_a_third_level_of_tiles_begins() {
    let sizes = [65_279, 65_280, 65_281, 65_535, 65_536, 65_537, 65_791, 65_792, 65_793, 66_000];
    let marks = [1, 2, 255, 256, 257, 32_767, 32_768, 32_769, 65_000].into_iter().chain(sizes);
    let log = Log::new(66_000, |size| marks.clone().any(|mark| mark == size));
    for size in sizes {
        let mut tree = log.at(size);
        assert_eq!(tree.root(), Ok(log.heads[&size].root));
        for mark in marks.clone().filter(|mark| *mark <= size) {
            let index = mark - 1;
            let proof = tree.inclusion_proof(index).expect("all tiles are there");
            assert!(log.included(index, size, &proof), "{index} of {size}");
            assert!(
                near_misses(&proof, |bit| bit % 131 == 0)
                    .iter()
                    .all(|wrong| !log.included(index, size, wrong))
            );
            let proof = tree.consistency_proof(mark).expect("all tiles are there");
            assert!(log.continues(mark, size, &proof), "{mark} to {size}");
            assert!(
                near_misses(&proof, |bit| bit % 131 == 0)
                    .iter()
                    .all(|wrong| !log.continues(mark, size, wrong))
            );
        }
    }
}

/// Reads the tiles of a tree whose leaves are all alike, of any size.
fn alike(leaf: Hash) -> impl FnMut(u8, u64, usize) -> Option<Vec<Hash>> {
    let levels: Vec<Hash> =
        std::iter::successors(Some(leaf), |below| Some(root_of(&[*below; TILE_WIDTH]))).take(8).collect();
    move |level, _, width| Some(vec![levels[usize::from(level)]; width])
}

#[test]
fn proofs_over_a_billion_entries_read_few_tiles_and_have_few_hashes() {
    let leaf = leaf_hash(b"alike");
    for (size, tiles_max) in [(1 << 30, 4), ((1 << 30) - 1, 8), ((1 << 30) + 1, 5), (u64::MAX, 16)] {
        let root = TiledTree::new(size, alike(leaf)).root().expect("all tiles are there");
        let tree = TreeHead { size, root };
        for index in [0, 1, size / 3, size / 2, size - 2, size - 1] {
            let mut reads = 0;
            let mut read = alike(leaf);
            let mut tiled = TiledTree::new(size, |level, index, width| {
                reads += 1;
                read(level, index, width)
            });
            let proof = tiled.inclusion_proof(index).expect("all tiles are there");
            assert!(proof.len() <= 64 && (size != 1 << 30 || proof.len() == 30));
            assert_eq!(verify_inclusion(&leaf, index, &tree, &proof), Ok(()));
            assert!(reads <= tiles_max, "{reads} tiles for {index} of {size}");

            let old_root = TiledTree::new(index, alike(leaf)).root().expect("all tiles are there");
            let proof =
                TiledTree::new(size, alike(leaf)).consistency_proof(index).expect("all tiles are there");
            assert_eq!(verify_consistency(&TreeHead { size: index, root: old_root }, &tree, &proof), Ok(()));
            assert!(proof.len() <= 65);
        }
    }
}
