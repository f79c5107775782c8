//! What is answered to a request that brought events.

use super::outcomes::{ItemResult, Outcomes, Shape};
use crate::model::Seq;
use crate::web::error::Problem;
use crate::web::idempotency::REPLAYED;
use crate::web::state::{App, Appliance};
use crate::web::view;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

/// Errors that one answer lists.
const ERRORS_LISTED: usize = 1_000;

/// The answer in the shape that the request asked for.
pub(super) async fn answer(app: &App, outcomes: Outcomes, replayed: bool) -> Result<Response, Problem> {
    let mut response = match outcomes.shape {
        Shape::Summary => summary(&outcomes),
        Shape::Single => app.read(move |app| single(app, outcomes)).await?,
        Shape::Each => app.read(move |app| each(app, &outcomes)).await?,
    };
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn summary(outcomes: &Outcomes) -> Response {
    let account = outcomes.account();
    let stored = outcomes.items.iter().filter_map(|item| match item.result {
        ItemResult::Stored(seq, _) => Some(seq),
        _ => None,
    });
    let errors = outcomes.items.iter().filter_map(|item| match &item.result {
        ItemResult::Rejected { code, field, message, .. } => {
            Some(LineError { line: item.line, field: field.as_deref(), code, message })
        }
        _ => None,
    });
    let summary = Summary {
        request_id: &outcomes.request_id,
        accepted: account.stored,
        duplicate: account.duplicate,
        rejected: account.rejected,
        first_seq: stored.clone().min(),
        last_seq: stored.max(),
        errors: errors.take(ERRORS_LISTED).collect(),
    };
    (StatusCode::ACCEPTED, axum::Json(summary)).into_response()
}

fn single(app: &Appliance, outcomes: Outcomes) -> Result<Response, Problem> {
    let outcome = outcomes.items.into_iter().next().expect("a single event has one outcome");
    let (status, seq) = match outcome.result {
        ItemResult::Stored(seq, _) => (StatusCode::CREATED, seq),
        ItemResult::Duplicate(seq, _) => (StatusCode::OK, seq),
        ItemResult::Rejected { status, code, field, message } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            return Err(Problem { field, ..Problem::new(status, code, message) });
        }
    };
    Ok((status, axum::Json(event_of(app, seq)?)).into_response())
}

fn each(app: &Appliance, outcomes: &Outcomes) -> Result<Response, Problem> {
    let results = outcomes.items.iter().enumerate().map(|(index, item)| {
        let mut result = BulkResult {
            index,
            success: true,
            event: None,
            duplicate: false,
            error: None,
            code: None,
            validation_errors: None,
        };
        match &item.result {
            ItemResult::Stored(seq, _) => result.event = Some(event_of(app, *seq)?),
            ItemResult::Duplicate(seq, _) => {
                result.event = Some(event_of(app, *seq)?);
                result.duplicate = true;
            }
            ItemResult::Rejected { code, field, message, .. } => {
                result.success = false;
                result.error = Some(message);
                result.code = Some(code);
                result.validation_errors =
                    Some(vec![ValidationError { field: field.as_deref(), code, message }]);
            }
        }
        Ok(result)
    });
    let account = outcomes.account();
    let bulk = BulkAnswer {
        request_id: &outcomes.request_id,
        total: outcomes.items.len(),
        successful: account.stored + account.duplicate,
        failed: account.rejected,
        results: results.collect::<Result<_, Problem>>()?,
        processing_time: outcomes.millis,
    };
    let status = if bulk.failed == 0 { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    Ok((status, axum::Json(bulk)).into_response())
}

/// The event at that place as it stands in answers, read back from the log.
fn event_of(app: &Appliance, seq: Seq) -> Result<Box<RawValue>, Problem> {
    let read =
        app.store.entry(seq)?.ok_or_else(|| Problem::internal("an event that was stored is not there"))?;
    let stored = read?;
    Ok(view::event_json(&stored, &app.keyring.get().name(stored.entry.source)))
}

/// One refused event of several.
#[derive(Serialize)]
struct LineError<'a> {
    line: usize,
    field: Option<&'a str>,
    code: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    request_id: &'a str,
    accepted: u64,
    duplicate: u64,
    rejected: u64,
    first_seq: Option<Seq>,
    last_seq: Option<Seq>,
    errors: Vec<LineError<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BulkAnswer<'a> {
    request_id: &'a str,
    total: usize,
    successful: u64,
    failed: u64,
    results: Vec<BulkResult<'a>>,
    processing_time: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BulkResult<'a> {
    index: usize,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_errors: Option<Vec<ValidationError<'a>>>,
}

#[derive(Serialize)]
struct ValidationError<'a> {
    field: Option<&'a str>,
    code: &'a str,
    message: &'a str,
}
