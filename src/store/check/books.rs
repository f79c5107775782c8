//! The books and the table of ids held against the events that were read.

use super::alerts::successor;
use super::order::Order;
use super::report::{Fault, Report};
use crate::model::{Seq, SourceId};
use crate::store::append::Account;
use crate::store::error::StoreError;
use crate::store::open::Store;
use crate::store::tables as t;
use redb::ReadableDatabase;
use std::collections::HashMap;

/// Rows of the table of ids that one read transaction takes.
const ROWS_MAX: usize = 10_000;

/// What each source sent, by the books and by the log.
pub(super) fn check_accounts(
    accounts: &[(SourceId, Account)],
    stored: &HashMap<SourceId, u64>,
    report: &mut Report,
) {
    let booked: HashMap<SourceId, u64> =
        accounts.iter().map(|(source, account)| (*source, account.stored)).collect();
    let mut sources: Vec<SourceId> = booked.keys().chain(stored.keys()).copied().collect();
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        let count = |counts: &HashMap<SourceId, u64>| counts.get(&source).copied().unwrap_or_default();
        let (booked, stored) = (count(&booked), count(stored));
        if booked != stored {
            let source = source.0;
            let what =
                format!("the books say that source {source} sent {booked} events, and the log has {stored}");
            report.note(Fault::Altered, None, what);
        }
    }
    for (source, account) in accounts {
        if account.received != account.stored + account.duplicate + account.rejected {
            let what = format!("the books of source {} do not add up", source.0);
            report.note(Fault::Altered, None, what);
        }
    }
}

/// Every event's id was looked up, and `found` of them have a row: so only rows too many are left to be found.
pub(super) fn check_ids(store: &Store, end: u64, found: u64, report: &mut Report) -> Result<(), StoreError> {
    let mut rows = 0;
    each_id(store, |_, seq| {
        rows += u64::from(seq < end);
        Ok(())
    })?;
    if rows == found {
        return Ok(());
    }
    each_id(store, |key, seq| {
        let entry = store.entry(Seq(seq))?.and_then(Result::ok);
        if entry.is_none_or(|stored| stored.entry.id.as_bytes()[..] != key[..16]) {
            report.note(Fault::Altered, Some(seq), "an id points here that is not this entry's");
        }
        Ok(())
    })
}

/// Calls `each` for the rows of the table of ids, in short transactions.
fn each_id(
    store: &Store,
    mut each: impl FnMut(&[u8; 32], u64) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut order = Order::of("ids");
    let mut from = Some([0; 32]);
    while let Some(first) = from {
        let rows: Vec<([u8; 32], u64)> = {
            let ids = store.db.begin_read()?.open_table(t::IDS)?;
            let rows = ids.range::<&[u8; 32]>(&first..)?.take(ROWS_MAX).map(|row| {
                let (key, value) = row?;
                let seq = value.value().first_chunk().expect("the value has 24 bytes");
                Ok((*key.value(), u64::from_le_bytes(*seq)))
            });
            rows.collect::<Result<_, StoreError>>()?
        };
        for (key, seq) in &rows {
            order.next(*key, || format!("of entry {seq}"))?;
            each(key, *seq)?;
        }
        from = rows.last().and_then(|(key, _)| successor(*key));
    }
    Ok(())
}
