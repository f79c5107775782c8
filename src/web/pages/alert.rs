//! One alert: why it was raised, on which events, and what was done about it.

use super::address::address;
use super::alerts::AlertRow;
use super::badge::Badge;
use super::curl;
use super::delivery::DeliveryRow;
use super::events;
use super::frame::{Frame, Section};
use super::history::{StepRow, history};
use super::rule::rule;
use super::subject;
use super::time::TimeView;
use super::{text, words};
use crate::detect::{self, Relation};
use crate::model::{Alert, AlertChange, AlertStatus, AuditEvent, Evidence, EvidenceItem, Pattern};
use askama::Template;

/// How many of the events that counted the page lists: the first and the last half of it where there are
/// more.
pub const EVIDENCE_SHOWN_MAX: usize = 100;

/// What `alert.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "alert.html")]
pub struct AlertPage {
    /// Around it.
    pub frame: Frame,
    /// Its id.
    pub id: String,
    /// What was found.
    pub title: &'static str,
    /// The pattern's name in settings and in the API.
    pub pattern: &'static str,
    /// How serious.
    pub severity: Badge,
    /// Where it stands.
    pub status: Badge,
    /// What a silence makes of it, where one does.
    pub suppressed: Option<String>,
    /// The principal, address or source that it is about.
    pub key: String,
    /// All events of that key, where the key is a principal or an address.
    pub key_href: Option<String>,
    /// Whose events; empty where they name none.
    pub organization: String,
    /// Why it fired, in a sentence or two.
    pub explanation: String,
    /// What an event must be like to count.
    pub rule: &'static str,
    /// The numbers.
    pub numbers: Numbers,
    /// Correlation id of the event that fired first, and its events.
    pub correlation: Option<(String, String)>,
    /// The trace of the request that raised it, and where that is looked at.
    pub trace: Option<(String, String)>,
    /// Which source sent the event that fired first.
    pub source: String,
    /// The events that counted.
    pub rows: Vec<EvidenceRow>,
    /// What stands there where none did.
    pub no_events: &'static str,
    /// Before which row events are left out, and how many.
    pub gap: Option<(usize, String)>,
    /// How many are shown of how many.
    pub shown: String,
    /// Who was told and who was not, newest first.
    pub deliveries: Vec<DeliveryRow>,
    /// What happened and what was done, oldest first.
    pub history: Vec<StepRow>,
    /// Alerts that belong to it.
    pub related: Vec<RelatedRow>,
    /// The call of the API that gives the same.
    pub curl: String,
    /// What the user may do now.
    pub actions: Vec<Action>,
    /// Why the last action did not work.
    pub notice: Option<String>,
}

/// The numbers behind an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// How many distinct events counted.
    pub count: String,
    /// How many are enough.
    pub threshold: String,
    /// Within how long.
    pub timespan: String,
    /// Event time of the earliest that counted.
    pub first_event: Option<TimeView>,
    /// Event time of the latest that counted.
    pub last_event: Option<TimeView>,
    /// How often the pattern fired.
    pub occurrences: String,
    /// Event time of the first firing.
    pub first_fired: TimeView,
    /// Event time of the latest firing.
    pub last_fired: TimeView,
    /// How long people are left in peace after a notification.
    pub cooldown: String,
    /// Event time of the last notification.
    pub last_notified: TimeView,
    /// When the appliance raised it.
    pub created: TimeView,
    /// When the appliance saw the latest event of it.
    pub last_seen: TimeView,
}

impl AlertPage {
    /// The page of `alert`. `rows` are those of [`evidence_shown`].
    pub fn new(frame: Frame, alert: &Alert, rows: Vec<EvidenceRow>, about: About<'_>) -> AlertPage {
        let About { legal, related, deliveries, notice, base_url } = about;
        let legal = if frame.can_triage() { legal } else { &[] };
        let left_out = alert.evidence.count.saturating_sub(rows.len() as u64);
        let correlation = alert
            .correlation_id
            .as_deref()
            .map(|id| (text::cell(Some(id)), address("/events", [("correlation", id)])));
        let trace = alert.trace_id.clone().map(|id| (id.clone(), address("/traces", [("id", &*id)])));
        AlertPage {
            frame: frame.titled(alert.pattern.title(), Section::Alerts),
            id: alert.id.to_string(),
            title: alert.pattern.title(),
            pattern: alert.pattern.name(),
            severity: alert.severity.into(),
            status: alert.status.into(),
            suppressed: suppressed(alert),
            key: text::short(&alert.key, 400),
            key_href: key_href(alert),
            organization: text::cell(alert.organization.as_deref()),
            explanation: text::short(&detect::explain(alert), 1_000),
            rule: rule(alert.pattern),
            numbers: numbers(alert),
            correlation,
            trace,
            source: text::cell(Some(&alert.source)),
            gap: (left_out > 0 && rows.len() >= EVIDENCE_SHOWN_MAX)
                .then(|| (rows.len() / 2, words::counted(left_out, "event"))),
            shown: format!(
                "{} of {}",
                words::count(rows.len() as u64),
                words::counted(alert.evidence.count, "event")
            ),
            rows,
            deliveries: deliveries.to_vec(),
            no_events: if alert.evidence.count == 0 {
                "No event counts here: this is about the appliance itself, not about what was sent."
            } else {
                "None of its events is kept any more."
            },
            history: history(alert),
            related: related.iter().map(|(relation, alert)| RelatedRow::new(*relation, alert)).collect(),
            curl: curl::get(base_url, &format!("/api/v1/alerts/{}", alert.id)),
            actions: legal.iter().filter_map(|change| action(alert, *change)).collect(),
            notice: notice.map(|notice| text::short(notice, 400)),
        }
    }
}

