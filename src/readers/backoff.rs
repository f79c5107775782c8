//! The pauses of a reader whose own store is in trouble: they double, and are drawn from the whole range.
//!
//! What such a reader makes can be made again, and opening it is the first thing that a start does, so nothing of this needs
//! to outlive the process.

use crate::routing::delay;
use std::time::Duration;

/// How often it failed since it last went well.
#[derive(Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// The pause after one more failure.
    pub(super) fn failed(&mut self) -> Duration {
        // Without random numbers the shortest pause is drawn, which is no harm.
        self.failed_by(getrandom::u64().unwrap_or_default())
    }

    /// It went well.
    pub(super) fn succeeded(&mut self) {
        self.0 = 0;
    }

    fn failed_by(&mut self, chance: u64) -> Duration {
        self.0 = self.0.saturating_add(1);
        delay(self.0, chance, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::{BASE_MILLIS, DELAY_MILLIS_MAX};

    #[test]
    fn pauses_double_up_to_a_bound_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let mut most = BASE_MILLIS;
        for _ in 0..40 {
            assert_eq!(backoff.failed_by(most), Duration::from_millis(most));
            most = (most * 2).min(DELAY_MILLIS_MAX);
        }
        backoff.succeeded();
        assert_eq!(backoff.failed_by(BASE_MILLIS), Duration::from_millis(BASE_MILLIS));
        assert_eq!(backoff.failed_by(0), Duration::ZERO, "any pause up to the bound may be drawn");
    }
}
