//! Dead letters: what was given up, with its history, and what can be done about it.

use super::frame::{Frame, Section};
use super::time::TimeView;
use super::{text, words};
use crate::web::api::undelivered::UndeliveredView;
use askama::Template;

/// Characters of a reason that the page shows.
const WHY_CHARS_MAX: usize = 400;

/// What `undelivered.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "undelivered.html")]
pub struct UndeliveredPage {
    /// Around it.
    pub frame: Frame,
    /// Why the last decision was refused.
    pub refusal: Option<String>,
    /// Of which target they are; empty for all.
    pub target: String,
    /// The targets to choose from: name, and where its dead letters are.
    pub targets: Vec<(String, String)>,
    /// How many, in words.
    pub count: String,
    /// The letters.
    pub letters: Vec<LetterRow>,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub struct LetterRow {
    /// Its id.
    pub id: String,
    /// To which target.
    pub target: String,
    /// By which route.
    pub route: String,
    /// The page of its alert.
    pub alert: String,
    /// Why it was given up.
    pub reason: String,
    /// After how many tries.
    pub attempts: String,
    /// When it was first tried in vain.
    pub first: Option<TimeView>,
    /// When it was given up.
    pub last: Option<TimeView>,
    /// The tries that failed.
    pub failures: Vec<(TimeView, String)>,
}

impl UndeliveredPage {
    /// The page of those letters of `target`, among those targets.
    pub fn new(
        frame: Frame,
        letters: &[UndeliveredView],
        target: String,
        targets: Vec<String>,
    ) -> UndeliveredPage {
        UndeliveredPage {
            frame: frame.titled("Dead letters", Section::Notifications),
            refusal: None,
            target,
            targets: targets.into_iter().map(|name| (text::cell(Some(&name)), address(&name))).collect(),
            count: words::counted(letters.len() as u64, "dead letter"),
            letters: letters.iter().map(LetterRow::from).collect(),
        }
    }
}

impl From<&UndeliveredView> for LetterRow {
    fn from(letter: &UndeliveredView) -> LetterRow {
        let failures = letter.failures.iter();
        LetterRow {
            id: letter.id.to_string(),
            target: text::cell(Some(&letter.target)),
            route: text::cell(Some(&letter.route)),
            alert: format!("/alerts/{}", letter.alert_id),
            reason: text::short(&letter.reason, WHY_CHARS_MAX),
            attempts: words::tries(letter.tries),
            first: letter.first_failure.map(TimeView::from),
            last: letter.last_failure.map(TimeView::from),
            failures: failures
                .map(|failed| (TimeView::from(failed.at), text::short(&failed.cause, WHY_CHARS_MAX)))
                .collect(),
        }
    }
}

/// Where the dead letters of that target are; of all for an empty name.
pub fn address(target: &str) -> String {
    super::address::address("/notifications/dead-letters", [("target", target)])
}
