//! Draws how what was found is spread over time: bars that are links to what lies in each.

use super::{PLOT_BOTTOM, Svg, nice_ceiling, push_bar, push_grid};
use crate::search::Histogram;
use crate::web::pages::words;
use jiff::Timestamp;
use std::fmt::Write as _;

/// Bars of one picture, at most.
pub const BARS_MAX: i64 = 48;
/// Lengths of time that a bar may stand for, in seconds: from a second to 4,000 years.
const WIDTHS_SECS: [i64; 22] = [
    1,
    5,
    15,
    30,
    60,
    300,
    900,
    1_800,
    3_600,
    10_800,
    21_600,
    43_200,
    86_400,
    604_800,
    2_592_000,
    7_776_000,
    31_536_000,
    157_680_000,
    315_360_000,
    1_576_800_000,
    15_768_000_000,
    126_144_000_000,
];
/// Labels of the time axis.
const LABELS: usize = 4;

/// Equal stretches of time that begin at round moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The length of each, in seconds.
    pub width_secs: i64,
    /// Where the first begins, in seconds since 1970.
    first_secs: i64,
    /// How many.
    pub count: usize,
}

impl Steps {
    /// The shortest that cover both moments with few enough bars.
    pub fn over(from: Timestamp, to: Timestamp) -> Option<Steps> {
        let (from, to) = (from.as_second(), to.as_second().max(from.as_second()));
        let width = WIDTHS_SECS
            .into_iter()
            .find(|width| to.div_euclid(*width) - from.div_euclid(*width) < BARS_MAX)?;
        let (first, last) = (from.div_euclid(width), to.div_euclid(width));
        let count = usize::try_from(last - first + 1).ok()?;
        let steps = Steps { width_secs: width, first_secs: first * width, count };
        // At the ends of time that there is.
        steps.bounds(0)?;
        steps.bounds(count - 1)?;
        Some(steps)
    }

    /// What counts events by these steps.
    pub fn histogram(&self) -> Option<Histogram> {
        let (from, _) = self.bounds(0)?;
        let (_, to) = self.bounds(self.count - 1)?;
        Some(Histogram { from, to, buckets: self.count })
    }

    /// From when to when the step of that number goes.
    pub fn bounds(&self, index: usize) -> Option<(Timestamp, Timestamp)> {
        let from = self.first_secs + i64::try_from(index).ok()? * self.width_secs;
        Timestamp::from_second(from).ok().zip(Timestamp::from_second(from + self.width_secs).ok())
    }
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What lies in it; nothing where there is no link.
    pub href: Option<String>,
    /// From when to when, in UTC.
    pub span: String,
    /// How many events.
    pub count: u64,
}

/// The counts of those steps as a picture, and those that are not 0 as bars; without steps, an empty one. Each bar leads
/// to what `href_of` makes of its bounds.
pub fn spread(
    steps: Option<&Steps>,
    counts: &[u64],
    href_of: impl Fn((Timestamp, Timestamp)) -> Option<String>,
) -> (Svg, Vec<Bar>) {
    let bar = |(index, count): (usize, &u64)| {
        let steps = steps?;
        let bounds = steps.bounds(index)?;
        Some(Bar { href: href_of(bounds), span: span(bounds, steps.width_secs), count: *count })
    };
    let mut bars: Vec<Bar> = counts.iter().enumerate().filter_map(bar).collect();
    let chart = draw(&bars, steps.map_or(1, |steps| steps.width_secs));
    bars.retain(|bar| bar.count > 0);
    (chart, bars)
}

/// From when to when, as people read it: as exact as the steps are.
fn span((from, to): (Timestamp, Timestamp), width_secs: i64) -> String {
    let form = match width_secs {
        86_400.. => "%Y-%m-%d",
        60.. => "%Y-%m-%d %H:%M",
        _ => "%Y-%m-%d %H:%M:%S",
    };
    if width_secs == 86_400 {
        return from.strftime(form).to_string();
    }
    let end = if width_secs > 86_400
        || from.strftime("%Y-%m-%d").to_string() != to.strftime("%Y-%m-%d").to_string()
    {
        form
    } else {
        &form["%Y-%m-%d ".len()..]
    };
    format!("{}–{}", from.strftime(form), to.strftime(end))
}

