//! The events that alerts name, held against the entries themselves.

use super::piece::Piece;
use super::report::Fault;
use crate::decode;
use crate::model::{Activity, Entry, EntryKind, Evidence, EvidenceItem};
use crate::store::alerts::decode_evidence;
use crate::store::error::StoreError;
use crate::store::tables as t;
use redb::ReadTransaction;
use std::collections::HashMap;
use uuid::Uuid;

/// Alerts whose evidence is kept while one block is checked.
const EVIDENCE_KEPT: usize = 64;

/// Every alert that an entry of the block counted in names the entry as it is. That each event that an alert names is
/// found by way of the entry is for the pass over the alerts.
pub(super) fn check_evidence(
    read: &ReadTransaction,
    entries: &[Entry],
    piece: &mut Piece,
) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
    let rows = read.open_table(t::ALERTS_OF_EVENT)?;
    let mut kept: HashMap<[u8; 16], Option<Evidence>> = HashMap::new();
    for row in rows.range((first.seq.0, &[0; 16])..=(last.seq.0, &[0xff; 16]))? {
        let (key, _) = row?;
        let (seq, alert) = key.value();
        let entry = &entries[(seq - first.seq.0) as usize];
        if !kept.contains_key(alert) {
            if kept.len() == EVIDENCE_KEPT {
                kept.clear();
            }
            kept.insert(*alert, evidence(read, alert)?);
        }
        let id = Uuid::from_bytes(*alert);
        let Some(evidence) = &kept[alert] else {
            piece.find(
                Fault::Missing,
                seq,
                format!("alert {id}, in which the event counted, is missing or damaged"),
            );
            continue;
        };
        let named = evidence.first.iter().chain(&evidence.last).find(|item| item.seq == entry.seq);
        match named {
            Some(item) if !names(item, entry) => {
                piece.alter(seq, format!("the evidence of alert {id} describes another event than this one"));
            }
            // Of more than 1,000 the middle is let go.
            None if evidence.last.is_empty() => {
                piece.find(
                    Fault::Missing,
                    seq,
                    format!("the evidence of alert {id} does not name the event"),
                );
            }
            _ => {}
        }
    }
    Ok(())
}

fn evidence(read: &ReadTransaction, alert: &[u8; 16]) -> Result<Option<Evidence>, StoreError> {
    let mut evidence = Evidence::default();
    let rows = read.open_table(t::EVIDENCE)?;
    let Some(row) = rows.get(alert)? else { return Ok(None) };
    let decoded = decode_evidence(Uuid::from_bytes(*alert), row.value(), &mut evidence);
    Ok(decoded.is_ok().then_some(evidence))
}

fn names(item: &EvidenceItem, entry: &Entry) -> bool {
    match entry.kind {
        EntryKind::Event => {
            let event = decode::stored(&entry.body, entry.received_at);
            item.id == entry.id && event.is_ok_and(|event| event.timestamp == item.time)
        }
        EntryKind::Activity => {
            let id = match serde_json::from_slice(&entry.body) {
                Ok(Activity::IdConflict { id, .. }) => Some(id),
                _ => None,
            };
            id == Some(item.id) && item.time == entry.received_at.timestamp()
        }
    }
}
