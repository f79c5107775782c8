//! A file that is only read: what is written to it stays in memory. So a database can be opened, and even mended, to be
//! looked at, without changing a byte of it.

use redb::StorageBackend;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

const PAGE_BYTES: u64 = 4_096;

/// The file with what was written over it.
#[derive(Debug)]
pub(super) struct Overlay {
    file: File,
    file_bytes: u64,
    over: RwLock<Over>,
}

#[derive(Debug)]
struct Over {
    bytes: u64,
    /// Of the file, what lies behind this was cut off once.
    kept: u64,
    pages: BTreeMap<u64, Box<[u8; PAGE_BYTES as usize]>>,
}

impl Overlay {
    pub(super) fn new(file: File) -> io::Result<Overlay> {
        let file_bytes = file.metadata()?.len();
        let over = Over { bytes: file_bytes, kept: file_bytes, pages: BTreeMap::new() };
        Ok(Overlay { file, file_bytes, over: RwLock::new(over) })
    }

    fn over(&self) -> RwLockReadGuard<'_, Over> {
        self.over.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn over_mut(&self) -> RwLockWriteGuard<'_, Over> {
        self.over.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file has there, and zeros behind its end.
    fn read_file(&self, kept: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = kept.min(self.file_bytes).saturating_sub(offset).min(out.len() as u64) as usize;
        out[there..].fill(0);
        self.file.read_exact_at(&mut out[..there], offset)
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.over().bytes)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.over();
        let end = offset.saturating_add(out.len() as u64);
        if end > over.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_file(over.kept, offset, out)?;
        for (page, written) in over.pages.range(offset / PAGE_BYTES..end.div_ceil(PAGE_BYTES)) {
            let begin = page * PAGE_BYTES;
            let (from, to) = (begin.max(offset), (begin + PAGE_BYTES).min(end));
            out[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&written[(from - begin) as usize..(to - begin) as usize]);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut over = self.over_mut();
        if len < over.bytes {
            over.kept = over.kept.min(len);
            over.pages.retain(|page, _| page * PAGE_BYTES < len);
            if let Some(last) = over.pages.get_mut(&(len / PAGE_BYTES)) {
                last[(len % PAGE_BYTES) as usize..].fill(0);
            }
        }
        over.bytes = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.over_mut();
        let end = offset.saturating_add(data.len() as u64);
        if end > over.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let kept = over.kept;
        for page in offset / PAGE_BYTES..end.div_ceil(PAGE_BYTES) {
            let begin = page * PAGE_BYTES;
            let written = match over.pages.entry(page) {
                Entry::Occupied(written) => written.into_mut(),
                Entry::Vacant(place) => {
                    let mut bytes = Box::new([0; PAGE_BYTES as usize]);
                    self.read_file(kept, begin, &mut bytes[..])?;
                    place.insert(bytes)
                }
            };
            let (from, to) = (begin.max(offset), (begin + PAGE_BYTES).min(end));
            written[(from - begin) as usize..(to - begin) as usize]
                .copy_from_slice(&data[(from - offset) as usize..(to - offset) as usize]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_file_stays_as_it_is() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("file");
        let before: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        std::fs::write(&path, &before).expect("it can be written");
        let overlay = Overlay::new(File::open(&path).expect("it is there")).expect("it can be read");
        let mut plain = before.clone();
        let write = |plain: &mut Vec<u8>, offset: usize, data: &[u8]| {
            overlay.write(offset as u64, data).expect("it fits");
            plain[offset..offset + data.len()].copy_from_slice(data);
        };
        let check = |plain: &[u8]| {
            let end = plain.len();
            for (from, to) in [(0, end), (4_000, end.min(4_200)), (4_096, end.min(8_192)), (end - 1, end)] {
                let mut read = vec![0; to - from];
                overlay.read(from as u64, &mut read).expect("it is there");
                assert_eq!(read, plain[from..to], "{from} to {to}");
            }
            overlay.read(plain.len() as u64, &mut [0]).expect_err("nothing lies behind the end");
        };
        write(&mut plain, 4_090, &[9; 20]);
        write(&mut plain, 0, &[7; 5_000]);
        check(&plain);
        for len in [9_000, 4_100, 12_000, 16_384] {
            overlay.set_len(len).expect("memory");
            plain.resize(len as usize, 0);
            check(&plain);
        }
        write(&mut plain, 12_000, &[5; 4_000]);
        check(&plain);
        assert_eq!(std::fs::read(&path).expect("it is there"), before);
    }
}
