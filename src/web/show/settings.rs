//! Reads every setting in force, and the users and keys for who may know them.

use super::{Visitor, frame, page};
use crate::model::Organizations;
use crate::telemetry::Output;
use crate::web::api::telemetry::{asked, of_the_file, set_levels};
use crate::web::auth::Admin;
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::pages::settings::{KeyRow, LevelRow, SettingsPage, UserRow};
use crate::web::patterns::{InForce, may_change};
use crate::web::state::App;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value};

/// `GET /settings`.
pub async fn show(State(app): State<App>, Visitor(caller): Visitor) -> Result<Response, Problem> {
    app.read(move |app| {
        let in_force = InForce::read(app)?;
        // Addresses, paths and the names of other organisations are for who may see everything.
        let sees_all = caller.organizations == Organizations::All;
        let settings = if sees_all { app.config.layers.settings(&in_force.overrides) } else { Vec::new() };
        let secret = app.config.integrity.signing_secret.is_some();
        let mut shown = SettingsPage::new(frame(app, &caller)?, settings, &in_force.changed, secret);
        if may_change(&caller) {
            let level = |output: Output| {
                let given = of_the_file(app, output);
                let is_changed = in_force.changed.contains_key(output.key());
                LevelRow::new(output, app.telemetry.levels.get(output), given, is_changed)
            };
            shown.levels = Some(Output::ALL.map(level).into());
        }
        if caller.rights.admin {
            let within = |name: &String| caller.organizations.allow(Some(name));
            let users = app.store.users()?;
            let users = users.iter().filter(|user| sees_all || user.organizations.iter().any(within));
            shown.users = Some(users.map(UserRow::from).collect());
            let keys = app.store.keys()?;
            let keys = keys.iter().filter(|key| caller.organizations.allow(key.organization.as_deref()));
            shown.keys = Some(keys.map(KeyRow::from).collect());
        }
        page(&shown)
    })
    .await
}

/// `POST /settings/levels`: a level for each output; `file` gives it back to the file.
pub async fn change_levels(
    State(app): State<App>,
    Admin(caller): Admin,
    Form(given): Form<Map<String, Value>>,
) -> Result<Response, Problem> {
    let level = |(key, value): (&String, &Value)| match value.as_str() {
        Some("file") => asked(key, &Value::Null),
        _ => asked(key, value),
    };
    let levels = given.iter().map(level).collect::<Result<Vec<_>, Problem>>()?;
    set_levels(&app, &caller, levels).await?;
    Ok(Redirect::to("/settings#levels").into_response())
}
