//! One block on its way through a check: read, unpacked, hashed, each event held against what is stored of it.
//! Several threads do this at once; nothing here depends on other blocks.

use super::evidence::check_evidence;
use super::report::Fault;
use crate::archive;
use crate::decode;
use crate::integrity;
use crate::merkle::TILE_WIDTH;
use crate::model::{
    Activity, ApiKey, AuditEvent, Entry, EntryFlags, EntryKind, Hash, ReceivedAt, Seq, SourceId, Verdict,
    organization_of, seq_of_event_id,
};
use crate::store::append::{BlockSummary, id_key};
use crate::store::entries::leaf_hash_of;
use crate::store::error::StoreError;
use crate::store::open::Store;
use crate::store::tables as t;
use redb::{ReadTransaction, ReadableDatabase};
use std::collections::HashMap;

/// What is known of the sources beside their events.
pub(super) struct Sources(HashMap<SourceId, Source>);

struct Source {
    organization: Option<String>,
    signing: Option<integrity::Key>,
}

impl Sources {
    pub(super) fn new(keys: Vec<ApiKey>) -> Sources {
        let sources = keys.into_iter().map(|key| {
            let signing = key.signing_secret.as_ref().map(integrity::Key::new);
            (key.id, Source { organization: key.organization, signing })
        });
        Sources(sources.collect())
    }
}

/// What came of one block.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) first: u64,
    /// Bytes that were read.
    pub(super) bytes: u64,
    /// Nothing where the block cannot be read.
    pub(super) leaves: Vec<CheckedLeaf>,
    /// What the block index says of it.
    pub(super) summary: Option<BlockSummary>,
    /// Entries that the index should tell of.
    pub(super) counted: Option<BlockSummary>,
    pub(super) activities: Vec<(Seq, ReceivedAt, Activity)>,
    /// Events whose id is in the table of ids.
    pub(super) ids: u64,
    pub(super) findings: Vec<(Fault, u64, String)>,
}

/// What goes on into the tree and the books.
pub(super) struct CheckedLeaf {
    pub(super) hash: Hash,
    pub(super) received_at: ReceivedAt,
    /// Of an event.
    pub(super) source: Option<SourceId>,
}

impl Piece {
    /// Reads the block that begins there.
    pub(super) fn read(store: &Store, sources: &Sources, first: u64) -> Result<Piece, StoreError> {
        let read = store.db.begin_read()?;
        let mut piece = Piece { first, ..Piece::default() };
        let row =
            read.open_table(t::BLOCK_INDEX)?.get(first)?.map(|row| BlockSummary::decode(first, row.value()));
        match row {
            Some(Ok(summary)) => piece.summary = Some(summary),
            Some(Err(error)) => piece.alter(first, error.to_string()),
            None => piece.find(Fault::Missing, first, "the block index has no row of this block"),
        }
        let Some(block) = read.open_table(t::BLOCKS)?.get(first)?.map(|row| row.value().to_vec()) else {
            piece.find(Fault::Missing, first, "the block is missing");
            return Ok(piece);
        };
        piece.bytes = block.len() as u64;
        let entries = match archive::decode(&block, Seq(first)) {
            Ok(entries) if entries.is_empty() => return Ok(piece.unreadable("the block is empty")),
            Ok(entries) => entries,
            Err(error) => {
                // Where it still unpacks, the tree tells which entry it is.
                let salvaged = archive::salvage(&block, Seq(first)).unwrap_or_default();
                let first_wrong = first_wrong(&read, &salvaged)?.unwrap_or(first);
                piece.alter(first_wrong, format!("the block from entry {first} on cannot be read: {error}"));
                return Ok(piece);
            }
        };
        let stored = stored_leaves(&read, first, entries.len())?;
        let mut check = EventCheck { store, sources, read: &read, piece };
        entries.iter().zip(stored).try_for_each(|(entry, leaf)| check.entry(entry, leaf))?;
        let mut piece = check.piece;
        check_evidence(&read, &entries, &mut piece)?;
        Ok(piece)
    }

    /// A block that cannot be read, and why.
    pub(super) fn failed(first: u64, why: &str) -> Piece {
        Piece { first, ..Piece::default() }.unreadable(why)
    }

    pub(super) fn alter(&mut self, seq: u64, what: impl Into<String>) {
        self.find(Fault::Altered, seq, what);
    }

    pub(super) fn find(&mut self, fault: Fault, seq: u64, what: impl Into<String>) {
        self.findings.push((fault, seq, what.into()));
    }

    fn unreadable(mut self, why: &str) -> Piece {
        self.alter(self.first, why);
        self
    }
}

/// The hashes that the tree has for these places.
pub(super) fn stored_leaves(
    read: &ReadTransaction,
    first: u64,
    count: usize,
) -> Result<Vec<Option<Hash>>, StoreError> {
    let tiles = read.open_table(t::TILES)?;
    let width = TILE_WIDTH as u64;
    let mut leaves = Vec::with_capacity(count);
    let end = first + count as u64;
    for index in first / width..end.div_ceil(width) {
        let hashes: Vec<Hash> =
            tiles.get((0, index))?.map_or_else(Vec::new, |row| row.value().as_chunks().0.to_vec());
        let from = first.max(index * width);
        let to = end.min((index + 1) * width);
        leaves.extend((from..to).map(|seq| hashes.get((seq % width) as usize).copied()));
    }
    Ok(leaves)
}