/// The bars, each a link where it has one.
fn draw(bars: &[Bar], width_secs: i64) -> Svg {
    let top = nice_ceiling(bars.iter().map(|bar| bar.count).max().unwrap_or(0));
    let mut svg = String::with_capacity(512 + bars.len() * 420);
    svg.push_str(
        "<svg class=\"chart\" role=\"group\" aria-labelledby=\"spread-title spread-summary\" \
         xmlns=\"http://www.w3.org/2000/svg\"><title id=\"spread-title\">Events found over time </title>\
         <desc id=\"spread-summary\">",
    );
    svg.push_str(&summary(bars));
    svg.push_str("</desc>");
    push_grid(&mut svg, top);
    let width = 100.0 / bars.len().max(1) as f64;
    for (index, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.count > 0) {
        let x = index as f64 * width;
        let label = format!("{} UTC: {}", bar.span, words::counted(bar.count, "event"));
        // `&` is the one character of an address that means something in an attribute.
        let href = bar.href.as_ref().map(|href| href.replace('&', "&amp;"));
        match &href {
            Some(href) => {
                let _ = write!(svg, "<a href=\"{href}\" tabindex=\"-1\" aria-label=\"{label}\">");
            }
            None => svg.push_str("<g>"),
        }
        let _ = write!(
            svg,
            "<title>{label}</title><rect class=\"hit\" x=\"{x:.3}%\" y=\"0\" width=\"{width:.3}%\" \
             height=\"{PLOT_BOTTOM}%\"/>"
        );
        push_bar(&mut svg, x, width, bar.count, top);
        svg.push_str(if href.is_some() { "</a>" } else { "</g>" });
    }
    push_labels(&mut svg, bars, width_secs);
    svg.push_str("</svg>");
    Svg(svg)
}

fn summary(bars: &[Bar]) -> String {
    let mut said = format!("{}.", words::counted(bars.iter().map(|bar| bar.count).sum(), "event"));
    if let Some(busiest) = bars.iter().filter(|bar| bar.count > 0).max_by_key(|bar| bar.count) {
        let _ = write!(said, " Most: {} UTC, {}.", busiest.span, words::counted(busiest.count, "event"));
    }
    said
}

/// The beginnings of some of the bars.
fn push_labels(svg: &mut String, bars: &[Bar], width_secs: i64) {
    let length = match width_secs {
        86_400.. => "2026-01-31".len(),
        60.. => "2026-01-31 12:00".len(),
        _ => "2026-01-31 12:00:00".len(),
    };
    let labels = LABELS.min(bars.len());
    for label in 0..labels {
        let index = (2 * label + 1) * bars.len() / (2 * labels);
        let x = 100.0 * index as f64 / bars.len() as f64;
        let class = if label % 3 == 1 { "hour" } else { "hour minor" };
        let text: String = bars[index].span.chars().take(length).collect();
        let _ = write!(
            svg,
            "<line class=\"tick\" x1=\"{x:.3}%\" x2=\"{x:.3}%\" y1=\"{PLOT_BOTTOM}%\" y2=\"90%\"/>\
             <text class=\"{class}\" x=\"{x:.3}%\" y=\"{PLOT_BOTTOM}%\" dy=\"19\">{text}</text>"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time stamp")
    }

    #[test]
    fn steps_are_round_and_few_and_cover_both_ends() {
        for (from, to, width, count) in [
            ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00Z", 1, 1),
            ("2026-01-05T10:00:07Z", "2026-01-05T10:00:54Z", 1, 48),
            ("2026-01-05T10:00:07Z", "2026-01-05T10:00:55Z", 5, 11),
            ("2026-01-05T10:10:00Z", "2026-01-06T10:10:00Z", 3_600, 25),
            ("2026-01-05T00:00:00Z", "2026-02-04T00:00:00Z", 86_400, 31),
        ] {
            let steps = Steps::over(time(from), time(to)).expect("there are some");
            assert_eq!((steps.width_secs, steps.count), (width, count), "{from} {to}");
            assert!(steps.bounds(0).is_some_and(|(begin, _)| begin <= time(from)));
            assert!(steps.bounds(steps.count - 1).is_some_and(|(_, end)| end > time(to)));
        }
        let steps = Steps::over(time("-009000-01-01T00:00:00Z"), time("9000-01-01T00:00:00Z"));
        assert!(steps.is_some_and(|steps| steps.count <= BARS_MAX as usize));
        assert!(
            Steps::over(Timestamp::MIN, Timestamp::MAX).is_none_or(|steps| steps.count <= BARS_MAX as usize)
        );
    }

    #[test]
    fn a_bar_says_its_time_and_number_and_leads_there() {
        let steps = Steps::over(time("2026-01-05T10:00:00Z"), time("2026-01-05T12:00:00Z")).expect("some");
        let label = span(steps.bounds(1).expect("it is there"), steps.width_secs);
        assert_eq!(label, "2026-01-05 10:05–10:10");
        let bar =
            |count, href: Option<&str>| Bar { href: href.map(str::to_owned), span: label.clone(), count };
        let svg = draw(&[bar(0, None), bar(1_234, Some("/search?q=a&from=b"))], 300).to_string();
        assert!(svg.contains("<title>2026-01-05 10:05–10:10 UTC: 1,234 events</title>"), "{svg}");
        assert!(svg.contains("href=\"/search?q=a&amp;from=b\""), "{svg}");
        assert_eq!(svg.matches("class=\"bar\"").count(), 1);
        let empty = draw(&[], 1).to_string();
        assert!(!empty.contains("NaN") && !empty.contains("inf"), "{empty}");
    }
}
