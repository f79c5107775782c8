//! Which alerts belong together: of the same key, or of the same organisation at the same time.

use crate::model::Alert;
use jiff::Timestamp;

/// What two alerts have in common; the closest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// The organisation, and their times overlap.
    Organization,
    /// The key.
    Key,
    /// The key, and their times overlap.
    KeyAndTime,
}

/// What `other` has in common with `alert`, if anything. A key is a name within its organisation.
pub fn relation(alert: &Alert, other: &Alert) -> Option<Relation> {
    if alert.id == other.id || alert.organization != other.organization {
        return None;
    }
    let ((start, end), (other_start, other_end)) = (span(alert), span(other));
    let overlaps = start <= other_end && other_start <= end;
    match (alert.key == other.key, overlaps) {
        (true, true) => Some(Relation::KeyAndTime),
        (true, false) => Some(Relation::Key),
        (false, true) if alert.organization.is_some() => Some(Relation::Organization),
        (false, _) => None,
    }
}

/// Event times from the first event that counted to the last firing.
fn span(alert: &Alert) -> (Timestamp, Timestamp) {
    let first = alert.evidence.first_event_at.unwrap_or(alert.first_fired_at).min(alert.first_fired_at);
    (first, alert.last_fired_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::an_alert;
    use jiff::SignedDuration;
    use uuid::Uuid;

    #[test]
    fn alerts_are_related_by_key_or_by_organisation_and_time() {
        let alert = Alert { organization: Some("a".into()), ..an_alert() };
        let other = Alert { id: Uuid::from_u128(99), ..alert.clone() };
        assert_eq!(relation(&alert, &alert), None, "none is related to itself");
        assert_eq!(relation(&alert, &other), Some(Relation::KeyAndTime));
        let (start, end) = span(&alert);
        let moved = |by: SignedDuration| {
            let mut moved = other.clone();
            moved.evidence.first_event_at = moved.evidence.first_event_at.map(|at| at + by);
            moved.first_fired_at += by;
            moved.last_fired_at += by;
            moved
        };
        let length = end.duration_since(start);
        let moment = SignedDuration::from_nanos(1);
        assert_eq!(relation(&alert, &moved(length)), Some(Relation::KeyAndTime), "they touch");
        assert_eq!(relation(&alert, &moved(length + moment)), Some(Relation::Key));
        let stranger = |alert: Alert| Alert { key: "somebody else".into(), ..alert };
        assert_eq!(relation(&alert, &stranger(other.clone())), Some(Relation::Organization));
        assert_eq!(relation(&alert, &stranger(moved(length + moment))), None);
        let elsewhere = Alert { organization: Some("b".into()), ..other.clone() };
        assert_eq!(relation(&alert, &elsewhere), None, "the same name elsewhere is somebody else");
        let nobodys = |alert: &Alert| Alert { organization: None, ..alert.clone() };
        assert_eq!(relation(&nobodys(&alert), &nobodys(&other)), Some(Relation::KeyAndTime));
        assert_eq!(
            relation(&nobodys(&alert), &stranger(nobodys(&other))),
            None,
            "nobody's is no organisation"
        );
    }
}
