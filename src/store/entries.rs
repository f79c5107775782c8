//! Reading the log: every entry is checked against its leaf in the tree before anyone sees it.

use super::append::{BlockSummary, id_key};
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use crate::archive;
use crate::merkle::{self, TILE_WIDTH};
use crate::model::{
    Entry, EntryKind, Hash, Organizations, ReceivedAt, Seq, Stored, organization_of, seq_of_event_id,
};
use redb::{ReadTransaction, ReadableDatabase};
use std::sync::Arc;
use thiserror::Error;
use uuid::Uuid;

/// How many unpacked blocks are kept for the next look-up. At about a megabyte each, this bounds their
/// memory.
const BLOCKS_KEPT: usize = 16;

/// Blocks that are handed out at once, however little is in each.
const BLOCKS_AT_ONCE: usize = 1_000;
/// About what an entry takes beside its body.
const HEAD_BYTES: usize = 128;

/// One entry as it was read: the entry, or why it cannot be shown.
pub type Read = Result<Stored, Damaged>;

/// An entry whose bytes are not those that the tree commits to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("entry {seq} is damaged: {what}; run `sealwatch verify`, then restore a backup")]
pub struct Damaged {
    /// Its place in the log.
    pub seq: Seq,
    /// What does not fit.
    pub what: String,
}

/// A run of entries that was read, unpacked and checked. Shared by whoever reads it about the same time.
pub struct Block {
    first: u64,
    /// About how many bytes it takes.
    bytes: usize,
    pub(super) entries: Vec<Read>,
}

impl Store {
    /// The blocks from the one that holds `from` on, until about `bytes_max` of bodies; none at the end of
    /// the log.
    pub fn blocks_from(&self, from: Seq, bytes_max: usize) -> Result<Vec<Arc<Block>>, StoreError> {
        let mut blocks = Vec::new();
        let (mut next, mut bytes) = (from.0, 0);
        while next < self.size().0 && bytes < bytes_max && blocks.len() < BLOCKS_AT_ONCE {
            let block = self.block_of(next)?;
            next = block.end().0;
            bytes += block.bytes;
            blocks.push(block);
        }
        Ok(blocks)
    }

    /// One entry; `None` beyond the end of the log.
    pub fn entry(&self, seq: Seq) -> Result<Option<Read>, StoreError> {
        if seq >= self.size() {
            return Ok(None);
        }
        let block = self.block_of(seq.0)?;
        Ok(Some(block.entries[(seq.0 - block.first) as usize].clone()))
    }

    /// A place with nothing before it that was received at `since` or later; without damage, the first that was.
    pub fn first_received_since(&self, since: ReceivedAt) -> Result<Seq, StoreError> {
        let (mut low, mut high) = (0, self.size().0);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry(Seq(middle))? {
                Some(Ok(stored)) if stored.entry.received_at < since => low = middle + 1,
                // A damaged one tells no time; looking too far back passes over nothing.
                _ => high = middle,
            }
        }
        Ok(Seq(low))
    }

    /// The event of that id within what the caller may see. An event of another organisation is not there for
    /// it.
    pub fn event(&self, id: Uuid, scope: &Organizations) -> Result<Option<Read>, StoreError> {
        for seq in self.places_of(id)? {
            match self.entry(seq)? {
                Some(Ok(stored)) if stored.entry.id == id && is_visible(&stored.entry, scope) => {
                    return Ok(Some(Ok(stored)));
                }
                // Whose it was can no longer be read, so only who may see everything learns of the damage.
                Some(Err(damaged)) if *scope == Organizations::All => return Ok(Some(Err(damaged))),
                _ => {}
            }
        }
        Ok(None)
    }

    fn places_of(&self, id: Uuid) -> Result<Vec<Seq>, StoreError> {
        let ids = self.db.begin_read()?.open_table(t::IDS)?;
        let (first, mut last) = (id_key(id, None), [0xff; 32]);
        last[..16].copy_from_slice(id.as_bytes());
        let given = ids.range::<&[u8; 32]>(&first..=&last)?.map(|row| {
            let (_, value) = row?;
            Ok(Seq(u64::from_le_bytes(*value.value().first_chunk().expect("the value has 24 bytes"))))
        });
        // An id that the server gave stands in no table: it says itself where the event lies.
        given.chain(seq_of_event_id(id).map(Ok)).collect()
    }

    /// The block that holds that entry, which must be in the log.
    pub(super) fn block_of(&self, seq: u64) -> Result<Arc<Block>, StoreError> {
        let mut kept = self.blocks.lock().expect("no holder of this lock panics");
        if let Some(at) = kept.iter().position(|block| block.holds(seq)) {
            let block = kept.remove(at).expect("the position was just found");
            kept.push_front(block.clone());
            return Ok(block);
        }
        drop(kept);
        let block = Arc::new(self.read_block(seq)?);
        let mut kept = self.blocks.lock().expect("no holder of this lock panics");
        kept.push_front(block.clone());
        kept.truncate(BLOCKS_KEPT);
        Ok(block)
    }

    pub(super) fn read_block(&self, seq: u64) -> Result<Block, StoreError> {
        let read = self.db.begin_read()?;
        let (first, end) = extent_of(&read, seq, self.size().0)?;
        let count = end - first;
        let blocks = read.open_table(t::BLOCKS)?;
        let entries = match blocks.get(first)? {
            Some(block) => decode_block(first, block.value()).and_then(|entries| {
                let whole = entries.len() as u64 == count;
                whole
                    .then_some(entries)
                    .ok_or_else(|| StoreError::damaged("blocks", first, "entries are missing"))
            }),
            None => Err(StoreError::damaged("blocks", first, "the block is missing")),
        };
        let entries = match entries {
            Ok(entries) => check_leaves(&read, entries)?,
            Err(error) => (first..first + count)
                .map(|seq| Err(Damaged { seq: Seq(seq), what: error.to_string() }))
                .collect(),
        };
        let bytes = entries.iter().flatten().map(|stored| stored.entry.body.len() + HEAD_BYTES).sum();
        Ok(Block { first, bytes, entries })
    }
}

