//! The sources: what each sends, how much, how well verified, and when it was last heard of.

use super::badge::Badge;
use super::frame::{Frame, Section};
use super::time::TimeView;
use super::{text, words};
use crate::counters::Sequence;
use crate::store::Account;
use crate::web::sources::SourceData;
use askama::Template;
use jiff::Timestamp;

/// A source that was not heard of for so long is called silent: a day.
const SILENT_SECS: i64 = 86_400;
/// Sources that the page lists.
const SOURCES_SHOWN_MAX: usize = 500;
/// Gaps that a row names, the newest.
const GAPS_SHOWN: usize = 3;

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
    /// Its running numbers that have not come; `None` where it gives its events none.
    pub missing: Option<String>,
    /// The newest gaps in them.
    pub gaps: String,
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
            state: state(source.revoked, silence, source.silence.map(|(_, is_silent)| is_silent)),
            received: words::count(received),
            stored: words::count(stored),
            duplicate: words::count(duplicate),
            rejected: words::count(rejected),
            any_rejected: rejected > 0,
            missing: source.sequence.as_ref().map(|sequence| words::count(sequence.missing)),
            gaps: source.sequence.as_ref().map(gaps).unwrap_or_default(),
            verdicts: verdicts
                .map(|(verdict, count)| (Badge::from(*verdict), words::percent(*count, checked)))
                .collect(),
            last_seen: source.last_seen.map(TimeView::from),
            silent: silence.map(|secs| words::span(secs.unsigned_abs())).unwrap_or_default(),
        }
    }
}

/// `is_silent` is known where the settings say for how long it may be.
fn state(revoked: bool, silence_secs: Option<i64>, is_silent: Option<bool>) -> Badge {
    let is_silent = is_silent.unwrap_or(silence_secs.is_some_and(|secs| secs >= SILENT_SECS));
    match (revoked, silence_secs) {
        (true, _) => Badge { icon: "minus", word: "Revoked", tone: "info" },
        (false, _) if is_silent => Badge { icon: "pause", word: "Silent", tone: "medium" },
        (false, None) => Badge { icon: "question", word: "Never heard of", tone: "info" },
        (false, Some(_)) => Badge { icon: "check", word: "Sending", tone: "good" },
    }
}

/// `7, 9–12` and, where there are more, `…, 7, 9–12`.
fn gaps(sequence: &Sequence) -> String {
    let gap = |(first, last): &(i64, i64)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    let begin = sequence.gaps.len().saturating_sub(GAPS_SHOWN);
    let more = (begin > 0).then(|| "…".to_owned());
    more.into_iter().chain(sequence.gaps[begin..].iter().map(gap)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ReceivedAt, Verdict};

    #[test]
    fn a_source_is_silent_after_a_day() {
        let word = |revoked, silence| state(revoked, silence, None).word;
        assert_eq!(word(false, Some(SILENT_SECS - 1)), "Sending");
        assert_eq!(word(false, Some(SILENT_SECS)), "Silent");
        assert_eq!(word(false, None), "Never heard of");
        assert_eq!(word(true, Some(0)), "Revoked");
        assert_eq!(state(false, Some(90), Some(true)).word, "Silent", "where it may be for a minute only");
        assert_eq!(state(false, Some(SILENT_SECS), Some(false)).word, "Sending");
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
            silence: None,
            sequence: Some(Sequence {
                gaps: vec![(1, 1), (3, 3), (5, 8), (10, 10)],
                missing: 7,
                ..Sequence::new(11)
            }),
        };
        let later = at.timestamp() + jiff::SignedDuration::from_secs(90);
        let row = SourceRow::new(&source, later);
        let shares: Vec<&str> = row.verdicts.iter().map(|(_, share)| share.as_str()).collect();
        assert_eq!((shares, row.silent.as_str()), (vec!["75.0 %", "25.0 %"], "1 minute 30 seconds"));
        assert!(row.any_rejected);
        assert_eq!((row.missing.as_deref(), row.gaps.as_str()), (Some("7"), "…, 3, 5–8, 10"));
    }
}
