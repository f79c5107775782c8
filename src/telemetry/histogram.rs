//! How long something takes, or how much it is, counted in bounded classes that many may add to at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a histogram counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Times; read in seconds, kept in tenths of a microsecond.
    Seconds,
    /// Numbers of things; kept in tenths.
    Count,
}

impl Unit {
    /// Tenths that make one.
    fn tenths(self) -> f64 {
        match self {
            Unit::Seconds => 1e7,
            Unit::Count => 10.0,
        }
    }
}

/// Upper ends of the classes within one power of ten: each is at most 1.5 times the one before.
const MANTISSAS: [u64; 8] = [10, 15, 20, 25, 35, 50, 65, 80];
/// Powers of ten, from a microsecond, or one, on.
const DECADES: usize = 8;
/// Classes, the last for what is beyond all ends.
const CLASSES: usize = MANTISSAS.len() * DECADES + 1;
/// Which ends of a power of ten are shown to others: 1, 2.5 and 5.
const SHOWN: [usize; 3] = [0, 3, 5];

/// The upper ends of all classes but the last, in tenths.
const ENDS: [u64; CLASSES - 1] = {
    let (mut ends, mut class, mut decade) = ([0; CLASSES - 1], 0, 1);
    while class < ends.len() {
        ends[class] = MANTISSAS[class % MANTISSAS.len()] * decade;
        class += 1;
        if class % MANTISSAS.len() == 0 {
            decade *= 10;
        }
    }
    ends
};

/// Times by class. Shared by all who measure.
#[derive(Debug)]
pub struct Histogram {
    classes: [AtomicU64; CLASSES],
    /// All together, in hundredths of a tenth: of times, nanoseconds.
    sum: AtomicU64,
}

/// What a histogram held at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    classes: [u64; CLASSES],
    sum: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { classes: [const { AtomicU64::new(0) }; CLASSES], sum: AtomicU64::new(0) }
    }
}

impl Default for Counts {
    fn default() -> Counts {
        Counts { classes: [0; CLASSES], sum: 0 }
    }
}

impl Histogram {
    /// Counts one time.
    pub fn record(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.add(nanos);
    }

    /// Counts one number of things.
    pub fn record_count(&self, count: usize) {
        self.add((count as u64).saturating_mul(1_000));
    }

    fn add(&self, hundredths: u64) {
        let tenths = hundredths.div_ceil(100);
        let class = ENDS.partition_point(|end| *end < tenths);
        self.classes[class].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(hundredths, Ordering::Relaxed);
    }

    /// What it holds now.
    pub fn counts(&self) -> Counts {
        Counts {
            classes: std::array::from_fn(|class| self.classes[class].load(Ordering::Relaxed)),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl Counts {
    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// All together.
    pub fn sum(&self, unit: Unit) -> f64 {
        self.sum as f64 / 100.0 / unit.tenths()
    }

    /// What was counted since `earlier`.
    pub fn since(&self, earlier: &Counts) -> Counts {
        Counts {
            classes: std::array::from_fn(|class| self.classes[class].saturating_sub(earlier.classes[class])),
            sum: self.sum.saturating_sub(earlier.sum),
        }
    }

    /// The time that a share of all did not exceed, in seconds, to the width of a class. 0 where nothing was counted.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = (self.count() as f64 * share).max(1.0);
        let mut below = 0.0;
        for (class, count) in self.classes.iter().enumerate().filter(|(_, count)| **count > 0) {
            let within = (wanted - below) / *count as f64;
            if within <= 1.0 {
                let begin = if class == 0 { 0 } else { ENDS[class - 1] };
                let end = ENDS.get(class).copied().unwrap_or(begin);
                return (begin as f64 + (end - begin) as f64 * within) / 1e7;
            }
            below += *count as f64;
        }
        0.0
    }

    /// The classes as others are shown them: upper end, and how many lie up to it.
    pub fn cumulative(&self, unit: Unit) -> Vec<(f64, u64)> {
        let mut up_to = 0;
        let each = self.classes.iter().zip(ENDS).enumerate().map(|(class, (count, end))| {
            up_to += count;
            (class, end as f64 / unit.tenths(), up_to)
        });
        each.filter(|(class, _, _)| SHOWN.contains(&(class % MANTISSAS.len())))
            .map(|(_, end, up_to)| (end, up_to))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_the_width_of_a_class() {
        let histogram = Histogram::default();
        (1..=1_000).for_each(|millis| histogram.record(Duration::from_millis(millis)));
        let counts = histogram.counts();
        for (share, expected) in [(0.5, 0.5), (0.95, 0.95), (0.99, 0.99), (1.0, 1.0)] {
            let found = counts.quantile(share);
            assert!((found / expected - 1.0).abs() < 0.02, "{share}: {found}");
        }
        assert!((counts.sum(Unit::Seconds) - 500.5).abs() < 1e-6);
        assert_eq!(Counts::default().quantile(0.5), 0.0);
    }

    #[test]
    fn a_time_at_an_end_lies_below_it_and_none_is_lost_beyond_the_last() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(1));
        histogram.record(Duration::from_nanos(1_001));
        histogram.record(Duration::from_secs(1_000_000));
        let counts = histogram.counts();
        assert_eq!((counts.classes[0], counts.classes[1], counts.classes[CLASSES - 1]), (1, 1, 1));
        assert_eq!(counts.count(), 3);
        let shown = counts.cumulative(Unit::Seconds);
        assert_eq!((shown[0], shown[1]), ((1e-6, 1), (2.5e-6, 2)));
        assert_eq!(shown.last().map(|(_, up_to)| *up_to), Some(2), "what is beyond is only in the whole");
    }

    #[test]
    fn numbers_of_things_are_counted_alike() {
        let histogram = Histogram::default();
        [1, 2, 1_000].into_iter().for_each(|count| histogram.record_count(count));
        let counts = histogram.counts();
        assert_eq!(counts.sum(Unit::Count), 1_003.0);
        assert_eq!(counts.cumulative(Unit::Count)[..2], [(1.0, 1), (2.5, 2)]);
    }

    #[test]
    fn what_came_since_is_the_difference() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_secs(1));
        let earlier = histogram.counts();
        histogram.record(Duration::from_millis(1));
        let since = histogram.counts().since(&earlier);
        assert_eq!(since.count(), 1);
        assert!(since.quantile(0.99) <= 0.001);
    }
}
