//! The list of alerts, with its filters and its order.

use super::address::address;
use super::badge::Badge;
use super::chips::{self, Chip};
use super::curl;
use super::events::exports;
use super::filter::{self, Choice, InvalidFilter};
use super::frame::{Frame, Section};
use super::search_field::SearchField;
use super::time::TimeView;
use super::{text, words};
use crate::model::{Alert, AlertStatus, Pattern, Severity};
use crate::search_text::SearchTextError;
use askama::Template;
use serde::Deserialize;

/// How many alerts a page of the list shows.
pub const ALERTS_PER_PAGE: u64 = 50;

/// What `alerts.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "alerts.html")]
pub struct AlertsPage {
    /// Around it.
    pub frame: Frame,
    /// The form's choices of status.
    pub statuses: Vec<Choice>,
    /// The form's choices of severity.
    pub severities: Vec<Choice>,
    /// The form's choices of pattern.
    pub patterns: Vec<Choice>,
    /// The organisation that is asked for.
    pub organization: String,
    /// The search text.
    pub search: SearchField,
    /// The filters in force.
    pub chips: Vec<Chip>,
    /// The order in force, so that the form keeps it.
    pub sort: &'static str,
    /// `asc` or `desc`.
    pub order: &'static str,
    /// The columns with the address that sorts by each.
    pub columns: Vec<Column>,
    /// The alerts of this page.
    pub rows: Vec<AlertRow>,
    /// Which of how many are shown, in words.
    pub range: String,
    /// The page before.
    pub previous: Option<String>,
    /// The page after.
    pub next: Option<String>,
    /// Whether there is any alert at all that the user may see.
    pub any: bool,
    /// This page, for whoever comes back to it.
    pub here: String,
    /// The call of the API that gives the same, where there is one.
    pub curl: Option<String>,
    /// All that match as a file: CSV and NDJSON.
    pub exports: [(&'static str, String); 2],
}

/// What the store found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The alerts of the page.
    pub alerts: &'a [Alert],
    /// How many match.
    pub total: u64,
    /// Whether there would be some without the filter.
    pub any: bool,
    /// Why the search text could not be read, and nothing was looked for.
    pub fault: Option<&'a SearchTextError>,
}

impl AlertsPage {
    /// The page of the alerts that the store has found, sorted and cut as `filter` says.
    pub fn new(frame: Frame, filter: &AlertsFilter, found: Found<'_>, base_url: &str) -> AlertsPage {
        let Found { alerts, total, any, .. } = found;
        let first = (filter.page - 1) * ALERTS_PER_PAGE;
        let last = first + alerts.len() as u64;
        let page = |page| AlertsFilter { page, ..filter.clone() }.address();
        AlertsPage {
            frame: frame.titled("Alerts", Section::Alerts),
            statuses: filter.status_choices(),
            severities: filter.severity_choices(),
            patterns: filter.pattern_choices(),
            organization: filter.organization.clone().unwrap_or_default(),
            search: SearchField::new(filter.search.as_deref(), found.fault),
            chips: chips::of_alerts(filter),
            sort: filter.sort.name(),
            order: filter.order(),
            columns: AlertSort::ALL.into_iter().map(|sort| filter.column(sort)).collect(),
            rows: alerts.iter().map(AlertRow::from).collect(),
            range: range(first, last, total),
            previous: (filter.page > 1).then(|| page(filter.page - 1)),
            next: (last < total).then(|| page(filter.page + 1)),
            any,
            here: filter.address(),
            curl: curl::alerts(filter, base_url),
            exports: exports("/alerts/export", &filter.pairs()),
        }
    }
}

fn range(first: u64, last: u64, total: u64) -> String {
    if first >= last {
        return words::counted(total, "alert");
    }
    format!("{}–{} of {}", words::count(first + 1), words::count(last), words::counted(total, "alert"))
}

/// The heading of a column, which is a link that sorts by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What people read.
    pub word: &'static str,
    /// Where the link goes.
    pub href: String,
    /// For `aria-sort`: `ascending`, `descending`, or `none`.
    pub sorted: &'static str,
    /// Whether numbers stand in it.
    pub numeric: bool,
}

