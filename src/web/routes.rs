//! Every address there is.

use super::api::{
    activity, alerts, events, health, intake, keys, log, log_check, metrics, openapi, patterns, telemetry,
    users,
};
use super::state::App;
use super::{assets, layers, live, show};
use axum::Router;
use axum::middleware;
use axum::routing::{delete, get, post, put};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

/// The table. What needs no key or session: health at the root, sign-in, static files, what the log is checked with; everything else has an
/// extractor that asks for a right.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .route("/audit/events", post(intake::events).get(events::list))
        .route("/audit/events/bulk", post(intake::bulk))
        .route("/audit/events/{id}", get(events::one))
        .route("/audit/events/{id}/verify", post(events::verify))
        .route("/audit/events/{id}/raw", get(events::raw))
        .route("/audit/events/{id}/salt", get(events::salt))
        .route("/audit/events/{id}/leaf", get(events::leaf))
        .route("/audit/events/{id}/proof", get(log::proof))
        .route("/log/key", get(log::key).post(log::rotate_key))
        .route("/log/check", post(log_check::check))
        .route("/alerts", get(alerts::list))
        .route("/alerts/statistics", get(alerts::statistics))
        .route("/alerts/{id}", get(alerts::one))
        .route("/alerts/{id}/evidence", get(alerts::evidence))
        .route("/alerts/{id}/{step}", post(alerts::step))
        .route("/activity", get(activity::list))
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{name}", delete(keys::revoke))
        .route("/patterns", get(patterns::list))
        .route("/patterns/{name}", put(patterns::change))
        .route("/patterns/{name}/preview", get(patterns::preview))
        .route("/users", get(users::list).post(users::add))
        .route("/users/{name}", delete(users::remove))
        .route("/health", get(health::overview))
        .route("/health/ready", get(health::ready_to_reader))
        .route("/health/alive", get(health::alive_to_reader))
        .route("/health/detailed", get(health::detailed))
        .route("/health/components/{name}", get(health::component))
        .route("/metrics/audit", get(metrics::audit))
        .route("/metrics/system", get(metrics::system))
        .route("/metrics/performance", get(metrics::performance))
        .route("/telemetry/levels", get(telemetry::levels).put(telemetry::change_levels))
        .route("/telemetry/traces", get(telemetry::traces))
        .route("/telemetry/traces/{id}", get(telemetry::trace))
        .route("/openapi.json", get(openapi::document));
    let pages = Router::new()
        .route("/", get(show::overview::show))
        .route("/sign-in", get(show::sign_in::show).post(show::sign_in::sign_in))
        .route("/sign-out", post(show::sign_in::sign_out))
        .route("/alerts", get(show::alerts::show))
        .route("/alerts/bulk", get(show::bulk::show).post(show::bulk::step))
        .route("/alerts/{id}", get(show::alert::show))
        .route("/alerts/{id}/evidence", post(show::alert::evidence))
        .route("/alerts/{id}/{step}", post(show::alert::step))
        .route("/patterns", get(show::patterns::show))
        .route("/patterns/{name}", get(show::pattern::show).post(show::pattern::save))
        .route("/settings", get(show::settings::show))
        .route("/events", get(show::events::show))
        .route("/events/live", get(show::live::show))
        .route("/events/{id}", get(show::event::show))
        .route("/sources", get(show::sources::show))
        .route("/health", get(show::health::show))
        .route("/traces", get(show::traces::show))
        .route("/help", get(show::help::show))
        .route("/live", get(live::follow))
        .route("/activity", get(show::activity::show))
        .route("/integrity", get(show::integrity::show))
        .route("/integrity/sheet", get(show::integrity::sheet));
    Router::new()
        .nest("/api/v1", api)
        .merge(pages)
        .route("/livez", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(metrics::text))
        .route("/checkpoint", get(log::checkpoint))
        .route("/tile/{*rest}", get(log::tile))
        .route("/static/{name}", get(assets::get))
        .fallback(layers::nowhere)
        .method_not_allowed_fallback(layers::no_such_method)
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), layers::around))
        // Outermost, because what is inside may still replace a body.
        .layer(CompressionLayer::new())
        .with_state(app)
}
