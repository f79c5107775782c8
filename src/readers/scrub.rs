//! The self-check: now and then reads the whole log slowly, and enters in the log what it found.

use super::progress::ReaderError;
use crate::ingest::Writer;
use crate::model::{Activity, ReceivedAt};
use crate::store::{Anchors, CheckProgress, Report, Store};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often the log is checked, and how much may be read for it.
#[derive(Clone, Copy, Debug)]
pub struct ScrubRhythm {
    /// From the end of one check to the beginning of the next; `None` is never.
    pub every: Option<Duration>,
    /// Bytes of blocks that are read in a second.
    pub bytes_per_sec: u64,
}

/// The longest single pause between two blocks, so that an end that was asked for is not waited for.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Checks the log. Runs as long as the appliance.
pub struct ScrubReader {
    store: Arc<Store>,
    writer: Writer,
    rhythm: ScrubRhythm,
    now: Box<dyn Fn() -> ReceivedAt + Send + Sync>,
}

impl ScrubReader {
    /// Goes on from the check that the store remembers; a log that was never checked is checked at once.
    pub fn new(
        store: Arc<Store>,
        writer: Writer,
        rhythm: ScrubRhythm,
        now: impl Fn() -> ReceivedAt + Send + Sync + 'static,
    ) -> ScrubReader {
        ScrubReader { store, writer, rhythm, now: Box::new(now) }
    }

    /// Checks the log whenever it is time, until told to stop.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ReaderError> {
        let Some(every) = self.rhythm.every else {
            stop.cancelled().await;
            return Ok(());
        };
        loop {
            let last = self.store.last_check()?;
            let due = last.map_or(Duration::ZERO, |last| {
                every.saturating_sub(Duration::from_nanos((self.now)().0.saturating_sub(last.at.0)))
            });
            tokio::select! {
                () = tokio::time::sleep(due) => {}
                () = stop.cancelled() => return Ok(()),
            }
            let Some(report) = self.check(stop.clone()).await else { return Ok(()) };
            let activity = told(&report);
            self.writer.commit_in_time(move |txn| txn.note_check(&activity)).await?;
        }
    }

    async fn check(&self, stop: CancellationToken) -> Option<Report> {
        let (store, bytes_per_sec) = (self.store.clone(), self.rhythm.bytes_per_sec.max(1));
        let report = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            store.check(&Anchors::default(), 1, |come| pace(began, bytes_per_sec, come, &stop))
        })
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        match report.first_finding() {
            None => tracing::info!(entries = report.entries, "the log was checked: intact and complete"),
            Some(first) => tracing::error!(
                entries = report.entries,
                findings = report.findings(),
                first,
                "the log was checked and is damaged; run `sealwatch verify`, then restore a backup"
            ),
        }
        Some(report)
    }
}

/// Waits until so much may have been read.
fn pace(
    began: Instant,
    bytes_per_sec: u64,
    come: CheckProgress,
    stop: &CancellationToken,
) -> ControlFlow<()> {
    let due = Duration::from_secs_f64(come.bytes as f64 / bytes_per_sec as f64);
    loop {
        if stop.is_cancelled() {
            return ControlFlow::Break(());
        }
        let left = due.saturating_sub(began.elapsed());
        if left.is_zero() {
            return ControlFlow::Continue(());
        }
        std::thread::sleep(left.min(PAUSE_MAX));
    }
}

fn told(report: &Report) -> Activity {
    Activity::LogChecked {
        entries: report.entries,
        findings: report.findings(),
        first: report.first_finding(),
        first_entry: report.first_wrong,
    }
}
