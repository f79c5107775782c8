//! The readers of the log: each follows it at its own position, and what it has made can be made again.

mod progress;
mod failing;
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

/// Bytes of the log that a reader takes at a time.
const STRETCH_BYTES: usize = 4 << 20;
