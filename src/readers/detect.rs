//! The detect reader: takes each event through the windows and commits what fires.
//!
//! Alerts and the position are one commit, so a crash neither loses nor doubles one. Where nothing fired, the
//! position is only kept in memory: reading that stretch once more fires nothing either. The windows come
//! back from the last snapshot and the log after it. What someone changed of the settings holds from the entry on
//! that says so, wherever a stretch of reading or a restart falls.

use super::failing::{Failing, trip};
use super::progress::{Progress, ReaderError};
use super::thread::StepThread;
use super::{STRETCH_BYTES, SourceNames, observe};
use crate::config::Layers;
use crate::detect::{Bursts, Engine, EngineStats, fingerprint};
use crate::ingest::Writer;
use crate::model::{Activity, Entry, EntryKind, Overrides, Seq, SourceId};
use crate::routing::Routing;
use crate::store::{DetectionStep, Read, Relief, Snapshot, Store, StoreError};
use crate::telemetry::{Step, Tracer};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Firings after which a step is committed, so that none grows without bound or keeps the writer from others
/// for long.
const FIRINGS_MAX: usize = 1_000;
/// Entries after which the position is committed even if nothing fired, so that a restart has little to read
/// again.
const POSITION_ENTRIES: u64 = 50_000;
/// For how long it goes on once it is told to stop, so that what was acknowledged just before is judged as a rule.
/// What is left then is judged at the next start.
const FAREWELL: Duration = Duration::from_secs(2);

/// Reads the log for misuse. Runs as long as the appliance.
pub struct DetectReader {
    store: Arc<Store>,
    writer: Writer,
    names: SourceNames,
    layers: Layers,
    routing: Arc<Routing>,
    snapshot_entries: u64,
    progress: Progress,
    stats: Arc<Mutex<EngineStats>>,
    failing: Failing,
    read_again: u64,
    tracer: Tracer,
    farewell: Duration,
    thread: StepThread,
    state: State,
}

/// What moves along the log.
struct State {
    engine: Engine,
    /// What was changed at run time by the entries that were read.
    overrides: Overrides,
    position: Seq,
    committed: Seq,
    snapshot_at: Seq,
}

impl DetectReader {
    /// Brings the windows back to where they were. Blocks while it reads the log behind the last snapshot.
    pub fn restore(
        store: Arc<Store>,
        writer: Writer,
        layers: Layers,
        snapshot_entries: u64,
        names: SourceNames,
        routing: Arc<Routing>,
    ) -> Result<DetectReader, ReaderError> {
        let (position, snapshot) = store.detection_state()?;
        let restored = snapshot.and_then(|snapshot| {
            let settings = layers.detection(&snapshot.overrides).0;
            match Engine::restore(settings, &snapshot.windows) {
                Ok(engine) => Some((snapshot.at, engine, snapshot.overrides)),
                Err(error) => {
                    tracing::warn!(%error, "the snapshot of the detection windows cannot be read; they are made again from the log");
                    None
                }
            }
        });
        let (taken_at, engine, overrides) = restored.unwrap_or_else(|| {
            let overrides = Overrides::default();
            (Seq(0), Engine::new(layers.detection(&overrides).0), overrides)
        });
        let state =
            State { engine, overrides, position: taken_at, committed: position, snapshot_at: taken_at };
        let stats = Arc::new(Mutex::new(state.engine.stats()));
        let progress = Progress::at(position);
        let failing = Failing::restore("detect", &store)?;
        let mut reader = DetectReader {
            store,
            writer,
            names,
            layers,
            routing,
            snapshot_entries,
            progress,
            stats,
            failing,
            read_again: 0,
            tracer: Tracer::default(),
            farewell: FAREWELL,
            thread: StepThread::new("detect")?,
            state,
        };
        while reader.state.position < position {
            // What fires here has been committed before.
            reader.read_stretch(position)?;
        }
        reader.failing.restored();
        reader.read_again = position.0.saturating_sub(taken_at.0);
        for mistake in reader.layers.detection(&reader.state.overrides).1 {
            tracing::warn!(%mistake, "what was changed at run time does not fit the file any more; see /patterns");
        }
        Ok(reader)
    }

