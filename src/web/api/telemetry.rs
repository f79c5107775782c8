//! The program's own telemetry: how much each output says, changed at run time, and the traces that were kept last.

use crate::model::{Caller, Organizations, Seq, SettingChange};
use crate::telemetry::{FinishedTrace, Kept, LogLevel, Output, TraceId};
use crate::web::auth::{Admin, Reader};
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::patterns::{self, InForce};
use crate::web::state::{App, Appliance};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// `GET /api/v1/telemetry/levels`.
pub async fn levels(State(app): State<App>, Reader(_): Reader) -> Response {
    Json(levels_json(&app)).into_response()
}

fn levels_json(app: &Appliance) -> Value {
    let levels =
        Output::ALL.map(|output| (output.key().to_owned(), app.telemetry.levels.get(output).name().into()));
    Value::Object(Map::from_iter(levels))
}

/// `PUT /api/v1/telemetry/levels`: each member is a setting with its level; `null` gives it back to the file.
pub async fn change_levels(
    State(app): State<App>,
    Admin(caller): Admin,
    Object(members): Object<Map<String, Value>>,
) -> Result<Response, Problem> {
    let asked = members.iter().map(|(key, value)| asked(key, value)).collect::<Result<Vec<_>, Problem>>()?;
    let seq = set_levels(&app, &caller, asked).await?;
    let mut json = levels_json(&app);
    if let Some(seq) = seq {
        json["entry"] = json!(seq.0);
    }
    Ok(Json(json).into_response())
}

/// Gives each output its level, or `None` back to the file; what changes is an entry of the log, whose number is returned.
pub async fn set_levels(
    app: &App,
    caller: &Caller,
    asked: Vec<(Output, Option<LogLevel>)>,
) -> Result<Option<Seq>, Problem> {
    let known = app.read(InForce::read).await?.overrides;
    let changes = asked.iter().filter_map(|(output, level)| {
        let to = level.map(|level| format!("{:?}", level.name()));
        let from = known.get(output.key()).map(str::to_owned);
        let change = SettingChange { key: output.key().to_owned(), from, to };
        (change.from != change.to).then_some(change)
    });
    let changes = changes.collect();
    let seq = patterns::change(app, caller, known, changes).await?;
    for (output, level) in asked {
        app.telemetry.levels.set(output, level.unwrap_or_else(|| of_the_file(app, output)));
    }
    Ok(seq)
}

/// What a request asks for: the output that the key names, and its level.
pub fn asked(key: &str, value: &Value) -> Result<(Output, Option<LogLevel>), Problem> {
    let wrong = |message: &str| Problem {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        code: "invalid_setting".into(),
        ..Problem::parameter(key, message.to_owned())
    };
    let output = Output::ALL.into_iter().find(|output| output.key() == key);
    let output =
        output.ok_or_else(|| wrong("there is no level of this name; see GET /api/v1/telemetry/levels"))?;
    let level = match value {
        Value::Null => None,
        value => {
            let named = value.as_str().and_then(LogLevel::from_name);
            Some(named.ok_or_else(|| {
                wrong("a level is \"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\"")
            })?)
        }
    };
    Ok((output, level))
}

/// The level that the file and the environment give the output.
pub fn of_the_file(app: &Appliance, output: Output) -> LogLevel {
    let settings = app.config.telemetry.settings(&app.config.otlp);
    let found = settings.levels.into_iter().find(|(known, _)| *known == output);
    found.map_or(LogLevel::Off, |(_, level)| level)
}

/// `GET /api/v1/telemetry/traces`: the last that were kept, the newest first.
pub async fn traces(State(app): State<App>, Reader(caller): Reader) -> Result<Response, Problem> {
    check_scope(&caller.organizations)?;
    let traces = app.telemetry.tracer.traces().recent();
    let traces: Vec<Value> = traces.iter().map(|trace| trace_json(trace)).collect();
    Ok(Json(json!({ "traces": traces })).into_response())
}

/// `GET /api/v1/telemetry/traces/{id}`: what was kept of one.
pub async fn trace(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    check_scope(&caller.organizations)?;
    let id =
        parse(&id).ok_or_else(|| Problem::parameter("id", "a trace's id is 32 hex digits".to_owned()))?;
    let traces: Vec<Value> =
        app.telemetry.tracer.traces().of(id).iter().map(|trace| trace_json(trace)).collect();
    if traces.is_empty() {
        return Err(Problem::not_found("trace of this id among those kept"));
    }
    Ok(Json(json!({ "traces": traces })).into_response())
}

/// Traces are of the whole appliance.
fn check_scope(scope: &Organizations) -> Result<(), Problem> {
    if *scope == Organizations::All {
        return Ok(());
    }
    let message = "traces are of all organisations; ask with a key or a user that is not bound to one";
    Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message))
}

/// A trace's id out of its 32 hex digits.
pub fn parse(text: &str) -> Option<TraceId> {
    let mut id = [0; 16];
    hex::decode_to_slice(text.trim(), &mut id).ok().map(|()| TraceId(id))
}

fn trace_json(trace: &FinishedTrace) -> Value {
    let spans = trace.spans.iter().map(|span| {
        let attributes = span.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        json!({
            "spanId": span.id.to_string(),
            "parentSpanId": span.parent.map(|id| id.to_string()),
            "name": span.name,
            "start": span.start,
            "millis": span.time.as_secs_f64() * 1_000.0,
            "attributes": Map::from_iter(attributes),
        })
    });
    json!({
        "traceId": trace.context.trace_id.to_string(),
        "kept": match trace.kept {
            Kept::Sampled => "sampled",
            Kept::Slow => "slow",
            Kept::Failed => "failed",
        },
        "failed": trace.failed,
        "droppedSpans": trace.dropped,
        "spans": spans.collect::<Vec<_>>(),
        "links": trace.links.iter().map(|link| link.trace_id.to_string()).collect::<Vec<_>>(),
    })
}
