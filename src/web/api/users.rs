//! Adding and removing users.

use crate::keys;
use crate::model::{Organizations, Role, Secret, User};
use crate::web::auth::Admin;
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::state::App;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// What a new user is to be.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// The name to sign in with: 1 to 64 of `a-z 0-9 . _ -`.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whose data they may see; empty is everyone's.
    #[serde(default)]
    pub organizations: Vec<String>,
    /// At least 12 characters.
    pub password: Secret,
}

/// Names by which the log tells the appliance, the host's operator and the demonstration from people.
const RESERVED: [&str; 3] = ["sealwatch", "local", "demo"];

impl NewUser {
    /// Checks what was asked for, and makes the record to keep. Hashes the password: takes its time.
    pub fn make(self) -> Result<User, String> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        if !(1..=64).contains(&self.name.len()) || !self.name.chars().all(fits) {
            return Err("the name of a user has 1 to 64 of a-z 0-9 . _ -".to_owned());
        }
        if RESERVED.contains(&&*self.name) {
            return Err("this name stands for the appliance itself in the log; choose another".to_owned());
        }
        self.organizations.iter().try_for_each(|name| super::keys::check_organization(name))?;
        let password_hash = keys::hash_password(self.password.reveal()).map_err(|error| error.to_string())?;
        Ok(User { name: self.name, role: self.role, organizations: self.organizations, password_hash })
    }
}

/// `POST /api/v1/users`.
pub async fn add(
    State(app): State<App>,
    Admin(caller): Admin,
    Object(new): Object<NewUser>,
) -> Result<Response, Problem> {
    // Who administers some organisations may not make someone who sees more.
    let within = match &caller.organizations {
        Organizations::All => true,
        only => !new.organizations.is_empty() && new.organizations.iter().all(|name| only.allow(Some(name))),
    };
    if !within {
        let message = "an administrator of some organisations adds users of these only";
        return Err(Problem::new(StatusCode::FORBIDDEN, "organization_not_allowed", message));
    }
    let permit = app.hashing.acquire().await.map_err(Problem::internal)?;
    let user = app.read(move |_| new.make()).await;
    drop(permit);
    let user = user.map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_user", why))?;
    let added = app.writer.commit(move |txn| txn.add_user(&user, &caller.name)).await?;
    if !added {
        return Err(Problem::new(StatusCode::CONFLICT, "name_taken", "a user of this name exists already"));
    }
    Ok(StatusCode::CREATED.into_response())
}

/// `DELETE /api/v1/users/{name}`.
pub async fn remove(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let wanted = name.clone();
    let user = app.read(move |app| app.store.user(&wanted)).await?;
    let within = user.is_some_and(|user| match &caller.organizations {
        Organizations::All => true,
        only => {
            !user.organizations.is_empty() && user.organizations.iter().all(|name| only.allow(Some(name)))
        }
    });
    if !within || !app.writer.commit(move |txn| txn.remove_user(&name, &caller.name)).await? {
        return Err(Problem::not_found("user of this name"));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A user as they may be shown.
#[derive(Debug, Serialize)]
pub struct UserView {
    name: String,
    role: Role,
    organizations: Vec<String>,
}

impl From<User> for UserView {
    fn from(user: User) -> UserView {
        UserView { name: user.name, role: user.role, organizations: user.organizations }
    }
}

/// `GET /api/v1/users`.
pub async fn list(State(app): State<App>, Admin(caller): Admin) -> Result<Response, Problem> {
    let users = app.read(|app| app.store.users()).await?;
    let visible = users.into_iter().filter(|user| match &caller.organizations {
        Organizations::All => true,
        only => user.organizations.iter().any(|name| only.allow(Some(name))),
    });
    Ok(Json(visible.map(UserView::from).collect::<Vec<_>>()).into_response())
}
