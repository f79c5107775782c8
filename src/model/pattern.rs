//! The kinds of misuse that raise alerts.

use super::{AlertType, Severity};
use serde::{Deserialize, Serialize};

/// What an alert is about. The names are part of every fingerprint and of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Pattern {
    /// A burst of failed sign-ins.
    FailedAuth,
    /// Refused access, again and again.
    UnauthorizedAccess,
    /// Reading faster than people read.
    DataVelocity,
    /// Exports, imports and other actions on many records.
    BulkOperation,
    /// Work on data when nobody works.
    OffHours,
    /// An event whose hash or signature is not that of its content.
    IntegrityViolation,
    /// An id that was used again for other content.
    IdConflict,
    /// Something in the log that is not as it was written, or is missing.
    LogDamage,
}

impl Pattern {
    /// Every pattern: first the five that count in windows, then those that fire on a single finding.
    pub const ALL: [Pattern; 8] = [
        Pattern::FailedAuth,
        Pattern::UnauthorizedAccess,
        Pattern::DataVelocity,
        Pattern::BulkOperation,
        Pattern::OffHours,
        Pattern::IntegrityViolation,
        Pattern::IdConflict,
        Pattern::LogDamage,
    ];

    /// The five that count events in windows.
    pub const WINDOWED: [Pattern; 5] = [
        Pattern::FailedAuth,
        Pattern::UnauthorizedAccess,
        Pattern::DataVelocity,
        Pattern::BulkOperation,
        Pattern::OffHours,
    ];

    /// The name in the API, in settings and in fingerprints.
    pub fn name(self) -> &'static str {
        match self {
            Pattern::FailedAuth => "FAILED_AUTH",
            Pattern::UnauthorizedAccess => "UNAUTHORIZED_ACCESS",
            Pattern::DataVelocity => "DATA_VELOCITY",
            Pattern::BulkOperation => "BULK_OPERATION",
            Pattern::OffHours => "OFF_HOURS",
            Pattern::IntegrityViolation => "INTEGRITY_VIOLATION",
            Pattern::IdConflict => "ID_CONFLICT",
            Pattern::LogDamage => "LOG_DAMAGE",
        }
    }

    /// The pattern of that name.
    pub fn from_name(name: &str) -> Option<Pattern> {
        Pattern::ALL.into_iter().find(|pattern| pattern.name() == name)
    }

    /// What people read: `Unauthorised access`.
    pub fn title(self) -> &'static str {
        match self {
            Pattern::FailedAuth => "Failed sign-ins",
            Pattern::UnauthorizedAccess => "Unauthorised access",
            Pattern::DataVelocity => "High-velocity reading",
            Pattern::BulkOperation => "Bulk operations",
            Pattern::OffHours => "Off-hours access",
            Pattern::IntegrityViolation => "Integrity violation",
            Pattern::IdConflict => "Event id used twice",
            Pattern::LogDamage => "Damaged log",
        }
    }

    /// How serious its alerts are unless the settings say otherwise.
    pub fn default_severity(self) -> Severity {
        match self {
            Pattern::UnauthorizedAccess | Pattern::IntegrityViolation | Pattern::LogDamage => {
                Severity::Critical
            }
            Pattern::FailedAuth | Pattern::IdConflict => Severity::High,
            Pattern::DataVelocity | Pattern::BulkOperation => Severity::Medium,
            Pattern::OffHours => Severity::Low,
        }
    }

    /// The `type` of its alerts.
    pub fn alert_type(self) -> AlertType {
        match self {
            Pattern::LogDamage => AlertType::System,
            _ => AlertType::Security,
        }
    }
}
