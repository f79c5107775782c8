//! When a delivery that failed is tried again.

use crate::model::{DeliveryState, ReceivedAt};
use std::time::Duration;

/// Tries of one delivery before it becomes a dead letter.
pub const ATTEMPTS_MAX: u32 = 5;
/// The longest wait before the second try; each further one doubles it.
pub const BASE_MILLIS: u64 = 1_000;
/// No wait is longer.
pub const DELAY_MILLIS_MAX: u64 = 30_000;
/// The longest that a target may ask us to wait.
pub const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// How long to wait after so many failed tries. `chance` is any number, drawn evenly: the wait is drawn from the whole
/// range (full jitter), so that those who failed together do not come back together. What the target asked for is the
/// least.
pub fn delay(attempts: u32, chance: u64, asked: Option<Duration>) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let most = (BASE_MILLIS << doublings).min(DELAY_MILLIS_MAX);
    let drawn = Duration::from_millis(chance % (most + 1));
    asked.map_or(drawn, |asked| asked.min(PAUSE_MAX) + drawn)
}

/// When a stored next try is due, seen at `now`. One further away than any wait can be was stored before the clock
/// went back; it is due at once.
pub fn due(next_try: ReceivedAt, now: ReceivedAt) -> Duration {
    let left = Duration::from_nanos(next_try.0.saturating_sub(now.0));
    let longest = PAUSE_MAX + Duration::from_millis(DELAY_MILLIS_MAX);
    if left > longest { Duration::ZERO } else { left }
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryEnd {
    /// The target took it.
    Taken,
    /// It did not.
    Failed {
        /// Whether another try can succeed.
        again: bool,
        /// How long the target asks us to wait.
        asked: Option<Duration>,
        /// Why.
        why: String,
    },
}

/// Where a delivery stands after its try of that number. `chance` is any number, drawn evenly.
pub fn state_after(ended: TryEnd, attempts: u32, chance: u64, now: ReceivedAt) -> DeliveryState {
    match ended {
        TryEnd::Taken => DeliveryState::Told { at: now, attempts },
        TryEnd::Failed { again, why, .. } if attempts >= ATTEMPTS_MAX || !again => {
            DeliveryState::Dead { at: now, attempts, reason: why }
        }
        TryEnd::Failed { asked, why, .. } => {
            let nanos = u64::try_from(delay(attempts, chance, asked).as_nanos()).unwrap_or(u64::MAX);
            let next_try = ReceivedAt(now.0.saturating_add(nanos));
            DeliveryState::Waiting { attempts, next_try, last_error: Some(why) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_make_a_dead_letter_and_a_refusal_makes_one_at_once() {
        let now = ReceivedAt(1_000);
        let failed = |again| TryEnd::Failed { again, asked: None, why: "it said no".to_owned() };
        for attempts in 1..ATTEMPTS_MAX {
            let state = state_after(failed(true), attempts, u64::MAX, now);
            let DeliveryState::Waiting { attempts: counted, next_try, .. } = state else {
                panic!("{attempts}: {state:?}");
            };
            assert_eq!(counted, attempts);
            assert!(next_try >= now);
        }
        let is_dead = |state: &DeliveryState| matches!(state, DeliveryState::Dead { .. });
        assert!(is_dead(&state_after(failed(true), ATTEMPTS_MAX, 0, now)));
        assert!(is_dead(&state_after(failed(false), 1, 0, now)));
        assert_eq!(state_after(TryEnd::Taken, 2, 0, now), DeliveryState::Told { at: now, attempts: 2 });
    }

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

    #[test]
    fn a_next_try_beyond_any_wait_is_due_at_once() {
        let (now, hour) = (ReceivedAt(1_700_000_000_000_000_000), 3_600_000_000_000);
        assert_eq!(due(ReceivedAt(now.0 + 1), now), Duration::from_nanos(1));
        assert_eq!(due(ReceivedAt(now.0 - 1), now), Duration::ZERO);
        assert_eq!(due(ReceivedAt(now.0 + hour), now), PAUSE_MAX);
        assert_eq!(due(ReceivedAt(now.0 + 2 * hour), now), Duration::ZERO);
    }
}
