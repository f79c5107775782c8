//! What the appliance counts: totals, the last day by the minute, cooldowns, latency. The only module that
//! knows sled.
//!
//! Everything here is a fold over the log and carries the position that it has come to in the same batch. So
//! it may be lost at any time: a missing, stale or damaged directory is set aside, and the count reader fills
//! a new one.

mod sled_dir;
mod opening;
mod tally;
mod busiest;
mod latency;
mod sequence;

pub use busiest::{Busiest, PrincipalCount};
pub use latency::{Latency, LatencySummary};
pub use opening::Opening;
pub use sequence::{GAPS_MAX, Sequence};
pub use sled_dir::{Counters, CountersError};
pub use tally::{Minute, Tally};
