//! The list of patterns: what each looks for, and when it fires.

use super::address::address;
use super::badge::Badge;
use super::frame::{Frame, Section};
use super::rule::rule;
use super::words;
use crate::detect::PatternTable;
use crate::model::Pattern;
use askama::Template;
use std::collections::HashMap;

/// What `patterns.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "patterns.html")]
pub struct PatternsPage {
    /// Around it.
    pub frame: Frame,
    /// Each pattern.
    pub rows: Vec<PatternRow>,
    /// How many organisations have settings of their own, in words; empty where none has.
    pub organizations: String,
}

/// One pattern as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternRow {
    /// Its page.
    pub href: String,
    /// What people call it.
    pub title: &'static str,
    /// What an event must be like to count.
    pub rule: &'static str,
    /// When it fires, in words.
    pub limit: String,
    /// How serious its alerts are.
    pub severity: Badge,
    /// Whether it is looked for.
    pub state: Badge,
    /// How many alerts it raised in the last seven days.
    pub recent: String,
    /// All its alerts.
    pub alerts_href: String,
}

impl PatternsPage {
    /// The page of these settings; `recent` counts the alerts of the last seven days that the user may see.
    pub fn new(
        frame: Frame,
        table: &PatternTable,
        recent: &HashMap<Pattern, u64>,
        organizations: u64,
    ) -> PatternsPage {
        let row = |pattern: Pattern| PatternRow {
            href: format!("/patterns/{}", pattern.name()),
            title: pattern.title(),
            rule: rule(pattern),
            limit: limit(table, pattern),
            severity: table.get(pattern).severity.into(),
            state: Badge::of_switch(table.get(pattern).enabled),
            recent: words::count(recent.get(&pattern).copied().unwrap_or_default()),
            alerts_href: alerts_of(pattern),
        };
        PatternsPage {
            frame: frame.titled("Patterns", Section::Patterns),
            rows: Pattern::ALL.into_iter().map(row).collect(),
            organizations: if organizations == 0 {
                String::new()
            } else {
                words::counted(organizations, "organisation")
            },
        }
    }
}

/// Where all alerts of a pattern are listed.
pub fn alerts_of(pattern: Pattern) -> String {
    address("/alerts", [("status", "all"), ("pattern", pattern.name())])
}

/// When a pattern fires: `5 within 5 minutes`.
pub fn limit(table: &PatternTable, pattern: Pattern) -> String {
    let settings = table.get(pattern);
    match (Pattern::WINDOWED.contains(&pattern), settings.threshold, settings.timespan_secs) {
        (false, ..) | (true, 1, _) => "a single event".to_owned(),
        (true, threshold, 0) => format!("{} at the same instant", words::count(threshold)),
        (true, threshold, timespan) => {
            format!("{} within {}", words::count(threshold), words::span(timespan))
        }
    }
}
