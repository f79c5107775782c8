//! Files that hold a private key: whole or not there at all, and for their owner alone.

use crate::merkle::PrivateKey;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a key cannot be had from its file, or a file not be written.
#[derive(Debug, Error)]
pub enum KeyFileError {
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
}

impl KeyFileError {
    pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> KeyFileError {
        move |source| KeyFileError::Io { path: path.to_owned(), source }
    }
}

/// The key in that file; `None` where there is none.
pub fn read_key(path: &Path) -> Result<Option<PrivateKey>, KeyFileError> {
    let pem = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        pem => Zeroizing::new(pem.map_err(KeyFileError::io(path))?),
    };
    PrivateKey::from_pem(&pem).map(Some).map_err(|_| KeyFileError::NoKey { path: path.to_owned() })
}

/// Makes a key, in place of one that is there.
pub fn make_key(path: &Path) -> Result<(), KeyFileError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).expect("the kernel's random source is always there once the host is up");
    let pem = PrivateKey::from_seed(&seed).to_pem();
    write_whole(path, pem.as_bytes()).map_err(KeyFileError::io(path))
}

/// Writes a file with mode 0600, and makes its directory with mode 0700 where there is none. Written under another name
/// first, so that a kill leaves the whole file or the one before; it is on disk when this returns.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = dir_of(path);
    make_dir(dir)?;
    let unfinished = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    sync_dir(dir)
}

/// Makes a directory and those above it. Each one's name is on disk in the one above, or a power cut could take what is
/// in it with it.
fn make_dir(dir: &Path) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = dir_of(dir);
    make_dir(above)?;
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    sync_dir(above)
}

/// The directory that a path lies in.
fn dir_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Has the names in a directory on disk.
pub(super) fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}
