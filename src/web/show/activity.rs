//! Reads the list of what was done.

use super::{Visitor, frame, page};
use crate::model::{ActivityQuery, ActivityScope, ReceivedAt};
use crate::store::StoredActivity;
use crate::web::api::activity::{read, searched_back_to, sentence};
use crate::web::error::Problem;
use crate::web::pages::activity::{
    ACTIVITIES_PER_PAGE, ActivityFilter, ActivityForm, ActivityPage, ActivityRow, FoundActivities,
};
use crate::web::state::App;
use axum::extract::{Query, State};
use axum::response::Response;

/// `GET /activity`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Query(query): Query<ActivityForm>,
) -> Result<Response, Problem> {
    let asked =
        ActivityFilter::parse(&query).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    let scope = ActivityScope::of(&caller);
    let sees_all = scope == ActivityScope::Everything;
    let query = ActivityQuery {
        groups: asked.group.into_iter().collect(),
        person: asked.person.clone(),
        from: asked.from.map(ReceivedAt::from_timestamp),
        before: asked.to.map(ReceivedAt::from_timestamp),
        below: asked.below,
        ..ActivityQuery::newest(scope, ACTIVITIES_PER_PAGE)
    };
    app.list(move |app| {
        let found = read(app, query)?;
        let row = |found: &StoredActivity| ActivityRow::new(&found.stored.entry, sentence(app, found));
        let found = FoundActivities {
            rows: found.activities.iter().map(row).collect(),
            damaged: found.damaged,
            below: found.below,
            searched_back_to: searched_back_to(app, &found)?.map(ReceivedAt::timestamp),
            sees_all,
        };
        page(&ActivityPage::new(frame(app, &caller)?, &asked, found))
    })
    .await
}
