//! Checkpoints to the letter of the standard, and which signatures make them the log's.

use super::*;
use crate::merkle::{Cosigner, PrivateKey, empty_root};

/// The text of the standard's example.
const PUBLISHED: &str =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const TREE: TreeHead = TreeHead { size: 7, root: [7; 32] };

fn signer(name: &str, seed: u8) -> Signer {
    Signer::new(name, PrivateKey::from_seed(&[seed; 32])).expect("a name")
}

#[test]
fn the_published_text_is_read_and_written() {
    let checkpoint = Checkpoint::parse(PUBLISHED).expect("it is well-formed");
    assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.tree.size, 20_852_163);
    assert_eq!(checkpoint.tree.root[..2], [0x0a, 0xc5]);
    assert!(checkpoint.extensions().is_empty());
    assert_eq!(checkpoint.to_string(), PUBLISHED);
}

#[test]
fn extension_lines_and_the_empty_tree_come_back() {
    let empty = TreeHead { size: 0, root: empty_root() };
    let extensions = vec!["first".to_owned(), "second with spaces".to_owned()];
    let checkpoint = Checkpoint::new("a log", empty, extensions).expect("no line is empty");
    let text = "a log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nfirst\nsecond with spaces\n";
    assert_eq!(checkpoint.to_string(), text);
    assert_eq!(Checkpoint::parse(text), Ok(checkpoint));
}

#[test]
fn what_is_not_a_checkpoint_is_said_to_lack_what_it_lacks() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let cases: [(&str, CheckpointError); 17] = [
        ("", CheckpointError::Lines),
        ("a\n1\n", CheckpointError::Lines),
        (&format!("a\n1\n{root}"), CheckpointError::Lines),
        (&format!("\n1\n{root}\n"), CheckpointError::EmptyLine { line: 1 }),
        (&format!("a\n\n{root}\n"), CheckpointError::EmptyLine { line: 2 }),
        ("a\n1\n\n", CheckpointError::EmptyLine { line: 3 }),
        (&format!("a\n1\n{root}\n\n"), CheckpointError::EmptyLine { line: 4 }),
        (&format!("a\n1\n{root}\n\nb\n"), CheckpointError::EmptyLine { line: 4 }),
        (&format!("a\n01\n{root}\n"), CheckpointError::Size),
        (&format!("a\n+1\n{root}\n"), CheckpointError::Size),
        (&format!("a\n1 \n{root}\n"), CheckpointError::Size),
        (&format!("a\n-1\n{root}\n"), CheckpointError::Size),
        (&format!("a\n18446744073709551616\n{root}\n"), CheckpointError::Size),
        ("a\n1\nAAAA\n", CheckpointError::Root),
        (&format!("a\n1\n{}\n", root.replace("2I=", "2J=")), CheckpointError::Root),
        (&format!("a\n1\n{}\n", root.replace('=', "")), CheckpointError::Root),
        (&format!("a\n1\n{root}\r\n"), CheckpointError::Root),
    ];
    for (text, error) in cases {
        assert_eq!(Checkpoint::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn no_line_can_be_smuggled_into_a_checkpoint() {
    let control = Err(NoteError::ControlCharacter(b'\n').into());
    assert_eq!(Checkpoint::new("a\n9", TREE, Vec::new()), control);
    assert_eq!(Checkpoint::new("a", TREE, vec!["b\nc".to_owned()]), control);
    assert_eq!(Checkpoint::new("", TREE, Vec::new()), Err(CheckpointError::EmptyLine { line: 1 }));
    assert_eq!(Checkpoint::new("a", TREE, vec![String::new()]), Err(CheckpointError::EmptyLine { line: 4 }));
}

#[test]
fn a_signed_checkpoint_opens_with_the_logs_key() {
    let log = signer("example.com/log", 1);
    let note = Checkpoint::sign(TREE, &log).to_string();
    let note = Note::parse(note.as_bytes()).expect("it was just written");
    let checkpoint = Checkpoint::open(&note, &[log.verifier().clone()]).expect("the log signed");
    assert_eq!((checkpoint.origin(), checkpoint.tree), ("example.com/log", TREE));
}

#[test]
fn after_a_change_of_keys_either_of_the_logs_keys_opens_its_own() {
    let (old, new) = (signer("log", 1), signer("log", 2));
    let known = [old.verifier().clone(), new.verifier().clone()];
    assert!(Checkpoint::open(&Checkpoint::sign(TREE, &old), &known).is_ok());
    assert!(Checkpoint::open(&Checkpoint::sign(TREE, &new), &known).is_ok());
    let only_old = Checkpoint::open(&Checkpoint::sign(TREE, &new), &known[..1]);
    assert_eq!(only_old, Err(NoteError::NoKnownKey.into()));
}

#[test]
fn another_known_logs_signature_or_a_witness_alone_does_not_open_it() {
    let (log, other) = (signer("log", 1), signer("other", 2));
    let text = Checkpoint::new("log", TREE, Vec::new()).expect("no line is empty").to_string();
    let known = [log.verifier().clone(), other.verifier().clone()];
    let other_origin = Err(CheckpointError::OtherOrigin { origin: "log".to_owned() });
    let by_other = Note::new(text.clone(), other.sign(&text)).expect("a text");
    assert_eq!(Checkpoint::open(&by_other, &known), other_origin);

    // A witness that took the log's name is still no log.
    let witness = Cosigner::new("log", PrivateKey::from_seed(&[3; 32])).expect("a name");
    let unsigned = Checkpoint::sign(TREE, &log);
    let cosignature = witness.cosign(&unsigned, 1).expect("a checkpoint");
    let by_witness = Note::new(text, cosignature).expect("a text");
    let known = [log.verifier().clone(), witness.verifier().clone()];
    assert_eq!(Checkpoint::open(&by_witness, &known), other_origin);
}

#[test]
fn a_signed_text_that_is_no_checkpoint_is_none() {
    let log = signer("log", 1);
    let note = Note::new("log\n".to_owned(), log.sign("log\n")).expect("a text");
    assert_eq!(Checkpoint::open(&note, &[log.verifier().clone()]), Err(CheckpointError::Lines));
}
