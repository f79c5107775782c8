//! That the alert is the one that the log says was raised.

use crate::detect::fingerprint;
use crate::evidence::exhibit::Exhibit;
use crate::evidence::finding::Finding;
use crate::evidence::layout::{ALERT, HISTORY};
use crate::model::{Activity, Alert, EvidenceItem, event_id, seq_of_event_id};
use uuid::Uuid;

/// Up to this many events an alert names all; beyond it half of them from either end.
pub(super) const NAMED_MAX: usize = 1_000;

pub(super) fn check(exhibit: &Exhibit, findings: &mut Vec<Finding>) {
    let alert = &exhibit.alert;
    let mut wrong = |what: &str| findings.push(Finding::new(ALERT, what));
    if alert.fingerprint != fingerprint(alert.pattern, alert.organization.as_deref(), &alert.key) {
        wrong("the fingerprint is not that of its pattern, organisation and key");
    }
    check_numbers(alert, &mut wrong);
    let raised = exhibit.history.first().and_then(super::super::ProvedEntry::activity);
    let Some(Activity::AlertRaised {
        alert: id,
        pattern,
        severity,
        fingerprint,
        organization,
        key,
        created_at,
        events,
    }) = raised
    else {
        findings.push(Finding::new(HISTORY, "it does not begin with the entry that raised the alert"));
        return;
    };
    for (name, is_same) in [
        ("id", id == alert.id),
        ("pattern", pattern == alert.pattern),
        ("severity", severity == alert.severity),
        ("fingerprint", fingerprint == alert.fingerprint),
        ("organization", organization == alert.organization),
        ("key", key == alert.key),
        ("created_at", created_at == alert.created_at),
        ("evidence", begins_with(alert, &events)),
    ] {
        if !is_same {
            wrong(&format!("{name} is not what the entry says that raised it"));
        }
    }
    check_limit(alert, &events, &mut wrong);
}

/// What the alert says of itself more than once must agree.
fn check_numbers(alert: &Alert, wrong: &mut impl FnMut(&str)) {
    let evidence = &alert.evidence;
    let named = evidence.first.len() + evidence.last.len();
    let is_all = names_all(alert) && evidence.last.is_empty();
    let both_ends = (evidence.first.len(), evidence.last.len()) == (NAMED_MAX / 2, NAMED_MAX / 2);
    if !(is_all || evidence.count > named as u64 && both_ends) {
        wrong("the number of its events is not that of those it names");
    }
    let times: Vec<_> = evidence.first.iter().chain(&evidence.last).map(|item| Some(item.time)).collect();
    let (first, last) = (times.iter().min().copied().flatten(), times.iter().max().copied().flatten());
    // Events that are not named may reach further.
    let period_fits = if is_all {
        (evidence.first_event_at, evidence.last_event_at) == (first, last)
    } else {
        evidence.first_event_at <= first && evidence.last_event_at >= last
    };
    if !period_fits {
        wrong("the times of its first and last event are not those of the events");
    }
    if alert.occurrences == 0
        || alert.first_fired_at > alert.last_fired_at
        || alert.created_at > alert.last_seen_at
    {
        wrong("it has fired never, or last before it fired first");
    }
    let is_own_id = seq_of_event_id(alert.id).is_some_and(|seq| {
        let [a, b, c, d, ..] = alert.fingerprint;
        event_id(alert.created_at, seq, u32::from_le_bytes([a, b, c, d])) == alert.id
    });
    if !is_own_id {
        wrong("its id is not that of its time and fingerprint");
    }
}

/// Whether the events that the alert names begin with those that had counted when it was raised.
fn begins_with(alert: &Alert, raised: &[Uuid]) -> bool {
    let kept = if names_all(alert) { raised.len() } else { raised.len().min(NAMED_MAX / 2) };
    let named: Vec<Uuid> = alert.evidence.first.iter().map(|item| item.id).collect();
    named.get(..kept).is_some_and(|named| named == &raised[..kept])
}

/// The threshold and the timespan must be ones that the first events reach.
fn check_limit(alert: &Alert, raised: &[Uuid], wrong: &mut impl FnMut(&str)) {
    let enough =
        u64::try_from(raised.len()).is_ok_and(|count| count >= alert.threshold.min(NAMED_MAX as u64));
    let first: Vec<&EvidenceItem> =
        alert.evidence.first.iter().filter(|item| raised.contains(&item.id)).collect();
    let times = || first.iter().map(|item| item.time);
    let within = times().min().zip(times().max()).is_none_or(|(earliest, latest)| {
        let span = latest.duration_since(earliest);
        span.is_zero() || span.unsigned_abs() < std::time::Duration::from_secs(alert.timespan_secs)
    });
    if alert.threshold == 0 || !enough || !within {
        wrong(
            "the events that had counted when it was raised do not reach its threshold within its timespan",
        );
    }
}

/// Whether the alert names every event that counted.
pub(super) fn names_all(alert: &Alert) -> bool {
    alert.evidence.count == alert.evidence.first.len() as u64
}
