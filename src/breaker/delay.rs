//! How long to wait before what failed is tried again.

use super::PAUSE_MAX;
use std::time::Duration;

/// The longest wait before the second try; each further one doubles it.
const BASE_MILLIS: u64 = 1_000;
/// No wait is longer.
const DELAY_MILLIS_MAX: u64 = 30_000;

/// How long to wait after so many failed tries. `chance` is any number, drawn evenly: the wait is drawn from the whole
/// range (full jitter), so that those who failed together do not come back together. What the target asked for is the
/// least.
pub fn delay(attempts: u32, chance: u64, asked: Option<Duration>) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let most = (BASE_MILLIS << doublings).min(DELAY_MILLIS_MAX);
    let drawn = Duration::from_millis(chance % (most + 1));
    asked.map_or(drawn, |asked| asked.min(PAUSE_MAX) + drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_drawn_from_a_range_that_doubles_up_to_its_bound() {
        for (attempts, most) in [(1, 1_000), (2, 2_000), (3, 4_000), (5, 16_000), (6, 30_000), (99, 30_000)] {
            assert_eq!(delay(attempts, most, None), Duration::from_millis(most), "{attempts}");
            assert_eq!(delay(attempts, most + 1, None), Duration::ZERO, "{attempts}");
        }
    }

    #[test]
    fn what_the_target_asks_for_is_kept_up_to_an_hour() {
        assert_eq!(delay(1, 0, Some(Duration::from_secs(90))), Duration::from_secs(90));
        assert_eq!(delay(1, 500, Some(Duration::from_secs(90))), Duration::from_millis(90_500));
        assert_eq!(delay(1, 0, Some(Duration::from_secs(1_000_000_000))), PAUSE_MAX);
    }
}
