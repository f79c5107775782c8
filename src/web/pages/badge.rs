//! What a severity, status or verdict looks like: icon, word and colour, so that none stands alone.

use crate::model::{AlertStatus, Severity, Status, Verdict};
use serde::Serialize;

/// One such mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Badge {
    /// The name of a symbol in `templates/macros.html`.
    pub icon: &'static str,
    /// What people read.
    pub word: &'static str,
    /// The colour: a class `tone-…` of the style sheet.
    pub tone: &'static str,
}

const fn badge(icon: &'static str, word: &'static str, tone: &'static str) -> Badge {
    Badge { icon, word, tone }
}

impl From<Severity> for Badge {
    fn from(severity: Severity) -> Badge {
        match severity {
            Severity::Critical => badge("critical", "Critical", "critical"),
            Severity::High => badge("high", "High", "high"),
            Severity::Medium => badge("medium", "Medium", "medium"),
            Severity::Low => badge("low", "Low", "low"),
            Severity::Info => badge("info", "Info", "info"),
        }
    }
}

impl From<AlertStatus> for Badge {
    fn from(status: AlertStatus) -> Badge {
        match status {
            AlertStatus::Active => badge("active", "Active", "active"),
            AlertStatus::Acknowledged => badge("eye", "Acknowledged", "accent"),
            AlertStatus::Resolved => badge("check", "Resolved", "good"),
            AlertStatus::Dismissed => badge("minus", "Dismissed", "info"),
            AlertStatus::Suppressed => badge("pause", "Suppressed", "info"),
        }
    }
}

impl From<Status> for Badge {
    fn from(status: Status) -> Badge {
        match status {
            Status::Success => badge("check", "Success", "good"),
            Status::Failure => badge("cross", "Failure", "critical"),
            Status::Attempt => badge("arrow", "Attempt", "info"),
        }
    }
}

impl From<Verdict> for Badge {
    fn from(verdict: Verdict) -> Badge {
        match verdict {
            Verdict::Verified => badge("seal", "Verified", "good"),
            Verdict::Unsigned => badge("open", "Unsigned", "medium"),
            Verdict::HashMismatch => badge("broken", "Hash mismatch", "critical"),
            Verdict::SignatureMismatch => badge("broken", "Signature mismatch", "critical"),
            Verdict::Unverifiable => badge("question", "Unverifiable", "info"),
        }
    }
}

impl Badge {
    /// Whether something is switched on.
    pub fn of_switch(on: bool) -> Badge {
        if on { badge("check", "On", "good") } else { badge("pause", "Off", "info") }
    }

    /// Whether an API key is in force.
    pub fn of_key(revoked: bool) -> Badge {
        if revoked { badge("minus", "Revoked", "info") } else { badge("check", "In force", "good") }
    }

    /// The mark of a health status; one that is not known counts as the worst.
    pub fn of_health(status: &str) -> Badge {
        match status {
            "OK" => badge("check", "OK", "good"),
            "WARNING" => badge("medium", "Warning", "medium"),
            _ => badge("critical", "Critical", "critical"),
        }
    }
}
