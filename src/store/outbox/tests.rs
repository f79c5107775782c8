//! The outbox held against a plain model, over any sequence of tries, answers, kills and decisions; and its retention.

mod company;

use super::*;
use crate::routing::{
    Breaker, BreakerState, Failure, Patience, Permission, Retry, TargetThen, TryEnd, state_after,
};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use redb::ReadableTableMetadata;
use redb::backends::InMemoryBackend;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const SECOND: u64 = 1_000_000_000;
const TARGET: &str = "desk";
/// How long a delivery may wait.
const WAIT_MAX: Duration = Duration::from_secs(3 * 3_600);

fn now(secs: u64) -> ReceivedAt {
    ReceivedAt((1_700_000_000 + secs) * SECOND)
}

fn store() -> Store {
    Store::open_on(InMemoryBackend::new(), now(0)).expect("memory does not fail")
}

fn commit<T>(store: &Store, at: ReceivedAt, work: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError>) -> T {
    let mut txn = store.begin(at).expect("memory does not fail");
    let done = work(&mut txn).expect("memory does not fail");
    txn.commit().expect("memory does not fail");
    done
}

fn waiting(number: u64, target: &str, at: ReceivedAt) -> Delivery {
    let alert = Uuid::from_u128(u128::from(number));
    Delivery {
        id: Delivery::id_of(alert, 1, "all", target),
        alert,
        occurrences: 1,
        route: "all".to_owned(),
        target: target.to_owned(),
        counted: 5,
        fired_at: Timestamp::UNIX_EPOCH,
        decided_at: at,
        failures: Vec::new(),
        state: DeliveryState::ready(at),
    }
}

fn known(store: &Store, id: Uuid) -> Option<Delivery> {
    let read = store.db.begin_read().expect("memory does not fail");
    let deliveries = read.open_table(t::DELIVERIES).expect("it is there");
    delivery(&deliveries, id.as_bytes()).expect("the row can be read")
}

/// What the target does with the next thing that is sent to it.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Takes,
    IsUnwell,
    AsksFor(u32),
    Refuses,
    IsMisconfigured,
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// An alert fires.
    Decide,
    /// Time goes by, in seconds.
    Pass(u32),
    /// The worker looks; if it may, it tries, and that is the answer.
    Work(Answer),
    /// The same, but the process is killed before the end of the try is noted.
    Die(Answer),
    /// Somebody has the dead letter of that rank sent again, or discards it.
    Revive(usize),
    Discard(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let answer = || {
        prop_oneof![
            3 => Just(Answer::Takes),
            4 => Just(Answer::IsUnwell),
            1 => (0..5_000u32).prop_map(Answer::AsksFor),
            1 => Just(Answer::Refuses),
            1 => Just(Answer::IsMisconfigured),
        ]
    };
    let step = prop_oneof![
        3 => Just(Step::Decide),
        3 => (0..120u32).prop_map(Step::Pass),
        8 => answer().prop_map(Step::Work),
        1 => answer().prop_map(Step::Die),
        1 => (0..3usize).prop_map(Step::Revive),
        1 => (0..3usize).prop_map(Step::Discard),
    ];
    vec(step, 1..120)
}

/// What the model knows of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ready,
    Told,
    Dead,
    Discarded,
}

struct Run {
    store: Store,
    began: Instant,
    /// Seconds since the beginning.
    time: u64,
    breaker: Breaker,
    /// When the target last took something, and how many probes have failed since.
    told_at: Option<ReceivedAt>,
    failed_probes: usize,
    model: BTreeMap<Uuid, Place>,
    next_try: BTreeMap<Uuid, u64>,
    decided: u64,
    chance: u64,
}

impl Run {
    fn new() -> Run {
        Run {
            store: store(),
            began: Instant::now(),
            time: 0,
            breaker: Breaker::default(),
            told_at: None,
            failed_probes: 0,
            model: BTreeMap::new(),
            next_try: BTreeMap::new(),
            decided: 0,
            chance: 0,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Decide => {
                self.decided += 1;
                let delivery = waiting(self.decided, TARGET, now(self.time));
                commit(&self.store, now(self.time), |txn| txn.put_delivery(&delivery));
                self.model.insert(delivery.id, Place::Ready);
            }
            Step::Pass(secs) => self.time += u64::from(*secs),
            Step::Work(answer) => self.work(*answer, true),
            Step::Die(answer) => {
                self.work(*answer, false);
                (self.breaker, self.told_at, self.failed_probes) = (Breaker::default(), None, 0);
            }
            Step::Revive(rank) => {
                if let Some(id) = self.dead_letter(*rank) {
                    let revived = commit(&self.store, now(self.time), |txn| txn.revive_delivery(id, "ada"));
                    assert!(revived);
                    self.model.insert(id, Place::Ready);
                    self.next_try.remove(&id);
                }
            }
            Step::Discard(rank) => {
                if let Some(id) = self.dead_letter(*rank) {
                    let by = "ada";
                    assert!(commit(&self.store, now(self.time), |txn| txn.discard_delivery(id, by, "old")));
                    assert!(!commit(&self.store, now(self.time), |txn| txn.discard_delivery(id, by, "old")));
                    self.model.insert(id, Place::Discarded);
                }
            }
        }
    }

