//! The page for people in a bundle of evidence: one file that needs nothing else, to be read and printed.

use super::rule::rule;
use super::time::TimeView;
use super::{text, words};
use crate::decode;
use crate::detect;
use crate::evidence::{Exhibit, ProvedEntry};
use crate::model::{Activity, AlertChange, AuditEvent, EntryKind};
use askama::Template;

/// Characters of an explanation, and of a note.
const WORDS_CHARS_MAX: usize = 10_000;

/// What `evidence.html` shows. A function of the exhibit alone, so that a check can write it again and compare.
#[derive(Clone, Debug, Template)]
#[template(path = "evidence.html")]
pub struct EvidencePage {
    /// What was found.
    pub title: &'static str,
    /// Whom it is about.
    pub key: String,
    /// Why it was raised, in a sentence or two.
    pub explanation: String,
    /// Facts about the alert: what each is, and its value.
    pub facts: Vec<(&'static str, String)>,
    /// What an event must be like to count.
    pub rule: &'static str,
    /// The settings of the rule, then and now.
    pub limits: Vec<(&'static str, String)>,
    /// The events.
    pub events: Vec<EventLine>,
    /// Events that counted and are not named.
    pub not_named: Option<String>,
    /// What was done.
    pub history: Vec<StepLine>,
    /// What the log is called.
    pub origin: String,
    /// How many entries the newest checkpoint covers.
    pub size: String,
    /// When the latest of the proved entries was received.
    pub until: Option<TimeView>,
    /// How many entries are proved.
    pub proved: String,
    /// How many checkpoints there are.
    pub checkpoints: String,
    /// The keys of the log, the one in force last.
    pub keys: Vec<String>,
    /// Who exported it.
    pub by: String,
    /// When.
    pub at: TimeView,
}

/// One event.
#[derive(Clone, Debug)]
pub struct EventLine {
    /// The file with what was received.
    pub href: String,
    /// Its place in the log.
    pub seq: String,
    /// When it happened.
    pub time: TimeView,
    /// What was done.
    pub action: String,
    /// How it ended.
    pub status: String,
    /// To what.
    pub target: String,
    /// From where.
    pub address: String,
    /// What came of it, in the sender's words.
    pub outcome: String,
}

/// One step of the history.
#[derive(Clone, Debug)]
pub struct StepLine {
    /// The file with the entry.
    pub href: String,
    /// Its place in the log.
    pub seq: String,
    /// When it was done, by the log.
    pub at: TimeView,
    /// What was done.
    pub what: &'static str,
    /// By whom.
    pub by: String,
    /// Why.
    pub note: Option<String>,
}

/// The page of an exhibit.
pub fn page(exhibit: &Exhibit) -> String {
    let page = EvidencePage::new(exhibit);
    page.render().expect("every value of the template is a text, and a text takes any")
}

impl EvidencePage {
    fn new(exhibit: &Exhibit) -> EvidencePage {
        let alert = &exhibit.alert;
        let newest = exhibit.chain.last();
        let entries = || exhibit.events.iter().chain(&exhibit.history).chain(&exhibit.keys);
        let origin = newest.and_then(|link| link.note.text().lines().next()).unwrap_or_default();
        let named = alert.evidence.first.len() + alert.evidence.last.len();
        let left_out = alert.evidence.count.saturating_sub(named as u64);
        EvidencePage {
            title: alert.pattern.title(),
            key: text::short(&alert.key, 400),
            explanation: text::short(&detect::explain(alert), WORDS_CHARS_MAX),
            facts: facts(exhibit),
            rule: rule(alert.pattern),
            limits: limits(exhibit),
            events: exhibit.events.iter().map(event_line).collect(),
            not_named: (left_out > 0).then(|| words::counted(left_out, "further event")),
            history: exhibit.history.iter().map(step_line).collect(),
            origin: text::visible(origin),
            size: words::count(newest.map_or(0, |link| link.size)),
            until: entries().map(ProvedEntry::received_at).max().map(TimeView::from),
            proved: entries_of(entries().count() as u64),
            checkpoints: words::counted(exhibit.chain.len() as u64, "checkpoint"),
            keys: exhibit.named_keys().iter().map(|(_, key)| text::visible(&key.to_string())).collect(),
            by: text::cell(Some(&exhibit.export.by)),
            at: exhibit.export.at.into(),
        }
    }
}

/// `1 entry`, `12 entries`.
pub fn entries_of(count: u64) -> String {
    format!("{} {}", words::count(count), if count == 1 { "entry" } else { "entries" })
}

fn facts(exhibit: &Exhibit) -> Vec<(&'static str, String)> {
    let alert = &exhibit.alert;
    let mut facts =
        vec![("Severity", alert.severity.name().to_owned()), ("Status", alert.status.name().to_owned())];
    if let Some(organization) = &alert.organization {
        facts.push(("Organisation", text::cell(Some(organization))));
    }
    facts.extend([
        ("Events that counted", words::count(alert.evidence.count)),
        ("Fired", format!("{} ×", words::count(alert.occurrences))),
        ("Raised", TimeView::from(alert.created_at).text),
        ("Source of the first", text::cell(Some(&alert.source))),
        ("Alert", alert.id.to_string()),
    ]);
    facts
}

fn limits(exhibit: &Exhibit) -> Vec<(&'static str, String)> {
    let limit = |threshold: u64, timespan_secs: u64| match timespan_secs {
        0 => format!("{} at once", words::count(threshold)),
        secs => format!("{} within {}", words::count(threshold), words::span(secs)),
    };
    let (rule, now) = (&exhibit.rule, &exhibit.rule.now);
    let state = if now.enabled { "" } else { ", switched off" };
    let mut limits = vec![
        ("Limit when it was raised", limit(rule.threshold_then, rule.timespan_secs_then)),
        ("Limit at the export", format!("{}{state}", limit(now.threshold, now.timespan_secs))),
        ("Severity at the export", now.severity.name().to_owned()),
        ("Cooldown at the export", words::span(now.cooldown_secs)),
    ];
    if let Some(off_hours) = &now.off_hours {
        let hours: Vec<String> = off_hours.hours.iter().map(i8::to_string).collect();
        let holidays: Vec<String> = off_hours.holidays.iter().map(ToString::to_string).collect();
        let zone = off_hours.time_zone.as_deref().unwrap_or("the host's zone");
        let weekends = if off_hours.weekends { "yes" } else { "no" };
        limits.extend([
            ("Off-hours at the export", format!("{} ({})", hours.join(", "), text::visible(zone))),
            ("Weekends count", weekends.to_owned()),
            (
                "Holidays",
                if holidays.is_empty() {
                    "none".to_owned()
                } else {
                    text::short(&holidays.join(", "), 1_000)
                },
            ),
        ]);
    }
    limits
}

fn event_line(entry: &ProvedEntry) -> EventLine {
    let is_event = entry.parts().is_some_and(|leaf| leaf.kind == EntryKind::Event);
    let event = decode::stored(&entry.body, entry.received_at()).ok().filter(|_| is_event);
    let of_event =
        |value: fn(&AuditEvent<'_>) -> Option<String>| text::cell(event.as_ref().and_then(value).as_deref());
    EventLine {
        href: format!("events/{:012}.json", entry.seq.0),
        seq: words::count(entry.seq.0),
        time: event.as_ref().map_or(entry.received_at().into(), |event| event.timestamp.into()),
        action: if is_event {
            of_event(|event| Some(event.action.to_string()))
        } else {
            "an id came again with other content".to_owned()
        },
        status: of_event(|event| Some(event.status.name().to_owned())),
        target: of_event(|event| {
            let parts = [event.target_resource_type.as_deref(), event.target_resource_id.as_deref()];
            Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
        }),
        address: of_event(|event| event.session.as_ref()?.ip_address.as_deref().map(str::to_owned)),
        outcome: of_event(|event| event.outcome_description.as_deref().map(str::to_owned)),
    }
}

fn step_line(entry: &ProvedEntry) -> StepLine {
    let (change, by, note) = match entry.activity() {
        Some(Activity::AlertChanged { change, by, note, .. }) => (change, by, note),
        Some(Activity::AlertNotified { .. }) => (AlertChange::Notified, "sealwatch".to_owned(), None),
        _ => (AlertChange::Raised, "sealwatch".to_owned(), None),
    };
    StepLine {
        href: format!("history/{:012}.json", entry.seq.0),
        seq: words::count(entry.seq.0),
        at: entry.received_at().into(),
        what: change.name(),
        by: text::cell(Some(&by)),
        note: note.as_deref().filter(|note| !note.trim().is_empty()).map(text::visible_note),
    }
}
