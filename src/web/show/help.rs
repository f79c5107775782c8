//! Shows the help.

use super::{Visitor, frame, page};
use crate::web::error::Problem;
use crate::web::pages::help::HelpPage;
use crate::web::state::App;
use axum::extract::State;
use axum::response::Response;

/// `GET /help`.
pub async fn show(State(app): State<App>, Visitor(caller): Visitor) -> Result<Response, Problem> {
    app.read(move |app| page(&HelpPage::new(frame(app, &caller)?))).await
}
