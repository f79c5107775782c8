//! Which file of a bundle holds which part of an exhibit.

use super::bundle::{Bundle, BundleError, Manifest, json};
use super::exhibit::{Exhibit, Export, Link, ProvedEntry};
use super::finding::Finding;
use crate::merkle::{Note, TlogProof};
use crate::model::{Hash, ReceivedAt, Seq};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// The version of the program, on which the texts for people depend.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What `VERIFY.md` says: how to check the bundle, with this program and without.
pub const VERIFY_TEXT: &str = include_str!("VERIFY.md");

/// The page for people.
pub(super) const PAGE: &str = "index.html";
/// How to check.
pub(super) const VERIFY: &str = "VERIFY.md";
/// The alert as the appliance keeps it.
pub(super) const ALERT: &str = "alert.json";
/// Its rule.
pub(super) const RULE: &str = "rule.json";
/// The directory of the entries of the events that counted.
pub(super) const EVENTS: &str = "events";
/// The directory of the entries of the alert's life.
pub(super) const HISTORY: &str = "history";
/// The directory of the entries that name keys.
pub(super) const KEYS: &str = "keys";
/// The directory of checkpoints.
const CHECKPOINTS: &str = "checkpoints";

/// What an entry consists of, by how the names of its files end.
const ENTRY_FILES: [&str; 4] = [".json", ".leaf", ".salt", ".tlog-proof"];
/// A checkpoint, and what connects it with the one before.
const LINK_FILES: [&str; 2] = [".txt", ".consistency"];

/// The name of a file of an entry or a checkpoint.
pub(super) fn name_of(directory: &str, number: u64, end: &str) -> String {
    format!("{directory}/{number:012}{end}")
}

impl Bundle {
    /// The files of an exhibit. `page` is what people read of it.
    pub fn of(exhibit: &Exhibit, page: &str) -> Result<Bundle, BundleError> {
        let mut bundle = Bundle::default();
        bundle.add(PAGE, page.as_bytes().to_vec())?;
        bundle.add(VERIFY, VERIFY_TEXT.as_bytes().to_vec())?;
        bundle.add(ALERT, json(&exhibit.alert))?;
        bundle.add(RULE, json(&exhibit.rule))?;
        for (directory, entries) in
            [(EVENTS, &exhibit.events), (HISTORY, &exhibit.history), (KEYS, &exhibit.keys)]
        {
            for entry in entries {
                let parts = [&entry.body[..], &entry.leaf, &entry.salt, entry.proof.to_string().as_bytes()]
                    .map(<[u8]>::to_vec);
                for (end, bytes) in ENTRY_FILES.into_iter().zip(parts) {
                    bundle.add(&name_of(directory, entry.seq.0, end), bytes)?;
                }
            }
        }
        for (index, link) in exhibit.chain.iter().enumerate() {
            let name = |end| name_of(CHECKPOINTS, link.size, end);
            bundle.add(&name(LINK_FILES[0]), link.note.to_string().into_bytes())?;
            if index > 0 {
                bundle.add(&name(LINK_FILES[1]), hash_lines(&link.consistency).into_bytes())?;
            }
        }
        bundle.seal(VERSION, &exhibit.export.by, exhibit.export.at)?;
        Ok(bundle)
    }
}

/// Reads the exhibit back, and tells which files cannot be read or have no place in a bundle. `None` where what is missing
/// leaves nothing to check.
pub(super) fn read(bundle: &Bundle, manifest: &Manifest, findings: &mut Vec<Finding>) -> Option<Exhibit> {
    let mut reading =
        Reading { bundle, findings, seen: BTreeSet::from([super::bundle::MANIFEST.to_owned()]) };
    reading.bytes(PAGE);
    reading.bytes(VERIFY);
    let alert = reading.json(ALERT);
    let rule = reading.json(RULE);
    let [events, history, keys] = [EVENTS, HISTORY, KEYS].map(|directory| reading.entries(directory));
    let chain = reading.chain();
    let Reading { seen, .. } = reading;
    let strange = bundle.files().filter(|(name, _)| !seen.contains(*name));
    findings.extend(strange.map(|(name, _)| Finding::new(name, "no bundle has such a file")));
    let export = Export { by: manifest.by.clone(), at: ReceivedAt::from_timestamp(manifest.at) };
    Some(Exhibit { export, alert: alert?, rule: rule?, events, history, keys, chain })
}

/// The walk through the files of a bundle.
struct Reading<'a> {
    bundle: &'a Bundle,
    findings: &'a mut Vec<Finding>,
    seen: BTreeSet<String>,
}

