//! Reads what is proven of the log.

use super::{Visitor, frame, page};
use crate::merkle::{Checkpoint, Note};
use crate::store::StoredCheckpoint;
use crate::web::error::Problem;
use crate::web::pages::integrity::{IntegrityPage, IntegritySheet, LogState};
use crate::web::state::{App, Appliance};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;

/// `GET /integrity`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let base_url = base_url(&headers);
    app.read(move |app| page(&IntegrityPage::new(frame(app, &caller)?, &read(app, base_url)?))).await
}

/// `GET /integrity/sheet`.
pub async fn sheet(
    State(app): State<App>,
    Visitor(caller): Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (base_url, now) = (base_url(&headers), app.clock.now());
    app.read(move |app| {
        let log = read(app, base_url)?;
        page(&IntegritySheet::new(frame(app, &caller)?, &log, now))
    })
    .await
}

fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("127.0.0.1:5600"))
}

fn read(app: &Appliance, base_url: String) -> Result<LogState, Problem> {
    let tree_of = |checkpoint: StoredCheckpoint| {
        let note = Note::parse(checkpoint.text.as_bytes()).map_err(Problem::internal)?;
        let tree = Checkpoint::parse(note.text()).map_err(Problem::internal)?.tree;
        Ok::<_, Problem>((checkpoint, tree))
    };
    let mut keys = Vec::new();
    for key in app.store.log_keys()? {
        let named = app.store.entry(key.named_at)?.and_then(Result::ok);
        keys.push((key, named.map(|stored| stored.entry.received_at)));
    }
    Ok(LogState {
        origin: app.store.origin()?.unwrap_or_default(),
        // Before the size, so that a checkpoint never covers more than there seems to be.
        checkpoint: app.store.checkpoint()?.map(tree_of).transpose()?,
        size: app.store.size(),
        keys,
        last_check: app.store.last_check()?,
        base_url,
    })
}
