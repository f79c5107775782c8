//! Maintenance windows: hours that recur, in which nobody is told.

use crate::model::{Alert, Matcher};
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// Hours in which work is going on, so that what it sets off is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Maintenance {
    /// What people call it.
    pub name: String,
    /// Which alerts are expected then.
    pub matcher: Matcher,
    /// When.
    pub recurrence: Recurrence,
}

/// The same hours on some days of each week, by the clocks of one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrence {
    /// The days on which it begins; every day where empty.
    pub days: Vec<Weekday>,
    /// Minute of the local day at which it begins: 0 to 1,439.
    pub from_minute: u16,
    /// Minute at which it ends, itself not included: up to 1,440; at or before the beginning, on the day after.
    pub to_minute: u16,
    /// Whose clocks.
    pub time_zone: TimeZone,
}

impl Maintenance {
    /// Whether it is open at that time for that alert.
    pub fn covers(&self, alert: &Alert, now: Timestamp) -> bool {
        self.recurrence.contains(now) && self.matcher.matches(alert)
    }
}

impl Recurrence {
    /// The same hours every day.
    pub fn daily(from_minute: u16, to_minute: u16, time_zone: TimeZone) -> Recurrence {
        Recurrence { days: Vec::new(), from_minute, to_minute, time_zone }
    }

    /// Whether the instant lies within it. Goes by what the local clock shows: an hour that comes twice in autumn
    /// counts twice.
    pub fn contains(&self, now: Timestamp) -> bool {
        let local = self.time_zone.to_datetime(now);
        let minute = minute_of(local);
        let over_midnight = self.to_minute <= self.from_minute;
        let until = if over_midnight { DAY_MINUTES } else { self.to_minute };
        let began_today = self.begins_on(local) && (self.from_minute..until).contains(&minute);
        let began_yesterday = over_midnight
            && minute < self.to_minute
            && local.checked_sub(1.day()).is_ok_and(|yesterday| self.begins_on(yesterday));
        began_today || began_yesterday
    }

    fn begins_on(&self, local: DateTime) -> bool {
        self.days.is_empty() || self.days.contains(&local.weekday())
    }
}

fn minute_of(local: DateTime) -> u16 {
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    u16::try_from(minute).expect("a day has 1,440 minutes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time stamp")
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        // The 7th of March 2026 is a Saturday.
        let window = Recurrence {
            days: vec![Weekday::Saturday],
            from_minute: 22 * 60,
            to_minute: 4 * 60,
            time_zone: TimeZone::UTC,
        };
        for (inside, time) in [
            (false, "2026-03-07T03:00:00Z"),
            (false, "2026-03-07T21:59:59Z"),
            (true, "2026-03-07T22:00:00Z"),
            (true, "2026-03-08T03:59:59Z"),
            (false, "2026-03-08T04:00:00Z"),
            (false, "2026-03-08T22:00:00Z"),
        ] {
            assert_eq!(window.contains(at(time)), inside, "{time}");
        }
    }

    #[test]
    fn the_hours_are_those_of_the_zone_in_summer_and_winter() {
        let berlin = TimeZone::get("Europe/Berlin").expect("the zones are in the program");
        let window = Recurrence::daily(2 * 60, 3 * 60, berlin);
        assert!(window.contains(at("2026-01-10T01:30:00Z")) && !window.contains(at("2026-01-10T00:30:00Z")));
        assert!(window.contains(at("2026-07-10T00:30:00Z")) && !window.contains(at("2026-07-10T01:30:00Z")));
    }

    #[test]
    fn a_window_that_ends_as_it_begins_lasts_a_day() {
        let window = Recurrence::daily(600, 600, TimeZone::UTC);
        assert!(
            ["00:00", "09:59", "10:00", "23:59"]
                .iter()
                .all(|t| window.contains(at(&format!("2026-03-07T{t}:00Z"))))
        );
        let whole = Recurrence::daily(0, DAY_MINUTES, TimeZone::UTC);
        assert!(whole.contains(at("2026-03-07T23:59:59Z")) && whole.contains(at("2026-03-07T00:00:00Z")));
    }
}
