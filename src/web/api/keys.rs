//! Making and revoking API keys.

use crate::keys;
use crate::model::{ApiKey, KeyScope, Secret, SourceId};
use crate::web::auth::Admin;
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::state::App;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// What a new key is to be.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewKey {
    /// Its name, unique: 1 to 100 characters.
    pub name: String,
    /// The organisation to bind it to.
    #[serde(default)]
    pub organization: Option<String>,
    /// What it may do; `ingest` where nothing is said.
    #[serde(default)]
    pub scopes: Vec<KeyScope>,
    /// What its events are signed with.
    #[serde(default)]
    pub signing_secret: Option<Secret>,
}

/// The answer to making a key: the only time that it is shown.
#[derive(Debug, Deserialize, Serialize)]
pub struct CreatedKey {
    /// The key.
    pub key: Secret,
}

impl NewKey {
    /// Checks what was asked for, and makes the key and the record to keep.
    pub fn make(self) -> Result<(Secret, ApiKey), String> {
        let name = self.name.trim();
        if !(1..=100).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err("the name of a key has 1 to 100 printable characters".to_owned());
        }
        self.organization.as_deref().map_or(Ok(()), check_organization)?;
        if self.signing_secret.as_ref().is_some_and(|secret| secret.reveal().is_empty()) {
            return Err("the signing secret is empty".to_owned());
        }
        let key = keys::new_api_key();
        let scopes = if self.scopes.is_empty() { vec![KeyScope::Ingest] } else { self.scopes };
        let record = ApiKey {
            id: SourceId(0),
            name: name.to_owned(),
            organization: self.organization,
            scopes,
            key_hash: keys::token_hash(&key),
            signing_secret: self.signing_secret,
            revoked: false,
        };
        Ok((Secret::new(key), record))
    }
}

/// An empty name would mean everyone's, which is said by naming none.
pub(super) fn check_organization(name: &str) -> Result<(), String> {
    let fits = (1..=1_000).contains(&name.chars().count());
    fits.then_some(()).ok_or_else(|| "the name of an organisation has 1 to 1,000 characters".to_owned())
}

/// `POST /api/v1/keys`.
pub async fn create(
    State(app): State<App>,
    Admin(caller): Admin,
    Object(new): Object<NewKey>,
) -> Result<Response, Problem> {
    let invalid = |why: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_key", why);
    let name = new.name.clone();
    // Made before it is held against the caller's rights, so that both look at the same organisation.
    let (key, record) = new.make().map_err(invalid)?;
    if !caller.organizations.allow(record.organization.as_deref()) {
        let message = "an administrator of some organisations makes keys for these only";
        return Err(Problem::new(StatusCode::FORBIDDEN, "organization_not_allowed", message));
    }
    let created = app.writer.commit(move |txn| txn.create_key(record, &caller.name)).await?;
    if created.is_none() {
        let message = format!(
            "a key named {name:?} exists already; names stay with what a key sent, even after it is revoked"
        );
        return Err(Problem::new(StatusCode::CONFLICT, "name_taken", message));
    }
    reload(&app).await?;
    Ok((StatusCode::CREATED, Json(CreatedKey { key })).into_response())
}

/// `DELETE /api/v1/keys/{name}`.
pub async fn revoke(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    check_administers(&app, &caller, &name).await?;
    let revoked = app.writer.commit(move |txn| txn.revoke_key(&name, &caller.name)).await?;
    if !revoked {
        return Err(Problem::not_found("key with this name in force"));
    }
    reload(&app).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn check_administers(app: &App, caller: &crate::model::Caller, name: &str) -> Result<(), Problem> {
    let keys = app.read(|app| app.store.keys()).await?;
    let key = keys.iter().find(|key| key.name == name);
    let visible = key.is_some_and(|key| caller.organizations.allow(key.organization.as_deref()));
    if visible { Ok(()) } else { Err(Problem::not_found("key with this name in force")) }
}

/// A key as it may be shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    id: SourceId,
    name: String,
    organization: Option<String>,
    scopes: Vec<KeyScope>,
    has_signing_secret: bool,
    revoked: bool,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> KeyView {
        KeyView {
            id: key.id,
            name: key.name,
            organization: key.organization,
            scopes: key.scopes,
            has_signing_secret: key.signing_secret.is_some(),
            revoked: key.revoked,
        }
    }
}

/// `GET /api/v1/keys`.
pub async fn list(State(app): State<App>, Admin(caller): Admin) -> Result<Response, Problem> {
    let keys = app.read(|app| app.store.keys()).await?;
    let visible = keys.into_iter().filter(|key| caller.organizations.allow(key.organization.as_deref()));
    Ok(Json(visible.map(KeyView::from).collect::<Vec<_>>()).into_response())
}

async fn reload(app: &App) -> Result<(), Problem> {
    Ok(app.read(|app| app.keyring.reload(&app.store, &app.config)).await?)
}
