//! Reads every setting in force, and the users and keys for who may know them.

use super::{Visitor, frame, page};
use crate::model::Organizations;
use crate::web::error::Problem;
use crate::web::pages::settings::{KeyRow, SettingsPage, UserRow};
use crate::web::patterns::InForce;
use crate::web::state::App;
use axum::extract::State;
use axum::response::Response;

/// `GET /settings`.
pub async fn show(State(app): State<App>, Visitor(caller): Visitor) -> Result<Response, Problem> {
    app.read(move |app| {
        let in_force = InForce::read(app)?;
        // Addresses, paths and the names of other organisations are for who may see everything.
        let sees_all = caller.organizations == Organizations::All;
        let settings = if sees_all { app.config.layers.settings(&in_force.overrides) } else { Vec::new() };
        let secret = app.config.integrity.signing_secret.is_some();
        let mut shown = SettingsPage::new(frame(app, &caller)?, settings, &in_force.changed, secret);
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
