//! `[detection]`, `[patterns]`, `[organizations]`: what is looked for, for all and for single organisations.

use super::reader::{Reader, Section};
use crate::detect::{OffHours, PatternSettings, PatternTable, Settings};
use crate::model::{Pattern, Severity};
use jiff::tz::TimeZone;
use std::collections::HashMap;

/// The longest timespan and cooldown: a week.
const SPAN_SECS_MAX: u64 = 7 * 86_400;

/// What a zone may be.
pub(super) const ZONE: &str = "an IANA time zone such as \"Europe/Berlin\" or \"UTC\"";

/// What is looked for in the events, and how often the state of it is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// What detection is told.
    pub settings: Settings,
    /// After how many events the windows are written down, so that a restart need not read more of the log
    /// than that.
    pub snapshot_events: u64,
}

impl Detection {
    pub(super) fn read(reader: &mut Reader) -> Detection {
        let default = Settings::default();
        let mut section = reader.section(&["detection"]);
        let lateness_secs = section.integer("lateness_secs", default.lateness_secs, 0..=86_400);
        let keys_max = section.integer("keys_max", default.keys_max, 1..=10_000_000);
        let snapshot_events = section.integer("snapshot_events", 100_000, 1_000..=100_000_000);
        let mut all = default.all;
        read_calendar(&mut all.off_hours, section);
        read_patterns(&mut all, reader.section(&["patterns"]));
        let mut organizations = HashMap::new();
        for name in reader.names_under(&["organizations"]) {
            let mut table = all.clone();
            read_calendar(&mut table.off_hours, reader.section(&["organizations", &name]));
            read_patterns(&mut table, reader.section(&["organizations", &name, "patterns"]));
            organizations.insert(name, table);
        }
        let settings = Settings { lateness_secs, keys_max, all, organizations };
        Detection { settings, snapshot_events }
    }
}

/// Changes what the section names; the rest stays as it is.
fn read_calendar(calendar: &mut OffHours, mut section: Section<'_>) {
    let hours = calendar.hours.iter().copied().collect();
    let hours = section.list("off_hours", "a list of hours from 0 to 23", hours, |text| {
        text.parse().ok().filter(|hour| (0..24).contains(hour))
    });
    let holidays = calendar.holidays.iter().copied().collect();
    let holidays = section
        .list("holidays", "a list of dates such as \"2026-12-25\"", holidays, |text| text.parse().ok());
    calendar.hours = hours.into_iter().collect();
    calendar.holidays = holidays.into_iter().collect();
    calendar.time_zone = section.text("time_zone", ZONE, calendar.time_zone.clone(), time_zone, show_zone);
    calendar.weekends = section.boolean("weekends", calendar.weekends);
}

fn read_patterns(table: &mut PatternTable, mut section: Section<'_>) {
    for pattern in Pattern::ALL {
        let settings = table.get_mut(pattern);
        let mut section = section.section(pattern.name());
        if Pattern::WINDOWED.contains(&pattern) {
            read_window(settings, &mut section);
        }
        let severities = Severity::ALL.map(|severity| (severity.name(), severity));
        settings.severity = section.choice("severity", settings.severity, &severities);
        settings.cooldown_secs = section.integer("cooldown_secs", settings.cooldown_secs, 0..=SPAN_SECS_MAX);
    }
}

fn read_window(settings: &mut PatternSettings, section: &mut Section<'_>) {
    settings.enabled = section.boolean("enabled", settings.enabled);
    settings.threshold = section.integer("threshold", settings.threshold, 1..=100_000);
    settings.timespan_secs = section.integer("timespan_secs", settings.timespan_secs, 0..=SPAN_SECS_MAX);
    section.require(
        settings.threshold == 1 || settings.timespan_secs > 0,
        "threshold",
        "must be 1 where timespan_secs is 0, or the pattern would hardly ever fire",
    );
}

/// The zone of that name, out of the host's database or the one in the program.
pub(super) fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name.trim()).ok()
}

pub(super) fn show_zone(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}
