//! How far a reader has come, for those who wait for it or watch over it.

use crate::counters::CountersError;
use crate::ingest::Refused;
use crate::model::Seq;
use crate::search::SearchError;
use crate::store::StoreError;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;

/// What ends a reader, and with it the process.
#[derive(Debug, Error)]
pub enum ReaderError {
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The counters could not be written.
    #[error(transparent)]
    Counters(#[from] CountersError),
    /// The search index could not be made.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The thread for its steps could not be started.
    #[error("cannot start a reader's thread: {0}")]
    Thread(std::io::Error),
    /// The writer is gone.
    #[error("the writer has ended")]
    Stopped,
}

impl From<Refused> for ReaderError {
    fn from(_: Refused) -> ReaderError {
        ReaderError::Stopped
    }
}

/// The position of a reader: the first entry that it has not dealt with.
#[derive(Clone)]
pub struct Progress(watch::Sender<Seq>);

impl Progress {
    /// A reader that stands at `position`.
    pub fn at(position: Seq) -> Progress {
        Progress(watch::Sender::new(position))
    }

    /// Where it stands.
    pub fn position(&self) -> Seq {
        *self.0.borrow()
    }

    pub(super) fn advance(&self, position: Seq) {
        self.0.send_replace(position);
    }

    /// Waits until the reader has dealt with everything before `target`, but no longer than `patience`.
    /// Answers whether it has.
    pub async fn reaches(&self, target: Seq, patience: Duration) -> bool {
        let mut position = self.0.subscribe();
        let reached = position.wait_for(|position| *position >= target);
        tokio::time::timeout(patience, reached).await.is_ok_and(|reached| reached.is_ok())
    }
}
