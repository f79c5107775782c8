//! Dead letters: what was given up, why, and what is to become of it.

use super::notify;
use super::parameters::Parameters;
use crate::model::{Caller, DeliveryState, ReceivedAt};
use crate::store::{StoreError, Txn, Undelivered};
use crate::web::auth::Admin;
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::state::{App, Appliance};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Dead letters that one answer lists, and that one decision about all is about.
pub const LISTED_MAX: usize = 500;
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 1_000;

/// What is to become of dead letters.
#[derive(Clone, Debug)]
pub enum Decision {
    /// They are sent again, with the ids that they had.
    Retry,
    /// They need not arrive, for that reason.
    Discard(String),
}

impl Decision {
    /// Whether the target must be in the settings: what nobody sends would wait for ever.
    pub fn needs_target(&self) -> bool {
        matches!(self, Decision::Retry)
    }

    /// A reason of 1 to 1,000 characters makes a decision to discard.
    pub fn discard(reason: &str) -> Result<Decision, Problem> {
        let reason = reason.trim();
        if !(1..=REASON_CHARS_MAX).contains(&reason.chars().count()) {
            let message = "say in 1 to 1,000 characters why it need not arrive";
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "reason_missing", message);
            return Err(Problem { field: Some("reason".to_owned()), ..problem });
        }
        Ok(Decision::Discard(reason.to_owned()))
    }

    /// Does it to each of those that is still a dead letter; says to how many.
    pub fn apply(&self, txn: &mut Txn<'_>, ids: &[Uuid], by: &str) -> Result<usize, StoreError> {
        let mut done = 0;
        for id in ids {
            done += usize::from(match self {
                Decision::Retry => txn.revive_delivery(*id, by)?,
                Decision::Discard(reason) => txn.discard_delivery(*id, by, reason)?,
            });
        }
        Ok(done)
    }
}

/// A dead letter, in the API's words.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UndeliveredView {
    /// Its id, the same on every try.
    pub id: Uuid,
    /// What it is: `delivery`.
    pub kind: String,
    /// Of which alert.
    pub alert_id: Uuid,
    /// Whose alert that is.
    pub organization_id: Option<String>,
    /// By which route.
    pub route: String,
    /// To which target.
    pub target: String,
    /// When it was decided to tell.
    pub decided_at: Timestamp,
    /// When it was first tried in vain.
    pub first_failure: Option<Timestamp>,
    /// When it was given up.
    pub last_failure: Option<Timestamp>,
    /// After how many tries.
    pub tries: u32,
    /// Why.
    pub reason: String,
    /// The tries that failed, the oldest first; at most the last 20.
    pub failures: Vec<FailureView>,
}

/// A try that failed.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureView {
    /// When it had ended.
    pub at: Timestamp,
    /// Why.
    pub cause: String,
}

impl UndeliveredView {
    /// The same as that caller may see it.
    pub fn seen_by(mut self, caller: &Caller) -> UndeliveredView {
        let reasons = self.failures.iter_mut().map(|failed| &mut failed.cause).chain([&mut self.reason]);
        reasons.for_each(|why| *why = notify::seen_by(caller, why).to_owned());
        self
    }
}

impl From<Undelivered> for UndeliveredView {
    fn from(letter: Undelivered) -> UndeliveredView {
        let Undelivered { delivery, organization } = letter;
        let (tries, died_at) = (delivery.attempts(), delivery.ended_at());
        let reason = match delivery.state {
            DeliveryState::Dead { reason, .. } => reason,
            _ => String::new(),
        };
        let failures: Vec<FailureView> = delivery
            .failures
            .into_iter()
            .map(|failed| FailureView { at: failed.at.timestamp(), cause: failed.why })
            .collect();
        UndeliveredView {
            id: delivery.id,
            kind: "delivery".to_owned(),
            alert_id: delivery.alert,
            organization_id: organization,
            route: delivery.route,
            target: delivery.target,
            decided_at: delivery.decided_at.timestamp(),
            first_failure: failures.first().map(|failed| failed.at),
            last_failure: died_at.map(ReceivedAt::timestamp),
            tries,
            reason,
            failures,
        }
    }
}