impl<'a> Reading<'a> {
    fn bytes(&mut self, name: &str) -> Option<&'a [u8]> {
        self.seen.insert(name.to_owned());
        let bytes = self.bundle.get(name);
        if bytes.is_none() {
            self.findings.push(Finding::new(name, "the file is missing"));
        }
        bytes
    }

    /// A file of which one spelling counts.
    fn json<T: DeserializeOwned + Serialize>(&mut self, name: &str) -> Option<T> {
        let bytes = self.bytes(name)?;
        let value = serde_json::from_slice::<T>(bytes).ok().filter(|value| json(value) == bytes);
        self.or_finding(name, value, "it is not the JSON that this program writes there")
    }

    fn or_finding<T>(&mut self, name: &str, value: Option<T>, what: impl Into<String>) -> Option<T> {
        if value.is_none() {
            self.findings.push(Finding::new(name, what));
        }
        value
    }

    /// The numbers that the files of a directory are named by. What is named otherwise is found to be strange.
    fn numbers(&self, directory: &str, ends: &[&str]) -> BTreeSet<u64> {
        let numbers = self.bundle.files().filter_map(|(name, _)| {
            let rest = name.strip_prefix(directory)?.strip_prefix('/')?;
            let number = ends.iter().find_map(|end| rest.strip_suffix(end))?.parse().ok()?;
            ends.iter().any(|end| name_of(directory, number, end) == name).then_some(number)
        });
        numbers.collect()
    }

    fn entries(&mut self, directory: &str) -> Vec<ProvedEntry> {
        let numbers = self.numbers(directory, &ENTRY_FILES);
        numbers.into_iter().filter_map(|number| self.entry(directory, number)).collect()
    }

    fn entry(&mut self, directory: &str, number: u64) -> Option<ProvedEntry> {
        let names = ENTRY_FILES.map(|end| name_of(directory, number, end));
        let [body, leaf, salt, proof] = [0, 1, 2, 3].map(|place: usize| self.bytes(&names[place]));
        let (body, leaf, salt, proof) = (body?, leaf?, salt?, proof?);
        let salt = self.or_finding(&names[2], salt.try_into().ok(), "a salt has 32 bytes");
        let parsed = TlogProof::parse(proof);
        let what = parsed.as_ref().err().map(ToString::to_string);
        // One spelling counts here as well: the extra line is not proved.
        let plain =
            parsed.ok().filter(|parsed| parsed.extra.is_none() && parsed.to_string().as_bytes() == proof);
        let proof =
            self.or_finding(&names[3], plain, what.unwrap_or_else(|| "it has an extra line".to_owned()));
        Some(ProvedEntry {
            seq: Seq(number),
            leaf: leaf.to_vec(),
            salt: salt?,
            body: body.to_vec(),
            proof: proof?,
        })
    }

    fn chain(&mut self) -> Vec<Link> {
        let mut chain = Vec::new();
        for (index, size) in self.numbers(CHECKPOINTS, &LINK_FILES).into_iter().enumerate() {
            let [note_name, hashes_name] = LINK_FILES.map(|end| name_of(CHECKPOINTS, size, end));
            let note = self.bytes(&note_name).map(Note::parse);
            let what = note.as_ref().and_then(|note| note.as_ref().err()).map(ToString::to_string);
            let note = match (note, what) {
                (Some(_), Some(what)) => self.or_finding(&note_name, None, what),
                (note, _) => note.and_then(Result::ok),
            };
            let hashes = if index == 0 {
                Some(Vec::new())
            } else {
                let hashes = self.bytes(&hashes_name).map(parse_hashes);
                hashes.and_then(|hashes| {
                    self.or_finding(&hashes_name, hashes, "it is no list of hashes in hex, one a line")
                })
            };
            chain.extend(note.zip(hashes).map(|(note, consistency)| Link { size, note, consistency }));
        }
        chain
    }
}

fn hash_lines(hashes: &[Hash]) -> String {
    hashes.iter().map(|hash| format!("{}\n", hex::encode(hash))).collect()
}

fn parse_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let hashes = text.lines().map(|line| hex::decode(line).ok()?.try_into().ok());
    let hashes: Vec<Hash> = hashes.collect::<Option<_>>()?;
    (hash_lines(&hashes) == text).then_some(hashes)
}

/// The entries of all directories, each with the directory that it lies in.
pub(super) fn entries(exhibit: &Exhibit) -> impl Iterator<Item = (&'static str, &ProvedEntry)> {
    let all = [(EVENTS, &exhibit.events), (HISTORY, &exhibit.history), (KEYS, &exhibit.keys)];
    all.into_iter().flat_map(|(directory, entries)| entries.iter().map(move |entry| (directory, entry)))
}

/// The file with a checkpoint of that size.
pub(super) fn checkpoint_name(size: u64) -> String {
    name_of(CHECKPOINTS, size, LINK_FILES[0])
}

/// The file that connects the checkpoint of that size with the one before.
pub(super) fn consistency_name(size: u64) -> String {
    name_of(CHECKPOINTS, size, LINK_FILES[1])
}

/// The entries by their place in the log.
pub(super) fn by_seq(entries: &[ProvedEntry]) -> BTreeMap<Seq, &ProvedEntry> {
    entries.iter().map(|entry| (entry.seq, entry)).collect()
}
