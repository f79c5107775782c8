//! Says what an alert is about in a sentence that a person can read.

use crate::model::{Alert, Pattern};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Characters of a key that are shown.
const KEY_CHARS_MAX: usize = 120;

/// The alert's title: what was found, and about whom. A long key is cut.
pub fn title(pattern: Pattern, key: &str) -> String {
    format!("{}: {}", pattern.title(), cut(key))
}

/// Who did what how often, from when to when (in UTC), and against which limit. A long key is cut.
pub fn explain(alert: &Alert) -> String {
    explain_in(alert, &TimeZone::UTC)
}

/// The same with the times of that zone.
pub fn explain_in(alert: &Alert, zone: &TimeZone) -> String {
    let what = what_happened(alert.pattern, &cut(&alert.key), alert.evidence.count);
    let first = alert.evidence.first_event_at.unwrap_or(alert.first_fired_at);
    let last = alert.evidence.last_event_at.unwrap_or(alert.last_fired_at);
    format!("{what} {}; {}.", period(first, last, zone), limit(alert))
}

fn cut(key: &str) -> String {
    let mut shown: String = key.chars().take(KEY_CHARS_MAX).collect();
    if shown.len() < key.len() {
        shown.push('…');
    }
    shown
}

fn what_happened(pattern: Pattern, key: &str, count: u64) -> String {
    let times = times(count);
    match pattern {
        Pattern::FailedAuth => format!("{key} failed to sign in {times}"),
        Pattern::UnauthorizedAccess => format!("{key} was refused access {times}"),
        Pattern::DataVelocity => format!("{key} accessed data {times}"),
        Pattern::BulkOperation => format!("{key} worked on many records at once {times}"),
        Pattern::OffHours => format!("{key} worked on data outside working hours {times}"),
        Pattern::IntegrityViolation => {
            format!(
                "{} of {key} did not match the hash or signature sent with {}",
                plural(count, "event"),
                if count == 1 { "it" } else { "them" }
            )
        }
        Pattern::IdConflict => format!("{key} used an event id again for other content {times}"),
        Pattern::LogDamage => format!("A check of the log found damage ({key})"),
        Pattern::DiskSpace => format!("There is too little room on the disk of the {key}"),
        Pattern::ClockJump => format!("The {key} jumped"),
        Pattern::SourceSilent => format!("{key} has sent nothing for longer than it may"),
        Pattern::BooksDiffer => format!("Not every event that came from {key} is accounted for"),
        Pattern::DeadLetters => format!("{key} wait for a decision"),
        Pattern::Undelivered => format!("Notifications to {key} do not arrive, noticed"),
    }
}

fn limit(alert: &Alert) -> String {
    match (alert.pattern, alert.threshold, alert.timespan_secs) {
        (Pattern::IntegrityViolation, ..) => {
            "the content was changed after it was signed, or it was signed with another key".to_owned()
        }
        (Pattern::IdConflict, ..) => "the first event was kept, the second refused".to_owned(),
        (Pattern::LogDamage, ..) => "run `sealwatch verify`, then restore a backup".to_owned(),
        (Pattern::DiskSpace, ..) => "make room, or no event can be taken in".to_owned(),
        (Pattern::ClockJump, ..) => "check the host's time synchronisation".to_owned(),
        (Pattern::SourceSilent, ..) => "check that it runs and reaches the appliance".to_owned(),
        (Pattern::BooksDiffer, ..) => "run `sealwatch verify` and report it".to_owned(),
        (Pattern::DeadLetters, ..) => "retry or discard them at /dead-letters".to_owned(),
        (Pattern::Undelivered, ..) => "see /notifications for the reason, and have a test sent".to_owned(),
        (_, 1, _) => "a single time raises the alert".to_owned(),
        (_, threshold, 0) => format!("the limit is {threshold} at the same instant"),
        (_, threshold, timespan) => format!("the limit is {threshold} within {}", duration(timespan)),
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

fn period(first: Timestamp, last: Timestamp, zone: &TimeZone) -> String {
    let zone_name = zone.to_offset_info(last).abbreviation().to_owned();
    let [first, last] = [first, last].map(|time| zone.to_datetime(time));
    let (day, clock) = ("%Y-%m-%d", "%H:%M:%S");
    let [from, to] = [first, last].map(|time| time.strftime(clock).to_string());
    match (first.date() == last.date(), from == to) {
        (true, true) => format!("at {from} {zone_name} on {}", first.strftime(day)),
        (true, false) => format!("between {from} and {to} {zone_name} on {}", first.strftime(day)),
        _ => format!("between {} {from} and {} {to} {zone_name}", first.strftime(day), last.strftime(day)),
    }
}

fn duration(secs: u64) -> String {
    match secs {
        secs if secs % 86_400 == 0 => plural(secs / 86_400, "day"),
        secs if secs % 3_600 == 0 => plural(secs / 3_600, "hour"),
        secs if secs % 60 == 0 => plural(secs / 60, "minute"),
        secs => plural(secs, "second"),
    }
}

fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::{an_alert, at};
    use crate::model::Evidence;

    fn check(pattern: Pattern, threshold: u64, timespan_secs: u64, evidence: (u64, i64, i64), words: &str) {
        let (count, first, last) = evidence;
        let (first_event_at, last_event_at) = (Some(at(first)), Some(at(last)));
        let evidence = Evidence { count, first_event_at, last_event_at, ..Evidence::default() };
        assert_eq!(explain(&Alert { pattern, threshold, timespan_secs, evidence, ..an_alert() }), words);
    }

    #[test]
    fn an_alert_explains_itself() {
        check(
            Pattern::UnauthorizedAccess,
            3,
            600,
            (14, 0, 287),
            "ada was refused access 14 times between 12:00:00 and 12:04:47 UTC on 2023-07-10; \
             the limit is 3 within 10 minutes.",
        );
        check(
            Pattern::FailedAuth,
            2,
            60,
            (2, 0, 86_400),
            "ada failed to sign in twice between 2023-07-10 12:00:00 and 2023-07-11 12:00:00 UTC; \
             the limit is 2 within 1 minute.",
        );
        check(
            Pattern::DataVelocity,
            50,
            90,
            (50, 0, 1),
            "ada accessed data 50 times between 12:00:00 and 12:00:01 UTC on 2023-07-10; \
             the limit is 50 within 90 seconds.",
        );
        check(
            Pattern::OffHours,
            1,
            0,
            (1, 0, 0),
            "ada worked on data outside working hours once at 12:00:00 UTC on 2023-07-10; \
             a single time raises the alert.",
        );
        check(
            Pattern::IntegrityViolation,
            1,
            0,
            (1, 0, 0),
            "1 event of ada did not match the hash or signature sent with it at 12:00:00 UTC on 2023-07-10; \
             the content was changed after it was signed, or it was signed with another key.",
        );
    }

    #[test]
    fn a_title_cuts_a_long_key() {
        assert_eq!(title(Pattern::FailedAuth, "ada"), "Failed sign-ins: ada");
        let key = "ö".repeat(KEY_CHARS_MAX);
        assert_eq!(title(Pattern::FailedAuth, &key), format!("Failed sign-ins: {key}"));
        assert_eq!(title(Pattern::FailedAuth, &format!("{key}x")), format!("Failed sign-ins: {key}…"));
    }
}
