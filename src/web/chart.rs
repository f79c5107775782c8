//! Draws bars as SVG, out of numbers alone: those of the last 24 hours, and in `histogram` those of a search.
//!
//! All positions are percentages, so that the picture fits any width without a script; colours and sizes of
//! text are the style sheet's.

pub mod histogram;

use crate::web::pages::{address::address, words};
use jiff::{SignedDuration, Timestamp};
use std::fmt::{self, Write as _};

/// Where the plot ends and the labels of the time axis begin, in percent of the height.
pub(super) const PLOT_BOTTOM: f64 = 88.0;

/// Where the highest bar ends; the marks of alerts stand above it.
pub(super) const PLOT_TOP: f64 = 14.0;

/// The lowest bar that can still be seen.
pub(super) const BAR_HEIGHT_MIN: f64 = 1.2;

/// Events and alerts in time, in buckets of the same length without gaps, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The length of a bucket.
    pub bucket_secs: u32,
    /// The buckets; at most a few hundred.
    pub buckets: Vec<Bucket>,
}

/// What happened within one bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its beginning.
    pub from: Timestamp,
    /// How many events were received in it.
    pub events: u64,
    /// How many alerts were raised in it.
    pub alerts: u64,
}

impl Series {
    /// From when to when a bucket goes, in UTC: `11:30–12:00 UTC`.
    pub fn span_of(&self, bucket: &Bucket) -> String {
        let until = self.end_of(bucket);
        format!("{}–{} UTC", bucket.from.strftime("%H:%M"), until.strftime("%H:%M"))
    }

    /// The events that were received within a bucket.
    pub fn href_of(&self, bucket: &Bucket) -> String {
        let (from, to) = (bucket.from.to_string(), self.end_of(bucket).to_string());
        address("/events", [("from", from.as_str()), ("to", &to), ("time", "received")])
    }

    fn end_of(&self, bucket: &Bucket) -> Timestamp {
        let length = SignedDuration::from_secs(i64::from(self.bucket_secs));
        bucket.from.saturating_add(length).unwrap_or(Timestamp::MAX)
    }
}

/// A picture that was made here out of numbers, so that a template may show it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svg(pub(super) String);

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Only the drawings beside this one make any, and nothing but numbers, times and our own words goes in.
impl askama::filters::HtmlSafe for Svg {}

/// The bars of `series`, each a link to its events, with a mark above those in which an alert was raised.
pub fn draw(series: &Series) -> Svg {
    let top = nice_ceiling(series.buckets.iter().map(|bucket| bucket.events).max().unwrap_or(0));
    let mut svg = String::with_capacity(512 + series.buckets.len() * 420);
    svg.push_str(
        "<svg class=\"chart\" role=\"group\" aria-labelledby=\"chart-title chart-summary\" \
         xmlns=\"http://www.w3.org/2000/svg\"><title id=\"chart-title\">Events and alerts over the last 24 \
         hours </title><desc id=\"chart-summary\">",
    );
    svg.push_str(&summary(series));
    svg.push_str("</desc>");
    push_grid(&mut svg, top);
    for (index, bucket) in series.buckets.iter().enumerate() {
        push_bucket(&mut svg, series, index, bucket, top);
    }
    push_time_axis(&mut svg, series);
    svg.push_str("</svg>");
    Svg(svg)
}

fn summary(series: &Series) -> String {
    let events: u64 = series.buckets.iter().map(|bucket| bucket.events).sum();
    let alerts: u64 = series.buckets.iter().map(|bucket| bucket.alerts).sum();
    let mut said = format!("{} and {}.", words::counted(events, "event"), words::counted(alerts, "alert"));
    let busiest = series.buckets.iter().filter(|bucket| bucket.events > 0).max_by_key(|bucket| bucket.events);
    if let Some(busiest) = busiest {
        let _ = write!(
            said,
            " Busiest: {}, {}.",
            series.span_of(busiest),
            words::counted(busiest.events, "event")
        );
    }
    said
}

pub(super) fn push_grid(svg: &mut String, top: u64) {
    for (part, value) in [(0.0, 0), (0.5, top / 2), (1.0, top)] {
        let y = PLOT_BOTTOM - part * (PLOT_BOTTOM - PLOT_TOP);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.2}%\" y2=\"{y:.2}%\"/>\
             <text class=\"value\" x=\"0\" y=\"{y:.2}%\" dy=\"-4\">{}</text>",
            if value > 0 || part == 0.0 { words::count(value) } else { String::new() }
        );
    }
}

