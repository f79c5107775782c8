//! Metrics as they were read from where the numbers lie: one list for Prometheus and for OTLP.

use super::histogram::{Counts, Unit};
use std::fmt::Write;

/// What kind of numbers a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Classes of values.
    Histogram,
    /// Quantiles of values.
    Summary,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        }
    }
}

/// What one series says.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// Of a counter or gauge.
    Number(f64),
    /// Of a histogram.
    Histogram {
        /// Upper end of each class, and how many lie up to it.
        cumulative: Vec<(f64, u64)>,
        /// All values together.
        sum: f64,
        /// How many there are.
        count: u64,
    },
    /// Of a summary.
    Summary {
        /// Share and the value that it does not exceed.
        quantiles: Vec<(f64, f64)>,
        /// All values together.
        sum: f64,
        /// How many there are.
        count: u64,
    },
}

/// One series of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What tells it from the others: names from the code, values of a bounded set.
    pub labels: Vec<(&'static str, String)>,
    /// What it says.
    pub amount: Amount,
}

/// Numbers of one meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// `sealwatch_<subsystem>_<what>_<unit>[_total]`.
    pub name: &'static str,
    /// What kind they are.
    pub kind: Kind,
    /// What they mean.
    pub help: &'static str,
    /// The series.
    pub samples: Vec<Sample>,
}

impl Family {
    /// The unit that its name ends with, as OTLP writes it (UCUM).
    pub fn unit(&self) -> &'static str {
        match self.name.trim_end_matches("_total").rsplit('_').next() {
            Some("seconds") => "s",
            Some("bytes") => "By",
            Some("ratio") => "1",
            _ => "",
        }
    }
}

/// Families in the making.
#[derive(Debug, Default)]
pub struct Families(Vec<Family>);

impl Families {
    /// Begins a family; its samples follow.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        self.0.push(Family { name, kind, help, samples: Vec::new() });
    }

    /// A number of the family that was begun last.
    pub fn number(&mut self, labels: &[(&'static str, &str)], value: f64) {
        self.sample(labels, Amount::Number(value));
    }

    /// A histogram of the family that was begun last.
    pub fn histogram(&mut self, labels: &[(&'static str, &str)], unit: Unit, counts: &Counts) {
        let (cumulative, sum, count) = (counts.cumulative(unit), counts.sum(unit), counts.count());
        self.sample(labels, Amount::Histogram { cumulative, sum, count });
    }

    /// Any amount of the family that was begun last.
    pub fn sample(&mut self, labels: &[(&'static str, &str)], amount: Amount) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let family = self.0.last_mut().expect("a family is begun before its samples");
        family.samples.push(Sample { labels, amount });
    }

    /// A family of one number.
    pub fn single(&mut self, name: &'static str, kind: Kind, help: &'static str, value: f64) {
        self.family(name, kind, help);
        self.number(&[], value);
    }

    /// The families.
    pub fn take(self) -> Vec<Family> {
        self.0
    }
}

/// The families as Prometheus text, version 0.0.4 of the exposition format.
pub fn prometheus(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families {
        let (name, kind) = (family.name, family.kind.name());
        line(&mut out, format_args!("# HELP {name} {}\n# TYPE {name} {kind}", family.help));
        for sample in &family.samples {
            write_sample(&mut out, name, sample);
        }
    }
    out
}

fn write_sample(out: &mut String, name: &str, sample: &Sample) {
    let labels: Vec<String> =
        sample.labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
    let with = |more: Option<String>| {
        let all: Vec<&str> = labels.iter().chain(&more).map(String::as_str).collect();
        if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
    };
    match &sample.amount {
        Amount::Number(value) => line(out, format_args!("{name}{} {value}", with(None))),
        Amount::Histogram { cumulative, sum, count } => {
            for (end, up_to) in cumulative {
                line(out, format_args!("{name}_bucket{} {up_to}", with(Some(format!("le=\"{end}\"")))));
            }
            line(out, format_args!("{name}_bucket{} {count}", with(Some("le=\"+Inf\"".to_owned()))));
            line(out, format_args!("{name}_sum{} {sum}\n{name}_count{} {count}", with(None), with(None)));
        }
        Amount::Summary { quantiles, sum, count } => {
            for (share, value) in quantiles {
                line(out, format_args!("{name}{} {value}", with(Some(format!("quantile=\"{share}\"")))));
            }
            line(out, format_args!("{name}_sum{} {sum}\n{name}_count{} {count}", with(None), with(None)));
        }
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes all text");
}

/// A label's value: the format knows three escapes, and other control characters have no business in it.
fn escaped(value: &str) -> String {
    let printable = value.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c });
    printable.collect::<String>().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::histogram::Histogram;
    use std::time::Duration;

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let mut families = Families::default();
        families.family("m", Kind::Gauge, "Help.");
        families.number(&[("source", "a\"} 1\nb\\c\u{1b}[2J")], 1.5);
        let expected = "# HELP m Help.\n# TYPE m gauge\nm{source=\"a\\\"} 1\\nb\\\\c\u{fffd}[2J\"} 1.5\n";
        assert_eq!(prometheus(&families.take()), expected);
    }

    #[test]
    fn a_histogram_ends_with_all_of_them() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_millis(1));
        histogram.record(Duration::from_secs(100_000));
        let mut families = Families::default();
        families.family("m_seconds", Kind::Histogram, "Help.");
        families.histogram(&[("step", "x")], Unit::Seconds, &histogram.counts());
        let families = families.take();
        assert_eq!(families[0].unit(), "s");
        let text = prometheus(&families);
        for line in [
            "m_seconds_bucket{step=\"x\",le=\"0.001\"} 1",
            "m_seconds_bucket{step=\"x\",le=\"+Inf\"} 2",
            "m_seconds_sum{step=\"x\"} 100000.001",
            "m_seconds_count{step=\"x\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}
