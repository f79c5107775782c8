//! Says in words what each pattern looks for.

use crate::model::Pattern;

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
        Pattern::LogDamage => {
            "A check of the log found an entry that is not as it was written, or something missing."
        }
        Pattern::DiskSpace => "The disk that holds the log is fuller than disk_alert_percent.",
        Pattern::ClockJump => {
            "The host's clock jumped by clock_jump_warn_secs or more while the appliance ran."
        }
        Pattern::SourceSilent => "A source has sent nothing for longer than its silence_secs.",
        Pattern::BooksDiffer => {
            "What came in from a source is not the sum of what was stored, known already and rejected."
        }
        Pattern::DeadLetters => "More dead letters wait than dead_letters_max.",
        Pattern::Undelivered => {
            "Every try at a target has failed for broken_after_secs, only other settings can mend it, or what was given \
             up for it has become twice as much."
        }
    }
}