/// Which are meant.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Which {
    /// Those of this target; `None`: of all.
    #[serde(default)]
    pub target: Option<String>,
}

/// Why one is discarded.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Why {
    /// In the person's own words.
    pub reason: String,
}

/// Which are discarded, and why.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiscardAll {
    /// Those of this target; `None`: of all.
    #[serde(default)]
    pub target: Option<String>,
    /// In the person's own words.
    pub reason: String,
}

/// `GET /api/v1/notify/dead-letters`: target by target, the newest first, at most 500, within what the caller may see.
pub async fn list(
    State(app): State<App>,
    Admin(caller): Admin,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut given = Parameters::parse(query.as_deref())?;
    let target = given.one("target")?;
    given.finish()?;
    let scope = caller.organizations.clone();
    let found = app.list(move |app| app.store.undelivered(target.as_deref(), &scope, LISTED_MAX)).await?;
    let view = |letter| UndeliveredView::from(letter).seen_by(&caller);
    let views: Vec<UndeliveredView> = found.into_iter().map(view).collect();
    Ok(Json(serde_json::json!({ "data": views })).into_response())
}

/// `POST /api/v1/notify/dead-letters/{id}/retry`.
pub async fn retry(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    decide_one(&app, caller, &id, Decision::Retry).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/notify/dead-letters/{id}/discard`.
pub async fn discard(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Object(why): Object<Why>,
) -> Result<Response, Problem> {
    decide_one(&app, caller, &id, Decision::discard(&why.reason)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/notify/dead-letters/retry`: up to 500 at once.
pub async fn retry_all(
    State(app): State<App>,
    Admin(caller): Admin,
    Object(which): Object<Which>,
) -> Result<Response, Problem> {
    let done = decide_all(&app, caller, which.target, Decision::Retry).await?;
    Ok(Json(serde_json::json!({ "done": done })).into_response())
}

/// `POST /api/v1/notify/dead-letters/discard`: up to 500 at once.
pub async fn discard_all(
    State(app): State<App>,
    Admin(caller): Admin,
    Object(all): Object<DiscardAll>,
) -> Result<Response, Problem> {
    let done = decide_all(&app, caller, all.target, Decision::discard(&all.reason)?).await?;
    Ok(Json(serde_json::json!({ "done": done })).into_response())
}

/// Decides about one, if it is within what the caller may see.
pub async fn decide_one(app: &App, caller: Caller, id: &str, decision: Decision) -> Result<(), Problem> {
    let missing = || Problem::not_found("dead letter with this id");
    let id: Uuid = id.parse().map_err(|_| missing())?;
    let scope = caller.organizations;
    let target = app.read(move |app| app.store.target_within(id, &scope)).await?.ok_or_else(missing)?;
    if decision.needs_target() && app.notifier.target(&target).is_none() {
        let message = "its target is no longer in the settings, so it would wait for ever; discard it";
        return Err(Problem::new(StatusCode::CONFLICT, "target_missing", message));
    }
    let decide = move |txn: &mut Txn<'_>| decision.apply(txn, &[id], &caller.name);
    if app.writer.commit(decide).await? == 1 { Ok(()) } else { Err(missing()) }
}

/// Decides about all of a target, or of all targets, that the caller may see: as many as one list names.
pub async fn decide_all(
    app: &App,
    caller: Caller,
    target: Option<String>,
    decision: Decision,
) -> Result<usize, Problem> {
    let scope = caller.organizations;
    let needs_target = decision.needs_target();
    let find = move |app: &Appliance| {
        let may = |target: &str| !needs_target || app.notifier.target(target).is_some();
        app.store.undelivered_to(target.as_deref(), may, &scope, LISTED_MAX)
    };
    let ids: Vec<Uuid> = app.list(find).await?.into_iter().map(|letter| letter.delivery.id).collect();
    let decide = move |txn: &mut Txn<'_>| decision.apply(txn, &ids, &caller.name);
    Ok(app.writer.commit(decide).await?)
}
