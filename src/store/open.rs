//! Opening the store: making the file whole or not at all.

use super::alert_list::AlertList;
use super::alerts::AlertCounts;
use super::append::BlockSummary;
use super::error::StoreError;
use super::migrate::{FORMAT_VERSION, free_beside, migrate};
use super::overlay::Overlay;
use super::tables as t;
use super::{DirLock, Txn};
use crate::merkle::{TILE_WIDTH, Tree};
use crate::model::{Activity, Entry, Hash, ReceivedAt, Seq};
use jiff::SignedDuration;
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, WriteTransaction};
use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

/// How the store is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of the file that redb may keep in memory.
    pub cache_bytes: usize,
    /// How far an event's time may lie after its receipt before it is marked as suspect.
    pub lateness: SignedDuration,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_bytes: 128 << 20, lateness: SignedDuration::from_mins(5) }
    }
}

/// The open store. Reading needs only a shared reference; the value lives as long as the process, or the
/// command.
pub struct Store {
    pub(super) db: Database,
    /// What the last commit left; begun from by the next transaction.
    pub(super) head: RwLock<Arc<Head>>,
    pub(super) lateness: SignedDuration,
    pub(super) content_key: [u8; 32],
    log_id: [u8; 16],
    /// The blocks that were read last, unpacked and checked, newest first.
    pub(super) blocks: Mutex<VecDeque<Arc<super::entries::Block>>>,
    /// Raised by each commit that changed an alert.
    pub(super) alerts_version: AtomicU64,
    pub(super) alert_counts: AlertCounts,
    /// Raised by each commit that put something into the outbox.
    pub(super) outbox_version: AtomicU64,
    pub(super) alert_list: AlertList,
    migrated_from: Option<u32>,
    path: Option<PathBuf>,
    _lock: Option<DirLock>,
}

/// The end of the log, as committed.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) tree: Tree,
    pub(super) received_at: ReceivedAt,
    pub(super) events: u64,
}

impl Store {
    /// Opens the data directory, making what is missing; `now` is the time of the first entry of a new log.
    pub fn open(dir: &Path, options: Options, now: ReceivedAt) -> Result<Store, StoreError> {
        let lock = DirLock::take(dir)?;
        let path = dir.join("log.redb");
        if !path.exists() {
            create_whole(&path, now)?;
        }
        let db = builder(options).open(&path)?;
        let mut store = Store::from_database(db, options, now, free_beside(&path))?;
        store.path = Some(path);
        store._lock = Some(lock);
        Ok(store)
    }

    /// Opens a store on a storage of the caller's, such as memory, or one that fails on purpose.
    pub fn open_on(backend: impl StorageBackend, now: ReceivedAt) -> Result<Store, StoreError> {
        let options = Options::default();
        Store::from_database(builder(options).create_with_backend(backend)?, options, now, None)
    }

    /// Opens an existing data directory to look at it: what opening would write, such as after a kill, stays in
    /// memory. `Ok(None)` where there is no log.
    pub fn open_as_it_stands(dir: &Path, options: Options) -> Result<Option<Store>, StoreError> {
        let path = dir.join("log.redb");
        if !path.exists() {
            return Ok(None);
        }
        let lock = DirLock::take_existing(dir)?;
        let io = |source| StoreError::Open { path: path.clone(), source };
        let overlay = File::open(&path).and_then(Overlay::new).map_err(io)?;
        let db = builder(options).create_with_backend(overlay)?;
        if format_of(&db)?.is_none() {
            return Err(damaged_meta(t::META_FORMAT));
        }
        // Where the end of the log is damaged, everything ahead of it can be looked at all the same.
        let mut store = Store::assemble(db, options, None, |db| match read_head(db) {
            Err(error) if error.is_damage() => Ok(Head::default()),
            head => head,
        })?;
        store.path = Some(path);
        store._lock = lock;
        Ok(Some(store))
    }

