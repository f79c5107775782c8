//! When a delivery that failed is tried again, and when it is given up.
//!
//! A message that its target will not take is given up after a few tries. One that waits because its target is down is not
//! at fault, so those tries are not held against it: it waits for as long as the settings allow. One that may have been
//! taken without our hearing of it is sent a few times in all, whatever its target is like.

use crate::model::{Delivery, DeliveryState, ReceivedAt};
use std::time::Duration;

/// The longest that a target may ask us to wait.
pub const PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// No setting makes a wait longer.
const DELAY_MAX: Duration = Duration::from_secs(600);

/// How often, and after which waits, what failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Failed tries of its own that a delivery may have before it becomes a dead letter.
    pub tries_max: u32,
    /// The longest wait before the second try; each further one doubles it.
    pub base: Duration,
    /// No wait is longer.
    pub delay_max: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry { tries_max: 5, base: Duration::from_secs(1), delay_max: Duration::from_secs(30) }
    }
}

impl Retry {
    /// How long to wait after so many failed tries. `chance` is any number, drawn evenly: the wait is drawn from the whole
    /// range (full jitter), so that those who failed together do not come back together. What the target asked for is the
    /// least.
    pub fn delay(self, attempts: u32, chance: u64, asked: Option<Duration>) -> Duration {
        let doublings = attempts.saturating_sub(1).min(16);
        let most = (self.base * (1 << doublings)).min(self.delay_max).min(DELAY_MAX);
        let drawn = Duration::from_millis(chance % (most.as_millis() as u64 + 1));
        asked.map_or(drawn, |asked| asked.min(PAUSE_MAX) + drawn)
    }
}

/// When a stored next try is due, seen at `now`. One further away than any wait can be was stored before the clock
/// went back; it is due at once.
pub fn due(next_try: ReceivedAt, now: ReceivedAt) -> Duration {
    let left = Duration::from_nanos(next_try.0.saturating_sub(now.0));
    let longest = PAUSE_MAX + DELAY_MAX;
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
        /// Whether the message was out already, so that the target may have taken it all the same. How often somebody is told
        /// the same then is bounded: such a try is always held against the delivery.
        perhaps_taken: bool,
        /// Why.
        why: String,
    },
}

/// What a target was like around a try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetThen {
    /// When it last took something.
    pub told_at: Option<ReceivedAt>,
    /// Whether its breaker holds everything back after the try.
    pub holds_back: bool,
}

/// What every delivery is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long it may wait in all.
    pub wait_max: Duration,
    /// How it is tried again.
    pub retry: Retry,
    /// Any number, drawn evenly.
    pub chance: u64,
}

/// Where a delivery stands after a try of it that ended at `now`.
pub fn state_after(
    tried: &Delivery,
    ended: TryEnd,
    target: TargetThen,
    patience: Patience,
    now: ReceivedAt,
) -> DeliveryState {
    let attempts = tried.attempts() + 1;
    let (again, asked, perhaps_taken, why) = match ended {
        TryEnd::Taken => return DeliveryState::Told { at: now, attempts },
        TryEnd::Failed { again, asked, perhaps_taken, why } => (again, asked, perhaps_taken, why),
    };
    let since = tried.waits_since().unwrap_or(tried.decided_at);
    let strikes = strikes(tried) + u32::from(perhaps_taken || is_its_own(tried, target.told_at));
    if !again || strikes >= patience.retry.tries_max {
        return DeliveryState::Dead { at: now, attempts, reason: why };
    }
    if is_overdue(since, patience.wait_max, now) {
        return DeliveryState::Dead { at: now, attempts, reason: in_vain(patience.wait_max, &why) };
    }
    let next_try = match (tried.due(), asked) {
        // It keeps its place, so that in the end the oldest goes first.
        (Some(due), None) if target.holds_back => due.min(now),
        _ => {
            let nanos = patience.retry.delay(attempts, patience.chance, asked).as_nanos();
            ReceivedAt(now.0.saturating_add(u64::try_from(nanos).unwrap_or(u64::MAX)))
        }
    };
    DeliveryState::Waiting { since, attempts, strikes, next_try, last_error: Some(why) }
}