/// What stands beside an alert on its page.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What may be done in its status; shown only to those who may triage.
    pub legal: &'a [AlertChange],
    /// The alerts that belong to it.
    pub related: &'a [(Relation, Alert)],
    /// What became of its notifications, newest first.
    pub deliveries: &'a [DeliveryRow],
    /// Why the last action did not work.
    pub notice: Option<&'a str>,
    /// Where the appliance is reached.
    pub base_url: &'a str,
}

/// An alert that belongs to this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedRow {
    /// It.
    pub alert: AlertRow,
    /// What the two have in common.
    pub why: &'static str,
}

impl RelatedRow {
    fn new(relation: Relation, alert: &Alert) -> RelatedRow {
        let why = match relation {
            Relation::KeyAndTime => "same key, same time",
            Relation::Key => "same key, another time",
            Relation::Organization => "same organisation, same time",
        };
        RelatedRow { alert: AlertRow::from(alert), why }
    }
}

/// One event that counted, as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRow {
    /// Its page.
    pub href: String,
    /// When it happened.
    pub time: TimeView,
    /// What it was; nothing where its body has been removed.
    pub event: Option<EvidenceEvent>,
}

/// What an event that counted was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceEvent {
    /// What was done.
    pub action: String,
    /// How it ended.
    pub status: Badge,
    /// What it was done to.
    pub target: String,
    /// From which address.
    pub ip_address: String,
    /// `outcomeDescription`.
    pub outcome: String,
}

impl EvidenceRow {
    /// The row of an event that counted; without `event` where its body is no longer there.
    pub fn new(item: &EvidenceItem, event: Option<&AuditEvent<'_>>) -> EvidenceRow {
        let event = event.map(|event| EvidenceEvent {
            action: text::cell(Some(&event.action)),
            status: event.status.into(),
            target: events::target(event),
            ip_address: text::cell(event.session.as_ref().and_then(|session| session.ip_address.as_deref())),
            outcome: text::cell(event.outcome_description.as_deref()),
        });
        EvidenceRow { href: format!("/events/{}", item.id), time: item.time.into(), event }
    }
}

/// The events that the page lists, in order: all where there are few, else the first and the last.
pub fn evidence_shown(evidence: &Evidence) -> Vec<EvidenceItem> {
    let known: Vec<EvidenceItem> = evidence.first.iter().chain(&evidence.last).copied().collect();
    if known.len() <= EVIDENCE_SHOWN_MAX {
        return known;
    }
    let half = EVIDENCE_SHOWN_MAX / 2;
    [&known[..half], &known[known.len() - half..]].concat()
}

/// Something that the user may do: a form that is posted to `/alerts/{id}/…` with a `note`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Where it is posted.
    pub path: String,
    /// The name within the page.
    pub name: &'static str,
    /// What stands on the button.
    pub button: &'static str,
    /// What is asked for; nothing where one click is enough.
    pub question: Option<&'static str>,
    /// Whether the answer must not be empty.
    pub required: bool,
}

fn action(alert: &Alert, change: AlertChange) -> Option<Action> {
    let (name, button, question, required) = match change {
        AlertChange::Acknowledged => ("acknowledge", "Acknowledge", None, false),
        AlertChange::Resolved => ("resolve", "Resolve", Some("What was done about it?"), true),
        AlertChange::Dismissed => ("dismiss", "Dismiss", Some("Why is it not worth dealing with?"), true),
        AlertChange::Reopened => ("reopen", "Reopen", Some("Why was it closed too early?"), true),
        AlertChange::Commented => ("comment", "Comment", Some("What should others know?"), true),
        AlertChange::Raised | AlertChange::Notified | AlertChange::Suppressed | AlertChange::Resumed => {
            return None;
        }
    };
    Some(Action { path: format!("/alerts/{}/{name}", alert.id), name, button, question, required })
}

fn numbers(alert: &Alert) -> Numbers {
    Numbers {
        count: words::count(alert.evidence.count),
        threshold: words::count(alert.threshold),
        timespan: if alert.timespan_secs == 0 {
            "at once".to_owned()
        } else {
            words::span(alert.timespan_secs)
        },
        first_event: alert.evidence.first_event_at.map(TimeView::from),
        last_event: alert.evidence.last_event_at.map(TimeView::from),
        occurrences: words::count(alert.occurrences),
        first_fired: alert.first_fired_at.into(),
        last_fired: alert.last_fired_at.into(),
        cooldown: words::span(alert.cooldown_secs),
        last_notified: alert.last_notified_at.into(),
        created: alert.created_at.into(),
        last_seen: alert.last_seen_at.into(),
    }
}

