//! Notes to the letter of the standard, and what an attacker would hand in.

use super::*;
use crate::merkle::{PrivateKey, Signer};

/// The example of the standard with its key.
const PUBLISHED: &str = "This is an example message.\n\n\
    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm\
    RKuwHjG1Yu72IneyaQM=\n";
const PUBLISHED_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

fn signer(name: &str, seed: u8) -> Signer {
    Signer::new(name, PrivateKey::from_seed(&[seed; 32])).expect("a name")
}

fn signed(text: &str, signers: &[&Signer]) -> Note {
    let mut note = Note::new(text.to_owned(), signers[0].sign(text)).expect("a text");
    for signer in &signers[1..] {
        note.add(signer.sign(text)).expect("within the bounds");
    }
    note
}

fn names(signed_by: Vec<SignedBy>) -> Vec<String> {
    signed_by.into_iter().map(|signed| signed.name).collect()
}

/// What becomes of a text that is parsed and checked with one key.
fn checked(bytes: &[u8], known: &Verifier) -> Result<Vec<String>, NoteError> {
    Note::parse(bytes)?.verify(std::slice::from_ref(known)).map(names)
}

#[test]
fn the_published_note_is_read_verified_and_written() {
    let key = Verifier::parse(PUBLISHED_KEY).expect("it is well-formed");
    let note = Note::parse(PUBLISHED.as_bytes()).expect("it is well-formed");
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify(&[key]).map(names), Ok(vec!["example.com/foo".to_owned()]));
    assert_eq!(note.to_string(), PUBLISHED);
}

#[test]
fn no_single_bit_of_a_note_can_be_changed() {
    let key = Verifier::parse(PUBLISHED_KEY).expect("it is well-formed");
    for bit in 0..PUBLISHED.len() * 8 {
        let mut changed = PUBLISHED.as_bytes().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(checked(&changed, &key).is_err(), "bit {bit}");
    }
}

#[test]
fn the_last_empty_line_parts_text_and_signatures() {
    let log = signer("log", 1);
    for text in ["\n", "a\n", "a\n\nb\n", "a\n\n", "\n\n", "— log AAAAAAA=\n\n— x\n", "é\u{7f}\n"] {
        let note = signed(text, &[&log]);
        let again = Note::parse(note.to_string().as_bytes());
        assert_eq!(again, Ok(note), "{text:?}");
    }
}

#[test]
fn what_is_not_a_note_is_said_to_lack_what_it_lacks() {
    let line = "— log AQIDBAU=";
    let cases: [(&str, NoteError); 21] = [
        ("", NoteError::NoFinalNewline),
        ("a\n", NoteError::NoEmptyLine),
        ("a\n\n", NoteError::NoSignature),
        (&format!("a\n\n{line}"), NoteError::NoFinalNewline),
        (&format!("a\n{line}\n"), NoteError::NoEmptyLine),
        (&format!("a\r\n\r\n{line}\r\n"), NoteError::ControlCharacter(0x0d)),
        (&format!("a\n\n{line}\r\n"), NoteError::ControlCharacter(0x0d)),
        (&format!("a\tb\n\n{line}\n"), NoteError::ControlCharacter(0x09)),
        (&format!("a\0b\n\n{line}\n"), NoteError::ControlCharacter(0)),
        (&format!("a\n\n{line}\n\n"), NoteError::NoSignature),
        (&format!("a\n\n{line}\nb\n"), NoteError::SignatureLine { line: 2 }),
        ("a\n\n- log AQIDBAU=\n", NoteError::SignatureLine { line: 1 }),
        ("a\n\n—log AQIDBAU=\n", NoteError::SignatureLine { line: 1 }),
        ("a\n\n—  AQIDBAU=\n", NoteError::SignatureLine { line: 1 }),
        ("a\n\n— l+g AQIDBAU=\n", NoteError::SignatureLine { line: 1 }),
        ("a\n\n— l\u{a0}g AQIDBAU=\n", NoteError::SignatureLine { line: 1 }),
        ("a\n\n— log  AQIDBAU=\n", NoteError::SignatureLine { line: 1 }),
        ("a\n\n— log AQIDBAU= \n", NoteError::SignatureLine { line: 1 }),
        // Bits set that no byte holds; padding left out; a key id and no signature.
        ("a\n\n— log AQIDBAV=\n", NoteError::SignatureLine { line: 1 }),
        ("a\n\n— log AQIDBAU\n", NoteError::SignatureLine { line: 1 }),
        ("a\n\n— log AQIDBA==\n", NoteError::SignatureLine { line: 1 }),
    ];
    for (text, error) in cases {
        assert_eq!(Note::parse(text.as_bytes()), Err(error), "{text:?}");
    }
    assert_eq!(Note::parse(b"\xff\n\n\n"), Err(NoteError::NotUtf8));
    assert!(Note::parse(format!("a\n\n{line}\n").as_bytes()).is_ok());
}

