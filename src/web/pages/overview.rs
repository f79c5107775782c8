//! The overview: what is open, what happens, and whether all is well.

use super::address::address;
use super::alerts::AlertRow;
use super::badge::Badge;
use super::frame::{Frame, Section};
use super::{subject, text, words};
use crate::model::{Alert, Severity, Verdict};
use crate::search_text;
use crate::store::Account;
use crate::web::chart::{self, Series, Svg};
use askama::Template;

/// What `overview.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "overview.html")]
pub struct OverviewPage {
    /// Around it.
    pub frame: Frame,
    /// How many open alerts there are of each severity.
    pub open: Vec<OpenCount>,
    /// How many open alerts there are, in words.
    pub open_total: String,
    /// The newest of them.
    pub newest: Vec<AlertRow>,
    /// Events and alerts over the last 24 hours.
    pub chart: Svg,
    /// The same in rows, for those who do not see the chart.
    pub chart_rows: Vec<ChartRow>,
    /// How many events came in the last 24 hours.
    pub day_events: String,
    /// How many alerts were raised in the last 24 hours.
    pub day_alerts: String,
    /// How many events came in the last whole minute, where that is known.
    pub last_minute: Option<String>,
    /// The events by verdict.
    pub verdicts: Vec<VerdictCount>,
    /// The share of events that were verified.
    pub verified_share: String,
    /// What came in and what became of it.
    pub books: Option<Books>,
    /// Those with the most open alerts, then the most events.
    pub principals: Vec<PrincipalRow>,
    /// The components of the appliance.
    pub health: Vec<HealthRow>,
    /// The worst of them.
    pub health_worst: Badge,
    /// How many events are stored, in words.
    pub events_total: String,
    /// What to type to send the first event; only as long as there is none.
    pub first_run: Option<FirstRun>,
}

/// What the page is made of. The handler reads it from the store, the counters and the health checks.
#[derive(Clone, Debug)]
pub struct OverviewData {
    /// How many open alerts there are of each severity; one that is missing counts 0.
    pub open: Vec<(Severity, u64)>,
    /// The newest open alerts, at most 8, newest first.
    pub newest: Vec<Alert>,
    /// Events and alerts over the last 24 hours by time of receipt, oldest first.
    pub series: Series,
    /// How many stored events have each verdict; one that is missing counts 0.
    pub verdicts: Vec<(Verdict, u64)>,
    /// The top principals, at most 8, in the order in which they are shown.
    pub principals: Vec<PrincipalCount>,
    /// The components of the appliance.
    pub health: Vec<ComponentView>,
    /// How many events are stored.
    pub events_total: u64,
    /// The books of all sources together; `None` for who may see only some organisations.
    pub account: Option<Account>,
    /// Events of the last whole minute, where they are known.
    pub last_minute: Option<u64>,
    /// Where the appliance is reached, as in `http://127.0.0.1:5600`: for the first-run guide.
    pub base_url: String,
}

/// One principal's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalCount {
    /// The `principalId`.
    pub principal: String,
    /// How many open alerts are about it.
    pub open_alerts: u64,
    /// How many events it made.
    pub events: u64,
}

/// One component's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentView {
    /// Its name.
    pub name: String,
    /// `OK`, `WARNING` or `CRITICAL`.
    pub status: &'static str,
    /// Why.
    pub message: String,
}

impl OverviewPage {
    /// The page of these data.
    pub fn new(frame: Frame, data: OverviewData) -> OverviewPage {
        let sum = |of: fn(&chart::Bucket) -> u64| data.series.buckets.iter().map(of).sum();
        let open_total: u64 = data.open.iter().map(|(_, number)| number).sum();
        let verdicts = verdict_counts(&data.verdicts);
        let checked: u64 = data.verdicts.iter().map(|(_, number)| number).sum();
        OverviewPage {
            frame: frame.titled("Overview", Section::Overview),
            open: Severity::ALL.into_iter().map(|severity| open_count(severity, &data.open)).collect(),
            open_total: words::counted(open_total, "open alert"),
            newest: data.newest.iter().map(AlertRow::from).collect(),
            chart: chart::draw(&data.series),
            chart_rows: data
                .series
                .buckets
                .iter()
                .map(|bucket| ChartRow::new(&data.series, bucket))
                .collect(),
            day_events: words::count(sum(|bucket| bucket.events)),
            day_alerts: words::count(sum(|bucket| bucket.alerts)),
            last_minute: data.last_minute.map(words::count),
            verified_share: words::percent(number_of(&data.verdicts, Verdict::Verified), checked),
            verdicts,
            books: data.account.map(Books::from),
            principals: data.principals.iter().map(PrincipalRow::from).collect(),
            health_worst: Badge::of_health(worst(&data.health)),
            health: data.health.iter().map(HealthRow::from).collect(),
            events_total: words::counted(data.events_total, "event"),
            first_run: (data.events_total == 0).then(|| FirstRun::new(&data.base_url)),
        }
    }
}

/// How many open alerts there are of one severity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCount {
    /// The severity's name in answers.
    pub severity: &'static str,
    /// The severity.
    pub mark: Badge,
    /// How many.
    pub number: String,
    /// Whether there is any.
    pub any: bool,
    /// Those alerts.
    pub href: String,
}

/// How many events have one verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictCount {
    /// The verdict.
    pub mark: Badge,
    /// How many.
    pub number: String,
    /// Which part of all.
    pub share: String,
    /// Those events.
    pub href: String,
    /// Whether there is any.
    pub any: bool,
}

/// A principal as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalRow {
    /// Its name.
    pub name: String,
    /// Its page.
    pub href: String,
    /// Its open alerts, as a number.
    pub open_alerts: String,
    /// Where those are listed; nothing where there are none.
    pub alerts_href: Option<String>,
    /// How many events it made.
    pub events: String,
}

