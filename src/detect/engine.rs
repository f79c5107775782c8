//! Takes each event to the windows of every pattern that it matches, and says what fires.

use super::eviction::Windows;
use super::observation::{Observation, Place};
use super::rules::RULES;
use super::settings::Settings;
use super::window::Measure;
use crate::model::{EvidenceItem, Pattern, ReceivedAt, Seq, SourceId};
use jiff::Timestamp;
use uuid::Uuid;

/// All windows, and how they are judged. It knows no clock and no chance: the same observations in the same
/// order give the same firings. The detect reader owns it; [`Engine::snapshot`] and [`Engine::restore`] carry
/// it over a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Engine {
    pub(super) settings: Settings,
    /// In the order of [`Pattern::WINDOWED`].
    pub(super) windows: [Windows; Pattern::WINDOWED.len()],
    pub(super) counts: Counts,
}

/// What the engine let go of, counted since the log began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) late: u64,
    pub(super) future: u64,
    pub(super) evicted_keys: [u64; Pattern::WINDOWED.len()],
    pub(super) dropped_positions: u64,
}

/// The engine's own numbers, for the pages and the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Events that came too late for a window of theirs.
    pub late: u64,
    /// Events whose time lies too far after their receipt.
    pub future: u64,
    /// Windows that went because their source owned too many, in the order of [`Pattern::WINDOWED`].
    pub evicted_keys: [u64; Pattern::WINDOWED.len()],
    /// Positions that went because their window held too many.
    pub dropped_positions: u64,
    /// Windows held now, in the order of [`Pattern::WINDOWED`].
    pub keys: [usize; Pattern::WINDOWED.len()],
}

/// What came of one event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// What fired, at most once per pattern.
    pub firings: Vec<Fired>,
    /// Whether it came too late for a window of its own and did not enter it.
    pub late: bool,
    /// Whether its time lies too far after its receipt, so that it entered no window.
    pub future: bool,
}

/// One pattern that fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// Which pattern.
    pub pattern: Pattern,
    /// Whose window.
    pub place: Place,
    /// On which event, and what counted.
    pub firing: Firing,
}

/// One event that brought a window to its threshold, or found it there.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// Its place in the log.
    pub seq: Seq,
    /// Its id.
    pub id: Uuid,
    /// When the appliance took it in.
    pub received_at: ReceivedAt,
    /// Its own time.
    pub time: Timestamp,
    /// Where the judged timespan ends: its own time, or for a late event that of a newer one.
    pub window_end: Timestamp,
    /// The events in the judged timespan that no firing of the window counted before, in the order of their
    /// time.
    pub counted: Vec<EvidenceItem>,
    /// Its correlation id.
    pub correlation_id: Option<String>,
    /// Who sent it.
    pub source: SourceId,
}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(settings: Settings) -> Engine {
        Engine { settings, windows: Default::default(), counts: Counts::default() }
    }

    /// What it was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Tells it otherwise from here on. Windows that now hold too much are cut at their next match.
    pub fn change_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Its numbers.
    pub fn stats(&self) -> EngineStats {
        let Counts { late, future, evicted_keys, dropped_positions } = self.counts;
        let keys = std::array::from_fn(|index| self.windows[index].len());
        EngineStats { late, future, evicted_keys, dropped_positions, keys }
    }

    /// Counts one event in the windows of every pattern that it matches. The cost does not depend on how much
    /// they hold.
    pub fn observe(&mut self, observation: &Observation<'_>) -> Observed {
        let mut observed = Observed { future: self.is_future(observation), ..Observed::default() };
        self.counts.future += u64::from(observed.future);
        if observation.verdict.is_mismatch() {
            observed.firings.push(integrity_violation(observation));
        }
        if !observed.future
            && let Some(key) = observation.event.key()
        {
            self.enter_windows(observation, key, &mut observed);
        }
        self.counts.late += u64::from(observed.late);
        observed
    }

    /// Everything that the window of a pattern at a place holds now, in the order of time.
    pub fn window(&self, pattern: Pattern, place: Place) -> Vec<EvidenceItem> {
        let windows =
            Pattern::WINDOWED.iter().position(|other| *other == pattern).map(|index| &self.windows[index]);
        let window = windows.and_then(|windows| windows.get(place));
        window.map(|window| window.positions.iter().copied().collect()).unwrap_or_default()
    }

    fn is_future(&self, observation: &Observation<'_>) -> bool {
        let lateness = i128::from(self.settings.lateness_secs) * 1_000_000_000;
        let latest = i128::from(observation.received_at.0) + lateness;
        observation.time_suspect || observation.event.timestamp.as_nanosecond() > latest
    }

    fn enter_windows(&mut self, observation: &Observation<'_>, key: &str, observed: &mut Observed) {
        let table = self.settings.for_organization(observation.organization);
        let mut place = None;
        for (index, rule) in RULES.iter().enumerate() {
            let pattern = rule.pattern();
            let settings = table.get(pattern);
            if !settings.enabled || !rule.matches(observation.event, &table.off_hours) {
                continue;
            }
            let place = *place.get_or_insert_with(|| Place::of(observation.organization, key));
            let measure = Measure::new(settings, self.settings.lateness_secs);
            let (item, windows) = (observation.item(), &mut self.windows[index]);
            if windows.get(place).is_some_and(|window| window.is_late(item.time, measure)) {
                observed.late = true;
                continue;
            }
            let (window, evicted) =
                windows.touch(place, observation.source, item.seq, self.settings.keys_max);
            let entered = window.enter(item, measure);
            self.counts.evicted_keys[index] += evicted;
            self.counts.dropped_positions += entered.dropped;
            if let Some(judged) = entered.judged {
                let firing = firing(observation, judged.end, judged.counted);
                observed.firings.push(Fired { pattern, place, firing });
            }
        }
    }
}

/// A mismatch is evidence by itself: it is not counted in a window, and its time, which may be what was
/// tampered with, cannot keep it from being told.
fn integrity_violation(observation: &Observation<'_>) -> Fired {
    let place = Place::of(observation.organization, integrity_key(observation));
    let firing = firing(observation, observation.event.timestamp, vec![observation.item()]);
    Fired { pattern: Pattern::IntegrityViolation, place, firing }
}

/// What an integrity violation is about: the event's key, or without one the source that sent it.
pub(super) fn integrity_key<'a>(observation: &Observation<'a>) -> &'a str {
    observation.event.key().unwrap_or(observation.source_name)
}

fn firing(observation: &Observation<'_>, window_end: Timestamp, counted: Vec<EvidenceItem>) -> Firing {
    Firing {
        seq: observation.seq,
        id: observation.id,
        received_at: observation.received_at,
        time: observation.event.timestamp,
        window_end,
        counted,
        correlation_id: observation.event.correlation_id.as_deref().map(str::to_owned),
        source: observation.source,
    }
}
