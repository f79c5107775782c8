//! Notifications: the targets and how they are, tests, breakers by hand, and what became of those of an alert.

use super::alerts::parse_id;
use crate::model::{Activity, Caller, Delivery, DeliveryState, status_alone};
use crate::notify::Notice;
use crate::store::{OutboxCounts, StoreError};
use crate::web::auth::{AdminOfAll, Reader};
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::health::move_breaker;
use crate::web::patterns::may_change;
use crate::web::state::{App, Appliance};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Deliveries that one answer lists.
const LISTED_MAX: usize = 500;

/// A target as it may be shown: nothing of its address, which may hold a token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetView {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub kind: &'static str,
    /// `closed`, `open`, `half-open`, or `held` where somebody stopped it.
    pub breaker: &'static str,
    /// Whether it said that it is gone for good.
    pub gone: bool,
    /// Deliveries on their way.
    pub waiting: usize,
    /// When the one that waits longest was decided.
    pub oldest_waiting_at: Option<Timestamp>,
    /// Deliveries that were given up.
    pub dead: usize,
    /// When it last took something, since the process began.
    pub last_told_at: Option<Timestamp>,
    /// When it last failed, since the process began.
    pub last_failed_at: Option<Timestamp>,
    /// Why.
    pub last_failure: Option<String>,
    /// The routes that lead to it.
    pub routes: Vec<String>,
    /// Since when every try failed, where the last ones did.
    #[serde(skip)]
    pub failing_since: Option<Timestamp>,
    /// Whether nothing but other settings can mend it, by its last try.
    #[serde(skip)]
    pub misconfigured: bool,
}

impl TargetView {
    /// For how long the one that waits longest has waited, in seconds.
    pub fn oldest_secs(&self, now: Timestamp) -> f64 {
        self.oldest_waiting_at.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0))
    }

    /// Whether nothing is sent to it now, whoever decided that.
    pub fn is_stopped(&self) -> bool {
        self.gone || self.breaker != "closed"
    }
}

/// The targets of the settings as they are now.
pub fn target_views(app: &Appliance) -> Result<Vec<TargetView>, Problem> {
    let view = |target: &crate::notify::Target| {
        let status = app.deliveries.status(&target.name);
        let OutboxCounts { waiting, oldest, dead } = app.store.outbox_counts(&target.name)?;
        let routes = app.config.notify.routing.routes.iter();
        let routes = routes.filter(|route| route.targets.contains(&target.name));
        Ok(TargetView {
            name: target.name.clone(),
            kind: target.way.name(),
            breaker: status.breaker_name(),
            gone: status.gone,
            waiting,
            oldest_waiting_at: oldest.map(|at| at.timestamp()),
            dead,
            last_told_at: status.last_told_at.map(|at| at.timestamp()),
            last_failed_at: status.last_failure.as_ref().map(|(at, _)| at.timestamp()),
            last_failure: status.last_failure.map(|(_, why)| why),
            routes: routes.map(|route| route.name.clone()).collect(),
            failing_since: status.failing_since.map(|at| at.timestamp()),
            misconfigured: status.misconfigured,
        })
    };
    app.notifier.targets().map(view).collect()
}

/// `GET /api/v1/notify/targets`.
pub async fn targets(State(app): State<App>, AdminOfAll(_): AdminOfAll) -> Result<Response, Problem> {
    let views = app.read(target_views).await?;
    Ok(Json(serde_json::json!({ "data": views })).into_response())
}

/// How a test ended.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    /// The id that the target got with it.
    pub delivery_id: Uuid,
    /// Whether the target took it.
    pub delivered: bool,
    /// Why not.
    pub failure: Option<String>,
}

/// `POST /api/v1/notify/targets/{name}/test`: one try, whatever the breaker says.
pub async fn test(
    State(app): State<App>,
    AdminOfAll(caller): AdminOfAll,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    Ok(Json(send_test(&app, name, caller.name).await?).into_response())
}

