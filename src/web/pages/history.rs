//! The history of an alert: the steps that were taken, and the events that it began and ended with.

use super::badge::Badge;
use super::text;
use super::time::TimeView;
use crate::model::{Alert, AlertChange, AlertStep, Evidence, EvidenceItem};
use jiff::Timestamp;

/// How many steps of the history the page lists: the latest ones.
const HISTORY_SHOWN_MAX: usize = 200;

/// One line of the history: an event that counted, or a step that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// What happened or was done.
    pub mark: Badge,
    /// When.
    pub at: TimeView,
    /// By whom; nobody for an event.
    pub by: Option<String>,
    /// The event's page; nothing for a step.
    pub href: Option<String>,
    /// Why; lines stay lines.
    pub note: Option<String>,
}

/// Steps by the time at which they were taken, and the first and the last event that counted by their own.
pub fn history(alert: &Alert) -> Vec<StepRow> {
    let steps = &alert.history;
    let latest = steps.len().saturating_sub(HISTORY_SHOWN_MAX);
    let step = |step: &AlertStep| {
        let row = StepRow {
            mark: mark(step.change),
            at: step.at.into(),
            by: Some(text::cell(Some(&step.by))),
            href: None,
            note: step.note.as_deref().map(text::visible_note),
        };
        (step.at.timestamp(), row)
    };
    let mut rows: Vec<(Timestamp, StepRow)> = steps[latest..].iter().map(step).collect();
    rows.extend(events_of_history(&alert.evidence));
    // The sort is stable: steps of the same moment stay in their order.
    rows.sort_by_key(|(at, _)| *at);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn events_of_history(evidence: &Evidence) -> Vec<(Timestamp, StepRow)> {
    let items = || evidence.first.iter().chain(&evidence.last);
    let (first, last) = (items().min_by_key(|item| item.time), items().max_by_key(|item| item.time));
    let row = |word, item: &EvidenceItem| {
        let row = StepRow {
            mark: Badge { icon: "events", word, tone: "info" },
            at: item.time.into(),
            by: None,
            href: Some(format!("/events/{}", item.id)),
            note: None,
        };
        (item.time, row)
    };
    let last = last.filter(|last| first.is_some_and(|first| first.id != last.id));
    first
        .map(|item| row("First event", item))
        .into_iter()
        .chain(last.map(|item| row("Last event", item)))
        .collect()
}

fn mark(change: AlertChange) -> Badge {
    let (icon, word, tone) = match change {
        AlertChange::Raised => ("active", "Raised", "active"),
        AlertChange::Notified => ("bell", "Notified", "info"),
        AlertChange::Acknowledged => ("eye", "Acknowledged", "accent"),
        AlertChange::Resolved => ("check", "Resolved", "good"),
        AlertChange::Dismissed => ("minus", "Dismissed", "info"),
        AlertChange::Reopened => ("arrow", "Reopened", "active"),
        AlertChange::Commented => ("comment", "Commented", "info"),
    };
    Badge { icon, word, tone }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Pattern, ReceivedAt};
    use crate::web::pages::alert::tests::alert;
    use jiff::SignedDuration;

    #[test]
    fn the_history_has_the_events_where_they_happened() {
        let mut alert = alert(Pattern::FailedAuth, 7, 60);
        let step = |change, at| AlertStep { change, at, by: "ada".to_owned(), note: None };
        alert.evidence.first[6].time += SignedDuration::from_secs(60);
        alert.history = vec![
            step(AlertChange::Raised, ReceivedAt::from_timestamp(alert.evidence.first[6].time)),
            step(AlertChange::Acknowledged, ReceivedAt(u64::MAX / 2)),
        ];
        let words: Vec<&str> = history(&alert).iter().map(|row| row.mark.word).collect();
        assert_eq!(words, ["First event", "Raised", "Last event", "Acknowledged"]);
        alert.evidence.first.truncate(1);
        assert_eq!(history(&alert).len(), 3, "one event is shown once");
    }
}