/// Why a suppressed alert is, and what becomes of it.
fn suppressed(alert: &Alert) -> Option<String> {
    let step =
        alert.last_step(AlertChange::Suppressed).filter(|_| alert.status == AlertStatus::Suppressed)?;
    let why = step.note.as_deref().unwrap_or("a silence covers it");
    let next = "Once no silence covers it, its next firing makes it active and is told. Until then it counts as open.";
    Some(format!("Nobody was told: {}. {next}", text::short(why, 400)))
}

/// Everything of the alert's key. Findings about integrity are keyed by source, which is no field of the
/// event.
fn key_href(alert: &Alert) -> Option<String> {
    if !Pattern::WINDOWED.contains(&alert.pattern) {
        return None;
    }
    Some(subject::of_key(&alert.key))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{ReceivedAt, Role, Seq};
    use crate::web::pages::frame::UserView;
    use jiff::{SignedDuration, Timestamp};
    use uuid::Uuid;

    pub(in crate::web::pages) fn alert(pattern: Pattern, count: u64, lasting_secs: i64) -> Alert {
        let start: Timestamp = "2023-07-10T11:54:00Z".parse().expect("a time stamp");
        let end = start + SignedDuration::from_secs(lasting_secs);
        let item = |n: u64| EvidenceItem { seq: Seq(n), id: Uuid::from_u128(u128::from(n)), time: start };
        Alert {
            id: Uuid::from_u128(1),
            organization: None,
            pattern,
            key: "alice".into(),
            fingerprint: [0; 32],
            severity: pattern.default_severity(),
            status: AlertStatus::Active,
            created_at: ReceivedAt::from_timestamp(end),
            last_seen_at: ReceivedAt::from_timestamp(end),
            occurrences: 3,
            threshold: 5,
            timespan_secs: 300,
            first_fired_at: end,
            last_fired_at: end,
            last_notified_at: end,
            cooldown_secs: 300,
            correlation_id: None,
            trace_id: None,
            unheard: false,
            source: "app".into(),
            evidence: Evidence {
                count,
                first_event_at: Some(start),
                last_event_at: Some(end),
                first: (0..count).map(item).collect(),
                ..Evidence::default()
            },
            history: Vec::new(),
        }
    }

    fn page(role: Role, alert: &Alert) -> AlertPage {
        let frame = Frame::new(Some(UserView::new("zoe", role)), 1, false, 10, "0");
        let rows = evidence_shown(&alert.evidence).iter().map(|item| EvidenceRow::new(item, None)).collect();
        let legal = &[AlertChange::Acknowledged, AlertChange::Resolved];
        let about =
            About { legal, related: &[], deliveries: &[], notice: None, base_url: "http://127.0.0.1:5600" };
        AlertPage::new(frame, alert, rows, about)
    }

    #[test]
    fn an_alert_about_the_appliance_itself_does_not_say_that_its_events_are_gone() {
        let said = |count| {
            let mut alert = alert(Pattern::LogDamage, 0, 0);
            alert.evidence.count = count;
            page(Role::Viewer, &alert).no_events
        };
        assert!(said(0).contains("the appliance itself") && said(1).contains("kept any more"));
    }

    #[test]
    fn only_those_who_may_triage_are_offered_what_is_legal() {
        let alert = alert(Pattern::FailedAuth, 7, 60);
        let offered = |role| page(role, &alert).actions.iter().map(|action| action.name).collect::<Vec<_>>();
        assert_eq!(offered(Role::Analyst), ["acknowledge", "resolve"]);
        assert_eq!(offered(Role::Viewer), Vec::<&str>::new());
        assert_eq!(offered(Role::Auditor), Vec::<&str>::new());
    }

    #[test]
    fn many_events_are_shown_from_both_ends() {
        let few = page(Role::Viewer, &alert(Pattern::DataVelocity, 100, 60));
        assert_eq!((few.rows.len(), few.gap, few.shown.as_str()), (100, None, "100 of 100 events"));
        let many = alert(Pattern::DataVelocity, 101, 60);
        let shown = evidence_shown(&many.evidence);
        assert_eq!((shown[49].seq, shown[50].seq), (Seq(49), Seq(51)));
        assert_eq!(page(Role::Viewer, &many).gap, Some((50, "1 event".to_owned())));
    }

    #[test]
    fn the_key_leads_to_its_events_by_principal_or_by_address() {
        let mut alert = alert(Pattern::FailedAuth, 7, 60);
        assert_eq!(key_href(&alert).as_deref(), Some("/principal?id=alice"));
        alert.key = "::1".into();
        assert_eq!(key_href(&alert).as_deref(), Some("/events?address=%3A%3A1"));
        alert.pattern = Pattern::IntegrityViolation;
        assert_eq!(key_href(&alert), None);
    }
}