/// Sends a test to the target of that name and writes down who asked for it.
pub async fn send_test(app: &App, target: String, by: String) -> Result<Tested, Problem> {
    if app.notifier.target(&target).is_none() {
        return Err(Problem::not_found("notification target with this name"));
    }
    let checkpoint = app.read(|app| app.store.checkpoint()).await?;
    let checkpoint = checkpoint.map(|checkpoint| checkpoint.text).unwrap_or_default();
    let notice = Notice::test(&target, checkpoint, Uuid::now_v7(), app.clock.received_at());
    let ended = app.notifier.send(&notice).await;
    app.deliveries.note(&target, &ended, app.clock.received_at());
    let failure = ended.err().map(|error| error.to_string());
    let entered = failure.as_deref().map(|why| status_alone(why).to_owned());
    let tested = Activity::TargetTested { target, by, failure: entered };
    app.writer.commit(move |txn| txn.append_activity(&tested)).await?;
    Ok(Tested { delivery_id: notice.delivery.id, delivered: failure.is_none(), failure })
}

/// What is asked of a breaker.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Move {
    /// Whether nothing is to be sent.
    pub open: bool,
}

/// `POST /api/v1/notify/targets/{name}/breaker` and `POST /api/v1/health/breakers/{name}`: stops the sending to a target or
/// to the collector, or has it go on at once.
pub async fn breaker(
    State(app): State<App>,
    AdminOfAll(caller): AdminOfAll,
    Path(name): Path<String>,
    Object(wanted): Object<Move>,
) -> Result<Response, Problem> {
    move_breaker(&app, name, wanted.open, caller.name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What became of one notification, in the API's words.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryView {
    id: Uuid,
    alert_id: Uuid,
    route: String,
    target: String,
    occurrences: u64,
    events_counted: u64,
    decided_at: Timestamp,
    state: &'static str,
    attempts: u32,
    told_at: Option<Timestamp>,
    next_try_at: Option<Timestamp>,
    why: Option<String>,
}

/// Why a try failed, as much of it as that caller may see.
pub fn seen_by<'w>(caller: &Caller, why: &'w str) -> &'w str {
    if may_change(caller) { why } else { status_alone(why) }
}

/// What keeps a notification that waits from setting out; nothing where its time is all that it waits for.
pub fn obstacle(app: &Appliance, caller: &Caller, delivery: &Delivery) -> Option<String> {
    delivery.due()?;
    let status = app.deliveries.status(&delivery.target);
    let failure = status.last_failure.as_ref().map_or("", |(_, why)| seen_by(caller, why));
    match status.breaker_name() {
        "closed" => None,
        "held" => Some("somebody stopped the sending to this target".to_owned()),
        _ => Some(format!("its target is down, and it is sent once that is well: {failure}")),
    }
}

impl DeliveryView {
    fn new(app: &Appliance, caller: &Caller, delivery: Delivery) -> DeliveryView {
        let obstacle = obstacle(app, caller, &delivery);
        let attempts = delivery.attempts();
        let (state, told_at, next_try_at, why) = match delivery.state {
            DeliveryState::Waiting { next_try, last_error, .. } => {
                let failed = last_error.map(|why| seen_by(caller, &why).to_owned());
                ("waiting", None, Some(next_try.timestamp()), failed.or(obstacle))
            }
            DeliveryState::Told { at, .. } => ("told", Some(at.timestamp()), None, None),
            DeliveryState::Dead { reason, .. } => {
                ("dead", None, None, Some(seen_by(caller, &reason).to_owned()))
            }
            DeliveryState::Discarded { by, reason, .. } => {
                ("discarded", None, None, Some(format!("discarded by {by}: {reason}")))
            }
            DeliveryState::NotTold { why, .. } => ("notTold", None, None, Some(why.to_string())),
        };
        DeliveryView {
            id: delivery.id,
            alert_id: delivery.alert,
            route: delivery.route,
            target: delivery.target,
            occurrences: delivery.occurrences,
            events_counted: delivery.counted,
            decided_at: delivery.decided_at.timestamp(),
            state,
            attempts,
            told_at,
            next_try_at,
            why,
        }
    }
}

/// `GET /api/v1/alerts/{id}/deliveries`: for each route told when, or not told and why; the newest first.
pub async fn deliveries(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let views = app
        .read(move |app| {
            let Some(alert) = app.store.alert(id, &caller.organizations)? else { return Ok(None) };
            let found = app.store.deliveries_of(alert.id, LISTED_MAX)?;
            Ok::<_, StoreError>(Some(
                found.into_iter().map(|found| DeliveryView::new(app, &caller, found)).collect::<Vec<_>>(),
            ))
        })
        .await?;
    let views = views.ok_or_else(|| Problem::not_found("alert with this id"))?;
    Ok(Json(serde_json::json!({ "data": views })).into_response())
}
