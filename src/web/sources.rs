//! What is known of each source, for the page and the API.

use super::error::Problem;
use super::state::Appliance;
use crate::counters::Sequence;
use crate::model::{ApiKey, Caller, KeyScope, ReceivedAt, Verdict};
use crate::readers::is_silent;
use crate::store::Account;
use std::time::Duration;

/// What is known of one source.
#[derive(Clone, Debug)]
pub struct SourceData {
    /// The name of its API key.
    pub name: String,
    /// The organisation that the key is bound to.
    pub organization: Option<String>,
    /// Whether the key was ended.
    pub revoked: bool,
    /// Whether the key may send.
    pub sends: bool,
    /// Its books.
    pub account: Account,
    /// How many of its events have each verdict.
    pub verdicts: [(Verdict, u64); 5],
    /// When it sent the last event that was stored.
    pub last_seen: Option<ReceivedAt>,
    /// For how long it may be silent, where that is set, and whether it has been for longer.
    pub silence: Option<(Duration, bool)>,
    /// The numbers that it gives its events; `None` where it gives none.
    pub sequence: Option<Sequence>,
}

/// The sources that the caller may see, the busiest first. A key is counted as a whole, so who may see only some
/// organisations sees the keys that are bound to one of them.
pub fn read(app: &Appliance, caller: &Caller) -> Result<Vec<SourceData>, Problem> {
    let mut accounts = app.accounts()?;
    let totals = app.counters.totals()?;
    let seen = app.counters.last_seen()?;
    let mut sequences = app.counters.sequences()?;
    let noticed = app.store.noticed()?;
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
            silence: app
                .config
                .sources
                .silence
                .get(&key.name)
                .map(|may| (*may, is_silent(&key.name, &noticed))),
            sequence: sequences.remove(&key.id),
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
