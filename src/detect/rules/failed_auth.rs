//! `FAILED_AUTH`: sign-ins that fail.

use super::Rule;
use crate::detect::settings::OffHours;
use crate::model::{AuditEvent, Pattern, Status};

/// A sign-in that failed.
pub(super) struct FailedAuth;

impl Rule for FailedAuth {
    fn pattern(&self) -> Pattern {
        Pattern::FailedAuth
    }

    fn matches(&self, event: &AuditEvent<'_>, _: &OffHours) -> bool {
        event.status == Status::Failure && event.action.contains("auth.login.failure")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::an_event;

    #[test]
    fn only_a_sign_in_that_failed_counts() {
        let check = |action: &'static str, status, counts| {
            let event = AuditEvent { action: action.into(), status, ..an_event() };
            assert_eq!(FailedAuth.matches(&event, &OffHours::default()), counts, "{action} {status:?}");
        };
        check("auth.login.failure", Status::Failure, true);
        check("portal.auth.login.failure.locked", Status::Failure, true);
        check("auth.login.failure", Status::Success, false);
        check("auth.login.failure", Status::Attempt, false);
        check("auth.login.success", Status::Failure, false);
        check("AUTH.LOGIN.FAILURE", Status::Failure, false);
        check("auth.login.failur", Status::Failure, false);
    }
}
