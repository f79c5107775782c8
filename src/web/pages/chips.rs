//! The filters that are in force, each with the address of the list without it.

use super::alerts::{AlertsFilter, StatusFilter};
use super::badge::Badge;
use super::events::{EventTime, EventsFilter};
use super::text;
use crate::model::Pattern;

/// One filter that restricts the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// What it restricts.
    pub what: &'static str,
    /// To what.
    pub value: String,
    /// The list without it.
    pub href: String,
}

/// Those of a list of alerts. That closed ones are left out goes without saying.
pub fn of_alerts(filter: &AlertsFilter) -> Vec<Chip> {
    let without = |change: fn(&mut AlertsFilter)| {
        let mut filter = AlertsFilter { page: 1, ..filter.clone() };
        change(&mut filter);
        filter.address()
    };
    let status = match filter.status {
        StatusFilter::Open => None,
        StatusFilter::All => Some("All".to_owned()),
        StatusFilter::One(status) => Some(Badge::from(status).word.to_owned()),
    };
    let written = |text: &Option<String>| text.as_deref().map(|value| text::cell(Some(value)));
    let each = [
        ("Search text", written(&filter.search), without(|filter| filter.search = None)),
        ("Status", status, without(|filter| filter.status = StatusFilter::Open)),
        (
            "Severity",
            filter.severity.map(|severity| Badge::from(severity).word.to_owned()),
            without(|filter| filter.severity = None),
        ),
        (
            "Pattern",
            filter.pattern.map(Pattern::title).map(str::to_owned),
            without(|filter| filter.pattern = None),
        ),
        ("Organisation", written(&filter.organization), without(|filter| filter.organization = None)),
    ];
    chips(each)
}

/// Those of a list of events whose address `address` makes.
pub fn of_events(filter: &EventsFilter, address: fn(&EventsFilter) -> String) -> Vec<Chip> {
    let without = |change: fn(&mut EventsFilter)| {
        let mut filter = EventsFilter { cursor: None, ..filter.clone() };
        change(&mut filter);
        address(&filter)
    };
    let query = filter.form();
    let written = |text: &str| Some(text::cell(Some(text)));
    let verdict = filter.verdict.map(|verdict| Badge::from(verdict).word.to_owned());
    let status = filter.status.map(|status| Badge::from(status).word.to_owned());
    let (from, to) = match filter.time {
        EventTime::Event => ("From (UTC)", "Before (UTC)"),
        EventTime::Received => ("Received from (UTC)", "Received before (UTC)"),
    };
    let each = [
        ("Search text", written(&query.q), without(|filter| filter.text = None)),
        ("Principal", written(&query.principal), without(|filter| filter.principal = None)),
        ("Action", written(&query.action), without(|filter| filter.action = None)),
        ("Status", status, without(|filter| filter.status = None)),
        ("Verdict", verdict, without(|filter| filter.verdict = None)),
        ("Address", written(&query.address), without(|filter| filter.ip_address = None)),
        ("Target type", written(&query.resource_type), without(|filter| filter.resource_type = None)),
        ("Organisation", written(&query.org), without(|filter| filter.organization = None)),
        ("Classification", written(&query.classification), without(|filter| filter.classification = None)),
        ("Correlation id", written(&query.correlation), without(|filter| filter.correlation_id = None)),
        (from, written(&query.from), without(|filter| filter.from = None)),
        (to, written(&query.to), without(|filter| filter.to = None)),
    ];
    chips(each)
}

fn chips<const N: usize>(each: [(&'static str, Option<String>, String); N]) -> Vec<Chip> {
    let chip = |(what, value, href): (_, Option<String>, _)| {
        Some(Chip { what, value: value.filter(|value| !value.is_empty())?, href })
    };
    each.into_iter().filter_map(chip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity;

    #[test]
    fn each_filter_in_force_can_be_taken_away_alone() {
        let filter = AlertsFilter {
            search: Some("alice\u{202e}".to_owned()),
            severity: Some(Severity::High),
            page: 3,
            ..AlertsFilter::parse(&Default::default()).expect("nothing is asked")
        };
        let chips = of_alerts(&filter);
        let said: Vec<(&str, &str)> = chips.iter().map(|chip| (chip.what, chip.value.as_str())).collect();
        assert_eq!(said, [("Search text", "alice[U+202E]"), ("Severity", "High")]);
        assert_eq!(chips[0].href, "/alerts?status=open&severity=HIGH&sort=last&order=desc");
        assert_eq!(of_alerts(&AlertsFilter { search: None, severity: None, ..filter }), []);
    }

    #[test]
    fn events_lose_one_filter_and_begin_at_the_newest() {
        let filter = EventsFilter {
            text: Some("ip:10.0.0.0/8".to_owned()),
            principal: Some("a&b".to_owned()),
            time: EventTime::Received,
            from: "2026-01-31T00:00:00Z".parse().ok(),
            cursor: Some("x".to_owned()),
            ..EventsFilter::default()
        };
        let chips = of_events(&filter, EventsFilter::address);
        let said: Vec<(&str, &str)> = chips.iter().map(|chip| (chip.what, chip.value.as_str())).collect();
        let expected = [
            ("Search text", "ip:10.0.0.0/8"),
            ("Principal", "a&b"),
            ("Received from (UTC)", "2026-01-31T00:00:00"),
        ];
        assert_eq!(said, expected);
        let without_text = "/events?principal=a%26b&from=2026-01-31T00%3A00%3A00Z&time=received";
        assert_eq!(chips[0].href, without_text);
    }
}