impl Block {
    /// Its entries from that one on.
    pub fn entries_from(&self, from: Seq) -> &[Read] {
        let passed = usize::try_from(from.0.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries.get(passed..).unwrap_or_default()
    }

    /// All of them.
    pub(super) fn into_entries(self) -> Vec<Read> {
        self.entries
    }

    /// The entry behind its last one.
    pub(super) fn end(&self) -> Seq {
        Seq(self.first + self.entries.len() as u64)
    }

    fn holds(&self, seq: u64) -> bool {
        (self.first..self.end().0).contains(&seq)
    }
}

/// Where the block that holds `seq` begins and ends. Where the index is damaged, the blocks themselves tell where each
/// begins, so that one bad row does not end whoever reads along the log.
fn extent_of(read: &ReadTransaction, seq: u64, size: u64) -> Result<(u64, u64), StoreError> {
    let index = read.open_table(t::BLOCK_INDEX)?;
    if let Some((first, row)) = index.range(..=seq)?.next_back().transpose()?
        && let Ok(summary) = BlockSummary::decode(first.value(), row.value())
        && seq < first.value() + u64::from(summary.entries)
    {
        return Ok((first.value(), first.value() + u64::from(summary.entries)));
    }
    let blocks = read.open_table(t::BLOCKS)?;
    let first = blocks.range(..=seq)?.next_back().transpose()?.map_or(0, |(first, _)| first.value());
    let next = blocks.range(seq + 1..)?.next().transpose()?.map(|(next, _)| next.value());
    Ok((first, next.unwrap_or(size)))
}

pub(super) fn decode_block(first: u64, block: &[u8]) -> Result<Vec<Entry>, StoreError> {
    archive::decode(block, Seq(first)).map_err(|error| StoreError::damaged("blocks", first, error))
}

/// The leaf hash of an entry, computed from what is stored of it.
pub(super) fn leaf_hash_of(entry: &Entry) -> Hash {
    merkle::leaf_hash(&merkle::leaf_of(entry))
}

/// Compares each entry with its leaf. Neighbours share a tile, so each tile is read once.
fn check_leaves(read: &ReadTransaction, entries: Vec<Entry>) -> Result<Vec<Read>, StoreError> {
    let tiles = read.open_table(t::TILES)?;
    let mut tile: (u64, Vec<Hash>) = (u64::MAX, Vec::new());
    let mut checked = Vec::with_capacity(entries.len());
    for entry in entries {
        let (index, place) = (entry.seq.0 / TILE_WIDTH as u64, (entry.seq.0 % TILE_WIDTH as u64) as usize);
        if tile.0 != index {
            let hashes = tiles.get((0, index))?.map(|row| row.value().as_chunks().0.to_vec());
            tile = (index, hashes.unwrap_or_default());
        }
        let leaf_hash = leaf_hash_of(&entry);
        checked.push(if tile.1.get(place) == Some(&leaf_hash) {
            Ok(Stored { entry, leaf_hash })
        } else {
            Err(Damaged { seq: entry.seq, what: "its hash is not the one in the tree".to_owned() })
        });
    }
    Ok(checked)
}

fn is_visible(entry: &Entry, scope: &Organizations) -> bool {
    if entry.kind != EntryKind::Event {
        return false;
    }
    match scope {
        Organizations::All => true,
        Organizations::Only(_) => crate::decode::stored(&entry.body, entry.received_at)
            .is_ok_and(|event| scope.allow(organization_of(entry, &event))),
    }
}
