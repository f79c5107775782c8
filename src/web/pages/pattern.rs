//! One pattern: what it looks for, its settings, and what a change of them would have raised.

use super::badge::Badge;
use super::frame::{Frame, Section};
use super::patterns::{alerts_of, limit};
use super::rule::rule;
use super::setting::origin_words;
use super::time::TimeView;
use super::{address::address, text, words};
use crate::config::{Field, Origin, PatternForm, Wrong};
use crate::detect::Settings;
use crate::model::{Alert, Override, Severity};
use crate::readers::{Preview, PreviewRun};
use askama::Template;
use std::collections::BTreeMap;

/// Alerts that the page lists of those that would be new, and of those that would be gone.
const LISTED: usize = 20;

/// What `pattern.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "pattern.html")]
pub struct PatternPage {
    /// Around it.
    pub frame: Frame,
    /// Its address.
    pub path: String,
    /// What people call it.
    pub title: &'static str,
    /// Its name in settings.
    pub name: &'static str,
    /// What an event must be like to count.
    pub rule: &'static str,
    /// When it fires, in words.
    pub limit: String,
    /// How serious its alerts are.
    pub severity: Badge,
    /// Whether it is looked for.
    pub state: Badge,
    /// All its alerts.
    pub alerts_href: String,
    /// Whose settings these are, as the form sends it; empty for all.
    pub organization: String,
    /// The same to be looked at.
    pub organization_shown: String,
    /// The settings.
    pub fields: Vec<FieldView>,
    /// The organisations with settings of their own: name and page.
    pub organizations: Vec<(String, String)>,
    /// Whether the user may try other values.
    pub can_preview: bool,
    /// Whether the user may change them.
    pub can_change: bool,
    /// How many days a preview goes back.
    pub days: String,
    /// What is wrong with it.
    pub days_error: Option<String>,
    /// What came of the last step.
    pub notice: Option<Notice>,
    /// What the values of the form would have raised.
    pub preview: Option<PreviewView>,
}

/// A message on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The colour.
    pub tone: &'static str,
    /// The symbol.
    pub icon: &'static str,
    /// What is said.
    pub text: String,
}

impl Notice {
    /// Something worked.
    pub fn good(text: impl Into<String>) -> Notice {
        Notice { tone: "good", icon: "check", text: text.into() }
    }

    /// Something did not.
    pub fn bad(text: impl Into<String>) -> Notice {
        Notice { tone: "critical", icon: "critical", text: text.into() }
    }
}

/// How a field is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of a few.
    Select,
    /// A whole number.
    Number,
    /// A line.
    Line,
    /// Some lines.
    Lines,
}

/// One field of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldView {
    /// Its name.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// How it is filled in.
    pub kind: Kind,
    /// What stands in it.
    pub value: String,
    /// The value in force, in words.
    pub in_force: String,
    /// The choices of a select: value, word, chosen.
    pub choices: Vec<(&'static str, &'static str, bool)>,
    /// What it means.
    pub hint: &'static str,
    /// What is wrong with it.
    pub error: Option<String>,
    /// Where the value in force comes from.
    pub origin: String,
    /// When someone changed it.
    pub changed: Option<TimeView>,
}

/// What the page is made of.
pub struct PatternData<'d> {
    /// Which settings.
    pub form: &'d PatternForm,
    /// Those in force.
    pub settings: &'d Settings,
    /// What was changed at run time, by key.
    pub changed: &'d BTreeMap<String, Override>,
    /// Where the value of each field comes from.
    pub origins: Vec<(Field, Origin)>,
    /// What was typed.
    pub texts: Vec<(Field, String)>,
    /// What is wrong with it.
    pub wrong: Vec<Wrong>,
    /// The organisations with settings of their own.
    pub organizations: Vec<String>,
    /// Whether the user may try other values, and keep them.
    pub can: (bool, bool),
    /// How many days a preview goes back, as it was typed.
    pub days: String,
    /// What is wrong with it.
    pub days_error: Option<String>,
    /// What came of the last step.
    pub notice: Option<Notice>,
    /// The preview that was asked for.
    pub preview: Option<PreviewView>,
}

