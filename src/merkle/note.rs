//! Signed notes: a text with the signatures of one or more keys (C2SP signed-note).

use super::canonical::{parse_base64, to_base64};
use super::verifier::{KeyId, SignatureType, Verifier, is_key_name};
use std::fmt;
use thiserror::Error;

/// The most bytes of a note that are looked at: all signatures at the size of post-quantum ones, and a text.
pub const NOTE_BYTES_MAX: usize = 512 * 1024;

/// The most signatures of a note. The standard demands that 16 are taken.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// What every signature line begins with: an em dash and a space.
const SIGNATURE_START: &str = "— ";

/// A text with signatures that say nothing until [`Note::verify`] was asked. Its text form is what was
/// parsed, to the byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: KeyId,
    bytes: Vec<u8>,
}

/// A key whose signature under a note was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The key's name.
    pub name: String,
    /// The key's id.
    pub id: KeyId,
    /// What the signature states.
    pub signature_type: SignatureType,
    /// For a cosignature, when it was made: seconds since 1970.
    pub time_secs: Option<u64>,
}

/// Why bytes are not a signed note, or a note is not to be believed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoteError {
    /// Over the bound.
    #[error("the note is larger than {NOTE_BYTES_MAX} bytes")]
    TooLarge,
    /// Over the bound.
    #[error("the note has more than {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// Not text.
    #[error("the note is not text in UTF-8")]
    NotUtf8,
    /// A carriage return, a tab, a zero byte…
    #[error("the note has a control character, {0:#04x}, that is no newline (were line ends converted?)")]
    ControlCharacter(u8),
    /// The last line is not ended.
    #[error("the note does not end in a newline")]
    NoFinalNewline,
    /// Nothing parts text and signatures.
    #[error("the note has no empty line between text and signatures")]
    NoEmptyLine,
    /// A text alone.
    #[error("the note has no signature")]
    NoSignature,
    /// A line below the text that is none of a signature.
    #[error("line {line} of the signatures is not an em dash, a key name and base64")]
    SignatureLine {
        /// From 1, counted from the empty line.
        line: usize,
    },
    /// Nobody known signed.
    #[error("none of the known keys has signed the note")]
    NoKnownKey,
    /// Somebody known has a signature there that is not theirs.
    #[error("the signature of {name} (key {id}) is wrong: the note was changed or the signature forged")]
    WrongSignature {
        /// The key's name.
        name: String,
        /// The key's id.
        id: KeyId,
    },
}

impl Note {
    /// Reads a note; strict, so that no two texts are the same note.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        check_characters(note)?;
        if !note.ends_with('\n') {
            return Err(NoteError::NoFinalNewline);
        }
        let middle = note.rfind("\n\n").ok_or(NoteError::NoEmptyLine)?;
        let (text, signatures) = (&note[..=middle], &note[middle + 2..]);
        let lines: Vec<&str> = signatures.split_terminator('\n').take(NOTE_SIGNATURES_MAX + 1).collect();
        match lines.len() {
            0 => return Err(NoteError::NoSignature),
            1..=NOTE_SIGNATURES_MAX => {}
            _ => return Err(NoteError::TooManySignatures),
        }
        let signatures = lines
            .iter()
            .zip(1..)
            .map(|(text, line)| NoteSignature::parse(text).ok_or(NoteError::SignatureLine { line }));
        Ok(Note { text: text.to_owned(), signatures: signatures.collect::<Result<_, _>>()? })
    }

    /// A text with its first signature. The text ends in a newline and has no other control character.
    pub fn new(text: String, signature: NoteSignature) -> Result<Note, NoteError> {
        check_characters(&text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::NoFinalNewline);
        }
        let note = Note { text, signatures: vec![signature] };
        if note.to_string().len() > NOTE_BYTES_MAX { Err(NoteError::TooLarge) } else { Ok(note) }
    }

    /// Puts another signature below the others.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.len() == NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(signature);
        if self.to_string().len() > NOTE_BYTES_MAX {
            self.signatures.pop();
            return Err(NoteError::TooLarge);
        }
        Ok(())
    }

    /// What is signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, verified or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Which of the known keys signed, each once; at least one did. Signatures of unknown keys are passed
    /// over, also under a known name or a known id. One wrong signature of a known key refuses the note,
    /// whoever else signed.
    pub fn verify(&self, known: &[Verifier]) -> Result<Vec<SignedBy>, NoteError> {
        let mut signed_by = Vec::new();
        for signature in &self.signatures {
            for key in known.iter().filter(|key| key.name() == signature.name && key.id() == signature.id) {
                let (name, id) = (signature.name.clone(), signature.id);
                let Some(time_secs) = key.check(&self.text, &signature.bytes) else {
                    return Err(NoteError::WrongSignature { name, id });
                };
                // A line that stands there twice is still one signer.
                if !signed_by.iter().any(|signed: &SignedBy| signed.name == name && signed.id == id) {
                    signed_by.push(SignedBy { name, id, signature_type: key.signature_type(), time_secs });
                }
            }
        }
        if signed_by.is_empty() { Err(NoteError::NoKnownKey) } else { Ok(signed_by) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl NoteSignature {
    /// The line of a key; `bytes` is the signature without the key id.
    pub(super) fn new(key: &Verifier, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature { name: key.name().to_owned(), id: key.id(), bytes }
    }

    /// Reads a line, without its newline.
    pub fn parse(line: &str) -> Option<NoteSignature> {
        let (name, base64) = line.strip_prefix(SIGNATURE_START)?.split_once(' ')?;
        let bytes = parse_base64(base64)?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        let whole = is_key_name(name) && !bytes.is_empty();
        whole.then(|| NoteSignature { name: name.to_owned(), id: KeyId(*id), bytes: bytes.to_vec() })
    }

    /// The name of the key that is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key that is said to have signed.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.0[..], &self.bytes].concat();
        write!(f, "{SIGNATURE_START}{} {}", self.name, to_base64(&bytes))
    }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    let control = text.bytes().find(|byte| *byte < 0x20 && *byte != b'\n');
    control.map_or(Ok(()), |byte| Err(NoteError::ControlCharacter(byte)))
}

#[cfg(test)]
mod tests;
