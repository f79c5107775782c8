//! `OFF_HOURS`: work on data when nobody works.

use super::Rule;
use crate::detect::settings::OffHours;
use crate::model::{AuditEvent, Pattern, Status};

/// Something done to data at an hour, or on a day, when nobody works.
pub(super) struct OffHoursAccess;

impl Rule for OffHoursAccess {
    fn pattern(&self) -> Pattern {
        Pattern::OffHours
    }

    fn matches(&self, event: &AuditEvent<'_>, off_hours: &OffHours) -> bool {
        event.status == Status::Success
            && (event.action.contains("data.") || event.action.contains("fhir."))
            && off_hours.contains(off_hours.time_zone.to_datetime(event.timestamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scripts::an_event;
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    fn check(off_hours: &OffHours, time: &str, counts: bool) {
        let timestamp = time.parse().expect("the script's time");
        let event = AuditEvent { action: "data.read".into(), timestamp, ..an_event() };
        assert_eq!(OffHoursAccess.matches(&event, off_hours), counts, "{time}");
    }

    #[test]
    fn the_night_begins_at_22_and_ends_at_6() {
        let night = OffHours::default();
        check(&night, "2023-07-11T21:59:59.999999999Z", false);
        check(&night, "2023-07-11T22:00:00Z", true);
        check(&night, "2023-07-11T23:59:59Z", true);
        check(&night, "2023-07-12T00:00:00Z", true);
        check(&night, "2023-07-12T05:59:59.999Z", true);
        check(&night, "2023-07-12T06:00:00Z", false);
        check(&night, "2023-07-15T12:00:00Z", false);
    }

    #[test]
    fn the_hour_is_that_of_the_time_zone_summer_time_included() {
        let time_zone = TimeZone::get("Europe/Berlin").expect("the zone database is bundled");
        let berlin = OffHours { time_zone, ..OffHours::default() };
        check(&berlin, "2023-07-11T20:00:00Z", true);
        check(&berlin, "2023-07-11T19:59:59Z", false);
        check(&berlin, "2023-01-11T20:00:00Z", false);
        check(&berlin, "2023-01-11T21:00:00Z", true);
        check(&berlin, "2023-07-11T04:00:00Z", false);
        check(&berlin, "2023-01-11T04:00:00Z", true);
    }

    #[test]
    fn weekends_and_holidays_are_off_the_whole_day_where_so_set() {
        let holidays = [date(2023, 7, 12)].into();
        let free = OffHours { weekends: true, holidays, ..OffHours::default() };
        check(&free, "2023-07-14T12:00:00Z", false);
        check(&free, "2023-07-15T12:00:00Z", true);
        check(&free, "2023-07-16T12:00:00Z", true);
        check(&free, "2023-07-17T12:00:00Z", false);
        check(&free, "2023-07-12T12:00:00Z", true);
        check(&free, "2023-07-13T12:00:00Z", false);
    }

    #[test]
    fn only_what_was_done_to_data_counts() {
        let check = |action: &'static str, status, counts| {
            let timestamp = "2023-07-12T03:00:00Z".parse().expect("the script's time");
            let event = AuditEvent { action: action.into(), status, timestamp, ..an_event() };
            assert_eq!(OffHoursAccess.matches(&event, &OffHours::default()), counts, "{action} {status:?}");
        };
        check("data.export", Status::Success, true);
        check("fhir.patient.read", Status::Success, true);
        check("data", Status::Success, false);
        check("auth.login.success", Status::Success, false);
        check("data.read", Status::Failure, false);
        check("data.read", Status::Attempt, false);
    }
}
