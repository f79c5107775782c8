//! The patterns that count events, one file each.

mod bulk_operation;
mod data_velocity;
mod failed_auth;
mod off_hours;
mod unauthorized_access;

use super::settings::OffHours;
use crate::model::{AuditEvent, Pattern};

/// One pattern: which events count towards it. Threshold, timespan and severity are settings.
pub(super) trait Rule: Sync {
    /// Which pattern it is.
    fn pattern(&self) -> Pattern;

    /// Whether the event counts. `off_hours` is when nobody works in its organisation.
    fn matches(&self, event: &AuditEvent<'_>, off_hours: &OffHours) -> bool;
}

/// Every rule, in the order of [`Pattern::WINDOWED`].
pub(super) static RULES: [&dyn Rule; Pattern::WINDOWED.len()] = [
    &failed_auth::FailedAuth,
    &unauthorized_access::UnauthorizedAccess,
    &data_velocity::DataVelocity,
    &bulk_operation::BulkOperation,
    &off_hours::OffHoursAccess,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_stand_in_the_order_of_the_patterns() {
        assert_eq!(RULES.map(|rule| rule.pattern()), Pattern::WINDOWED);
    }
}
