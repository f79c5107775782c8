//! The circuit breaker of one target: keeps us from knocking where nobody opens.

use super::retry::PAUSE_MAX;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Of the calls that count, the last ones that are kept.
const CALLS_KEPT_MAX: usize = 100;

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerLimits {
    /// Failures one behind the other that open it: 100 at most.
    pub failures_max: usize,
    /// How many calls it takes before their rate says something: then half of them failing opens it too. 100 at most.
    pub calls_for_a_rate: usize,
    /// How far back calls count.
    pub within: Duration,
    /// How long it stays open before one try is let through.
    pub open_for: Duration,
}

impl Default for BreakerLimits {
    fn default() -> BreakerLimits {
        BreakerLimits {
            failures_max: 5,
            calls_for_a_rate: 10,
            within: Duration::from_secs(60),
            open_for: Duration::from_secs(30),
        }
    }
}

/// Lives as long as the process, one per target; time is an argument.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    limits: BreakerLimits,
    /// When the last calls ended, and whether each failed.
    calls: VecDeque<(Instant, bool)>,
    /// Until when nothing is let through.
    open_until: Option<Instant>,
    /// Whether the one try of a half-open breaker is on its way.
    probing: bool,
    /// How often it has opened.
    opened: u64,
    /// When it last opened or closed.
    moved_at: Option<Instant>,
}

/// A breaker as it looks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerView {
    /// How it stands.
    pub state: BreakerState,
    /// The last calls that count, 100 at most.
    pub calls: usize,
    /// How many of them failed.
    pub failures: usize,
    /// How often it has opened since the process began.
    pub opened: u64,
    /// How long ago its state last changed; `None` where it never has.
    pub changed_ago: Option<Duration>,
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

impl BreakerState {
    /// The word in answers and on pages.
    pub fn name(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half-open",
        }
    }
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
    /// The target is unwell, and asked to be left alone for so long.
    Asked(Duration),
    /// It cannot work until someone changes the settings: opens at once.
    Misconfigured,
    /// This message was refused; the target itself answers and is well.
    Refused,
}

impl Breaker {
    /// A closed one.
    pub fn new(limits: BreakerLimits) -> Breaker {
        Breaker { limits, ..Breaker::default() }
    }

    /// How it stands at `now`.
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// How it looks at `now`.
    pub fn view(&self, now: Instant) -> BreakerView {
        let recent = self.calls.iter().filter(|(at, _)| is_recent(*at, now, self.limits));
        let changed_at = self.open_until.filter(|until| *until <= now).or(self.moved_at);
        BreakerView {
            state: self.state(now),
            calls: recent.clone().count(),
            failures: recent.filter(|(_, failed)| *failed).count(),
            opened: self.opened,
            changed_ago: changed_at.map(|at| now.saturating_duration_since(at)),
        }
    }

    /// Asks whether a try may set out at `now`. In the half-open state only one may until its end is told.
    pub fn ask(&mut self, now: Instant) -> Permission {
        match (self.state(now), self.open_until) {
            (BreakerState::Open, Some(until)) => Permission::Wait(until.duration_since(now)),
            (BreakerState::HalfOpen, _) if self.probing => Permission::Wait(self.limits.open_for),
            (BreakerState::HalfOpen, _) => {
                self.probing = true;
                Permission::Go
            }
            _ => Permission::Go,
        }
    }

    /// A try got through at `now`. Where several are on their way at once, one that set out before it opened says
    /// nothing about what opened it: only once it is half-open does a success close it.
    pub fn succeeded(&mut self, now: Instant) {
        self.probing = false;
        match self.state(now) {
            BreakerState::HalfOpen => self.close(now),
            BreakerState::Closed | BreakerState::Open => self.note(now, false),
        }
    }

    /// Closes it, whatever was found before.
    pub fn close(&mut self, now: Instant) {
        let moved_at = if self.open_until.is_some() { Some(now) } else { self.moved_at };
        *self = Breaker { opened: self.opened, moved_at, ..Breaker::new(self.limits) };
    }

    /// A try failed at `now`.
    pub fn failed(&mut self, failure: Failure, now: Instant) {
        let was_probe = std::mem::take(&mut self.probing);
        match failure {
            Failure::Refused => self.succeeded(now),
            Failure::Misconfigured => {
                self.note(now, true);
                self.open(now, self.limits.open_for);
            }
            // A short pause is no way to be asked on and on: what opens it without one opens it for as long with one.
            Failure::Asked(pause) => match self.opens(was_probe, now) {
                true => self.open(now, pause.clamp(self.limits.open_for, PAUSE_MAX)),
                false if pause.is_zero() => {}
                false => self.open(now, pause.min(PAUSE_MAX)),
            },
            Failure::Unwell => {
                if self.opens(was_probe, now) {
                    self.open(now, self.limits.open_for);
                }
            }
        }
    }

    /// Notes a failure; says whether it opens the breaker.
    fn opens(&mut self, was_probe: bool, now: Instant) -> bool {
        self.note(now, true);
        was_probe || self.fails_too_often()
    }

    fn open(&mut self, now: Instant, pause: Duration) {
        self.open_until = Some(now + pause);
        self.moved_at = Some(now);
        self.opened += 1;
    }

    fn note(&mut self, now: Instant, failed: bool) {
        let limits = self.limits;
        self.calls.retain(|(at, _)| is_recent(*at, now, limits));
        if self.calls.len() == CALLS_KEPT_MAX {
            self.calls.pop_front();
        }
        self.calls.push_back((now, failed));
    }

