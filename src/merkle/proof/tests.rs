//! Verification against the published verdicts, at the edges, and against forged proofs.

use super::*;
use crate::merkle::canonical::parse_hash;
use crate::merkle::{leaf_hash, root_of};
use serde_json::Value;

fn leaves(count: u8) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&[n])).collect()
}

fn head(leaves: &[Hash]) -> TreeHead {
    TreeHead { size: leaves.len() as u64, root: root_of(leaves) }
}

/// The published cases, or `None` with a printed line where they are not at hand.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn published_cases(kind: &str) -> Option<Vec<Value>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/rfc6962-proofs.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let mut all: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    serde_json::from_value(all[kind].take()).expect("a list")
}

fn published_hash(case: &Value, field: &str) -> Option<Hash> {
    parse_hash(case[field].as_str()?)
}

/// `None` where one of them is not 32 bytes long.
fn published_proof(case: &Value) -> Option<Vec<Hash>> {
    let Some(hashes) = case["proof"].as_array() else { return Some(Vec::new()) };
    hashes.iter().map(|hash| parse_hash(hash.as_str()?)).collect()
}

fn check_verdicts(kind: &str, count: usize, holds: impl Fn(&Value) -> Option<bool>) {
    let Some(cases) = published_cases(kind) else { return };
    assert_eq!(cases.len(), count);
    for case in &cases {
        let refused = !holds(case).unwrap_or(false);
        assert_eq!(Some(refused), case["wantErr"].as_bool(), "{}: {}", case["case"], case["desc"]);
    }
}

#[test]
fn the_published_inclusion_proofs_get_their_verdict() {
    check_verdicts("inclusion", 68, |case| {
        let tree = TreeHead { size: case["treeSize"].as_u64()?, root: published_hash(case, "root")? };
        let leaf = published_hash(case, "leafHash")?;
        Some(verify_inclusion(&leaf, case["leafIdx"].as_u64()?, &tree, &published_proof(case)?).is_ok())
    });
}

#[test]
fn the_published_consistency_proofs_get_their_verdict() {
    check_verdicts("consistency", 63, |case| {
        let old = TreeHead { size: case["size1"].as_u64()?, root: published_hash(case, "root1")? };
        let new = TreeHead { size: case["size2"].as_u64()?, root: published_hash(case, "root2")? };
        Some(verify_consistency(&old, &new, &published_proof(case)?).is_ok())
    });
}

#[test]
fn an_entry_is_not_in_a_tree_that_is_too_small() {
    let leaf = leaf_hash(b"x");
    let only = TreeHead { size: 1, root: leaf };
    assert_eq!(verify_inclusion(&leaf, 0, &only, &[]), Ok(()));
    assert_eq!(verify_inclusion(&leaf, 1, &only, &[]), Err(ProofError::BeyondTree { index: 1, size: 1 }));
    let empty = TreeHead { size: 0, root: leaf };
    assert_eq!(verify_inclusion(&leaf, 0, &empty, &[]), Err(ProofError::BeyondTree { index: 0, size: 0 }));
    let huge = TreeHead { size: u64::MAX, root: leaf };
    assert_eq!(verify_inclusion(&leaf, u64::MAX - 1, &huge, &[]), Err(ProofError::TooShort));
    assert_eq!(verify_inclusion(&leaf, 0, &huge, &[leaf; 65]), Err(ProofError::TooLong));
}

#[test]
fn the_last_entry_of_an_odd_tree_skips_the_levels_without_a_sibling() {
    let leaves = leaves(5);
    let left = root_of(&leaves[..4]);
    assert_eq!(verify_inclusion(&leaves[4], 4, &head(&leaves), &[left]), Ok(()));
    assert_eq!(verify_inclusion(&leaves[4], 4, &head(&leaves), &[]), Err(ProofError::TooShort));
    assert_eq!(verify_inclusion(&leaves[4], 4, &head(&leaves), &[left, left]), Err(ProofError::TooLong));
    assert_eq!(verify_inclusion(&leaves[3], 4, &head(&leaves), &[left]), Err(ProofError::RootDiffers));
}

