//! Cosignatures to the letter of the standard, and what an attacker would hand in.

use super::*;
use crate::merkle::{NoteError, Signer, TreeHead};

const NOW: u64 = 1_679_315_147;

fn checkpoint() -> Note {
    let log = Signer::new("example.com/log", PrivateKey::from_seed(&[1; 32])).expect("a name");
    Checkpoint::sign(TreeHead { size: 7, root: [7; 32] }, &log)
}

fn witness(name: &str, seed: u8) -> Cosigner {
    Cosigner::new(name, PrivateKey::from_seed(&[seed; 32])).expect("a name")
}

/// The checkpoint with that witness's cosignature, read back from its text.
fn cosigned(witness: &Cosigner, time_secs: u64) -> Note {
    let mut note = checkpoint();
    note.add(witness.cosign(&note, time_secs).expect("a checkpoint")).expect("within the bounds");
    Note::parse(note.to_string().as_bytes()).expect("it was just written")
}

fn verify(note: &Note, witness: &Cosigner, now_secs: u64) -> Result<Vec<SignedBy>, CosignatureError> {
    verify_cosignatures(note, &[witness.verifier().clone()], now_secs)
}

fn refused(error: NoteError) -> CosignatureError {
    CosignatureError::Checkpoint(CheckpointError::Note(error))
}

#[test]
fn the_message_is_header_time_and_text() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(message(NOW, text), format!("cosignature/v1\ntime 1679315147\n{text}"));
}

#[test]
fn a_cosignature_tells_who_and_when() {
    let witness = witness("witness", 2);
    let signed_by = verify(&cosigned(&witness, NOW), &witness, NOW).expect("the witness signed");
    assert_eq!(signed_by.len(), 1);
    assert_eq!((signed_by[0].name.as_str(), signed_by[0].time_secs), ("witness", Some(NOW)));
}

#[test]
fn the_time_cannot_be_changed() {
    let witness = witness("witness", 2);
    let line = cosigned(&witness, NOW).signatures()[1].to_string();
    let bytes =
        crate::merkle::canonical::parse_base64(line.rsplit(' ').next().expect("base64")).expect("base64");
    // Behind the key id stand eight bytes of time.
    assert_eq!(bytes[4..12], NOW.to_be_bytes());
    assert_eq!(bytes.len(), 4 + 8 + 64);
    for bit in 0..64 {
        let mut changed = bytes[4..].to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let mut note = checkpoint();
        note.add(NoteSignature::new(witness.verifier(), changed)).expect("within the bounds");
        let (name, id) = ("witness".to_owned(), witness.verifier().id());
        assert_eq!(verify(&note, &witness, u64::MAX), Err(refused(NoteError::WrongSignature { name, id })));
    }
}

#[test]
fn a_cosignature_holds_for_its_own_checkpoint_and_witness_only() {
    let (ours, theirs) = (witness("witness", 2), witness("witness", 3));
    assert_eq!(verify(&cosigned(&ours, NOW), &theirs, NOW), Err(refused(NoteError::NoKnownKey)));
    let log = Signer::new("example.com/log", PrivateKey::from_seed(&[1; 32])).expect("a name");
    let mut other = Checkpoint::sign(TreeHead { size: 8, root: [7; 32] }, &log);
    other.add(ours.cosign(&checkpoint(), NOW).expect("a checkpoint")).expect("within the bounds");
    assert!(matches!(
        verify(&other, &ours, NOW),
        Err(CosignatureError::Checkpoint(CheckpointError::Note(NoteError::WrongSignature { .. })))
    ));
}

#[test]
fn one_key_under_two_names_is_one_witness() {
    let (first, second) = (witness("first", 2), witness("second", 2));
    let mut note = cosigned(&first, NOW);
    note.add(second.cosign(&note, NOW).expect("a checkpoint")).expect("within the bounds");
    let known = [first.verifier().clone(), second.verifier().clone()];
    assert_eq!(verify_cosignatures(&note, &known, NOW).map(|signed_by| signed_by.len()), Ok(1));
}

#[test]
fn the_logs_own_signature_is_no_cosignature() {
    let log = Signer::new("example.com/log", PrivateKey::from_seed(&[1; 32])).expect("a name");
    let known = [log.verifier().clone()];
    assert_eq!(verify_cosignatures(&checkpoint(), &known, NOW), Err(refused(NoteError::NoKnownKey)));
}

#[test]
fn a_time_from_the_future_is_refused_beyond_what_clocks_differ() {
    let witness = witness("witness", 2);
    let note = cosigned(&witness, NOW);
    assert!(verify(&note, &witness, NOW - COSIGNATURE_AHEAD_SECS_MAX).is_ok());
    let ahead_secs = COSIGNATURE_AHEAD_SECS_MAX + 1;
    let error = CosignatureError::Future { name: "witness".to_owned(), ahead_secs };
    assert_eq!(verify(&note, &witness, NOW - ahead_secs), Err(error));
    assert!(verify(&note, &witness, NOW + 1_000_000_000).is_ok());
}

#[test]
fn times_end_at_63_bits() {
    let witness = witness("witness", 2);
    assert!(verify(&cosigned(&witness, TIME_SECS_MAX), &witness, TIME_SECS_MAX).is_ok());
    let beyond = TIME_SECS_MAX + 1;
    assert_eq!(witness.cosign(&checkpoint(), beyond), Err(CosignatureError::Time(beyond)));
    // Signed all the same, by a witness that does not keep to it.
    let signature = witness.key.sign(message(beyond, checkpoint().text()).as_bytes());
    let mut note = checkpoint();
    let bytes = [&beyond.to_be_bytes()[..], &signature].concat();
    note.add(NoteSignature::new(witness.verifier(), bytes)).expect("within the bounds");
    assert!(verify(&note, &witness, u64::MAX).is_err());
}

#[test]
fn only_a_checkpoint_is_cosigned() {
    let witness = witness("witness", 2);
    let log = Signer::new("log", PrivateKey::from_seed(&[1; 32])).expect("a name");
    let note = Note::new("log\n".to_owned(), log.sign("log\n")).expect("a text");
    assert_eq!(witness.cosign(&note, NOW), Err(CheckpointError::Lines.into()));
}
