//! The pauses of a reader whose own store is in trouble: they double, and are drawn from the whole range.
//!
//! What such a reader makes can be made again, and opening it is the first thing that a start does, so nothing of this needs
//! to outlive the process.

use crate::routing::Retry;
use std::time::Duration;

/// How often it failed since it last went well.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    retry: Retry,
}

impl Backoff {
    /// One that has not failed.
    pub(super) fn new(retry: Retry) -> Backoff {
        Backoff { failures: 0, retry }
    }

    /// The pause after one more failure.
    pub(super) fn failed(&mut self) -> Duration {
        // Without random numbers the shortest pause is drawn, which is no harm.
        self.failed_by(getrandom::u64().unwrap_or_default())
    }

    /// It went well.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    fn failed_by(&mut self, chance: u64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.retry.delay(self.failures, chance, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_begin_anew_after_a_success() {
        let (base, delay_max) = (200, 3_000);
        let retry = Retry {
            base: Duration::from_millis(base),
            delay_max: Duration::from_millis(delay_max),
            ..Retry::default()
        };
        let mut backoff = Backoff::new(retry);
        let mut most = base;
        for _ in 0..40 {
            assert_eq!(backoff.failed_by(most), Duration::from_millis(most));
            most = (most * 2).min(delay_max);
        }
        backoff.succeeded();
        assert_eq!(backoff.failed_by(base), Duration::from_millis(base));
        assert_eq!(backoff.failed_by(0), Duration::ZERO, "any pause up to the bound may be drawn");
    }
}
