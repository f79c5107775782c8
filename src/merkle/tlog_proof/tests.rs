//! Proofs to the letter of the standard, and what an attacker would hand in.

use super::*;
use crate::merkle::{
    Cosigner, PrivateKey, Signer, TILE_WIDTH, TiledTree, TreeHead, leaf_hash, root_of, verify_cosignatures,
};

/// The log's name in these tests: as long as a host name with a log id is.
const ORIGIN: &str = "audit.example.com/7f3a91c04be2d658";

fn log() -> Signer {
    Signer::new(ORIGIN, PrivateKey::from_seed(&[1; 32])).expect("a name")
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

/// The proof of leaf 5 in a log of 11.
fn proof() -> TlogProof {
    let leaves: Vec<Hash> = (0..11).map(leaf).collect();
    let mut tree = TiledTree::new(11, |_, _, _| Some(leaves.clone()));
    let head = TreeHead { size: 11, root: tree.root().expect("one tile") };
    let hashes = tree.inclusion_proof(5).expect("one tile");
    TlogProof { extra: None, index: 5, hashes, checkpoint: Checkpoint::sign(head, &log()) }
}

fn known() -> Vec<Verifier> {
    vec![log().verifier().clone()]
}

/// What becomes of a text that is parsed and checked for leaf 5.
fn checked(text: &[u8]) -> Result<Checkpoint, TlogProofError> {
    TlogProof::parse(text)?.verify(&leaf(5), &known())
}

#[test]
fn a_proof_is_written_as_the_standard_says() {
    let proof = TlogProof { extra: Some(vec![1, 2, 3]), ..proof() };
    let text = proof.to_string();
    let lines: Vec<&str> = text.split('\n').collect();
    assert_eq!(lines[..3], ["c2sp.org/tlog-proof@v1", "extra AQID", "index 5"]);
    assert_eq!(lines[3], to_base64(&leaf(4)), "first the leaf's sibling");
    assert_eq!(lines[7..10], ["", ORIGIN, "11"]);
    assert!(text.ends_with(&format!("\n\n{}", proof.checkpoint)));
    assert_eq!(TlogProof::parse(text.as_bytes()), Ok(proof));
}

#[test]
fn a_proof_holds_for_its_own_leaf_index_and_log_only() {
    let proof = proof();
    assert_eq!(proof.verify(&leaf(5), &known()).map(|checkpoint| checkpoint.tree.size), Ok(11));
    assert_eq!(proof.verify(&leaf(4), &known()), Err(ProofError::RootDiffers.into()));
    let elsewhere = TlogProof { index: 4, ..proof.clone() };
    assert_eq!(elsewhere.verify(&leaf(5), &known()), Err(ProofError::RootDiffers.into()));
    let beyond = TlogProof { index: 11, ..proof.clone() };
    let error = ProofError::BeyondTree { index: 11, size: 11 };
    assert_eq!(beyond.verify(&leaf(5), &known()), Err(error.into()));
    let stranger = Signer::new(ORIGIN, PrivateKey::from_seed(&[2; 32])).expect("a name");
    let error = CheckpointError::Note(crate::merkle::NoteError::NoKnownKey);
    assert_eq!(proof.verify(&leaf(5), &[stranger.verifier().clone()]), Err(error.into()));
}

#[test]
fn a_proof_with_hashes_less_or_more_does_not_hold() {
    let whole = proof();
    let with = |hashes: &[Hash]| {
        let changed = TlogProof { hashes: hashes.to_vec(), ..whole.clone() }.to_string();
        checked(changed.as_bytes()).map(|_| ())
    };
    assert_eq!(with(&whole.hashes), Ok(()));
    assert_eq!(with(&whole.hashes[..3]), Err(ProofError::TooShort.into()));
    assert_eq!(with(&whole.hashes[1..]), Err(ProofError::TooShort.into()));
    assert_eq!(with(&[]), Err(ProofError::TooShort.into()));
    assert_eq!(with(&[&whole.hashes[..], &[[0; 32]]].concat()), Err(ProofError::TooLong.into()));
    assert_eq!(with(&[[0; 32]; 65]), Err(TlogProofError::TooManyHashes));
}

#[test]
fn the_only_entry_of_a_log_needs_no_hashes() {
    let head = TreeHead { size: 1, root: leaf(5) };
    let proof =
        TlogProof { extra: None, index: 0, hashes: Vec::new(), checkpoint: Checkpoint::sign(head, &log()) };
    assert!(proof.to_string().starts_with("c2sp.org/tlog-proof@v1\nindex 0\n\naudit."));
    assert!(checked(proof.to_string().as_bytes()).is_ok());
}

#[test]
fn no_single_bit_of_a_proof_can_be_changed_and_none_of_it_left_out() {
    let text = proof().to_string().into_bytes();
    assert!(checked(&text).is_ok());
    for bit in 0..text.len() * 8 {
        let mut changed = text.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(checked(&changed).is_err(), "bit {bit}");
    }
    for length in 0..text.len() {
        assert!(checked(&text[..length]).is_err(), "the first {length} bytes");
    }
    assert!(checked(&[&text[..], b"\n"].concat()).is_err());
    assert!(checked(&[b"\n", &text[..]].concat()).is_err());
}

#[test]
fn what_is_not_a_proof_is_said_to_lack_what_it_lacks() {
    let text = proof().to_string();
    let changed =
        |from: &str, to: &str| checked(text.replacen(from, to, 1).as_bytes()).expect_err("it was changed");
    assert_eq!(checked(b""), Err(TlogProofError::Header));
    assert_eq!(changed("@v1", "@v2"), TlogProofError::Header);
    assert_eq!(changed("@v1\n", "@v1\r\n"), TlogProofError::Header);
    assert_eq!(changed("index 5\n", ""), TlogProofError::Index);
    for wrong in
        ["index 05", "index +5", "index  5", "index 5 ", "Index 5", "index", "index 5\r", "\nindex 5"]
    {
        assert_eq!(changed("index 5", wrong), TlogProofError::Index, "{wrong:?}");
    }
    for wrong in ["extra ", "extra AQI", "extra AR==", "extra AQID "] {
        assert_eq!(changed("index", &format!("{wrong}\nindex")), TlogProofError::Extra, "{wrong:?}");
    }
    assert_eq!(changed("index 5\n", "index 5\nextra AQID\n"), TlogProofError::Hash { place: 1 });
    assert_eq!(changed("=\n\n", "=\n \n"), TlogProofError::Hash { place: 5 });
    assert_eq!(changed("=\n\n", "=\r\n\n"), TlogProofError::Hash { place: 4 });
    let end = text.find("\n\n").expect("the checkpoint follows");
    assert_eq!(checked(&text.as_bytes()[..=end]), Err(TlogProofError::NoCheckpoint));
    assert_eq!(checked(&vec![b'a'; TLOG_PROOF_BYTES_MAX + 1]), Err(TlogProofError::TooLarge));
    assert_eq!(checked(b"\xff"), Err(TlogProofError::NotUtf8));
}

#[test]
fn witnesses_stand_below_the_log() {
    let witness = Cosigner::new("witness", PrivateKey::from_seed(&[3; 32])).expect("a name");
    let mut proof = proof();
    let cosignature = witness.cosign(&proof.checkpoint, 1_000).expect("a checkpoint");
    proof.checkpoint.add(cosignature).expect("within the bounds");
    let proof = TlogProof::parse(proof.to_string().as_bytes()).expect("it was just written");
    assert!(proof.verify(&leaf(5), &known()).is_ok());
    let signed_by = verify_cosignatures(&proof.checkpoint, &[witness.verifier().clone()], 1_000);
    assert_eq!(signed_by.expect("the witness signed")[0].time_secs, Some(1_000));
}

/// The bytes of a proof in a log of that size: in all, and before the checkpoint.
fn sizes(size: u64) -> (usize, usize) {
    let levels: Vec<Hash> =
        std::iter::successors(Some(leaf(0)), |below| Some(root_of(&[*below; TILE_WIDTH]))).take(8).collect();
    let mut tree = TiledTree::new(size, |level, _, width| Some(vec![levels[usize::from(level)]; width]));
    let head = TreeHead { size, root: tree.root().expect("every tile is there") };
    let hashes = tree.inclusion_proof(size - 1).expect("every tile is there");
    let proof =
        TlogProof { extra: None, index: size - 1, hashes, checkpoint: Checkpoint::sign(head, &log()) };
    assert!(proof.verify(&leaf(0), &known()).is_ok());
    let text = proof.to_string();
    (text.len(), text.find("\n\n").expect("the checkpoint follows") + 1)
}

#[test]
fn a_proof_is_at_most_one_and_a_half_kilobytes() {
    assert_eq!(sizes(1 << 30), (1_615, 1_390));
    // With the signed checkpoint, whose length depends on the log's name, up to a hundred million entries and
    // more.
    let (whole, _) = sizes(1 << 27);
    assert!(whole <= 1_500, "{whole}");
}
