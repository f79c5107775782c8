//! The help: keys, search, times.

use super::frame::{Frame, Section};
use super::search_help::{self, Example, FieldHelp};
use askama::Template;

/// What `help.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "help.html")]
pub struct HelpPage {
    /// Around it.
    pub frame: Frame,
    /// The keys of the keyboard that do something, and what.
    pub keys: [(&'static [&'static str], &'static str); 11],
    /// Search texts that can be tried.
    pub examples: Vec<Example>,
    /// Every field of a search text.
    pub fields: Vec<FieldHelp>,
    /// How large a search text may be.
    pub bounds: [String; 4],
}

impl HelpPage {
    /// The help.
    pub fn new(frame: Frame) -> HelpPage {
        HelpPage {
            frame: frame.titled("Help", Section::Help),
            keys: KEYS,
            examples: search_help::examples(),
            fields: search_help::fields(),
            bounds: search_help::bounds(),
        }
    }
}

/// As `static/keys.js` has them.
const KEYS: [(&[&str], &str); 11] = [
    (&["/"], "Go to the search field, or to the first filter"),
    (&["j"], "Next row of a list"),
    (&["k"], "Row before"),
    (&["Enter"], "Open the row"),
    (&["x"], "Tick the row, or untick it (alerts)"),
    (&["a"], "Acknowledge: the ticked alerts, else the row’s, or the alert that is open"),
    (&["g", "o"], "Go to the overview"),
    (&["g", "a"], "Go to the alerts"),
    (&["g", "e"], "Go to the events"),
    (&["g", "l"], "Go to the live tail of events"),
    (&["?"], "This help"),
];
