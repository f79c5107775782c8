//! Files of older formats, as the versions that wrote them left them: opened, they hold what they held.
//!
//! `tests/formats/README.md` says what is in each and how it was made.

use super::disk::{Disk, Fault};
use super::*;
use crate::decode::gunzip;
use crate::store::migrate::{FORMAT_VERSION, migrate};
use redb::{ReadableDatabase, TableHandle};

/// Bytes of a fixture at most.
const FILE_BYTES_MAX: usize = 64 << 20;

/// By format, what is in it.
struct Old {
    format: u32,
    packed: &'static [u8],
    entries: u64,
    events: u64,
    alerts: usize,
}

const OLD: [Old; FORMAT_VERSION as usize - 1] = [Old {
    format: 1,
    packed: include_bytes!("../../../tests/formats/1.redb.gz"),
    entries: 59,
    events: 42,
    alerts: 4,
}];

impl Old {
    fn content(&self) -> Vec<u8> {
        gunzip(self.packed, FILE_BYTES_MAX).expect("it was packed with gzip")
    }

    /// What is wrong with what was made of it.
    fn fault_in(&self, store: &Store) -> Option<String> {
        let found = (store.size().0, store.events(), alerts(store).len());
        if found != (self.entries, self.events, self.alerts) {
            return Some(format!("it holds {found:?} entries, events and alerts"));
        }
        let report = checked(store);
        if !report.is_whole() {
            return Some(format!("a check finds {:?}", report.first_finding()));
        }
        append(store, vec![draft(store, Some(7), "fresh", "2026-01-02T00:00:00Z")]);
        (store.events() != self.events + 1).then(|| "it takes no fresh event".to_owned())
    }
}

fn format_of(store: &Store) -> u32 {
    let read = store.db.begin_read().expect("memory does not fail");
    let meta = read.open_table(tables::META).expect("it is there");
    let value = meta.get(tables::META_FORMAT).expect("memory does not fail").expect("it is there");
    u32::from_le_bytes(value.value().try_into().expect("four bytes"))
}

fn tables_of(store: &Store) -> Vec<String> {
    let read = store.db.begin_read().expect("memory does not fail");
    let mut names: Vec<String> =
        read.list_tables().expect("it lists").map(|table| table.name().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_log_of_each_older_format_is_brought_to_ours_and_holds_what_it_held() {
    for old in OLD {
        let disk = Disk::with(old.content(), Fault::NONE);
        let store = Store::open_on(disk.clone(), now(0)).expect("it is known");
        assert_eq!((store.migrated_from(), format_of(&store)), (Some(old.format), FORMAT_VERSION));
        assert_eq!(old.fault_in(&store), None, "format {}", old.format);
        assert_eq!(tables_of(&store), tables_of(&super::store()), "it has the tables of a new one");
        drop(store);
        let again = Store::open_on(Disk::with(disk.content(), Fault::NONE), now(0)).expect("it is ours");
        assert_eq!(again.migrated_from(), None, "once");
    }
}

#[test]
fn wherever_the_disk_fails_or_the_power_is_cut_meanwhile_nothing_is_lost() {
    for old in OLD {
        let open = |content: Vec<u8>, fault| {
            let disk = Disk::with(content, fault);
            let opened = Store::open_on(disk.clone(), now(0)).map(drop).is_ok();
            (disk, opened)
        };
        let operations = open(old.content(), Fault::NONE).0.operations();
        assert!(operations > 3, "{operations} operations are hardly a migration");
        let mut failed = 0;
        for after in 0..operations {
            for torn in [false, true] {
                let (disk, opened) = open(old.content(), Fault { after, torn, ..Fault::NONE });
                failed += u64::from(!opened);
                let mut heads = after;
                let left = [
                    disk.content(),
                    disk.content_after_power_cut(|| {
                        heads = heads.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        heads >> 63 == 1
                    }),
                ];
                for content in left {
                    let store = Store::open_on(Disk::with(content, Fault::NONE), now(0)).expect("it opens");
                    assert_eq!(format_of(&store), FORMAT_VERSION);
                    assert_eq!(old.fault_in(&store), None, "after {after} operations");
                }
            }
        }
        assert!(failed > 0, "some of it was in the way of the migration");
    }
}

#[test]
fn where_there_is_too_little_room_an_older_log_is_refused_and_left_as_it_is() {
    let old = &OLD[0];
    let disk = Disk::with(old.content(), Fault::NONE);
    let db = redb::Database::builder().create_with_backend(disk).expect("it opens");
    let refused = migrate(&db, old.format, Some(1_000)).expect_err("there is no room");
    let words = refused.to_string();
    assert!(words.contains("1000 are") && words.contains("nothing was changed"), "{words}");
    let read = db.begin_read().expect("memory does not fail");
    let meta = read.open_table(tables::META).expect("it is there");
    let format = meta.get(tables::META_FORMAT).expect("memory does not fail").expect("it is there");
    assert_eq!(format.value(), old.format.to_le_bytes());
    drop((format, meta, read));
    assert!(migrate(&db, old.format, Some(1 << 30)).expect("there is room"));
    assert!(!migrate(&db, FORMAT_VERSION, Some(0)).expect("there is nothing to do"), "that takes no room");
    for strange in [0, FORMAT_VERSION + 1, u32::MAX] {
        assert!(matches!(migrate(&db, strange, None), Err(StoreError::Newer { .. })), "{strange}");
    }
}
