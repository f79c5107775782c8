//! The truth on disk: the log, its tree, alerts, people and keys, in one redb file.
//!
//! Reading methods open a read transaction of their own and end it before they return, within a second
//! whatever they are asked, because a long one makes the file grow without end. Everything is written through
//! a [`Txn`], which only the writer of `ingest` (or a command on a stopped appliance) begins and commits.

mod tables;
mod error;
mod open;
mod lock;
mod txn;
mod append;
mod entries;
mod checkpoints;
mod log_keys;
mod query;
mod alerts;
mod detection;
mod outbox;
mod silences;
mod access;
mod answers;
mod check;

pub use access::{Session, SessionHash, SignIn};
pub use alerts::{AlertPage, AlertStatistics, Refusal};
pub use answers::{Answer, AnswerKey, Remembered};
pub use append::Account;
pub use check::{Damage, Report};
pub use checkpoints::StoredCheckpoint;
pub use detection::{DetectionStep, Snapshot};
pub use entries::{Block, Damaged, Read};
pub use error::StoreError;
pub use lock::{DirLock, LockError};
pub use log_keys::{KeySuccession, LogKey};
pub use open::{FORMAT_VERSION, Options, Store};
pub use outbox::{DeadLetter, OutboxCounts};
pub use query::EventPage;
pub use silences::{Muted, SilenceRefusal};
pub use txn::Txn;

#[cfg(test)]
mod tests;
