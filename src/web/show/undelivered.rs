//! Reads the dead letters, and does what people decide about them.

use super::{Visitor, frame, page};
use crate::model::Caller;
use crate::web::api::undelivered::{Decision, LISTED_MAX, UndeliveredView, decide_all, decide_one};
use crate::web::auth::Admin;
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::pages::undelivered::{UndeliveredPage, address};
use crate::web::state::{App, Appliance};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// What the address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Those of this target; empty for all.
    pub target: String,
}

/// What a form decides.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionForm {
    /// Which; empty for all of the target.
    pub id: String,
    /// The target that the page is about; empty for all.
    pub target: String,
    /// `retry` or `discard`.
    pub action: String,
    /// Why it is discarded.
    pub reason: String,
}

/// `GET /notifications/dead-letters`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    app.list(move |app| page(&view(app, &caller, asked.target)?)).await
}

/// `POST /notifications/dead-letters`.
pub async fn decide(
    State(app): State<App>,
    Admin(caller): Admin,
    Form(form): Form<DecisionForm>,
) -> Result<Response, Problem> {
    let decision = match form.action.as_str() {
        "retry" => Ok(Decision::Retry),
        "discard" => Decision::discard(&form.reason),
        _ => Err(Problem::parameter("action", "a dead letter can be sent again or discarded")),
    };
    let decision = match decision {
        Ok(decision) => decision,
        Err(problem) => {
            let (status, message) = (problem.status, problem.message);
            let shown = app
                .list(move |app| {
                    page(&UndeliveredPage { refusal: Some(message), ..view(app, &caller, form.target)? })
                })
                .await?;
            return Ok((status, shown).into_response());
        }
    };
    let named = Some(form.target.clone()).filter(|target| !target.is_empty());
    match form.id.as_str() {
        "" => drop(decide_all(&app, caller, named, decision).await?),
        id => decide_one(&app, caller, id, decision).await?,
    }
    Ok(Redirect::to(&address(&form.target)).into_response())
}

fn view(app: &Appliance, caller: &Caller, target: String) -> Result<UndeliveredPage, Problem> {
    if !caller.rights.admin {
        let message = "dead letters are for administrators";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    let named = Some(target.as_str()).filter(|target| !target.is_empty());
    let found = app.store.undelivered(named, &caller.organizations, LISTED_MAX)?;
    let letters: Vec<UndeliveredView> =
        found.into_iter().map(|letter| UndeliveredView::from(letter).seen_by(caller)).collect();
    let targets: Vec<String> = app.notifier.targets().map(|target| target.name.clone()).collect();
    Ok(UndeliveredPage::new(frame(app, caller)?, &letters, target, targets))
}
