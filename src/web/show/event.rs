//! Reads one event.

use super::{BaseUrl, Visitor, frame, page};
use crate::decode;
use crate::web::api::events::{find, finding};
use crate::web::error::Problem;
use crate::web::pages::event::{EventPage, EventParts};
use crate::web::state::App;
use axum::extract::{Path, State};
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
        page(&EventPage::new(frame(app, &caller)?, parts))
    })
    .await
}
