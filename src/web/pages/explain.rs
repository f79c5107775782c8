//! Says in words why an alert was raised.

use super::words;
use crate::model::{Alert, Pattern};

/// Why the alert was raised: what was counted, how long it took, and how much is enough.
pub fn explanation(alert: &Alert) -> String {
    let (one, many) = noun(alert.pattern);
    let number = alert.evidence.count;
    let counted = format!("{} {}", words::count(number), if number == 1 { one } else { many });
    let happened = match (alert.evidence.first_event_at, alert.evidence.last_event_at) {
        (Some(first), Some(last)) if last > first => {
            let secs = u64::try_from(last.duration_since(first).as_secs()).unwrap_or(0);
            format!("{counted} within {}.", words::span(secs.max(1)))
        }
        _ => format!("{counted}."),
    };
    let enough = match (alert.threshold, alert.timespan_secs) {
        (0 | 1, _) => "A single one raises this alert".to_owned(),
        (threshold, secs) => {
            format!("{} within {} raise this alert", words::count(threshold), words::span(secs))
        }
    };
    let again = match alert.occurrences {
        0 | 1 => String::new(),
        2 => ", and it has fired once more since".to_owned(),
        often => format!(", and it has fired {} times in all", words::count(often)),
    };
    format!("{happened} {enough}{again}.")
}

fn noun(pattern: Pattern) -> (&'static str, &'static str) {
    match pattern {
        Pattern::FailedAuth => ("failed sign-in", "failed sign-ins"),
        Pattern::UnauthorizedAccess => ("refused attempt", "refused attempts"),
        Pattern::DataVelocity => ("successful read", "successful reads"),
        Pattern::BulkOperation => ("bulk operation", "bulk operations"),
        Pattern::OffHours => ("access to data while nobody works", "accesses to data while nobody works"),
        Pattern::IntegrityViolation => {
            ("event whose seal does not fit its content", "events whose seal does not fit their content")
        }
        Pattern::IdConflict => {
            ("event with an id that was already taken", "events with an id that was already taken")
        }
    }
}

/// What an event must be like to count for a pattern.
pub fn rule(pattern: Pattern) -> &'static str {
    match pattern {
        Pattern::FailedAuth => "The action contains “auth.login.failure” and the status is “failure”.",
        Pattern::UnauthorizedAccess => {
            "The status is “failure” and the outcome speaks of “unauthorized”, “access denied” or \
             “forbidden”."
        }
        Pattern::DataVelocity => {
            "The status is “success”, and the action contains “data.read” or “fhir.” or a target is named."
        }
        Pattern::BulkOperation => {
            "The action contains “data.export”, “data.import” or “bulk”, or it touches more than 10 records."
        }
        Pattern::OffHours => {
            "The status is “success”, the action contains “data.” or “fhir.”, and the local time is \
             off-hours, a weekend or a holiday."
        }
        Pattern::IntegrityViolation => {
            "The hash is not that of the content, or the signature is not the source's."
        }
        Pattern::IdConflict => {
            "An id came again with other content. The second event was refused, not stored."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::pages::alert::tests::alert;

    #[test]
    fn the_explanation_says_what_was_counted_and_how_much_is_enough() {
        let said = explanation(&alert(Pattern::FailedAuth, 7, 150));
        let expected = "7 failed sign-ins within 2 minutes 30 seconds. 5 within 5 minutes raise this alert, \
                        and it has fired 3 times in all.";
        assert_eq!(said, expected);
        let single =
            Alert { threshold: 1, timespan_secs: 0, occurrences: 1, ..alert(Pattern::OffHours, 1, 0) };
        let expected = "1 access to data while nobody works. A single one raises this alert.";
        assert_eq!(explanation(&single), expected);
    }
}
