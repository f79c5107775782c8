//! Reads what each source sends.

use super::{Visitor, frame, page};
use crate::web::error::Problem;
use crate::web::pages::sources::SourcesPage;
use crate::web::sources;
use crate::web::state::App;
use axum::extract::State;
use axum::response::Response;

/// `GET /sources`.
pub async fn show(State(app): State<App>, Visitor(caller): Visitor) -> Result<Response, Problem> {
    let now = app.clock.now();
    app.read(move |app| page(&SourcesPage::new(frame(app, &caller)?, sources::read(app, &caller)?, now)))
        .await
}
