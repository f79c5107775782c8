//! Reads where the live tail of events begins.

use super::events::{Way, filter_of, listed, row, way_to};
use super::{Visitor, frame, page};
use crate::model::{EventOrder, EventQuery, Seq};
use crate::search_text;
use crate::store::EventPage;
use crate::web::error::Problem;
use crate::web::pages::events::{EVENTS_PER_PAGE, EventsFilter, EventsQuery};
use crate::web::pages::live::LivePage;
use crate::web::state::{App, Appliance};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// `GET /events/live`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Problem> {
    let asked =
        EventsFilter::parse(&query).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    let text = search_text::parse(asked.text.as_deref().unwrap_or_default());
    let status = if text.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let query = EventQuery {
        filter: filter_of(&asked, caller.organizations.clone()),
        order: EventOrder::ReceivedAt,
        descending: true,
        offset: 0,
        limit: EVENTS_PER_PAGE as usize,
        after: None,
    };
    let way = way_to(&app, text.as_ref().ok(), &query).await;
    let shown = app.list(move |app| {
        let (found, next) = match &text {
            Ok(text) => newest(app, text, &query, way)?,
            Err(_) => (EventPage::default(), Seq(0)),
        };
        let rows = found.events.iter().filter_map(row).collect();
        page(&LivePage::new(frame(app, &caller)?, &asked, rows, text.as_ref().map(|_| next)))
    });
    Ok((status, shown.await?).into_response())
}

/// The newest events that fit, and the entry from which on the page is told of others.
fn newest(
    app: &Appliance,
    text: &search_text::Query,
    query: &EventQuery,
    way: Way,
) -> Result<(EventPage, Seq), Problem> {
    // Before the list is read: what comes in between is there twice rather than never, and the page knows an
    // event by its address. The index may be a little behind the log.
    let next = if way == Way::Log { app.store.size() } else { app.indexed.position() };
    match listed(app, text, query, way) {
        // What comes can be followed while there is no index.
        Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
            Ok((EventPage::default(), app.store.size()))
        }
        found => Ok((found?, next)),
    }
}
