//! From firings to alerts: cooldown, occurrences, evidence, and what happens after an alert was closed.

use crate::detect::alerting::{STEPS_MAX, push_step};
use crate::detect::scripts::{Sent, an_alert, at, failed_sign_in, settings};
use crate::detect::{
    Applied, Bursts, Circumstances, Engine, IdConflict, Settings, StatusChange, apply, change, fingerprint,
    id_conflict,
};
use crate::model::{
    Alert, AlertChange, AlertStatus, AlertStep, Evidence, Matcher, Pattern, ReceivedAt, Seq, Silence,
    SourceId, seq_of_event_id,
};
use uuid::Uuid;

/// Feeds events and applies what fires, as the detect reader does with its store.
struct Desk {
    engine: Engine,
    alerts: Vec<Alert>,
    silences: Vec<Silence>,
    /// Whether a silence or window covers the alert that is known.
    covered: bool,
    next: u64,
}

impl Desk {
    fn new(settings: Settings) -> Desk {
        Desk {
            engine: Engine::new(settings),
            alerts: Vec::new(),
            silences: Vec::new(),
            covered: false,
            next: 0,
        }
    }

    /// One run of failed sign-ins of one key at these seconds.
    fn run(&mut self, times: &[i64]) -> Applied {
        let mut bursts = Bursts::default();
        for secs in times {
            let received_at = ReceivedAt(1_800_000_000_000_000_000 + self.next);
            let sent = Sent { received_at, ..failed_sign_in("ada", *secs) };
            bursts.observe(&mut self.engine, &sent.observation(self.next));
            self.next += 1;
        }
        let bursts = bursts.take();
        assert!(bursts.len() <= 1, "one key, one pattern");
        let Some(burst) = bursts.first() else { return Applied::default() };
        let open = self.alerts.iter().position(|alert| !alert.is_closed());
        let latest = open.or(self.alerts.len().checked_sub(1)).map(|index| self.alerts[index].clone());
        let now = ReceivedAt(1_900_000_000_000_000_000 + self.next);
        let circumstances = Circumstances { silences: &self.silences, now, covered: self.covered };
        let applied = apply(latest, burst, circumstances, |source| format!("key {}", source.0));
        for alert in &applied.alerts {
            match self.alerts.iter_mut().find(|known| known.id == alert.id) {
                Some(known) => *known = alert.clone(),
                None => self.alerts.push(alert.clone()),
            }
        }
        applied
    }

    /// Somebody silences what that key does.
    fn silence(&mut self, key: &str) {
        let matcher = Matcher { keys: [key.to_owned()].into(), ..Matcher::default() };
        let (by, reason) = ("bob".to_owned(), "a drill".to_owned());
        let (created_at, ends_at) = (ReceivedAt(0), ReceivedAt(u64::MAX));
        self.silences.push(Silence { id: Uuid::from_u128(9), matcher, by, reason, created_at, ends_at });
    }

    fn change(&mut self, wanted: AlertChange) {
        let last = self.alerts.last_mut().expect("there is an alert");
        *last = change(last, wanted, "ada", ReceivedAt(9), None).expect("a legal transition");
    }

    /// Occurrences and evidence of each alert.
    fn counts(&self) -> Vec<(u64, u64)> {
        self.alerts.iter().map(|alert| (alert.occurrences, alert.evidence.count)).collect()
    }
}

fn seqs(evidence: &Evidence) -> Vec<u64> {
    evidence.first.iter().map(|item| item.seq.0).collect()
}

#[test]
fn the_first_firing_raises_an_alert_and_tells_of_it() {
    let mut desk = Desk::new(settings(3, 10));
    assert_eq!(desk.run(&[0, 1]), Applied::default());
    let applied = desk.run(&[2]);
    let [alert] = applied.alerts.as_slice() else { panic!("{applied:?}") };
    assert_eq!((alert.occurrences, alert.status), (1, AlertStatus::Active));
    assert_eq!(
        (alert.pattern, alert.key.as_str(), alert.source.as_str()),
        (Pattern::FailedAuth, "ada", "key 1")
    );
    assert_eq!((alert.threshold, alert.timespan_secs, alert.cooldown_secs), (3, 10, 300));
    assert_eq!(alert.created_at, ReceivedAt(1_800_000_000_000_000_002));
    assert_eq!(seq_of_event_id(alert.id), Some(Seq(2)));
    assert_eq!(alert.fingerprint, fingerprint(Pattern::FailedAuth, None, "ada"));
    assert_eq!(seqs(&alert.evidence), [0, 1, 2]);
    assert_eq!(applied.raised[0].events, [0, 1, 2].map(Uuid::from_u128));
    assert_eq!((applied.notified.len(), applied.notified[0].occurrences), (1, 1));
    let steps: Vec<AlertChange> = alert.history.iter().map(|step| step.change).collect();
    assert_eq!(steps, [AlertChange::Raised, AlertChange::Notified]);
}

