//! The circuit breakers around whatever leaves the host: how each stands, and moving one by hand.

use crate::model::Activity;
use crate::routing::BreakerView;
use crate::web::error::Problem;
use crate::web::state::{App, Appliance};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::time::Instant;

/// The name of the breaker before the collector of telemetry; no notification target may have it.
pub const EXPORT: &str = "otlp";

/// A breaker as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The notification target, or `otlp`.
    pub name: String,
    /// `closed`, `open`, `half-open`, or `held` where somebody stopped it.
    pub state: &'static str,
    /// The last calls that count, 100 at most.
    pub calls: usize,
    /// How many of them failed.
    pub failures: usize,
    /// How often it has opened since the process began.
    pub opened: u64,
    /// When its state last changed, since the process began.
    pub changed_at: Option<Timestamp>,
}

impl Standing {
    fn new(name: &str, (view, held): (BreakerView, bool), now: Timestamp) -> Standing {
        let ago = view.changed_ago.and_then(|ago| SignedDuration::try_from(ago).ok());
        Standing {
            name: name.to_owned(),
            state: if held { "held" } else { view.state.name() },
            calls: view.calls,
            failures: view.failures,
            opened: view.opened,
            changed_at: ago.and_then(|ago| now.checked_sub(ago).ok()),
        }
    }

    /// Whether nothing is sent now, whoever decided that.
    pub fn is_stopped(&self) -> bool {
        self.state != "closed"
    }
}

/// Every breaker there is: those of the targets, and that of the collector where telemetry is sent.
pub fn breakers(app: &Appliance) -> Vec<Standing> {
    let now = app.clock.now();
    let targets = app.notifier.targets().map(|target| {
        let status = app.deliveries.status(&target.name);
        Standing::new(&target.name, (status.breaker.view(Instant::now()), status.held), now)
    });
    let export = app.telemetry.export.breaker().map(|breaker| Standing::new(EXPORT, breaker, now));
    targets.chain(export).collect()
}

/// Opens the breaker of that name, or closes it, and writes down who did it.
pub async fn move_breaker(app: &App, name: String, open: bool, by: String) -> Result<(), Problem> {
    let is_export = name == EXPORT && app.telemetry.export.breaker().is_some();
    if !is_export && app.notifier.target(&name).is_none() {
        return Err(Problem::not_found("notification target or breaker with this name"));
    }
    let moved = Activity::BreakerMoved { target: name.clone(), open, by };
    app.writer.commit(move |txn| txn.append_activity(&moved)).await?;
    match is_export {
        true => app.telemetry.export.hold(open),
        false => app.deliveries.hold(&name, open),
    }
    Ok(())
}
