//! `[dead_letters]`: work that failed for good and waits for a decision.

use super::reader::Section;
use std::time::Duration;

/// How many may wait, and for how long they are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeadLetters {
    /// More than so many are an alert.
    pub waiting_max: u64,
    /// After so long without another try they are given up; the log goes on telling of them.
    pub keep: Duration,
}

impl DeadLetters {
    pub(super) fn read(mut section: Section<'_>) -> DeadLetters {
        DeadLetters {
            waiting_max: section.integer("waiting_max", 10, 0..=10_000),
            keep: Duration::from_secs(86_400 * section.integer("keep_days", 30, 1..=3_650)),
        }
    }
}
