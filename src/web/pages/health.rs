//! How the appliance is: its components, its readers, how much comes in and how long that takes.

use super::badge::Badge;
use super::frame::{Frame, Section};
use super::time::TimeView;
use super::{text, words};
use crate::counters::LatencySummary;
use crate::web::health::{Component, Standing};
use crate::web::performance::{Bottleneck, Rates, StepTimes, bottleneck};
use askama::Template;
use std::collections::BTreeMap;

/// What `health.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "health.html")]
pub struct HealthPage {
    /// Around it.
    pub frame: Frame,
    /// The worst of the components.
    pub overall: Badge,
    /// The components.
    pub rows: Vec<ComponentRow>,
    /// How much there is to do; only for who may see all organisations.
    pub load: Option<Load>,
    /// The circuit breakers around what leaves the host; nothing for those who may not see all organisations.
    pub breakers: Option<Vec<BreakerRow>>,
    /// Whether the reader may move them.
    pub may_move: bool,
}

/// One circuit breaker as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerRow {
    /// The target, or the collector.
    pub name: String,
    /// How it stands, and in what tone that is said.
    pub state: (&'static str, &'static str),
    /// How the last calls that count went.
    pub calls: String,
    /// How often it has opened.
    pub opened: String,
    /// When it last opened or closed.
    pub changed: Option<TimeView>,
    /// Whether nothing is sent now.
    pub is_stopped: bool,
}

impl From<Standing> for BreakerRow {
    fn from(standing: Standing) -> BreakerRow {
        let is_stopped = standing.is_stopped();
        let said = match standing.state {
            "held" => "stopped by hand",
            "open" => "open: nothing is sent",
            "half-open" => "half-open: one try is let through",
            _ => "closed: it is sent to",
        };
        BreakerRow {
            state: (said, if is_stopped { "critical" } else { "good" }),
            calls: format!(
                "{} of {} failed",
                words::count(standing.failures as u64),
                words::count(standing.calls as u64)
            ),
            opened: words::count(standing.opened),
            changed: standing.changed_at.map(TimeView::from),
            is_stopped,
            name: text::short(&standing.name, 100),
        }
    }
}

/// What the load is made of. The handler reads it.
#[derive(Clone, Debug)]
pub struct LoadData {
    /// Events a second.
    pub rates: Rates,
    /// How long each step took.
    pub steps: Vec<StepTimes>,
    /// Events of the last whole minute.
    pub last_minute: u64,
    /// Events of the busiest minute of the last day.
    pub busiest_minute: u64,
    /// How long events take from receipt to answer.
    pub latency: LatencySummary,
    /// How many entries each reader is behind.
    pub lag: [(&'static str, u64); 4],
    /// Events that wait for their commit.
    pub waiting: u64,
    /// How long the process has run, in seconds.
    pub up_secs: u64,
}

/// One component as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentRow {
    /// Its name.
    pub name: &'static str,
    /// How it is.
    pub mark: Badge,
    /// Why.
    pub message: String,
    /// How long its probe took.
    pub took: String,
    /// When it was probed.
    pub checked: TimeView,
}

/// How much there is to do, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Events a second: now, at most, and on the mean.
    pub rates: [String; 3],
    /// How long each step took.
    pub steps: Vec<StepRow>,
    /// The step that holds the others up, in words, and what to do about it.
    pub bottleneck: Option<(String, &'static str)>,
    /// Events of the last whole minute.
    pub last_minute: String,
    /// Events of the busiest minute.
    pub busiest_minute: String,
    /// Half of the events took no longer.
    pub p50: String,
    /// 95 of 100 took no longer.
    pub p95: String,
    /// 99 of 100 took no longer.
    pub p99: String,
    /// How many were measured.
    pub measured: String,
    /// Each reader, what it does, the name of its number in the live stream, and how far it is behind.
    pub readers: Vec<ReaderRow>,
    /// Events that wait for their commit.
    pub waiting: String,
    /// How long the process has run.
    pub up: String,
}

/// One step as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// Its name.
    pub name: &'static str,
    /// How often it was taken.
    pub count: String,
    /// What half, 95 and 99 of 100 took at most.
    pub times: [String; 3],
    /// From where on it is slow.
    pub slow: String,
    /// Whether it is.
    pub is_slow: bool,
}

/// One reader as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderRow {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// The name of its number in the live stream.
    pub live: &'static str,
    /// How many entries it is behind.
    pub lag: String,
}

impl HealthPage {
    /// The page of these components.
    pub fn new(
        frame: Frame,
        overall: &'static str,
        components: BTreeMap<&'static str, Component>,
        load: Option<LoadData>,
    ) -> HealthPage {
        let row = |(name, found): (&'static str, Component)| ComponentRow {
            name,
            mark: Badge::of_health(found.status.name()),
            message: text::short(&found.message, 300),
            took: words::millis(found.response_time),
            checked: found.last_check.into(),
        };
        HealthPage {
            frame: frame.titled("Health", Section::Health),
            overall: Badge::of_health(overall),
            rows: components.into_iter().map(row).collect(),
            load: load.map(Load::from),
            breakers: None,
            may_move: false,
        }
    }

    /// The same with the circuit breakers, and whether the reader may move them.
    pub fn with_breakers(self, breakers: Option<Vec<Standing>>, may_move: bool) -> HealthPage {
        let breakers = breakers.map(|breakers| breakers.into_iter().map(BreakerRow::from).collect());
        HealthPage { breakers, may_move, ..self }
    }
}

impl From<LoadData> for Load {
    fn from(data: LoadData) -> Load {
        let rate = |rate: f64| format!("{} a second", words::count(rate.round() as u64));
        Load {
            rates: [data.rates.now, data.rates.peak, data.rates.mean].map(rate),
            bottleneck: bottleneck(&data.steps).map(|found| (bottleneck_words(&found), found.advice)),
            steps: data.steps.iter().map(StepRow::from).collect(),
            last_minute: words::count(data.last_minute),
            busiest_minute: words::count(data.busiest_minute),
            p50: words::millis(data.latency.p50),
            p95: words::millis(data.latency.p95),
            p99: words::millis(data.latency.p99),
            measured: words::counted(data.latency.count, "event"),
            readers: data.lag.map(|(name, lag)| reader(name, lag)).into(),
            waiting: words::counted(data.waiting, "event"),
            up: words::span(data.up_secs),
        }
    }
}

impl From<&StepTimes> for StepRow {
    fn from(times: &StepTimes) -> StepRow {
        StepRow {
            name: times.step.name(),
            count: words::count(times.count),
            times: [times.p50, times.p95, times.p99].map(|millis| match times.count {
                0 => "–".to_owned(),
                _ => words::millis(millis),
            }),
            slow: words::millis(times.slow_millis),
            is_slow: times.is_slow(),
        }
    }
}

fn bottleneck_words(found: &Bottleneck) -> String {
    let StepTimes { step, p95, slow_millis, .. } = found.times;
    format!(
        "{}: 95 of 100 took up to {}, and {} is slow",
        step.name(),
        words::millis(p95),
        words::millis(slow_millis)
    )
}

fn reader(name: &'static str, lag: u64) -> ReaderRow {
    let (does, live) = match name {
        "detect" => ("looks for misuse", "detectLag"),
        "count" => ("keeps the numbers", "countLag"),
        "index" => ("makes events searchable", "indexLag"),
        _ => ("signs checkpoints", "sealLag"),
    };
    ReaderRow { name, does, live, lag: words::count(lag) }
}
