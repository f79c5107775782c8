//! What people may do to an alert, and when.

use super::alerting::{STEPS_MAX, push_step};
use crate::model::{Alert, AlertChange, AlertStatus, AlertStep, ReceivedAt};
use uuid::Uuid;

/// Characters that a note may have.
pub const NOTE_CHARS_MAX: usize = 10_000;

/// Why an alert cannot be changed in that way now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalTransition {
    /// It is what it should become.
    #[error("the alert is already {}", status.name())]
    Already {
        /// What it is.
        status: AlertStatus,
    },
    /// It is closed, and so has to be reopened first.
    #[error("the alert is {}: reopen it before it can be {}", status.name(), change.name())]
    Closed {
        /// What it is.
        status: AlertStatus,
        /// What was wanted.
        change: AlertChange,
    },
    /// It is open, and so cannot be reopened.
    #[error("the alert is {}: only a resolved or dismissed one can be reopened", status.name())]
    NotClosed {
        /// What it is.
        status: AlertStatus,
    },
    /// A newer alert of the same pattern, organisation and key is open. Whoever knows the other alerts finds
    /// this out.
    #[error("a newer alert of the same pattern and key is open: {newer}")]
    NewerOpen {
        /// The newer one.
        newer: Uuid,
    },
    /// So much was said about it that no more can be kept.
    #[error(
        "the history holds {STEPS_MAX} steps already: resolve or dismiss the alert, and say more on a new one"
    )]
    HistoryFull,
    /// A comment says nothing.
    #[error("a comment needs a text")]
    NoteMissing,
    /// The note is too long.
    #[error("the note has more than {NOTE_CHARS_MAX} characters")]
    NoteTooLong,
    /// Only the appliance itself does that.
    #[error("no person can have an alert {}", change.name())]
    NotByPeople {
        /// What was wanted.
        change: AlertChange,
    },
}

/// The alert after `by` did `change` to it at `at`; an empty note counts as none. That no newer alert of its
/// fingerprint is open when it is reopened is for the caller to check.
pub fn change(
    alert: &Alert,
    change: AlertChange,
    by: &str,
    at: ReceivedAt,
    note: Option<&str>,
) -> Result<Alert, IllegalTransition> {
    if matches!(change, AlertChange::Suppressed | AlertChange::Resumed) {
        return Err(IllegalTransition::NotByPeople { change });
    }
    taken(alert, change, by, at, note)
}

/// The alert after a step that was taken, by people or by the appliance itself: what the entries of the log lead to.
pub fn taken(
    alert: &Alert,
    change: AlertChange,
    by: &str,
    at: ReceivedAt,
    note: Option<&str>,
) -> Result<Alert, IllegalTransition> {
    let note = note.filter(|note| !note.trim().is_empty());
    if note.is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX) {
        return Err(IllegalTransition::NoteTooLong);
    }
    // Each firing writes the history again, so it must end somewhere; what changes the status always finds
    // room.
    if change == AlertChange::Commented && alert.history.len() >= STEPS_MAX {
        return Err(IllegalTransition::HistoryFull);
    }
    let status = status_after(alert.status, change, note.is_some())?;
    let mut alert = Alert { status, ..alert.clone() };
    let step = AlertStep { change, at, by: by.to_owned(), note: note.map(str::to_owned) };
    push_step(&mut alert.history, step);
    Ok(alert)
}

