//! What each source sends, whether it is silent, and which of its numbers are missing.

use crate::counters::Sequence;
use crate::model::Verdict;
use crate::web::auth::Reader;
use crate::web::error::Problem;
use crate::web::sources::{self, SourceData};
use crate::web::state::App;
use crate::web::view;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a request waits for the count reader to come to the end of the log.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Sources {
    sources: Vec<SourceJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceJson {
    name: String,
    organization_id: Option<String>,
    revoked: bool,
    received: u64,
    stored: u64,
    duplicate: u64,
    rejected: u64,
    unaccounted: u64,
    verdicts: BTreeMap<&'static str, u64>,
    last_seen: Option<String>,
    silence_secs: Option<u64>,
    silent: Option<bool>,
    numbers: Option<NumbersJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NumbersJson {
    highest: i64,
    missing: u64,
    /// First and last of each gap, the lowest first; the oldest are not named where there are many.
    gaps: Vec<(i64, i64)>,
    repeated: u64,
    restarts: u64,
}

/// `GET /api/v1/sources`.
pub async fn list(State(app): State<App>, Reader(caller): Reader) -> Result<Response, Problem> {
    app.counted.reaches(app.store.size(), PATIENCE).await;
    let sources = app.read(move |app| sources::read(app, &caller)).await?;
    Ok(Json(Sources { sources: sources.into_iter().map(SourceJson::from).collect() }).into_response())
}

impl From<SourceData> for SourceJson {
    fn from(source: SourceData) -> SourceJson {
        SourceJson {
            received: source.account.received,
            stored: source.account.stored,
            duplicate: source.account.duplicate,
            rejected: source.account.rejected,
            unaccounted: source.account.unaccounted(),
            verdicts: source.verdicts.map(|(verdict, count): (Verdict, u64)| (verdict.name(), count)).into(),
            last_seen: source.last_seen.map(view::instant),
            silence_secs: source.silence.map(|(may, _)| may.as_secs()),
            silent: source.silence.map(|(_, is)| is),
            numbers: source.sequence.map(NumbersJson::from),
            name: source.name,
            organization_id: source.organization,
            revoked: source.revoked,
        }
    }
}

impl From<Sequence> for NumbersJson {
    fn from(sequence: Sequence) -> NumbersJson {
        let Sequence { highest, gaps, missing, repeated, restarts } = sequence;
        NumbersJson { highest, missing, gaps, repeated, restarts }
    }
}
