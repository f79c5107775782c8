//! Reads one event.

use super::events::row;
use super::{BaseUrl, Visitor, frame, page};
use crate::decode;
use crate::model::{AuditEvent, Caller, EventCursor, EventFilter, EventOrder, EventQuery, Stored};
use crate::search_text::{self, Name, Pattern, value_kept};
use crate::web::api::events::{find, finding};
use crate::web::api::search::{Ranking, found};
use crate::web::error::Problem;
use crate::web::pages::event::{EventPage, EventParts};
use crate::web::pages::events::EventRow;
use crate::web::pages::neighbours::{NEIGHBOURS_EACH, Neighbours, Ties};
use crate::web::state::{App, Appliance};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

/// `GET /events/{id}`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    BaseUrl(base_url): BaseUrl,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let stored = find(&app, &id, caller.organizations.clone()).await?;
    app.read(move |app| {
        let entry = &stored.entry;
        let event = decode::stored(&entry.body, entry.received_at).map_err(Problem::internal)?;
        let computed = finding(app, &stored)?.computed.map(hex::encode);
        let alerts = app.store.alerts_of_event(entry.seq, &caller.organizations)?;
        let parts = EventParts {
            entry,
            event: &event,
            leaf_hash: stored.leaf_hash,
            source: &app.keyring.get().name(entry.source),
            computed_hash: computed.as_deref(),
            alerts: &alerts,
            base_url: &base_url,
        };
        let around = Ties::of(&event).map(|ties| neighbours(app, ties, (&stored, &event), &caller));
        page(&EventPage::new(frame(app, &caller)?, parts, around.transpose()?))
    })
    .await
}

/// The nearest events of the same session or correlation id, by the time at which they happened.
fn neighbours(
    app: &Appliance,
    ties: Ties<'_>,
    this: (&Stored, &AuditEvent<'_>),
    caller: &Caller,
) -> Result<Neighbours, Problem> {
    let tie = |(name, id): (Name, Option<&str>)| {
        id.map(|id| search_text::Query::Name(name, Pattern::whole(&value_kept(id))))
    };
    let ids = [(Name::Session, ties.session), (Name::Correlation, ties.correlation)];
    let text = search_text::Query::Any(ids.into_iter().filter_map(tie).collect());
    let place = EventCursor { nanos: this.1.timestamp.as_nanosecond(), seq: this.0.entry.seq.0 };
    let nearest = |descending| {
        let query = EventQuery {
            filter: EventFilter::all(caller.organizations.clone()),
            order: EventOrder::Timestamp,
            descending,
            offset: 0,
            limit: NEIGHBOURS_EACH,
            after: Some(place),
        };
        let (found, _) = found(app, &text, &query, Ranking::Ordered)?;
        Ok::<Vec<EventRow>, Problem>(found.events.iter().filter_map(row).collect())
    };
    let found = match (nearest(true), nearest(false)) {
        (Ok(earlier), Ok(later)) => Some((earlier, later)),
        // The page is whole without them.
        (Err(problem), _) | (_, Err(problem)) if problem.status == StatusCode::SERVICE_UNAVAILABLE => None,
        (Err(problem), _) | (_, Err(problem)) => return Err(problem),
    };
    Ok(Neighbours::new(ties, this, found))
}
