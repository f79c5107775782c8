//! Alerts: lists, one, numbers, and the steps that people take.

use super::events::descending;
use super::parameters::Parameters;
use super::search;
use crate::model::{
    AlertChange, AlertFilter, AlertOrder, AlertStatus, AlertType, Caller, Organizations, Pattern, Severity,
};
use crate::web::auth::{Reader, Triager};
use crate::web::body;
use crate::web::error::Problem;
use crate::web::exhibit;
use crate::web::export::{self, Asking, Format};
use crate::web::idempotency::{self, Guard};
use crate::web::searches;
use crate::web::state::{App, Appliance};
use crate::web::view::AlertJson;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

const LIMIT_MAX: usize = 1_000;
const LIMIT_DEFAULT: usize = 50;
const OFFSET_MAX: usize = 1_000_000;

#[derive(Serialize)]
struct Page {
    data: Vec<AlertJson>,
    pagination: Pagination,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    total: usize,
    limit: usize,
    offset: usize,
    has_next: bool,
    has_previous: bool,
}

/// `GET /api/v1/alerts`.
pub async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut given = Parameters::parse(query.as_deref())?;
    let filter = filter(&mut given, caller.organizations.clone())?;
    let text = search::parse("search", given.one("search")?.as_deref())?;
    let order = match given.one("sortBy")?.as_deref() {
        None | Some("createdAt") => AlertOrder::CreatedAt,
        Some("lastSeenAt" | "updatedAt") => AlertOrder::LastSeenAt,
        Some("severity") => AlertOrder::Severity,
        Some("status") => AlertOrder::Status,
        Some("occurrences") => AlertOrder::Occurrences,
        Some(_) => {
            let message = "sortBy must be createdAt, lastSeenAt, severity, status or occurrences";
            return Err(Problem::parameter("sortBy", message));
        }
    };
    let descending = descending(&mut given, "sortOrder")?;
    let offset = given.number("offset", 0..=OFFSET_MAX, 0)?;
    let limit = given.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?;
    given.finish()?;
    let narrowed = filter != AlertFilter::all(caller.organizations.clone()) || !text.is_everything();
    if offset == 0 && narrowed {
        searches::note(&app, &caller, "/api/v1/alerts", query.as_deref()).await?;
    }
    let list = move |app: &Appliance| app.store.alerts_page(&filter, &text, order, descending, offset, limit);
    let page = app.list(list).await?;
    let pagination = Pagination {
        total: page.total,
        limit,
        offset,
        has_next: offset + page.alerts.len() < page.total,
        has_previous: offset > 0,
    };
    Ok(Json(Page { data: page.alerts.iter().map(AlertJson::from).collect(), pagination }).into_response())
}

/// `GET /api/v1/alerts/export`: all alerts that match, as a file.
pub async fn export(
    State(app): State<App>,
    Reader(caller): Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut given = Parameters::parse(query.as_deref())?;
    let format = Format::parse(given.one("format")?.as_deref())?;
    let filter = filter(&mut given, caller.organizations.clone())?;
    let text = search::parse("search", given.one("search")?.as_deref())?;
    given.finish()?;
    export::alerts(app, Asking { caller, format, query }, filter, text).await
}

fn filter(given: &mut Parameters, scope: Organizations) -> Result<AlertFilter, Problem> {
    let statuses = "active, acknowledged, resolved, dismissed, suppressed";
    let types = "SECURITY, COMPLIANCE, PERFORMANCE, SYSTEM, METRICS, DELIVERY, CUSTOM";
    Ok(AlertFilter {
        scope,
        statuses: given.set("status", AlertStatus::from_name, statuses)?,
        severities: given.set("severity", Severity::from_name, "INFO, LOW, MEDIUM, HIGH, CRITICAL")?,
        types: given.set("type", AlertType::from_name, types)?,
        patterns: given.set("pattern", Pattern::from_name, "the names of the patterns")?,
        organizations: given.names("organizationId"),
        sources: given.names("source"),
        tags: given.names("tags"),
        from: given.start("startDate")?,
        to: given.end("endDate")?,
    })
}

/// `GET /api/v1/alerts/{id}`.
pub async fn one(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let alert = app.read(move |app| app.store.alert(id, &caller.organizations)).await?;
    let alert = alert.ok_or_else(|| Problem::not_found("alert with this id"))?;
    Ok(Json(AlertJson::from(&alert)).into_response())
}

/// `GET /api/v1/alerts/{id}/evidence`: the alert with what proves it, as a zip.
pub async fn evidence(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    exhibit::answer(&app, caller, parse_id(&id)?).await
}

