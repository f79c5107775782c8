//! Reads the list of events.

use super::{BaseUrl, Visitor, Wanted, frame, page};
use crate::decode;
use crate::model::{EventFilter, EventOrder, EventQuery, Organizations, ReceivedAt, Stored};
use crate::search::SearchState;
use crate::search_text;
use crate::store::EventPage;
use crate::web::api::events::{cursor, parse_cursor};
use crate::web::api::search::{self, Ranking, found};
use crate::web::error::Problem;
use crate::web::export::{self, Asking, Format};
use crate::web::pages::events::{
    EVENTS_PER_PAGE, EventRow, EventTime, EventsFilter, EventsPage, EventsQuery, FoundEvents,
};
use crate::web::pages::filter::last_before;
use crate::web::searches;
use crate::web::state::{App, Appliance};
use axum::extract::{Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// Entries of a log that is walked for a filter: about 20 ms.
const WALKED_MAX: u64 = 5_000;
/// How long a list waits for the index to come to the end of the log; it commits more often than that.
const INDEX_PATIENCE: Duration = Duration::from_secs(1);

/// `GET /events`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    BaseUrl(base_url): BaseUrl,
    Query(query): Query<EventsQuery>,
    RawQuery(address): RawQuery,
) -> Result<Response, Problem> {
    let asked =
        EventsFilter::parse(&query).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    let query = query_of(&asked, caller.organizations.clone())?;
    let text = search_text::parse(asked.text.as_deref().unwrap_or_default());
    if asked.is_search() && text.is_ok() {
        searches::note(&app, &caller, "/events", address.as_deref()).await?;
    }
    let status = if text.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let size = app.store.size();
    let way = way_to(&app, text.as_ref().ok(), &query).await;
    let unsearched = match way {
        Way::Log => 0,
        Way::Index => size.0.saturating_sub(app.indexed.position().0),
    };
    let shown = app.list(move |app| {
        let found = match &text {
            Ok(text) => listed(app, text, &query, way)?,
            Err(_) => EventPage::default(),
        };
        let found = FoundEvents {
            rows: found.events.iter().filter_map(row).collect(),
            total: found.total,
            next_cursor: found.next.map(cursor),
            any: found.total > 0 || app.store.events() > 0,
            unsearched,
            fault: text.as_ref().err(),
        };
        page(&EventsPage::new(frame(app, &caller)?, &asked, found, &base_url))
    });
    Ok((status, shown.await?).into_response())
}

/// Who answers a list of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A walk over the log itself.
    Log,
    /// The index, which is as quick in a log of any length.
    Index,
}

/// A text needs the index. So do filters in a long log, but only an index that has all of it: an event that was
/// acknowledged is in the list.
pub(super) async fn way_to(app: &App, text: Option<&search_text::Query>, query: &EventQuery) -> Way {
    let size = app.store.size();
    if text.is_some_and(|text| !text.is_everything()) {
        app.indexed.reaches(size, INDEX_PATIENCE).await;
        return Way::Index;
    }
    let is_long = size.0 > WALKED_MAX && !query.filter.is_time_only();
    let serves = is_long && app.search.state() == SearchState::Ready;
    if serves && app.indexed.reaches(size, INDEX_PATIENCE).await { Way::Index } else { Way::Log }
}

/// A page of events.
pub(super) fn listed(
    app: &Appliance,
    text: &search_text::Query,
    query: &EventQuery,
    way: Way,
) -> Result<EventPage, Problem> {
    match way {
        Way::Log => Ok(app.store.events_page(query)?),
        Way::Index => Ok(found(app, text, query, Ranking::Ordered)?.0),
    }
}

/// `GET /events/export`: all events that the list has with that filter, as a file.
pub async fn export(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Query(query): Query<EventsQuery>,
    Query(wanted): Query<Wanted>,
    RawQuery(address): RawQuery,
) -> Result<Response, Problem> {
    let format = Format::parse(Some(&wanted.format))?;
    let asked =
        EventsFilter::parse(&query).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    let filter = filter_of(&asked, caller.organizations.clone());
    let text = search::parse("q", asked.text.as_deref())?;
    export::events(app, Asking { caller, format, query: address }, filter, text).await
}

/// What is asked for, within what the caller may see.
pub fn filter_of(asked: &EventsFilter, scope: Organizations) -> EventFilter {
    let mut filter = EventFilter {
        principals: asked.principal.clone().into_iter().collect(),
        organizations: asked.organization.clone().into_iter().collect(),
        actions: asked.action.clone().into_iter().collect(),
        statuses: asked.status.into_iter().collect(),
        classifications: asked.classification.into_iter().collect(),
        resource_types: asked.resource_type.clone().into_iter().collect(),
        addresses: asked.ip_address.clone().into_iter().collect(),
        correlation: asked.correlation_id.clone(),
        verdicts: asked.verdict.into_iter().collect(),
        ..EventFilter::all(scope)
    };
    match asked.time {
        EventTime::Event => {
            filter.from = asked.from;
            filter.to = last_before(asked.to);
        }
        EventTime::Received => {
            filter.received_from = asked.from.map(ReceivedAt::from_timestamp);
            filter.received_before = asked.to.map(ReceivedAt::from_timestamp);
        }
    }
    filter
}

fn query_of(asked: &EventsFilter, scope: Organizations) -> Result<EventQuery, Problem> {
    Ok(EventQuery {
        filter: filter_of(asked, scope),
        order: EventOrder::Timestamp,
        descending: true,
        offset: 0,
        limit: EVENTS_PER_PAGE as usize,
        after: asked.cursor.as_deref().map(parse_cursor).transpose()?,
    })
}

/// An event as a row; nothing where its body cannot be read.
pub(super) fn row(stored: &Stored) -> Option<EventRow> {
    let event = decode::stored(&stored.entry.body, stored.entry.received_at).ok()?;
    Some(EventRow::new(&stored.entry, &event))
}