    fn fails_too_often(&self) -> bool {
        let in_a_row = self.calls.iter().rev().take_while(|(_, failed)| *failed).count();
        let failures = self.calls.iter().filter(|(_, failed)| *failed).count();
        let enough = self.calls.len() >= self.limits.calls_for_a_rate;
        in_a_row >= self.limits.failures_max || enough && failures * 2 >= self.calls.len()
    }
}

fn is_recent(at: Instant, now: Instant, limits: BreakerLimits) -> bool {
    now.saturating_duration_since(at) < limits.within
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
    fn the_settings_say_when_it_opens_and_for_how_long() {
        let start = Instant::now();
        let limits =
            BreakerLimits { failures_max: 2, calls_for_a_rate: 4, within: 10 * SECOND, open_for: 3 * SECOND };
        let mut breaker = Breaker::new(limits);
        breaker.failed(Failure::Unwell, start);
        breaker.failed(Failure::Unwell, start + 10 * SECOND);
        assert_eq!(breaker.ask(start + 10 * SECOND), Permission::Go, "the first counts no more");
        breaker.failed(Failure::Unwell, start + 11 * SECOND);
        assert_eq!(breaker.ask(start + 11 * SECOND), Permission::Wait(3 * SECOND));
        breaker.close(start + 12 * SECOND);
        for failed in [true, false, true, false] {
            if failed { breaker.failed(Failure::Unwell, start) } else { breaker.succeeded(start) }
        }
        assert_eq!(breaker.state(start), BreakerState::Closed, "what counts is the end of a failure");
        breaker.failed(Failure::Unwell, start);
        assert_eq!(breaker.state(start), BreakerState::Open, "three of five");
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
        breaker.succeeded(start + 61 * SECOND);
        assert_eq!(breaker.state(start + 61 * SECOND), BreakerState::Closed);
    }

    #[test]
    fn what_set_out_before_it_opened_does_not_close_it() {
        let (start, mut breaker) = (Instant::now(), Breaker::default());
        assert_eq!([breaker.ask(start), breaker.ask(start)], [Permission::Go; 2]);
        breaker.failed(Failure::Misconfigured, start);
        breaker.succeeded(start + SECOND);
        assert_eq!(breaker.ask(start + SECOND), Permission::Wait(29 * SECOND));
        breaker.failed(Failure::Refused, start + SECOND);
        assert_eq!(breaker.state(start + 2 * SECOND), BreakerState::Open, "a refusal is an answer, no more");
        breaker.succeeded(start + 30 * SECOND);
        assert_eq!(breaker.state(start + 30 * SECOND), BreakerState::Closed);
    }

    #[test]
    fn half_of_ten_calls_failing_opens_it_and_of_nine_does_not() {
        let (start, mut breaker) = (Instant::now(), Breaker::default());
        for call in 0..9 {
            if call % 2 == 0 { breaker.failed(Failure::Unwell, start) } else { breaker.succeeded(start) }
        }
        assert_eq!(breaker.state(start), BreakerState::Closed, "five of nine");
        breaker.failed(Failure::Unwell, start);
        assert_eq!(breaker.state(start), BreakerState::Open, "six of ten");
        let mut breaker = Breaker::default();
        (0..6).for_each(|_| breaker.succeeded(start));
        (0..4).for_each(|_| breaker.failed(Failure::Unwell, start));
        assert_eq!(breaker.state(start), BreakerState::Closed, "four of ten");
    }

    #[test]
    fn it_tells_how_often_it_opened_and_when_it_last_moved() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        assert_eq!((breaker.view(start).opened, breaker.view(start).changed_ago), (0, None));
        (0..4).for_each(|_| breaker.failed(Failure::Unwell, start));
        assert_eq!((breaker.view(start).calls, breaker.view(start).failures), (4, 4));
        breaker.failed(Failure::Unwell, start);
        let seen = breaker.view(start + 10 * SECOND);
        assert_eq!((seen.state, seen.opened, seen.changed_ago), (BreakerState::Open, 1, Some(10 * SECOND)));
        assert_eq!((seen.calls, seen.failures), (5, 5), "why it is open is still to be seen");
        let seen = breaker.view(start + 35 * SECOND);
        assert_eq!((seen.state, seen.changed_ago), (BreakerState::HalfOpen, Some(5 * SECOND)));
        breaker.succeeded(start + 40 * SECOND);
        let seen = breaker.view(start + 41 * SECOND);
        assert_eq!((seen.state, seen.opened, seen.changed_ago), (BreakerState::Closed, 1, Some(SECOND)));
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

    #[test]
    fn a_target_that_asks_for_next_to_nothing_does_not_switch_it_off() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        (0..4).for_each(|_| breaker.failed(Failure::Asked(Duration::ZERO), start));
        assert_eq!(breaker.ask(start), Permission::Go);
        breaker.failed(Failure::Asked(Duration::ZERO), start);
        assert_eq!(breaker.ask(start), Permission::Wait(30 * SECOND), "five in a row");
        let mut breaker = Breaker::default();
        breaker.failed(Failure::Asked(SECOND), start);
        assert_eq!(breaker.ask(start + SECOND), Permission::Go);
        breaker.failed(Failure::Asked(SECOND), start + SECOND);
        assert_eq!(breaker.ask(start + SECOND), Permission::Wait(30 * SECOND), "a probe");
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
                    breaker.succeeded(now);
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
