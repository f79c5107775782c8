//! The write transaction: what one commit will make durable.

use super::error::StoreError;
use super::open::{Head, Store};
use super::tables as t;
use crate::merkle::Tile;
use crate::model::{Alert, Entry, ReceivedAt, Seq};
use redb::{Durability, ReadableDatabase, WriteTransaction};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One write transaction. Its methods are the appliance's use cases: each either does the whole of what it
/// says or, when it answers with a refusal, has written nothing, so that several can share a commit. Dropping
/// it undoes everything.
pub struct Txn<'s> {
    pub(super) store: &'s Store,
    write: WriteTransaction,
    touched: bool,
    /// The alerts that it changes, as lists show them.
    pub(super) alerts_changed: Vec<Alert>,
    /// Whether something was put into the outbox.
    pub(super) outbox_changed: bool,
    /// The end of the log with what this transaction appended.
    pub(super) head: Head,
    /// Entries that are not in a block yet, and their event times in ms where they are events.
    pub(super) pending: Vec<Entry>,
    pub(super) pending_bytes: usize,
    pub(super) pending_times: Vec<i64>,
    pub(super) filled_tiles: Vec<Tile>,
}

impl Store {
    /// What the last [`Txn::probe`] that was committed wrote.
    pub fn probed(&self) -> Result<Option<u64>, StoreError> {
        let row = self.db.begin_read()?.open_table(t::META)?.get(t::META_PROBED)?;
        Ok(row.and_then(|row| row.value().try_into().ok().map(u64::from_le_bytes)))
    }
}

impl<'s> Txn<'s> {
    pub(super) fn begin(store: &'s Store, now: ReceivedAt) -> Result<Txn<'s>, StoreError> {
        let mut write = store.db.begin_write()?;
        write.set_durability(Durability::Immediate).map_err(|error| StoreError::Database(error.into()))?;
        // Implies two-phase commit, and lets the file open at once after a kill instead of after a walk
        // through all of it.
        write.set_quick_repair(true);
        let mut head = Head::clone(&store.head());
        head.received_at = head.received_at.max(now);
        Ok(Txn {
            store,
            write,
            touched: false,
            alerts_changed: Vec::new(),
            outbox_changed: false,
            head,
            pending: Vec::new(),
            pending_bytes: 0,
            pending_times: Vec::new(),
            filled_tiles: Vec::new(),
        })
    }

    /// When everything in this transaction counts as received.
    pub fn now(&self) -> ReceivedAt {
        self.head.received_at
    }

    /// The number that the next appended entry will get.
    pub fn size(&self) -> Seq {
        Seq(self.head.tree.size())
    }

    /// Makes everything durable and visible. After an error nobody knows what is on disk: the process must
    /// end.
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.flush_block()?;
        if !self.touched {
            self.write.abort()?;
            return Ok(());
        }
        self.write_tiles()?;
        self.write.commit()?;
        if !self.alerts_changed.is_empty() {
            self.store.alert_list.update(std::mem::take(&mut self.alerts_changed));
            self.store.alerts_version.fetch_add(1, Ordering::Release);
        }
        if self.outbox_changed {
            self.store.outbox_version.fetch_add(1, Ordering::Release);
        }
        *self.store.head.write().expect("no holder of this lock panics") = Arc::new(self.head);
        Ok(())
    }

    /// Writes a row that says nothing but what is returned, so that a commit shows whether the disk takes one.
    pub fn probe(&mut self) -> Result<u64, StoreError> {
        let now = self.now().0;
        self.writing().open_table(t::META)?.insert(t::META_PROBED, &now.to_le_bytes()[..])?;
        Ok(now)
    }

    /// The transaction to read from.
    pub(super) fn reading(&self) -> &WriteTransaction {
        &self.write
    }

    /// The transaction to write to, which makes the commit necessary.
    pub(super) fn writing(&mut self) -> &WriteTransaction {
        self.touched = true;
        &self.write
    }

    fn write_tiles(&mut self) -> Result<(), StoreError> {
        let filled = std::mem::take(&mut self.filled_tiles);
        let partial: Vec<Tile> = self.head.tree.partial_tiles().collect();
        let mut tiles = self.write.open_table(t::TILES)?;
        for tile in filled.iter().chain(&partial) {
            tiles.insert((tile.level, tile.index), tile.hashes.as_flattened())?;
        }
        Ok(())
    }
}
