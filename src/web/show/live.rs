//! Reads where the live tail of events begins.

use super::events::{filter_of, row};
use super::{Visitor, frame, page};
use crate::model::{EventOrder, EventQuery};
use crate::web::error::Problem;
use crate::web::pages::events::{EVENTS_PER_PAGE, EventsFilter, EventsQuery};
use crate::web::pages::live::LivePage;
use crate::web::state::App;
use axum::extract::{Query, State};
use axum::response::Response;

/// `GET /events/live`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Problem> {
    let asked =
        EventsFilter::parse(&query).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    app.list(move |app| {
        // Before the list is read: what comes in between is there twice rather than never, and the page
        // knows an event by its address.
        let next = app.store.size();
        let found = app.store.events_page(&EventQuery {
            filter: filter_of(&asked, caller.organizations.clone()),
            order: EventOrder::ReceivedAt,
            descending: true,
            offset: 0,
            limit: EVENTS_PER_PAGE as usize,
            after: None,
        })?;
        let rows = found.events.iter().filter_map(row).collect();
        page(&LivePage::new(frame(app, &caller)?, &asked, rows, next))
    })
    .await
}
