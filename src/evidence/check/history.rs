//! That the alert's history and status are what the log says was done.

use super::alert::names_all;
use crate::detect;
use crate::evidence::exhibit::{Exhibit, ProvedEntry};
use crate::evidence::finding::Finding;
use crate::evidence::layout::{ALERT, HISTORY, name_of};
use crate::model::{Activity, Alert, AlertChange, AlertStatus, AlertStep, Evidence, ReceivedAt};
use jiff::{SignedDuration, Timestamp};

/// Who the appliance is in a history.
const APPLIANCE: &str = "sealwatch";

pub(super) fn check(exhibit: &Exhibit, findings: &mut Vec<Finding>) {
    let alert = &exhibit.alert;
    let mut left = Alert {
        status: AlertStatus::Active,
        evidence: Evidence::default(),
        history: Vec::new(),
        ..alert.clone()
    };
    let mut told = None;
    for (index, entry) in exhibit.history.iter().enumerate() {
        let mut wrong =
            |what: &str| findings.push(Finding::new(name_of(HISTORY, entry.seq.0, ".json"), what));
        let Some(activity) = entry.activity().filter(|activity| activity.alert() == Some(alert.id)) else {
            wrong("it is of another alert, or of none");
            continue;
        };
        match alert.history.get(index) {
            Some(step) if is_step(exhibit, step, &activity, entry) => {}
            _ => wrong("the step in the alert's history is another one"),
        }
        match activity {
            Activity::AlertRaised { .. } if index > 0 => wrong("the alert is raised a second time"),
            Activity::AlertNotified { occurrences, quiet_until, .. } => {
                told = Some((occurrences, quiet_until));
            }
            Activity::AlertChanged { change, by, note, .. } => {
                match detect::taken(&left, change, &by, entry.received_at(), note.as_deref()) {
                    Ok(changed) => left = changed,
                    Err(_) => wrong("the step was not possible after those before it"),
                }
            }
            _ => {}
        }
    }
    let mut wrong = |what: &str| findings.push(Finding::new(ALERT, what));
    if alert.history.len() != exhibit.history.len() {
        wrong("the history has not as many steps as the log proves");
    }
    if alert.status != left.status {
        wrong("the status is not the one that the steps lead to");
    }
    if let Some((occurrences, quiet_until)) = told
        && (alert.occurrences < occurrences || quiet_until != quiet(alert))
    {
        wrong("it has fired less often than people were told, or they were told at another time");
    }
}

/// Whether a step of the history is what the entry says.
fn is_step(exhibit: &Exhibit, step: &AlertStep, activity: &Activity, entry: &ProvedEntry) -> bool {
    let by_appliance = |change| step.change == change && step.by == APPLIANCE && step.note.is_none();
    match activity {
        Activity::AlertRaised { created_at, .. } => {
            by_appliance(AlertChange::Raised) && step.at == *created_at
        }
        Activity::AlertNotified { .. } => {
            by_appliance(AlertChange::Notified) && is_firing(exhibit, step.at, entry)
        }
        Activity::AlertChanged { change, by, note, .. } => {
            let note = note.as_deref().filter(|note| !note.trim().is_empty());
            (step.change, step.by.as_str(), step.note.as_deref()) == (*change, by.as_str(), note)
                && step.at == entry.received_at()
        }
        _ => false,
    }
}

/// A notification has the time at which the event came that fired; its entry follows that event.
fn is_firing(exhibit: &Exhibit, at: ReceivedAt, entry: &ProvedEntry) -> bool {
    let is_of_event = || exhibit.events.iter().any(|event| event.received_at() == at);
    at <= entry.received_at() && (!names_all(&exhibit.alert) || is_of_event())
}

/// When the cooldown ends that the last notification began.
fn quiet(alert: &Alert) -> ReceivedAt {
    let cooldown = SignedDuration::from_secs(i64::try_from(alert.cooldown_secs).unwrap_or(i64::MAX));
    ReceivedAt::from_timestamp(alert.last_notified_at.checked_add(cooldown).unwrap_or(Timestamp::MAX))
}
