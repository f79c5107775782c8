//! The call of the API that gives what a page shows, to be typed in a shell.

use super::address::address;
use super::alerts::{ALERTS_PER_PAGE, AlertSort, AlertsFilter, StatusFilter};
use super::events::{EVENTS_PER_PAGE, EventTime, EventsFilter};
use super::filter::last_before;
use crate::model::{AlertStatus, Pattern, Severity, Verdict};
use jiff::Timestamp;
use std::net::IpAddr;

/// A GET of `path`, whose query is percent-encoded, at `base_url`. The key stands in the environment.
pub fn get(base_url: &str, path: &str) -> String {
    format!("curl -H \"X-API-Key: $SEALWATCH_KEY\" '{}{path}'", base_url.replace('\'', ""))
}

/// The call of the API that lists the same events; nothing where it has no parameter for a filter. What the API has no
/// parameter for stands in the search text.
pub fn events(filter: &EventsFilter, base_url: &str) -> Option<String> {
    let verified = filter.verdict == Some(Verdict::Verified);
    let text = search_text(filter, verified)?;
    let instant = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let to = last_before(filter.to);
    let (from, to, limit, query) =
        (instant(filter.from), instant(to), EVENTS_PER_PAGE.to_string(), filter.form());
    let happened = |time: &str| if filter.time == EventTime::Event { time.to_owned() } else { String::new() };
    let (from, to) = (happened(&from), happened(&to));
    let pairs = [
        ("q", text.as_str()),
        ("principalIds", &query.principal),
        ("actions", &query.action),
        ("statuses", &query.status),
        ("organizationIds", &query.org),
        ("dataClassifications", &query.classification),
        ("verifiedOnly", if verified { "true" } else { "" }),
        ("resourceTypes", &query.resource_type),
        ("correlationId", &query.correlation),
        ("startDate", &from),
        ("endDate", &to),
        ("cursor", &query.cursor),
        ("limit", &limit),
    ];
    Some(get(base_url, &address("/api/v1/audit/events", pairs)))
}

/// The search text with those filters that are no parameters of the API.
fn search_text(filter: &EventsFilter, verified: bool) -> Option<String> {
    let mut terms = Vec::new();
    if let Some(verdict) = filter.verdict.filter(|_| !verified) {
        terms.push(format!("verdict:{}", verdict.name()));
    }
    if let Some(written) = &filter.ip_address {
        // What is no address cannot stand behind this field.
        let address: IpAddr = written.parse().ok()?;
        terms.push(format!("ip:{address}"));
    }
    if filter.time == EventTime::Received {
        terms.extend(filter.from.map(|from| format!("received:>={from}")));
        terms.extend(filter.to.map(|to| format!("received:<{to}")));
    }
    let text = filter.text.clone().unwrap_or_default();
    if terms.is_empty() {
        return Some(text);
    }
    let text = if text.is_empty() { text } else { format!("({text}) ") };
    Some(format!("{text}{}", terms.join(" ")))
}

/// The call of the API that lists the same alerts; nothing where it knows no such order.
pub fn alerts(filter: &AlertsFilter, base_url: &str) -> Option<String> {
    let sort = match filter.sort {
        AlertSort::Severity => "severity",
        AlertSort::Status => "status",
        AlertSort::Occurrences => "occurrences",
        AlertSort::FirstSeen => "createdAt",
        AlertSort::LastSeen => "lastSeenAt",
        AlertSort::Pattern | AlertSort::Organization => return None,
    };
    let asked = |status: &AlertStatus| filter.status != StatusFilter::All && filter.status.allows(*status);
    let statuses: Vec<&str> = AlertStatus::ALL.into_iter().filter(asked).map(AlertStatus::name).collect();
    let (statuses, offset, limit) =
        (statuses.join(","), filter.offset().to_string(), ALERTS_PER_PAGE.to_string());
    let pairs = [
        ("status", statuses.as_str()),
        ("severity", filter.severity.map_or("", Severity::name)),
        ("pattern", filter.pattern.map_or("", Pattern::name)),
        ("organizationId", filter.organization.as_deref().unwrap_or_default()),
        ("search", filter.search.as_deref().unwrap_or_default()),
        ("sortBy", sort),
        ("sortOrder", filter.order()),
        ("offset", if filter.page > 1 { &offset } else { "" }),
        ("limit", &limit),
    ];
    Some(get(base_url, &address("/api/v1/alerts", pairs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_of_the_api_is_only_offered_where_it_gives_the_same() {
        let filter = EventsFilter {
            principal: Some("o'neill".to_owned()),
            verdict: Some(Verdict::Verified),
            to: "2023-07-10T12:00:00Z".parse().ok(),
            ..EventsFilter::default()
        };
        let expected = "curl -H \"X-API-Key: $SEALWATCH_KEY\" 'http://127.0.0.1:5600/api/v1/audit/events?principalIds=o%27neill\
                        &verifiedOnly=true&endDate=2023-07-10T11%3A59%3A59.999999999Z&limit=50'";
        assert_eq!(events(&filter, "http://127.0.0.1:5600").as_deref(), Some(expected));
        let text = |filter: EventsFilter| search_text(&filter, false);
        let other = EventsFilter {
            verdict: Some(Verdict::Unsigned),
            ip_address: Some("10.0.0.1".to_owned()),
            ..EventsFilter::default()
        };
        assert_eq!(text(other.clone()).as_deref(), Some("verdict:unsigned ip:10.0.0.1"));
        let received = EventsFilter {
            text: Some("a OR b".to_owned()),
            from: "2023-07-10T12:00:00Z".parse().ok(),
            time: EventTime::Received,
            ..other.clone()
        };
        let expected = "(a OR b) verdict:unsigned ip:10.0.0.1 received:>=2023-07-10T12:00:00Z";
        assert_eq!(text(received.clone()).as_deref(), Some(expected));
        assert!(crate::search_text::parse(expected).is_ok());
        assert!(events(&received, "http://127.0.0.1:5600").is_some_and(|call| !call.contains("startDate")));
        assert_eq!(text(EventsFilter { ip_address: Some("nowhere".to_owned()), ..other }), None);
    }

    #[test]
    fn nothing_in_an_address_ends_the_quotes() {
        let command = get("http://a'; reboot '", &address("/x", [("k", "'; reboot '")]));
        assert_eq!(command.matches('\'').count(), 2, "{command}");
    }
}