    /// The same with its steps traced.
    pub fn traced(self, tracer: Tracer) -> DetectReader {
        DetectReader { tracer, ..self }
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How many entries were read again to bring the windows back.
    pub fn read_again(&self) -> u64 {
        self.read_again
    }

    /// How full the windows are and what they had to let go.
    pub fn stats(&self) -> Arc<Mutex<EngineStats>> {
        self.stats.clone()
    }

    /// Follows the log until told to stop, and for a moment longer where it is behind; then keeps a snapshot.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ReaderError> {
        let mut committed = self.writer.committed();
        let mut told_at = None;
        loop {
            let size = *committed.borrow_and_update();
            if stop.is_cancelled() && told_at.get_or_insert_with(Instant::now).elapsed() >= self.farewell {
                return self.leave().await;
            }
            if self.state.position < size {
                self = self.step(size).await?;
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return self.leave().await,
                changed = committed.changed() => changed.map_err(|_| ReaderError::Stopped)?,
            }
        }
    }

    async fn step(self, size: Seq) -> Result<DetectReader, ReaderError> {
        let (from, began) = (self.state.position, Instant::now());
        let (mut reader, step) =
            self.thread.clone().step(self, move |reader| reader.read_stretch(size)).await;
        let mut step = step?;
        if reader.state.position.0 - reader.state.snapshot_at.0 >= reader.snapshot_entries {
            step.snapshot = Some(reader.snapshot());
            reader.state.snapshot_at = reader.state.position;
        }
        let state = &mut reader.state;
        let due = state.position.0 - state.committed.0 >= POSITION_ENTRIES;
        let failed = !step.steps.failed.is_empty();
        let told = !step.bursts.is_empty()
            || !step.reliefs.is_empty()
            || !step.late.is_empty()
            || !step.steps.is_empty();
        if due || step.snapshot.is_some() || told {
            state.committed = state.position;
            for burst in &step.bursts {
                let traces = burst.firings.iter().filter_map(|firing| {
                    let origin = reader.tracer.origins().of(firing.seq)?;
                    Some((firing.seq, origin.trace_id.to_string()))
                });
                step.trace_ids.extend(traces);
            }
            reader.writer.commit_in_time(move |txn| txn.apply_detection(&step)).await?;
        }
        super::traced(&reader.tracer, Step::Detect, (from, reader.state.position), began, failed);
        *reader.stats.lock().expect("no holder of this lock panics") = reader.state.engine.stats();
        reader.progress.advance(reader.state.position);
        Ok(reader)
    }