fn first_wrong(read: &ReadTransaction, entries: &[Entry]) -> Result<Option<u64>, StoreError> {
    let Some(first) = entries.first() else { return Ok(None) };
    let stored = stored_leaves(read, first.seq.0, entries.len())?;
    let wrong = entries.iter().zip(stored).find(|(entry, leaf)| *leaf != Some(leaf_hash_of(entry)));
    Ok(wrong.map(|(entry, _)| entry.seq.0))
}

/// Checks the entries of one block, one after the other.
struct EventCheck<'a> {
    store: &'a Store,
    sources: &'a Sources,
    read: &'a ReadTransaction,
    piece: Piece,
}

impl EventCheck<'_> {
    fn entry(&mut self, entry: &Entry, stored: Option<Hash>) -> Result<(), StoreError> {
        let hash = leaf_hash_of(entry);
        if stored != Some(hash) {
            self.piece.alter(entry.seq.0, "the entry's hash is not the one in the tree");
        }
        let is_event = entry.kind == EntryKind::Event;
        let source = is_event.then_some(entry.source);
        self.piece.leaves.push(CheckedLeaf { hash, received_at: entry.received_at, source });
        let counted = self.piece.counted.get_or_insert(BlockSummary::EMPTY);
        counted.entries += 1;
        match entry.kind {
            EntryKind::Event => match decode::stored(&entry.body, entry.received_at) {
                Ok(event) => self.event(entry, &event)?,
                Err(fault) => {
                    counted.events += 1;
                    self.piece.alter(entry.seq.0, format!("the event cannot be decoded: {}", fault.code));
                }
            },
            EntryKind::Activity => match serde_json::from_slice(&entry.body) {
                Ok(activity) => self.piece.activities.push((entry.seq, entry.received_at, activity)),
                Err(_) => self.piece.alter(entry.seq.0, "the entry is of no kind that this program knows"),
            },
        }
        Ok(())
    }

    fn event(&mut self, entry: &Entry, event: &AuditEvent<'_>) -> Result<(), StoreError> {
        let seq = entry.seq.0;
        let counted = self.piece.counted.get_or_insert(BlockSummary::EMPTY);
        counted.count_event(event.timestamp.as_millisecond());
        // The leaf covers the body and not what was noted beside it, so that is held against the body.
        if !self.is_true_verdict(entry, event) {
            let name = entry.verdict.name();
            self.piece.alter(seq, format!("the stored verdict {name:?} is not what checking its hash gives"));
        }
        let assigned = EntryFlags::TIME_ASSIGNED;
        if entry.flags.has(assigned) != event.timestamp_text.is_none() {
            self.piece.alter(seq, "the stored flags do not fit the event's time");
        }
        if let Some(source) = self.sources.0.get(&entry.source) {
            let own = event.organization_id.as_deref().is_some_and(|name| !name.is_empty());
            if entry.assigned_organization != source.organization.clone().filter(|_| !own) {
                self.piece.alter(seq, "the stored organisation is not that of the API key that sent it");
            }
        }
        self.id(entry, event)
    }

    /// The same check as at intake, as far as the key is known: a secret from the settings is not.
    fn is_true_verdict(&self, entry: &Entry, event: &AuditEvent<'_>) -> bool {
        let key = self.sources.0.get(&entry.source).and_then(|source| source.signing.as_ref());
        let found = integrity::verify(event, &entry.body, key).verdict;
        match (found, key) {
            (Verdict::Verified, None) => !matches!(entry.verdict, Verdict::HashMismatch),
            _ => found == entry.verdict,
        }
    }

    fn id(&mut self, entry: &Entry, event: &AuditEvent<'_>) -> Result<(), StoreError> {
        let seq = entry.seq.0;
        let Some(given) = event.id else {
            if seq_of_event_id(entry.id) != Some(entry.seq) {
                self.piece.alter(seq, "the stored id is none that the appliance gave");
            }
            return Ok(());
        };
        if given != entry.id {
            self.piece.alter(seq, "the stored id is not the event's");
            return Ok(());
        }
        let key = id_key(given, organization_of(entry, event));
        let row = self.read.open_table(t::IDS)?.get(&key)?.map(|row| *row.value());
        let mut wanted = [0; 24];
        wanted[..8].copy_from_slice(&seq.to_le_bytes());
        wanted[8..].copy_from_slice(&self.store.content_digest(&entry.body));
        match row {
            Some(row) if row == wanted => self.piece.ids += 1,
            Some(_) => {
                self.piece.ids += 1;
                self.piece.alter(seq, "the table of ids says something else of this entry's id");
            }
            None => self.piece.find(Fault::Missing, seq, "the table of ids does not know this entry's id"),
        }
        Ok(())
    }
}
