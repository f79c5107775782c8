//! The walk along the log: threads read blocks ahead, and one puts what they bring together, in order.

use super::alerts::AlertsTold;
use super::books::{check_accounts, check_ids};
use super::piece::{Piece, Sources, stored_leaves};
use super::report::{Fault, Report};
use super::signatures::Signatures;
use super::{Anchors, CheckProgress};
use crate::merkle::{Tile, Tree};
use crate::model::{Activity, Hash, ReceivedAt, Seq, SourceId};
use crate::store::append::{Account, BlockSummary, accounts_in};
use crate::store::entries::decode_block;
use crate::store::error::StoreError;
use crate::store::open::Store;
use crate::store::tables as t;
use redb::{ReadTransaction, ReadableDatabase};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Blocks that are read ahead at a time. At about a megabyte unpacked, and unpacked only while they are hashed, this
/// bounds the memory.
const BLOCKS_AHEAD: usize = 64;
/// What each entry takes in the file at the least: its hash in a tile.
const LEAF_BYTES: u64 = 32;
/// Entries that are passed over at a time where they cannot be read; their hashes are held in memory.
const SKIPPED_AT_ONCE: u64 = 1 << 20;

type Progress<'p> = &'p mut dyn FnMut(CheckProgress) -> ControlFlow<()>;

/// What the threads share that read blocks.
struct Ahead<'a> {
    store: &'a Store,
    sources: Sources,
    threads: usize,
    end: u64,
}

/// What moves along the log.
struct Along<'a> {
    store: &'a Store,
    end: u64,
    tree: Tree,
    signatures: Signatures<'a>,
    alerts: AlertsTold,
    received_at: ReceivedAt,
    events: u64,
    /// Stored events by source.
    stored: HashMap<SourceId, u64>,
    ids: u64,
    bytes: u64,
    /// Entries that could not be read.
    unread: u64,
}

/// One check, from where it ends to what it found.
pub(super) struct Walk<'a> {
    anchors: &'a Anchors,
    ahead: Ahead<'a>,
    along: Along<'a>,
    /// What the books said when the check began.
    accounts: Vec<(SourceId, Account)>,
}

/// How many entries there are.
pub(super) struct Size {
    pub(super) entries: u64,
    /// Whether a row speaks of entries that a file of its length cannot hold.
    is_beyond: bool,
}

/// How many entries there are, by the block index or by the blocks, whichever tells of more. A damaged number must not
/// send the walk on for ever, so only as many count as the file has room for.
pub(super) fn size_of(store: &Store, read: &ReadTransaction) -> Result<Size, StoreError> {
    let room = store.bytes().map_or(u64::MAX, |bytes| bytes / LEAF_BYTES);
    let (index, blocks) = (read.open_table(t::BLOCK_INDEX)?, read.open_table(t::BLOCKS)?);
    let by_index = index.range(..room)?.next_back().transpose()?.map(|(first, row)| {
        let summary = BlockSummary::decode(first.value(), row.value());
        first.value().saturating_add(summary.map_or(1, |summary| u64::from(summary.entries)))
    });
    let by_blocks = blocks.range(..room)?.next_back().transpose()?.map(|(first, block)| {
        let entries = decode_block(first.value(), block.value());
        first.value().saturating_add(entries.map_or(1, |entries| entries.len() as u64))
    });
    let entries = by_index.max(by_blocks).unwrap_or_default();
    let is_behind = index.range(room..)?.next().is_some() || blocks.range(room..)?.next().is_some();
    Ok(Size { entries: entries.min(room), is_beyond: is_behind || entries > room })
}

