//! Reads the list of patterns.

use super::{Visitor, frame, page};
use crate::model::{AlertFilter, AlertOrder, Pattern};
use crate::search_text::Query;
use crate::web::error::Problem;
use crate::web::pages::patterns::PatternsPage;
use crate::web::patterns::InForce;
use crate::web::state::App;
use axum::extract::State;
use axum::response::Response;
use jiff::SignedDuration;
use std::collections::HashMap;

/// How far back alerts are counted.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// `GET /patterns`.
pub async fn show(State(app): State<App>, Visitor(caller): Visitor) -> Result<Response, Problem> {
    let from = app.clock.now().checked_sub(RECENT).map_err(Problem::internal)?;
    app.list(move |app| {
        let in_force = InForce::read(app)?;
        let mut recent: HashMap<Pattern, u64> = HashMap::new();
        for pattern in Pattern::ALL {
            let filter = AlertFilter {
                from: Some(from),
                patterns: [pattern].into(),
                ..AlertFilter::all(caller.organizations.clone())
            };
            let total = app
                .store
                .alerts_listed(&filter, &Query::everything(), AlertOrder::CreatedAt, true, 0, 0)?
                .total;
            recent.insert(pattern, total as u64);
        }
        let organizations = in_force.organizations(&caller.organizations).len() as u64;
        page(&PatternsPage::new(frame(app, &caller)?, &in_force.settings.all, &recent, organizations))
    })
    .await
}
