//! The patterns' settings: reading, changing and previewing them.

use crate::config::{Field, Origin, PatternForm, Wrong};
use crate::model::{Alert, Pattern, SettingChange};
use crate::readers::{Preview, PreviewRun};
use crate::web::auth::{Admin, Reader};
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::patterns::{self, InForce, days_of, form_of, texts_of};
use crate::web::state::{App, Appliance};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Alerts of each run that an answer lists.
const LISTED_MAX: usize = 1_000;

type Given = HashMap<String, String>;

/// `GET /api/v1/patterns`.
pub async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Query(given): Query<Given>,
) -> Result<Response, Problem> {
    app.read(move |app| {
        let in_force = InForce::read(app)?;
        let view = |pattern: Pattern| {
            Ok(view(app, &in_force, &form_of(&caller, pattern.name(), organization(&given))?))
        };
        let patterns = Pattern::ALL.into_iter().map(view).collect::<Result<Vec<_>, Problem>>()?;
        let organizations = in_force.organizations(&caller.organizations);
        Ok(Json(json!({"patterns": patterns, "organizations": organizations})).into_response())
    })
    .await
}

fn organization(given: &Given) -> Option<&str> {
    given.get("organization").map(String::as_str)
}

/// The pattern's settings, and where each comes from.
fn view(app: &Appliance, in_force: &InForce, form: &PatternForm) -> Value {
    let settings = Field::of(form.pattern).iter().map(|field| {
        let key = form.key(*field);
        let (origin, place) = match app.config.layers.origin(&key, &in_force.overrides) {
            Origin::Default if form.organization.is_some() => ("all", None),
            Origin::Default => ("default", None),
            Origin::File(line) => ("file", Some(json!(line))),
            Origin::Variable(name) => ("environment", Some(json!(name))),
            Origin::CommandLine => ("command_line", None),
            Origin::Changed => ("changed", None),
        };
        let mut setting = json!({"value": field.text(&in_force.settings, form), "key": key, "from": origin});
        if let Some(place) = place {
            setting["place"] = place;
        }
        if let Some(row) = in_force.changed.get(&key) {
            setting["changedBy"] = json!(row.by);
            setting["changedAt"] = json!(row.at.timestamp());
        }
        (field.name().to_owned(), setting)
    });
    let settings: Map<String, Value> = settings.collect();
    json!({"name": form.pattern.name(), "title": form.pattern.title(), "organization": form.organization, "settings": settings})
}

/// `PUT /api/v1/patterns/{name}`: each member is a setting with its value; `null` gives it back to the file.
pub async fn change(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Query(given): Query<Given>,
    Object(members): Object<Map<String, Value>>,
) -> Result<Response, Problem> {
    let form = form_of(&caller, &name, organization(&given))?;
    let asked = form.clone();
    let (known, changes) = app
        .read(move |app| {
            let in_force = InForce::read(app)?;
            let changes = changes_of(app, &in_force, &asked, &members)?;
            Ok::<_, Problem>((in_force.overrides, changes))
        })
        .await?;
    let seq = patterns::change(&app, &caller, known, changes).await?;
    let mut view = app.read(move |app| Ok::<_, Problem>(view(app, &InForce::read(app)?, &form))).await?;
    if let Some(seq) = seq {
        view["entry"] = json!(seq.0);
    }
    Ok(Json(view).into_response())
}

fn changes_of(
    app: &Appliance,
    in_force: &InForce,
    form: &PatternForm,
    members: &Map<String, Value>,
) -> Result<Vec<SettingChange>, Problem> {
    let layers = &app.config.layers;
    let (mut texts, mut resets) = (Vec::new(), Vec::new());
    for (name, value) in members {
        let field = Field::of(form.pattern).iter().copied().find(|field| field.name() == name);
        let field =
            field.ok_or_else(|| unprocessable(name, "this pattern has no such setting".to_owned()))?;
        match text_of(value) {
            Some(text) => texts.push((field, text)),
            None => resets.push(field),
        }
    }
    let refuse = |wrong: Vec<Wrong>| {
        let (field, message) =
            wrong.into_iter().next().map_or(("", String::new()), |wrong| (wrong.field.name(), wrong.message));
        unprocessable(field, message)
    };
    if texts.is_empty() {
        // Together, because one value may only go back when another does.
        return form.resets(layers, &in_force.overrides, &resets).map_err(refuse);
    }
    if !resets.is_empty() {
        let message = "give values back to the file and set others in two requests".to_owned();
        return Err(unprocessable(resets[0].name(), message));
    }
    form.changes(layers, &in_force.overrides, &texts).map_err(refuse)
}

/// A value as a form would have it; `None` for `null`.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(text_of).collect::<Vec<_>>().join(",")),
        value => Some(value.to_string()),
    }
}

fn unprocessable(field: &str, message: String) -> Problem {
    Problem {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        code: "invalid_setting".into(),
        ..Problem::parameter(field, message)
    }
}

/// `GET /api/v1/patterns/{name}/preview`.
pub async fn preview(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Query(given): Query<Given>,
) -> Result<Response, Problem> {
    let form = form_of(&caller, &name, organization(&given))?;
    let days = days_of(given.get("days").map(String::as_str))?;
    let texts = texts_of(&form, &given);
    let turn = app.previews.turn()?;
    app.list(move |app| {
        let of = patterns::preview_of(app, &caller, &form, &texts, days)?;
        let of = of.map_err(|wrong| {
            let first = wrong.into_iter().next();
            first.map_or_else(
                || Problem::internal("a refusal without a reason"),
                |wrong| unprocessable(wrong.field.name(), wrong.message),
            )
        })?;
        let shown = patterns::preview(app, turn, &caller.name, of, preview_view)?;
        Ok(Json(shown).into_response())
    })
    .await
}

fn preview_view(preview: &Preview) -> Value {
    let (read, total) = preview.progress();
    let difference = preview.difference();
    json!({
        "done": preview.is_done(),
        "entriesRead": read,
        "entriesTotal": total,
        "events": preview.events(),
        "present": run_view(preview.present()),
        "proposed": run_view(preview.proposed()),
        "new": difference.new.len(),
        "gone": difference.gone.len(),
    })
}

fn run_view(run: &PreviewRun) -> Value {
    let alert = |alert: &Alert| {
        json!({
            "id": alert.id,
            "organizationId": alert.organization,
            "key": alert.key,
            "severity": alert.severity,
            "occurrences": alert.occurrences,
            "eventCount": alert.evidence.count,
            "firstFiredAt": alert.first_fired_at,
            "lastFiredAt": alert.last_fired_at,
        })
    };
    let listed: Vec<Value> = run.alerts.iter().take(LISTED_MAX).map(alert).collect();
    json!({"total": run.alerts.len(), "notified": run.notified, "full": run.full, "alerts": listed})
}