/// Whether what has waited since then has waited for too long.
pub fn is_overdue(since: ReceivedAt, wait_max: Duration, now: ReceivedAt) -> bool {
    u128::from(now.0.saturating_sub(since.0)) >= wait_max.as_nanos()
}

/// Why something is given up that waited for its target for too long.
pub fn in_vain(wait_max: Duration, why: &str) -> String {
    let (count, unit) = match wait_max.as_secs() {
        secs if secs % 3_600 == 0 => (secs / 3_600, "hour"),
        secs if secs % 60 == 0 => (secs / 60, "minute"),
        secs => (secs, "second"),
    };
    format!("waited in vain for {count} {unit}{}: {why}", if count == 1 { "" } else { "s" })
}

fn strikes(tried: &Delivery) -> u32 {
    match tried.state {
        DeliveryState::Waiting { strikes, .. } => strikes,
        _ => 0,
    }
}

/// Whether that it failed says something of the message: by the first try nobody knows better, by a later one only if the
/// target has taken another since it refused this one.
fn is_its_own(tried: &Delivery, told_at: Option<ReceivedAt>) -> bool {
    tried.failures.last().is_none_or(|failed| told_at.is_some_and(|told| told > failed.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FailedTry;
    use uuid::Uuid;

    const SECOND: u64 = 1_000_000_000;
    const RETRY: Retry =
        Retry { tries_max: 5, base: Duration::from_secs(1), delay_max: Duration::from_secs(30) };
    const PATIENCE: Patience = Patience { wait_max: Duration::from_secs(3_600), retry: RETRY, chance: 0 };
    /// A target that took something a moment ago, and is asked further.
    const WELL: TargetThen = TargetThen { told_at: Some(ReceivedAt(u64::MAX)), holds_back: false };
    /// One that took nothing since the process began, and is left alone.
    const DOWN: TargetThen = TargetThen { told_at: None, holds_back: true };

    fn failed(again: bool) -> TryEnd {
        TryEnd::Failed { again, asked: None, perhaps_taken: false, why: "it said no".to_owned() }
    }

    fn delivery() -> Delivery {
        Delivery {
            id: Uuid::nil(),
            alert: Uuid::nil(),
            occurrences: 1,
            route: "all".to_owned(),
            target: "desk".to_owned(),
            counted: 5,
            fired_at: jiff::Timestamp::UNIX_EPOCH,
            decided_at: ReceivedAt(SECOND),
            failures: Vec::new(),
            state: DeliveryState::ready(ReceivedAt(SECOND)),
        }
    }

    /// The states that tries lead to which fail at these seconds.
    fn after(secs: &[u64], target: TargetThen) -> Vec<DeliveryState> {
        let mut delivery = delivery();
        let mut states = Vec::new();
        for at in secs.iter().map(|secs| ReceivedAt(secs * SECOND)) {
            let state = state_after(&delivery, failed(true), target, PATIENCE, at);
            states.push(state.clone());
            delivery = delivery.moved_to(state, at);
        }
        states
    }

    fn is_dead(state: &DeliveryState) -> bool {
        matches!(state, DeliveryState::Dead { .. })
    }

    #[test]
    fn five_tries_that_a_well_target_refuses_make_a_dead_letter_and_a_final_refusal_makes_one_at_once() {
        let states = after(&[2, 3, 4, 5, 6], WELL);
        assert_eq!(states.iter().map(is_dead).collect::<Vec<_>>(), [false, false, false, false, true]);
        let now = ReceivedAt(2 * SECOND);
        assert!(is_dead(&state_after(&delivery(), failed(false), WELL, PATIENCE, now)));
        let once = Patience { retry: Retry { tries_max: 1, ..RETRY }, ..PATIENCE };
        assert!(
            is_dead(&state_after(&delivery(), failed(true), WELL, once, now)),
            "where the settings say so"
        );
        let told = state_after(&delivery(), TryEnd::Taken, WELL, PATIENCE, now);
        assert_eq!(told, DeliveryState::Told { at: now, attempts: 1 });
    }

    #[test]
    fn tries_at_a_target_that_is_down_are_not_held_against_it_and_it_keeps_its_place() {
        let states = after(&(1..120).map(|probe| probe * 30).collect::<Vec<u64>>(), DOWN);
        let last = states.last().expect("there were many");
        let DeliveryState::Waiting { attempts: 119, strikes: 1, next_try, .. } = last else {
            panic!("{last:?}");
        };
        assert_eq!(*next_try, ReceivedAt(SECOND), "those that were never tried stand behind it");
    }

    #[test]
    fn what_may_have_been_taken_is_not_sent_more_than_five_times_however_its_target_is() {
        let late =
            || TryEnd::Failed { again: true, asked: None, perhaps_taken: true, why: "no answer".to_owned() };
        let mut delivery = delivery();
        for at in (1..5).map(|probe| ReceivedAt(probe * 30 * SECOND)) {
            let state = state_after(&delivery, late(), DOWN, PATIENCE, at);
            assert!(!is_dead(&state));
            delivery = delivery.moved_to(state, at);
        }
        assert!(is_dead(&state_after(&delivery, late(), DOWN, PATIENCE, ReceivedAt(150 * SECOND))));
    }

    #[test]
    fn one_that_waits_for_too_long_is_given_up_and_the_reason_says_so() {
        let states = after(&[30, 3_600, 3_601], DOWN);
        assert!(!is_dead(&states[1]));
        let reason = "waited in vain for 1 hour: it said no".to_owned();
        let at = ReceivedAt(3_601 * SECOND);
        assert_eq!(states[2], DeliveryState::Dead { at, attempts: 3, reason });
    }

    #[test]
    fn a_message_that_a_target_refuses_between_others_is_at_fault() {
        let at = |secs: u64| ReceivedAt(secs * SECOND);
        let tried = Delivery { failures: vec![FailedTry { at: at(9), why: "x".into() }], ..delivery() };
        let strikes = |told_at| match state_after(
            &tried,
            failed(true),
            TargetThen { told_at, holds_back: false },
            PATIENCE,
            at(10),
        ) {
            DeliveryState::Waiting { strikes, .. } => strikes,
            state => panic!("{state:?}"),
        };
        assert_eq!([None, Some(at(8)), Some(at(9))].map(strikes), [0, 0, 0]);
        assert_eq!(strikes(Some(ReceivedAt(9 * SECOND + 1))), 1);
    }

    #[test]
    fn waits_are_drawn_from_a_range_that_doubles_up_to_its_bound() {
        for (attempts, most) in [(1, 1_000), (2, 2_000), (3, 4_000), (5, 16_000), (6, 30_000), (99, 30_000)] {
            assert_eq!(RETRY.delay(attempts, most, None), Duration::from_millis(most), "{attempts}");
            assert_eq!(RETRY.delay(attempts, most + 1, None), Duration::ZERO, "{attempts}");
        }
        let slow = Retry { base: Duration::from_secs(3), delay_max: Duration::from_secs(7), ..RETRY };
        for (attempts, most) in [(1, 3_000), (2, 6_000), (3, 7_000), (u32::MAX, 7_000)] {
            assert_eq!(slow.delay(attempts, most, None), Duration::from_millis(most), "{attempts}");
        }
    }

    #[test]
    fn what_the_target_asks_for_is_kept_up_to_an_hour() {
        assert_eq!(RETRY.delay(1, 0, Some(Duration::from_secs(90))), Duration::from_secs(90));
        assert_eq!(RETRY.delay(1, 500, Some(Duration::from_secs(90))), Duration::from_millis(90_500));
        assert_eq!(RETRY.delay(1, 0, Some(Duration::from_secs(1_000_000_000))), PAUSE_MAX);
        let asked = Some(Duration::from_secs(90));
        let ended = TryEnd::Failed { again: true, asked, perhaps_taken: false, why: String::new() };
        let state = state_after(&delivery(), ended, DOWN, PATIENCE, ReceivedAt(SECOND));
        assert!(
            matches!(state, DeliveryState::Waiting { next_try: ReceivedAt(at), .. } if at == 91 * SECOND)
        );
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
