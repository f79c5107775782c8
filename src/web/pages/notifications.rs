//! Notifications: the targets and how they are, what is silenced, and when nobody is told.

use super::frame::{Frame, Section};
use super::time::TimeView;
use super::{text, words};
use crate::model::{Matcher, Organizations, Pattern, ReceivedAt, Severity, Silence};
use crate::routing::{Maintenance, Recurrence};
use askama::Template;
use serde::Deserialize;

/// What `notifications.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "notifications.html")]
pub struct NotificationsPage {
    /// Around it.
    pub frame: Frame,
    /// What came of the last thing that was done here.
    pub notice: Option<(&'static str, String)>,
    /// The targets; nothing for those who may not administer.
    pub targets: Option<Vec<TargetRow>>,
    /// Silences, those in force first.
    pub silences: Vec<SilenceRow>,
    /// Maintenance windows.
    pub windows: Vec<(String, String)>,
    /// What stands in the form.
    pub form: SilenceForm,
    /// What the silence in the form would have muted, and the page of the latest of those alerts.
    pub preview: Option<(String, Option<String>)>,
    /// The patterns to choose from, by name and title.
    pub patterns: Vec<(&'static str, &'static str)>,
    /// The severities to choose from.
    pub severities: Vec<&'static str>,
}

/// The form of a silence.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SilenceForm {
    /// A principal, address or source; empty for all.
    pub key: String,
    /// The name of a pattern; empty for all.
    pub pattern: String,
    /// The least severity; empty for all.
    pub severity: String,
    /// An organisation; empty for all.
    pub organization: String,
    /// For how many hours.
    pub hours: String,
    /// Why.
    pub reason: String,
    /// `preview` or `silence`.
    pub action: String,
}

impl SilenceForm {
    /// What the silence would be about.
    ///
    /// # Errors
    /// The field that names something unknown: to pass over it would mute more than was meant.
    pub fn matcher(&self) -> Result<Matcher, &'static str> {
        let named = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let pattern = named(&self.pattern).map(|name| Pattern::from_name(&name).ok_or("pattern"));
        let severity = named(&self.severity).map(|name| Severity::from_name(&name).ok_or("severity"));
        Ok(Matcher {
            severity: severity.transpose()?,
            patterns: pattern.transpose()?.into_iter().collect(),
            organizations: named(&self.organization).into_iter().collect(),
            keys: named(&self.key).into_iter().collect(),
            ..Matcher::default()
        })
    }
}

/// A target.
#[derive(Clone, Debug)]
pub struct TargetRow {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub kind: &'static str,
    /// How it is, in words.
    pub state: String,
    /// `good` or `critical`.
    pub tone: &'static str,
    /// How many wait.
    pub waiting: String,
    /// How many were given up, where some were, and where they are.
    pub dead: Option<(String, String)>,
    /// Whether somebody stopped it, or the breaker did.
    pub is_stopped: bool,
    /// The routes that lead to it.
    pub routes: String,
    /// Why it last failed.
    pub failure: Option<String>,
}

/// A silence.
#[derive(Clone, Debug)]
pub struct SilenceRow {
    /// Its id.
    pub id: String,
    /// What it is about, in words.
    pub about: String,
    /// Who made it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it ends, or ended.
    pub ends: TimeView,
    /// Whether it still mutes.
    pub in_force: bool,
    /// Whether whoever reads this may end it.
    pub can_end: bool,
}

impl NotificationsPage {
    /// The page as it is first seen.
    pub fn new(
        frame: Frame,
        targets: Option<Vec<TargetRow>>,
        silences: Vec<Silence>,
        scope: &Organizations,
        windows: &[Maintenance],
        now: ReceivedAt,
    ) -> NotificationsPage {
        let can_triage = frame.can_triage();
        let row = |silence: Silence| {
            let (silence, is_partial) = silence.seen_within(scope);
            let in_force = silence.is_in_force(now);
            SilenceRow {
                id: silence.id.to_string(),
                about: text::short(&about_all(&silence.matcher, is_partial), 400),
                by: text::cell(Some(&silence.by)),
                reason: text::short(&silence.reason, 400),
                ends: silence.ends_at.into(),
                in_force,
                can_end: can_triage && in_force && !is_partial,
            }
        };
        let window = |window: &Maintenance| {
            let (when, what) = (recurrence(&window.recurrence), about(&window.matcher));
            (text::cell(Some(&window.name)), text::short(&format!("{when}: {what}"), 400))
        };
        NotificationsPage {
            frame: frame.titled("Notifications", Section::Notifications),
            notice: None,
            targets,
            silences: silences.into_iter().map(row).collect(),
            windows: windows.iter().map(window).collect(),
            form: SilenceForm { hours: "2".to_owned(), ..SilenceForm::default() },
            preview: None,
            patterns: Pattern::ALL.map(|pattern| (pattern.name(), pattern.title())).to_vec(),
            severities: Severity::ALL.map(Severity::name).to_vec(),
        }
    }
}

