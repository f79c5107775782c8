//! The readers of the log: each follows it at its own position, and what it has made can be made again.

mod progress;
mod observe;
mod detect;
mod preview;
mod count;
mod seal;
mod scrub;
mod watch;
mod index;
mod deliver;

pub use count::CountReader;
pub use deliver::{DeliverReader, DeliveryBoard, TargetStatus};
pub use detect::DetectReader;
pub use index::{IndexReader, rebuild};
pub use preview::{Difference, Preview, PreviewOf, PreviewRun};
pub use progress::{Progress, ReaderError};
pub use scrub::{ScrubReader, ScrubRhythm};
pub use seal::{SealReader, SealRhythm, hand_over};
pub use watch::{WatchReader, WatchSettings, Watched, is_silent};

use crate::model::Seq;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs one entry's step. A panic is that entry's trouble: it is named, and the reader goes on behind it,
/// instead of ending the process at the same entry after every restart.
fn guarded(seq: Seq, step: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(step)).is_err() {
        tracing::error!(seq = seq.0, "a step panicked at this entry and passed over it; please report it");
    }
}

/// Bytes of the log that a reader takes at a time.
const STRETCH_BYTES: usize = 4 << 20;
