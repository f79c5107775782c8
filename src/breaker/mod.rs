//! The circuit breaker of one target: keeps us from knocking where nobody opens.

mod delay;

pub use delay::delay;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Failures within [`FAILURES_WITHIN`] that open it.
const FAILURES_MAX: usize = 5;
/// How far back failures count.
const FAILURES_WITHIN: Duration = Duration::from_secs(60);
/// How long it stays open before one try is let through.
const OPEN_FOR: Duration = Duration::from_secs(30);
/// The longest that a target may ask us to wait.
pub const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// Lives as long as the process, one per target; time is an argument.
#[derive(Clone, Debug)]
pub struct Breaker {
    failures: VecDeque<Instant>,
    /// Until when nothing is let through.
    open_until: Option<Instant>,
    /// Whether the one try of a half-open breaker is on its way.
    probing: bool,
}

/// How the breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything is let through.
    Closed,
    /// Nothing is.
    Open,
    /// One try is, and its end decides.
    HalfOpen,
}

/// Whether a try may set out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It may; how it ends must be told.
    Go,
    /// Not before so long.
    Wait(Duration),
}

/// How a try failed, as far as the breaker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The target is unwell: counts towards opening.
    Unwell,
    /// The target asked to be left alone for so long.
    Asked(Duration),
    /// It cannot work until someone changes the settings: opens at once.
    Misconfigured,
    /// This message was refused; the target itself answers and is well.
    Refused,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker { failures: VecDeque::with_capacity(FAILURES_MAX), open_until: None, probing: false }
    }
}

impl Breaker {
    /// How it stands at `now`.
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// Asks whether a try may set out at `now`. In the half-open state only one may until its end is told.
    pub fn ask(&mut self, now: Instant) -> Permission {
        match (self.state(now), self.open_until) {
            (BreakerState::Open, Some(until)) => Permission::Wait(until.duration_since(now)),
            (BreakerState::HalfOpen, _) if self.probing => Permission::Wait(OPEN_FOR),
            (BreakerState::HalfOpen, _) => {
                self.probing = true;
                Permission::Go
            }
            _ => Permission::Go,
        }
    }

    /// A try got through.
    pub fn succeeded(&mut self) {
        *self = Breaker::default();
    }

    /// A try failed at `now`.
    pub fn failed(&mut self, failure: Failure, now: Instant) {
        let was_probe = std::mem::take(&mut self.probing);
        match failure {
            Failure::Refused => self.succeeded(),
            Failure::Misconfigured => self.open_until = Some(now + OPEN_FOR),
            Failure::Asked(pause) => self.open_until = Some(now + pause.min(PAUSE_MAX)),
            Failure::Unwell => {
                self.failures.retain(|at| now.saturating_duration_since(*at) < FAILURES_WITHIN);
                self.failures.push_back(now);
                if was_probe || self.failures.len() >= FAILURES_MAX {
                    self.failures.clear();
                    self.open_until = Some(now + OPEN_FOR);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn opened(start: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        (0..5).for_each(|_| breaker.failed(Failure::Unwell, start));
        breaker
    }

    #[test]
    fn it_opens_after_five_failures_within_a_minute_and_not_sooner() {
        let (start, mut breaker) = (Instant::now(), Breaker::default());
        for failure in 0..4 {
            assert_eq!(breaker.ask(start), Permission::Go, "{failure}");
            breaker.failed(Failure::Unwell, start);
        }
        // The four are a minute old when the fifth comes.
        breaker.failed(Failure::Unwell, start + 60 * SECOND);
        assert_eq!(breaker.state(start + 60 * SECOND), BreakerState::Closed);
        (0..4).for_each(|_| breaker.failed(Failure::Unwell, start + 61 * SECOND));
        assert_eq!(breaker.ask(start + 61 * SECOND), Permission::Wait(30 * SECOND));
    }

    #[test]
    fn open_means_no_call_but_one_after_thirty_seconds() {
        let start = Instant::now();
        let mut breaker = opened(start);
        assert_eq!(breaker.ask(start + 29 * SECOND), Permission::Wait(SECOND));
        assert_eq!(breaker.state(start + 30 * SECOND), BreakerState::HalfOpen);
        assert_eq!(breaker.ask(start + 30 * SECOND), Permission::Go);
        assert!(matches!(breaker.ask(start + 30 * SECOND), Permission::Wait(_)), "one at a time");
        breaker.failed(Failure::Unwell, start + 31 * SECOND);
        assert_eq!(
            breaker.ask(start + 31 * SECOND),
            Permission::Wait(30 * SECOND),
            "one failure is enough now"
        );
        assert_eq!(breaker.ask(start + 61 * SECOND), Permission::Go);
        breaker.succeeded();
        assert_eq!(breaker.state(start + 61 * SECOND), BreakerState::Closed);
    }

    #[test]
    fn what_no_retry_mends_opens_it_at_once_and_a_refused_message_does_not() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        (0..9).for_each(|_| breaker.failed(Failure::Refused, start));
        assert_eq!(breaker.state(start), BreakerState::Closed);
        breaker.failed(Failure::Misconfigured, start);
        assert_eq!(breaker.state(start), BreakerState::Open);
    }

    #[test]
    fn a_target_that_asks_to_be_left_alone_is_for_an_hour_at_most() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        breaker.failed(Failure::Asked(2 * SECOND), start);
        assert_eq!(breaker.ask(start), Permission::Wait(2 * SECOND));
        assert_eq!(breaker.ask(start + 2 * SECOND), Permission::Go);
        breaker.failed(Failure::Asked(Duration::from_secs(1_000_000_000)), start);
        assert_eq!(breaker.ask(start), Permission::Wait(PAUSE_MAX));
    }

    /// A target that is up for half a minute and down for the next, for ten minutes, asked every second.
    #[test]
    fn it_does_not_flap_more_often_than_it_half_opens() {
        let start = Instant::now();
        let (mut breaker, mut opened, mut calls_while_down) = (Breaker::default(), 0, 0);
        for second in 0..600 {
            let (now, is_up) = (start + second * SECOND, second / 30 % 2 == 0);
            let before = breaker.state(now);
            if breaker.ask(now) == Permission::Go {
                if is_up {
                    breaker.succeeded();
                } else {
                    calls_while_down += 1;
                    breaker.failed(Failure::Unwell, now);
                }
            }
            opened += u32::from(before != BreakerState::Open && breaker.state(now) == BreakerState::Open);
        }
        assert!(opened <= 600 / 30, "{opened}");
        assert!(calls_while_down <= 10 * 5, "{calls_while_down}");
    }
}
