//! One window: the events of one key that match one pattern, in the order of their own time.

use super::settings::PatternSettings;
use crate::model::{EvidenceItem, Seq, SourceId};
use jiff::Timestamp;
use std::collections::VecDeque;

/// Positions that a window keeps beyond its threshold.
const POSITIONS_ABOVE_THRESHOLD: u64 = 1_000;
const NANOS_PER_SEC: i128 = 1_000_000_000;

/// The events of one key that match one pattern. Made for the first that matches; ends when it is evicted.
/// Holds at least one position, always.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Window {
    /// The source against whose limit the window counts.
    pub(super) owner: SourceId,
    /// The last event that entered.
    pub(super) touched: Seq,
    /// Ordered by time, those of the same time by their place in the log.
    pub(super) positions: VecDeque<EvidenceItem>,
    /// Those that no firing has counted yet, in the same order. `None` while nothing fired, when it is all of
    /// them: most windows never fire, and so need no second list.
    pub(super) pending: Option<VecDeque<EvidenceItem>>,
}

/// The spans and the bound that a window is kept and judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    threshold: u64,
    timespan: i128,
    lateness: i128,
}

/// What came of one event that entered a window.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Entered {
    /// What fired, if the threshold was reached.
    pub(super) judged: Option<Judged>,
    /// How many of the oldest positions went because there were too many.
    pub(super) dropped: u64,
}

/// A window in which the threshold was reached.
#[derive(Debug, PartialEq)]
pub(super) struct Judged {
    /// The end of the timespan that was looked at.
    pub(super) end: Timestamp,
    /// The events within it that no firing had counted before, in the order of their time.
    pub(super) counted: Vec<EvidenceItem>,
}

impl Measure {
    pub(super) fn new(settings: &PatternSettings, lateness_secs: u64) -> Measure {
        Measure {
            threshold: settings.threshold.max(1),
            timespan: i128::from(settings.timespan_secs) * NANOS_PER_SEC,
            lateness: i128::from(lateness_secs) * NANOS_PER_SEC,
        }
    }

    fn positions_max(self) -> u64 {
        self.threshold.saturating_add(POSITIONS_ABOVE_THRESHOLD)
    }
}

impl Window {
    /// An empty window, which its caller fills at once.
    pub(super) fn new(owner: SourceId, touched: Seq) -> Window {
        // Most keys match once: room for one, not for the four that a first push would take.
        Window { owner, touched, positions: VecDeque::with_capacity(1), pending: None }
    }

    /// Whether an event of that time comes too late to enter.
    pub(super) fn is_late(&self, time: Timestamp, measure: Measure) -> bool {
        let newest = self.positions.back();
        newest.is_some_and(|newest| nanos(time) < nanos(newest.time) - measure.lateness)
    }

    /// Puts the event in its place, judges the timespan that it belongs to, and lets go of what is too old or
    /// too much.
    pub(super) fn enter(&mut self, item: EvidenceItem, measure: Measure) -> Entered {
        insert(&mut self.positions, item);
        if let Some(pending) = &mut self.pending {
            insert(pending, item);
        }
        self.expire(measure);
        let judged = self.judge(item.time, measure);
        // Trimmed after it is judged, so that a late event counts even where it is the oldest of too many.
        Entered { judged, dropped: self.trim(measure) }
    }

    /// Looks at the timespan that ends at the newest position within one timespan after `time`; for an event
    /// that is not late this is its own time.
    fn judge(&mut self, time: Timestamp, measure: Measure) -> Option<Judged> {
        let timespan = measure.timespan;
        let within = self.positions.partition_point(|item| nanos(item.time) < nanos(time) + timespan);
        let newest_within = within.checked_sub(1).map(|index| self.positions[index].time);
        let end = newest_within.map_or(time, |newest| newest.max(time));
        let range = span(&self.positions, end, timespan);
        if (range.len() as u64) < measure.threshold {
            return None;
        }
        let counted = match &mut self.pending {
            Some(pending) => {
                let range = span(pending, end, timespan);
                pending.drain(range).collect()
            }
            None => {
                let older = self.positions.range(..range.start);
                let newer = self.positions.range(range.end..);
                self.pending = Some(older.chain(newer).copied().collect());
                self.positions.range(range).copied().collect()
            }
        };
        Some(Judged { end, counted })
    }

    /// Lets go of what no event that may still enter could count.
    fn expire(&mut self, measure: Measure) {
        let Some(newest) = self.positions.back() else { return };
        let oldest = nanos(newest.time) - measure.timespan - measure.lateness;
        for list in [Some(&mut self.positions), self.pending.as_mut()].into_iter().flatten() {
            while list.front().is_some_and(|item| nanos(item.time) < oldest) {
                list.pop_front();
            }
        }
    }

