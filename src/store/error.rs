//! What can go wrong between the appliance and its file.

use super::lock::LockError;
use std::path::PathBuf;
use thiserror::Error;

/// Why the store could not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The directory is not to be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file or directory could not be made or read.
    #[error(
        "cannot open {path}: {source}; check that the directory exists, has room and belongs to this user"
    )]
    Open {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database could not be opened, read or written. The process must end: what is on disk is not known.
    #[error("log.redb: {0}{hint}", hint = hint(.0))]
    Database(#[from] redb::Error),
    /// There is no room left on the disk.
    #[error(
        "the disk that holds the data directory is full, so what waited was not stored; make room, then start again"
    )]
    NoRoom,
    /// Written by a newer program.
    #[error(
        "log.redb has format {found}; this program knows formats up to {known}: install the newer version again"
    )]
    Newer {
        /// The format in the file.
        found: u32,
        /// The newest one that is known.
        known: u32,
    },
    /// Written by an older program, and the disk has too little room to bring it to this one's format.
    #[error(
        "log.redb has format {found} and is to be brought to format {known}: {needed} bytes must be free for that and {free} are; nothing was changed: make room, then start again"
    )]
    NoRoomToMigrate {
        /// The format in the file.
        found: u32,
        /// The format of this program.
        known: u32,
        /// Bytes that must be free.
        needed: u64,
        /// Bytes that are.
        free: u64,
    },
    /// A row does not hold what it must.
    #[error("log.redb: table {table}, key {key}: {what}; run `sealwatch verify`, then restore a backup")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The row.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// The question was too wide.
    #[error("the listing took more than {secs} seconds; narrow the time range or add filters")]
    TooLong {
        /// After how many seconds it was given up.
        secs: u64,
    },
}

impl StoreError {
    /// Whether what lies on the disk is not what was written there.
    pub fn is_damage(&self) -> bool {
        matches!(self, StoreError::Damaged { .. } | StoreError::Database(redb::Error::Corrupted(_)))
    }

    pub(super) fn damaged(table: &'static str, key: impl ToString, what: impl ToString) -> StoreError {
        StoreError::Damaged { table, key: key.to_string(), what: what.to_string() }
    }
}

/// What to do about an error of the disk. After one, nobody knows what is on it until the file is opened again.
fn hint(error: &redb::Error) -> &'static str {
    match error {
        redb::Error::Io(_) | redb::Error::PreviousIo => {
            "; nothing more is acknowledged: check the disk and its file system, then start again"
        }
        _ => "",
    }
}

/// redb has an error type per operation; to us each is trouble with the one file.
macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> StoreError {
                StoreError::Database(error.into())
            }
        })*
    };
}

from_redb!(DatabaseError, TransactionError, TableError, StorageError, CommitError);
