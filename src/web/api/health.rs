//! How the appliance is, for people, probes and load balancers.

use crate::model::{Caller, Organizations};
use crate::web::auth::Reader;
use crate::web::error::Problem;
use crate::web::health::{Component, Condition, Standing, breakers};
use crate::web::state::{App, Appliance};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Overview {
    status: Condition,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<BTreeMap<&'static str, Component>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breakers: Option<Vec<Standing>>,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
    timestamp: Timestamp,
}

/// `/livez`: the process answers.
pub async fn alive(State(app): State<App>) -> Response {
    #[derive(Serialize)]
    struct Alive {
        alive: bool,
        timestamp: Timestamp,
    }
    Json(Alive { alive: true, timestamp: app.clock.now() }).into_response()
}

/// `/readyz`: events are taken.
pub async fn ready(State(app): State<App>) -> Response {
    let reasons = why_not_ready(&app);
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready: reasons.is_empty(), reasons, timestamp: app.clock.now() }))
        .into_response()
}

/// `/api/v1/health/alive`: as `/livez`, for who has a key.
pub async fn alive_to_reader(app: State<App>, Reader(_): Reader) -> Response {
    alive(app).await
}

/// `/api/v1/health/ready`: as `/readyz`, for who has a key.
pub async fn ready_to_reader(app: State<App>, Reader(_): Reader) -> Response {
    ready(app).await
}

fn why_not_ready(app: &Appliance) -> Vec<String> {
    let components = app.health.components();
    if components.is_empty() {
        return vec!["the first check is not done yet".to_owned()];
    }
    let broken = components.iter().filter(|(name, component)| {
        ["store", "counters", "detect", "count"].contains(name) && component.status == Condition::Critical
    });
    broken.map(|(name, component)| format!("{name}: {}", component.message)).collect()
}

/// `/healthz`: without a key it tells the state and nothing else; 503 when critical.
pub async fn healthz(State(app): State<App>) -> Response {
    let status = app.health.overall();
    let code = if status == Condition::Critical { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(Overview { status, timestamp: app.clock.now(), components: None, breakers: None }))
        .into_response()
}

/// `GET /api/v1/health`: the same with the components and the circuit breakers.
pub async fn overview(State(app): State<App>, Reader(caller): Reader) -> Response {
    let status = app.health.overall();
    let code = if status == Condition::Critical { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, detailed_json(&app, &caller)).into_response()
}

/// `GET /api/v1/health/detailed`: always 200.
pub async fn detailed(State(app): State<App>, Reader(caller): Reader) -> Response {
    detailed_json(&app, &caller).into_response()
}

/// Which targets there are is for who may see all organisations; that the parts are well is everyone's to know.
fn detailed_json(app: &Appliance, caller: &Caller) -> Json<Overview> {
    let breakers = (caller.organizations == Organizations::All).then(|| breakers(app));
    let components = Some(app.health.components());
    Json(Overview { status: app.health.overall(), timestamp: app.clock.now(), components, breakers })
}

/// `GET /api/v1/health/components/{name}`.
pub async fn component(
    State(app): State<App>,
    Reader(_): Reader,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let component = app.health.components().remove(&*name);
    component
        .map(|component| Json(component).into_response())
        .ok_or_else(|| Problem::not_found("such component"))
}
