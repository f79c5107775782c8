//! Checks a proof of one event, and a checkpoint.

use super::file::{Answer, FileArgs, Outcome, read};
use crate::merkle::{
    Checkpoint, CheckpointError, Leaf, Note, NoteError, TlogProof, TlogProofError, Verifier, body_digest,
    leaf_hash,
};
use crate::model::Salt;
use std::path::Path;

const PROOF: &str = "proof";
const CHECKPOINT: &str = "checkpoint";

pub(super) fn check_proof(bytes: &[u8], keys: &[Verifier], args: &FileArgs) -> Outcome {
    let proof = match TlogProof::parse(bytes) {
        Ok(proof) => proof,
        Err(error) => return Outcome::wrong(PROOF, error.to_string()),
    };
    let mut missing = Vec::new();
    if keys.is_empty() {
        missing.push("--key KEY: the public key of the log, as /api/v1/log/key gives it");
    }
    if args.leaf.is_none() {
        missing.push("--leaf FILE: the leaf of the event, as /api/v1/audit/events/ID/leaf gives it");
    }
    let Some(leaf_file) = args.leaf.as_deref().filter(|_| missing.is_empty()) else {
        let lines = missing.iter().map(|what| format!("missing: {what}")).collect();
        return Outcome { kind: PROOF, answer: Answer::NotChecked, lines };
    };
    let leaf = match read_bytes::<50>(leaf_file) {
        Ok(leaf) => leaf,
        Err(why) => return Outcome::not_checked(PROOF, why),
    };
    match proof.verify(&leaf_hash(&leaf), keys) {
        Ok(checkpoint) => of_leaf(&proof, &leaf, &checkpoint, args),
        Err(TlogProofError::Checkpoint(error)) => of_checkpoint_error(PROOF, &error),
        Err(error) => Outcome::wrong(PROOF, error.to_string()),
    }
}

fn of_leaf(proof: &TlogProof, leaf: &[u8], checkpoint: &Checkpoint, args: &FileArgs) -> Outcome {
    let mut lines = vec![format!(
        "the leaf is entry {} of the log {} as of {} entries",
        proof.index,
        checkpoint.origin(),
        checkpoint.tree.size
    )];
    let parts = match Leaf::parse(leaf) {
        Some(parts) if parts.seq.0 == proof.index => parts,
        _ => return Outcome::wrong(PROOF, "the leaf is not that of an entry at this place"),
    };
    lines.push(format!("received {}", parts.received_at.timestamp()));
    let (Some(raw), Some(salt)) = (&args.raw, &args.salt) else {
        lines.push("with --raw and --salt, the event's own bytes can be checked against the leaf".to_owned());
        return Outcome { kind: PROOF, answer: Answer::Whole, lines };
    };
    let read = read_salt(salt).and_then(|salt| Ok((salt, read(raw).map_err(|error| format!("{error:#}"))?)));
    match read {
        Err(why) => Outcome::not_checked(PROOF, why),
        Ok((salt, raw)) if body_digest(&salt, &raw) != parts.body_digest => {
            Outcome::wrong(PROOF, "the event or its salt is not the one that the leaf commits to")
        }
        Ok((_, raw)) => {
            lines.push(format!("its content is the {} bytes that were given", raw.len()));
            Outcome { kind: PROOF, answer: Answer::Whole, lines }
        }
    }
}

pub(super) fn check_checkpoint(bytes: &[u8], keys: &[Verifier]) -> Outcome {
    let note = match Note::parse(bytes) {
        Ok(note) => note,
        Err(error) => return Outcome::wrong(CHECKPOINT, error.to_string()),
    };
    if keys.is_empty() {
        return Outcome::not_checked(
            CHECKPOINT,
            "missing: --key KEY: the public key of the log, as /api/v1/log/key gives it",
        );
    }
    match Checkpoint::open(&note, keys) {
        Ok(checkpoint) => {
            let tree = checkpoint.tree;
            let lines = vec![
                format!("checkpoint of the log {}: {} entries", checkpoint.origin(), tree.size),
                format!("root {}", hex::encode(tree.root)),
            ];
            Outcome { kind: CHECKPOINT, answer: Answer::Whole, lines }
        }
        Err(error) => of_checkpoint_error(CHECKPOINT, &error),
    }
}

fn of_checkpoint_error(kind: &'static str, error: &CheckpointError) -> Outcome {
    let no_known_key = *error == CheckpointError::Note(NoteError::NoKnownKey);
    let of_another = "none of the keys that were given has signed it: it is of another log, or forged";
    Outcome::wrong(kind, if no_known_key { of_another.to_owned() } else { error.to_string() })
}

/// Bytes of a fixed length, as they are or in hex.
fn read_bytes<const N: usize>(path: &Path) -> Result<[u8; N], String> {
    let bytes = read(path).map_err(|error| format!("{error:#}"))?;
    let of_hex = || hex::decode(bytes.trim_ascii()).ok()?.try_into().ok();
    bytes
        .as_slice()
        .try_into()
        .ok()
        .or_else(of_hex)
        .ok_or_else(|| format!("{} does not hold {N} bytes, as they are or in hex", path.display()))
}

fn read_salt(given: &str) -> Result<Salt, String> {
    let of_hex = hex::decode(given.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    of_hex.map_or_else(|| read_bytes(Path::new(given)), Ok)
}
