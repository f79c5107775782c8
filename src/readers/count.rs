//! The count reader: folds the log into the counters.

use super::failing::{Failing, trip};
use super::progress::{Progress, ReaderError};
use super::{STRETCH_BYTES, observe};
use crate::counters::{Counters, Tally};
use crate::decode;
use crate::ingest::Writer;
use crate::model::{Entry, EntryKind, Seq, organization_of};
use crate::store::{Steps, Store};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Reads the log for the counters. Runs as long as the appliance.
pub struct CountReader {
    store: Arc<Store>,
    counters: Arc<Counters>,
    writer: Writer,
    committed: watch::Receiver<Seq>,
    position: Seq,
    failing: Failing,
    progress: Progress,
}

impl CountReader {
    /// Goes on from where the counters are.
    pub fn new(
        store: Arc<Store>,
        counters: Arc<Counters>,
        writer: Writer,
    ) -> Result<CountReader, ReaderError> {
        let (position, committed) = (counters.position()?, writer.committed());
        let failing = Failing::resume(READER, counters.uncounted()?, &store)?;
        let progress = Progress::at(position);
        Ok(CountReader { store, counters, writer, committed, position, failing, progress })
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Follows the log until told to stop.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ReaderError> {
        self = self.tell().await?;
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

    async fn step(self) -> Result<CountReader, ReaderError> {
        let (reader, position) = tokio::task::spawn_blocking(move || self.read_stretch())
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let reader = reader.tell().await?;
        reader.progress.advance(position);
        Ok(reader)
    }

    /// Enters what became of steps that failed. The counters know it already: what a kill keeps from being entered here is
    /// at the next start.
    async fn tell(mut self) -> Result<CountReader, ReaderError> {
        let steps = self.failing.news();
        if !steps.is_empty() {
            self.writer.commit_in_time(move |txn| txn.enter_steps(READER, &steps)).await?;
        }
        Ok(self)
    }

    fn read_stretch(mut self) -> Result<(CountReader, Seq), ReaderError> {
        let mut tally = Tally::default();
        for block in self.store.blocks_from(self.position, STRETCH_BYTES)? {
            for read in block.entries_from(self.position) {
                if let Ok(stored) = read {
                    self.take(&stored.entry, &mut tally)?;
                }
                self.position = self.position.next();
            }
        }
        let Steps { failed, done } = self.failing.untold();
        tally.uncounted.extend(failed.iter().map(|step| (step.seq.0, true)));
        tally.uncounted.extend(done.iter().map(|seq| (seq.0, false)));
        self.counters.apply(&tally, self.position)?;
        let position = self.position;
        Ok((self, position))
    }

    fn take(&mut self, entry: &Entry, tally: &mut Tally) -> Result<(), ReaderError> {
        self.failing.run(entry.seq, || count(entry, tally));
        let Some(asked) = observe::dead_letters_asked(entry) else { return Ok(()) };
        if !asked.again {
            tally.uncounted.extend(self.failing.give_up(&asked.ids).iter().map(|seq| (seq.0, false)));
            return Ok(());
        }
        for seq in self.failing.own(&asked.ids) {
            if let Some(Ok(stored)) = self.store.entry(seq)? {
                self.failing.run_again(seq, || count(&stored.entry, tally));
            }
        }
        Ok(())
    }
}

/// The name of this reader in dead letters.
const READER: &str = "count";

fn count(entry: &Entry, tally: &mut Tally) {
    match entry.kind {
        EntryKind::Event => {
            if let Ok(event) = decode::stored(&entry.body, entry.received_at) {
                trip(READER, &event.action);
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
