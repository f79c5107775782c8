//! Everything that matches, a piece at a time, for whoever takes it out.
//!
//! A walk keeps no more than its place between two pieces, so it may take as long as it likes: what is new comes
//! behind the place where it began.

use super::alerts::{self, is_found};
use super::append::BlockSummary;
use super::entries::Read;
use super::error::StoreError;
use super::open::Store;
use super::query::overlaps;
use super::tables as t;
use crate::decode;
use crate::model::{Alert, AlertFilter, EntryKind, EventFilter, Organizations, Seq};
use crate::search_text::Query;
use redb::ReadableDatabase;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Bytes of all bodies of one piece, about: the block that reaches it is the last.
const PIECE_BYTES_MAX: usize = 512 << 10;
/// How long one piece may take where little is found.
const PIECE_TIME_MAX: Duration = Duration::from_millis(500);
/// Rows of the alerts that one piece looks at, and alerts that it holds.
const ALERT_ROWS_MAX: usize = 2_000;
const ALERTS_MAX: usize = 20;

/// Some of the events that match.
#[derive(Debug, Default)]
pub struct EventsPiece {
    /// They, the last received first. What cannot be read stands in its place.
    pub found: Vec<Read>,
    /// Where the next piece begins: below this entry. 0 at the end of the walk.
    pub below: Seq,
}

/// Some of the alerts that match.
#[derive(Debug, Default)]
pub struct AlertsPiece {
    /// They, by their ids. What cannot be read stands in its place.
    pub found: Vec<Result<Alert, StoreError>>,
    /// Where the next piece begins: behind this alert. `None` at the end of the walk.
    pub after: Option<Uuid>,
}

impl Store {
    /// The next events that match below that place in the log, perhaps none yet. Blocks of another time are passed
    /// over unread.
    pub fn events_below(&self, filter: &EventFilter, below: Seq) -> Result<EventsPiece, StoreError> {
        let started = Instant::now();
        let mut piece = EventsPiece { below, ..EventsPiece::default() };
        let mut bytes = 0;
        while piece.below > Seq(0) && bytes < PIECE_BYTES_MAX && started.elapsed() < PIECE_TIME_MAX {
            let last = piece.below.0 - 1;
            if let Some(first) = self.beginning_of_other_block(last, filter)? {
                piece.below = Seq(first);
                continue;
            }
            // Not by way of the blocks that are kept: a walk reads each block once, and would push out all of them.
            let block = self.read_block(last)?;
            let mut first = last;
            for read in block.into_entries().into_iter().rev() {
                let seq = match &read {
                    Ok(stored) => stored.entry.seq,
                    Err(damaged) => damaged.seq,
                };
                first = first.min(seq.0);
                if seq < piece.below && is_wanted(&read, filter) {
                    bytes += read.as_ref().map_or(0, |stored| stored.entry.body.len());
                    piece.found.push(read);
                }
            }
            piece.below = Seq(first);
        }
        Ok(piece)
    }

    /// Where the block with that entry begins, if the index says that nothing in it can match.
    fn beginning_of_other_block(&self, seq: u64, filter: &EventFilter) -> Result<Option<u64>, StoreError> {
        let index = self.db.begin_read()?.open_table(t::BLOCK_INDEX)?;
        let Some((first, row)) = index.range(..=seq)?.next_back().transpose()? else { return Ok(None) };
        let first = first.value();
        let Ok(summary) = BlockSummary::decode(first, row.value()) else { return Ok(None) };
        let holds = seq < first.saturating_add(u64::from(summary.entries));
        Ok((holds && (summary.events == 0 || !overlaps(&summary, filter))).then_some(first))
    }

    /// The next alerts that match behind that one, perhaps none yet.
    pub fn alerts_after(
        &self,
        filter: &AlertFilter,
        search: &Query,
        after: Option<Uuid>,
    ) -> Result<AlertsPiece, StoreError> {
        let from = after.map_or(0, |after| after.as_u128().saturating_add(1)).to_be_bytes();
        let mut piece = AlertsPiece::default();
        let table = self.db.begin_read()?.open_table(t::ALERTS)?;
        for (rows, row) in table.range::<&[u8; 16]>(&from..)?.enumerate() {
            if rows == ALERT_ROWS_MAX || piece.found.len() == ALERTS_MAX {
                return Ok(piece);
            }
            let (id, value) = row?;
            piece.after = Some(Uuid::from_bytes(*id.value()));
            match alerts::decode(id.value(), value.value()) {
                Ok(alert) if filter.matches(&alert) && is_found(&alert, search) => {
                    piece.found.push(self.with_evidence(alert));
                }
                Ok(_) => {}
                Err(error) => piece.found.push(Err(error)),
            }
        }
        piece.after = None;
        Ok(piece)
    }
}

fn is_wanted(read: &Read, filter: &EventFilter) -> bool {
    let Ok(stored) = read else { return true };
    // What cannot be read as an event is told by whoever shows it.
    stored.entry.kind == EntryKind::Event
        && decode::stored(&stored.entry.body, stored.entry.received_at)
            .map_or(filter.scope == Organizations::All, |event| filter.matches(&stored.entry, &event))
}
