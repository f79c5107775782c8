//! Cosignatures: a witness's word that it saw a checkpoint and when (C2SP tlog-cosignature, Ed25519).

use super::checkpoint::{Checkpoint, CheckpointError};
use super::note::{Note, NoteSignature, SignedBy};
use super::signer::PrivateKey;
use super::verifier::{SignatureType, Verifier, VerifierError};
use thiserror::Error;

/// The latest time that a cosignature may state.
const TIME_SECS_MAX: u64 = i64::MAX as u64;

/// How far a witness's clock may run before the reader's.
pub const COSIGNATURE_AHEAD_SECS_MAX: u64 = 300;

/// A witness's key with its name. One key for one witness: the signature does not cover the name.
#[derive(Debug)]
pub struct Cosigner {
    verifier: Verifier,
    key: PrivateKey,
}

/// Why a checkpoint cannot be cosigned, or a cosignature is not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CosignatureError {
    /// What was to be cosigned is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A time beyond the year 292 billion.
    #[error("{0} is not a time that a cosignature can state")]
    Time(u64),
    /// The witness's clock or ours is wrong.
    #[error("{name} states that it signed {ahead_secs} s from now: one of the clocks is wrong")]
    Future {
        /// The witness.
        name: String,
        /// How far from now.
        ahead_secs: u64,
    },
}

impl Cosigner {
    /// The witness of that name.
    pub fn new(name: &str, key: PrivateKey) -> Result<Cosigner, VerifierError> {
        Ok(Cosigner { verifier: Verifier::new(name, SignatureType::Cosignature, &key.public_key())?, key })
    }

    /// What others check its cosignatures with.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The cosignature under a checkpoint at `now_secs` (since 1970). The caller has opened the checkpoint
    /// with the log's key and has had it proven consistent with the largest one it cosigned before: that is
    /// what the signature states.
    pub fn cosign(&self, checkpoint: &Note, now_secs: u64) -> Result<NoteSignature, CosignatureError> {
        Checkpoint::parse(checkpoint.text())?;
        if now_secs > TIME_SECS_MAX {
            return Err(CosignatureError::Time(now_secs));
        }
        let signature = self.key.sign(message(now_secs, checkpoint.text()).as_bytes());
        let timed = [&now_secs.to_be_bytes()[..], &signature].concat();
        Ok(NoteSignature::new(&self.verifier, timed))
    }
}

/// Which of these witnesses cosigned a checkpoint, with the times that they state. One wrong cosignature, or
/// one from the future, refuses them all; none at all is an error of the note.
pub fn verify_cosignatures(
    checkpoint: &Note,
    witnesses: &[Verifier],
    now_secs: u64,
) -> Result<Vec<SignedBy>, CosignatureError> {
    Checkpoint::parse(checkpoint.text())?;
    let mut known: Vec<Verifier> = Vec::new();
    for key in witnesses.iter().filter(|key| key.signature_type() == SignatureType::Cosignature) {
        // A cosignature does not cover the name: under two names, one key would count as two witnesses.
        if !known.iter().any(|other| other.public_key() == key.public_key()) {
            known.push(key.clone());
        }
    }
    let signed_by = checkpoint.verify(&known).map_err(CheckpointError::from)?;
    for signed in &signed_by {
        let ahead_secs = signed.time_secs.unwrap_or(0).saturating_sub(now_secs);
        if ahead_secs > COSIGNATURE_AHEAD_SECS_MAX {
            return Err(CosignatureError::Future { name: signed.name.clone(), ahead_secs });
        }
    }
    Ok(signed_by)
}

/// What is signed: the header, the time, and the checkpoint's text.
pub(super) fn message(time_secs: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time_secs}\n{text}")
}

/// Parts a cosignature into its time and the Ed25519 signature.
pub(super) fn split_time(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = bytes.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    (time <= TIME_SECS_MAX).then_some((time, signature))
}

#[cfg(test)]
mod tests;