#[test]
fn equal_and_empty_trees_need_no_proof_and_take_none() {
    let three = head(&leaves(3));
    let empty = head(&[]);
    assert_eq!(verify_consistency(&three, &three, &[]), Ok(()));
    assert_eq!(verify_consistency(&three, &three, &[three.root]), Err(ProofError::TooLong));
    assert_eq!(verify_consistency(&empty, &empty, &[]), Ok(()));
    assert_eq!(verify_consistency(&empty, &three, &[]), Ok(()));
    assert_eq!(verify_consistency(&empty, &three, &[three.root]), Err(ProofError::TooLong));
    let false_empty = TreeHead { size: 0, root: three.root };
    assert_eq!(verify_consistency(&false_empty, &three, &[]), Err(ProofError::EmptyRoot));
    assert_eq!(verify_consistency(&false_empty, &false_empty, &[]), Err(ProofError::EmptyRoot));
}

#[test]
fn a_fork_and_a_rollback_are_called_by_their_names() {
    let mut forked = leaves(3);
    forked[1] = leaf_hash(b"another");
    let (ours, theirs) = (head(&leaves(3)), head(&forked));
    assert_eq!(verify_consistency(&ours, &theirs, &[]), Err(ProofError::Forked { size: 3 }));
    let smaller = head(&leaves(2));
    assert_eq!(verify_consistency(&ours, &smaller, &[]), Err(ProofError::Shrunk { old: 3, new: 2 }));
}

#[test]
fn each_hash_of_a_consistency_proof_counts_for_both_trees() {
    // From 3 to 7 leaves: leaf 2, leaf 3, the first two, the last three.
    let leaves = leaves(7);
    let (old, new) = (head(&leaves[..3]), head(&leaves));
    let proof = [leaves[2], leaves[3], root_of(&leaves[..2]), root_of(&leaves[4..])];
    assert_eq!(verify_consistency(&old, &new, &proof), Ok(()));
    let mut past_changed = proof;
    past_changed[2] = leaf_hash(b"another");
    let differs = Err(ProofError::OldRootDiffers { size: 3 });
    assert_eq!(verify_consistency(&old, &new, &past_changed), differs);
    let mut middle_changed = proof;
    middle_changed[1] = leaf_hash(b"another");
    let differs = Err(ProofError::NewRootDiffers { size: 7 });
    assert_eq!(verify_consistency(&old, &new, &middle_changed), differs);
    assert_eq!(verify_consistency(&old, &new, &[]), Err(ProofError::TooShort));
}

#[test]
fn a_leaf_made_of_two_hashes_is_not_the_node_above_them() {
    // Without the prefixes of leaf and node, someone could show these 64 bytes as an entry of a log of two.
    let leaves = leaves(4);
    let forged = leaf_hash(&[leaves[0], leaves[1]].concat());
    let proof = [root_of(&leaves[2..])];
    let two = TreeHead { size: 2, root: root_of(&leaves) };
    assert_eq!(verify_inclusion(&forged, 0, &two, &proof), Err(ProofError::RootDiffers));
    let with_prefix = leaf_hash(&[&[1], &leaves[0][..], &leaves[1]].concat());
    assert_eq!(verify_inclusion(&with_prefix, 0, &two, &proof), Err(ProofError::RootDiffers));
}

#[test]
fn a_proof_alone_does_not_tell_sizes_with_the_same_turns_apart() {
    // Leaf 0 climbs by two right-hand siblings in a tree of three and of four: only the signed checkpoint
    // says which it is.
    let leaves = leaves(3);
    let proof = [leaves[1], leaves[2]];
    let claimed = TreeHead { size: 4, root: root_of(&leaves) };
    assert_eq!(verify_inclusion(&leaves[0], 0, &claimed, &proof), Ok(()));
    assert_eq!(
        verify_inclusion(&leaves[0], 0, &TreeHead { size: 5, ..claimed }, &proof),
        Err(ProofError::TooShort)
    );
}
