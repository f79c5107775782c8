//! `UNAUTHORIZED_ACCESS`: access that was refused.

use super::Rule;
use crate::detect::settings::OffHours;
use crate::model::{AuditEvent, Pattern, Status};

/// A failure whose description says that it was a refusal.
pub(super) struct UnauthorizedAccess;

const REFUSALS: [&str; 3] = ["unauthorized", "access denied", "forbidden"];

impl Rule for UnauthorizedAccess {
    fn pattern(&self) -> Pattern {
        Pattern::UnauthorizedAccess
    }

    fn matches(&self, event: &AuditEvent<'_>, _: &OffHours) -> bool {
        event.status == Status::Failure && event.outcome_description.as_deref().is_some_and(tells_of_refusal)
    }
}

/// Whether the text contains one of the refusals in any case. One pass without a copy: the text may be long.
fn tells_of_refusal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let refusal_at = |start: usize| {
        REFUSALS.iter().any(|refusal| {
            let found = bytes.get(start..start + refusal.len());
            found.is_some_and(|found| found.eq_ignore_ascii_case(refusal.as_bytes()))
        })
    };
    (0..bytes.len()).any(|start| matches!(bytes[start] | 0x20, b'u' | b'a' | b'f') && refusal_at(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::an_event;

    #[test]
    fn only_a_failure_that_tells_of_a_refusal_counts() {
        let check = |outcome: Option<&'static str>, status, counts| {
            let event = AuditEvent { outcome_description: outcome.map(Into::into), status, ..an_event() };
            assert_eq!(
                UnauthorizedAccess.matches(&event, &OffHours::default()),
                counts,
                "{outcome:?} {status:?}"
            );
        };
        check(Some("unauthorized"), Status::Failure, true);
        check(Some("Client.UnauthorizedOperation: you are not"), Status::Failure, true);
        check(Some("ACCESS DENIED"), Status::Failure, true);
        check(Some("zugriff verweigert (Forbidden)"), Status::Failure, true);
        check(Some("é: Access Denied"), Status::Failure, true);
        check(Some("AccessDenied"), Status::Failure, false);
        check(Some("access  denied"), Status::Failure, false);
        check(Some("access denie"), Status::Failure, false);
        check(Some("timeout"), Status::Failure, false);
        check(Some(""), Status::Failure, false);
        check(None, Status::Failure, false);
        check(Some("forbidden"), Status::Success, false);
        check(Some("forbidden"), Status::Attempt, false);
    }
}
