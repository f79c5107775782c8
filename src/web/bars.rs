//! Draws how often something happened over any length of time, as bars in SVG.

use super::chart::{BAR_HEIGHT_MIN, PLOT_BOTTOM, PLOT_TOP, Svg, nice_ceiling, push_grid};
use crate::web::pages::words;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;

/// Stretches of a picture, at the most.
pub const BARS_MAX: usize = 48;
/// Labels of the time axis, about.
const LABELS: usize = 6;

/// Seconds that a bar may stand for; what takes longer is drawn in whole years.
const WIDTHS_SECS: [i64; 13] =
    [60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000, 7_776_000, YEAR_SECS];
const YEAR_SECS: i64 = 31_536_000;
const DAY_SECS: i64 = 86_400;

/// Equal stretches without gaps, from `from` on.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// Where the first one begins.
    pub from: Timestamp,
    /// Seconds of each.
    pub width_secs: i64,
    /// How many events each holds.
    pub counts: Vec<u64>,
}

impl Bars {
    /// Empty stretches of a round length that hold both moments; at most [`BARS_MAX`].
    pub fn over(first: Timestamp, last: Timestamp) -> Bars {
        let (first, last) = (first.as_second(), last.as_second().max(first.as_second()));
        let holds = |width: i64| last.div_euclid(width) - first.div_euclid(width) < BARS_MAX as i64;
        let years = (last - first) / YEAR_SECS / (BARS_MAX as i64 - 1) + 1;
        let width = WIDTHS_SECS.into_iter().find(|width| holds(*width)).unwrap_or(years * YEAR_SECS);
        let begin = first.div_euclid(width) * width;
        let count = (last.div_euclid(width) - first.div_euclid(width) + 1).clamp(1, BARS_MAX as i64);
        Bars {
            from: Timestamp::from_second(begin).unwrap_or(Timestamp::MIN),
            width_secs: width,
            counts: vec![0; usize::try_from(count).unwrap_or(BARS_MAX)],
        }
    }

    /// Where the last stretch ends.
    pub fn end(&self) -> Timestamp {
        self.begin_of(self.counts.len())
    }

    /// Where the stretch of that number begins.
    pub fn begin_of(&self, index: usize) -> Timestamp {
        let length = self.width_secs.saturating_mul(index as i64);
        self.from.saturating_add(SignedDuration::from_secs(length)).unwrap_or(Timestamp::MAX)
    }

    /// A stretch in words, in UTC.
    pub fn span_of(&self, index: usize) -> String {
        let (begin, end) = (self.begin_of(index), self.begin_of(index + 1));
        match self.width_secs {
            DAY_SECS => begin.strftime("%Y-%m-%d").to_string(),
            width if width > DAY_SECS => {
                let last = end.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(end);
                format!("{} to {}", begin.strftime("%Y-%m-%d"), last.strftime("%Y-%m-%d"))
            }
            _ => format!("{}–{} UTC", begin.strftime("%Y-%m-%d %H:%M"), end.strftime("%H:%M")),
        }
    }
}

/// The bars, each a link to its events by `href_of`, which may be empty.
pub fn draw(bars: &Bars, href_of: impl Fn(usize) -> String) -> Svg {
    let top = nice_ceiling(bars.counts.iter().copied().max().unwrap_or(0));
    let mut svg = String::with_capacity(512 + bars.counts.len() * 420);
    svg.push_str(
        "<svg class=\"chart low\" role=\"group\" aria-labelledby=\"bars-title bars-summary\" \
         xmlns=\"http://www.w3.org/2000/svg\"><title id=\"bars-title\">Events over time </title>\
         <desc id=\"bars-summary\">",
    );
    svg.push_str(&summary(bars));
    svg.push_str("</desc>");
    push_grid(&mut svg, top);
    for (index, count) in bars.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        push_bar(&mut svg, bars, index, *count, top, &href_of(index));
    }
    push_axis(&mut svg, bars);
    svg.push_str("</svg>");
    Svg(svg)
}

fn summary(bars: &Bars) -> String {
    let total = words::counted(bars.counts.iter().sum(), "event");
    match bars.counts.iter().enumerate().max_by_key(|(_, count)| **count).filter(|(_, count)| **count > 0) {
        Some((index, count)) => {
            format!("{total}. Busiest: {}, {}.", bars.span_of(index), words::counted(*count, "event"))
        }
        None => format!("{total}."),
    }
}

