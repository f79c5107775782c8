//! Signed checkpoints, kept for ever, and the tiles that proofs are made of.

use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::merkle::TreeHead;
use crate::model::{Hash, ReceivedAt, Seq};
use redb::{ReadableDatabase, ReadableTable};

const VERSION: u8 = 1;

/// A checkpoint as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// How many entries it covers.
    pub size: Seq,
    /// When it was signed.
    pub at: ReceivedAt,
    /// The signed note, to the letter.
    pub text: String,
}

impl Store {
    /// The newest checkpoint.
    pub fn checkpoint(&self) -> Result<Option<StoredCheckpoint>, StoreError> {
        let checkpoints = self.db.begin_read()?.open_table(t::CHECKPOINTS)?;
        checkpoints.last()?.map(|(size, row)| decode(size.value(), row.value())).transpose()
    }

    /// The first checkpoints from `size` on, at most `limit`.
    pub fn checkpoints(&self, size: Seq, limit: usize) -> Result<Vec<StoredCheckpoint>, StoreError> {
        let checkpoints = self.db.begin_read()?.open_table(t::CHECKPOINTS)?;
        let rows = checkpoints.range(size.0..)?.take(limit).map(|row| {
            let (size, row) = row?;
            decode(size.value(), row.value())
        });
        rows.collect()
    }

    /// The tree as of the last commit.
    pub fn tree_head(&self) -> TreeHead {
        let head = self.head();
        TreeHead { size: head.tree.size(), root: head.tree.root() }
    }

    /// The name under which checkpoints are signed; `None` before it is fixed.
    pub fn origin(&self) -> Result<Option<String>, StoreError> {
        let meta = self.db.begin_read()?.open_table(t::META)?;
        let origin = meta.get(t::META_ORIGIN)?.map(|value| String::from_utf8(value.value().to_vec()));
        let damaged = |_| StoreError::damaged("meta", t::META_ORIGIN, "the origin is not text");
        origin.transpose().map_err(damaged)
    }

    /// The hashes of a tile as far as they are there, full or partial; `None` where there is none.
    pub fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        let tiles = self.db.begin_read()?.open_table(t::TILES)?;
        Ok(tiles.get((level, index))?.map(|row| row.value().as_chunks().0.to_vec()))
    }
}

impl Txn<'_> {
    /// Fixes the name under which checkpoints are signed, once and for ever.
    pub fn fix_origin(&mut self, origin: &str) -> Result<(), StoreError> {
        self.writing().open_table(t::META)?.insert(t::META_ORIGIN, origin.as_bytes())?;
        Ok(())
    }

    /// Keeps a checkpoint. One of its size that is there already stays: what was published is never taken
    /// back.
    pub fn put_checkpoint(&mut self, checkpoint: &StoredCheckpoint) -> Result<(), StoreError> {
        let mut row = vec![VERSION];
        row.extend_from_slice(&checkpoint.at.0.to_le_bytes());
        row.extend_from_slice(checkpoint.text.as_bytes());
        let mut checkpoints = self.writing().open_table(t::CHECKPOINTS)?;
        if checkpoints.get(checkpoint.size.0)?.is_none() {
            checkpoints.insert(checkpoint.size.0, &row[..])?;
        }
        Ok(())
    }
}

pub(super) fn decode(size: u64, row: &[u8]) -> Result<StoredCheckpoint, StoreError> {
    let damaged = || StoreError::damaged("checkpoints", size, "the row is not a checkpoint");
    let (&version, rest) = row.split_first().ok_or_else(damaged)?;
    let (at, text) = rest.split_first_chunk().filter(|_| version == VERSION).ok_or_else(damaged)?;
    let text = String::from_utf8(text.to_vec()).map_err(|_| damaged())?;
    Ok(StoredCheckpoint { size: Seq(size), at: ReceivedAt(u64::from_le_bytes(*at)), text })
}
