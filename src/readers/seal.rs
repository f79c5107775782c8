//! The seal reader: signs a checkpoint over what was committed, soon after it was, and hourly when nothing is.

use super::progress::{Progress, ReaderError};
use crate::ingest::Writer;
use crate::merkle::{Checkpoint, Signer};
use crate::model::{Activity, Seq};
use crate::store::{Store, StoredCheckpoint};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the log may be silent before an entry says that it was: silence is provable too.
const SILENCE_MAX: Duration = Duration::from_secs(3_600);

/// Signs the log. Runs as long as the appliance.
pub struct SealReader {
    store: Arc<Store>,
    writer: Writer,
    signer: Arc<Signer>,
    every: Duration,
    progress: Progress,
}

impl SealReader {
    /// Goes on behind the newest checkpoint; signs at most one in `every`.
    pub fn new(
        store: Arc<Store>,
        writer: Writer,
        signer: Arc<Signer>,
        every: Duration,
    ) -> Result<SealReader, ReaderError> {
        let covered = store.checkpoint()?.map_or(Seq(0), |checkpoint| checkpoint.size);
        Ok(SealReader { store, writer, signer, every, progress: Progress::at(covered) })
    }

    /// How far the newest checkpoint reaches.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Follows the log until told to stop; then signs what has come last.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ReaderError> {
        let mut committed = self.writer.committed();
        loop {
            if self.progress.position() < *committed.borrow_and_update() {
                self.sign().await?;
                tokio::select! {
                    () = tokio::time::sleep(self.every) => continue,
                    () = stop.cancelled() => return self.sign().await,
                }
            }
            tokio::select! {
                () = stop.cancelled() => return self.sign().await,
                changed = committed.changed() => changed.map_err(|_| ReaderError::Stopped)?,
                () = tokio::time::sleep(SILENCE_MAX) => {
                    self.writer.commit(|txn| txn.append_activity(&Activity::Silence)).await?;
                }
            }
        }
    }

    /// Signs the tree as of the last commit, unless that is done.
    async fn sign(&self) -> Result<(), ReaderError> {
        let tree = self.store.tree_head();
        if tree.size <= self.progress.position().0 {
            return Ok(());
        }
        let text = Checkpoint::sign(tree, &self.signer).to_string();
        let size = Seq(tree.size);
        self.writer
            .commit(move |txn| {
                let at = txn.now();
                txn.put_checkpoint(&StoredCheckpoint { size, at, text })
            })
            .await?;
        self.progress.advance(size);
        Ok(())
    }
}