    fn dead_letter(&self, rank: usize) -> Option<Uuid> {
        let letters = self.store.undelivered(Some(TARGET), &Organizations::All, 10);
        letters.expect("memory does not fail").get(rank).map(|letter| letter.delivery.id)
    }

    /// What has waited for too long behind an open breaker, by the model and by the store.
    fn give_up_overdue(&mut self) {
        let (at, steady) = (now(self.time), self.began + Duration::from_secs(self.time));
        if self.breaker.state(steady) == BreakerState::Closed {
            return;
        }
        let overdue =
            self.store.overdue_deliveries(TARGET, WAIT_MAX, at, 1_000).expect("memory does not fail");
        commit(&self.store, at, |txn| txn.give_up_deliveries(&overdue, "waited in vain"));
        for id in overdue {
            let known = known(&self.store, id).expect("it is kept");
            assert!(known.decided_at.0 + 3 * 3_600 * SECOND <= at.0, "only what has waited for so long");
            assert_eq!(self.model.insert(id, Place::Dead), Some(Place::Ready));
        }
    }

    /// One turn of the worker: what is due first, if its time has come and the breaker lets it.
    fn work(&mut self, answer: Answer, is_noted: bool) {
        self.give_up_overdue();
        let rank = self.failed_probes;
        let next = self.store.next_delivery(TARGET, rank, now(self.time)).expect("memory does not fail");
        let ready = self.model.values().filter(|place| **place == Place::Ready).count();
        assert_eq!(next.is_some(), ready > 0, "what is ready is found");
        let Some(delivery) = next else { return };
        let (at, steady) = (now(self.time), self.began + Duration::from_secs(self.time));
        if routing::due(delivery.due().expect("it waits"), at) > Duration::ZERO {
            return;
        }
        let was_open = self.breaker.state(steady) == BreakerState::Open;
        if self.breaker.ask(steady) != Permission::Go {
            return;
        }
        assert!(!was_open, "an open breaker lets nothing out but the probe, when its time has come");
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        let failed = |again, asked| TryEnd::Failed {
            perhaps_taken: false,
            again,
            asked,
            why: "it said no".to_owned(),
        };
        let (ended, failure) = match answer {
            Answer::Takes => (TryEnd::Taken, None),
            Answer::IsUnwell => (failed(true, None), Some(Failure::Unwell)),
            Answer::AsksFor(secs) => {
                let pause = Duration::from_secs(secs.into());
                (failed(true, Some(pause)), Some(Failure::Asked(pause)))
            }
            Answer::Refuses => (failed(false, None), Some(Failure::Refused)),
            Answer::IsMisconfigured => (failed(true, None), Some(Failure::Misconfigured)),
        };
        if !is_noted {
            return;
        }
        let was_probe = self.breaker.state(steady) != BreakerState::Closed;
        let told_at = self.told_at;
        match failure {
            None => {
                self.breaker.succeeded(steady);
                (self.told_at, self.failed_probes) = (Some(at), 0);
            }
            Some(failure) => {
                self.breaker.failed(failure, steady);
                self.failed_probes += usize::from(was_probe);
            }
        }
        let holds_back = self.breaker.state(steady) != BreakerState::Closed;
        let (target, patience) = (
            TargetThen { told_at, holds_back },
            Patience { wait_max: WAIT_MAX, retry: Retry::default(), chance: self.chance },
        );
        let state = state_after(&delivery, ended, target, patience, at);
        let place = match &state {
            DeliveryState::Waiting { next_try, strikes, .. } => {
                assert!(*strikes < Retry::default().tries_max);
                let before = self.next_try.insert(delivery.id, next_try.0);
                assert!(before.is_none_or(|before| before <= next_try.0), "the next try only moves on");
                assert!(next_try.0 >= at.0 || holds_back, "one that keeps its place waits for the breaker");
                Place::Ready
            }
            DeliveryState::Told { .. } => Place::Told,
            _ => Place::Dead,
        };
        commit(&self.store, at, |txn| txn.settle_delivery(delivery.id, state.clone()));
        // A second note, as of a worker that was thought dead, changes nothing that has ended.
        if place != Place::Ready {
            let late = DeliveryState::ready(at);
            commit(&self.store, at, |txn| txn.settle_delivery(delivery.id, late));
        }
        self.model.insert(delivery.id, place);
    }

