//! Whether notifications reach their targets: one that takes nothing, and one for which more and more is given up.

use super::{Change, Noticed};
use crate::model::{Activity, ReceivedAt};
use crate::readers::deliver::TargetStatus;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the name of each row begins with.
const ABOUT: &str = "target/";

/// A target as it is now.
pub(super) struct Look {
    pub(super) name: String,
    pub(super) status: TargetStatus,
    /// How many of its notifications were given up and wait for a decision.
    pub(super) given_up: u64,
}

/// What was entered of a target with which there is trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    broken: bool,
    given_up: u64,
}

impl Told {
    fn row(self) -> Vec<u8> {
        [&[u8::from(self.broken)][..], &self.given_up.to_le_bytes()].concat()
    }

    /// What a row says; of one that nobody can read, nothing.
    fn of(row: &[u8]) -> Told {
        let (broken, given_up) =
            (row.first() == Some(&1), row.get(1..).and_then(|rest| rest.try_into().ok()));
        Told { broken, given_up: given_up.map_or(0, u64::from_le_bytes) }
    }
}

/// The targets of which something new is to be entered. Trouble begins when a target has failed for `broken_after` or
/// nothing but other settings can mend it, and when something was given up; it is over once the target has been well for as
/// long and nothing waits for a decision. So one that comes and goes is entered once.
pub(super) fn changes(
    looks: &[Look],
    broken_after: Duration,
    now: ReceivedAt,
    noticed: &Noticed,
) -> Vec<Change> {
    let mut changes: Vec<Change> =
        looks.iter().filter_map(|look| change(look, broken_after, now, noticed)).collect();
    let names: BTreeSet<&str> = looks.iter().map(|look| look.name.as_str()).collect();
    for (about, target) in noticed.keys().filter_map(|about| Some((about, about.strip_prefix(ABOUT)?))) {
        if !names.contains(target) {
            let activity = Activity::TargetMended { target: target.to_owned() };
            changes.push(Change { about: about.clone(), how: None, activity });
        }
    }
    changes
}

fn change(look: &Look, broken_after: Duration, now: ReceivedAt, noticed: &Noticed) -> Option<Change> {
    let Look { name: target, status, given_up } = look;
    let about = format!("{ABOUT}{target}");
    let was = noticed.get(&about).map(|row| Told::of(row));
    let told = was.unwrap_or_default();
    let change = |how: Option<Told>, activity| Change { about, how: how.map(Told::row), activity };
    let target = target.clone();
    if !told.broken && is_broken(status, broken_after, now) {
        let (at, reason) = status.last_failure.clone().unwrap_or((now, String::new()));
        let since = status.failing_since.unwrap_or(at);
        let activity = Activity::TargetBroken { target, since, reason };
        return Some(change(Some(Told { broken: true, ..told }), activity));
    }
    if *given_up > 0 && *given_up >= 2 * told.given_up {
        let activity = Activity::DeliveriesGivenUp { target, waiting: *given_up };
        return Some(change(Some(Told { given_up: *given_up, ..told }), activity));
    }
    // After a restart nothing is known of a target until it was tried.
    let is_well = if told.broken {
        status.well_since.is_some_and(|since| has_passed(since, broken_after, now))
    } else {
        status.failing_since.is_none() && !status.gone
    };
    (was.is_some() && *given_up == 0 && is_well).then(|| change(None, Activity::TargetMended { target }))
}

/// Whether somebody should look. One that somebody stopped is as they want it.
fn is_broken(status: &TargetStatus, broken_after: Duration, now: ReceivedAt) -> bool {
    let for_long = status.failing_since.is_some_and(|since| has_passed(since, broken_after, now));
    !status.held && (status.gone || status.misconfigured || for_long)
}

