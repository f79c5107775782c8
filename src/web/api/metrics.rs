//! The numbers: JSON for programs of ours, Prometheus text for everyone's.

use crate::counters::LatencySummary;
use crate::model::Verdict;
use crate::store::Account;
use crate::telemetry::prometheus;
use crate::web::auth::Reader;
use crate::web::error::Problem;
use crate::web::families::{families, resident_bytes};
use crate::web::performance::{Bottleneck, Rates, StepTimes, bottleneck, steps};
use crate::web::state::{App, Appliance};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a request for numbers waits for the count reader to come to the end of the log.
const PATIENCE: Duration = Duration::from_secs(2);
/// Minutes that the series goes back.
const SERIES_MINUTES: u64 = 24 * 60;

/// Numbers are of the whole appliance, so who may see only some organisations may not see them.
fn check_scope(reader: &Reader) -> Result<(), Problem> {
    if reader.0.organizations == crate::model::Organizations::All {
        return Ok(());
    }
    let message = "these numbers are of all organisations; ask with a key or a user that is not bound to one";
    Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditMetrics {
    events_processed: u64,
    queue_depth: usize,
    errors_generated: u64,
    error_rate: f64,
    integrity_violations: u64,
    alerts_generated: u64,
    suspicious_patterns: u64,
    processing_latency: Latency,
    integrity_verifications: Verifications,
    events_by_source: BTreeMap<String, u64>,
    events_by_status: BTreeMap<String, u64>,
    events_by_verdict: BTreeMap<String, u64>,
    alerts_by_pattern: BTreeMap<String, u64>,
    accounting: BTreeMap<String, AccountView>,
    minutes: Vec<MinuteView>,
    timestamp: Timestamp,
}

#[derive(Serialize)]
struct Latency {
    average: f64,
    p50: f64,
    p95: f64,
    p99: f64,
}

impl From<LatencySummary> for Latency {
    fn from(summary: LatencySummary) -> Latency {
        Latency { average: summary.average, p50: summary.p50, p95: summary.p95, p99: summary.p99 }
    }
}

#[derive(Serialize)]
struct Verifications {
    total: u64,
    passed: u64,
    failed: u64,
}

#[derive(Serialize)]
struct AccountView {
    received: u64,
    stored: u64,
    duplicate: u64,
    rejected: u64,
}

#[derive(Serialize)]
struct MinuteView {
    minute: Timestamp,
    events: u64,
    failures: u64,
    mismatches: u64,
    alerts: u64,
}

/// `GET /api/v1/metrics/audit`.
pub async fn audit(State(app): State<App>, reader: Reader) -> Result<Response, Problem> {
    check_scope(&reader)?;
    app.counted.reaches(app.store.size(), PATIENCE).await;
    let now = app.clock.now();
    let metrics = app.read(move |app| audit_metrics(app, now)).await?;
    Ok(Json(metrics).into_response())
}

fn audit_metrics(app: &Appliance, now: Timestamp) -> Result<AuditMetrics, Problem> {
    let totals = app.counters.totals()?;
    let total = |name: &str| totals.get(name).copied().unwrap_or_default();
    let verdict = |verdict: Verdict| total(&format!("verdict/{}", verdict.name()));
    let failed = verdict(Verdict::HashMismatch) + verdict(Verdict::SignatureMismatch);
    let passed = verdict(Verdict::Verified);
    let ring = app.keyring.get();
    let accounts = app.accounts()?;
    let all = accounts.values().fold(Account::default(), |sum, account| sum.plus(*account));
    let by = |prefix: &str| -> BTreeMap<String, u64> {
        let named = totals.iter().filter_map(|(name, count)| Some((name.strip_prefix(prefix)?, *count)));
        named.map(|(name, count)| (name.to_owned(), count)).collect()
    };
    let by_source = by("source/").into_iter();
    let source_name =
        |number: String| number.parse().map_or(number, |id| ring.name(crate::model::SourceId(id)));
    Ok(AuditMetrics {
        events_processed: app.store.events(),
        queue_depth: app.writer.events_waiting(),
        errors_generated: all.rejected,
        error_rate: all.rejected as f64 / all.received.max(1) as f64,
        integrity_violations: failed,
        alerts_generated: total("alerts"),
        suspicious_patterns: totals
            .iter()
            .filter(|(name, _)| name.starts_with("pattern/"))
            .map(|(_, count)| count)
            .sum(),
        processing_latency: app.counters.latency().summary().into(),
        integrity_verifications: Verifications { total: passed + failed, passed, failed },
        events_by_source: by_source.map(|(number, count)| (source_name(number), count)).collect(),
        events_by_status: by("status/"),
        events_by_verdict: by("verdict/"),
        alerts_by_pattern: by("pattern/"),
        accounting: accounts.into_iter().map(|(id, account)| (ring.name(id), view(account))).collect(),
        minutes: minutes(app, now)?,
        timestamp: now,
    })
}

fn view(account: Account) -> AccountView {
    let Account { received, stored, duplicate, rejected } = account;
    AccountView { received, stored, duplicate, rejected }
}

fn minutes(app: &Appliance, now: Timestamp) -> Result<Vec<MinuteView>, Problem> {
    let this = u64::try_from(now.as_second() / 60).unwrap_or_default();
    let minutes = app.counters.minutes((this + 1).saturating_sub(SERIES_MINUTES))?;
    let views = minutes.into_iter().map(|(minute, counts)| MinuteView {
        minute: Timestamp::from_second(i64::try_from(minute * 60).unwrap_or_default()).unwrap_or_default(),
        events: counts.events,
        failures: counts.failures,
        mismatches: counts.mismatches,
        alerts: counts.alerts,
    });
    Ok(views.collect())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SystemMetrics {
    uptime_seconds: u64,
    memory_bytes: Option<u64>,
    log_entries: u64,
    log_bytes: Option<u64>,
    disk_free_bytes: Option<f64>,
    disk_used_percent: Option<f64>,
    detect_keys: usize,
    detect_evicted_keys: u64,
    version: &'static str,
    timestamp: Timestamp,
}

/// `GET /api/v1/metrics/system`.
pub async fn system(State(app): State<App>, reader: Reader) -> Result<Response, Problem> {
    check_scope(&reader)?;
    let log_bytes = app.store.path().and_then(|path| Some(std::fs::metadata(path).ok()?.len()));
    let disk = app.health.components().remove("disk").map(|disk| disk.details).unwrap_or_default();
    let detect = *app.detect_stats.lock().expect("no holder of this lock panics");
    Ok(Json(SystemMetrics {
        disk_free_bytes: disk.get("freeBytes").copied(),
        disk_used_percent: disk.get("usedPercent").copied(),
        detect_keys: detect.keys.iter().sum(),
        detect_evicted_keys: detect.evicted_keys.iter().sum(),
        uptime_seconds: app.started.elapsed().as_secs(),
        memory_bytes: resident_bytes(),
        log_entries: app.store.size().0,
        log_bytes,
        version: env!("CARGO_PKG_VERSION"),
        timestamp: app.clock.now(),
    })
    .into_response())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PerformanceMetrics {
    processing_latency: Latency,
    measured: u64,
    queue_depth: usize,
    admission_fill: f64,
    detect_lag_entries: u64,
    count_lag_entries: u64,
    index_lag_entries: u64,
    seal_lag_entries: u64,
    throughput: Rates,
    steps: Vec<StepTimes>,
    bottleneck: Option<Bottleneck>,
    timestamp: Timestamp,
}

/// `GET /api/v1/metrics/performance`.
pub async fn performance(State(app): State<App>, reader: Reader) -> Result<Response, Problem> {
    check_scope(&reader)?;
    let summary = app.counters.latency().summary();
    let size = app.store.size().0;
    let steps = steps(&app);
    Ok(Json(PerformanceMetrics {
        processing_latency: summary.into(),
        measured: summary.count,
        queue_depth: app.writer.events_waiting(),
        admission_fill: app.admission.fill(),
        detect_lag_entries: size.saturating_sub(app.detected.position().0),
        count_lag_entries: size.saturating_sub(app.counted.position().0),
        index_lag_entries: size.saturating_sub(app.indexed.position().0),
        seal_lag_entries: size.saturating_sub(app.sealed.position().0),
        throughput: app.throughput.rates(),
        bottleneck: bottleneck(&steps),
        steps,
        timestamp: app.clock.now(),
    })
    .into_response())
}

/// `GET /metrics`.
pub async fn text(State(app): State<App>, reader: Reader) -> Result<Response, Problem> {
    check_scope(&reader)?;
    app.counted.reaches(app.store.size(), PATIENCE).await;
    let text = app.read(|app| families(app).map(|families| prometheus(&families))).await?;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