    /// Each delivery stands where the model has it, and in no other table.
    fn check(&self) {
        let counts = self.store.outbox_counts(TARGET).expect("memory does not fail");
        let places: Vec<Place> = self.model.values().copied().collect();
        let of = |place: Place| places.iter().filter(|found| **found == place).count();
        assert_eq!((counts.waiting, counts.dead), (of(Place::Ready), of(Place::Dead)));
        assert_eq!(places.len() as u64, self.decided, "none is lost and none is made");
        for (id, place) in &self.model {
            let delivery = known(&self.store, *id).expect("it is kept");
            let found = match &delivery.state {
                DeliveryState::Waiting { .. } => Place::Ready,
                DeliveryState::Told { .. } => Place::Told,
                DeliveryState::Dead { .. } => Place::Dead,
                DeliveryState::Discarded { .. } => Place::Discarded,
                DeliveryState::NotTold { .. } => unreachable!("nothing is quiet here"),
            };
            assert_eq!(found, *place);
            assert_eq!(delivery.ended_at().is_none(), *place == Place::Ready);
        }
        let ended = self.store.db.begin_read().expect("memory").open_table(t::ENDED_DELIVERIES);
        let ended = ended.expect("it is there").len().expect("memory does not fail");
        assert_eq!(ended as usize, places.len() - of(Place::Ready));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_delivery_stands_in_one_place_and_none_is_lost(steps in steps()) {
        let mut run = Run::new();
        for step in &steps {
            run.take(step);
            run.check();
        }
        // However it stood, a target that is well takes all the rest.
        for _ in 0..run.model.len() {
            run.time += 2 * 3_600;
            run.take(&Step::Work(Answer::Takes));
        }
        prop_assert!(run.model.values().all(|place| *place != Place::Ready));
        run.check();
    }
}

/// A target that hangs for an hour while a hundred notifications come to wait for it.
#[test]
fn an_outage_makes_no_dead_letters_and_what_waited_goes_out_oldest_first() {
    let mut run = Run::new();
    for minute in 0..100 {
        run.take(&Step::Decide);
        for _ in 0..6 {
            run.time += if minute == 0 { 5 } else { 10 };
            run.take(&Step::Work(Answer::IsUnwell));
        }
    }
    assert!(run.time > 5_000 && run.model.values().all(|place| *place == Place::Ready), "{}", run.time);
    let mut told = Vec::new();
    run.time += 30;
    let next = |run: &Run| run.store.next_delivery(TARGET, run.failed_probes, now(run.time));
    while let Some(next) = next(&run).expect("memory does not fail") {
        run.take(&Step::Work(Answer::Takes));
        run.time += 1;
        if run.model[&next.id] == Place::Told {
            told.push(next.alert.as_u128());
        }
    }
    // The first one told is the probe, and that may be any.
    let probe = told.remove(0);
    assert_eq!(told, (1..=100).filter(|number| *number != probe).collect::<Vec<u128>>());
}

/// One message that the target answers 500 to, among others that it takes.
#[test]
fn a_message_that_is_never_taken_keeps_nobody_and_is_given_up() {
    let store = store();
    commit(&store, now(0), |txn| txn.put_delivery(&waiting(7, TARGET, now(0))));
    let (mut breaker, mut told_at, mut failed_probes) = (Breaker::default(), None, 0);
    let (began, mut told, mut longest) = (Instant::now(), 0, 0);
    for second in 0..3_600 {
        let (at, steady) = (now(second), began + Duration::from_secs(second));
        if second % 20 == 0 {
            commit(&store, at, |txn| txn.put_delivery(&waiting(1_000 + second, TARGET, at)));
        }
        let Some(next) = store.next_delivery(TARGET, failed_probes, at).expect("memory") else { continue };
        let is_due = routing::due(next.due().expect("it waits"), at) == Duration::ZERO;
        if !is_due || breaker.ask(steady) != Permission::Go {
            continue;
        }
        let was_probe = breaker.state(steady) != BreakerState::Closed;
        let before = told_at;
        let ended = if next.alert.as_u128() == 7 {
            breaker.failed(Failure::Unwell, steady);
            failed_probes += usize::from(was_probe);
            TryEnd::Failed { perhaps_taken: false, again: true, asked: None, why: "answered 500".to_owned() }
        } else {
            breaker.succeeded(steady);
            (told_at, failed_probes, told) = (Some(at), 0, told + 1);
            longest = longest.max(at.0 - next.decided_at.0);
            TryEnd::Taken
        };
        let holds_back = breaker.state(steady) != BreakerState::Closed;
        let patience = Patience { wait_max: WAIT_MAX, retry: Retry::default(), chance: second * 7_919 };
        let state = state_after(&next, ended, TargetThen { told_at: before, holds_back }, patience, at);
        commit(&store, at, |txn| txn.settle_delivery(next.id, state));
    }
    let poison = known(&store, waiting(7, TARGET, now(0)).id).expect("it is kept");
    assert!(matches!(poison.state, DeliveryState::Dead { attempts: 5.., .. }), "{:?}", poison.state);
    assert_eq!(told, 180, "all others arrive");
    assert!(longest < 65 * SECOND, "and none waits for long: {} s", longest / SECOND);
}

#[test]
fn those_that_are_due_take_turns_by_rank_and_one_that_cannot_be_read_is_left_out() {
    let store = store();
    for number in 0..3 {
        commit(&store, now(number), |txn| txn.put_delivery(&waiting(number, TARGET, now(number))));
    }
    let next = |rank, at| {
        let found = store.next_delivery(TARGET, rank, now(at)).expect("memory does not fail");
        found.expect("one waits").alert.as_u128()
    };
    assert_eq!([0, 1, 2, 3, 4].map(|rank| next(rank, 2)), [0, 1, 2, 0, 1]);
    assert_eq!([1, 2, 3].map(|rank| next(rank, 1)), [1, 0, 1], "the third is not due yet");
    let damage = |txn: &mut Txn<'_>| {
        let id = waiting(1, TARGET, now(1)).id;
        txn.writing().open_table(t::DELIVERIES)?.insert(id.as_bytes(), &[VERSION, b'?'][..])?;
        Ok(())
    };
    commit(&store, now(3), damage);
    assert_eq!(next(1, 2), 0);
}