    /// The store on a database that may still be empty; `free` bytes can be written beside it, where that is known.
    fn from_database(
        db: Database,
        options: Options,
        now: ReceivedAt,
        free: Option<u64>,
    ) -> Result<Store, StoreError> {
        if format_of(&db)?.is_none() {
            initialise(&db)?;
        }
        let store = Store::assemble(db, options, free, read_head)?;
        if store.size() == Seq(0) {
            let mut txn = store.begin(now)?;
            txn.append_activity(&Activity::LogCreated {
                log_id: store.log_id(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            })?;
            txn.commit()?;
        }
        Ok(store)
    }

    /// The store on a database of ours, which is brought to this program's format.
    fn assemble(
        db: Database,
        options: Options,
        free: Option<u64>,
        head: impl FnOnce(&Database) -> Result<Head, StoreError>,
    ) -> Result<Store, StoreError> {
        let found = format_of(&db)?.unwrap_or_default();
        let migrated_from = migrate(&db, found, free)?.then_some(found);
        Ok(Store {
            lateness: options.lateness,
            content_key: read_meta(&db, t::META_CONTENT_KEY)?,
            log_id: read_meta(&db, t::META_LOG_ID)?,
            head: RwLock::new(Arc::new(head(&db)?)),
            blocks: Mutex::default(),
            alerts_version: AtomicU64::new(0),
            alert_counts: AlertCounts::default(),
            outbox_version: AtomicU64::new(0),
            alert_list: AlertList::default(),
            migrated_from,
            path: None,
            _lock: None,
            db,
        })
    }

    /// Begins the one write transaction; a second waits until it ends. `now` becomes the time of receipt of
    /// what is appended, or the last entry's where the clock went back.
    pub fn begin(&self, now: ReceivedAt) -> Result<Txn<'_>, StoreError> {
        Txn::begin(self, now)
    }

    /// How many entries the log has: the number that the next one will get.
    pub fn size(&self) -> Seq {
        Seq(self.head().tree.size())
    }

    /// How many of the entries are events.
    pub fn events(&self) -> u64 {
        self.head().events
    }

    /// When the newest entry was taken in.
    pub fn last_received_at(&self) -> ReceivedAt {
        self.head().received_at
    }

    /// The root of the Merkle tree over all entries.
    pub fn root(&self) -> Hash {
        self.head().tree.root()
    }

    /// The random id of the log, fixed when it was made: 32 hex digits.
    pub fn log_id(&self) -> String {
        hex::encode(self.log_id)
    }

    /// The digest that tells a retry of an event from another one with its id. Keyed, so that it tells
    /// nothing else.
    pub fn content_digest(&self, body: &[u8]) -> [u8; 16] {
        use sha2::{Digest, Sha256};
        let digest = Sha256::new().chain_update(self.content_key).chain_update(body).finalize();
        *digest.first_chunk().expect("a digest has 32 bytes")
    }

    /// The format that the file had, where opening it brought it to ours.
    pub fn migrated_from(&self) -> Option<u32> {
        self.migrated_from
    }

    /// Bytes of the file; `None` in memory, and where the system does not tell.
    pub fn bytes(&self) -> Option<u64> {
        std::fs::metadata(self.path()?).ok().map(|metadata| metadata.len())
    }

    /// Where the file lies; `None` in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(super) fn head(&self) -> Arc<Head> {
        self.head.read().expect("no holder of this lock panics").clone()
    }
}

fn builder(options: Options) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache_bytes);
    builder
}

/// A kill in the middle of redb's own creation leaves a file that never opens: so it is made under another
/// name.
fn create_whole(path: &Path, now: ReceivedAt) -> Result<(), StoreError> {
    let unfinished = path.with_extension("redb.new");
    let io = |source| StoreError::Open { path: unfinished.clone(), source };
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let options = Options::default();
    let db = builder(options).create(&unfinished)?;
    drop(Store::from_database(db, options, now, None)?);
    let dir = path.parent().unwrap_or(Path::new("."));
    restrict_to_owner(&unfinished).map_err(io)?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(io)?;
    std::fs::rename(&unfinished, path).map_err(io)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)
}

fn restrict_to_owner(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

fn format_of(db: &Database) -> Result<Option<u32>, StoreError> {
    let read = db.begin_read()?;
    let meta = match read.open_table(t::META) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        meta => meta?,
    };
    let Some(value) = meta.get(t::META_FORMAT)? else { return Ok(None) };
    let bytes = value.value().try_into();
    bytes.map(|bytes| Some(u32::from_le_bytes(bytes))).map_err(|_| damaged_meta(t::META_FORMAT))
}

