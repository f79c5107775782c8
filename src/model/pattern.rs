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
    /// Too little room on the disk that holds the log.
    DiskSpace,
    /// The host's clock jumped.
    ClockJump,
    /// A source that has sent nothing for longer than it may.
    SourceSilent,
    /// What came in is not what was stored, known already and rejected.
    BooksDiffer,
    /// Work that failed for good and waits for a decision.
    DeadLetters,
    /// A target that notifications do not reach.
    Undelivered,
}

impl Pattern {
    /// Every pattern: first the five that count in windows, then those that fire on a single finding.
    pub const ALL: [Pattern; 14] = [
        Pattern::FailedAuth,
        Pattern::UnauthorizedAccess,
        Pattern::DataVelocity,
        Pattern::BulkOperation,
        Pattern::OffHours,
        Pattern::IntegrityViolation,
        Pattern::IdConflict,
        Pattern::LogDamage,
        Pattern::DiskSpace,
        Pattern::ClockJump,
        Pattern::SourceSilent,
        Pattern::BooksDiffer,
        Pattern::DeadLetters,
        Pattern::Undelivered,
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
            Pattern::DiskSpace => "DISK_SPACE",
            Pattern::ClockJump => "CLOCK_JUMP",
            Pattern::SourceSilent => "SOURCE_SILENT",
            Pattern::BooksDiffer => "BOOKS_DIFFER",
            Pattern::DeadLetters => "DEAD_LETTERS",
            Pattern::Undelivered => "UNDELIVERED",
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
            Pattern::DiskSpace => "Disk space",
            Pattern::ClockJump => "Clock jump",
            Pattern::SourceSilent => "Silent source",
            Pattern::BooksDiffer => "Events unaccounted for",
            Pattern::DeadLetters => "Dead letters",
            Pattern::Undelivered => "Undelivered notifications",
        }
    }

    /// How serious its alerts are unless the settings say otherwise.
    pub fn default_severity(self) -> Severity {
        match self {
            Pattern::UnauthorizedAccess
            | Pattern::IntegrityViolation
            | Pattern::LogDamage
            | Pattern::BooksDiffer => Severity::Critical,
            Pattern::FailedAuth
            | Pattern::IdConflict
            | Pattern::DiskSpace
            | Pattern::DeadLetters
            | Pattern::Undelivered => Severity::High,
            Pattern::DataVelocity | Pattern::BulkOperation | Pattern::ClockJump | Pattern::SourceSilent => {
                Severity::Medium
            }
            Pattern::OffHours => Severity::Low,
        }
    }

    /// The `type` of its alerts.
    pub fn alert_type(self) -> AlertType {
        match self {
            Pattern::Undelivered => AlertType::Delivery,
            _ if self.is_of_appliance() => AlertType::System,
            _ => AlertType::Security,
        }
    }

    /// Whether it is something that the appliance noticed of itself or its sources, not of events.
    pub fn is_of_appliance(self) -> bool {
        matches!(
            self,
            Pattern::LogDamage
                | Pattern::DiskSpace
                | Pattern::ClockJump
                | Pattern::SourceSilent
                | Pattern::BooksDiffer
                | Pattern::DeadLetters
                | Pattern::Undelivered
        )
    }
}
