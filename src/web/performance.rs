//! How quick the appliance is: how much it takes, how long each step lasts, and which of them holds the others up.

use super::state::Appliance;
use crate::telemetry::Step;
use serde::Serialize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A shorter time between two looks says too little about the rate.
const LOOK_MIN: Duration = Duration::from_secs(1);

/// How many events a second are stored. Looked at by the prober, read by whoever asks.
#[derive(Debug, Default)]
pub struct Throughput(Mutex<Looks>);

#[derive(Debug, Default)]
struct Looks {
    first: Option<(Instant, u64)>,
    last: Option<(Instant, u64)>,
    now: f64,
    peak: f64,
}

/// Events a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Between the last two looks.
    pub now: f64,
    /// The most between any two.
    pub peak: f64,
    /// Since the process began.
    pub mean: f64,
}

impl Throughput {
    /// Notes that so many events are stored.
    pub fn look(&self, at: Instant, events: u64) {
        let mut looks = self.0.lock().expect("no holder of this lock panics");
        let Some((before, stored)) = looks.last else {
            (looks.first, looks.last) = (Some((at, events)), Some((at, events)));
            return;
        };
        let time = at.saturating_duration_since(before);
        if time >= LOOK_MIN {
            looks.now = events.saturating_sub(stored) as f64 / time.as_secs_f64();
            looks.peak = looks.peak.max(looks.now);
            looks.last = Some((at, events));
        }
    }

    /// The rates as of the last look.
    pub fn rates(&self) -> Rates {
        let looks = self.0.lock().expect("no holder of this lock panics");
        let (Some((began, before)), Some((at, events))) = (looks.first, looks.last) else {
            return Rates::default();
        };
        let time = at.saturating_duration_since(began).as_secs_f64();
        let mean = if time > 0.0 { (events - before) as f64 / time } else { 0.0 };
        Rates { now: looks.now, peak: looks.peak, mean }
    }
}

/// How long a step lasted in the last minutes, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTimes {
    /// Which one.
    #[serde(serialize_with = "name_of")]
    pub step: Step,
    /// How often.
    pub count: u64,
    /// Half took no longer.
    pub p50: f64,
    /// 95 of 100 took no longer.
    pub p95: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// From where on it is slow, held against `p95`.
    pub slow_millis: f64,
}

impl StepTimes {
    /// Whether it is slow.
    pub fn is_slow(&self) -> bool {
        self.count > 0 && self.p95 > self.slow_millis
    }
}

fn name_of<S: serde::Serializer>(step: &Step, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(step.name())
}

/// Each step's times.
pub fn steps(app: &Appliance) -> Vec<StepTimes> {
    let times = |step: Step| {
        let counts = app.telemetry.tracer.steps().recent(step);
        let millis = |share| counts.quantile(share) * 1_000.0;
        StepTimes {
            step,
            count: counts.count(),
            p50: millis(0.5),
            p95: millis(0.95),
            p99: millis(0.99),
            slow_millis: app.config.steps.slow(step).as_secs_f64() * 1_000.0,
        }
    };
    Step::ALL.map(times).into()
}

/// The step that holds the others up, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bottleneck {
    /// Its times.
    #[serde(flatten)]
    pub times: StepTimes,
    /// What helps.
    pub advice: &'static str,
}

/// The step that is furthest above its threshold, if any is.
pub fn bottleneck(steps: &[StepTimes]) -> Option<Bottleneck> {
    let over = |times: &StepTimes| times.p95 / times.slow_millis;
    let worst = steps.iter().filter(|times| times.is_slow()).max_by(|a, b| over(a).total_cmp(&over(b)))?;
    Some(Bottleneck { times: *worst, advice: advice(worst.step) })
}

fn advice(step: Step) -> &'static str {
    match step {
        Step::Receive => {
            "senders deliver their requests slowly: look at the network and at proxies between, or have them send smaller requests"
        }
        Step::Validate => {
            "requests are large for this processor: have senders bring fewer events in each, or give the host a quicker one"
        }
        Step::Integrity => {
            "checking hashes and signatures takes the processor: have senders bring fewer events in each request, or give the host a quicker one"
        }
        Step::CommitWait => {
            "requests wait for the commit before theirs: have senders put more events into fewer requests, and look at the disk if the commits are slow too"
        }
        Step::Commit => {
            "the disk takes long to make commits durable: move data_dir to a quicker disk, and look for what else writes to this one"
        }
        Step::Detect => {
            "detection takes long for what comes in: look for sources that bring many different principals, and for patterns with long timespans"
        }
        Step::Count => {
            "the counters' directory is slow: move data_dir to a quicker disk, and look for what else writes to this one"
        }
        Step::Index => {
            "the search index is slow: move data_dir to a quicker disk; nothing else waits for it, but searches lag behind"
        }
        Step::Deliver => {
            "a notification target is slow: see which one at /notifications; the others do not wait for it"
        }
        Step::Seal => {
            "signing waits for the writer: where the commits are slow too, look at the disk; else raise log.checkpoint_secs"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(step: Step, count: u64, p95: f64, slow_millis: f64) -> StepTimes {
        StepTimes { step, count, p50: p95, p95, p99: p95, slow_millis }
    }

    #[test]
    fn the_bottleneck_is_the_step_that_is_furthest_above_its_threshold() {
        let found = |steps: &[StepTimes]| bottleneck(steps).map(|found| found.times.step);
        let at_its_threshold = times(Step::Commit, 9, 250.0, 250.0);
        assert_eq!(found(&[at_its_threshold, times(Step::Detect, 0, 9_000.0, 1.0)]), None);
        let commit = times(Step::Commit, 9, 300.0, 250.0);
        let count = times(Step::Count, 9, 1_100.0, 1_000.0);
        assert_eq!(found(&[count, commit]), Some(Step::Commit));
    }

    #[test]
    fn the_rates_are_of_the_last_looks_the_best_ones_and_all() {
        let (throughput, began) = (Throughput::default(), Instant::now());
        let at = |secs: u64| began + Duration::from_secs(secs);
        assert_eq!(throughput.rates(), Rates::default());
        for (secs, events) in [(0, 100), (5, 600), (10, 700)] {
            throughput.look(at(secs), events);
        }
        // Two looks at nearly the same time say nothing.
        throughput.look(at(10) + Duration::from_millis(1), 10_000);
        assert_eq!(throughput.rates(), Rates { now: 20.0, peak: 100.0, mean: 60.0 });
    }
}
