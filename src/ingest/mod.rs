//! The one way to commit: requests and readers hand their work to a single writer.

mod admission;
mod clock;
mod disk;
mod writer;
mod draft;
mod rate;
mod notes;
mod keeping;

pub use admission::{Admission, Admitted};
pub use clock::{Clock, ClockWatch};
pub use disk::{Disk, DiskLimits, DiskUse};
pub use draft::{Rejection, Sender, draft};
pub use keeping::{KeepingBudget, kept};
pub use notes::{Notes, Said};
pub use rate::RateLimits;
pub use writer::{CommitStats, CommitTimes, Limits, Refused, Weight, Writer, WriterTask};
