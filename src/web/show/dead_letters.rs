//! Reads the dead letters, and takes decisions about them.

use super::{Visitor, frame, page};
use crate::web::api::dead_letters::{discard_by, read, retry_by};
use crate::web::auth::Admin;
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::pages::dead_letters::DeadLettersPage;
use crate::web::state::App;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// A decision as the page's forms send it; without an id it is about all.
#[derive(Debug, Deserialize)]
pub struct Decision {
    step: String,
    id: Option<String>,
    reason: Option<String>,
}

/// `GET /dead-letters`.
pub async fn show(State(app): State<App>, Visitor(caller): Visitor) -> Result<Response, Problem> {
    app.read(move |app| {
        let letters = read(app, &caller)?;
        page(&DeadLettersPage::new(frame(app, &caller)?, &letters, caller.rights.admin))
    })
    .await
}

/// `POST /dead-letters`.
pub async fn decide(
    State(app): State<App>,
    Admin(caller): Admin,
    Form(decision): Form<Decision>,
) -> Result<Response, Problem> {
    let ids = decision.id.map(|id| vec![id]);
    match &*decision.step {
        "retry" => drop(retry_by(&app, &caller, ids).await?),
        "discard" => drop(discard_by(&app, &caller, ids, &decision.reason.unwrap_or_default()).await?),
        _ => return Err(Problem::parameter("step", "step must be retry or discard")),
    }
    Ok(Redirect::to("/dead-letters").into_response())
}
