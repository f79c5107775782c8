//! The seal reader: signs a checkpoint over what was committed, soon after it was, and hourly when nothing is.

use super::progress::{Progress, ReaderError};
use crate::ingest::Writer;
use crate::keys::LogSigner;
use crate::merkle::Signer;
use crate::model::{Activity, Seq};
use crate::store::{Store, StoreError, Txn};
use crate::telemetry::{Step, Tracer};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the log is signed.
#[derive(Clone, Copy, Debug)]
pub struct SealRhythm {
    /// At most one checkpoint in this time.
    pub every: Duration,
    /// How long the log may be silent before an entry says that it was: silence is provable too.
    pub silence_max: Duration,
}

/// Signs the log. Runs as long as the appliance.
pub struct SealReader {
    store: Arc<Store>,
    writer: Writer,
    signer: Arc<LogSigner>,
    rhythm: SealRhythm,
    progress: Progress,
    tracer: Tracer,
}

impl SealReader {
    /// Goes on behind the newest checkpoint.
    pub fn new(
        store: Arc<Store>,
        writer: Writer,
        signer: Arc<LogSigner>,
        rhythm: SealRhythm,
    ) -> Result<SealReader, ReaderError> {
        let covered = store.checkpoint()?.map_or(Seq(0), |checkpoint| checkpoint.size);
        let (progress, tracer) = (Progress::at(covered), Tracer::default());
        Ok(SealReader { store, writer, signer, rhythm, progress, tracer })
    }

    /// The same with its steps traced.
    pub fn traced(self, tracer: Tracer) -> SealReader {
        SealReader { tracer, ..self }
    }

    /// How far the newest checkpoint reaches.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Follows the log until told to stop; then signs what has come last.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ReaderError> {
        let mut committed = self.writer.committed();
        // Counted from the last entry: commits that append none, such as the health check's, do not break a silence.
        let mut silent_since = Instant::now();
        loop {
            if self.progress.position() < *committed.borrow_and_update() {
                self.sign().await?;
                silent_since = Instant::now();
                tokio::select! {
                    () = tokio::time::sleep(self.rhythm.every) => continue,
                    () = stop.cancelled() => return self.sign().await,
                }
            }
            tokio::select! {
                () = stop.cancelled() => return self.sign().await,
                changed = committed.changed() => changed.map_err(|_| ReaderError::Stopped)?,
                () = tokio::time::sleep_until(silent_since + self.rhythm.silence_max) => {
                    self.writer.commit_in_time(|txn| txn.append_activity(&Activity::Silence)).await?;
                }
            }
        }
    }

    /// Signs the tree as of the last commit, unless that is done.
    async fn sign(&self) -> Result<(), ReaderError> {
        if self.store.size() <= self.progress.position() {
            return Ok(());
        }
        let (from, began) = (self.progress.position(), std::time::Instant::now());
        let signer = self.signer.clone();
        // The key is asked for by the writer's thread, where it changes too: nothing is signed by one that has handed
        // over.
        let size = self.writer.commit_in_time(move |txn| txn.seal(&signer.current())).await?;
        self.progress.advance(size);
        super::traced(&self.tracer, Step::Seal, (from, size), began, false);
        Ok(())
    }
}

/// Has `next` sign from here on: its entry, the last checkpoint of the former key and the change are one commit. Once
/// that is done, [`LogSigner::settle`] gives its file the place of the old one.
pub fn hand_over(txn: &mut Txn<'_>, signer: &LogSigner, next: Signer, by: &str) -> Result<(), StoreError> {
    txn.append_activity(&Activity::LogKeyRotated { by: by.to_owned() })?;
    txn.name_log_key(Some(&signer.current()), next.verifier())?;
    signer.switch(next);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::{Clock, Disk};
    use crate::keys::LogKeyPlaces;
    use crate::readers::small_log::SmallLog;

    /// The silence was counted from the last commit, and the health check commits every few seconds without an entry.
    #[tokio::test]
    async fn commits_without_an_entry_do_not_break_a_silence() {
        let log = SmallLog::open(&Clock::new(|| jiff::Timestamp::UNIX_EPOCH), Disk::boundless());
        let (store, writer) = (&log.store, &log.writer);
        let keys = log.dir.path().join("keys");
        let places = LogKeyPlaces { dir: &keys, credentials: None };
        let signer = Arc::new(LogSigner::open(places, "test", None).expect("it is made").signer);
        let (every, silence_max) = (Duration::from_millis(1), Duration::from_millis(100));
        let rhythm = SealRhythm { every, silence_max };
        let seal = SealReader::new(store.clone(), writer.clone(), signer, rhythm).expect("readable");
        let (sealed, stop) = (seal.progress(), CancellationToken::new());
        let running = tokio::spawn(seal.run(stop.clone()));
        let probes = async {
            loop {
                writer.commit_in_time(|txn| txn.probe()).await.expect("the writer runs");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // The first entry is that the log was made; the second can only be the silence.
        let was_sealed = tokio::select! {
            reached = sealed.reaches(Seq(2), Duration::from_secs(60)) => reached,
            () = probes => false,
        };
        assert!(was_sealed, "no silence was noted and signed");
        stop.cancel();
        running.await.expect("it does not panic").expect("it ends in good order");
        log.close().await;
    }
}
