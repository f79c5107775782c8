//! The search: its texts as handlers take them, pages of events that it finds, and making its index again.

use super::events::{self, Page};
use crate::model::{Caller, EventQuery, Organizations, Seq};
use crate::search::SearchState;
use crate::search_text::{self, Query};
use crate::store::EventPage;
use crate::web::auth::Admin;
use crate::web::error::Problem;
use crate::web::state::{App, Appliance};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The search text of a parameter; without one, everything.
pub fn parse(parameter: &str, text: Option<&str>) -> Result<Query, Problem> {
    search_text::parse(text.unwrap_or_default()).map_err(|error| {
        let problem = Problem::parameter(parameter, error.to_string());
        Problem { position: u32::try_from(error.position).ok(), ..problem }
    })
}

/// How a page of hits is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranking {
    /// As the query says.
    Ordered,
    /// Those first that the words fit best.
    Relevance,
}

/// A page of the events that a text finds, as the answer shows it.
pub(super) fn page(
    app: &Appliance,
    text: &Query,
    query: &EventQuery,
    ranking: Ranking,
) -> Result<Page, Problem> {
    let (page, more) = found(app, text, query, ranking)?;
    Ok(events::page_of(app, query, &page, more))
}

/// A page of the events that a text finds, and whether there are more, also where no cursor leads there.
pub fn found(
    app: &Appliance,
    text: &Query,
    query: &EventQuery,
    ranking: Ranking,
) -> Result<(EventPage, bool), Problem> {
    let found = match ranking {
        Ranking::Ordered => app.search.events(text, query)?,
        Ranking::Relevance => app.search.most_relevant(text, &query.filter, query.offset, query.limit)?,
    };
    let seqs: Vec<Seq> = found.hits.iter().map(|hit| Seq(hit.seq)).collect();
    let read = app.store.events_at(&seqs)?;
    let more = found.has_next || read.taken < found.hits.len();
    let last = read.taken.checked_sub(1).map(|last| found.hits[last]);
    let page = EventPage {
        events: read.events,
        total: found.total,
        damaged: read.damaged,
        next: last.filter(|_| more && ranking == Ranking::Ordered),
    };
    Ok((page, more))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexView {
    state: &'static str,
    position: u64,
    entries: u64,
}

/// `GET /api/v1/search/index`.
pub async fn index(State(app): State<App>, Admin(caller): Admin) -> Result<Response, Problem> {
    check_is_of_all(&caller)?;
    Ok(Json(view(&app)).into_response())
}

/// `POST /api/v1/search/reindex`.
pub async fn reindex(State(app): State<App>, Admin(caller): Admin) -> Result<Response, Problem> {
    check_is_of_all(&caller)?;
    app.search.make_again("it was asked for");
    Ok((StatusCode::ACCEPTED, Json(view(&app))).into_response())
}

/// The index is everyone's, so nobody who sees only some may take it away from the others.
fn check_is_of_all(caller: &Caller) -> Result<(), Problem> {
    if caller.organizations == Organizations::All {
        return Ok(());
    }
    let message = "this needs the right to administer all organisations";
    Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message))
}

fn view(app: &Appliance) -> IndexView {
    let entries = app.store.size().0;
    let (state, position) = match app.search.state() {
        SearchState::Checking => ("checking", 0),
        SearchState::Making { position, .. } => ("making", position.0),
        SearchState::Ready => ("ready", app.indexed.position().0),
    };
    IndexView { state, position, entries }
}