fn has_passed(since: ReceivedAt, span: Duration, now: ReceivedAt) -> bool {
    u128::from(now.0.saturating_sub(since.0)) >= span.as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::NotifyError;
    use std::time::Instant;

    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    fn minute(minute: u64) -> ReceivedAt {
        ReceivedAt(1_700_000_000_000_000_000 + minute * 60_000_000_000)
    }

    /// A target that is watched.
    struct Desk {
        look: Look,
        noticed: Noticed,
    }

    impl Desk {
        fn new() -> Desk {
            let look = Look { name: "desk".to_owned(), status: TargetStatus::default(), given_up: 0 };
            Desk { look, noticed: Noticed::new() }
        }

        fn tried(&mut self, ended: Result<(), NotifyError>, at: u64) {
            self.look.status.note(&ended, minute(at), Instant::now());
        }

        /// What is entered at that minute, in a word.
        fn entered(&mut self, at: u64) -> Option<String> {
            let mut found =
                changes(std::slice::from_ref(&self.look), FIVE_MINUTES, minute(at), &self.noticed);
            assert!(found.len() <= 1);
            let Change { about, how, activity } = found.pop()?;
            match how {
                Some(how) => drop(self.noticed.insert(about, how)),
                None => drop(self.noticed.remove(&about)),
            }
            Some(match activity {
                Activity::TargetBroken { since, reason, .. } => {
                    format!("broken since {}: {reason}", (since.0 - minute(0).0) / 60_000_000_000)
                }
                Activity::DeliveriesGivenUp { waiting, .. } => format!("{waiting} given up"),
                Activity::TargetMended { .. } => "mended".to_owned(),
                other => panic!("{other:?}"),
            })
        }
    }

    fn hangs() -> Result<(), NotifyError> {
        Err(NotifyError::TimedOut(Duration::from_secs(10)))
    }

    fn answers(status: u16) -> Result<(), NotifyError> {
        Err(NotifyError::Status { status, retry_after: None, text: String::new() })
    }

    #[test]
    fn one_that_fails_for_long_is_entered_once_and_so_is_that_it_is_well_for_long() {
        let mut desk = Desk::new();
        desk.tried(hangs(), 0);
        assert_eq!(desk.entered(4), None);
        desk.tried(answers(400), 4);
        assert_eq!(desk.entered(5), None, "it answers");
        desk.tried(hangs(), 6);
        desk.tried(hangs(), 10);
        assert_eq!(desk.entered(11).as_deref(), Some("broken since 6: no answer within 10 seconds"));
        desk.tried(hangs(), 20);
        assert_eq!(desk.entered(20), None);
        desk.tried(Ok(()), 21);
        assert_eq!(desk.entered(25), None, "it may come and go");
        desk.tried(hangs(), 25);
        desk.tried(Ok(()), 26);
        assert_eq!(desk.entered(30), None);
        assert_eq!(desk.entered(31).as_deref(), Some("mended"));
        assert_eq!(desk.entered(99), None);
    }

    #[test]
    fn one_that_only_other_settings_can_mend_is_entered_at_once_and_not_where_somebody_stopped_it() {
        for status in [401, 403, 404, 410] {
            let mut desk = Desk::new();
            desk.tried(answers(status), 0);
            desk.look.status.held = true;
            assert_eq!(desk.entered(0), None);
            desk.look.status.held = false;
            assert_eq!(desk.entered(0), Some(format!("broken since 0: answered {status}")));
        }
    }

    #[test]
    fn what_is_given_up_is_entered_whenever_it_has_doubled_and_when_all_is_decided() {
        let mut desk = Desk::new();
        let mut entered = |given_up| {
            desk.look.given_up = given_up;
            desk.entered(0)
        };
        let found = [0, 1, 1, 2, 3, 4, 7, 9, 5, 0, 1].map(|count| entered(count).unwrap_or_default());
        let expected = ["", "1 given up", "", "2 given up", "", "4 given up", "", "9 given up", "", "mended"];
        assert_eq!(found[..10], expected);
        assert_eq!(found[10], "1 given up");
    }

    #[test]
    fn a_restart_neither_tells_of_it_again_nor_takes_it_for_mended() {
        let mut desk = Desk::new();
        desk.tried(answers(401), 0);
        assert!(desk.entered(0).is_some());
        desk.look.status = TargetStatus::default();
        assert_eq!(desk.entered(60), None);
        desk.tried(answers(401), 61);
        assert_eq!(desk.entered(62), None);
        let found = changes(&[], FIVE_MINUTES, minute(63), &desk.noticed);
        assert!(matches!(&found[..], [Change { how: None, .. }]), "it was taken out of the settings");
    }
}