impl PatternPage {
    /// The page of these data.
    pub fn new(frame: Frame, data: PatternData<'_>) -> PatternPage {
        let PatternForm { pattern, organization } = data.form;
        let table = data.settings.for_organization(organization.as_deref());
        let path = format!("/patterns/{}", pattern.name());
        let link = |name: &String| (text::cell(Some(name)), address(&path, [("org", name.as_str())]));
        PatternPage {
            frame: frame.titled(pattern.title(), Section::Patterns),
            title: pattern.title(),
            name: pattern.name(),
            rule: rule(*pattern),
            limit: limit(table, *pattern),
            severity: table.get(*pattern).severity.into(),
            state: Badge::of_switch(table.get(*pattern).enabled),
            alerts_href: alerts_of(*pattern),
            organization: organization.clone().unwrap_or_default(),
            organization_shown: text::cell(organization.as_deref()),
            fields: Field::of(*pattern).iter().map(|field| FieldView::new(*field, &data)).collect(),
            organizations: data.organizations.iter().map(link).collect(),
            path,
            can_preview: data.can.0,
            can_change: data.can.1,
            days: data.days,
            days_error: data.days_error,
            notice: data.notice,
            preview: data.preview,
        }
    }
}

impl FieldView {
    fn new(field: Field, data: &PatternData<'_>) -> FieldView {
        let (label, kind, hint) = about(field);
        let present = field.text(data.settings, data.form);
        let typed = data.texts.iter().find(|(known, _)| *known == field).map(|(_, text)| text.clone());
        let value = typed.unwrap_or_else(|| present.clone());
        let changed = data.changed.get(&data.form.key(field));
        let origin = data.origins.iter().find(|(known, _)| *known == field);
        let wrong = data.wrong.iter().filter(|wrong| wrong.field == field);
        let errors: Vec<String> = wrong.map(|wrong| text::short(&wrong.message, 300)).collect();
        FieldView {
            name: field.name(),
            label,
            kind,
            choices: choices(field, &value),
            in_force: in_words(field, &present),
            value,
            hint,
            error: (!errors.is_empty()).then(|| errors.join("; ")),
            origin: match (changed, origin) {
                (Some(row), _) => format!("changed here by {}", text::cell(Some(&row.by))),
                (None, Some((_, Origin::Default))) if data.form.organization.is_some() => {
                    "as for all organisations".to_owned()
                }
                (None, origin) => origin.map(|(_, origin)| origin_words(origin)).unwrap_or_default(),
            },
            changed: changed.map(|row| row.at.into()),
        }
    }
}

fn about(field: Field) -> (&'static str, Kind, &'static str) {
    match field {
        Field::Enabled => ("Looked for", Kind::Select, "Off: no event counts towards it."),
        Field::Threshold => {
            ("Threshold", Kind::Number, "So many matching events make it fire: 1 to 100,000.")
        }
        Field::Timespan => (
            "Timespan in seconds",
            Kind::Number,
            "Within so long: 0 to 604,800 (a week); 0 only with threshold 1.",
        ),
        Field::Severity => ("Severity", Kind::Select, "How serious its alerts are."),
        Field::Cooldown => (
            "Cooldown in seconds",
            Kind::Number,
            "So long after telling people of an alert they are not told again: 0 to 604,800.",
        ),
        Field::Hours => (
            "Hours when nobody works",
            Kind::Line,
            "From–until, such as 22–6; several with commas; empty for none.",
        ),
        Field::TimeZone => ("Time zone", Kind::Line, "Where the clocks stand, such as Europe/Berlin."),
        Field::Weekends => ("Weekends", Kind::Select, "Whether nobody works on Saturday and Sunday."),
        Field::Holidays => {
            ("Holidays", Kind::Lines, "Days when nobody works, such as 2026-12-25; blanks between them.")
        }
    }
}