    /// Takes entries through the windows, up to `end` and for about one stretch.
    fn read_stretch(&mut self, end: Seq) -> Result<DetectionStep, ReaderError> {
        let mut bursts = Bursts::default();
        let (mut late, mut reliefs) = (Vec::new(), Vec::new());
        'stretch: for block in self.store.blocks_from(self.state.position, STRETCH_BYTES)? {
            for read in block.entries_from(self.state.position) {
                // A burst is told by one state of the settings, wherever the stretch began.
                let held_back = bursts.firings() > 0 && changes_settings(read);
                if self.state.position >= end || bursts.firings() >= FIRINGS_MAX || held_back {
                    break 'stretch;
                }
                self.take(read, &mut bursts, &mut late)?;
                reliefs.extend(relief(read));
                self.state.position = self.state.position.next();
            }
        }
        let bursts = bursts.take();
        let sources = bursts.iter().flat_map(|burst| burst.firings.iter().map(|firing| firing.source));
        let source_names: HashMap<SourceId, String> =
            sources.map(|source| (source, (self.names)(source))).collect();
        let (steps, position) = (self.failing.news(), self.state.position);
        let routing = self.routing.clone();
        Ok(DetectionStep {
            bursts,
            reliefs,
            late,
            steps,
            position,
            source_names,
            routing,
            ..DetectionStep::default()
        })
    }

    fn take(&mut self, read: &Read, bursts: &mut Bursts, late: &mut Vec<Seq>) -> Result<(), StoreError> {
        let entry = match read {
            Ok(stored) => &stored.entry,
            Err(damaged) => {
                tracing::error!(seq = damaged.seq.0, "{damaged}");
                return Ok(());
            }
        };
        let DetectReader { state, failing, names, layers, .. } = self;
        failing.run(entry.seq, || state.take(entry, layers, names, bursts, late));
        let Some(asked) = observe::dead_letters_asked(entry) else { return Ok(()) };
        if !asked.again {
            failing.give_up(&asked.ids);
            return Ok(());
        }
        for seq in failing.own(&asked.ids) {
            if let Some(Ok(stored)) = self.store.entry(seq)? {
                failing.run_again(seq, || state.take(&stored.entry, layers, names, bursts, late));
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        let State { engine, position, overrides, .. } = &self.state;
        Snapshot { at: *position, windows: engine.snapshot(), overrides: overrides.clone() }
    }

    async fn leave(self) -> Result<(), ReaderError> {
        let step = DetectionStep {
            position: self.state.position,
            snapshot: Some(self.snapshot()),
            ..DetectionStep::default()
        };
        Ok(self.writer.commit_in_time(move |txn| txn.apply_detection(&step)).await?)
    }
}

impl State {
    /// One entry through the windows.
    fn take(
        &mut self,
        entry: &Entry,
        layers: &Layers,
        names: &SourceNames,
        bursts: &mut Bursts,
        late: &mut Vec<Seq>,
    ) {
        match entry.kind {
            EntryKind::Event => {
                let Some(event) = observe::event_of(entry) else { return };
                trip("detect", &event.action);
                let source_name = names(entry.source);
                if observe::observe_event(entry, &event, &source_name, &mut self.engine, bursts).late {
                    late.push(entry.seq);
                }
            }
            EntryKind::Activity => match observe::activity_of(entry) {
                Some(Activity::SettingsChanged { changes, by: Some(_) }) => {
                    self.overrides.apply(&changes);
                    self.engine.change_settings(layers.detection(&self.overrides).0);
                }
                Some(activity) => {
                    let source_name = names(entry.source);
                    observe::observe_activity(entry, &activity, &source_name, &self.engine, bursts);
                }
                None => {}
            },
        }
    }
}

/// What the entry says to be over.
fn relief(read: &Read) -> Option<Relief> {
    let entry = &read.as_ref().ok().filter(|stored| stored.entry.kind == EntryKind::Activity)?.entry;
    let activity = observe::activity_of(entry)?;
    let (pattern, key, why) = observe::relief(&activity)?;
    Some(Relief { fingerprint: fingerprint(pattern, None, key), seq: entry.seq, why })
}

/// Whether it is the entry of a change that someone made to the settings.
fn changes_settings(read: &Read) -> bool {
    let entry =
        read.as_ref().ok().map(|stored| &stored.entry).filter(|entry| entry.kind == EntryKind::Activity);
    matches!(entry.and_then(observe::activity_of), Some(Activity::SettingsChanged { by: Some(_), .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::{Clock, Disk};
    use crate::readers::small_log::SmallLog;

    #[tokio::test]
    async fn an_end_does_not_wait_for_one_that_is_far_behind() {
        let log = SmallLog::open(&Clock::new(|| jiff::Timestamp::UNIX_EPOCH), Disk::boundless());
        let (store, writer) = (&log.store, &log.writer);
        let stop = CancellationToken::new();
        stop.cancel();
        for (farewell, expected) in [(Duration::ZERO, Seq(0)), (FAREWELL, store.size())] {
            let (names, routing) = (Arc::new(|_| String::new()), Arc::default());
            let reader = DetectReader::restore(
                store.clone(),
                writer.clone(),
                Layers::default(),
                1_000,
                names,
                routing,
            );
            let reader = DetectReader { farewell, ..reader.expect("the log is whole") };
            reader.run(stop.clone()).await.expect("it ends in good order");
            assert_eq!(store.detection_state().expect("it reads").0, expected);
        }
        log.close().await;
    }
}
