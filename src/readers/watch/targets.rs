//! Whether notifications reach their targets: one that takes nothing, and one for which more and more is given up.

use super::{Change, Noticed};
use crate::model::{Activity, Alert, ReceivedAt, status_alone};
use crate::readers::deliver::TargetStatus;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the name of each row begins with.
const ABOUT: &str = "target/";
/// How long after it was entered trouble that lasts is entered again, where no alert about it is open.
const AGAIN_AFTER: Duration = Duration::from_secs(900);

/// A target as it is now.
pub(super) struct Look {
    pub(super) name: String,
    pub(super) status: TargetStatus,
    /// How many of its notifications were given up and wait for a decision.
    pub(super) given_up: u64,
    /// From when on an entry raises an alert about it; `None` while one is open.
    pub(super) unheard_from: Option<ReceivedAt>,
}

/// The same of a target whose newest alert is that one. Within the cooldown of a closed alert more of the same counts on that
/// one, and nobody hears of it.
pub(super) fn unheard_from(alert: Option<Alert>) -> Option<ReceivedAt> {
    let Some(alert) = alert else { return Some(ReceivedAt(0)) };
    let quiet = alert.cooldown_secs.saturating_mul(1_000_000_000);
    let told = ReceivedAt::from_timestamp(alert.last_notified_at);
    alert.is_closed().then(|| ReceivedAt(told.0.saturating_add(quiet)))
}

/// What was entered of a target with which there is trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    broken: bool,
    /// How many were given up; fewer, once there were fewer.
    given_up: u64,
    /// When it was entered.
    at: ReceivedAt,
}

impl Told {
    fn row(self) -> Vec<u8> {
        [&[u8::from(self.broken)][..], &self.given_up.to_le_bytes(), &self.at.0.to_le_bytes()].concat()
    }

    /// What a row says; of one that nobody can read, nothing.
    fn of(row: &[u8]) -> Told {
        // Before this version a row did not say when.
        let number = |at: usize| row.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        let number = |at| number(at).map_or(0, u64::from_le_bytes);
        Told { broken: row.first() == Some(&1), given_up: number(1), at: ReceivedAt(number(9)) }
    }
}

/// The targets of which something new is to be entered. Trouble begins when a target has failed for `broken_after` or
/// nothing but other settings can mend it, and when something was given up; it is over once the target has been well for as
/// long and nothing waits for a decision. So one that comes and goes is entered once; and again only where no alert about it is
/// open while the trouble lasts: somebody closed it, or it counted on one that was closed already.
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
    let Look { name: target, status, given_up, unheard_from } = look;
    let about = format!("{ABOUT}{target}");
    let was = noticed.get(&about).map(|row| Told::of(row));
    let told = Told { given_up: was.unwrap_or_default().given_up.min(*given_up), ..was.unwrap_or_default() };
    let again = unheard_from.is_some_and(|from| from <= now && has_passed(told.at, AGAIN_AFTER, now));
    let change = |how: Option<Told>, activity| Change { about, how: how.map(Told::row), activity };
    let target = target.clone();
    if (!told.broken || again) && is_broken(status, broken_after, now) {
        let (at, reason) = status.last_failure.clone().unwrap_or((now, String::new()));
        let reason = status_alone(&reason).to_owned();
        let since = status.failing_since.unwrap_or(at);
        let activity = Activity::TargetBroken { target, since, reason };
        return Some(change(Some(Told { broken: true, at: now, ..told }), activity));
    }
    if *given_up > 0 && (*given_up >= 2 * told.given_up || again) {
        let activity = Activity::DeliveriesGivenUp { target, waiting: *given_up };
        return Some(change(Some(Told { given_up: *given_up, at: now, ..told }), activity));
    }
    // After a restart nothing is known of a target until it was tried.
    let is_well = if told.broken {
        status.well_since.is_some_and(|since| has_passed(since, broken_after, now))
    } else {
        status.failing_since.is_none() && !status.gone
    };
    (was.is_some() && *given_up == 0 && is_well).then(|| change(None, Activity::TargetMended { target }))
}

