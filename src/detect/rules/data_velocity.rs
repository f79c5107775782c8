//! `DATA_VELOCITY`: reading faster than people read.

use super::Rule;
use crate::detect::settings::OffHours;
use crate::model::{AuditEvent, Pattern, Status};

/// Something done to data, or to a target that is named.
pub(super) struct DataVelocity;

impl Rule for DataVelocity {
    fn pattern(&self) -> Pattern {
        Pattern::DataVelocity
    }

    fn matches(&self, event: &AuditEvent<'_>, _: &OffHours) -> bool {
        let has_target = event.target_resource_type.as_deref().is_some_and(|kind| !kind.is_empty());
        event.status == Status::Success
            && (has_target || event.action.contains("data.read") || event.action.contains("fhir."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::an_event;

    #[test]
    fn only_what_was_done_to_data_or_a_named_target_counts() {
        let check = |action: &'static str, target: Option<&'static str>, status, counts| {
            let target_resource_type = target.map(Into::into);
            let event = AuditEvent { action: action.into(), target_resource_type, status, ..an_event() };
            let found = DataVelocity.matches(&event, &OffHours::default());
            assert_eq!(found, counts, "{action} {target:?} {status:?}");
        };
        check("data.read", None, Status::Success, true);
        check("crm.data.read.all", None, Status::Success, true);
        check("fhir.patient.read", None, Status::Success, true);
        check("thing.touched", Some("Patient"), Status::Success, true);
        check("thing.touched", Some(""), Status::Success, false);
        check("thing.touched", None, Status::Success, false);
        check("data.write", None, Status::Success, false);
        check("fhir", None, Status::Success, false);
        check("data.read", Some("Patient"), Status::Failure, false);
        check("data.read", Some("Patient"), Status::Attempt, false);
    }
}
