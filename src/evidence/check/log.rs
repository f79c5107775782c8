//! That the entries are in the log, and that the checkpoints are those of one log that only grew.

use crate::evidence::exhibit::{Exhibit, ProvedEntry, key_of_size};
use crate::evidence::finding::Finding;
use crate::evidence::layout::{KEYS, checkpoint_name, consistency_name, entries, name_of};
use crate::merkle::{
    Checkpoint, Note, TreeHead, Verifier, body_digest, leaf_hash, verify_consistency, verify_inclusion,
};
use crate::model::{Activity, EntryKind, Seq};
use std::collections::HashMap;

pub(super) fn check(exhibit: &Exhibit, trusted: &[Verifier], findings: &mut Vec<Finding>) {
    let keys = check_keys(exhibit, findings);
    let trees = check_chain(exhibit, &keys, findings);
    check_trust(exhibit, &keys, trusted, findings);
    for (directory, entry) in entries(exhibit) {
        if let Err((end, what)) = check_entry(entry, &trees) {
            findings.push(Finding::new(name_of(directory, entry.seq.0, end), what));
        }
    }
}

/// The keys that the log names, once each is named by an entry that follows from the key before it. That the former key
/// signed the checkpoint which ends with that entry, [`check_chain`] sees.
fn check_keys(exhibit: &Exhibit, findings: &mut Vec<Finding>) -> Vec<(Seq, Verifier)> {
    let mut keys: Vec<(Seq, Verifier)> = Vec::new();
    for entry in &exhibit.keys {
        let mut wrong = |what: &str| findings.push(Finding::new(name_of(KEYS, entry.seq.0, ".json"), what));
        let Some(Activity::LogKeyNamed { key, previous }) = entry.activity() else {
            wrong("it is not the entry that names a key");
            continue;
        };
        let Ok(key) = Verifier::parse(&key) else {
            wrong("the key that it names is none");
            continue;
        };
        if previous != keys.last().map(|(_, former)| former.to_string()) {
            wrong("the key before it is another one than the log's");
        }
        let hand_over = entry.seq.0.saturating_add(1);
        if !keys.is_empty() && !exhibit.chain.iter().any(|link| link.size == hand_over) {
            wrong("the checkpoint with which the former key hands over is missing");
        }
        keys.push((entry.seq, key));
    }
    if keys.is_empty() {
        findings.push(Finding::new(KEYS, "no entry names the key of the log"));
    }
    keys
}

/// The trees of the checkpoints by their text, once each is signed by the key of its size and continues the one before.
fn check_chain(
    exhibit: &Exhibit,
    keys: &[(Seq, Verifier)],
    findings: &mut Vec<Finding>,
) -> HashMap<String, TreeHead> {
    let mut trees = HashMap::new();
    let mut before: Option<TreeHead> = None;
    for link in &exhibit.chain {
        let name = checkpoint_name(link.size);
        let tree = match key_of_size(keys, link.size).map(|key| open(&link.note, key)) {
            Some(Ok(checkpoint)) if checkpoint.tree.size == link.size => checkpoint.tree,
            Some(Ok(checkpoint)) => {
                let what =
                    format!("it covers {} entries, not as many as its name says", checkpoint.tree.size);
                findings.push(Finding::new(name, what));
                continue;
            }
            Some(Err(what)) => {
                findings.push(Finding::new(name, what));
                continue;
            }
            None => continue,
        };
        if let Some(old) = &before
            && let Err(error) = verify_consistency(old, &tree, &link.consistency)
        {
            findings.push(Finding::new(consistency_name(link.size), error.to_string()));
        }
        before = Some(tree);
        trees.insert(link.note.to_string(), tree);
    }
    if exhibit.chain.is_empty() {
        findings.push(Finding::new("checkpoints", "there is no checkpoint"));
    }
    trees
}

/// The checkpoint as the log signs it: one signature, and no line that nothing proves.
fn open(note: &Note, key: &Verifier) -> Result<Checkpoint, String> {
    let checkpoint = Checkpoint::open(note, std::slice::from_ref(key)).map_err(|error| error.to_string())?;
    if note.signatures().len() > 1 || !checkpoint.extensions().is_empty() {
        return Err("it has a signature or a line beside those of the log".to_owned());
    }
    Ok(checkpoint)
}

/// A key that is only named proves nothing: it must have signed a checkpoint here, from which the others follow.
fn check_trust(
    exhibit: &Exhibit,
    keys: &[(Seq, Verifier)],
    trusted: &[Verifier],
    findings: &mut Vec<Finding>,
) {
    let signed = exhibit.chain.iter().filter_map(|link| key_of_size(keys, link.size));
    if !trusted.is_empty() && !signed.into_iter().any(|key| trusted.contains(key)) {
        let name = exhibit.chain.last().map_or(KEYS.to_owned(), |link| checkpoint_name(link.size));
        findings.push(Finding::new(name, "the key that was given has signed none of the checkpoints"));
    }
}

/// The end of the name of the file that is wrong, and what is.
fn check_entry(entry: &ProvedEntry, trees: &HashMap<String, TreeHead>) -> Result<(), (&'static str, String)> {
    let leaf = entry.parts().ok_or((".leaf", "it is no leaf of a log".to_owned()))?;
    if leaf.seq != entry.seq {
        return Err((".leaf", format!("it is the leaf of entry {}", leaf.seq)));
    }
    if leaf.body_digest != body_digest(&entry.salt, &entry.body) {
        return Err((".json", "body and salt are not those that the leaf commits to".to_owned()));
    }
    let is_activity = leaf.kind == EntryKind::Activity;
    if is_activity && entry.activity().is_none() {
        return Err((".json", "it is no entry that this program knows".to_owned()));
    }
    let of_proof = |what: String| (".tlog-proof", what);
    if entry.proof.index != entry.seq.0 {
        return Err(of_proof(format!("it proves entry {}", entry.proof.index)));
    }
    let tree = trees.get(&entry.proof.checkpoint.to_string());
    let tree = tree.ok_or_else(|| of_proof("its checkpoint is none of those that hold".to_owned()))?;
    verify_inclusion(&leaf_hash(&entry.leaf), entry.proof.index, tree, &entry.proof.hashes)
        .map_err(|error| of_proof(error.to_string()))
}
