//! Reads what the overview shows.

use super::{BaseUrl, Visitor, frame, page};
use crate::model::{
    AlertFilter, AlertOrder, Caller, EventFilter, EventOrder, EventQuery, Organizations, ReceivedAt,
    Severity, Verdict,
};
use crate::search_text::Query;
use crate::web::chart::{Bucket, Series};
use crate::web::error::Problem;
use crate::web::pages::overview::{ComponentView, OverviewData, OverviewPage, PrincipalCount};
use crate::web::state::{App, Appliance};
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// Seconds of one bar of the chart, and bars of a day.
const BUCKET_SECS: u32 = 1_800;
const BUCKETS: u64 = 48;
/// Alerts and principals that the page lists.
const LISTED: usize = 8;
/// Events that are looked at for a caller who sees only some organisations.
const EVENTS_LOOKED_AT: usize = 20_000;

/// `GET /`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    BaseUrl(base_url): BaseUrl,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    app.list(move |app| {
        let frame = frame(app, &caller)?;
        page(&OverviewPage::new(frame, read(app, &caller, now, base_url)?))
    })
    .await
}

/// The numbers that depend on what the caller may see.
struct Numbers {
    series: Series,
    verdicts: Vec<(Verdict, u64)>,
    principals: Vec<(String, u64)>,
    events_total: u64,
    last_minute: Option<u64>,
}

fn read(app: &Appliance, caller: &Caller, now: Timestamp, base_url: String) -> Result<OverviewData, Problem> {
    let counts = app.store.alert_statistics(&caller.organizations)?;
    let open = AlertFilter::open(caller.organizations.clone());
    let open =
        app.store.alerts_listed(&open, &Query::everything(), AlertOrder::LastSeenAt, true, 0, 1_000)?.alerts;
    let numbers = match caller.organizations {
        Organizations::All => numbers_of_all(app, now)?,
        Organizations::Only(_) => numbers_of_some(app, caller, now)?,
    };
    let mut alerts_of: HashMap<&str, u64> = HashMap::new();
    for alert in &open {
        *alerts_of.entry(&alert.key).or_default() += 1;
    }
    let mut events_of: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, events) in &numbers.principals {
        *events_of.entry(name).or_default() += events;
    }
    for name in alerts_of.keys() {
        events_of.entry(name).or_default();
    }
    let mut principals: Vec<PrincipalCount> = events_of
        .into_iter()
        .map(|(name, events)| PrincipalCount {
            principal: name.to_owned(),
            open_alerts: alerts_of.get(name).copied().unwrap_or_default(),
            events,
        })
        .collect();
    principals.sort_by_key(|count| std::cmp::Reverse((count.open_alerts, count.events)));
    principals.truncate(LISTED);
    let components = app.health.components().into_iter().map(|(name, found)| ComponentView {
        name: name.to_owned(),
        status: found.status.name(),
        message: found.message,
    });
    let severities = Severity::ALL.into_iter();
    Ok(OverviewData {
        open: severities
            .map(|severity| (severity, counts.open_by_severity.get(&severity).copied().unwrap_or_default()))
            .collect(),
        newest: open.into_iter().take(LISTED).collect(),
        series: numbers.series,
        verdicts: numbers.verdicts,
        principals,
        health: components.collect(),
        events_total: numbers.events_total,
        account: matches!(caller.organizations, Organizations::All).then(|| app.books()).transpose()?,
        last_minute: numbers.last_minute,
        base_url,
    })
}

/// What came in over the last day.
pub struct Day {
    /// In half hours.
    pub series: Series,
    /// Events of the last whole minute.
    pub last_minute: u64,
    /// Events of the busiest minute.
    pub busiest_minute: u64,
    first_minute: u64,
}

