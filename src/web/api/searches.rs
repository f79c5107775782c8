//! The searches that a person keeps: listing, keeping and forgetting them.

use crate::model::{Caller, CallerKind, SavedSearch};
use crate::store::SAVED_SEARCHES_MAX;
use crate::web::auth::Reader;
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::pages::search::{ADDRESS_BYTES_MAX, SearchQuery, SearchState};
use crate::web::state::App;
use crate::web::view;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 80;

/// A search to be kept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSearch {
    /// What it is called.
    pub name: String,
    /// The state of the search page, as the query of its address.
    pub query: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SavedJson {
    name: String,
    query: String,
    address: String,
    saved_at: String,
}

impl From<SavedSearch> for SavedJson {
    fn from(saved: SavedSearch) -> SavedJson {
        let address = format!("/search?{}", saved.query);
        SavedJson { name: saved.name, address, query: saved.query, saved_at: view::instant(saved.saved_at) }
    }
}

#[derive(Serialize)]
struct Searches {
    searches: Vec<SavedJson>,
}

/// `GET /api/v1/searches`.
pub async fn list(State(app): State<App>, Reader(caller): Reader) -> Result<Response, Problem> {
    let user = user_of(caller)?;
    let saved = app.read(move |app| app.store.saved_searches(&user)).await?;
    Ok(Json(Searches { searches: saved.into_iter().map(SavedJson::from).collect() }).into_response())
}

/// `POST /api/v1/searches`.
pub async fn create(
    State(app): State<App>,
    Reader(caller): Reader,
    Object(new): Object<NewSearch>,
) -> Result<Response, Problem> {
    let saved = save(&app, caller, new).await?;
    Ok((StatusCode::CREATED, Json(SavedJson::from(saved))).into_response())
}

/// `DELETE /api/v1/searches/{name}`.
pub async fn remove(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let forgotten = forget(&app, caller, name).await?;
    forgotten.then_some(StatusCode::NO_CONTENT).ok_or_else(|| Problem::not_found("search of this name"))
}

/// Keeps a search for the person who asks, in the place of theirs that has the same name.
pub async fn save(app: &App, caller: Caller, new: NewSearch) -> Result<SavedSearch, Problem> {
    let user = user_of(caller)?;
    let name = new.name.trim().to_owned();
    if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        let message = format!("the name of a search has 1 to {NAME_CHARS_MAX} printable characters");
        return Err(Problem::parameter("name", message));
    }
    let query = state(&new.query)?.query();
    let saved = app.writer.commit(move |txn| txn.save_search(&user, &name, &query)).await?;
    saved.ok_or_else(|| {
        let message = format!("{SAVED_SEARCHES_MAX} searches can be kept; remove one of them first");
        Problem::new(StatusCode::CONFLICT, "too_many_searches", message)
    })
}

/// Forgets a search of the person who asks; whether there was one.
pub async fn forget(app: &App, caller: Caller, name: String) -> Result<bool, Problem> {
    let user = user_of(caller)?;
    Ok(app.writer.commit(move |txn| txn.forget_search(&user, &name)).await?)
}

/// The state of the search page that a query says.
pub fn state(query: &str) -> Result<SearchState, Problem> {
    let malformed = || Problem::parameter("query", "query must be that of an address of the search page");
    if query.len() > ADDRESS_BYTES_MAX {
        let message = format!("a search that is kept may have {ADDRESS_BYTES_MAX} bytes");
        return Err(Problem::parameter("query", message));
    }
    let address = format!("/?{query}").parse().map_err(|_| malformed())?;
    let Query(parsed) = Query::<SearchQuery>::try_from_uri(&address).map_err(|_| malformed())?;
    SearchState::parse(&parsed).map_err(|error| Problem::parameter(error.field, error.to_string()))
}

/// Programs have no searches of their own: their keys come and go.
fn user_of(caller: Caller) -> Result<String, Problem> {
    if caller.kind == CallerKind::User {
        return Ok(caller.name);
    }
    let message = "searches are kept for people who sign in, not for API keys";
    Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message))
}
