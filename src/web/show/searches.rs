//! Keeps and forgets searches from the search page.

use crate::web::api::searches::{NewSearch, forget, save, state};
use crate::web::auth::Reader;
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::state::App;
use axum::extract::State;
use axum::response::Redirect;
use serde::Deserialize;

/// A search to be forgotten.
#[derive(Deserialize)]
pub struct Forgotten {
    name: String,
    /// The state of the page to come back to.
    query: String,
}

/// `POST /searches`.
pub async fn keep(
    State(app): State<App>,
    Reader(caller): Reader,
    Form(new): Form<NewSearch>,
) -> Result<Redirect, Problem> {
    let saved = save(&app, caller, new).await?;
    Ok(Redirect::to(&format!("/search?{}", saved.query)))
}

/// `POST /searches/forget`.
pub async fn remove(
    State(app): State<App>,
    Reader(caller): Reader,
    Form(forgotten): Form<Forgotten>,
) -> Result<Redirect, Problem> {
    let back = state(&forgotten.query)?.address();
    forget(&app, caller, forgotten.name).await?;
    Ok(Redirect::to(&back))
}
