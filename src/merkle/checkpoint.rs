//! Checkpoints: a log's size and root, signed (C2SP tlog-checkpoint).

use super::canonical::{parse_decimal, parse_hash, to_base64};
use super::note::{Note, NoteError};
use super::proof::TreeHead;
use super::signer::Signer;
use super::verifier::{SignatureType, Verifier};
use std::fmt;
use thiserror::Error;

/// What a log states about itself. Its text form is the text of a signed note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    /// The tree that is stated.
    pub tree: TreeHead,
    extensions: Vec<String>,
}

/// Why a text is not a checkpoint, or not that of the log.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Fewer than three lines, or the last one not ended.
    #[error("a checkpoint has at least three lines, each ended by a newline: origin, size, root hash")]
    Lines,
    /// A line without text.
    #[error("line {line} of the checkpoint is empty")]
    EmptyLine {
        /// From 1.
        line: usize,
    },
    /// The second line.
    #[error("the second line of the checkpoint is not a size: digits without leading zeroes")]
    Size,
    /// The third line.
    #[error("the third line of the checkpoint is not the base64 of a 32-byte root hash")]
    Root,
    /// Signed by a known key, but one of another log or of a witness only.
    #[error("the checkpoint is one of {origin}, but no known key of that log has signed it")]
    OtherOrigin {
        /// Whose checkpoint it says it is.
        origin: String,
    },
}

impl Checkpoint {
    /// The checkpoint of that log. Neither the origin nor an extension line may be empty or hold control
    /// characters.
    pub fn new(origin: &str, tree: TreeHead, extensions: Vec<String>) -> Result<Checkpoint, CheckpointError> {
        let lines = std::iter::once(origin).chain(["-", "-"]).chain(extensions.iter().map(String::as_str));
        for (text, line) in lines.zip(1..) {
            if text.is_empty() {
                return Err(CheckpointError::EmptyLine { line });
            }
            if let Some(byte) = text.bytes().find(|byte| *byte < 0x20) {
                return Err(NoteError::ControlCharacter(byte).into());
            }
        }
        Ok(Checkpoint { origin: origin.to_owned(), tree, extensions })
    }

    /// The signed checkpoint of the signer's own log.
    pub fn sign(tree: TreeHead, signer: &Signer) -> Note {
        let checkpoint = Checkpoint { origin: signer.name().to_owned(), tree, extensions: Vec::new() };
        let text = checkpoint.to_string();
        let signature = signer.sign(&text);
        Note::new(text, signature)
            .expect("a key's name has no control characters, and the rest is digits and base64")
    }

    /// The checkpoint in a note, once a log key of `known` whose name is the checkpoint's origin has signed
    /// it. Keys of witnesses may be among the known ones: their signatures are checked but are not the log's.
    pub fn open(note: &Note, known: &[Verifier]) -> Result<Checkpoint, CheckpointError> {
        let signed_by = note.verify(known)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        let by_log = signed_by.iter().any(|signed| {
            signed.signature_type == SignatureType::Ed25519 && signed.name == checkpoint.origin
        });
        if by_log { Ok(checkpoint) } else { Err(CheckpointError::OtherOrigin { origin: checkpoint.origin }) }
    }

    /// Reads the text of a note, whose signatures the caller has checked or is about to: [`Checkpoint::open`]
    /// does both.
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n').collect();
        let [origin, size, root, extensions @ ..] = &lines[..] else { return Err(CheckpointError::Lines) };
        if let Some(empty) = lines.iter().position(|line| line.is_empty()) {
            return Err(CheckpointError::EmptyLine { line: empty + 1 });
        }
        let size = parse_decimal(size).ok_or(CheckpointError::Size)?;
        let root = parse_hash(root).ok_or(CheckpointError::Root)?;
        let extensions = extensions.iter().map(|line| (*line).to_owned()).collect();
        Checkpoint::new(origin, TreeHead { size, root }, extensions)
    }

    /// Which log it is of.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Lines that the log added; nothing proves them.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.tree.size, to_base64(&self.tree.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests;