/// The rows of those of which fewer are given up than when it was entered: from there on it is counted anew.
pub(super) fn lowered(looks: &[Look], noticed: &Noticed) -> Vec<(String, Vec<u8>)> {
    let row = |look: &Look| {
        let about = format!("{ABOUT}{}", look.name);
        let told = Told::of(noticed.get(&about)?);
        let fewer = look.given_up < told.given_up;
        fewer.then(|| (about, Told { given_up: look.given_up, ..told }.row()))
    };
    looks.iter().filter_map(row).collect()
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
    use crate::notify::{NotifyError, Taken};
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
            let look = Look {
                name: "desk".to_owned(),
                status: TargetStatus::default(),
                given_up: 0,
                unheard_from: None,
            };
            Desk { look, noticed: Noticed::new() }
        }

        fn tried(&mut self, ended: Result<Taken, NotifyError>, at: u64) {
            self.look.status.note(&ended, minute(at), Instant::now());
        }

        /// What is entered at that minute, in a word.
        fn entered(&mut self, at: u64) -> Option<String> {
            self.noticed.extend(lowered(std::slice::from_ref(&self.look), &self.noticed));
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

    fn hangs() -> Result<Taken, NotifyError> {
        Err(NotifyError::TimedOut(Duration::from_secs(10)))
    }

    fn answers(status: u16) -> Result<Taken, NotifyError> {
        Err(NotifyError::Status { status, retry_after: None, text: "no /hook/secret: here".to_owned() })
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
        desk.tried(Ok(Taken::default()), 21);
        assert_eq!(desk.entered(25), None, "it may come and go");
        desk.tried(hangs(), 25);
        desk.tried(Ok(Taken::default()), 26);
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
        let found = [0, 1, 1, 2, 3, 4, 7, 9, 5, 9, 10, 0, 1].map(|count| entered(count).unwrap_or_default());
        let expected = [
            "",
            "1 given up",
            "",
            "2 given up",
            "",
            "4 given up",
            "",
            "9 given up",
            "",
            "",
            "10 given up",
            "mended",
        ];
        assert_eq!(found[..12], expected);
        assert_eq!(found[12], "1 given up");
    }

    #[test]
    fn trouble_that_lasts_is_entered_again_where_no_alert_about_it_is_open() {
        let mut desk = Desk::new();
        desk.tried(answers(401), 0);
        assert!(desk.entered(0).is_some());
        assert_eq!(desk.entered(99), None, "it is open");
        desk.look.unheard_from = Some(minute(101));
        assert_eq!(desk.entered(100), None, "it would count on the closed one");
        assert_eq!(desk.entered(101).as_deref(), Some("broken since 0: answered 401"));
        assert_eq!(desk.entered(115), None);
        assert!(desk.entered(116).is_some());
        desk.look.status.held = true;
        assert_eq!(desk.entered(200), None, "as somebody wants it");
        let mut desk = Desk::new();
        desk.look.given_up = 3;
        assert_eq!(desk.entered(0).as_deref(), Some("3 given up"));
        desk.look.unheard_from = Some(minute(1));
        assert_eq!(desk.entered(14), None);
        assert_eq!(desk.entered(15).as_deref(), Some("3 given up"));
    }

    #[test]
    fn whether_an_entry_raises_an_alert_goes_by_the_newest_one() {
        let alert = crate::notify::Notice::test("desk", String::new(), uuid::Uuid::nil(), minute(0)).alert;
        assert_eq!(unheard_from(None), Some(ReceivedAt(0)));
        assert_eq!(unheard_from(Some(alert.clone())), None);
        let closed = Alert { status: crate::model::AlertStatus::Dismissed, cooldown_secs: 60, ..alert };
        let told = ReceivedAt::from_timestamp(closed.last_notified_at);
        assert_eq!(unheard_from(Some(closed)), Some(ReceivedAt(told.0 + 60_000_000_000)));
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
