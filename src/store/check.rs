//! Checking a log against itself: every block, entry, tile, checkpoint, id and alert.
//!
//! One walk from the first entry to the last that was there at the call, in short transactions, so that it can be made
//! of a log that goes on growing. What it does not look at, its report says.

mod report;
mod piece;
mod evidence;
mod signatures;
mod alerts;
mod books;
mod order;
mod walk;
mod pages;

pub use report::{Finding, Findings, Report, Signed};

use super::open::Store;
use crate::merkle::{Note, Verifier};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use walk::Walk;

/// What someone who keeps things outside of the log wants to find in it.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    /// Keys of the log: its first, its present or any other that it named.
    pub keys: Vec<Verifier>,
    /// Checkpoints that it signed.
    pub checkpoints: Vec<Note>,
}

/// How far a check has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckProgress {
    /// Entries that were checked.
    pub entries: u64,
    /// Entries that there are to check.
    pub of: u64,
    /// Bytes of blocks that were read.
    pub bytes: u64,
}

impl Store {
    /// Reads the log from its first entry to the last that was there at the call, and compares it with its tree, its
    /// checkpoints and everything that was made from it. `threads` read ahead. `progress` is told after each few
    /// blocks, and can end the check, which then has no report.
    pub fn check(
        &self,
        anchors: &Anchors,
        threads: usize,
        mut progress: impl FnMut(CheckProgress) -> ControlFlow<()>,
    ) -> Option<Report> {
        let mut report = Report::default();
        // A damaged file can make the database panic; that is a finding, and what was found before it stays.
        let run = AssertUnwindSafe(|| {
            Walk::begin(self, anchors, threads, &mut report)?.run(&mut report, &mut progress)
        });
        match catch_unwind(run) {
            Ok(Ok(ControlFlow::Continue(()))) => {}
            Ok(Ok(ControlFlow::Break(()))) => return None,
            Ok(Err(error)) => report.note_altered(error),
            Err(_) => report.note_altered("the database panicked while it was read"),
        }
        report.not_checked.push(
            "what does not come from the log: users, sessions, API keys, remembered answers, the detection windows".to_owned(),
        );
        Some(report)
    }
}

#[cfg(test)]
pub(super) mod tests;
