//! What a page shows that changes: open alerts, alerts that are new, numbers.

use crate::model::{Organizations, Severity};
use crate::store::AlertStatistics;
use crate::web::error::Problem;
use crate::web::pages::badge::Badge;
use crate::web::pages::{text, words};
use crate::web::show::overview::day_of_all;
use crate::web::state::Appliance;
use serde::Serialize;
use std::collections::BTreeMap;

/// New alerts that one event names; it says how many there are in all.
const NAMED_MAX: usize = 5;

/// Open alerts, and what was raised since the last event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertNews {
    open: u64,
    open_by_severity: BTreeMap<&'static str, u64>,
    raised: u64,
    newest: Vec<NewAlert>,
}

#[derive(Serialize)]
struct NewAlert {
    id: String,
    title: &'static str,
    key: String,
    severity: &'static str,
}

impl AlertNews {
    /// What `counts` say to a client that knows of `known` alerts; the newest first.
    pub(super) fn new(counts: &AlertStatistics, known: u64) -> AlertNews {
        let raised = counts.total.saturating_sub(known);
        let named = usize::try_from(raised).unwrap_or(usize::MAX).min(NAMED_MAX);
        let newest = counts.newest.iter().rev().take(named).map(|alert| NewAlert {
            id: alert.id.to_string(),
            title: alert.pattern.title(),
            key: text::cell(Some(&alert.key)),
            severity: Badge::from(alert.severity).word,
        });
        let of = |severity| counts.open_by_severity.get(&severity).copied().unwrap_or_default();
        AlertNews {
            open: counts.open(),
            open_by_severity: Severity::ALL
                .into_iter()
                .map(|severity| (severity.name(), of(severity)))
                .collect(),
            raised,
            newest: newest.collect(),
        }
    }
}

/// Numbers by the name that pages mark their place with, as people read them.
pub(super) type Numbers = BTreeMap<&'static str, String>;

/// The numbers of the whole appliance; none for who may see only some organisations.
pub(super) fn numbers(app: &Appliance, scope: &Organizations) -> Result<Numbers, Problem> {
    if *scope != Organizations::All {
        return Ok(Numbers::new());
    }
    let day = day_of_all(app, app.clock.now())?;
    let latency = app.counters.latency().summary();
    let lag = |position: crate::model::Seq| words::count(app.store.size().0.saturating_sub(position.0));
    Ok(BTreeMap::from([
        ("dayEvents", words::count(day.series.buckets.iter().map(|bucket| bucket.events).sum())),
        ("dayAlerts", words::count(day.series.buckets.iter().map(|bucket| bucket.alerts).sum())),
        ("minuteEvents", words::count(day.last_minute)),
        ("peakEvents", words::count(day.busiest_minute)),
        ("eventsTotal", words::counted(app.store.events(), "event")),
        ("logSize", words::count(app.store.size().0)),
        ("p50", words::millis(latency.p50)),
        ("p95", words::millis(latency.p95)),
        ("p99", words::millis(latency.p99)),
        ("detectLag", lag(app.detected.position())),
        ("countLag", lag(app.counted.position())),
        ("indexLag", lag(app.indexed.position())),
        ("sealLag", lag(app.sealed.position())),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pattern;
    use crate::store::AlertBrief;
    use uuid::Uuid;

    fn counts(total: u64) -> AlertStatistics {
        let brief = |n: u64| AlertBrief {
            id: Uuid::from_u128(u128::from(n)),
            pattern: Pattern::FailedAuth,
            severity: Severity::High,
            key: format!("key-{n}\u{202e}"),
        };
        AlertStatistics {
            total,
            open_by_severity: BTreeMap::from([(Severity::High, 2)]),
            newest: (1..=total).map(brief).collect(),
            ..AlertStatistics::default()
        }
    }

    #[test]
    fn what_is_new_is_counted_whole_and_named_up_to_a_bound() {
        let news = AlertNews::new(&counts(9), 7);
        assert_eq!((news.open, news.raised), (2, 2));
        let named: Vec<&str> = news.newest.iter().map(|alert| alert.key.as_str()).collect();
        assert_eq!(named, ["key-9[U+202E]", "key-8[U+202E]"]);
        let news = AlertNews::new(&counts(9), 0);
        assert_eq!((news.raised, news.newest.len()), (9, NAMED_MAX));
        assert_eq!(AlertNews::new(&counts(9), 9).raised, 0);
        assert_eq!(AlertNews::new(&counts(2), 9).raised, 0, "a client cannot know of more than there are");
    }
}
