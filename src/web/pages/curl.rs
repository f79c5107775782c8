//! The call of the API that gives what a page shows, to be typed in a shell.

use super::address::address;
use super::alerts::{ALERTS_PER_PAGE, AlertSort, AlertsFilter, StatusFilter};
use super::events::{EVENTS_PER_PAGE, EventTime, EventsFilter};
use crate::model::{AlertStatus, Pattern, Severity, Verdict};
use jiff::{SignedDuration, Timestamp};

/// A GET of `path`, whose query is percent-encoded, at `base_url`. The key stands in the environment.
pub fn get(base_url: &str, path: &str) -> String {
    format!("curl -H \"X-API-Key: $SEALWATCH_KEY\" '{}{path}'", base_url.replace('\'', ""))
}

/// The call of the API that lists the same events; nothing where it has no parameter for a filter.
pub fn events(filter: &EventsFilter, base_url: &str) -> Option<String> {
    let verified = filter.verdict == Some(Verdict::Verified);
    let cannot = (filter.verdict.is_some() && !verified)
        || filter.ip_address.is_some()
        || filter.time == EventTime::Received
        || filter.cursor.is_some();
    if cannot {
        return None;
    }
    let instant = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    // The page's end is the first moment that counts no more, the parameter's the last that does.
    let to = filter.to.and_then(|to| to.checked_sub(SignedDuration::from_nanos(1)).ok());
    let (from, to, limit, query) =
        (instant(filter.from), instant(to), EVENTS_PER_PAGE.to_string(), filter.form());
    let pairs = [
        ("principalIds", query.principal.as_str()),
        ("actions", &query.action),
        ("statuses", &query.status),
        ("organizationIds", &query.org),
        ("dataClassifications", &query.classification),
        ("verifiedOnly", if verified { "true" } else { "" }),
        ("resourceTypes", &query.resource_type),
        ("correlationId", &query.correlation),
        ("startDate", &from),
        ("endDate", &to),
        ("limit", &limit),
    ];
    Some(get(base_url, &address("/api/v1/audit/events", pairs)))
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
        let other = EventsFilter { verdict: Some(Verdict::Unsigned), ..EventsFilter::default() };
        assert_eq!(events(&other, "http://127.0.0.1:5600"), None);
    }

    #[test]
    fn nothing_in_an_address_ends_the_quotes() {
        let command = get("http://a'; reboot '", &address("/x", [("k", "'; reboot '")]));
        assert_eq!(command.matches('\'').count(), 2, "{command}");
    }
}