/// Makes every table, so that no reader has to know of a missing one, and the facts that never change.
fn initialise(db: &Database) -> Result<(), StoreError> {
    let mut random = [0; 48];
    getrandom::fill(&mut random).expect("the kernel's random source is always there once the host is up");
    let write = db.begin_write()?;
    {
        let mut meta = write.open_table(t::META)?;
        meta.insert(t::META_FORMAT, &FORMAT_VERSION.to_le_bytes()[..])?;
        meta.insert(t::META_LOG_ID, &random[..16])?;
        meta.insert(t::META_CONTENT_KEY, &random[16..])?;
    }
    make_tables(&write)?;
    write.commit()?;
    Ok(())
}

/// Makes the tables that are missing; those that are there stay as they are.
pub(super) fn make_tables(write: &WriteTransaction) -> Result<(), StoreError> {
    write.open_table(t::BLOCKS)?;
    write.open_table(t::BLOCK_INDEX)?;
    write.open_table(t::TILES)?;
    write.open_table(t::CHECKPOINTS)?;
    write.open_table(t::LOG_KEYS)?;
    write.open_table(t::IDS)?;
    write.open_table(t::ANSWERS)?;
    write.open_table(t::ANSWERS_BY_END)?;
    write.open_table(t::ALERTS)?;
    write.open_table(t::EVIDENCE)?;
    write.open_table(t::CURRENT_ALERTS)?;
    write.open_table(t::ALERTS_OF_EVENT)?;
    write.open_table(t::ENTRIES_OF_ALERT)?;
    write.open_table(t::LATE_EVENTS)?;
    write.open_table(t::DELIVERIES)?;
    write.open_table(t::DELIVERIES_OF_ALERT)?;
    write.open_table(t::OUTBOX)?;
    write.open_table(t::UNDELIVERED)?;
    write.open_table(t::ENDED_DELIVERIES)?;
    write.open_table(t::SILENCES)?;
    write.open_table(t::POSITIONS)?;
    write.open_table(t::SNAPSHOT)?;
    write.open_table(t::KEYS)?;
    write.open_table(t::USERS)?;
    write.open_table(t::SESSIONS)?;
    write.open_table(t::OVERRIDES)?;
    write.open_table(t::FAILED_STEPS)?;
    write.open_table(t::SAVED_SEARCHES)?;
    write.open_table(t::NOTICED)?;
    write.open_table(t::ACCOUNTS)?;
    Ok(())
}

fn read_meta<const N: usize>(db: &Database, key: &'static str) -> Result<[u8; N], StoreError> {
    let read = db.begin_read()?;
    let meta = read.open_table(t::META)?;
    let value = meta.get(key)?.ok_or_else(|| damaged_meta(key))?;
    value.value().try_into().map_err(|_| damaged_meta(key))
}

fn damaged_meta(key: &'static str) -> StoreError {
    StoreError::damaged("meta", key, "the value is missing or has the wrong length")
}

fn read_head(db: &Database) -> Result<Head, StoreError> {
    let read = db.begin_read()?;
    let mut head = Head::default();
    let mut size = 0;
    if let Some((first, value)) = read.open_table(t::BLOCK_INDEX)?.last()? {
        let summary = BlockSummary::decode(first.value(), value.value())?;
        head.events = summary.events_before + u64::from(summary.events);
        size = first.value() + u64::from(summary.entries);
    }
    if let Some((first, block)) = read.open_table(t::BLOCKS)?.last()? {
        // Where the last block is damaged, the clock alone says when the next entry comes; reading will name
        // the damage.
        let entries = super::entries::decode_block(first.value(), block.value()).unwrap_or_default();
        head.received_at = entries.last().map(|entry: &Entry| entry.received_at).unwrap_or_default();
    }
    let tiles = read.open_table(t::TILES)?;
    let tile = |level, index, width: usize| -> Option<Vec<Hash>> {
        let value = tiles.get((level, index)).ok()??;
        let (hashes, rest) = value.value().as_chunks::<32>();
        (hashes.len() == width && rest.is_empty() && width <= TILE_WIDTH).then(|| hashes.to_vec())
    };
    head.tree = Tree::restore(size, tile).ok_or_else(|| {
        StoreError::damaged("tiles", format!("size {size}"), "the right edge of the tree is incomplete")
    })?;
    Ok(head)
}