fn status_after(
    status: AlertStatus,
    change: AlertChange,
    has_note: bool,
) -> Result<AlertStatus, IllegalTransition> {
    let wanted = match change {
        AlertChange::Raised | AlertChange::Notified => return Err(IllegalTransition::NotByPeople { change }),
        AlertChange::Commented if has_note => return Ok(status),
        AlertChange::Commented => return Err(IllegalTransition::NoteMissing),
        AlertChange::Acknowledged => AlertStatus::Acknowledged,
        AlertChange::Resolved => AlertStatus::Resolved,
        AlertChange::Dismissed => AlertStatus::Dismissed,
        AlertChange::Reopened | AlertChange::Resumed => AlertStatus::Active,
        AlertChange::Suppressed => AlertStatus::Suppressed,
    };
    let closed = matches!(status, AlertStatus::Resolved | AlertStatus::Dismissed);
    match change {
        AlertChange::Reopened if closed => Ok(wanted),
        AlertChange::Reopened => Err(IllegalTransition::NotClosed { status }),
        AlertChange::Suppressed if status == AlertStatus::Active => Ok(wanted),
        AlertChange::Resumed if status == AlertStatus::Suppressed => Ok(wanted),
        AlertChange::Suppressed | AlertChange::Resumed => Err(IllegalTransition::Already { status }),
        _ if status == wanted => Err(IllegalTransition::Already { status }),
        _ if closed => Err(IllegalTransition::Closed { status, change }),
        _ => Ok(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::an_alert;
    use AlertChange::{
        Acknowledged, Commented, Dismissed, Notified, Raised, Reopened, Resolved, Resumed, Suppressed,
    };

    fn check(status: AlertStatus, wanted: AlertChange, outcome: Result<AlertStatus, &str>) {
        let alert = Alert { status, ..an_alert() };
        let after = change(&alert, wanted, "ada", ReceivedAt(7), Some("because"));
        match (after, outcome) {
            (Ok(after), Ok(status)) => {
                assert_eq!(after.status, status);
                assert_eq!(after.history.len(), alert.history.len() + 1);
                let step = after.last_step(wanted).expect("it was just taken");
                assert_eq!((step.by.as_str(), step.at), ("ada", ReceivedAt(7)));
                assert_eq!(step.note.as_deref(), Some("because"));
            }
            (Err(error), Err(words)) => assert_eq!(error.to_string(), words),
            (after, outcome) => panic!("{wanted:?} of {status:?}: {after:?}, not {outcome:?}"),
        }
    }

    #[test]
    fn an_open_alert_can_be_acknowledged_and_closed_and_a_closed_one_reopened() {
        for open in [AlertStatus::Active, AlertStatus::Acknowledged, AlertStatus::Suppressed] {
            check(open, Resolved, Ok(AlertStatus::Resolved));
            check(open, Dismissed, Ok(AlertStatus::Dismissed));
        }
        check(AlertStatus::Active, Acknowledged, Ok(AlertStatus::Acknowledged));
        check(AlertStatus::Suppressed, Acknowledged, Ok(AlertStatus::Acknowledged));
        check(AlertStatus::Resolved, Reopened, Ok(AlertStatus::Active));
        check(AlertStatus::Dismissed, Reopened, Ok(AlertStatus::Active));
        for status in AlertStatus::ALL {
            check(status, Commented, Ok(status));
        }
    }

    #[test]
    fn what_is_not_possible_is_refused_in_words() {
        fn refuse(status: AlertStatus, wanted: AlertChange, words: &str) {
            check(status, wanted, Err(words));
        }
        refuse(AlertStatus::Acknowledged, Acknowledged, "the alert is already acknowledged");
        refuse(AlertStatus::Resolved, Resolved, "the alert is already resolved");
        refuse(AlertStatus::Dismissed, Dismissed, "the alert is already dismissed");
        refuse(
            AlertStatus::Resolved,
            Acknowledged,
            "the alert is resolved: reopen it before it can be acknowledged",
        );
        refuse(
            AlertStatus::Resolved,
            Dismissed,
            "the alert is resolved: reopen it before it can be dismissed",
        );
        refuse(
            AlertStatus::Dismissed,
            Resolved,
            "the alert is dismissed: reopen it before it can be resolved",
        );
        for open in [AlertStatus::Active, AlertStatus::Acknowledged, AlertStatus::Suppressed] {
            let words =
                format!("the alert is {}: only a resolved or dismissed one can be reopened", open.name());
            refuse(open, Reopened, &words);
        }
        refuse(AlertStatus::Active, Raised, "no person can have an alert raised");
        refuse(AlertStatus::Active, Notified, "no person can have an alert notified");
        refuse(AlertStatus::Active, Suppressed, "no person can have an alert suppressed");
        refuse(AlertStatus::Suppressed, Resumed, "no person can have an alert resumed");
    }

    #[test]
    fn the_appliance_suppresses_an_active_alert_and_lets_a_suppressed_one_go_on() {
        let after = |status, wanted| {
            let alert = Alert { status, ..an_alert() };
            taken(&alert, wanted, "sealwatch", ReceivedAt(7), None).map(|alert| alert.status).ok()
        };
        for status in AlertStatus::ALL {
            let only = |wanted, to| (status == wanted).then_some(to);
            assert_eq!(after(status, Suppressed), only(AlertStatus::Active, AlertStatus::Suppressed));
            assert_eq!(after(status, Resumed), only(AlertStatus::Suppressed, AlertStatus::Active));
        }
    }

    #[test]
    fn a_note_is_bounded_and_a_comment_needs_one() {
        let note =
            |wanted, text: &str| change(&an_alert(), wanted, "ada", ReceivedAt(7), Some(text)).map(|_| ());
        assert_eq!(note(Commented, &"ö".repeat(NOTE_CHARS_MAX)), Ok(()));
        assert_eq!(note(Commented, &"ö".repeat(NOTE_CHARS_MAX + 1)), Err(IllegalTransition::NoteTooLong));
        assert_eq!(note(Resolved, &"ö".repeat(NOTE_CHARS_MAX + 1)), Err(IllegalTransition::NoteTooLong));
        assert_eq!(note(Commented, " \n"), Err(IllegalTransition::NoteMissing));
        assert_eq!(note(Resolved, ""), Ok(()));
    }
}
