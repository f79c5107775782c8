//! Work that failed for good and waits for somebody's decision.

use super::{ReceivedAt, Seq};
use serde::{Deserialize, Serialize};

/// Failures that a dead letter remembers, the newest.
pub const FAILURES_KEPT: usize = 20;
/// Characters of a cause that are kept.
const CAUSE_CHARS: usize = 500;

/// What kind of work it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterKind {
    /// The step of a reader over one entry of the log; it panicked.
    Step,
}

impl DeadLetterKind {
    /// The word in ids and answers.
    pub fn name(self) -> &'static str {
        match self {
            DeadLetterKind::Step => "step",
        }
    }
}

/// One piece of work that failed for good. Kept until it is done after all, discarded, or too old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Unique: kind, whose work it was, and what it was about, as in `step/detect/17`.
    pub id: String,
    /// What kind of work.
    pub kind: DeadLetterKind,
    /// Whose: the name of the reader.
    pub worker: String,
    /// The entry of the log that it is about.
    pub seq: Seq,
    /// Each failure, the oldest first, at most [`FAILURES_KEPT`]; those between the first and the newest go.
    pub failures: Vec<Failure>,
    /// How often it failed in all.
    pub tries: u32,
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When.
    pub at: ReceivedAt,
    /// Why.
    pub cause: String,
}

impl DeadLetter {
    /// The letter of a reader's step that just failed for the first time.
    pub fn of_step(reader: &str, seq: Seq, failure: Failure) -> DeadLetter {
        let kind = DeadLetterKind::Step;
        DeadLetter {
            id: DeadLetter::id_of_step(reader, seq),
            kind,
            worker: reader.to_owned(),
            seq,
            failures: vec![failure],
            tries: 1,
        }
    }

    /// The id of the letter of a reader's step over an entry.
    pub fn id_of_step(reader: &str, seq: Seq) -> String {
        format!("{}/{reader}/{seq}", DeadLetterKind::Step.name())
    }

    /// Enters another failure.
    pub fn fail(&mut self, failure: Failure) {
        self.tries = self.tries.saturating_add(1);
        self.failures.push(failure);
        if self.failures.len() > FAILURES_KEPT {
            self.failures.remove(1);
        }
    }

    /// When it failed first and last.
    pub fn span(&self) -> (ReceivedAt, ReceivedAt) {
        let at = |failure: Option<&Failure>| failure.map(|failure| failure.at).unwrap_or_default();
        (at(self.failures.first()), at(self.failures.last()))
    }
}

impl Failure {
    /// A failure of that cause, which is cut where it is long.
    pub fn new(at: ReceivedAt, cause: &str) -> Failure {
        Failure { at, cause: cause.chars().take(CAUSE_CHARS).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_newest_failures_are_kept_and_all_are_counted() {
        let failure = |n: u64| Failure::new(ReceivedAt(n), &n.to_string());
        let mut letter = DeadLetter::of_step("detect", Seq(17), failure(0));
        assert_eq!(letter.id, "step/detect/17");
        (1..=100).for_each(|n| letter.fail(failure(n)));
        assert_eq!((letter.failures.len(), letter.tries), (FAILURES_KEPT, 101));
        assert_eq!(letter.span(), (ReceivedAt(0), ReceivedAt(100)));
    }
}
