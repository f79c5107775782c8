//! The history of an alert: the steps that were taken, and the events that it began and ended with.

use super::badge::Badge;
use super::time::TimeView;
use super::{text, words};
use crate::model::{Alert, AlertChange, AlertStep, Evidence, EvidenceItem};
use jiff::Timestamp;

/// How many steps of the history the page lists: the latest ones.
const HISTORY_SHOWN_MAX: usize = 200;
const NOTIFIED: &str = "Due to be told";
const EVENT: &str = "Event";
/// What is one line where it comes several times in a row.
const MERGED: [&str; 2] = [NOTIFIED, EVENT];

/// One line of the history: a step that was taken, or events that counted one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// What happened or was done.
    pub mark: Badge,
    /// The same with how often, where it was several times in a row.
    pub said: String,
    /// When, or when first.
    pub at: TimeView,
    /// When last, where it was several times.
    pub until: Option<TimeView>,
    /// By whom; nobody for an event.
    pub by: Option<String>,
    /// The page of the event, or of the first of them; nothing for a step.
    pub href: Option<String>,
    /// Why; lines stay lines.
    pub note: Option<String>,
    times: u64,
}

/// Steps by the time at which they were taken, and between them the events that counted by their own. What comes
/// several times in a row is one line.
pub fn history(alert: &Alert) -> Vec<StepRow> {
    let steps = &alert.history;
    let latest = steps.len().saturating_sub(HISTORY_SHOWN_MAX);
    let step = |step: &AlertStep| {
        let row = StepRow {
            by: Some(text::cell(Some(&step.by))),
            note: step.note.as_deref().map(text::visible_note),
            ..StepRow::new(mark(step.change), step.at)
        };
        (step.at.timestamp(), row)
    };
    let mut rows: Vec<(Timestamp, StepRow)> = steps[latest..].iter().map(step).collect();
    rows.extend(events_of_history(&alert.evidence));
    // The sort is stable: steps of the same moment stay in their order.
    rows.sort_by_key(|(at, _)| *at);
    let mut shown: Vec<StepRow> = Vec::new();
    for (_, row) in rows {
        match shown.last_mut().filter(|last| last.mark == row.mark && MERGED.contains(&row.mark.word)) {
            Some(last) => {
                last.times += row.times;
                last.until = Some(row.at);
            }
            None => shown.push(row),
        }
    }
    for row in &mut shown {
        row.said = said(row.mark.word, row.times);
    }
    shown
}

impl StepRow {
    fn new(mark: Badge, at: impl Into<TimeView>) -> StepRow {
        let (said, at) = (String::new(), at.into());
        StepRow { mark, said, at, until: None, by: None, href: None, note: None, times: 1 }
    }
}

fn events_of_history(evidence: &Evidence) -> Vec<(Timestamp, StepRow)> {
    let known = evidence.first.len() + evidence.last.len();
    let left_out = evidence.count.saturating_sub(known as u64);
    let row = |item: &EvidenceItem| {
        let mark = Badge { icon: "events", word: EVENT, tone: "info" };
        let href = Some(format!("/events/{}", item.id));
        (item.time, StepRow { href, ..StepRow::new(mark, item.time) })
    };
    let mut rows: Vec<(Timestamp, StepRow)> = evidence.first.iter().map(row).collect();
    // Those that the evidence does not name lie behind its first ones.
    if let Some((_, last)) = rows.last_mut() {
        last.times += left_out;
    }
    rows.extend(evidence.last.iter().map(row));
    rows
}

fn said(word: &str, times: u64) -> String {
    match word {
        _ if times == 1 => word.to_owned(),
        EVENT => words::counted(times, "event"),
        _ => format!("{word} {} times", words::count(times)),
    }
}

fn mark(change: AlertChange) -> Badge {
    let (icon, word, tone) = match change {
        AlertChange::Raised => ("active", "Raised", "active"),
        AlertChange::Notified => ("bell", NOTIFIED, "info"),
        AlertChange::Acknowledged => ("eye", "Acknowledged", "accent"),
        AlertChange::Resolved => ("check", "Resolved", "good"),
        AlertChange::Dismissed => ("minus", "Dismissed", "info"),
        AlertChange::Reopened => ("arrow", "Reopened", "active"),
        AlertChange::Commented => ("comment", "Commented", "info"),
        AlertChange::Suppressed => ("pause", "Suppressed", "info"),
        AlertChange::Resumed => ("active", "Active again", "active"),
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
        let said = |alert: &Alert| history(alert).into_iter().map(|row| row.said).collect::<Vec<_>>();
        assert_eq!(said(&alert), ["6 events", "Raised", "Event", "Acknowledged"]);
        assert!(history(&alert)[0].until.is_some() && history(&alert)[2].until.is_none());
        alert.evidence.count += 90;
        assert_eq!(said(&alert)[2], "91 events", "those that are not named are counted");
        let later = |secs| ReceivedAt(u64::MAX / 2 + secs);
        alert.history.extend((1..5).map(|n| step(AlertChange::Notified, later(n))));
        alert.history.push(step(AlertChange::Commented, later(5)));
        alert.history.push(step(AlertChange::Commented, later(6)));
        assert_eq!(said(&alert)[3..], ["Acknowledged", "Due to be told 4 times", "Commented", "Commented"]);
    }
}
