//! Appending to the log: numbers, ids, leaves and blocks.

use super::error::StoreError;
use super::tables as t;
use super::txn::Txn;
use crate::archive;
use crate::merkle;
use crate::model::{
    Activity, Appended, Draft, Entry, EntryFlags, EntryKind, Hash, Placed, Seq, SourceId, Verdict, event_id,
};
use redb::ReadableTable;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a request brought, for the books: received = stored + duplicate + rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Events that came in.
    pub received: u64,
    /// Newly in the log.
    pub stored: u64,
    /// In the log before.
    pub duplicate: u64,
    /// Answered with an error.
    pub rejected: u64,
}

impl Txn<'_> {
    /// Appends events in their order; what was there before is found by its id. A conflict becomes an entry
    /// of its own.
    pub fn append_events(&mut self, drafts: Vec<Draft>) -> Result<Vec<Appended>, StoreError> {
        drafts.into_iter().map(|draft| self.append_event(draft)).collect()
    }

    fn append_event(&mut self, draft: Draft) -> Result<Appended, StoreError> {
        if let Some(id) = draft.id {
            let key = id_key(id, draft.organization.as_deref());
            if let Some(known) = self.find_id(&key)? {
                return self.answer_known(id, known, draft);
            }
            let mut value = [0; 24];
            value[..8].copy_from_slice(&self.size().0.to_le_bytes());
            value[8..].copy_from_slice(&draft.content_digest);
            self.writing().open_table(t::IDS)?.insert(&key, &value)?;
        }
        let (seq, received_at) = (self.size(), self.now());
        let random = u32::from_le_bytes(*draft.salt.first_chunk().expect("a salt has 32 bytes"));
        let id = draft.id.unwrap_or_else(|| event_id(received_at, seq, random));
        let time = draft.timestamp.unwrap_or_else(|| received_at.timestamp());
        let suspect = time.duration_since(received_at.timestamp()) > self.store.lateness;
        let entry = Entry {
            seq,
            kind: EntryKind::Event,
            received_at,
            salt: draft.salt,
            id,
            source: draft.source,
            verdict: draft.verdict,
            flags: draft.flags.with(EntryFlags::TIME_SUSPECT, suspect),
            assigned_organization: draft.organization.filter(|_| draft.organization_assigned),
            body: draft.body,
        };
        self.head.events += 1;
        self.push(entry, &draft.body_digest, Some(time.as_millisecond()))?;
        Ok(Appended::Stored(Placed { seq, id }))
    }

    fn find_id(&self, key: &[u8; 32]) -> Result<Option<[u8; 24]>, StoreError> {
        Ok(self.reading().open_table(t::IDS)?.get(key)?.map(|value| *value.value()))
    }

    fn answer_known(&mut self, id: Uuid, known: [u8; 24], draft: Draft) -> Result<Appended, StoreError> {
        let (seq, digest) = known.split_first_chunk::<8>().expect("the value has 24 bytes");
        if *digest == draft.content_digest {
            return Ok(Appended::Duplicate(Placed { seq: Seq(u64::from_le_bytes(*seq)), id }));
        }
        self.append_activity_from(
            draft.source,
            &Activity::IdConflict {
                id,
                organization: draft.organization,
                refused_sha256: Sha256::digest(&draft.body).into(),
            },
        )?;
        Ok(Appended::Conflict)
    }

    /// Appends what a person or the appliance itself did.
    pub fn append_activity(&mut self, activity: &Activity) -> Result<Seq, StoreError> {
        self.append_activity_from(SourceId(0), activity)
    }

    /// Appends what a source did that is not an event.
    pub fn append_activity_from(&mut self, source: SourceId, activity: &Activity) -> Result<Seq, StoreError> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).expect("the kernel's random source is always there once the host is up");
        let body = serde_json::to_vec(activity).expect("an activity has only string keys");
        let (seq, digest) = (self.size(), merkle::body_digest(&salt, &body));
        let entry = Entry {
            seq,
            kind: EntryKind::Activity,
            received_at: self.now(),
            salt,
            id: Uuid::nil(),
            source,
            verdict: Verdict::Verified,
            flags: EntryFlags::default(),
            assigned_organization: None,
            body,
        };
        self.push(entry, &digest, None)?;
        if let Some(alert) = activity.alert() {
            let told = u8::from(matches!(activity, Activity::AlertNotified { .. }));
            self.writing().open_table(t::ENTRIES_OF_ALERT)?.insert((alert.as_bytes(), seq.0), told)?;
        }
        Ok(seq)
    }

    fn push(&mut self, entry: Entry, body_digest: &Hash, event_ms: Option<i64>) -> Result<(), StoreError> {
        let leaf = merkle::leaf_bytes(entry.kind, entry.seq, entry.received_at, body_digest);
        let filled = &mut self.filled_tiles;
        self.head.tree.push(merkle::leaf_hash(&leaf), |tile| filled.push(tile));
        self.pending_bytes += entry.body.len();
        self.pending_times.extend(event_ms);
        self.pending.push(entry);
        if self.pending_bytes >= archive::BLOCK_BYTES_MAX { self.flush_block() } else { Ok(()) }
    }

    pub(super) fn flush_block(&mut self) -> Result<(), StoreError> {
        let Some(first) = self.pending.first().map(|entry| entry.seq.0) else { return Ok(()) };
        let entries = std::mem::take(&mut self.pending);
        let times = std::mem::take(&mut self.pending_times);
        self.pending_bytes = 0;
        let events = u32::try_from(times.len()).expect("a block has fewer than 2^32 entries");
        let summary = BlockSummary {
            entries: u32::try_from(entries.len()).expect("a block has fewer than 2^32 entries"),
            events,
            events_before: self.head.events - u64::from(events),
            first_ms: times.iter().copied().min().unwrap_or(i64::MAX),
            last_ms: times.iter().copied().max().unwrap_or(i64::MIN),
        };
        let block = archive::encode(&entries);
        let write = self.writing();
        write.open_table(t::BLOCKS)?.insert(first, &block[..])?;
        write.open_table(t::BLOCK_INDEX)?.insert(first, &summary.encode()[..])?;
        Ok(())
    }

    /// Enters what a request brought into the books of its source.
    pub fn account(&mut self, source: SourceId, account: Account) -> Result<(), StoreError> {
        let mut accounts = self.writing().open_table(t::ACCOUNTS)?;
        let before =
            accounts.get(source.0)?.map(|value| Account::decode(source, value.value())).transpose()?;
        let sum = before.unwrap_or_default().plus(account);
        accounts.insert(source.0, &sum.encode()[..])?;
        Ok(())
    }
}

