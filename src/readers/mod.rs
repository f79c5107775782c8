//! The readers of the log: each follows it at its own position, and what it has made can be made again.

mod progress;
mod observe;
mod detect;
mod preview;
mod count;
mod seal;
mod scrub;

pub use count::CountReader;
pub use detect::DetectReader;
pub use preview::{Difference, Preview, PreviewOf, PreviewRun};
pub use progress::{Progress, ReaderError};
pub use scrub::{ScrubReader, ScrubRhythm};
pub use seal::{SealReader, SealRhythm, hand_over};

use crate::model::Seq;
use crate::telemetry::{LINKS_MAX, Step, Tracer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Runs one entry's step. A panic is that entry's trouble: it is named, and the reader goes on behind it,
/// instead of ending the process at the same entry after every restart.
fn guarded(seq: Seq, step: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(step)).is_err() {
        tracing::error!(seq = seq.0, "a step panicked at this entry and passed over it; please report it");
    }
}

/// Notes how long a step on the entries from `from` to before `to` took, and which requests they came from.
fn traced(tracer: &Tracer, step: Step, from: Seq, to: Seq, began: Instant) {
    let now = Instant::now();
    let links = tracer.origins().within(from, to, LINKS_MAX);
    let trace = tracer.reading(links, began);
    trace.step(step, began, now);
    trace.put("sealwatch.entries", to.0 - from.0);
    trace.finish(step.name(), false);
}

/// Bytes of the log that a reader takes at a time.
const STRETCH_BYTES: usize = 4 << 20;
