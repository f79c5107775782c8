//! Scripts of single keys: boundaries of the timespan, of lateness and of the bounds.

use crate::detect::scripts::{Sent, an_event, at, failed_sign_in, settings};
use crate::detect::{Bursts, Engine, Observed, PatternTable, Settings};
use crate::model::{AuditEvent, Pattern, ReceivedAt, SessionContext, Verdict};

fn run(settings: Settings, script: &[Sent]) -> (Engine, Vec<Observed>) {
    let mut engine = Engine::new(settings);
    let numbered = (0..).zip(script);
    let observed = numbered.map(|(seq, sent)| engine.observe(&sent.observation(seq))).collect();
    (engine, observed)
}

/// How many events each firing counted; 0 where nothing fired.
fn check(settings: Settings, script: &[Sent], counted: &[usize]) {
    let (_, observed) = run(settings, script);
    let found: Vec<usize> = observed
        .iter()
        .map(|one| one.firings.first().map_or(0, |fired| fired.firing.counted.len()))
        .collect();
    assert_eq!(found, counted);
}

fn sign_ins(times: &[i64]) -> Vec<Sent> {
    times.iter().map(|secs| failed_sign_in("ada", *secs)).collect()
}

#[test]
fn fires_on_the_event_that_reaches_the_threshold_and_on_each_further_one() {
    check(settings(3, 10), &sign_ins(&[0, 1, 2, 3, 4]), &[0, 0, 3, 1, 1]);
}

#[test]
fn forgets_an_event_that_is_exactly_one_timespan_older() {
    check(settings(2, 10), &sign_ins(&[0, 10]), &[0, 0]);
    check(settings(2, 10), &sign_ins(&[0, 9]), &[0, 2]);
    let mut almost = failed_sign_in("ada", 0);
    almost.event.timestamp = jiff::Timestamp::new(at(0).as_second(), 1).expect("a nanosecond after noon");
    check(settings(2, 10), &[almost, failed_sign_in("ada", 10)], &[0, 2]);
}

#[test]
fn fires_anew_after_the_number_fell_below_the_threshold() {
    check(settings(2, 10), &sign_ins(&[0, 1, 30, 31]), &[0, 2, 0, 2]);
}

#[test]
fn a_timespan_of_nothing_counts_the_same_instant() {
    check(settings(1, 0), &sign_ins(&[0, 0, 1]), &[1, 1, 1]);
    check(settings(2, 0), &sign_ins(&[0, 1, 1, 1]), &[0, 0, 2, 1]);
}

#[test]
fn a_threshold_of_nothing_is_one() {
    check(settings(0, 10), &sign_ins(&[0, 20]), &[1, 1]);
}

#[test]
fn a_late_event_is_judged_over_the_window_that_ends_within_one_timespan_after_it() {
    // 35 lies exactly one timespan after 25, so the window ends at 34 and counts 25, 30 and 34.
    let (_, observed) = run(settings(3, 10), &sign_ins(&[30, 34, 35, 25]));
    let firing = &observed[3].firings[0].firing;
    assert_eq!((firing.time, firing.window_end), (at(25), at(34)));
    // 30 and 34 counted when 35 fired; of the late one's window only itself is new.
    assert_eq!(observed[2].firings[0].firing.counted.len(), 3);
    assert_eq!(firing.counted.iter().map(|item| item.seq.0).collect::<Vec<_>>(), [3]);
}

#[test]
fn exactly_the_allowed_lateness_counts_and_more_does_not() {
    let (engine, observed) = run(settings(1, 10), &sign_ins(&[300, 0, -1, -1]));
    assert_eq!(observed.iter().map(|one| one.late).collect::<Vec<_>>(), [false, false, true, true]);
    assert_eq!(observed.iter().map(|one| one.firings.len()).collect::<Vec<_>>(), [1, 1, 0, 0]);
    assert_eq!(engine.stats().late, 2);
}

#[test]
fn lateness_is_measured_within_the_window_and_not_across_keys() {
    let script = [failed_sign_in("ada", 1_000_000), failed_sign_in("bob", 0)];
    let (engine, observed) = run(settings(1, 10), &script);
    assert!(!observed[1].late);
    assert_eq!(engine.stats().late, 0);
}

