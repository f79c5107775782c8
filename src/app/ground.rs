//! The readers of the log, made on what all of them stand on.

use super::AppError;
use crate::config::Config;
use crate::counters::Counters;
use crate::ingest::{Clock, Writer};
use crate::keys::LogSigner;
use crate::model::ReceivedAt;
use crate::notify::Notifier;
use crate::readers::{
    CountReader, DeliverReader, DetectReader, IndexReader, ScrubReader, ScrubRhythm, SealReader, SealRhythm,
    SourceNames, WatchReader, WatchSettings, Watched,
};
use crate::routing::{Patience, Routing};
use crate::search::Indexer;
use crate::store::Store;
use crate::telemetry::Tracer;
use std::sync::Arc;
use std::time::Duration;

/// After how long without an entry the log says that it was silent.
const SILENCE_MAX: Duration = Duration::from_secs(3_600);

/// What every reader is made of.
pub(super) struct Ground<'a> {
    pub(super) store: &'a Arc<Store>,
    pub(super) writer: &'a Writer,
    pub(super) clock: &'a Clock,
    pub(super) config: &'a Config,
    pub(super) tracer: &'a Tracer,
    /// Whom detection tells, and what may still be told when its turn comes.
    pub(super) routing: Arc<Routing>,
}

impl Ground<'_> {
    pub(super) fn detect(&self, names: SourceNames) -> Result<DetectReader, AppError> {
        let detect = DetectReader::restore(
            self.store.clone(),
            self.writer.clone(),
            self.config.layers.clone(),
            self.config.detection.snapshot_events,
            names,
            self.routing.clone(),
        )?;
        Ok(detect.traced(self.tracer.clone()))
    }

    pub(super) fn deliver(&self, notifier: Arc<Notifier>) -> DeliverReader {
        let patience =
            Patience { wait_max: self.config.notify.wait_max, retry: self.config.retry, chance: 0 };
        let (store, writer, clock) = (self.store.clone(), self.writer.clone(), self.clock.clone());
        DeliverReader::new(store, writer, notifier, clock, patience, self.routing.clone())
            .guarded(self.config.breaker)
            .traced(self.tracer.clone())
    }

    pub(super) fn count(&self, counters: Arc<Counters>) -> Result<CountReader, AppError> {
        let count = CountReader::new(self.store.clone(), counters, self.writer.clone())?;
        Ok(count.retrying(self.config.retry).traced(self.tracer.clone()))
    }

    pub(super) fn index(&self, indexer: Indexer, names: SourceNames) -> Result<IndexReader, AppError> {
        let index = IndexReader::new(self.store.clone(), indexer, self.writer.clone(), names)?;
        Ok(index.retrying(self.config.retry).traced(self.tracer.clone()))
    }

    pub(super) fn seal(&self, signer: Arc<LogSigner>) -> Result<SealReader, AppError> {
        let every = Duration::from_secs(self.config.log.checkpoint_secs);
        let rhythm = SealRhythm { every, silence_max: SILENCE_MAX };
        let seal = SealReader::new(self.store.clone(), self.writer.clone(), signer, rhythm)?;
        Ok(seal.traced(self.tracer.clone()))
    }

    pub(super) fn scrub(&self, demo: bool) -> ScrubReader {
        let check_hours = self.config.log.check_hours;
        let rhythm = ScrubRhythm {
            // The demonstration is gone before there is anything to find.
            every: (check_hours > 0 && !demo).then(|| Duration::from_secs(check_hours * 3_600)),
            bytes_per_sec: self.config.log.check_bytes_per_sec,
        };
        let clock = self.clock.clone();
        ScrubReader::new(self.store.clone(), self.writer.clone(), rhythm, move || clock.received_at())
    }

    pub(super) fn watch(&self, watched: Watched, targets: Vec<String>, ran_until: ReceivedAt) -> WatchReader {
        let config = self.config;
        let settings = WatchSettings {
            clock_jump: Duration::from_secs(config.health.clock_jump_warn_secs),
            silence: config.sources.silence.clone(),
            dead_letters_max: config.dead_letters.waiting_max,
            dead_letters_kept: config.dead_letters.keep,
            targets,
            broken_after: config.notify.broken_after,
            ran_until,
        };
        WatchReader::new(watched, settings)
    }
}