/// One alert as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRow {
    /// Its id.
    pub id: String,
    /// Its page.
    pub href: String,
    /// How serious.
    pub severity: Badge,
    /// Where it stands.
    pub status: Badge,
    /// What was found.
    pub title: &'static str,
    /// The principal, address or source that it is about.
    pub key: String,
    /// Whose events; empty where they name none.
    pub organization: String,
    /// How often it fired.
    pub occurrences: String,
    /// When the event that fired first was received.
    pub first_seen: TimeView,
    /// When the event that fired last was received.
    pub last_seen: TimeView,
    /// When it happened, where that is more than a day before it was received.
    pub happened: Option<TimeView>,
}

impl From<&Alert> for AlertRow {
    fn from(alert: &Alert) -> AlertRow {
        let delay = alert.created_at.timestamp().duration_since(alert.first_fired_at);
        AlertRow {
            id: alert.id.to_string(),
            href: format!("/alerts/{}", alert.id),
            severity: alert.severity.into(),
            status: alert.status.into(),
            title: alert.pattern.title(),
            key: text::cell(Some(&alert.key)),
            organization: text::cell(alert.organization.as_deref()),
            occurrences: words::count(alert.occurrences),
            first_seen: alert.created_at.into(),
            last_seen: alert.last_seen_at.into(),
            happened: (delay.as_secs() > 86_400).then(|| alert.first_fired_at.into()),
        }
    }
}

/// The query of `/alerts` as it was written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AlertsQuery {
    /// `open` (as when empty), `all` or the name of a status.
    pub status: String,
    /// The name of a severity.
    pub severity: String,
    /// The name of a pattern.
    pub pattern: String,
    /// An organisation's id.
    pub org: String,
    /// A search text.
    pub search: String,
    /// The name of a column.
    pub sort: String,
    /// `asc` or `desc`.
    pub order: String,
    /// From 1.
    pub page: String,
}

/// What is asked of the list of alerts; its address holds all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertsFilter {
    /// Which statuses.
    pub status: StatusFilter,
    /// Only this severity.
    pub severity: Option<Severity>,
    /// Only this pattern.
    pub pattern: Option<Pattern>,
    /// Only this organisation.
    pub organization: Option<String>,
    /// Only those that this search text finds.
    pub search: Option<String>,
    /// By what they are sorted.
    pub sort: AlertSort,
    /// Whether the largest comes first.
    pub descending: bool,
    /// From 1.
    pub page: u64,
}

/// Which statuses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    /// Those that are neither resolved nor dismissed; what one sees unless one asks otherwise.
    Open,
    /// Every one.
    All,
    /// This one.
    One(AlertStatus),
}

impl StatusFilter {
    /// Whether an alert of that status is among them.
    pub fn allows(self, status: AlertStatus) -> bool {
        match self {
            StatusFilter::Open => !matches!(status, AlertStatus::Resolved | AlertStatus::Dismissed),
            StatusFilter::All => true,
            StatusFilter::One(one) => one == status,
        }
    }

    fn from_name(name: &str) -> Option<StatusFilter> {
        match name {
            "open" => Some(StatusFilter::Open),
            "all" => Some(StatusFilter::All),
            name => AlertStatus::from_name(name).map(StatusFilter::One),
        }
    }

    fn name(self) -> &'static str {
        match self {
            StatusFilter::Open => "open",
            StatusFilter::All => "all",
            StatusFilter::One(status) => status.name(),
        }
    }
}

/// By what alerts are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertSort {
    /// How serious.
    Severity,
    /// What was found.
    Pattern,
    /// Where it stands.
    Status,
    /// Whose events.
    Organization,
    /// How often it fired.
    Occurrences,
    /// `createdAt`.
    FirstSeen,
    /// `lastSeenAt`.
    LastSeen,
}

