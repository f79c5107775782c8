//! What became of a step on many alerts.

use super::frame::{Frame, Section};
use super::{text, words};
use crate::detect;
use crate::model::{Alert, AlertChange};
use askama::Template;
use uuid::Uuid;

/// What `bulk.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "bulk.html")]
pub struct BulkPage {
    /// Around it.
    pub frame: Frame,
    /// How many were changed, in words.
    pub changed: String,
    /// How many could not be, in words.
    pub unchanged: String,
    /// Those, and why.
    pub untouched: Vec<Untouched>,
    /// The list that they were chosen from.
    pub back: String,
}

/// An alert that could not be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untouched {
    /// Its page.
    pub href: String,
    /// What it is, as far as the user may know.
    pub title: String,
    /// Why it stayed as it is.
    pub why: String,
}

impl Untouched {
    /// The alert of that id; without `alert` there is none that the user may see.
    pub fn new(id: Uuid, alert: Option<&Alert>, why: &str) -> Untouched {
        Untouched {
            href: format!("/alerts/{id}"),
            title: alert.map_or_else(
                || id.to_string(),
                |alert| text::short(&detect::title(alert.pattern, &alert.key), 200),
            ),
            why: text::short(why, 400),
        }
    }
}

impl BulkPage {
    /// The page that says that `changed` alerts were changed, and these were not.
    pub fn new(
        frame: Frame,
        change: AlertChange,
        changed: u64,
        untouched: Vec<Untouched>,
        back: String,
    ) -> BulkPage {
        let name = change.name();
        let title = match changed {
            0 => format!("No alert was {name}"),
            1 => format!("1 alert was {name}"),
            _ => format!("{} were {name}", words::counted(changed, "alert")),
        };
        BulkPage {
            frame: frame.titled(title.clone(), Section::Alerts),
            changed: title,
            unchanged: words::counted(untouched.len() as u64, "alert"),
            untouched,
            back,
        }
    }
}