#[test]
fn the_cooldown_limits_notifications_and_nothing_else() {
    let mut desk = Desk::new(settings(1, 10));
    let notified = |desk: &mut Desk, secs| desk.run(&[secs]).notified.len();
    assert_eq!([0, 299, 300, 599, 600].map(|secs| notified(&mut desk, secs)), [1, 0, 1, 0, 1]);
    assert_eq!(desk.counts(), [(5, 5)]);
    assert_eq!(desk.alerts[0].last_seen_at, ReceivedAt(1_800_000_000_000_000_004));
    assert_eq!((desk.alerts[0].first_fired_at, desk.alerts[0].last_fired_at), (at(0), at(600)));
}

#[test]
fn one_run_gives_what_many_runs_give() {
    let times: Vec<i64> = (0..200).map(|index| index * 7 - (index % 5) * 11).collect();
    let (mut single, mut whole) = (Desk::new(settings(3, 60)), Desk::new(settings(3, 60)));
    times.iter().for_each(|secs| drop(single.run(&[*secs])));
    whole.run(&times);
    assert_eq!(single.alerts, whole.alerts);
    assert_eq!(whole.alerts.len(), 1);
}

#[test]
fn a_late_firing_within_the_cooldown_is_quiet_and_a_far_older_one_is_not() {
    let settings = Settings { lateness_secs: 10_000, ..settings(1, 10) };
    let mut desk = Desk::new(settings);
    assert_eq!(desk.run(&[5_000]).notified.len(), 1);
    assert_eq!(desk.run(&[4_701]).notified.len(), 0);
    assert_eq!(desk.run(&[4_700]).notified.len(), 1);
    assert_eq!(desk.counts(), [(3, 3)]);
}

#[test]
fn a_firing_after_the_alert_was_closed_counts_on_it_until_its_cooldown_ends() {
    for closing in [AlertChange::Resolved, AlertChange::Dismissed] {
        let mut desk = Desk::new(settings(2, 10));
        desk.run(&[0, 1]);
        desk.change(closing);
        let quiet = desk.run(&[2, 300]);
        assert_eq!((quiet.raised.len(), quiet.notified.len()), (0, 0));
        assert_eq!(desk.counts(), [(2, 3)]);
        // The cooldown began with the notification at 1.
        let after = desk.run(&[301]);
        assert_eq!((after.raised.len(), after.notified.len()), (1, 1));
        assert_eq!(desk.counts(), [(2, 3), (1, 2)]);
        assert!(desk.alerts[0].is_closed() && !desk.alerts[1].is_closed());
        assert_eq!(seqs(&desk.alerts[1].evidence), [3, 4]);
    }
}

