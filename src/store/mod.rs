//! The truth on disk: the log, its tree, alerts, people and keys, in one redb file.
//!
//! Reading methods open a read transaction of their own and end it before they return, within a second
//! whatever they are asked, because a long one makes the file grow without end. Everything is written through
//! a [`Txn`], which only the writer of `ingest` (or a command on a stopped appliance) begins and commits.

mod tables;
mod error;
mod overlay;
mod migrate;
mod open;
mod lock;
mod txn;
mod append;
mod entries;
mod checkpoints;
mod log_keys;
mod query;
mod activities;
mod settings;
mod alert_list;
mod alerts;
mod related;
mod detection;
mod outbox;
mod undelivered;
mod withheld;
mod silences;
mod access;
mod overrides;
mod answers;
mod check;
mod exhibit;
mod last_check;
mod export;
mod saved_searches;
mod noticed;
mod dead_letters;

pub use access::{Session, SessionHash, SignIn};
pub use activities::{ActivityPage, StoredActivity};
pub use alerts::{AlertBrief, AlertPage, AlertStatistics, Refusal};
pub use answers::{Answer, AnswerKey, Remembered};
pub use append::Account;
pub use check::{Anchors, CheckProgress, Finding, Findings, Report, Signed};
pub use checkpoints::StoredCheckpoint;
pub use dead_letters::{DEAD_LETTERS_MAX, FailedStep, Steps};
pub use detection::{DetectionStep, Relief, Snapshot};
pub use entries::{Block, Damaged, Read};
pub use error::StoreError;
pub use exhibit::{AskedEvidence, EvidenceError};
pub use export::{AlertsPiece, EventsPiece};
pub use last_check::LastCheck;
pub use lock::{DirLock, LockError};
pub use log_keys::{KeySuccession, LogKey};
pub use migrate::FORMAT_VERSION;
pub use open::{Options, Store};
pub use outbox::OutboxCounts;
pub use query::{EventPage, EventsAt};
pub use saved_searches::SAVED_SEARCHES_MAX;
pub use silences::{Muted, SilenceRefusal};
pub use txn::Txn;
pub use undelivered::Undelivered;

#[cfg(test)]
pub(crate) use check::tests::rows::Rows;
#[cfg(test)]
mod tests;
