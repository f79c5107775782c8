//! The key that signs the log's checkpoints, in a file of its own.

use crate::merkle::{PrivateKey, Signer};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The file below the directory of keys: an Ed25519 private key as PKCS#8 in PEM.
const FILE: &str = "checkpoint-key.pem";

/// Why the key cannot be had. Without it no checkpoint can be signed, so the appliance does not start.
#[derive(Debug, Error)]
pub enum LogKeyError {
    /// A file or directory.
    #[error("cannot read or make {path}: {source}; it must belong to this user, with mode 0600")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a key.
    #[error("{path} holds no Ed25519 private key: restore it from a backup")]
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// A name that signed notes do not allow.
    #[error(
        "the log's origin {0:?} cannot be the name of a key: it must not be empty or hold spaces or plus signs"
    )]
    Origin(String),
}

/// The signer of the log with that origin; its key is made on first use. `dir` is the directory of keys.
pub fn log_signer(dir: &Path, origin: &str) -> Result<Signer, LogKeyError> {
    let path = dir.join(FILE);
    let io = |source| LogKeyError::Io { path: path.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
    let pem = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            make(dir, &path).map_err(io)?;
            std::fs::read_to_string(&path).map_err(io)?
        }
        pem => pem.map_err(io)?,
    };
    let key = PrivateKey::from_pem(&pem).map_err(|_| LogKeyError::NoKey { path: path.clone() })?;
    Signer::new(origin, key).map_err(|_| LogKeyError::Origin(origin.to_owned()))
}

/// Written under another name first, so that a kill leaves a whole key or none.
fn make(dir: &Path, path: &Path) -> std::io::Result<()> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).expect("the kernel's random source is always there once the host is up");
    let unfinished = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(PrivateKey::from_seed(&seed).to_pem().as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let keys = dir.path().join("keys");
        let first = log_signer(&keys, "seal.example/log").expect("it is made");
        let again = log_signer(&keys, "seal.example/log").expect("it is read");
        assert_eq!(first.verifier().to_string(), again.verifier().to_string());
        let mode = std::fs::metadata(keys.join(FILE)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_key_is_never_replaced() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join(FILE), "rubbish").expect("the directory exists");
        assert!(matches!(log_signer(dir.path(), "a"), Err(LogKeyError::NoKey { .. })));
        assert_eq!(std::fs::read_to_string(dir.path().join(FILE)).expect("still there"), "rubbish");
    }
}
