//! The steps that an event goes through, and how long each takes.

use super::histogram::{Counts, Histogram};
use std::sync::Mutex;
use std::time::Duration;

/// A step of the way from a request to what is made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The body comes in.
    Receive,
    /// It is taken apart and held against the rules of the format.
    Validate,
    /// Hashes and signatures are checked.
    Integrity,
    /// It waits until the commit before is done.
    CommitWait,
    /// It is written and made durable.
    Commit,
    /// Detection takes it through its windows, and commits what fires.
    Detect,
    /// The counters take it in.
    Count,
    /// The search index takes it in.
    Index,
    /// A checkpoint over it is signed.
    Seal,
    /// A target is told of an alert.
    Deliver,
}

impl Step {
    /// Every step, in the order of the way.
    pub const ALL: [Step; 10] = [
        Step::Receive,
        Step::Validate,
        Step::Integrity,
        Step::CommitWait,
        Step::Commit,
        Step::Detect,
        Step::Count,
        Step::Index,
        Step::Seal,
        Step::Deliver,
    ];

    /// The name in metrics, traces, settings and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Step::Receive => "receive",
            Step::Validate => "validate",
            Step::Integrity => "integrity",
            Step::CommitWait => "commit_wait",
            Step::Commit => "commit",
            Step::Detect => "detect",
            Step::Count => "count",
            Step::Index => "index",
            Step::Seal => "seal",
            Step::Deliver => "deliver",
        }
    }
}

/// How far back [`Steps::recent`] looks: so many times as often as [`Steps::turn`] is called.
const SLICES: usize = 5;

/// How long the steps took. Shared by all who measure.
#[derive(Debug, Default)]
pub struct Steps {
    whole: [Histogram; Step::ALL.len()],
    /// What the histograms held at the last turns, the oldest first.
    before: Mutex<Vec<[Counts; Step::ALL.len()]>>,
}

impl Steps {
    /// Counts one time.
    pub fn record(&self, step: Step, time: Duration) {
        self.whole[step as usize].record(time);
    }

    /// All times since the process began.
    pub fn whole(&self, step: Step) -> Counts {
        self.whole[step as usize].counts()
    }

    /// The times of the last turns.
    pub fn recent(&self, step: Step) -> Counts {
        let before = self.before.lock().expect("no holder of this lock panics");
        let whole = self.whole(step);
        before.first().map_or_else(|| whole.clone(), |oldest| whole.since(&oldest[step as usize]))
    }

    /// Begins a new slice of time; called at even intervals.
    pub fn turn(&self) {
        let now = Step::ALL.map(|step| self.whole(step));
        let mut before = self.before.lock().expect("no holder of this lock panics");
        if before.len() == SLICES {
            before.remove(0);
        }
        before.push(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_is_no_longer_recent() {
        let steps = Steps::default();
        steps.record(Step::Commit, Duration::from_secs(1));
        assert_eq!(steps.recent(Step::Commit).count(), 1);
        for _ in 0..SLICES {
            steps.turn();
            steps.record(Step::Commit, Duration::from_millis(1));
        }
        assert_eq!(steps.recent(Step::Commit).count(), SLICES as u64);
        assert_eq!(steps.whole(Step::Commit).count(), 1 + SLICES as u64);
        assert_eq!(steps.recent(Step::Detect).count(), 0);
    }

    #[test]
    fn steps_stand_in_the_order_of_their_numbers() {
        assert!(Step::ALL.iter().enumerate().all(|(at, step)| *step as usize == at));
    }
}