/// The last day of the whole appliance, from the counters.
pub fn day_of_all(app: &Appliance, now: Timestamp) -> Result<Day, Problem> {
    let mut series = empty_series(now);
    let minute_of = |time: Timestamp| u64::try_from(time.as_second() / 60).unwrap_or_default();
    let first_minute = series.buckets.first().map_or(0, |bucket| minute_of(bucket.from));
    let (mut last_minute, mut busiest_minute) = (0, 0);
    for (minute, counts) in app.counters.minutes(first_minute)? {
        let at = usize::try_from((minute - first_minute) / u64::from(BUCKET_SECS / 60)).unwrap_or(usize::MAX);
        if let Some(bucket) = series.buckets.get_mut(at) {
            bucket.events += counts.events;
            bucket.alerts += counts.alerts;
        }
        busiest_minute = counts.events.max(busiest_minute);
        if minute + 1 == minute_of(now) {
            last_minute = counts.events;
        }
    }
    Ok(Day { series, last_minute, busiest_minute, first_minute })
}

/// From the counters, at any size of the log.
fn numbers_of_all(app: &Appliance, now: Timestamp) -> Result<Numbers, Problem> {
    let Day { series, last_minute, first_minute, .. } = day_of_all(app, now)?;
    let verdicts = Verdict::ALL.into_iter().map(|verdict| {
        let name = format!("verdict/{}", verdict.name());
        Ok((verdict, app.counters.total(&name)?))
    });
    let busiest = app.counters.busiest(first_minute / 60)?.into_iter();
    Ok(Numbers {
        series,
        verdicts: verdicts.collect::<Result<_, Problem>>()?,
        principals: busiest.map(|count| (count.principal, count.events)).collect(),
        events_total: app.store.events(),
        last_minute: Some(last_minute),
    })
}

/// From the newest events that the caller may see: the counters do not keep organisations apart.
fn numbers_of_some(app: &Appliance, caller: &Caller, now: Timestamp) -> Result<Numbers, Problem> {
    let mut series = empty_series(now);
    let first = series.buckets.first().map_or(now, |bucket| bucket.from);
    let filter = EventFilter {
        received_from: Some(ReceivedAt::from_timestamp(first)),
        ..EventFilter::all(caller.organizations.clone())
    };
    let query = EventQuery {
        filter,
        order: EventOrder::ReceivedAt,
        descending: true,
        offset: 0,
        limit: EVENTS_LOOKED_AT,
        after: None,
    };
    let found = app.store.events_page(&query)?;
    let mut verdicts = BTreeMap::from(Verdict::ALL.map(|verdict| (verdict, 0)));
    let mut principals: HashMap<String, u64> = HashMap::new();
    for stored in &found.events {
        *verdicts.entry(stored.entry.verdict).or_default() += 1;
        if let Some(bucket) = bucket_of(&mut series, stored.entry.received_at.timestamp()) {
            bucket.events += 1;
        }
        let event = crate::decode::stored(&stored.entry.body, stored.entry.received_at);
        if let Some(key) = event.ok().as_ref().and_then(|event| event.key()) {
            *principals.entry(key.to_owned()).or_default() += 1;
        }
    }
    let alerts = AlertFilter { from: Some(first), ..AlertFilter::all(caller.organizations.clone()) };
    for alert in
        app.store.alerts_listed(&alerts, &Query::everything(), AlertOrder::CreatedAt, true, 0, 1_000)?.alerts
    {
        if let Some(bucket) = bucket_of(&mut series, alert.created_at.timestamp()) {
            bucket.alerts += 1;
        }
    }
    Ok(Numbers {
        series,
        verdicts: verdicts.into_iter().collect(),
        principals: principals.into_iter().collect(),
        events_total: found.total,
        last_minute: None,
    })
}

fn empty_series(now: Timestamp) -> Series {
    let step = i64::from(BUCKET_SECS);
    let last = now.as_second().div_euclid(step) * step;
    let buckets = (0..BUCKETS as i64).rev().map(|back| Bucket {
        from: Timestamp::from_second(last - back * step).unwrap_or(now),
        events: 0,
        alerts: 0,
    });
    Series { bucket_secs: BUCKET_SECS, buckets: buckets.collect() }
}

fn bucket_of(series: &mut Series, time: Timestamp) -> Option<&mut Bucket> {
    let first = series.buckets.first()?.from.as_second();
    let at = usize::try_from((time.as_second() - first) / i64::from(series.bucket_secs)).ok()?;
    series.buckets.get_mut(at)
}