fn push_bar(svg: &mut String, bars: &Bars, index: usize, count: u64, top: u64, href: &str) {
    let width = 100.0 / bars.counts.len() as f64;
    let x = index as f64 * width;
    let label = format!("{}: {}", bars.span_of(index), words::counted(count, "event"));
    // `&` is the one character of an address that means something in an attribute.
    let href = Some(href.replace('&', "&amp;")).filter(|href| !href.is_empty());
    let href = href.map(|href| format!(" href=\"{href}\" tabindex=\"-1\"")).unwrap_or_default();
    let height = (count as f64 / top as f64 * (PLOT_BOTTOM - PLOT_TOP)).max(BAR_HEIGHT_MIN);
    let _ = write!(
        svg,
        "<a{href} aria-label=\"{label}\"><title>{label}</title>\
         <rect class=\"hit\" x=\"{x:.3}%\" y=\"0\" width=\"{width:.3}%\" height=\"{PLOT_BOTTOM}%\"/>\
         <rect class=\"bar\" x=\"{:.3}%\" y=\"{:.3}%\" width=\"{:.3}%\" height=\"{height:.3}%\" rx=\"1.5\"/></a>",
        x + width * 0.14,
        PLOT_BOTTOM - height,
        width * 0.72
    );
}

fn push_axis(svg: &mut String, bars: &Bars) {
    let width = 100.0 / bars.counts.len().max(1) as f64;
    let step = bars.counts.len().div_ceil(LABELS).max(1);
    let form = if bars.width_secs >= DAY_SECS { "%Y-%m-%d" } else { "%m-%d %H:%M" };
    let inside = |index: &usize| (8.0..=92.0).contains(&(*index as f64 * width));
    for (number, index) in (0..bars.counts.len()).step_by(step).filter(inside).enumerate() {
        let x = index as f64 * width;
        let class = if number % 2 == 0 { "hour" } else { "hour minor" };
        let _ = write!(
            svg,
            "<line class=\"tick\" x1=\"{x:.3}%\" x2=\"{x:.3}%\" y1=\"{PLOT_BOTTOM}%\" y2=\"90%\"/>\
             <text class=\"{class}\" x=\"{x:.3}%\" y=\"{PLOT_BOTTOM}%\" dy=\"19\">{}</text>",
            bars.begin_of(index).strftime(form)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(first: &str, last: &str) -> Bars {
        let time = |text: &str| text.parse().expect("a time");
        Bars::over(time(first), time(last))
    }

    #[test]
    fn the_stretches_are_round_and_hold_both_ends() {
        for (first, last, width) in [
            ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00Z", 60),
            ("2026-01-05T10:00:30Z", "2026-01-05T10:59:59Z", 60),
            ("2026-01-05T10:00:30Z", "2026-01-05T11:00:00Z", 300),
            ("2026-01-05T10:00:00Z", "2026-02-05T10:00:00Z", DAY_SECS),
            ("1969-12-31T23:59:59Z", "1970-01-01T00:00:01Z", 60),
            ("0001-01-01T00:00:00Z", "9998-12-31T23:59:59Z", 213 * YEAR_SECS),
        ] {
            let bars = over(first, last);
            assert_eq!(bars.width_secs, width, "{first} {last}");
            assert!(!bars.counts.is_empty() && bars.counts.len() <= BARS_MAX);
            let held = bars.from..bars.end();
            for end in [first, last] {
                assert!(held.contains(&end.parse::<Timestamp>().expect("a time")), "{end} in {held:?}");
            }
        }
    }

    #[test]
    fn only_what_happened_is_a_bar_and_says_its_number() {
        let mut bars = over("2026-01-05T10:00:00Z", "2026-01-05T10:09:00Z");
        bars.counts[3] = 1_234;
        let Svg(svg) = draw(&bars, |index| format!("/search?q=a&n={index}"));
        assert_eq!(svg.matches("class=\"bar\"").count(), 1);
        assert!(svg.contains("2026-01-05 10:03–10:04 UTC: 1,234 events"), "{svg}");
        assert!(svg.contains("/search?q=a&amp;n=3"), "{svg}");
        let Svg(empty) = draw(&Bars { counts: Vec::new(), ..bars }, |_| String::new());
        assert!(!empty.contains("NaN") && empty.ends_with("</svg>"));
    }
}