#[test]
fn a_new_alert_has_its_whole_window_as_evidence_though_the_closed_one_counted_it_first() {
    let mut desk = Desk::new(settings(3, 400));
    desk.run(&[0, 1, 2]);
    desk.change(AlertChange::Resolved);
    // 100 and 200 count on the closed one, 302 raises the next in the same run: of its 400 seconds all six
    // are within.
    let applied = desk.run(&[100, 200, 302]);
    assert_eq!((applied.alerts.len(), applied.raised.len()), (2, 1));
    assert_eq!(desk.counts(), [(3, 5), (1, 6)]);
    assert_eq!(seqs(&desk.alerts[1].evidence), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_reopened_alert_goes_on_counting() {
    let mut desk = Desk::new(settings(1, 10));
    desk.run(&[0]);
    desk.change(AlertChange::Resolved);
    desk.change(AlertChange::Reopened);
    assert_eq!(desk.run(&[1_000]).notified.len(), 1);
    assert_eq!(desk.counts(), [(2, 2)]);
}

#[test]
fn a_changed_cooldown_holds_from_the_next_notification_on() {
    let mut desk = Desk::new(settings(1, 10));
    desk.run(&[0]);
    let mut shorter = settings(1, 10);
    shorter.all.get_mut(Pattern::FailedAuth).cooldown_secs = 60;
    desk.engine = Engine::restore(shorter, &desk.engine.snapshot()).expect("the engine just wrote it");
    let notified = [299, 300, 359, 360].map(|secs| desk.run(&[secs]).notified.len());
    assert_eq!(notified, [0, 1, 0, 1]);
}

#[test]
fn an_alert_that_is_raised_under_a_silence_is_suppressed_until_it_fires_without_one() {
    let mut desk = Desk::new(settings(1, 10));
    desk.silence("ada");
    let raised = desk.run(&[0, 1]);
    let [StatusChange { alert, step }] = &raised.changed[..] else { panic!("{:?}", raised.changed) };
    assert_eq!((*alert, step.change), (desk.alerts[0].id, AlertChange::Suppressed));
    assert_eq!(step.note.as_deref(), Some("silenced by bob: a drill"));
    assert_eq!(desk.alerts[0].status, AlertStatus::Suppressed);
    assert_eq!(raised.notified.len(), 1, "whom it would have told is written down with the reason");
    assert_eq!(desk.run(&[1_000]).changed, [], "it goes on to be covered");

    desk.silences.clear();
    let resumed = desk.run(&[1_001, 1_002]);
    let steps: Vec<AlertChange> = resumed.changed.iter().map(|changed| changed.step.change).collect();
    assert_eq!(steps, [AlertChange::Resumed], "once");
    assert_eq!(desk.alerts[0].status, AlertStatus::Active);
    assert_eq!(resumed.notified.len(), 1, "at once: nobody was told when the cooldown began");
    assert_eq!(desk.counts(), [(5, 5)], "the record was never muted");
    let steps: Vec<AlertChange> = desk.alerts[0].history.iter().map(|step| step.change).collect();
    use AlertChange::{Notified, Raised, Resumed, Suppressed};
    assert_eq!(steps, [Raised, Suppressed, Notified, Notified, Resumed, Notified]);
}

#[test]
fn a_silence_leaves_alerts_alone_that_people_know_of_and_those_of_others() {
    let mut desk = Desk::new(settings(1, 10));
    desk.silence("bob");
    assert_eq!(desk.run(&[0]).changed, []);
    desk.silence("ada");
    assert_eq!(desk.run(&[1_000]).changed, [], "it was active before");
    desk.change(AlertChange::Resolved);
    desk.run(&[2_000]);
    assert_eq!(desk.alerts[1].status, AlertStatus::Suppressed, "a new one is not");
    desk.change(AlertChange::Acknowledged);
    desk.silences.clear();
    assert_eq!(desk.run(&[3_000]).changed, [], "somebody is on it");
    assert_eq!(desk.alerts[1].status, AlertStatus::Acknowledged);
}

#[test]
fn an_alert_that_is_not_touched_is_not_given_back() {
    let mut desk = Desk::new(settings(1, 10));
    desk.run(&[0]);
    desk.change(AlertChange::Resolved);
    let applied = desk.run(&[1_000]);
    assert_eq!(applied.alerts.len(), 1);
    assert_eq!(applied.alerts[0].id, applied.raised[0].alert);
}

#[test]
fn each_reused_id_counts_on_the_alert_of_its_source() {
    let conflict = |seq, id| IdConflict {
        seq: Seq(seq),
        id: Uuid::from_u128(id),
        received_at: ReceivedAt(1_800_000_000_000_000_000 + seq),
        organization: Some("clinic"),
        source: SourceId(4),
        source_name: "portal",
    };
    let mut bursts = Bursts::default();
    bursts.observe_id_conflict(&Settings::default(), &conflict(1, 70));
    bursts.observe_id_conflict(&Settings::default(), &conflict(2, 80));
    let taken = bursts.take();
    assert_eq!(taken.len(), 1);
    let alert = apply(None, &taken[0], Circumstances::default(), |_| "portal".into()).alerts.remove(0);
    assert_eq!((alert.pattern, alert.key.as_str(), alert.occurrences), (Pattern::IdConflict, "portal", 2));
    assert_eq!(alert.evidence.first.iter().map(|item| item.id.as_u128()).collect::<Vec<_>>(), [70, 80]);
    assert_eq!(id_conflict(&Settings::default(), &conflict(1, 70)).firings.len(), 1);
}

#[test]
fn a_long_history_lets_go_of_notifications_and_never_of_what_people_did() {
    let step = |change, at| AlertStep { change, at: ReceivedAt(at), by: "ada".into(), note: None };
    let mut history = an_alert().history;
    push_step(&mut history, step(AlertChange::Commented, 0));
    (1..=3_000).for_each(|at| push_step(&mut history, step(AlertChange::Notified, at)));
    assert_eq!(history.len(), STEPS_MAX);
    assert_eq!((history[0].change, history[1].change), (AlertChange::Raised, AlertChange::Commented));
    assert_eq!((history[2].at, history[STEPS_MAX - 1].at), (ReceivedAt(2_003), ReceivedAt(3_000)));
    (0..3_000).for_each(|at| push_step(&mut history, step(AlertChange::Commented, at)));
    assert_eq!(history.iter().filter(|step| step.change == AlertChange::Commented).count(), 3_001);
    assert!(history.iter().all(|step| step.change != AlertChange::Notified));
}

#[test]
fn what_was_decided_while_nobody_was_to_be_told_starts_no_cooldown_for_those_who_are() {
    let mut desk = Desk::new(settings(3, 60));
    desk.run(&[0, 1, 2]);
    // A maintenance window was open as this was decided.
    desk.alerts[0].unheard = true;
    desk.covered = true;
    assert_eq!(desk.run(&[10]).notified, []);
    desk.covered = false;
    assert_eq!(desk.run(&[20]).notified.len(), 1, "it goes on after the window");
    assert_eq!(desk.run(&[30]).notified, [], "and that begins a cooldown");
}