#[test]
fn a_row_that_cannot_be_read_is_passed_over() {
    let store = store();
    let (bad, good) = (waiting(1, TARGET, now(1)), waiting(2, TARGET, now(2)));
    commit(&store, now(3), |txn| {
        txn.put_delivery(&bad)?;
        txn.put_delivery(&good)?;
        txn.writing().open_table(t::DELIVERIES)?.insert(bad.id.as_bytes(), &[VERSION, b'?'][..])?;
        Ok(())
    });
    assert!(store.next_delivery(TARGET, 0, now(9)).is_err_and(|error| error.is_damage()));
    commit(&store, now(4), |txn| txn.pass_over_unreadable(TARGET));
    assert_eq!(store.next_delivery(TARGET, 0, now(9)).expect("it can be read"), Some(good.clone()));
    commit(&store, now(5), |txn| txn.pass_over_unreadable(TARGET));
    assert_eq!(store.next_delivery(TARGET, 0, now(9)).expect("it can be read"), Some(good));
}

#[test]
fn what_ended_is_kept_for_its_time_and_up_to_a_number_and_what_waits_is_never_forgotten() {
    let store = store();
    for number in 0..10 {
        let at = now(number);
        let delivery = waiting(number, TARGET, at);
        let state = match number {
            0 => continue,
            1 => DeliveryState::Dead { at, attempts: 5, reason: "it said no".to_owned() },
            _ => DeliveryState::Told { at, attempts: 1 },
        };
        commit(&store, at, |txn| txn.put_delivery(&Delivery { state, ..delivery }));
    }
    commit(&store, now(10), |txn| txn.put_delivery(&waiting(0, TARGET, now(0))));
    let forget = |before, kept_max, limit| {
        commit(&store, now(10), |txn| txn.forget_deliveries(before, kept_max, limit))
    };
    assert_eq!(forget(now(1), 100, 100), 0);
    assert_eq!(forget(now(4), 100, 2), 2, "in pieces");
    assert_eq!(forget(now(4), 100, 2), 1);
    assert_eq!(forget(now(4), 4, 100), 2, "the oldest beyond the number");
    let is_kept = |number| known(&store, waiting(number, TARGET, now(0)).id).is_some();
    assert_eq!((0..10).filter(|number| is_kept(*number)).collect::<Vec<u64>>(), [0, 6, 7, 8, 9]);
    let counts = store.outbox_counts(TARGET).expect("memory does not fail");
    assert_eq!((counts.waiting, counts.dead, counts.oldest), (1, 0, Some(now(0))));
    let of = |number| store.deliveries_of(Uuid::from_u128(number), 10).expect("memory does not fail").len();
    assert_eq!((of(1), of(5), of(6)), (0, 0, 1));
}

#[test]
fn what_waits_for_one_target_takes_no_room_from_another() {
    let store = store();
    commit(&store, now(0), |txn| {
        (0..=WAITING_MAX as u64).try_for_each(|number| txn.put_delivery(&waiting(number, TARGET, now(0))))?;
        txn.put_delivery(&waiting(1, "other", now(0)))?;
        let mut counted = HashMap::new();
        assert_eq!(txn.waiting_for(TARGET, &mut counted)?, WAITING_MAX);
        assert_eq!(txn.waiting_for("other", &mut counted)?, 1);
        Ok(())
    });
}
