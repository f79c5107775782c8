//! Adds events to an alert's evidence, which stays bounded however many count.

use crate::model::{Evidence, EvidenceItem};

/// Up to this many events are kept whole; beyond it half of them from either end.
pub(super) const ITEMS_MAX: usize = 1_000;

/// Counts one more event, which must not have counted towards this alert before.
pub(super) fn add(evidence: &mut Evidence, item: EvidenceItem) {
    evidence.count += 1;
    evidence.first_event_at = Some(evidence.first_event_at.map_or(item.time, |first| first.min(item.time)));
    evidence.last_event_at = Some(evidence.last_event_at.map_or(item.time, |last| last.max(item.time)));
    if evidence.last.is_empty() && evidence.first.len() < ITEMS_MAX {
        evidence.first.push(item);
        return;
    }
    if evidence.last.is_empty() {
        evidence.last.extend(evidence.first.drain(ITEMS_MAX / 2..));
    }
    evidence.last.pop_front();
    evidence.last.push_back(item);
}

/// The ids that are kept, in the order in which they counted.
pub(super) fn ids(evidence: &Evidence) -> Vec<uuid::Uuid> {
    evidence.first.iter().chain(&evidence.last).map(|item| item.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::at;
    use crate::model::Seq;
    use uuid::Uuid;

    fn evidence(count: u64) -> Evidence {
        let mut evidence = Evidence::default();
        for seq in 0..count {
            let time = at(i64::try_from(seq).expect("a short script"));
            add(&mut evidence, EvidenceItem { seq: Seq(seq), id: Uuid::from_u128(seq.into()), time });
        }
        evidence
    }

    #[test]
    fn all_are_kept_up_to_a_thousand() {
        let evidence = evidence(1_000);
        assert_eq!((evidence.count, evidence.first.len(), evidence.last.len()), (1_000, 1_000, 0));
        assert_eq!((evidence.first_event_at, evidence.last_event_at), (Some(at(0)), Some(at(999))));
    }

    #[test]
    fn beyond_a_thousand_the_first_and_the_last_500_stay() {
        for count in [1_001, 1_002, 5_000] {
            let evidence = evidence(count);
            let kept = ids(&evidence);
            let wanted: Vec<Uuid> =
                (0..500).chain(count - 500..count).map(|seq| Uuid::from_u128(seq.into())).collect();
            assert_eq!((evidence.count, evidence.last.len()), (count, 500));
            assert_eq!(kept, wanted);
        }
    }

    #[test]
    fn the_period_is_that_of_the_earliest_and_the_latest_whatever_the_order() {
        let mut evidence = evidence(3);
        add(&mut evidence, EvidenceItem { seq: Seq(9), id: Uuid::nil(), time: at(-5) });
        assert_eq!((evidence.first_event_at, evidence.last_event_at), (Some(at(-5)), Some(at(2))));
    }
}
