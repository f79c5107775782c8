//! The count reader: folds the log into the counters.

use super::progress::{Progress, ReaderError};
use super::{STRETCH_BYTES, guarded};
use crate::counters::{Counters, Tally};
use crate::decode;
use crate::model::{Entry, EntryKind, Seq, organization_of};
use crate::store::Store;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Reads the log for the counters. Runs as long as the appliance.
pub struct CountReader {
    store: Arc<Store>,
    counters: Arc<Counters>,
    committed: watch::Receiver<Seq>,
    position: Seq,
    progress: Progress,
}

impl CountReader {
    /// Goes on from where the counters are. `committed` tells the size of the log.
    pub fn new(
        store: Arc<Store>,
        counters: Arc<Counters>,
        committed: watch::Receiver<Seq>,
    ) -> Result<CountReader, ReaderError> {
        let position = counters.position()?;
        Ok(CountReader { store, counters, committed, position, progress: Progress::at(position) })
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Follows the log until told to stop.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ReaderError> {
        loop {
            let size = *self.committed.borrow_and_update();
            if self.position < size {
                self = self.step().await?;
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.committed.changed() => changed.map_err(|_| ReaderError::Stopped)?,
            }
        }
        let counters = self.counters.clone();
        tokio::task::spawn_blocking(move || counters.flush())
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        Ok(())
    }

    async fn step(mut self) -> Result<CountReader, ReaderError> {
        tokio::task::spawn_blocking(move || {
            let mut tally = Tally::default();
            for block in self.store.blocks_from(self.position, STRETCH_BYTES)? {
                for read in block.entries_from(self.position) {
                    if let Ok(stored) = read {
                        guarded(self.position, || count(&stored.entry, &mut tally));
                    }
                    self.position = self.position.next();
                }
            }
            self.counters.apply(&tally, self.position)?;
            self.progress.advance(self.position);
            Ok(self)
        })
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

fn count(entry: &Entry, tally: &mut Tally) {
    match entry.kind {
        EntryKind::Event => {
            if let Ok(event) = decode::stored(&entry.body, entry.received_at) {
                tally.event(entry, event.status, organization_of(entry, &event), event.key());
                event.source_seq.into_iter().for_each(|number| tally.number(entry.source, number));
            }
        }
        EntryKind::Activity => {
            if let Ok(activity) = serde_json::from_slice(&entry.body) {
                tally.activity(&activity);
            }
        }
    }
}
