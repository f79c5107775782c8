//! Reads one alert with its events, and takes the steps that people take on its page.

use super::{BaseUrl, Visitor, frame, page};
use crate::decode;
use crate::detect;
use crate::model::{Alert, AlertChange, Caller, Delivery, DeliveryState, EvidenceItem, ReceivedAt};
use crate::web::api::alerts::{change_of, parse_id};
use crate::web::api::notify::{obstacle, seen_by};
use crate::web::auth::{Reader, Triager};
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::exhibit;
use crate::web::pages::alert::{About, AlertPage, EvidenceRow, evidence_shown};
use crate::web::pages::delivery::DeliveryRow;
use crate::web::state::{App, Appliance};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use uuid::Uuid;

/// Related alerts that the page lists.
const RELATED_MAX: usize = 8;

/// What people can do at all; the page offers what is legal now.
const CHANGES: [AlertChange; 5] = [
    AlertChange::Acknowledged,
    AlertChange::Resolved,
    AlertChange::Dismissed,
    AlertChange::Reopened,
    AlertChange::Commented,
];

/// Notifications that the page lists: the latest.
const DELIVERIES_SHOWN_MAX: usize = 50;

/// `GET /alerts/{id}`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    BaseUrl(base_url): BaseUrl,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    app.read(move |app| view(app, &caller, id, None, &base_url)).await
}

/// The form of a step.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct StepForm {
    note: String,
}

/// `POST /alerts/{id}/{step}`.
pub async fn step(
    State(app): State<App>,
    Triager(caller): Triager,
    BaseUrl(base_url): BaseUrl,
    Path((id, step)): Path<(String, String)>,
    Form(form): Form<StepForm>,
) -> Result<Response, Problem> {
    let (id, change) = (parse_id(&id)?, change_of(&step)?);
    let note = Some(form.note.trim().to_owned()).filter(|note| !note.is_empty());
    let (name, scope) = (caller.name.clone(), caller.organizations.clone());
    let changed = app.writer.commit(move |txn| txn.change_alert(id, &scope, change, &name, note)).await?;
    match changed {
        Ok(_) => Ok(Redirect::to(&format!("/alerts/{id}")).into_response()),
        Err(crate::store::Refusal::Illegal(why)) => {
            // The page as it is now, with the reason on top: someone else was quicker, or the note is
            // missing.
            let why = why.to_string();
            let shown = app.read(move |app| view(app, &caller, id, Some(&why), &base_url)).await?;
            Ok((StatusCode::CONFLICT, shown).into_response())
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// `POST /alerts/{id}/evidence`: the file, or the page with the reason why it is not to be had yet. Not a link, because
/// the log notes each export.
pub async fn evidence(
    State(app): State<App>,
    Reader(caller): Reader,
    BaseUrl(base_url): BaseUrl,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    match exhibit::answer(&app, caller.clone(), id).await {
        Err(problem) if problem.status == StatusCode::CONFLICT => {
            let why = problem.message;
            let shown = app.read(move |app| view(app, &caller, id, Some(&why), &base_url)).await?;
            Ok((StatusCode::CONFLICT, shown).into_response())
        }
        answer => answer,
    }
}

fn view(
    app: &Appliance,
    caller: &Caller,
    id: Uuid,
    notice: Option<&str>,
    base_url: &str,
) -> Result<Response, Problem> {
    let alert = app.store.alert(id, &caller.organizations)?;
    let alert = alert.ok_or_else(|| Problem::not_found("alert with this id"))?;
    let rows = evidence_shown(&alert.evidence).iter().map(|item| row(app, item)).collect::<Result<_, _>>()?;
    let related = app.store.related_alerts(&alert, &caller.organizations, RELATED_MAX)?;
    let deliveries = app.store.deliveries_of(id, DELIVERIES_SHOWN_MAX)?;
    let deliveries: Vec<DeliveryRow> = deliveries
        .iter()
        .map(|delivery| {
            DeliveryRow::new(&readable(caller, delivery), obstacle(app, caller, delivery).as_deref())
        })
        .collect();
    let about = About { legal: &legal(&alert), related: &related, deliveries: &deliveries, notice, base_url };
    page(&AlertPage::new(frame(app, caller)?, &alert, rows, about))
}

/// The delivery with as much of its failures as that caller may see.
fn readable(caller: &Caller, delivery: &Delivery) -> Delivery {
    let mut readable = delivery.clone();
    if let DeliveryState::Waiting { last_error: Some(why), .. } | DeliveryState::Dead { reason: why, .. } =
        &mut readable.state
    {
        *why = seen_by(caller, why).to_owned();
    }
    readable
}

fn row(app: &Appliance, item: &EvidenceItem) -> Result<EvidenceRow, Problem> {
    let read = app.store.entry(item.seq)?;
    let stored = read.and_then(Result::ok).filter(|stored| stored.entry.id == item.id);
    let event =
        stored.as_ref().and_then(|stored| decode::stored(&stored.entry.body, stored.entry.received_at).ok());
    Ok(EvidenceRow::new(item, event.as_ref()))
}

/// What the rules of the life cycle allow in this status.
fn legal(alert: &Alert) -> Vec<AlertChange> {
    let allowed =
        |change: &AlertChange| detect::change(alert, *change, "", ReceivedAt(0), Some("a note")).is_ok();
    CHANGES.into_iter().filter(allowed).collect()
}