impl AlertSort {
    /// Every one, in the order of the columns.
    pub const ALL: [AlertSort; 7] = [
        AlertSort::Severity,
        AlertSort::Pattern,
        AlertSort::Status,
        AlertSort::Organization,
        AlertSort::Occurrences,
        AlertSort::FirstSeen,
        AlertSort::LastSeen,
    ];

    /// The name in the query.
    pub fn name(self) -> &'static str {
        match self {
            AlertSort::Severity => "severity",
            AlertSort::Pattern => "pattern",
            AlertSort::Status => "status",
            AlertSort::Organization => "org",
            AlertSort::Occurrences => "occurrences",
            AlertSort::FirstSeen => "first",
            AlertSort::LastSeen => "last",
        }
    }

    fn word(self) -> &'static str {
        match self {
            AlertSort::Severity => "Severity",
            AlertSort::Pattern => "Alert",
            AlertSort::Status => "Status",
            AlertSort::Organization => "Organisation",
            AlertSort::Occurrences => "Fired",
            AlertSort::FirstSeen => "First seen",
            AlertSort::LastSeen => "Last seen",
        }
    }

    fn from_name(name: &str) -> Option<AlertSort> {
        AlertSort::ALL.into_iter().find(|sort| sort.name() == name)
    }

    /// What one wants first when one clicks the column: the worst, the most, the newest; but words from A.
    fn descends_first(self) -> bool {
        !matches!(self, AlertSort::Pattern | AlertSort::Status | AlertSort::Organization)
    }
}

impl AlertsFilter {
    /// The filter that the query asks for.
    pub fn parse(query: &AlertsQuery) -> Result<AlertsFilter, InvalidFilter> {
        let sort = filter::named("sort", &query.sort, AlertSort::from_name)?.unwrap_or(AlertSort::LastSeen);
        let page: u64 = match query.page.as_str() {
            "" => 1,
            page => page.parse().map_err(|_| filter::invalid("page", page))?,
        };
        Ok(AlertsFilter {
            status: filter::named("status", &query.status, StatusFilter::from_name)?
                .unwrap_or(StatusFilter::Open),
            severity: filter::named("severity", &query.severity, Severity::from_name)?,
            pattern: filter::named("pattern", &query.pattern, Pattern::from_name)?,
            organization: filter::words(&query.org),
            search: filter::words(&query.search),
            sort,
            descending: match query.order.as_str() {
                "" => sort.descends_first(),
                "desc" => true,
                "asc" => false,
                other => return Err(filter::invalid("order", other)),
            },
            page: page.clamp(1, u64::from(u32::MAX)),
        })
    }

    /// Whether this begins to look for something: neither the plain list, however sorted, nor a further page.
    pub fn is_search(&self) -> bool {
        let filtered = self.severity.is_some() || self.pattern.is_some() || self.status != StatusFilter::Open;
        self.page == 1 && (filtered || self.organization.is_some() || self.search.is_some())
    }

    /// How many alerts stand before this page.
    pub fn offset(&self) -> u64 {
        (self.page - 1) * ALERTS_PER_PAGE
    }

    /// The address of the list with this filter.
    pub fn address(&self) -> String {
        let page = if self.page > 1 { self.page.to_string() } else { String::new() };
        let order = [("sort", self.sort.name()), ("order", self.order()), ("page", &page)];
        let filter = self.pairs();
        let filter = filter.iter().map(|(name, value)| (*name, value.as_str()));
        address("/alerts", filter.chain(order))
    }