fn choices(field: Field, value: &str) -> Vec<(&'static str, &'static str, bool)> {
    let switch = |on, off| vec![("true", on, value == "true"), ("false", off, value == "false")];
    match field {
        Field::Enabled => switch("On", "Off"),
        Field::Weekends => switch("Nobody works", "As on other days"),
        Field::Severity => {
            let choice = |severity: Severity| {
                (severity.name(), Badge::from(severity).word, severity.name().eq_ignore_ascii_case(value))
            };
            Severity::ALL.into_iter().map(choice).collect()
        }
        _ => Vec::new(),
    }
}

/// A value as people read it.
fn in_words(field: Field, value: &str) -> String {
    let chosen = choices(field, value).into_iter().find(|(_, _, chosen)| *chosen);
    match field {
        Field::Timespan | Field::Cooldown => value.parse().map(words::span).unwrap_or_default(),
        _ if value.is_empty() => "none".to_owned(),
        _ => chosen.map_or_else(|| text::short(value, 300), |(_, word, _)| word.to_owned()),
    }
}

/// What the values of the form would have raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewView {
    /// How far it came, while it is not done: percent, in words, and where it goes on.
    pub going_on: Option<(u64, String, String)>,
    /// What was looked at, in words.
    pub looked_at: String,
    /// Whether a run had more alerts than are kept, so that both ended there.
    pub full: bool,
    /// Under the present settings.
    pub present: RunView,
    /// Under those of the form.
    pub proposed: RunView,
    /// Alerts by day, with both.
    pub days: Vec<(String, String, String)>,
    /// Alerts that would be new: how many, and the first of them.
    pub new: (String, Vec<RaisedRow>),
    /// Alerts that would be gone.
    pub gone: (String, Vec<RaisedRow>),
}

/// What came of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunView {
    /// How many alerts.
    pub alerts: String,
    /// How often people are told.
    pub notified: String,
}

/// An alert of a preview as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaisedRow {
    /// Whom it is about.
    pub key: String,
    /// Whose events.
    pub organization: String,
    /// How many events counted.
    pub count: String,
    /// When it fired first, by the events' own time.
    pub first: TimeView,
}

impl PreviewView {
    /// What the preview shows so far; `again` is the address that goes on with it.
    pub fn new(preview: &Preview, days: u64, again: String) -> PreviewView {
        let (read, total) = preview.progress();
        let difference = preview.difference();
        let percent = (read * 100).checked_div(total).unwrap_or(100);
        let so_far = format!("{} of {} entries", words::count(read), words::count(total));
        PreviewView {
            going_on: (!preview.is_done()).then_some((percent, so_far, again)),
            looked_at: format!(
                "{} received in the last {}",
                words::counted(preview.events(), "event"),
                words::counted(days, "day")
            ),
            full: preview.present().full || preview.proposed().full,
            present: RunView::from(preview.present()),
            proposed: RunView::from(preview.proposed()),
            days: by_day(&preview.present().alerts, &preview.proposed().alerts),
            new: listed(&difference.new),
            gone: listed(&difference.gone),
        }
    }
}

impl From<&PreviewRun> for RunView {
    fn from(run: &PreviewRun) -> RunView {
        RunView { alerts: words::count(run.alerts.len() as u64), notified: words::count(run.notified) }
    }
}

fn listed(alerts: &[&Alert]) -> (String, Vec<RaisedRow>) {
    let row = |alert: &&Alert| RaisedRow {
        key: text::cell(Some(&alert.key)),
        organization: text::cell(alert.organization.as_deref()),
        count: words::count(alert.evidence.count),
        first: alert.first_fired_at.into(),
    };
    (words::counted(alerts.len() as u64, "alert"), alerts.iter().take(LISTED).map(row).collect())
}

/// By the day (UTC) on which they were raised.
fn by_day(present: &[Alert], proposed: &[Alert]) -> Vec<(String, String, String)> {
    let mut days: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    for (index, alerts) in [present, proposed].into_iter().enumerate() {
        for alert in alerts {
            let day = alert.created_at.timestamp().strftime("%Y-%m-%d").to_string();
            days.entry(day).or_default()[index] += 1;
        }
    }
    days.into_iter().map(|(day, [one, other])| (day, words::count(one), words::count(other))).collect()
}
