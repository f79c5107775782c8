//! Reads how the appliance is.

use super::overview::day_of_all;
use super::{Visitor, frame, page};
use crate::model::Organizations;
use crate::web::auth::AdminOfAll;
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::health::{self, breakers};
use crate::web::pages::health::{HealthPage, LoadData};
use crate::web::patterns::may_change;
use crate::web::performance::steps;
use crate::web::show::notifications::BreakerForm;
use crate::web::state::{App, Appliance};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

/// `GET /health`.
pub async fn show(State(app): State<App>, Visitor(caller): Visitor) -> Result<Response, Problem> {
    app.read(move |app| {
        let components = app.health.components();
        // Numbers are of the whole appliance; that the parts are well is everyone's to know.
        let load = (caller.organizations == Organizations::All).then(|| load(app)).transpose()?;
        let frame = frame(app, &caller)?;
        let overall = app.health.overall().name();
        let breakers = (caller.organizations == Organizations::All).then(|| breakers(app));
        let shown = HealthPage::new(frame, overall, components, load);
        page(&shown.with_breakers(breakers, may_change(&caller)))
    })
    .await
}

fn load(app: &Appliance) -> Result<LoadData, Problem> {
    let day = day_of_all(app, app.clock.now())?;
    let readers =
        [("detect", &app.detected), ("count", &app.counted), ("index", &app.indexed), ("seal", &app.sealed)];
    Ok(LoadData {
        rates: app.throughput.rates(),
        steps: steps(app),
        last_minute: day.last_minute,
        busiest_minute: day.busiest_minute,
        latency: app.counters.latency().summary(),
        lag: readers.map(|(name, progress)| (name, app.store.size().0.saturating_sub(progress.position().0))),
        waiting: app.writer.events_waiting() as u64,
        up_secs: app.started.elapsed().as_secs(),
    })
}

/// `POST /health/breakers/{name}`.
pub async fn move_breaker(
    State(app): State<App>,
    AdminOfAll(caller): AdminOfAll,
    Path(name): Path<String>,
    Form(form): Form<BreakerForm>,
) -> Result<Response, Problem> {
    health::move_breaker(&app, name, form.open, caller.name).await?;
    Ok(Redirect::to("/health#breakers").into_response())
}
