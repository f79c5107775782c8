//! Draws at which hours of the week something happened, as a field of seven by twenty-four cells in SVG.

use super::chart::Svg;
use crate::detect::OffHours;
use crate::web::pages::words;
use jiff::civil::Weekday;
use std::fmt::Write as _;

/// The days from Monday on, as their rows are called.
pub const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Hours of a day.
const HOURS: usize = 24;
/// How many shades there are beside that of nothing.
const SHADES: f64 = 5.0;
/// Percent of the width for the names of the days, and of the height for those of the hours.
const LEFT: f64 = 10.0;
const BOTTOM: f64 = 12.0;

/// Whether nobody works in that hour of an ordinary week; `hour` counts from Monday's first on.
fn is_off(off_hours: &OffHours, hour: usize) -> bool {
    let of_day = i8::try_from(hour % HOURS).unwrap_or_default();
    let day = Weekday::Monday.wrapping_add((hour / HOURS) as i64);
    off_hours.hours.contains(&of_day)
        || off_hours.weekends && matches!(day, Weekday::Saturday | Weekday::Sunday)
}

/// The field for the counts of the 168 hours from Monday on. The hours in which nobody works have a frame.
pub fn draw(counts: &[u64], off_hours: &OffHours) -> Svg {
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut svg = String::with_capacity(512 + counts.len() * 160);
    svg.push_str(
        "<svg class=\"week\" role=\"img\" aria-labelledby=\"week-title week-summary\" \
         xmlns=\"http://www.w3.org/2000/svg\"><title id=\"week-title\">Events by hour of the week </title>\
         <desc id=\"week-summary\">",
    );
    svg.push_str(&summary(counts, off_hours));
    svg.push_str("</desc>");
    let (width, height) = ((100.0 - LEFT) / HOURS as f64, (100.0 - BOTTOM) / DAYS.len() as f64);
    for (row, day) in DAYS.iter().enumerate() {
        let y = (row as f64 + 0.5) * height;
        let _ = write!(svg, "<text class=\"day\" x=\"0\" y=\"{y:.2}%\" dy=\"4\">{}</text>", &day[..3]);
    }
    for (hour, count) in counts.iter().enumerate() {
        let (x, y) = (LEFT + (hour % HOURS) as f64 * width, (hour / HOURS) as f64 * height);
        let off = if is_off(off_hours, hour) { " off" } else { "" };
        let _ = write!(
            svg,
            "<rect class=\"shade-{}{off}\" x=\"{x:.2}%\" y=\"{y:.2}%\"><title>{}: {}</title></rect>",
            shade(*count, most),
            name_of(hour),
            words::counted(*count, "event")
        );
    }
    for hour in [0, 6, 12, 18] {
        let x = LEFT + hour as f64 * width;
        let _ = write!(svg, "<text x=\"{x:.2}%\" y=\"100%\" dy=\"-2\">{hour:02}:00</text>");
    }
    svg.push_str("</svg>");
    Svg(svg)
}

/// The shade of a count beside the highest one. It grows with the root, so that few beside many can be seen.
fn shade(count: u64, most: u64) -> u8 {
    let share = (count as f64 / most.max(1) as f64).sqrt();
    (share * SHADES).ceil() as u8
}

/// `Monday 08:00–09:00`.
fn name_of(hour: usize) -> String {
    let of_day = hour % HOURS;
    format!("{} {of_day:02}:00–{:02}:00", DAYS[hour / HOURS % DAYS.len()], of_day + 1)
}

fn summary(counts: &[u64], off_hours: &OffHours) -> String {
    let busiest = counts.iter().enumerate().max_by_key(|(_, count)| **count).filter(|(_, count)| **count > 0);
    let Some((hour, count)) = busiest else { return "No event.".to_owned() };
    let (total, off) = (counts.iter().sum(), off_count(counts, off_hours));
    format!(
        "Busiest: {}, {}. In hours in which nobody works: {} ({}).",
        name_of(hour),
        words::counted(*count, "event"),
        words::count(off),
        words::percent(off, total)
    )
}

/// How many fall into hours in which nobody works.
pub fn off_count(counts: &[u64], off_hours: &OffHours) -> u64 {
    counts.iter().enumerate().filter(|(hour, _)| is_off(off_hours, *hour)).map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cells_are_shaded_and_named_and_those_of_no_work_are_marked() {
        let mut counts = vec![0; 168];
        (counts[8], counts[5 * 24 + 23], counts[24]) = (100, 1, 3);
        let off_hours = OffHours::default();
        let Svg(svg) = draw(&counts, &off_hours);
        assert_eq!(svg.matches("<rect").count(), 168);
        assert_eq!(svg.matches(" off\"").count(), 7 * off_hours.hours.len());
        assert!(svg.contains("<title>Monday 08:00–09:00: 100 events</title>"), "{svg}");
        assert!(svg.contains("<title>Saturday 23:00–24:00: 1 event</title>"), "{svg}");
        assert!(svg.contains("Busiest: Monday 08:00–09:00, 100 events."), "{svg}");
        assert_eq!(off_count(&counts, &off_hours), 4);
        let weekends = OffHours { hours: [].into(), weekends: true, ..off_hours };
        assert_eq!(off_count(&counts, &weekends), 1);
    }

    #[test]
    fn nothing_has_a_shade_of_its_own_and_few_beside_many_are_seen() {
        assert_eq!([0, 1, 50, 100].map(|count| shade(count, 100)), [0, 1, 4, 5]);
        assert_eq!((shade(1, 1_000_000), shade(0, 0)), (1, 0));
    }
}
