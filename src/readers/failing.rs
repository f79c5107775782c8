//! Steps of a reader that panic: each is that entry's trouble, becomes a dead letter, and the reader goes on behind it.
//!
//! Otherwise the process would end at the same entry after every restart. Trying again is an entry of the log too, so
//! reading the log anew gives what reading it gave: an entry that failed is passed over until the one that says to try
//! again.

use crate::model::{DeadLetter, DeadLetterKind, Seq};
use crate::store::{FailedStep, Steps, Store, StoreError};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The entries at which a reader's steps have failed, and what is new about them.
#[derive(Debug)]
pub(super) struct Failing {
    reader: &'static str,
    failed: BTreeSet<Seq>,
    /// While a stretch is read once more that was read before: what still waits at its end, whatever was tried in it.
    still_waiting: BTreeSet<Seq>,
    news: Steps,
}

impl Failing {
    /// What the store knows of the reader of that name, which reads again what it read before, until
    /// [`Failing::restored`].
    pub(super) fn restore(reader: &'static str, store: &Store) -> Result<Failing, StoreError> {
        let failed = waiting(reader, store)?;
        Ok(Failing { reader, still_waiting: failed.clone(), failed, news: Steps::default() })
    }

    /// What is read from here on is new.
    pub(super) fn restored(&mut self) {
        self.still_waiting.clear();
        self.news = Steps::default();
    }

    /// Goes on from where a reader knows of its own that it failed at `failed`. What the store has beyond that is done,
    /// and was not entered before a kill.
    pub(super) fn resume(
        reader: &'static str,
        failed: BTreeSet<Seq>,
        store: &Store,
    ) -> Result<Failing, StoreError> {
        let done = waiting(reader, store)?.difference(&failed).copied().collect();
        let news = Steps { failed: Vec::new(), done };
        Ok(Failing { reader, failed, still_waiting: BTreeSet::new(), news })
    }

    /// Runs the step over an entry, unless it failed there before.
    pub(super) fn run(&mut self, seq: Seq, step: impl FnOnce()) {
        if !self.failed.contains(&seq) {
            self.attempt(seq, step);
        }
    }

    /// Runs the step over an entry at which it failed before.
    pub(super) fn run_again(&mut self, seq: Seq, step: impl FnOnce()) {
        if self.failed.remove(&seq) && self.attempt(seq, step) {
            self.news.done.push(seq);
        }
    }

    /// Which of these dead letters are this reader's, and wait.
    pub(super) fn own(&self, ids: &[String]) -> Vec<Seq> {
        let own = |seq: &Seq| {
            !self.still_waiting.contains(seq) && ids.contains(&DeadLetter::id_of_step(self.reader, *seq))
        };
        self.failed.iter().copied().filter(own).collect()
    }

    /// Forgets those of these dead letters that are this reader's: nobody will ask for them again. Answers which.
    pub(super) fn give_up(&mut self, ids: &[String]) -> Vec<Seq> {
        let own = self.own(ids);
        self.failed.retain(|seq| !own.contains(seq));
        own
    }

    /// What is to be entered, to look at.
    pub(super) fn untold(&self) -> &Steps {
        &self.news
    }

    /// What is to be entered; afterwards nothing is.
    pub(super) fn news(&mut self) -> Steps {
        std::mem::take(&mut self.news)
    }

    fn attempt(&mut self, seq: Seq, step: impl FnOnce()) -> bool {
        let Err(cause) = guarded(step) else { return true };
        let reader = self.reader;
        tracing::error!(
            seq = seq.0,
            reader,
            "a step panicked at this entry, which became a dead letter; please report it"
        );
        self.failed.insert(seq);
        self.news.failed.push(FailedStep { seq, cause });
        false
    }
}

/// Runs a step; where it panics, what it said.
pub(super) fn guarded(step: impl FnOnce()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(step)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        text.unwrap_or("it did not say why").to_owned()
    })
}

fn waiting(reader: &str, store: &Store) -> Result<BTreeSet<Seq>, StoreError> {
    let letters = store.dead_letters()?.into_iter();
    let own = letters.filter(|letter| letter.kind == DeadLetterKind::Step && letter.worker == reader);
    Ok(own.map(|letter| letter.seq).collect())
}

/// Panics where a test asks for it, by naming a reader and an action in `SEALWATCH_FAILPOINT`, as in `detect:trip`. No
/// release has it.
pub(super) fn trip(reader: &str, action: &str) {
    if cfg!(debug_assertions)
        && std::env::var("SEALWATCH_FAILPOINT").is_ok_and(|at| at == format!("{reader}:{action}"))
    {
        panic!("a test asked the {reader} reader to fail at {action}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_passed_over_until_it_is_to_be_tried_again() {
        let mut failing = Failing {
            reader: "detect",
            failed: BTreeSet::new(),
            still_waiting: BTreeSet::new(),
            news: Steps::default(),
        };
        failing.run(Seq(1), || {});
        assert!(failing.news().is_empty());
        failing.run(Seq(2), || panic!("at {}", 2));
        let failed = vec![FailedStep { seq: Seq(2), cause: "at 2".to_owned() }];
        assert_eq!(failing.news(), Steps { failed, done: Vec::new() });
        failing.run(Seq(2), || panic!("it is read again after a restart"));
        assert!(failing.news().is_empty());
        let ids = ["step/detect/2".to_owned(), "step/count/2".to_owned()];
        assert_eq!(failing.own(&ids), [Seq(2)]);
        failing.run_again(Seq(2), || panic!("still"));
        assert_eq!(failing.news().failed.len(), 1);
        failing.run_again(Seq(2), || {});
        assert_eq!(failing.news(), Steps { failed: Vec::new(), done: vec![Seq(2)] });
        failing.run_again(Seq(2), || panic!("nothing waits any more"));
        assert!(failing.news().is_empty() && failing.own(&ids).is_empty());
    }

    /// A program that fails no more read the stretch before the last kill once more, did there what had been tried in
    /// vain, and told nobody: the letter then waited for ever.
    #[test]
    fn what_still_waits_is_not_tried_while_a_stretch_is_read_once_more() {
        let failed = BTreeSet::from([Seq(2)]);
        let still_waiting = failed.clone();
        let mut failing = Failing { reader: "detect", failed, still_waiting, news: Steps::default() };
        let ids = ["step/detect/2".to_owned()];
        assert!(failing.own(&ids).is_empty());
        failing.restored();
        assert_eq!(failing.own(&ids), [Seq(2)]);
    }
}
