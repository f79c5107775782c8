//! Reads what each source sends.

use super::{Visitor, frame, page};
use crate::model::{ApiKey, Caller, KeyScope, Verdict};
use crate::web::error::Problem;
use crate::web::pages::sources::{SourceData, SourcesPage};
use crate::web::state::{App, Appliance};
use axum::extract::State;
use axum::response::Response;

/// `GET /sources`.
pub async fn show(State(app): State<App>, Visitor(caller): Visitor) -> Result<Response, Problem> {
    let now = app.clock.now();
    app.read(move |app| page(&SourcesPage::new(frame(app, &caller)?, read(app, &caller)?, now))).await
}

/// A key is counted as a whole, so who may see only some organisations sees the keys that are bound to one of
/// them.
fn read(app: &Appliance, caller: &Caller) -> Result<Vec<SourceData>, Problem> {
    let mut accounts = app.accounts()?;
    let totals = app.counters.totals()?;
    let seen = app.counters.last_seen()?;
    let keys = app.store.keys()?.into_iter();
    let keys = keys.filter(|key| caller.organizations.allow(key.organization.as_deref()));
    let mut sources: Vec<SourceData> = keys
        .map(|key| SourceData {
            account: accounts.remove(&key.id).unwrap_or_default(),
            verdicts: Verdict::ALL.map(|verdict| {
                let name = format!("source_verdict/{}/{}", key.id.0, verdict.name());
                (verdict, totals.get(&name).copied().unwrap_or_default())
            }),
            last_seen: seen.get(&key.id).copied(),
            sends: may_send(&key),
            name: key.name,
            organization: key.organization,
            revoked: key.revoked,
        })
        .collect();
    // What only reads is no source, unless it has sent something once.
    sources.retain(|source| source.sends || source.account.received > 0);
    sources.sort_by_key(|source| (source.revoked, std::cmp::Reverse(source.account.received)));
    Ok(sources)
}

fn may_send(key: &ApiKey) -> bool {
    key.scopes.iter().any(|scope| matches!(scope, KeyScope::Ingest | KeyScope::Admin))
}
