//! The dead letters: work that failed for good, why, and what to do about it.

use super::frame::{Frame, Section};
use super::time::TimeView;
use super::{text, words};
use crate::model::{DeadLetter, DeadLetterKind};
use askama::Template;

/// Letters that the page lists.
const LETTERS_SHOWN_MAX: usize = 200;
/// Characters of a cause that are shown.
const CAUSE_CHARS: usize = 400;

/// What `dead_letters.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "dead_letters.html")]
pub struct DeadLettersPage {
    /// Around it.
    pub frame: Frame,
    /// The letters.
    pub rows: Vec<LetterRow>,
    /// How many there are, in words.
    pub total: String,
    /// How many are not listed, where any is not.
    pub more: Option<String>,
    /// Whether whoever looks may decide about them.
    pub can_decide: bool,
}

/// One letter as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterRow {
    /// Its id.
    pub id: String,
    /// What the work was.
    pub what: String,
    /// Why it failed last.
    pub cause: String,
    /// How often it failed.
    pub tries: String,
    /// When it failed first.
    pub first: TimeView,
    /// When it failed last.
    pub last: TimeView,
}

impl DeadLettersPage {
    /// The page of these letters.
    pub fn new(frame: Frame, letters: &[DeadLetter], can_decide: bool) -> DeadLettersPage {
        let more = letters.len().saturating_sub(LETTERS_SHOWN_MAX) as u64;
        DeadLettersPage {
            frame: frame.titled("Dead letters", Section::Health),
            rows: letters.iter().take(LETTERS_SHOWN_MAX).map(LetterRow::from).collect(),
            total: words::counted(letters.len() as u64, "dead letter"),
            more: (more > 0).then(|| words::count(more)),
            can_decide,
        }
    }
}

impl From<&DeadLetter> for LetterRow {
    fn from(letter: &DeadLetter) -> LetterRow {
        let (first, last) = letter.span();
        let worker = text::cell(Some(&letter.worker));
        let cause = letter.failures.last().map(|failure| text::short(&failure.cause, CAUSE_CHARS));
        LetterRow {
            id: letter.id.clone(),
            what: match letter.kind {
                DeadLetterKind::Step => format!("the {worker} reader at entry {}", letter.seq),
            },
            cause: cause.unwrap_or_default(),
            tries: words::count(letter.tries.into()),
            first: TimeView::from(first),
            last: TimeView::from(last),
        }
    }
}
