//! Reading events: lists, one, its bytes, and checking it once more.

use super::parameters::Parameters;
use super::search::{self, Ranking};
use crate::decode;
use crate::integrity;
use crate::merkle;
use crate::model::{
    Classification, EventCursor, EventFilter, EventOrder, EventQuery, Organizations, Status, Stored, Verdict,
};
use crate::search_text::Query;
use crate::store::EventPage;
use crate::web::auth::Reader;
use crate::web::error::Problem;
use crate::web::export::{self, Asking, Format};
use crate::web::searches;
use crate::web::state::{App, Appliance};
use crate::web::view;
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Events of one page.
const LIMIT_MAX: usize = 1_000;
const LIMIT_DEFAULT: usize = 50;
/// Events that may be passed over by `offset`; beyond it a cursor goes on.
const OFFSET_MAX: usize = 100_000;

#[derive(Serialize)]
pub(super) struct Page {
    events: Vec<Box<RawValue>>,
    pagination: Pagination,
    #[serde(skip_serializing_if = "is_zero")]
    damaged: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    total: u64,
    limit: usize,
    offset: usize,
    has_next: bool,
    has_previous: bool,
    next_cursor: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// `GET /api/v1/audit/events`.
pub async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let (asked, text, ranking) = parse(query.as_deref(), caller.organizations.clone())?;
    let begins = asked.offset == 0 && asked.after.is_none();
    let narrowed = asked.filter != EventFilter::all(caller.organizations.clone()) || !text.is_everything();
    if begins && narrowed {
        searches::note(&app, &caller, "/api/v1/audit/events", query.as_deref()).await?;
    }
    let read = move |app: &Appliance| match text.is_everything() && ranking == Ranking::Ordered {
        true => page(app, &asked),
        false => search::page(app, &text, &asked, ranking),
    };
    let page = app.list(read).await?;
    Ok(Json(page).into_response())
}

/// `GET /api/v1/audit/events/export`: all events that match, as a file.
pub async fn export(
    State(app): State<App>,
    Reader(caller): Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut given = Parameters::parse(query.as_deref())?;
    let format = Format::parse(given.one("format")?.as_deref())?;
    let (filter, text) = filter(&mut given, caller.organizations.clone())?;
    given.finish()?;
    export::events(app, Asking { caller, format, query }, filter, text).await
}

/// What is asked for, which text it must hold, and how it is ordered.
type Asked = (EventQuery, Query, Ranking);

/// Which events the parameters ask for, however they are ordered and cut into pages.
fn filter(given: &mut Parameters, scope: Organizations) -> Result<(EventFilter, Query), Problem> {
    let mut filter = EventFilter::all(scope);
    filter.from = given.start("startDate")?;
    filter.to = given.end("endDate")?;
    filter.principals = given.names("principalIds");
    filter.organizations = given.names("organizationIds");
    filter.actions = given.names("actions");
    filter.statuses = given.set("statuses", Status::from_name, "attempt, success, failure")?;
    let classes = "PUBLIC, INTERNAL, CONFIDENTIAL, PHI";
    filter.classifications = given.set("dataClassifications", Classification::from_name, classes)?;
    filter.resource_types = given.names("resourceTypes");
    filter.correlation = given.one("correlationId")?;
    if given.flag("verifiedOnly")? {
        filter.verdicts = BTreeSet::from([Verdict::Verified]);
    }
    Ok((filter, search::parse("q", given.one("q")?.as_deref())?))
}

fn parse(query: Option<&str>, scope: Organizations) -> Result<Asked, Problem> {
    let mut given = Parameters::parse(query)?;
    let (filter, text) = filter(&mut given, scope)?;
    let sort_field = given.one("sortField")?;
    let is_relevance = sort_field.as_deref() == Some("relevance");
    let ranking = if is_relevance { Ranking::Relevance } else { Ranking::Ordered };
    let order = match sort_field.as_deref() {
        None | Some("timestamp") => EventOrder::Timestamp,
        Some("receivedAt") => EventOrder::ReceivedAt,
        // The order of the time is that of hits that fit alike.
        Some("relevance") => EventOrder::Timestamp,
        Some(_) => {
            let message = "sortField must be timestamp, receivedAt or, with q, relevance";
            return Err(Problem::parameter("sortField", message));
        }
    };
    let query = EventQuery {
        filter,
        order,
        descending: descending(&mut given, "sortDirection")?,
        offset: given.number("offset", 0..=OFFSET_MAX, 0)?,
        limit: given.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?,
        after: given.one("cursor")?.map(|text| parse_cursor(&text)).transpose()?,
    };
    given.finish()?;
    if query.after.is_some() && query.offset > 0 {
        return Err(Problem::parameter("offset", "offset and cursor exclude each other"));
    }
    if is_relevance && (text.is_everything() || query.after.is_some() || !query.descending) {
        let message = "relevance needs a search text in q, and goes with offset alone";
        return Err(Problem::parameter("sortField", message));
    }
    Ok((query, text, ranking))
}

