//! A disk in memory that fails, tears a write or loses its power at a chosen operation.

use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What the disk does at which operation; writes, syncs and changes of the size count, reads do not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fault {
    /// Operations that go well before it.
    pub(super) after: u64,
    /// Whether only that one fails; else each one from there on.
    pub(super) once: bool,
    /// Whether the beginning of a write that fails is written.
    pub(super) torn: bool,
    /// Whether a sync is only said to have been made.
    pub(super) lies: bool,
}

impl Fault {
    /// A disk that always works.
    pub(super) const NONE: Fault = Fault { after: u64::MAX, once: false, torn: false, lies: false };
}

/// The disk. Clones are the same one, so that it outlives the database on it.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    fault: Fault,
    operations: u64,
    /// As the system shows it.
    seen: Vec<u8>,
    /// As it would be found after a power cut, but for what follows.
    synced: Vec<u8>,
    /// What was done since the last sync.
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Size(usize),
    Write(usize, Vec<u8>),
}

impl Disk {
    /// A disk with that content, all of it synced.
    pub(super) fn with(content: Vec<u8>, fault: Fault) -> Disk {
        let inner = Inner { fault, operations: 0, seen: content.clone(), synced: content, unsynced: vec![] };
        Disk(Arc::new(Mutex::new(inner)))
    }

    /// What lies on it when only the process has ended.
    pub(super) fn content(&self) -> Vec<u8> {
        self.inner().seen.clone()
    }

    /// What lies on it when the power was cut: of what was not synced, each sector by chance.
    pub(super) fn content_after_power_cut(&self, mut chance: impl FnMut() -> bool) -> Vec<u8> {
        let inner = self.inner();
        let mut content = inner.synced.clone();
        for change in &inner.unsynced {
            match change {
                Change::Size(bytes) => {
                    if chance() {
                        content.resize(*bytes, 0);
                    }
                }
                Change::Write(offset, data) => {
                    for (at, sector) in (*offset..).step_by(SECTOR_BYTES).zip(data.chunks(SECTOR_BYTES)) {
                        if chance() {
                            write_at(&mut content, at, sector);
                        }
                    }
                }
            }
        }
        content
    }

    /// Operations so far.
    pub(super) fn operations(&self) -> u64 {
        self.inner().operations
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Inner {
    /// Counts one operation; whether it fails.
    fn fails(&mut self) -> bool {
        self.operations += 1;
        let beyond = self.operations.saturating_sub(self.fault.after);
        if self.fault.once { beyond == 1 } else { beyond >= 1 }
    }

    fn change(&mut self, change: Change) {
        match &change {
            Change::Size(bytes) => self.seen.resize(*bytes, 0),
            Change::Write(offset, data) => write_at(&mut self.seen, *offset, data),
        }
        self.unsynced.push(change);
    }
}

fn write_at(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}

fn gone<T>() -> io::Result<T> {
    Err(io::Error::other("the disk is gone"))
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.inner().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.inner();
        let data = inner.seen.get(offset as usize..).and_then(|rest| rest.get(..out.len()));
        data.map(|data| out.copy_from_slice(data)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.fails() {
            return gone();
        }
        inner.change(Change::Size(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.fails() {
            return gone();
        }
        if !inner.fault.lies {
            inner.synced = inner.seen.clone();
            inner.unsynced.clear();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.fails() {
            if inner.fault.torn {
                let sectors = data.len() / SECTOR_BYTES / 2 + 1;
                let beginning = data[..data.len().min(sectors * SECTOR_BYTES)].to_vec();
                inner.change(Change::Write(offset as usize, beginning));
            }
            return gone();
        }
        inner.change(Change::Write(offset as usize, data.to_vec()));
        Ok(())
    }
}