impl<'a> Walk<'a> {
    /// Fixes where the walk ends.
    pub(super) fn begin(
        store: &'a Store,
        anchors: &'a Anchors,
        threads: usize,
        report: &mut Report,
    ) -> Result<Walk<'a>, StoreError> {
        let keys = store.keys().unwrap_or_else(|error| {
            report.note(Fault::Altered, None, error);
            Vec::new()
        });
        let (end, accounts) = {
            let read = store.db.begin_read()?;
            (size_of(store, &read)?, accounts_in(&read)?)
        };
        if end.is_beyond {
            let what = "the block index or a block speaks of more entries than the file has room for";
            report.note(Fault::Altered, None, what);
        }
        let end = end.entries;
        report.entries = end;
        if end == 0 {
            report.note(Fault::Missing, Some(0), "the log has no entries");
        }
        let along = Along {
            store,
            end,
            tree: Tree::default(),
            signatures: Signatures::new(store, end, anchors, report),
            alerts: AlertsTold::default(),
            received_at: ReceivedAt(0),
            events: 0,
            stored: HashMap::new(),
            ids: 0,
            bytes: 0,
            unread: 0,
        };
        let ahead = Ahead { store, sources: Sources::new(keys), threads: threads.max(1), end };
        Ok(Walk { anchors, ahead, along, accounts })
    }

    pub(super) fn run(
        mut self,
        report: &mut Report,
        progress: Progress<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let mut planned = self.ahead.plan(0)?;
        let mut pieces = self.ahead.read_all(&planned);
        while !planned.is_empty() {
            let next = self.ahead.plan(planned.last().map_or(self.ahead.end, |first| first + 1))?;
            // The next blocks are read while these are put together.
            let (ahead, along) = (&self.ahead, &mut self.along);
            let (done, read) = std::thread::scope(|scope| {
                let reading = scope.spawn(|| ahead.read_all(&next));
                let done = along.take_all(pieces, ahead, report, progress);
                (done, reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            });
            if done?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            (planned, pieces) = (next, read);
        }
        if self.along.up_to(self.ahead.end, &self.ahead, report, progress)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        self.finish(report)?;
        Ok(ControlFlow::Continue(()))
    }

    fn finish(mut self, report: &mut Report) -> Result<(), StoreError> {
        self.along.edge(report)?;
        report.root = self.along.tree.root();
        report.events = self.along.events;
        report.alerts = self.along.alerts.count();
        self.along.signatures.finish(self.anchors, report)?;
        if self.along.unread > 0 {
            let unread = self.along.unread;
            report
                .not_checked
                .push(format!("what the {unread} entries that cannot be read said of alerts, ids and books"));
            return Ok(());
        }
        if self.along.alerts.uncounted > 0 {
            let uncounted = self.along.alerts.uncounted;
            report.not_checked.push(format!("whether the log tells of each of the last {uncounted} alerts"));
        }
        check_accounts(&self.accounts, &self.along.stored, report);
        check_ids(self.ahead.store, self.ahead.end, self.along.ids, report)?;
        self.along.alerts.compare(self.ahead.store, Seq(self.ahead.end), report)?;
        report.all_read = true;
        Ok(())
    }
}

impl Ahead<'_> {
    /// Where the next blocks begin, from that entry on, by the index. Behind a row that is out of order the index is
    /// of no more use: what is left is read from entry to entry, which tells of the rows that are missing.
    fn plan(&self, from: u64) -> Result<Vec<u64>, StoreError> {
        if from >= self.end {
            return Ok(Vec::new());
        }
        let index = self.store.db.begin_read()?.open_table(t::BLOCK_INDEX)?;
        let mut firsts = Vec::new();
        let mut next = from;
        for row in index.range(from..self.end)?.take(BLOCKS_AHEAD) {
            let first = row?.0.value();
            if first < next {
                break;
            }
            firsts.push(first);
            next = first + 1;
        }
        Ok(firsts)
    }

    /// Reads these blocks, several at once.
    fn read_all(&self, firsts: &[u64]) -> Vec<Piece> {
        let next = AtomicUsize::new(0);
        let read = Mutex::new(Vec::with_capacity(firsts.len()));
        std::thread::scope(|scope| {
            for _ in 0..self.threads.min(firsts.len()) {
                scope.spawn(|| {
                    while let Some(first) = firsts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let piece = self.read(*first);
                        read.lock().unwrap_or_else(PoisonError::into_inner).push(piece);
                    }
                });
            }
        });
        let mut read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
        read.sort_by_key(|piece| piece.first);
        read
    }

    /// One block, whatever happens: damage is what is looked for.
    fn read(&self, first: u64) -> Piece {
        let reading = AssertUnwindSafe(|| Piece::read(self.store, &self.sources, first));
        match catch_unwind(reading) {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => Piece::failed(first, &error.to_string()),
            Err(_) => Piece::failed(first, "the database panicked while the block was read"),
        }
    }
}

