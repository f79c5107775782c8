//! Reads the list of events.

use super::{BaseUrl, Visitor, frame, page};
use crate::decode;
use crate::model::{EventFilter, EventOrder, EventQuery, Organizations, ReceivedAt, Stored};
use crate::web::api::events::{cursor, parse_cursor};
use crate::web::error::Problem;
use crate::web::pages::events::{
    EVENTS_PER_PAGE, EventRow, EventTime, EventsFilter, EventsPage, EventsQuery,
};
use crate::web::searches;
use crate::web::state::App;
use axum::extract::{Query, RawQuery, State};
use axum::response::Response;
use jiff::SignedDuration;

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
    if asked.is_search() {
        searches::note(&app, &caller, "/events", address.as_deref()).await?;
    }
    app.list(move |app| {
        let found = app.store.events_page(&query)?;
        let rows = found.events.iter().filter_map(row).collect();
        let any = found.total > 0 || app.store.events() > 0;
        let next = found.next.map(cursor);
        page(&EventsPage::new(frame(app, &caller)?, &asked, rows, found.total, next, any, &base_url))
    })
    .await
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
            // The page's end is the first moment that counts no more, the filter's the last that does.
            let moment = SignedDuration::from_nanos(1);
            filter.to = asked.to.and_then(|to| to.checked_sub(moment).ok());
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