/// What a preview says.
pub fn preview_words(days: u64, alerts: u64, notifications: u64, is_more: bool) -> String {
    match alerts {
        0 if is_more => {
            format!("In the last {days} days there were too many alerts to count what it would have muted.")
        }
        0 => format!("In the last {days} days it would have muted nothing."),
        _ => format!(
            "In the last {days} days it would have muted {}{} of {}.",
            if is_more { "more than " } else { "" },
            words::counted(notifications, "notification"),
            words::counted(alerts, "alert")
        ),
    }
}

/// What a silence is about, of which only a part may be named.
fn about_all(matcher: &Matcher, is_partial: bool) -> String {
    match (is_partial, matcher.is_empty()) {
        (false, _) => about(matcher),
        (true, true) => "some alerts".to_owned(),
        (true, false) => {
            format!("{}, or some of them", about(matcher))
        }
    }
}

fn about(matcher: &Matcher) -> String {
    let list = |names: Vec<&str>| names.join(", ");
    let texts = |set: &std::collections::BTreeSet<String>| list(set.iter().map(String::as_str).collect());
    let mut parts = Vec::new();
    parts.extend(matcher.severity.map(|severity| format!("{} and above", severity.name())));
    let kinds = list(matcher.types.iter().map(|kind| kind.name()).collect());
    let patterns = list(matcher.patterns.iter().map(|pattern| pattern.title()).collect());
    let named = [
        ("", kinds),
        ("", patterns),
        ("of ", texts(&matcher.keys)),
        ("in ", texts(&matcher.organizations)),
        ("tagged ", texts(&matcher.tags)),
    ];
    let named = named.into_iter().filter(|(_, names)| !names.is_empty());
    parts.extend(named.map(|(before, names)| format!("{before}{names}")));
    if parts.is_empty() { "everything".to_owned() } else { parts.join(", ") }
}

fn recurrence(recurrence: &Recurrence) -> String {
    let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let name = |day: &jiff::civil::Weekday| {
        days[usize::try_from(day.to_monday_zero_offset()).unwrap_or_default() % days.len()]
    };
    let on: Vec<&str> = recurrence.days.iter().map(name).collect();
    let on = if on.is_empty() { "every day".to_owned() } else { on.join(", ") };
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let zone = recurrence.time_zone.iana_name().unwrap_or("UTC");
    format!("{on} from {} to {} ({zone})", clock(recurrence.from_minute), clock(recurrence.to_minute))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Weekday;
    use jiff::tz::TimeZone;

    #[test]
    fn a_matcher_and_a_window_say_what_they_are_about() {
        assert_eq!(about(&Matcher::default()), "everything");
        let form = SilenceForm {
            key: " ada ".into(),
            pattern: "FAILED_AUTH".into(),
            severity: "HIGH".into(),
            organization: "clinic".into(),
            ..SilenceForm::default()
        };
        assert_eq!(
            about(&form.matcher().expect("all are known")),
            "HIGH and above, Failed sign-ins, of ada, in clinic"
        );
        let unknown = SilenceForm { pattern: "FAILED_ATUH".into(), ..form.clone() };
        assert_eq!(unknown.matcher(), Err("pattern"));
        assert_eq!(SilenceForm { severity: "high".into(), ..form }.matcher(), Err("severity"));
        let night = Recurrence {
            days: vec![Weekday::Saturday],
            from_minute: 22 * 60,
            to_minute: 4 * 60 + 5,
            time_zone: TimeZone::UTC,
        };
        assert_eq!(recurrence(&night), "Saturday from 22:00 to 04:05 (UTC)");
    }
}