impl Along<'_> {
    fn take_all(
        &mut self,
        pieces: Vec<Piece>,
        ahead: &Ahead<'_>,
        report: &mut Report,
        progress: Progress<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        for piece in pieces {
            if self.up_to(piece.first, ahead, report, progress)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if piece.first < self.tree.size() {
                report.note(
                    Fault::Altered,
                    Some(piece.first),
                    "the block index has a row that points into a block",
                );
                continue;
            }
            self.take(piece, report)?;
            if progress(self.come()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn come(&self) -> CheckProgress {
        CheckProgress { entries: self.tree.size(), of: self.end, bytes: self.bytes }
    }

    /// Goes on to that entry where the index leads past what lies ahead of it.
    fn up_to(
        &mut self,
        seq: u64,
        ahead: &Ahead<'_>,
        report: &mut Report,
        progress: Progress<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        while self.tree.size() < seq {
            let piece = ahead.read(self.tree.size());
            self.take(piece, report)?;
            if progress(self.come()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn take(&mut self, piece: Piece, report: &mut Report) -> Result<(), StoreError> {
        self.bytes += piece.bytes;
        for (fault, seq, what) in &piece.findings {
            report.note(*fault, Some(*seq), what);
        }
        if piece.leaves.is_empty() {
            return self.skip(&piece, report);
        }
        let counted = piece.counted.map(|counted| BlockSummary { events_before: self.events, ..counted });
        if piece.summary.is_some() && piece.summary != counted {
            report.note(
                Fault::Altered,
                Some(piece.first),
                "the block index does not say what the block holds",
            );
        }
        let mut activities = piece.activities.iter().peekable();
        for (seq, leaf) in (piece.first..).zip(&piece.leaves) {
            if leaf.received_at < self.received_at {
                report.note(Fault::Altered, Some(seq), "the entry was received before the one ahead of it");
            }
            self.received_at = leaf.received_at;
            if let Some(source) = leaf.source {
                *self.stored.entry(source).or_default() += 1;
                self.signatures.event(seq, leaf.received_at, report);
            }
            if let Some((seq, at, activity)) = activities.next_if(|(at, ..)| at.0 == seq) {
                self.signatures.take(*seq, activity, report)?;
                self.alerts.take(self.store, (*seq, *at), activity, report)?;
                self.check_first(*seq, activity, report);
            }
            self.push(leaf.hash, report)?;
        }
        self.events += counted.map_or(0, |counted| u64::from(counted.events));
        self.ids += piece.ids;
        Ok(())
    }

    /// The first entry says which log it is.
    fn check_first(&self, seq: Seq, activity: &Activity, report: &mut Report) {
        let is_other = match activity {
            Activity::LogCreated { log_id, .. } => seq != Seq(0) || *log_id != self.store.log_id(),
            _ => seq == Seq(0),
        };
        if is_other {
            report.note(Fault::Altered, Some(seq.0), "the log does not begin with the entry of its making");
        }
    }

    /// Goes on behind a block that cannot be read, taking its leaves from the tiles so that the rest can be checked.
    fn skip(&mut self, piece: &Piece, report: &mut Report) -> Result<(), StoreError> {
        let first = piece.first;
        let (next, leaves) = {
            let read = self.store.db.begin_read()?;
            let next = read.open_table(t::BLOCK_INDEX)?.range(first + 1..)?.next().transpose()?;
            let next = next.map(|(key, _)| key.value());
            let next = read
                .open_table(t::BLOCKS)?
                .range(first + 1..)?
                .next()
                .transpose()?
                .map_or(next, |(key, _)| Some(next.map_or(key.value(), |next| next.min(key.value()))));
            let counted = piece.summary.map(|summary| first + u64::from(summary.entries));
            let end = next
                .or(counted)
                .unwrap_or(self.end)
                .min(self.end)
                .min(first + SKIPPED_AT_ONCE)
                .max(first + 1);
            (end, stored_leaves(&read, first, (end - first) as usize)?)
        };
        self.unread += next - first;
        for leaf in leaves {
            self.push(leaf.unwrap_or_default(), report)?;
        }
        self.events += piece.summary.map_or(0, |summary| u64::from(summary.events));
        Ok(())
    }

    fn push(&mut self, leaf: Hash, report: &mut Report) -> Result<(), StoreError> {
        let mut filled = Vec::new();
        self.tree.push(leaf, |tile| filled.push(tile));
        filled.iter().try_for_each(|tile| self.check_tile(tile, report))?;
        let tree = &self.tree;
        self.signatures.at_size(tree.size(), &|| tree.root(), report)
    }

    fn check_tile(&self, tile: &Tile, report: &mut Report) -> Result<(), StoreError> {
        let tiles = self.store.db.begin_read()?.open_table(t::TILES)?;
        let row = tiles.get((tile.level, tile.index))?;
        let hashes = tile.hashes.as_flattened();
        // The log may have grown since, and with it a tile at the edge.
        if row.is_none_or(|row| row.value().get(..hashes.len()) != Some(hashes)) {
            let (level, index) = (tile.level, tile.index);
            // Which entry it is, is said where each is compared with its own hash.
            let what = format!("tile {index} of level {level} does not follow from the entries");
            report.note(Fault::Altered, None, what);
        }
        Ok(())
    }

    /// The partial tiles at the right edge.
    fn edge(&mut self, report: &mut Report) -> Result<(), StoreError> {
        let partial: Vec<Tile> = self.tree.partial_tiles().collect();
        partial.iter().try_for_each(|tile| self.check_tile(tile, report))
    }
}
