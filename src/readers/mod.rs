//! The readers of the log: each follows it at its own position, and what it has made can be made again.

mod progress;
mod detect;
mod count;

pub use count::CountReader;
pub use detect::DetectReader;
pub use progress::{Progress, ReaderError};

/// Bytes of the log that a reader takes at a time.
const STRETCH_BYTES: usize = 4 << 20;