fn push_bucket(svg: &mut String, series: &Series, index: usize, bucket: &Bucket, top: u64) {
    let width = 100.0 / series.buckets.len() as f64;
    let x = index as f64 * width;
    let label = format!(
        "{}: {}, {}",
        series.span_of(bucket),
        words::counted(bucket.events, "event"),
        words::counted(bucket.alerts, "alert")
    );
    // `&` is the one character of an address that means something in an attribute.
    let href = series.href_of(bucket).replace('&', "&amp;");
    let _ = write!(
        svg,
        "<a href=\"{href}\" tabindex=\"-1\" aria-label=\"{label}\"><title>{label}</title>\
         <rect class=\"hit\" x=\"{x:.3}%\" y=\"0\" width=\"{width:.3}%\" height=\"{PLOT_BOTTOM}%\"/>"
    );
    if bucket.events > 0 {
        push_bar(svg, x, width, bucket.events, top);
    }
    if bucket.alerts > 0 {
        let _ = write!(
            svg,
            "<svg class=\"mark\" x=\"{:.3}%\" y=\"3%\" width=\"1\" height=\"1\" overflow=\"visible\">\
             <path d=\"M0 -5 5.5 4.5 -5.5 4.5Z\"/></svg>",
            x + width / 2.0
        );
    }
    svg.push_str("</a>");
}

/// A bar of that height, in a place that begins at `x` percent.
fn push_bar(svg: &mut String, x: f64, width: f64, number: u64, top: u64) {
    let height = (number as f64 / top as f64 * (PLOT_BOTTOM - PLOT_TOP)).max(BAR_HEIGHT_MIN);
    let _ = write!(
        svg,
        "<rect class=\"bar\" x=\"{:.3}%\" y=\"{:.3}%\" width=\"{:.3}%\" height=\"{height:.3}%\" \
         rx=\"1.5\"/>",
        x + width * 0.14,
        PLOT_BOTTOM - height,
        width * 0.72
    );
}

/// A label at every third full hour.
fn push_time_axis(svg: &mut String, series: &Series) {
    let width = 100.0 / series.buckets.len().max(1) as f64;
    let mut labels = 0;
    for (index, bucket) in series.buckets.iter().enumerate() {
        let x = index as f64 * width;
        let on_the_third_hour = bucket.from.as_second().rem_euclid(10_800) < i64::from(series.bucket_secs);
        if !on_the_third_hour || !(4.0..=96.0).contains(&x) {
            continue;
        }
        let class = if labels % 2 == 0 { "hour" } else { "hour minor" };
        labels += 1;
        let _ = write!(
            svg,
            "<line class=\"tick\" x1=\"{x:.3}%\" x2=\"{x:.3}%\" y1=\"{PLOT_BOTTOM}%\" y2=\"90%\"/>\
             <text class=\"{class}\" x=\"{x:.3}%\" y=\"{PLOT_BOTTOM}%\" dy=\"19\" data-time=\"{}\">{}</text>",
            bucket.from,
            bucket.from.strftime("%H:%M")
        );
    }
}

/// The smallest of 2, 4, 6, 8, 10, 20, 40, … that is not below `number`: a top of the axis whose half is
/// whole.
pub(super) fn nice_ceiling(number: u64) -> u64 {
    let mut unit = 1;
    loop {
        if let Some(factor) =
            [2, 4, 6, 8, 10].into_iter().find(|factor| number <= u64::saturating_mul(unit, *factor))
        {
            return unit.saturating_mul(factor);
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(numbers: &[(u64, u64)]) -> Series {
        let start: Timestamp = "2023-07-10T12:00:00Z".parse().expect("a time stamp");
        let bucket = |(index, &(events, alerts)): (usize, &(u64, u64))| Bucket {
            from: start + SignedDuration::from_mins(30 * index as i64),
            events,
            alerts,
        };
        Series { bucket_secs: 1_800, buckets: numbers.iter().enumerate().map(bucket).collect() }
    }

    #[test]
    fn the_axis_ends_at_a_round_number_that_can_be_halved() {
        let tops: Vec<u64> = [0, 1, 2, 3, 9, 11, 99, 101, 4_001, u64::MAX].map(nice_ceiling).into();
        assert_eq!(tops, [2, 2, 2, 4, 10, 20, 100, 200, 6_000, u64::MAX]);
    }

    #[test]
    fn each_bucket_links_to_its_events_and_says_its_numbers() {
        let Svg(svg) = draw(&series(&[(0, 0), (1_234, 1)]));
        assert!(svg.contains("<title>12:30–13:00 UTC: 1,234 events, 1 alert</title>"), "{svg}");
        let href = "/events?from=2023-07-10T12%3A30%3A00Z&amp;to=2023-07-10T13%3A00%3A00Z&amp;time=received";
        assert!(svg.contains(href), "{svg}");
        assert_eq!(svg.matches("class=\"bar").count(), 1);
        assert_eq!(svg.matches("class=\"mark\"").count(), 1);
        assert!(svg.contains("Busiest: 12:30–13:00 UTC, 1,234 events."), "{svg}");
    }

    #[test]
    fn few_events_beside_many_can_still_be_seen_and_nothing_draws_nothing() {
        let Svg(svg) = draw(&series(&[(1, 0), (1_000_000, 0)]));
        assert!(svg.contains("height=\"1.200%\""), "{svg}");
        let Svg(empty) = draw(&series(&[]));
        assert!(!empty.contains("NaN") && !empty.contains("inf") && empty.ends_with("</svg>"));
    }
}
