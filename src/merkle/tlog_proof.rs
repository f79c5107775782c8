//! Proofs that travel: place, inclusion proof and signed checkpoint in one text (C2SP tlog-proof).

use super::canonical::{parse_base64, parse_decimal, parse_hash, to_base64};
use super::checkpoint::{Checkpoint, CheckpointError};
use super::note::{NOTE_BYTES_MAX, Note};
use super::proof::{ProofError, verify_inclusion};
use super::verifier::Verifier;
use crate::model::Hash;
use std::fmt;
use thiserror::Error;

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most hashes of an inclusion proof: no tree of 64-bit size is higher.
const HASHES_MAX: usize = 64;

/// The most bytes of a proof that are looked at.
const TLOG_PROOF_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX;

/// A proof that anyone who has the log's key can check offline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Bytes that the application added, never empty; nothing proves them.
    pub extra: Option<Vec<u8>>,
    /// The entry's place in the log.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The checkpoint of the tree that holds the entry, as the log and its witnesses signed it.
    pub checkpoint: Note,
}

/// Why a text is not a proof, or the proof does not hold.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TlogProofError {
    /// Over the bound.
    #[error("the proof is larger than {TLOG_PROOF_BYTES_MAX} bytes")]
    TooLarge,
    /// Not text.
    #[error("the proof is not text in UTF-8")]
    NotUtf8,
    /// Another format, or another version of it.
    #[error("the first line of the proof is not {HEADER:?}")]
    Header,
    /// The extra line.
    #[error("the extra line of the proof does not hold base64")]
    Extra,
    /// The index line is missing or wrong.
    #[error("the proof has no line \"index\" with a number without leading zeroes")]
    Index,
    /// A line of the inclusion proof.
    #[error("hash {place} of the proof is not the base64 of 32 bytes")]
    Hash {
        /// From 1.
        place: usize,
    },
    /// More than any tree needs.
    #[error("the proof has more than {HASHES_MAX} hashes")]
    TooManyHashes,
    /// It ends with the inclusion proof.
    #[error("the proof has no empty line and no checkpoint after its hashes")]
    NoCheckpoint,
    /// The checkpoint is malformed, not signed, or another log's.
    #[error("the checkpoint in the proof: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead from the entry to the checkpoint.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl TlogProof {
    /// Reads the text form.
    pub fn parse(bytes: &[u8]) -> Result<TlogProof, TlogProofError> {
        if bytes.len() > TLOG_PROOF_BYTES_MAX {
            return Err(TlogProofError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| TlogProofError::NotUtf8)?;
        let (header, text) = text.split_once('\n').ok_or(TlogProofError::Header)?;
        if header != HEADER {
            return Err(TlogProofError::Header);
        }
        let (extra, text) = match text.strip_prefix("extra ") {
            Some(extra) => parse_extra(extra)?,
            None => (None, text),
        };
        let (index, text) = text.split_once('\n').ok_or(TlogProofError::Index)?;
        let index = index.strip_prefix("index ").and_then(parse_decimal).ok_or(TlogProofError::Index)?;
        let (hashes, checkpoint) = parse_hashes(text)?;
        let checkpoint = Note::parse(checkpoint.as_bytes()).map_err(CheckpointError::from)?;
        Ok(TlogProof { extra, index, hashes, checkpoint })
    }

    /// Whether the leaf of that hash is in the log whose keys are `known`, at [`TlogProof::index`]; then the
    /// checkpoint that it is proven against. What witnesses signed,
    /// [`verify_cosignatures`](super::verify_cosignatures) tells from [`TlogProof::checkpoint`].
    pub fn verify(&self, leaf: &Hash, known: &[Verifier]) -> Result<Checkpoint, TlogProofError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, known)?;
        verify_inclusion(leaf, self.index, &checkpoint.tree, &self.hashes)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = self.extra.as_ref().filter(|extra| !extra.is_empty()) {
            writeln!(f, "extra {}", to_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", to_base64(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// The bytes of the extra line, and the text after it.
fn parse_extra(text: &str) -> Result<(Option<Vec<u8>>, &str), TlogProofError> {
    let (base64, rest) = text.split_once('\n').ok_or(TlogProofError::Extra)?;
    // Where there is nothing extra, the line is to be left out.
    let extra = parse_base64(base64).filter(|bytes| !bytes.is_empty()).ok_or(TlogProofError::Extra)?;
    Ok((Some(extra), rest))
}

/// The hashes up to the empty line, and the text after it.
fn parse_hashes(text: &str) -> Result<(Vec<Hash>, &str), TlogProofError> {
    let mut hashes = Vec::new();
    let mut rest = text;
    loop {
        let (line, after) = rest.split_once('\n').ok_or(TlogProofError::NoCheckpoint)?;
        rest = after;
        if line.is_empty() {
            return Ok((hashes, rest));
        }
        if hashes.len() == HASHES_MAX {
            return Err(TlogProofError::TooManyHashes);
        }
        hashes.push(parse_hash(line).ok_or(TlogProofError::Hash { place: hashes.len() + 1 })?);
    }
}

#[cfg(test)]
mod tests;
