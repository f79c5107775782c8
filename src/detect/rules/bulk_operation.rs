//! `BULK_OPERATION`: exports, imports and other actions on many records.

use super::Rule;
use crate::detect::settings::OffHours;
use crate::model::{AuditEvent, Pattern};

/// An action on many records, whatever came of it.
pub(super) struct BulkOperation;

const ACTIONS: [&str; 3] = ["data.export", "data.import", "bulk"];
/// A single action on more records than this is one on many.
const RECORDS_MAX: f64 = 10.0;

impl Rule for BulkOperation {
    fn pattern(&self) -> Pattern {
        Pattern::BulkOperation
    }

    fn matches(&self, event: &AuditEvent<'_>, _: &OffHours) -> bool {
        event.record_count.is_some_and(|count| count > RECORDS_MAX)
            || ACTIONS.iter().any(|action| event.action.contains(action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::an_event;
    use crate::model::Status;

    #[test]
    fn an_action_on_many_counts_whatever_came_of_it() {
        let check = |action: &'static str, record_count, counts| {
            for status in Status::ALL {
                let event = AuditEvent { action: action.into(), record_count, status, ..an_event() };
                let found = BulkOperation.matches(&event, &OffHours::default());
                assert_eq!(found, counts, "{action} {record_count:?} {status:?}");
            }
        };
        check("data.export", None, true);
        check("crm.data.import.csv", None, true);
        check("mailbulk", None, true);
        check("data.read", None, false);
        check("Bulk", None, false);
        check("thing.touched", Some(10.0), false);
        check("thing.touched", Some(10.5), true);
        check("thing.touched", Some(11.0), true);
        check("thing.touched", Some(-11.0), false);
        check("data.export", Some(0.0), true);
    }
}