impl super::Store {
    /// The books of every source that has sent something.
    pub fn accounts(&self) -> Result<Vec<(SourceId, Account)>, StoreError> {
        use redb::ReadableDatabase;
        accounts_in(&self.db.begin_read()?)
    }
}

/// The books as that transaction sees them.
pub(super) fn accounts_in(read: &redb::ReadTransaction) -> Result<Vec<(SourceId, Account)>, StoreError> {
    let accounts = read.open_table(t::ACCOUNTS)?;
    let rows = accounts.iter()?.map(|row| {
        let (source, value) = row?;
        let source = SourceId(source.value());
        Ok((source, Account::decode(source, value.value())?))
    });
    rows.collect()
}

impl Account {
    /// Both together.
    pub fn plus(self, other: Account) -> Account {
        Account {
            received: self.received + other.received,
            stored: self.stored + other.stored,
            duplicate: self.duplicate + other.duplicate,
            rejected: self.rejected + other.rejected,
        }
    }

    /// By how many events the books do not add up.
    pub fn unaccounted(self) -> u64 {
        self.received.abs_diff(self.stored + self.duplicate + self.rejected)
    }

    fn encode(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let numbers = [self.received, self.stored, self.duplicate, self.rejected];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    fn decode(source: SourceId, bytes: &[u8]) -> Result<Account, StoreError> {
        let ([a, b, c, d], []) = bytes.as_chunks::<8>() else {
            return Err(StoreError::damaged("accounts", source.0, "the row is not four numbers"));
        };
        let [received, stored, duplicate, rejected] = [a, b, c, d].map(|bytes| u64::from_le_bytes(*bytes));
        Ok(Account { received, stored, duplicate, rejected })
    }
}

/// The key of an id: unique within its organisation, and found by the id alone as a range.
pub(super) fn id_key(id: Uuid, organization: Option<&str>) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(id.as_bytes());
    if let Some(name) = organization {
        let digest: Hash = Sha256::digest(name).into();
        key[16..].copy_from_slice(&digest[..16]);
    }
    key
}

/// What stands in the block index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockSummary {
    pub(super) entries: u32,
    pub(super) events: u32,
    /// Events in all blocks before.
    pub(super) events_before: u64,
    /// Earliest event time, ms since 1970, rounded down; `i64::MAX` without events.
    pub(super) first_ms: i64,
    /// Latest event time; `i64::MIN` without events.
    pub(super) last_ms: i64,
}

impl BlockSummary {
    /// Of a block without entries.
    pub(super) const EMPTY: BlockSummary =
        BlockSummary { entries: 0, events: 0, events_before: 0, first_ms: i64::MAX, last_ms: i64::MIN };

    /// Of a block that could hold anything.
    pub(super) const UNKNOWN: BlockSummary = BlockSummary {
        entries: u32::MAX,
        events: u32::MAX,
        events_before: 0,
        first_ms: i64::MIN,
        last_ms: i64::MAX,
    };

    /// Enters the time of one event.
    pub(super) fn count_event(&mut self, ms: i64) {
        self.events += 1;
        self.first_ms = self.first_ms.min(ms);
        self.last_ms = self.last_ms.max(ms);
    }

    pub(super) fn encode(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&self.entries.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.events.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.events_before.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_ms.to_le_bytes());
        bytes[24..].copy_from_slice(&self.last_ms.to_le_bytes());
        bytes
    }

    pub(super) fn decode(first: u64, bytes: &[u8]) -> Result<BlockSummary, StoreError> {
        let ([a, b, c, d], []) = bytes.as_chunks::<8>() else {
            return Err(StoreError::damaged("block_index", first, "the row has the wrong length"));
        };
        let counts = u64::from_le_bytes(*a);
        Ok(BlockSummary {
            entries: counts as u32,
            events: (counts >> 32) as u32,
            events_before: u64::from_le_bytes(*b),
            first_ms: i64::from_le_bytes(*c),
            last_ms: i64::from_le_bytes(*d),
        })
    }
}