    fn trim(&mut self, measure: Measure) -> u64 {
        let mut dropped = 0;
        while self.positions.len() as u64 > measure.positions_max() {
            let oldest = self.positions.pop_front();
            if let Some(pending) = &mut self.pending
                && pending.front() == oldest.as_ref()
            {
                pending.pop_front();
            }
            dropped += 1;
        }
        dropped
    }
}

/// Whether `time` lies in the timespan that ends with `end`: it is open at its old end, and its end always
/// counts, so that a timespan of nothing is the instant itself.
pub(super) fn is_within(time: Timestamp, end: Timestamp, timespan_secs: u64) -> bool {
    let timespan = i128::from(timespan_secs) * NANOS_PER_SEC;
    time == end || (time < end && nanos(time) > nanos(end) - timespan)
}

/// The part of an ordered list that lies in the timespan (in nanoseconds) that ends with `end`.
fn span(list: &VecDeque<EvidenceItem>, end: Timestamp, timespan: i128) -> std::ops::Range<usize> {
    let start = nanos(end) - timespan;
    let first = list.partition_point(|item| nanos(item.time) <= start && item.time != end);
    let after = list.partition_point(|item| item.time <= end);
    first..after
}

/// Puts an item where its time belongs; nearly always that is the end.
fn insert(list: &mut VecDeque<EvidenceItem>, item: EvidenceItem) {
    if list.back().is_none_or(|newest| newest.time <= item.time) {
        list.push_back(item);
    } else {
        let index = list.partition_point(|other| other.time <= item.time);
        list.insert(index, item);
    }
}

fn nanos(time: Timestamp) -> i128 {
    time.as_nanosecond()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::at;
    use crate::model::Pattern;
    use uuid::Uuid;

    /// A window that fires on the second event within ten seconds, after events at these seconds; what its
    /// firings counted, by number.
    fn after(lateness_secs: u64, script: impl IntoIterator<Item = i64>) -> (Window, Vec<Vec<u64>>) {
        let failed = PatternSettings::default_of(Pattern::FailedAuth);
        let settings = PatternSettings { threshold: 2, timespan_secs: 10, ..failed };
        let measure = Measure::new(&settings, lateness_secs);
        let mut window = Window::new(SourceId(1), Seq(0));
        let mut counted = Vec::new();
        for (seq, secs) in (0..).zip(script) {
            let item = EvidenceItem { seq: Seq(seq), id: Uuid::from_u128(seq.into()), time: at(secs) };
            let judged = window.enter(item, measure).judged;
            counted.extend(judged.map(|judged| judged.counted.iter().map(|item| item.seq.0).collect()));
        }
        (window, counted)
    }

    #[test]
    fn what_lies_beside_the_first_firing_counts_in_a_later_one() {
        assert_eq!(after(300, [0, 100, 1, 101]).1, [[0, 2], [1, 3]]);
        assert_eq!(after(300, [0, 100, 101, 1]).1, [[1, 2], [0, 3]]);
    }

    #[test]
    fn what_no_event_may_reach_any_more_is_let_go() {
        // The newest is at 400, so the latest that may still come is at 100 and looks back to just after 90.
        for (before, kept) in [(89, vec![3]), (90, vec![2, 3])] {
            let (window, _) = after(300, [0, 0, before, 400]);
            assert_eq!(window.positions.iter().map(|item| item.seq.0).collect::<Vec<_>>(), kept);
            assert_eq!(window.pending, Some(window.positions));
        }
    }

    #[test]
    fn the_list_of_those_that_did_not_count_is_bounded_as_well() {
        let script = [0, 0].into_iter().chain((1..2_000).map(|index| index * 10));
        let (window, counted) = after(1_000_000, script);
        assert_eq!(counted, [[0, 1]]);
        assert_eq!(
            (window.positions.len(), window.pending.map(|pending| pending.len())),
            (1_002, Some(1_002))
        );
    }

    #[test]
    fn the_timespan_is_open_at_its_old_end_and_closed_at_its_end() {
        let check =
            |secs, timespan_secs, within| assert_eq!(is_within(at(secs), at(100), timespan_secs), within);
        check(90, 10, false);
        check(91, 10, true);
        check(100, 10, true);
        check(101, 10, false);
        check(100, 0, true);
        check(99, 0, false);
        check(101, 0, false);
    }
}
