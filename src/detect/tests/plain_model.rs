//! The engine against a plain model that forgets nothing and looks at every event each time.

use crate::detect::scripts::{Sent, an_event, at};
use crate::detect::{Engine, Place, Settings};
use crate::model::{AuditEvent, Pattern, SourceId, Status};
use jiff::SignedDuration;
use proptest::prelude::*;

/// Keeps every event that ever entered.
#[derive(Default)]
struct PlainModel {
    entered: Vec<Position>,
}

struct Position {
    pattern: Pattern,
    place: Place,
    /// Nanoseconds since 1970.
    time: i128,
    seq: u64,
    counted: bool,
}

impl PlainModel {
    /// What the events of one pattern and place do when one more comes: whether it is late, and what a firing
    /// counts.
    fn observe(
        &mut self,
        settings: &Settings,
        pattern: Pattern,
        sent: &Sent,
        seq: u64,
    ) -> (bool, Option<Vec<u64>>) {
        let rules = settings.all.get(pattern);
        let timespan = i128::from(rules.timespan_secs) * 1_000_000_000;
        let lateness = i128::from(settings.lateness_secs) * 1_000_000_000;
        let place = Place::of(sent.organization, sent.event.key().expect("every key is set"));
        let time = sent.event.timestamp.as_nanosecond();
        let same = |other: &Position| other.pattern == pattern && other.place == place;
        let times = || self.entered.iter().filter(|other| same(other)).map(|other| other.time);
        if times().max().is_some_and(|newest| time < newest - lateness) {
            return (true, None);
        }
        let end =
            times().filter(|other| *other < time + timespan).max().map_or(time, |newest| newest.max(time));
        self.entered.push(Position { pattern, place, time, seq, counted: false });
        let within = |other: &&mut Position| {
            same(other) && other.time <= end && (other.time > end - timespan || other.time == end)
        };
        let mut within: Vec<&mut Position> = self.entered.iter_mut().filter(within).collect();
        if (within.len() as u64) < rules.threshold {
            return (false, None);
        }
        within.retain(|position| !position.counted);
        within.sort_by_key(|position| (position.time, position.seq));
        within.iter_mut().for_each(|position| position.counted = true);
        (false, Some(within.iter().map(|position| position.seq).collect()))
    }
}

/// An event that matches exactly the pattern given.
pub(super) fn matching(pattern: Pattern) -> AuditEvent<'static> {
    let (action, status, outcome) = match pattern {
        Pattern::FailedAuth => ("auth.login.failure", Status::Failure, None),
        Pattern::UnauthorizedAccess => ("door.opened", Status::Failure, Some("forbidden")),
        Pattern::DataVelocity => ("data.read", Status::Success, None),
        _ => ("data.export", Status::Attempt, None),
    };
    AuditEvent { action: action.into(), status, outcome_description: outcome.map(Into::into), ..an_event() }
}

/// Scripts of few keys whose events lie close together, mostly in order and sometimes late, exact distances
/// included.
pub(super) fn scripts() -> impl Strategy<Value = Vec<Sent>> {
    let step = prop_oneof![6 => 0..4_i64, 2 => -14..0_i64, 1 => 5..30_i64];
    // Mostly the same window, so that it holds much, and others beside it.
    let often_first = |count| prop_oneof![4 => Just(0), 1 => 0..count];
    let one = (often_first(4_usize), often_first(2_usize), often_first(3_usize), 1..3_u32, step);
    proptest::collection::vec(one, 0..120).prop_map(|steps| {
        let mut newest = 0;
        let mut script = Vec::new();
        for (pattern, organization, key, source, step) in steps {
            let half_secs = newest + step;
            newest = newest.max(half_secs);
            let mut event = matching(Pattern::WINDOWED[pattern]);
            event.timestamp = at(0) + SignedDuration::from_millis(half_secs * 500);
            event.principal_id = Some(["ada", "bob", "cy"][key].into());
            let organization = [None, Some("clinic")][organization];
            script.push(Sent { organization, source: SourceId(source), ..Sent::new(event) });
        }
        script
    })
}

/// Small numbers, so that scripts cross them often.
pub(super) fn small_settings() -> impl Strategy<Value = Settings> {
    (proptest::collection::vec((1..5_u64, 0..6_u64), 4), 0..5_u64).prop_map(|(patterns, lateness_secs)| {
        let mut settings = Settings { lateness_secs, ..Settings::default() };
        for (pattern, (threshold, timespan)) in Pattern::WINDOWED.into_iter().zip(patterns) {
            let rules = settings.all.get_mut(pattern);
            (rules.threshold, rules.timespan_secs) = (threshold, timespan);
        }
        settings.all.get_mut(Pattern::OffHours).enabled = false;
        settings
    })
}

proptest! {
    #[test]
    fn the_engine_does_what_the_plain_model_does(settings in small_settings(), script in scripts()) {
        let mut engine = Engine::new(settings.clone());
        let mut model = PlainModel::default();
        for (seq, sent) in (0..).zip(&script) {
            let patterns = Pattern::WINDOWED.into_iter().take(4);
            let pattern = patterns.into_iter().find(|one| matching(*one).action == sent.event.action);
            let pattern = pattern.expect("scripts are made of matching events");
            let wanted = model.observe(&settings, pattern, sent, seq);
            let observed = engine.observe(&sent.observation(seq));
            let fired = observed.firings.first().map(|fired| {
                fired.firing.counted.iter().map(|item| item.seq.0).collect::<Vec<u64>>()
            });
            prop_assert_eq!((observed.late, fired), wanted, "event {}", seq);
        }
    }
}
