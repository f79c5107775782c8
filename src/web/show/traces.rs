//! Reads the traces that were kept last.

use super::{Visitor, frame, page};
use crate::model::Organizations;
use crate::web::api::telemetry::parse;
use crate::web::error::Problem;
use crate::web::pages::traces::TracesPage;
use crate::web::state::App;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::HashMap;

/// `GET /traces`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Query(given): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    if caller.organizations != Organizations::All {
        let message = "traces are of all organisations, so only who may see all of them sees these";
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message));
    }
    let asked = given.get("id").filter(|id| !id.trim().is_empty());
    let traces = match asked {
        Some(id) => parse(id).map(|id| app.telemetry.tracer.traces().of(id)).unwrap_or_default(),
        None => app.telemetry.tracer.traces().recent(),
    };
    let asked = asked.cloned();
    app.read(move |app| page(&TracesPage::new(frame(app, &caller)?, asked.as_deref(), &traces))).await
}