#[test]
fn an_event_from_the_future_enters_no_window_and_moves_none() {
    let received_at = ReceivedAt::from_timestamp(at(0));
    let sent = |secs| Sent { received_at, ..failed_sign_in("ada", secs) };
    let (engine, observed) = run(settings(2, 1_000), &[sent(0), sent(301), sent(300)]);
    assert_eq!(observed.iter().map(|one| one.future).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(observed.iter().map(|one| one.firings.len()).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(engine.stats().future, 1);
}

#[test]
fn an_event_that_intake_found_suspect_enters_no_window() {
    let mut engine = Engine::new(settings(1, 10));
    let sent = failed_sign_in("ada", 0);
    let mut observation = sent.observation(0);
    observation.time_suspect = true;
    assert_eq!(engine.observe(&observation), Observed { future: true, ..Observed::default() });
}

#[test]
fn the_ends_of_time_do_no_harm() {
    for timestamp in [jiff::Timestamp::MIN, jiff::Timestamp::MAX, jiff::Timestamp::UNIX_EPOCH] {
        let mut sent = failed_sign_in("ada", 0);
        sent.event.timestamp = timestamp;
        let settings = Settings { lateness_secs: u64::MAX, ..settings(1, u64::MAX) };
        let (_, observed) = run(settings, &[sent.clone(), sent]);
        assert_eq!(observed.iter().map(|one| one.firings.len()).collect::<Vec<_>>(), [1, 1]);
    }
}

#[test]
fn windows_are_kept_apart_by_organisation_and_key() {
    let of = |organization, key: &str| Sent { organization, ..failed_sign_in(key, 0) };
    let script = [of(None, "ada"), of(Some("a"), "ada"), of(Some("b"), "ada"), of(Some("a"), "bob")];
    check(settings(2, 10), &script, &[0; 4]);
    check(settings(2, 10), &[of(Some("a"), "ada"), of(Some("a"), "ada")], &[0, 2]);
}

#[test]
fn without_a_principal_the_address_is_the_key_and_without_either_nothing_fires() {
    let anonymous = |principal: Option<&'static str>, address: Option<&'static str>| {
        let session = address.map(|ip| SessionContext { ip_address: Some(ip.into()), ..Default::default() });
        let event = failed_sign_in("", 0).event;
        Sent::new(AuditEvent { principal_id: principal.map(Into::into), session, ..event })
    };
    check(settings(1, 10), &[anonymous(Some(""), Some("10.0.0.1"))], &[1]);
    check(
        settings(2, 10),
        &[anonymous(None, Some("10.0.0.1")), anonymous(Some(""), Some("10.0.0.1"))],
        &[0, 2],
    );
    check(settings(1, 10), &[anonymous(None, None), anonymous(Some(""), None)], &[0, 0]);
}

#[test]
fn an_organisation_has_its_own_thresholds_and_may_turn_a_pattern_off() {
    let mut settings = settings(2, 10);
    let (mut strict, mut blind) = (PatternTable::default(), PatternTable::default());
    strict.get_mut(Pattern::FailedAuth).threshold = 1;
    let failed = blind.get_mut(Pattern::FailedAuth);
    (failed.enabled, failed.threshold) = (false, 1);
    settings.organizations = [("strict".into(), strict), ("blind".into(), blind)].into();
    let of = |organization| Sent { organization, ..failed_sign_in("ada", 0) };
    let (strict, blind, other) = (of(Some("strict")), of(Some("blind")), of(Some("other")));
    let script = [strict, blind.clone(), blind, other.clone(), other];
    check(settings, &script, &[1, 0, 0, 0, 2]);
}

#[test]
fn a_window_keeps_a_thousand_positions_above_its_threshold_and_counts_the_rest() {
    let (engine, observed) = run(settings(2, 1_000), &sign_ins(&[0; 1_010]));
    assert_eq!(engine.stats().dropped_positions, 8);
    let ada = observed[1].firings[0].place;
    assert_eq!(engine.window(Pattern::FailedAuth, ada).len(), 1_002);
    let counted: usize =
        observed.iter().flat_map(|one| &one.firings).map(|fired| fired.firing.counted.len()).sum();
    assert_eq!(counted, 1_010);
}

#[test]
fn a_mismatch_fires_whatever_its_time_and_without_a_key_is_about_the_source() {
    let mut bursts = Bursts::default();
    let mut engine = Engine::new(Settings::default());
    let keyless = Sent::new(AuditEvent { principal_id: None, timestamp: at(1 << 32), ..an_event() });
    let script = [
        (Verdict::HashMismatch, Sent::new(an_event())),
        (Verdict::SignatureMismatch, keyless),
        (Verdict::Unverifiable, Sent::new(an_event())),
        (Verdict::Unsigned, Sent::new(an_event())),
    ];
    for (seq, (verdict, sent)) in (0..).zip(script) {
        bursts.observe(&mut engine, &Sent { verdict, ..sent }.observation(seq));
    }
    let found: Vec<(Pattern, String, usize)> =
        bursts.take().into_iter().map(|burst| (burst.pattern, burst.key, burst.window.len())).collect();
    let violation = |key: &str| (Pattern::IntegrityViolation, key.to_owned(), 1);
    assert_eq!(found, [violation("ada"), violation("portal")]);
    assert_eq!(engine.stats().future, 1);
}

#[test]
fn bursts_come_in_the_order_of_their_first_firings_one_for_each_fingerprint() {
    let mut bursts = Bursts::default();
    let mut engine = Engine::new(settings(2, 10));
    for (seq, key) in (0..).zip(["ada", "bob", "bob", "ada", "bob"]) {
        bursts.observe(&mut engine, &failed_sign_in(key, 0).observation(seq));
    }
    assert_eq!(bursts.firings(), 3);
    let taken = bursts.take();
    let found: Vec<(&str, usize, usize)> =
        taken.iter().map(|burst| (burst.key.as_str(), burst.firings.len(), burst.window.len())).collect();
    assert_eq!(found, [("bob", 2, 2), ("ada", 1, 2)]);
    assert_eq!(bursts.take(), []);
    bursts.observe(&mut engine, &failed_sign_in("bob", 0).observation(5));
    assert_eq!(bursts.take()[0].window.len(), 4);
}