pub(super) fn descending(given: &mut Parameters, name: &str) -> Result<bool, Problem> {
    match given.one(name)?.as_deref() {
        None | Some("desc") => Ok(true),
        Some("asc") => Ok(false),
        Some(_) => Err(Problem::parameter(name, format!("{name} must be asc or desc"))),
    }
}

fn page(app: &Appliance, query: &EventQuery) -> Result<Page, Problem> {
    let page = app.store.events_page(query)?;
    Ok(page_of(app, query, &page, page.next.is_some()))
}

/// A page as the answer shows it; `has_next` also where no cursor leads there.
pub(super) fn page_of(app: &Appliance, query: &EventQuery, page: &EventPage, has_next: bool) -> Page {
    let ring = app.keyring.get();
    let events =
        page.events.iter().map(|stored| view::event_json(stored, &ring.name(stored.entry.source))).collect();
    Page {
        events,
        damaged: page.damaged,
        pagination: Pagination {
            total: page.total,
            limit: query.limit,
            offset: query.offset,
            has_next,
            has_previous: query.offset > 0 || query.after.is_some(),
            next_cursor: page.next.map(cursor),
        },
    }
}

/// A place in the order of events as an opaque text.
pub fn cursor(place: EventCursor) -> String {
    let bytes = [&place.nanos.to_be_bytes()[..], &place.seq.to_be_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place that such a text stands for.
pub fn parse_cursor(text: &str) -> Result<EventCursor, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let place = bytes.split_first_chunk().and_then(|(nanos, seq)| {
        Some(EventCursor {
            nanos: i128::from_be_bytes(*nanos),
            seq: u64::from_be_bytes(seq.try_into().ok()?),
        })
    });
    // The times that there are, in nanoseconds, lie far within.
    let place = place.filter(|place| place.nanos.unsigned_abs() < 1 << 100);
    place.ok_or_else(|| Problem::parameter("cursor", "cursor must be a nextCursor of an earlier answer"))
}

/// `GET /api/v1/audit/events/{id}`.
pub async fn one(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let stored = find(&app, &id, caller.organizations).await?;
    Ok(Json(view::event_json(&stored, &app.keyring.get().name(stored.entry.source))).into_response())
}

/// The event of that id within what the caller may see.
pub async fn find(app: &App, id: &str, scope: Organizations) -> Result<Stored, Problem> {
    let missing = || Problem::not_found("event with this id");
    let id: Uuid = id.parse().map_err(|_| missing())?;
    let read = app.read(move |app| app.store.event(id, &scope)).await?;
    Ok(read.ok_or_else(missing)??)
}

/// `GET /api/v1/audit/events/{id}/raw`.
pub async fn raw(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let stored = find(&app, &id, caller.organizations).await?;
    // Never shown in place: the bytes are whatever a sender wrote.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"event.json\"")),
    ];
    Ok((headers, stored.entry.body).into_response())
}

/// `GET /api/v1/audit/events/{id}/salt`.
pub async fn salt(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let stored = find(&app, &id, caller.organizations).await?;
    let plain = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    Ok((plain, hex::encode(stored.entry.salt)).into_response())
}

/// `GET /api/v1/audit/events/{id}/leaf`.
pub async fn leaf(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let entry = find(&app, &id, caller.organizations).await?.entry;
    let binary = [(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))];
    Ok((binary, merkle::leaf_of(&entry).to_vec()).into_response())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    event_id: Uuid,
    is_valid: bool,
    verification_timestamp: Timestamp,
    hash_algorithm: &'static str,
    computed_hash: Option<String>,
    stored_hash: Option<String>,
    details: VerificationDetails,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationDetails {
    verdict: &'static str,
    verdict_at_receipt: &'static str,
    explanation: String,
}

/// `POST /api/v1/audit/events/{id}/verify`.
pub async fn verify(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let stored = find(&app, &id, caller.organizations).await?;
    let now = app.clock.now();
    let verification = app.read(move |app| check_again(app, &stored, now)).await?;
    Ok((StatusCode::OK, Json(verification)).into_response())
}

/// What checking the event says now, with the key that its source has now.
pub fn finding(app: &Appliance, stored: &Stored) -> Result<integrity::Finding, Problem> {
    let entry = &stored.entry;
    let event = decode::stored(&entry.body, entry.received_at).map_err(Problem::internal)?;
    let key = app.keyring.get().signing_of(entry.source);
    Ok(integrity::verify(&event, &entry.body, key.as_deref()))
}

fn check_again(app: &Appliance, stored: &Stored, now: Timestamp) -> Result<Verification, Problem> {
    let finding = finding(app, stored)?;
    let event = decode::stored(&stored.entry.body, stored.entry.received_at).map_err(Problem::internal)?;
    Ok(Verification {
        event_id: stored.entry.id,
        is_valid: finding.verdict == Verdict::Verified,
        verification_timestamp: now,
        hash_algorithm: finding.algorithm,
        computed_hash: finding.computed.map(hex::encode),
        stored_hash: event.claim.hash.map(|hash| hash.to_lowercase()),
        details: VerificationDetails {
            verdict: finding.verdict.name(),
            verdict_at_receipt: stored.entry.verdict.name(),
            explanation: finding.details.to_owned(),
        },
    })
}
