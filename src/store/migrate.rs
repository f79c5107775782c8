//! Older formats of the file: one step from each to the next, each a transaction that carries its number too.
//!
//! So a kill, or a disk that fails, leaves the format before or the one after, and never something between.

use super::error::StoreError;
use super::open::make_tables;
use super::tables as t;
use redb::{Database, WriteTransaction};
use std::path::Path;

/// The format that this program writes: one more than there are steps. Raised by appending one whenever a table or an
/// entry is added or changes its meaning, so that an older program, which would read it otherwise, refuses the file.
pub const FORMAT_VERSION: u32 = STEPS.len() as u32 + 1;

/// What brings a file from one format to the next. A step that was released is never changed.
struct Step {
    /// Bytes that must be free: more than the step can add to the file.
    room: u64,
    make: fn(&WriteTransaction) -> Result<(), StoreError>,
}

/// The steps, that from format 1 first.
const STEPS: [Step; 1] = [
    // 2: dead letters and what was noticed have tables, and entries of the log say what to try again.
    Step { room: 8 << 20, make: make_tables },
];

/// Brings a file of format `found` to ours; `free` are the bytes that may be written, where that can be told. Answers
/// whether there was anything to do.
pub(super) fn migrate(db: &Database, found: u32, free: Option<u64>) -> Result<bool, StoreError> {
    let steps = found.checked_sub(1).and_then(|done| STEPS.get(done as usize..));
    let Some(steps) = steps else {
        return Err(StoreError::Newer { found, known: FORMAT_VERSION });
    };
    let needed = steps.iter().map(|step| step.room).sum();
    if let Some(free) = free.filter(|free| *free < needed) {
        return Err(StoreError::NoRoomToMigrate { found, known: FORMAT_VERSION, needed, free });
    }
    for (format, step) in (found + 1..).zip(steps) {
        let write = db.begin_write()?;
        (step.make)(&write)?;
        write.open_table(t::META)?.insert(t::META_FORMAT, &format.to_le_bytes()[..])?;
        write.commit()?;
    }
    Ok(!steps.is_empty())
}

/// Bytes that may be written beside that file; `None` where the system does not say.
pub(super) fn free_beside(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
