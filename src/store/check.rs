//! Checking the whole log against itself: every block, every leaf, every tile, every id.

use super::append::BlockSummary;
use super::entries::{decode_block, leaf_hash_of};
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use crate::merkle::{Tile, Tree};
use crate::model::{Entry, EntryKind, Hash, ReceivedAt};
use redb::ReadableDatabase;

/// Findings that are kept; more are only counted.
const DAMAGES_KEPT: usize = 100;

/// What a check of the log found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Entries that were read.
    pub entries: u64,
    /// Events among them.
    pub events: u64,
    /// The root of the tree, computed from the entries.
    pub root: Hash,
    /// What is wrong, the first hundred.
    pub damages: Vec<Damage>,
    /// How much is wrong in all.
    pub damage_count: u64,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The entry that it concerns first.
    pub seq: u64,
    /// What does not fit.
    pub what: String,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.damage_count == 0
    }

    fn note(&mut self, seq: u64, what: impl ToString) {
        self.damage_count += 1;
        if self.damages.len() < DAMAGES_KEPT {
            self.damages.push(Damage { seq, what: what.to_string() });
        }
    }
}

impl Store {
    /// Reads the log from its first entry to the last that was there at the call, and compares it with its
    /// tree. `progress` is told how many entries have been read.
    pub fn check(&self, mut progress: impl FnMut(u64)) -> Result<Report, StoreError> {
        let end = self.size().0;
        let mut walk = Walk {
            store: self,
            report: Report::default(),
            tree: Tree::default(),
            received_at: ReceivedAt(0),
        };
        let mut next = 0;
        while next < end {
            next = walk.block(next)?;
            progress(next);
        }
        walk.edge()?;
        walk.tables()?;
        walk.report.entries = end;
        walk.report.root = walk.tree.root();
        Ok(walk.report)
    }
}

struct Walk<'s> {
    store: &'s Store,
    report: Report,
    tree: Tree,
    received_at: ReceivedAt,
}

impl Walk<'_> {
    /// Checks the block that must begin at `first`; returns where the next one must.
    fn block(&mut self, first: u64) -> Result<u64, StoreError> {
        let read = self.store.db.begin_read()?;
        let row =
            read.open_table(t::BLOCK_INDEX)?.get(first)?.map(|row| BlockSummary::decode(first, row.value()));
        let block = read.open_table(t::BLOCKS)?.get(first)?.map(|row| decode_block(first, row.value()));
        let summary = row.transpose().unwrap_or_else(|error| {
            self.report.note(first, error);
            None
        });
        let entries = match block {
            Some(Ok(entries)) => entries,
            other => {
                let what = other.map_or("the block is missing".to_owned(), |result| match result {
                    Err(error) => error.to_string(),
                    Ok(_) => "the block is empty".to_owned(),
                });
                self.report.note(first, what);
                return self.skip(first, summary);
            }
        };
        let events_before = self.report.events;
        for entry in &entries {
            self.entry(entry)?;
        }
        let events = self.report.events - events_before;
        let counted = summary
            .map(|summary| (u64::from(summary.entries), u64::from(summary.events), summary.events_before));
        if counted != Some((entries.len() as u64, events, events_before)) {
            self.report.note(first, "the block index does not say what the block holds");
        }
        Ok(first + (entries.len() as u64).max(1))
    }

    /// Goes on behind a block that cannot be read, taking its leaves from the tiles so that the rest can be
    /// checked.
    fn skip(&mut self, first: u64, summary: Option<BlockSummary>) -> Result<u64, StoreError> {
        let next = {
            let read = self.store.db.begin_read()?;
            let index = read.open_table(t::BLOCK_INDEX)?;
            index.range(first + 1..)?.next().transpose()?.map(|(key, _)| key.value())
        };
        let counted = summary.map(|summary| first + u64::from(summary.entries));
        let end = next.or(counted).unwrap_or(self.store.size().0).max(first + 1);
        for seq in first..end {
            let leaf = self.stored_leaf(seq)?.unwrap_or_default();
            self.push(seq, leaf)?;
        }
        self.report.events += summary.map_or(0, |summary| u64::from(summary.events));
        Ok(end)
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let leaf = leaf_hash_of(entry);
        if self.stored_leaf(entry.seq.0)? != Some(leaf) {
            self.report.note(entry.seq.0, "the entry's hash is not the one in the tree");
        }
        if entry.received_at < self.received_at {
            self.report.note(entry.seq.0, "the entry was received before the one ahead of it");
        }
        self.received_at = entry.received_at;
        self.report.events += u64::from(entry.kind == EntryKind::Event);
        self.push(entry.seq.0, leaf)
    }

    fn stored_leaf(&self, seq: u64) -> Result<Option<Hash>, StoreError> {
        let tiles = self.store.db.begin_read()?.open_table(t::TILES)?;
        let row = tiles.get((0, seq / 256))?;
        Ok(row.and_then(|row| row.value().as_chunks::<32>().0.get((seq % 256) as usize).copied()))
    }

    fn push(&mut self, seq: u64, leaf: Hash) -> Result<(), StoreError> {
        let mut filled = Vec::new();
        self.tree.push(leaf, |tile| filled.push(tile));
        filled.iter().try_for_each(|tile| self.tile(seq, tile))
    }

    fn tile(&mut self, seq: u64, tile: &Tile) -> Result<(), StoreError> {
        let tiles = self.store.db.begin_read()?.open_table(t::TILES)?;
        let row = tiles.get((tile.level, tile.index))?;
        if row.is_none_or(|row| row.value() != tile.hashes.as_flattened()) {
            let what =
                format!("tile {} of level {} does not follow from the entries", tile.index, tile.level);
            self.report.note(seq, what);
        }
        Ok(())
    }

    /// The partial tiles at the right edge.
    fn edge(&mut self) -> Result<(), StoreError> {
        let partial: Vec<Tile> = self.tree.partial_tiles().collect();
        let last = self.tree.size().saturating_sub(1);
        partial.iter().try_for_each(|tile| self.tile(last, tile))
    }

    /// What points into the log must point at what it says.
    fn tables(&mut self) -> Result<(), StoreError> {
        let mut from = [0; 32];
        loop {
            let ids = self.store.db.begin_read()?.open_table(t::IDS)?;
            let rows: Vec<([u8; 32], u64)> = ids
                .range::<&[u8; 32]>(&from..)?
                .take(10_000)
                .map(|row| {
                    let (key, value) = row?;
                    let seq = value.value().first_chunk().expect("the value has 24 bytes");
                    Ok((*key.value(), u64::from_le_bytes(*seq)))
                })
                .collect::<Result<_, StoreError>>()?;
            drop(ids);
            for (key, seq) in &rows {
                let found = self.store.entry(crate::model::Seq(*seq))?;
                if !found
                    .is_some_and(|read| read.is_ok_and(|stored| stored.entry.id.as_bytes()[..] == key[..16]))
                {
                    self.report.note(*seq, "an id points here that is not this entry's");
                }
            }
            let Some((last, _)) = rows.last().filter(|_| rows.len() == 10_000) else { return Ok(()) };
            from = *last;
            for byte in from.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        }
    }
}
