//! A bundle: named files in memory, within bounds, with a manifest of their digests.

use super::finding::Finding;
use crate::model::{Hash, ReceivedAt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use thiserror::Error;

/// The file that names all others.
pub(super) const MANIFEST: &str = "manifest.json";
/// The format of bundles that this program writes and reads.
const FORMAT: &str = "sealwatch-evidence/1";
/// Files of one bundle.
pub(super) const FILES_MAX: usize = 20_000;
/// Bytes of one file.
const FILE_BYTES_MAX: usize = 64 << 20;
/// Bytes of all files.
pub const BUNDLE_BYTES_MAX: usize = 128 << 20;
/// Bytes of a file's name.
const NAME_BYTES_MAX: usize = 100;

/// Files by their names. Nothing of it is ever written to a place that a name could choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

/// Why a file cannot be part of a bundle.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BundleError {
    /// More files than any evidence has.
    #[error("there are more than {FILES_MAX} files")]
    TooManyFiles,
    /// One that is too large, or all together.
    #[error("a file has more than {FILE_BYTES_MAX} bytes, or all have more than {BUNDLE_BYTES_MAX}")]
    TooLarge,
    /// A name that leads out of the bundle, or that no bundle has.
    #[error("the name {0:?} is none of a file in a bundle")]
    Name(String),
    /// Two files of one name, of which every reader could take another one.
    #[error("the name {0:?} stands there twice")]
    Twice(String),
}

/// What `manifest.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: String,
    /// The version of the program that wrote it.
    pub(super) version: String,
    /// Who took the evidence out.
    pub(super) by: String,
    /// When.
    pub(super) at: Timestamp,
    /// SHA-256 of every other file, in hex.
    files: BTreeMap<String, String>,
}

impl Bundle {
    /// Adds a file.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), BundleError> {
        if !is_name(name) {
            return Err(BundleError::Name(name.chars().take(NAME_BYTES_MAX).collect()));
        }
        if self.files.len() == FILES_MAX {
            return Err(BundleError::TooManyFiles);
        }
        if bytes.len() > self.room() {
            return Err(BundleError::TooLarge);
        }
        if self.files.contains_key(name) {
            return Err(BundleError::Twice(name.to_owned()));
        }
        self.bytes += bytes.len();
        self.files.insert(name.to_owned(), bytes);
        Ok(())
    }

    /// How many bytes the next file may have.
    pub(super) fn room(&self) -> usize {
        FILE_BYTES_MAX.min(BUNDLE_BYTES_MAX - self.bytes)
    }

    /// The file of that name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Every file with its name, in the order of the names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// SHA-256 of the manifest, which stands for the whole bundle.
    pub fn digest(&self) -> Option<Hash> {
        self.get(MANIFEST).map(|bytes| Sha256::digest(bytes).into())
    }

    /// Adds the manifest, as the last file.
    pub(super) fn seal(&mut self, version: &str, by: &str, at: ReceivedAt) -> Result<(), BundleError> {
        let files = self.files.iter().map(|(name, bytes)| (name.clone(), digest_of(bytes))).collect();
        let (format, version, by) = (FORMAT.to_owned(), version.to_owned(), by.to_owned());
        let manifest = Manifest { format, version, by, at: at.timestamp(), files };
        self.add(MANIFEST, manifest.to_bytes())
    }

    /// What the manifest says, and which files are not as it says.
    pub(super) fn manifest(&self, findings: &mut Vec<Finding>) -> Option<Manifest> {
        let Some(bytes) = self.get(MANIFEST) else {
            findings.push(Finding::new(MANIFEST, "the file is missing"));
            return None;
        };
        let manifest = serde_json::from_slice::<Manifest>(bytes).ok();
        // One spelling counts: a second reader must not find another member of the same name.
        let Some(manifest) = manifest.filter(|manifest| manifest.to_bytes() == bytes) else {
            findings.push(Finding::new(MANIFEST, "it is no manifest as this program writes it"));
            return None;
        };
        if manifest.format != FORMAT {
            let what = format!("its format is {:?}; this program knows {FORMAT}", manifest.format);
            findings.push(Finding::new(MANIFEST, what));
            return None;
        }
        for (name, digest) in &manifest.files {
            match self.get(name) {
                None => findings.push(Finding::new(name, "the file is missing")),
                Some(bytes) if digest_of(bytes) != *digest => {
                    findings.push(Finding::new(name, "its SHA-256 is not the one in the manifest"));
                }
                Some(_) => {}
            }
        }
        let unnamed =
            self.files.keys().filter(|name| *name != MANIFEST && !manifest.files.contains_key(*name));
        findings.extend(unnamed.map(|name| Finding::new(name, "the manifest does not name it")));
        Some(manifest)
    }
}

impl Manifest {
    fn to_bytes(&self) -> Vec<u8> {
        json(self)
    }
}

/// JSON as it stands in bundles: for people to read, and with a newline at its end.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("these values have only string keys");
    bytes.push(b'\n');
    bytes
}

fn digest_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Whether a name leads to a file below the bundle, and nowhere else on any system.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    name.len() <= NAME_BYTES_MAX && name.split('/').all(is_part)
}
