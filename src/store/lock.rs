//! The lock that lets one process at a time use a data directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A data directory that is this process's alone, until the value ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
    dir: PathBuf,
}

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "the data directory {0} is in use by another sealwatch; stop that one first, or name another directory"
    )]
    InUse(PathBuf),
    /// It cannot be made or opened.
    #[error(
        "cannot use the data directory {dir}: {source}; check that its parent exists and that it belongs to this user"
    )]
    Io {
        /// Which.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl DirLock {
    /// Makes the directory (mode 0700) if there is none, and locks it.
    pub fn take(dir: &Path) -> Result<DirLock, LockError> {
        let io = |source| LockError::Io { dir: dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        let path = dir.join("LOCK");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        DirLock::lock(file, dir)
    }

    /// Locks a directory without making anything in it; `None` where nobody has ever used it.
    pub fn take_existing(dir: &Path) -> Result<Option<DirLock>, LockError> {
        match File::open(dir.join("LOCK")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            file => DirLock::lock(file, dir).map(Some),
        }
    }

    fn lock(file: std::io::Result<File>, dir: &Path) -> Result<DirLock, LockError> {
        let io = |source| LockError::Io { dir: dir.to_owned(), source };
        let file = file.map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(DirLock { _file: file, dir: dir.to_owned() }),
            Err(TryLockError::WouldBlock) => Err(LockError::InUse(dir.to_owned())),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_user_at_a_time() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data = dir.path().join("data");
        let first = DirLock::take(&data).expect("nobody else has it");
        let refused = DirLock::take(&data).expect_err("the first still holds it");
        assert!(refused.to_string().contains("in use by another sealwatch"), "{refused}");
        drop(first);
        DirLock::take(&data).expect("it is free again");
    }
}