/// The id in an address.
pub fn parse_id(id: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| Problem::not_found("alert with this id"))
}

/// The step in an address.
pub fn change_of(step: &str) -> Result<AlertChange, Problem> {
    match step {
        "acknowledge" => Ok(AlertChange::Acknowledged),
        "resolve" => Ok(AlertChange::Resolved),
        "dismiss" => Ok(AlertChange::Dismissed),
        "reopen" => Ok(AlertChange::Reopened),
        "comment" => Ok(AlertChange::Commented),
        _ => Err(Problem::not_found("such step")),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    total: u64,
    open: u64,
    by_status: BTreeMap<&'static str, u64>,
    by_severity: BTreeMap<&'static str, u64>,
    open_by_severity: BTreeMap<&'static str, u64>,
    by_type: BTreeMap<&'static str, u64>,
    by_source: BTreeMap<String, u64>,
    by_pattern: BTreeMap<&'static str, u64>,
    trends: Vec<Trend>,
}

#[derive(Serialize)]
struct Trend {
    date: String,
    count: u64,
}

/// `GET /api/v1/alerts/statistics`.
pub async fn statistics(State(app): State<App>, Reader(caller): Reader) -> Result<Response, Problem> {
    let counts = app.read(move |app| app.store.alert_statistics(&caller.organizations)).await?;
    let statuses = AlertStatus::ALL.map(|status| (status.name(), of(&counts.by_status, status)));
    let severities = Severity::ALL.map(|severity| (severity.name(), of(&counts.by_severity, severity)));
    let open = Severity::ALL.map(|severity| (severity.name(), of(&counts.open_by_severity, severity)));
    let types = AlertType::ALL.map(|kind| (kind.name(), of(&counts.by_type, kind)));
    Ok(Json(Statistics {
        total: counts.total,
        open: counts.open(),
        by_status: BTreeMap::from(statuses),
        by_severity: BTreeMap::from(severities),
        open_by_severity: BTreeMap::from(open),
        by_type: BTreeMap::from(types),
        by_source: counts.by_source.clone(),
        by_pattern: counts.by_pattern.clone(),
        trends: counts
            .by_day
            .iter()
            .map(|(date, count)| Trend { date: date.clone(), count: *count })
            .collect(),
    })
    .into_response())
}

fn of<K: Ord>(counts: &BTreeMap<K, u64>, key: K) -> u64 {
    counts.get(&key).copied().unwrap_or_default()
}

/// What a step may say. The name of the member depends on the step; each may be left out but for a comment.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct StepBody {
    resolution_notes: Option<String>,
    reason: Option<String>,
    note: Option<String>,
    comment: Option<String>,
}

#[derive(Serialize)]
struct Changed {
    success: bool,
    alert: AlertJson,
}

/// `POST /api/v1/alerts/{id}/{step}`.
pub async fn step(
    State(app): State<App>,
    Triager(caller): Triager,
    Path((id, step)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (id, change) = (parse_id(&id)?, change_of(&step)?);
    let received = body::receive(&app, &headers, body).await?;
    let guard = Guard::of(&headers, &caller, &format!("/alerts/{id}/{step}"), &received.bytes)?;
    let note = note_of(&received.bytes)?;
    if change == AlertChange::Commented && note.is_none() {
        let problem = Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "required",
            "a comment says something: send {\"comment\": \"…\"}",
        );
        return Err(Problem { field: Some("comment".to_owned()), ..problem });
    }
    let json = |alert: &_| Changed { success: true, alert: AlertJson::from(alert) };
    let Caller { name, organizations, .. } = caller;
    let work = move |txn: &mut crate::store::Txn<'_>| {
        let changed = txn.change_alert(id, &organizations, change, &name, note)?;
        Ok(changed.map_err(Problem::from))
    };
    idempotency::write(&app, guard, StatusCode::OK, work, json).await
}

fn note_of(body: &[u8]) -> Result<Option<String>, Problem> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let malformed = |why: String| {
        let message = format!("the body must be an object such as {{\"resolutionNotes\": \"…\"}}: {why}");
        Problem::new(StatusCode::BAD_REQUEST, "json_syntax", message)
    };
    // The derived reader would take an array for the members in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(malformed("it is something else".to_owned()));
    }
    let step: StepBody = serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
    let note = step.resolution_notes.or(step.reason).or(step.comment).or(step.note);
    Ok(note.filter(|note| !note.trim().is_empty()))
}
