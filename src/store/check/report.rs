//! What a check of the log found, with intact and complete told apart.

use crate::model::{Hash, ReceivedAt};
use serde::{Deserialize, Serialize};

/// Findings of one kind that are kept; more are only counted.
const FINDINGS_KEPT: usize = 100;

/// What a check of the log found. Whatever is neither read nor compared stands in `not_checked`, and is never called
/// good.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Entries that the log had when the check began.
    pub entries: u64,
    /// Events among them.
    pub events: u64,
    /// Checkpoints that were compared with the tree.
    pub checkpoints: u64,
    /// Alerts that the log tells of.
    pub alerts: u64,
    /// The root of the tree, computed from the entries.
    #[serde(with = "hex::serde")]
    pub root: Hash,
    /// Whether every entry could be read. What one that cannot be read said may be missing elsewhere.
    pub all_read: bool,
    /// What there is, but not as it was written.
    pub altered: Findings,
    /// What must be there, and is not.
    pub missing: Findings,
    /// The first entry that is wrong or missing.
    pub first_wrong: Option<u64>,
    /// How far the log is signed; `None` where no checkpoint holds.
    pub signed: Option<Signed>,
    /// What this check says nothing about, in words.
    pub not_checked: Vec<String>,
}

/// Up to where a log is signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signed {
    /// Entries that the newest checkpoint covers.
    pub size: u64,
    /// When it was signed.
    pub at: ReceivedAt,
    /// The key that signed it, as C2SP signed-note writes verifier keys.
    pub key: String,
}

/// Things that are wrong: how many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// How many there are in all.
    pub count: u64,
    /// The first hundred.
    pub first: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The first entry that it concerns, where it concerns one.
    pub entry: Option<u64>,
    /// What it is.
    pub what: String,
}

/// Which question a finding answers with no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Is everything as it was written?
    Altered,
    /// Is everything there?
    Missing,
}

impl Report {
    /// Whether what is there is as it was written; `None` where it could not be read.
    pub fn is_intact(&self) -> Option<bool> {
        self.answer(&self.altered)
    }

    /// Whether nothing is missing that must be there; `None` where
    /// entries could not be read.
    pub fn is_complete(&self) -> Option<bool> {
        self.answer(&self.missing)
    }

    /// Whether it is known to be intact and complete.
    pub fn is_whole(&self) -> bool {
        self.is_intact() == Some(true) && self.is_complete() == Some(true)
    }

    /// How much is wrong in all.
    pub fn findings(&self) -> u64 {
        self.altered.count + self.missing.count
    }

    /// The finding about the earliest entry, in words.
    pub fn first_finding(&self) -> Option<String> {
        let all = self.altered.first.iter().chain(&self.missing.first);
        all.min_by_key(|finding| finding.entry.unwrap_or(u64::MAX)).map(Finding::to_string)
    }

    /// How many entries no checkpoint covers yet.
    pub fn unsigned_entries(&self) -> u64 {
        self.entries - self.signed.as_ref().map_or(0, |signed| signed.size.min(self.entries))
    }

    /// Enters what a caller found beside the log, such as in the file of the key.
    pub fn note_altered(&mut self, what: impl ToString) {
        self.note(Fault::Altered, None, what);
    }

    /// A log of which nothing could be read, and why.
    pub fn unreadable(what: impl ToString) -> Report {
        let mut report = Report::default();
        report.note_altered(what);
        report
    }

    pub(super) fn note(&mut self, fault: Fault, entry: Option<u64>, what: impl ToString) {
        let findings = match fault {
            Fault::Altered => &mut self.altered,
            Fault::Missing => &mut self.missing,
        };
        findings.count += 1;
        if findings.first.len() < FINDINGS_KEPT {
            findings.first.push(Finding { entry, what: what.to_string() });
        }
        if let Some(entry) = entry {
            self.first_wrong = Some(self.first_wrong.map_or(entry, |first| first.min(entry)));
        }
    }

    fn answer(&self, findings: &Findings) -> Option<bool> {
        (findings.count > 0 || self.all_read).then_some(findings.count == 0)
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "entry {entry}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}
