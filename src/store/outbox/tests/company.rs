//! What is known beside a delivery, and deliveries that are withheld or sent again.

use super::*;
use crate::model::NotTold;
use crate::routing::Company;

#[test]
fn what_is_known_beside_a_delivery_is_of_its_alert_route_and_target_alone() {
    let store = store();
    let nth = |occurrences, target: &str| {
        let first = waiting(7, target, now(occurrences));
        Delivery { id: Delivery::id_of(first.alert, occurrences, "all", target), occurrences, ..first }
    };
    let told = Delivery { state: DeliveryState::Told { at: now(1), attempts: 1 }, ..nth(1, TARGET) };
    commit(&store, now(9), |txn| {
        txn.put_delivery(&told)?;
        txn.put_delivery(&nth(2, TARGET))?;
        txn.put_delivery(&nth(3, TARGET))?;
        txn.put_delivery(&nth(4, "other"))?;
        txn.put_delivery(&Delivery { alert: Uuid::from_u128(8), ..nth(5, TARGET) })
    });
    let company = |of: &Delivery| store.company_of(of).expect("memory does not fail");
    assert_eq!(company(&nth(2, TARGET)), Company { was_told: true, newer_waits: true, newer_told: false });
    assert_eq!(company(&nth(3, TARGET)), Company { was_told: true, ..Company::default() });
    assert_eq!(company(&nth(4, "other")), Company::default());

    let entries = store.size();
    let why = NotTold::Superseded;
    commit(&store, now(10), |txn| txn.withhold_delivery(nth(2, TARGET).id, why.clone()));
    let withheld = known(&store, nth(2, TARGET).id).expect("it is kept");
    assert_eq!(withheld.state, DeliveryState::NotTold { why, at: Some(now(10)) });
    assert_eq!(withheld.ended_at(), Some(now(10)));
    assert_eq!(store.size().0, entries.0 + 1, "the log tells of it");
    // Nothing newer waits or was told, so it stays as it is.
    commit(&store, now(11), |txn| txn.withhold_delivery(nth(3, TARGET).id, NotTold::Superseded));
    assert!(known(&store, nth(3, TARGET).id).expect("it is kept").due().is_some());
}

#[test]
fn the_newer_one_takes_the_place_and_the_faults_of_the_one_that_it_supersedes() {
    let store = store();
    let nth = |occurrences, strikes, at: u64| {
        let first = waiting(7, TARGET, now(at));
        let (since, next_try) = (now(at), now(at));
        let state = DeliveryState::Waiting { since, attempts: 2, strikes, next_try, last_error: None };
        Delivery { id: Delivery::id_of(first.alert, occurrences, "all", TARGET), occurrences, state, ..first }
    };
    let (older, newer) = (nth(1, 3, 10), nth(2, 1, 300));
    commit(&store, now(300), |txn| {
        txn.put_delivery(&older)?;
        txn.put_delivery(&waiting(8, TARGET, now(20)))?;
        txn.put_delivery(&newer)
    });
    commit(&store, now(301), |txn| txn.withhold_delivery(older.id, NotTold::Superseded));
    let next = store.next_delivery(TARGET, 0, now(301)).expect("memory").expect("two wait");
    assert_eq!(next.id, newer.id, "it does not begin at the end again");
    let DeliveryState::Waiting { strikes: 3, since, .. } = next.state else { panic!("{next:?}") };
    assert_eq!(since, now(300), "it waits since it was decided");
    assert!(!next.was_revived());
    let overdue = store.overdue_deliveries(TARGET, WAIT_MAX, now(20 + WAIT_MAX.as_secs()), 10);
    assert_eq!(
        overdue.expect("memory"),
        [waiting(8, TARGET, now(20)).id],
        "it hides none that stands behind it"
    );
}

#[test]
fn what_somebody_has_sent_again_is_known_by_it_although_it_was_never_tried() {
    let store = store();
    let first = waiting(1, TARGET, now(1));
    assert!(!first.was_revived());
    commit(&store, now(1), |txn| txn.put_delivery(&first));
    commit(&store, now(2), |txn| txn.give_up_deliveries(&[first.id], "there is no room"));
    assert!(commit(&store, now(3), |txn| txn.revive_delivery(first.id, "ada")));
    let revived = known(&store, first.id).expect("it is kept");
    assert!(revived.was_revived() && revived.attempts() == 0 && revived.failures.is_empty());
}
