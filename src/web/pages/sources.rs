//! The sources: what each sends, how much, how well verified, and when it was last heard of.

use super::badge::Badge;
use super::frame::{Frame, Section};
use super::time::TimeView;
use super::{text, words};
use crate::model::{ReceivedAt, Verdict};
use crate::store::Account;
use askama::Template;
use jiff::Timestamp;

/// A source that was not heard of for so long is called silent: a day.
const SILENT_SECS: i64 = 86_400;
/// Sources that the page lists.
const SOURCES_SHOWN_MAX: usize = 500;

/// What `sources.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "sources.html")]
pub struct SourcesPage {
    /// Around it.
    pub frame: Frame,
    /// The sources.
    pub rows: Vec<SourceRow>,
    /// How many there are, in words.
    pub total: String,
}

/// What is known of one source. The handler reads it.
#[derive(Clone, Debug)]
pub struct SourceData {
    /// The name of its API key.
    pub name: String,
    /// The organisation that the key is bound to.
    pub organization: Option<String>,
    /// Whether the key was ended.
    pub revoked: bool,
    /// Whether the key may send.
    pub sends: bool,
    /// Its books.
    pub account: Account,
    /// How many of its events have each verdict.
    pub verdicts: [(Verdict, u64); 5],
    /// When it sent the last event that was stored.
    pub last_seen: Option<ReceivedAt>,
}

/// One source as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// Its name.
    pub name: String,
    /// Its organisation; empty where it is good for all.
    pub organization: String,
    /// How it is.
    pub state: Badge,
    /// Events that came in.
    pub received: String,
    /// Newly in the log.
    pub stored: String,
    /// In the log before.
    pub duplicate: String,
    /// Refused.
    pub rejected: String,
    /// Whether any was refused.
    pub any_rejected: bool,
    /// The verdicts that there are, with their shares.
    pub verdicts: Vec<(Badge, String)>,
    /// When it was last heard of.
    pub last_seen: Option<TimeView>,
    /// For how long it has been silent, in words.
    pub silent: String,
}

impl SourcesPage {
    /// The page of these sources, as of `now`.
    pub fn new(frame: Frame, sources: Vec<SourceData>, now: Timestamp) -> SourcesPage {
        SourcesPage {
            frame: frame.titled("Sources", Section::Sources),
            total: words::counted(sources.len() as u64, "source"),
            rows: sources.iter().take(SOURCES_SHOWN_MAX).map(|source| SourceRow::new(source, now)).collect(),
        }
    }
}

impl SourceRow {
    fn new(source: &SourceData, now: Timestamp) -> SourceRow {
        let silence = source.last_seen.map(|at| now.duration_since(at.timestamp()).as_secs().max(0));
        let checked: u64 = source.verdicts.iter().map(|(_, count)| count).sum();
        let verdicts = source.verdicts.iter().filter(|(_, count)| *count > 0);
        let Account { received, stored, duplicate, rejected } = source.account;
        SourceRow {
            name: text::cell(Some(&source.name)),
            organization: text::cell(source.organization.as_deref()),
            state: state(source.revoked, silence),
            received: words::count(received),
            stored: words::count(stored),
            duplicate: words::count(duplicate),
            rejected: words::count(rejected),
            any_rejected: rejected > 0,
            verdicts: verdicts
                .map(|(verdict, count)| (Badge::from(*verdict), words::percent(*count, checked)))
                .collect(),
            last_seen: source.last_seen.map(TimeView::from),
            silent: silence.map(|secs| words::span(secs.unsigned_abs())).unwrap_or_default(),
        }
    }
}

fn state(revoked: bool, silence_secs: Option<i64>) -> Badge {
    match (revoked, silence_secs) {
        (true, _) => Badge { icon: "minus", word: "Revoked", tone: "info" },
        (false, None) => Badge { icon: "question", word: "Never heard of", tone: "info" },
        (false, Some(secs)) if secs >= SILENT_SECS => Badge { icon: "pause", word: "Silent", tone: "medium" },
        (false, Some(_)) => Badge { icon: "check", word: "Sending", tone: "good" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_silent_after_a_day() {
        let word = |revoked, silence| state(revoked, silence).word;
        assert_eq!(word(false, Some(SILENT_SECS - 1)), "Sending");
        assert_eq!(word(false, Some(SILENT_SECS)), "Silent");
        assert_eq!(word(false, None), "Never heard of");
        assert_eq!(word(true, Some(0)), "Revoked");
    }

    #[test]
    fn a_row_shows_the_shares_of_the_verdicts_that_there_are() {
        let mut verdicts = Verdict::ALL.map(|verdict| (verdict, 0));
        (verdicts[0].1, verdicts[1].1) = (3, 1);
        let at = ReceivedAt(1_688_990_087_000_000_000);
        let source = SourceData {
            name: "app".into(),
            organization: None,
            revoked: false,
            sends: true,
            account: Account { received: 6, stored: 4, duplicate: 1, rejected: 1 },
            verdicts,
            last_seen: Some(at),
        };
        let later = at.timestamp() + jiff::SignedDuration::from_secs(90);
        let row = SourceRow::new(&source, later);
        let shares: Vec<&str> = row.verdicts.iter().map(|(_, share)| share.as_str()).collect();
        assert_eq!((shares, row.silent.as_str()), (vec!["75.0 %", "25.0 %"], "1 minute 30 seconds"));
        assert!(row.any_rejected);
    }
}
