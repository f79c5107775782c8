//! Dead letters: looked at, tried again, given up.

use crate::model::{Caller, DeadLetter, Organizations};
use crate::web::auth::{Admin, Reader};
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::state::{App, Appliance};
use crate::web::view;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// Characters of the reason for which dead letters are given up.
const REASON_CHARS_MAX: usize = 1_000;

/// Which dead letters are meant, and why.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decision {
    /// Which; absent is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Why they are given up; needed for that, and for nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which dead letters were tried again or given up.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Decided {
    /// Those of the ids that are there.
    pub ids: Vec<String>,
}

/// A dead letter as it stands in answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterView {
    id: String,
    kind: &'static str,
    worker: String,
    seq: u64,
    tries: u32,
    first_failure: String,
    last_failure: String,
    failures: Vec<FailureView>,
}

#[derive(Debug, Serialize)]
struct FailureView {
    at: String,
    cause: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    dead_letters: Vec<DeadLetterView>,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> DeadLetterView {
        let (first, last) = letter.span();
        let failures = letter.failures.into_iter();
        DeadLetterView {
            id: letter.id,
            kind: letter.kind.name(),
            worker: letter.worker,
            seq: letter.seq.0,
            tries: letter.tries,
            first_failure: view::instant(first),
            last_failure: view::instant(last),
            failures: failures
                .map(|failure| FailureView { at: view::instant(failure.at), cause: failure.cause })
                .collect(),
        }
    }
}

/// All of them. They are of the whole appliance, so who may see only some organisations may not see them.
pub fn read(app: &Appliance, caller: &Caller) -> Result<Vec<DeadLetter>, Problem> {
    check_scope(caller)?;
    Ok(app.store.dead_letters()?)
}

fn check_scope(caller: &Caller) -> Result<(), Problem> {
    if caller.organizations == Organizations::All {
        return Ok(());
    }
    let message = "dead letters are of all organisations; ask with a key or a user that is not bound to one";
    Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message))
}

/// `GET /api/v1/dead-letters`.
pub async fn list(State(app): State<App>, Reader(caller): Reader) -> Result<Response, Problem> {
    let letters = app.read(move |app| read(app, &caller)).await?;
    Ok(Json(Listed { dead_letters: letters.into_iter().map(DeadLetterView::from).collect() }).into_response())
}

/// `POST /api/v1/dead-letters/retry`.
pub async fn retry(
    State(app): State<App>,
    Admin(caller): Admin,
    Object(decision): Object<Decision>,
) -> Result<Response, Problem> {
    Ok(Json(retry_by(&app, &caller, decision.ids).await?).into_response())
}

/// `POST /api/v1/dead-letters/discard`.
pub async fn discard(
    State(app): State<App>,
    Admin(caller): Admin,
    Object(decision): Object<Decision>,
) -> Result<Response, Problem> {
    let reason = decision.reason.unwrap_or_default();
    Ok(Json(discard_by(&app, &caller, decision.ids, &reason).await?).into_response())
}

/// Has them tried again; `None` is all.
pub async fn retry_by(app: &App, caller: &Caller, ids: Option<Vec<String>>) -> Result<Decided, Problem> {
    check_scope(caller)?;
    let by = caller.name.clone();
    let ids = app.writer.commit(move |txn| txn.retry_dead_letters(ids.as_deref(), &by)).await?;
    Ok(Decided { ids })
}

/// Gives them up, for a reason; `None` is all.
pub async fn discard_by(
    app: &App,
    caller: &Caller,
    ids: Option<Vec<String>>,
    reason: &str,
) -> Result<Decided, Problem> {
    check_scope(caller)?;
    let (by, reason) = (caller.name.clone(), reason.trim().to_owned());
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        let message = format!("say in 1 to {REASON_CHARS_MAX} characters why they are given up");
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_reason", message);
        return Err(Problem { field: Some("reason".to_owned()), ..problem });
    }
    let given_up = app.writer.commit(move |txn| txn.discard_dead_letters(ids.as_deref(), &by, &reason));
    Ok(Decided { ids: given_up.await? })
}