#[test]
fn size_and_signatures_are_bounded() {
    let line = "— log AQIDBAU=\n";
    let with = |text: &str, count| Note::parse(format!("{text}\n\n{}", line.repeat(count)).as_bytes());
    assert!(with("a", NOTE_SIGNATURES_MAX).is_ok());
    assert_eq!(with("a", NOTE_SIGNATURES_MAX + 1), Err(NoteError::TooManySignatures));
    let room = NOTE_BYTES_MAX - line.len() - 2;
    assert!(with(&"a".repeat(room), 1).is_ok());
    assert_eq!(with(&"a".repeat(room + 1), 1), Err(NoteError::TooLarge));

    let log = signer("log", 1);
    let mut note = signed("a\n", &[&log]);
    for _ in 1..NOTE_SIGNATURES_MAX {
        note.add(log.sign("a\n")).expect("within the bounds");
    }
    assert_eq!(note.add(log.sign("a\n")), Err(NoteError::TooManySignatures));
    let long = "a".repeat(NOTE_BYTES_MAX) + "\n";
    assert_eq!(Note::new(long.clone(), log.sign(&long)), Err(NoteError::TooLarge));
    assert_eq!(Note::new("a".to_owned(), log.sign("a")), Err(NoteError::NoFinalNewline));
    assert_eq!(Note::new("a\r\n".to_owned(), log.sign("a")), Err(NoteError::ControlCharacter(0x0d)));
}

#[test]
fn signatures_of_unknown_keys_are_passed_over() {
    let (log, witness) = (signer("log", 1), signer("witness", 2));
    let note = signed("a\n", &[&witness, &log]);
    let verify = |known: &[&Signer]| {
        note.verify(&known.iter().map(|signer| signer.verifier().clone()).collect::<Vec<_>>()).map(names)
    };
    assert_eq!(verify(&[&log]), Ok(vec!["log".to_owned()]));
    assert_eq!(verify(&[&log, &witness]), Ok(vec!["witness".to_owned(), "log".to_owned()]));
    assert_eq!(verify(&[&signer("other", 3)]), Err(NoteError::NoKnownKey));
    assert_eq!(verify(&[]), Err(NoteError::NoKnownKey));
}

#[test]
fn a_name_or_an_id_alone_makes_no_known_key() {
    let (log, namesake) = (signer("log", 1), signer("log", 2));
    let note = signed("a\n", &[&namesake]);
    assert_eq!(note.verify(&[log.verifier().clone()]), Err(NoteError::NoKnownKey));
    let mut same_id = log.sign("a\n");
    same_id.name = "gol".to_owned();
    let note = Note::new("a\n".to_owned(), same_id).expect("a text");
    assert_eq!(note.verify(&[log.verifier().clone()]), Err(NoteError::NoKnownKey));
}

#[test]
fn signatures_under_swapped_names_are_nobodys() {
    let (log, witness) = (signer("log", 1), signer("witness", 2));
    let mut note = signed("a\n", &[&log, &witness]);
    note.signatures[0].name = "witness".to_owned();
    note.signatures[1].name = "log".to_owned();
    let known = [log.verifier().clone(), witness.verifier().clone()];
    assert_eq!(note.verify(&known), Err(NoteError::NoKnownKey));
}

#[test]
fn one_wrong_signature_of_a_known_key_refuses_the_note_in_any_place() {
    let (log, forger) = (signer("log", 1), signer("log", 2));
    // As a key of the same id would sign, which is cheap to find.
    let mut forged = forger.sign("a\n");
    forged.id = log.verifier().id();
    let wrong = Err(NoteError::WrongSignature { name: "log".to_owned(), id: log.verifier().id() });
    for signatures in
        [vec![forged.clone()], vec![forged.clone(), log.sign("a\n")], vec![log.sign("a\n"), forged]]
    {
        let note = Note { text: "a\n".to_owned(), signatures };
        assert_eq!(note.verify(&[log.verifier().clone()]), wrong);
    }
    let other_text = Note::new("b\n".to_owned(), log.sign("a\n")).expect("a text");
    assert_eq!(other_text.verify(&[log.verifier().clone()]), wrong);
}

#[test]
fn a_signature_that_stands_there_twice_counts_once() {
    let log = signer("log", 1);
    let note = signed("a\n", &[&log, &log]);
    assert_eq!(note.verify(&[log.verifier().clone()]).map(names), Ok(vec!["log".to_owned()]));
}

#[test]
fn a_signature_of_another_type_only_is_no_signature() {
    let log = signer("log", 1);
    // The id that the same name has for a post-quantum key; the bytes do not matter.
    let unknown_type = NoteSignature { name: "log".to_owned(), id: KeyId([6; 4]), bytes: vec![0; 2_420] };
    let note = Note::new("a\n".to_owned(), unknown_type).expect("a text");
    assert_eq!(checked(note.to_string().as_bytes(), log.verifier()), Err(NoteError::NoKnownKey));
}

#[test]
fn a_signature_of_another_length_is_wrong() {
    let log = signer("log", 1);
    for length in [1, 63, 65, 128] {
        let mut note = signed("a\n", &[&log]);
        note.signatures[0].bytes.resize(length, 0);
        assert!(matches!(
            checked(note.to_string().as_bytes(), log.verifier()),
            Err(NoteError::WrongSignature { .. })
        ));
    }
}