impl From<&PrincipalCount> for PrincipalRow {
    fn from(count: &PrincipalCount) -> PrincipalRow {
        let search = || format!("principal:{}", search_text::quoted(&count.principal));
        let alerts_href = || address("/alerts", [("status", "open"), ("search", search().as_str())]);
        PrincipalRow {
            name: text::cell(Some(&count.principal)),
            href: subject::of_key(&count.principal),
            open_alerts: words::count(count.open_alerts),
            alerts_href: (count.open_alerts > 0).then(alerts_href),
            events: words::count(count.events),
        }
    }
}

/// A component's health as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRow {
    /// Its name.
    pub name: String,
    /// How it is.
    pub mark: Badge,
    /// Why.
    pub message: String,
}

impl From<&ComponentView> for HealthRow {
    fn from(component: &ComponentView) -> HealthRow {
        HealthRow {
            name: text::cell(Some(&component.name)),
            mark: Badge::of_health(component.status),
            message: text::cell(Some(&component.message)),
        }
    }
}

/// What came in, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    /// Events that came in.
    pub received: String,
    /// Newly in the log.
    pub stored: String,
    /// In the log before.
    pub duplicate: String,
    /// Answered with an error.
    pub rejected: String,
    /// What is in none of these, where there is anything.
    pub unaccounted: Option<String>,
}

impl From<Account> for Books {
    fn from(account: Account) -> Books {
        let unaccounted = account.unaccounted();
        Books {
            received: words::count(account.received),
            stored: words::count(account.stored),
            duplicate: words::count(account.duplicate),
            rejected: words::count(account.rejected),
            unaccounted: (unaccounted > 0).then(|| words::count(unaccounted)),
        }
    }
}

/// One part of the day, as a row of the chart's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartRow {
    /// From when to when.
    pub span: String,
    /// Its events, listed.
    pub href: String,
    /// How many events.
    pub events: String,
    /// How many alerts.
    pub alerts: String,
}

impl ChartRow {
    fn new(series: &Series, bucket: &chart::Bucket) -> ChartRow {
        ChartRow {
            span: series.span_of(bucket),
            href: series.href_of(bucket),
            events: words::count(bucket.events),
            alerts: words::count(bucket.alerts),
        }
    }
}

/// What to type to send the first event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstRun {
    /// Makes an API key.
    pub create_key: &'static str,
    /// Sends one event with it.
    pub send_event: String,
    /// Sends a file.
    pub send_file: String,
}

impl FirstRun {
    fn new(base_url: &str) -> FirstRun {
        let base_url = text::cell(Some(base_url));
        FirstRun {
            create_key: "sealwatch key create --name my-app --scope ingest > my-app.key",
            send_event: format!(
                "curl {base_url}/api/v1/audit/events \\\n  \
                 -H \"X-API-Key: $(cat my-app.key)\" -H 'Content-Type: application/json' \\\n  \
                 -d '{{\"timestamp\":\"'$(date -u +%FT%TZ)'\",\"action\":\"auth.login.failure\",\
                 \"status\":\"failure\",\"principalId\":\"alice\"}}'"
            ),
            send_file: format!("sealwatch send --url {base_url} --api-key-file my-app.key events.ndjson"),
        }
    }
}

fn open_count(severity: Severity, open: &[(Severity, u64)]) -> OpenCount {
    let number = number_of(open, severity);
    OpenCount {
        severity: severity.name(),
        mark: severity.into(),
        number: words::count(number),
        any: number > 0,
        href: address("/alerts", [("status", "open"), ("severity", severity.name())]),
    }
}

fn verdict_counts(verdicts: &[(Verdict, u64)]) -> Vec<VerdictCount> {
    let all: u64 = verdicts.iter().map(|(_, number)| number).sum();
    let count = |verdict: Verdict| {
        let number = number_of(verdicts, verdict);
        VerdictCount {
            mark: verdict.into(),
            number: words::count(number),
            share: words::percent(number, all),
            href: address("/events", [("verdict", verdict.name())]),
            any: number > 0,
        }
    };
    Verdict::ALL.into_iter().map(count).collect()
}

fn number_of<K: PartialEq>(numbers: &[(K, u64)], key: K) -> u64 {
    numbers.iter().filter(|(known, _)| *known == key).map(|(_, number)| number).sum()
}

fn worst(health: &[ComponentView]) -> &'static str {
    let is = |status| health.iter().any(|component| component.status == status);
    match (is("CRITICAL"), is("WARNING")) {
        (true, _) => "CRITICAL",
        (false, true) => "WARNING",
        (false, false) => "OK",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_component_gives_the_tone() {
        let with = |status| ComponentView { name: "log".into(), status, message: String::new() };
        assert_eq!(worst(&[]), "OK");
        assert_eq!(worst(&[with("OK"), with("WARNING")]), "WARNING");
        assert_eq!(worst(&[with("CRITICAL"), with("WARNING")]), "CRITICAL");
    }

    #[test]
    fn every_severity_and_verdict_is_shown_with_its_link() {
        let critical = open_count(Severity::Critical, &[(Severity::Critical, 1_200)]);
        assert_eq!((critical.number.as_str(), critical.any), ("1,200", true));
        assert_eq!(critical.href, "/alerts?status=open&severity=CRITICAL");
        let verdicts = verdict_counts(&[(Verdict::Verified, 3), (Verdict::HashMismatch, 1)]);
        assert_eq!(verdicts.len(), 5);
        assert_eq!(
            (verdicts[2].share.as_str(), verdicts[2].href.as_str()),
            ("25.0 %", "/events?verdict=hash_mismatch")
        );
        assert!(!verdicts[1].any);
    }
}