    /// What it lets through, as the pairs of a query.
    fn pairs(&self) -> [(&'static str, String); 5] {
        [
            ("status", self.status.name().to_owned()),
            ("severity", self.severity.map_or("", Severity::name).to_owned()),
            ("pattern", self.pattern.map_or("", Pattern::name).to_owned()),
            ("org", self.organization.clone().unwrap_or_default()),
            ("search", self.search.clone().unwrap_or_default()),
        ]
    }

    /// `asc` or `desc`.
    pub fn order(&self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }

    fn column(&self, sort: AlertSort) -> Column {
        let current = sort == self.sort;
        let descending = if current { !self.descending } else { sort.descends_first() };
        Column {
            word: sort.word(),
            href: AlertsFilter { sort, descending, page: 1, ..self.clone() }.address(),
            sorted: match (current, self.descending) {
                (false, _) => "none",
                (true, false) => "ascending",
                (true, true) => "descending",
            },
            numeric: sort == AlertSort::Occurrences,
        }
    }

    fn status_choices(&self) -> Vec<Choice> {
        let every = [StatusFilter::Open, StatusFilter::All].into_iter();
        let every = every.chain(AlertStatus::ALL.into_iter().map(StatusFilter::One));
        let word = |status| match status {
            StatusFilter::Open => "Open",
            StatusFilter::All => "All",
            StatusFilter::One(status) => Badge::from(status).word,
        };
        every.map(|s| Choice { value: s.name(), word: word(s), chosen: s == self.status }).collect()
    }

    fn severity_choices(&self) -> Vec<Choice> {
        let choice = |s: Severity| Choice {
            value: s.name(),
            word: Badge::from(s).word,
            chosen: self.severity == Some(s),
        };
        Severity::ALL.into_iter().map(choice).collect()
    }

    fn pattern_choices(&self) -> Vec<Choice> {
        let choice =
            |p: Pattern| Choice { value: p.name(), word: p.title(), chosen: self.pattern == Some(p) };
        Pattern::ALL.into_iter().map(choice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: AlertsQuery) -> Result<AlertsFilter, InvalidFilter> {
        AlertsFilter::parse(&query)
    }

    #[test]
    fn without_a_query_the_open_alerts_are_shown_newest_first() {
        let filter = parse(AlertsQuery::default()).expect("nothing is asked");
        assert_eq!(
            (filter.status, filter.sort, filter.descending),
            (StatusFilter::Open, AlertSort::LastSeen, true)
        );
        assert_eq!((filter.page, filter.offset()), (1, 0));
        assert!(
            filter.status.allows(AlertStatus::Suppressed) && !filter.status.allows(AlertStatus::Resolved)
        );
    }

    #[test]
    fn the_address_holds_the_whole_filter() {
        let query = AlertsQuery {
            status: "dismissed".into(),
            severity: "HIGH".into(),
            pattern: "OFF_HOURS".into(),
            org: "a&b".into(),
            search: " two words ".into(),
            sort: "org".into(),
            order: "desc".into(),
            page: "3".into(),
        };
        let filter = parse(query).expect("all of it is known");
        let expected = "/alerts?status=dismissed&severity=HIGH&pattern=OFF_HOURS&org=a%26b&search=two%20words\
                        &sort=org&order=desc&page=3";
        assert_eq!(filter.address(), expected);
        assert_eq!(filter.offset(), 100);
    }

    #[test]
    fn a_column_sorts_by_itself_and_turns_around_when_it_already_does() {
        let filter = parse(AlertsQuery { page: "2".into(), ..AlertsQuery::default() }).expect("a page");
        let last = filter.column(AlertSort::LastSeen);
        assert_eq!(
            (last.sorted, last.href.as_str()),
            ("descending", "/alerts?status=open&sort=last&order=asc")
        );
        let org = filter.column(AlertSort::Organization);
        assert_eq!((org.sorted, org.href.as_str()), ("none", "/alerts?status=open&sort=org&order=asc"));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let refused = |query| parse(query).expect_err("means nothing").field;
        assert_eq!(refused(AlertsQuery { severity: "high".into(), ..AlertsQuery::default() }), "severity");
        assert_eq!(refused(AlertsQuery { page: "x".into(), ..AlertsQuery::default() }), "page");
        assert_eq!(refused(AlertsQuery { order: "up".into(), ..AlertsQuery::default() }), "order");
        assert_eq!(parse(AlertsQuery { page: "0".into(), ..AlertsQuery::default() }).map(|f| f.page), Ok(1));
    }
}
