//! The readers of the log: each follows it at its own position, and what it has made can be made again.

mod progress;
mod failing;
mod backoff;
mod thread;
mod observe;
mod detect;
mod preview;
mod count;
mod seal;
mod scrub;
mod watch;
mod index;
mod deliver;
#[cfg(test)]
mod small_log;

pub use count::CountReader;
pub use deliver::{DeliverReader, DeliveryBoard, TargetStatus};
pub use detect::DetectReader;
pub use index::{IndexReader, rebuild};
pub use preview::{Difference, Preview, PreviewOf, PreviewRun};
pub use progress::{Progress, ReaderError};
pub use scrub::{ScrubReader, ScrubRhythm};
pub use seal::{SealReader, SealRhythm, hand_over};
pub use watch::{WatchReader, WatchSettings, Watched, is_silent};

use crate::model::{Seq, SourceId};
use crate::telemetry::{LINKS_MAX, Step, Tracer};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What people call a source.
pub type SourceNames = Arc<dyn Fn(SourceId) -> String + Send + Sync>;

/// Notes how long a step on the entries from `from` to before `to` took, whether it failed, and which requests they came
/// from.
fn traced(tracer: &Tracer, step: Step, (from, to): (Seq, Seq), began: std::time::Instant, failed: bool) {
    let now = std::time::Instant::now();
    let links = tracer.origins().kept_within(from, to, LINKS_MAX);
    let trace = tracer.reading(links, began);
    trace.step(step, began, now);
    trace.put("sealwatch.entries", to.0.saturating_sub(from.0));
    trace.finish(step.name(), failed);
}

/// Bytes of the log that a reader takes at a time.
const STRETCH_BYTES: usize = 4 << 20;
/// From one look to the next while there is no room on the disk for what a reader makes.
const ROOM_LOOKED_FOR_EVERY: Duration = Duration::from_secs(1);

/// Waits that long, or until told to stop.
async fn pause(pause: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(pause) => {}
    }
}

/// Waits until then; without end where nothing is due.
async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
