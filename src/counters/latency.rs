//! How long events take from receipt to answer, as an HDR histogram.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use std::sync::Mutex;
use std::time::Duration;

/// Microseconds beyond which a time counts as just this long: ten minutes.
const MICROS_MAX: u64 = 600_000_000;

/// Times since the counters were begun. Shared by all requests.
pub struct Latency(Mutex<Histogram<u64>>);

/// What the histogram says, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatencySummary {
    /// The mean.
    pub average: f64,
    /// Half took no longer.
    pub p50: f64,
    /// 95 of 100 took no longer.
    pub p95: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// How many were measured.
    pub count: u64,
    /// All times together, in seconds.
    pub sum_secs: f64,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency(Mutex::new(empty()))
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MICROS_MAX, 3).expect("the bounds are valid")
}

impl Latency {
    /// Goes on from what was written; begins anew where that cannot be read.
    pub fn restore(bytes: &[u8]) -> Latency {
        let read: Option<Histogram<u64>> = Deserializer::new().deserialize(&mut &*bytes).ok();
        let fits = read.filter(|histogram| histogram.high() == MICROS_MAX && histogram.sigfig() == 3);
        Latency(Mutex::new(fits.unwrap_or_else(empty)))
    }

    /// What [`Latency::restore`] reads.
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let histogram = self.0.lock().expect("no holder of this lock panics");
        V2Serializer::new().serialize(&*histogram, &mut bytes).expect("a vector takes all bytes");
        bytes
    }

    /// Notes that `events` took this long.
    pub fn record(&self, time: Duration, events: u64) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(MICROS_MAX).clamp(1, MICROS_MAX);
        let mut histogram = self.0.lock().expect("no holder of this lock panics");
        histogram.saturating_record_n(micros, events);
    }

    /// What the times were.
    pub fn summary(&self) -> LatencySummary {
        let histogram = self.0.lock().expect("no holder of this lock panics");
        let millis = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        if histogram.is_empty() {
            return LatencySummary::default();
        }
        LatencySummary {
            average: histogram.mean() / 1_000.0,
            p50: millis(0.50),
            p95: millis(0.95),
            p99: millis(0.99),
            count: histogram.len(),
            sum_secs: histogram.mean() * histogram.len() as f64 / 1e6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_are_those_of_what_was_recorded_also_after_a_restart() {
        let latency = Latency::default();
        latency.record(Duration::from_millis(1), 98);
        latency.record(Duration::from_millis(500), 2);
        let summary = Latency::restore(&latency.save()).summary();
        assert_eq!(summary.count, 100);
        assert!((summary.p50 - 1.0).abs() < 0.01, "{summary:?}");
        assert!((summary.p99 - 500.0).abs() < 1.0, "{summary:?}");
        assert_eq!(Latency::restore(b"rubbish").summary(), LatencySummary::default());
    }
}
