//! Each attack on the log by somebody who can write to its file, and what a check says of it.

use super::log::*;
use crate::model::{EntryFlags, ReceivedAt, SourceId};
use crate::store::check::Report;
use crate::store::tables as t;
use crate::store::{Account, Store};
use redb::{ReadableDatabase, ReadableTable, WriteTransaction};

/// Checks that the attack is found: `altered` or `missing`, with words of one finding, and where it says to begin.
#[track_caller]
fn altered(words: &str, first: Option<u64>, attack: impl FnOnce(&Store)) {
    let report = after(attack);
    assert_eq!(report.is_intact(), Some(false), "{report:?}");
    found(&report, words, first);
}

#[track_caller]
fn missing(words: &str, first: Option<u64>, attack: impl FnOnce(&Store)) {
    let report = after(attack);
    assert_eq!(report.is_complete(), Some(false), "{report:?}");
    found(&report, words, first);
}

fn after(attack: impl FnOnce(&Store)) -> Report {
    let store = log();
    attack(&store);
    checked(&store)
}

#[track_caller]
fn found(report: &Report, words: &str, first: Option<u64>) {
    let mut all = report.altered.first.iter().chain(&report.missing.first);
    assert!(all.any(|finding| finding.what.contains(words)), "{words:?} is not said: {report:#?}");
    assert!(first.is_none() || report.first_wrong == first, "{report:#?}");
}

/// Changes the row of a table of bytes.
fn change_row(
    store: &Store,
    table: redb::TableDefinition<'_, u64, &[u8]>,
    key: u64,
    change: impl FnOnce(&mut Vec<u8>),
) {
    tamper(store, |write| {
        let mut table = write.open_table(table).expect("there");
        let mut row = table.get(key).expect("memory").expect("there").value().to_vec();
        change(&mut row);
        table.insert(key, &row[..]).expect("memory");
    });
}

/// The sizes of all checkpoints.
fn sizes(store: &Store) -> Vec<u64> {
    let rows = store.db.begin_read().expect("memory").open_table(t::CHECKPOINTS).expect("there");
    rows.iter().expect("memory").map(|row| row.expect("memory").0.value()).collect()
}

fn drop_checkpoints(store: &Store, drop: impl Fn(u64) -> bool) {
    tamper(store, |write| {
        write.open_table(t::CHECKPOINTS).expect("there").retain(|size, _| !drop(size)).expect("memory");
    });
}

fn change_checkpoint(store: &Store, change: impl Fn(String) -> String) {
    let size = sizes(store)[10];
    change_row(store, t::CHECKPOINTS, size, |row| {
        let text = String::from_utf8(row.split_off(9)).expect("a note is text");
        let changed = change(text.clone());
        assert_ne!(changed, text);
        row.extend(changed.into_bytes());
    });
}

#[test]
fn a_log_that_nobody_touched_is_intact_and_complete() {
    let store = log();
    let report = checked(&store);
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!((report.entries, report.root), (store.size().0, store.root()));
    assert_eq!((report.events, report.alerts), (store.events(), 1));
    assert_eq!(report.unsigned_entries(), 0);
    assert_eq!(report.signed.expect("it is signed").key, signer(2).verifier().to_string());
    assert_eq!(report.first_wrong, None);
}

#[test]
fn any_part_of_an_entry_that_was_changed_is_found() {
    let changed = "the entry's hash is not the one in the tree";
    altered(changed, Some(100), |store| change_entry(store, 100, |entry| entry.body[60] ^= 1));
    // Only white space, so that it says the same.
    altered(changed, Some(100), |store| change_entry(store, 100, |entry| entry.body.insert(1, b' ')));
    altered(changed, Some(100), |store| change_entry(store, 100, |entry| entry.received_at.0 += 1));
    altered(changed, Some(100), |store| change_entry(store, 100, |entry| entry.salt[0] ^= 1));
    altered("the books say", None, |store| change_entry(store, 100, |entry| entry.source = SourceId(2)));
    let organization = "the stored organisation is not that";
    altered(organization, Some(100), |store| {
        change_entry(store, 100, |entry| entry.assigned_organization = None);
    });
    altered("the stored flags", Some(100), |store| {
        change_entry(store, 100, |entry| entry.flags = EntryFlags::TIME_ASSIGNED);
    });
    let id = "the stored id is none that the appliance gave";
    altered(id, Some(100), |store| change_entry(store, 100, |entry| entry.id = uuid::Uuid::from_u128(9)));
}

#[test]
fn an_event_that_is_called_good_and_is_not_is_found() {
    let store = log();
    let forged =
        entries(&store).into_iter().find(|entry| entry.verdict != GOOD && entry.verdict.is_mismatch());
    let seq = forged.expect("some are").seq.0;
    altered("is not what checking its hash gives", Some(seq), |store| {
        change_entry(store, seq, |entry| entry.verdict = GOOD);
    });
}

#[test]
fn a_bit_in_a_block_names_its_entry_where_it_still_unpacks_and_the_block_where_not() {
    let mut named = std::collections::BTreeSet::new();
    for at in (0..700).step_by(70) {
        let report = after(|store| change_row(store, t::BLOCKS, BLOCK, |block| block[at] ^= 1));
        found(&report, "cannot be read", None);
        named.extend(report.first_wrong);
    }
    let block = BLOCK..BLOCK + EVENTS;
    assert!(named.len() > 1 && named.iter().all(|seq| block.contains(seq)), "{named:?}");
}

#[test]
fn a_tile_or_an_index_that_was_changed_is_found() {
    let tile = |level, index, at: usize| {
        move |store: &Store| {
            tamper(store, |write: &WriteTransaction| {
                let mut tiles = write.open_table(t::TILES).expect("there");
                let mut row = tiles.get((level, index)).expect("memory").expect("there").value().to_vec();
                row[at] ^= 1;
                tiles.insert((level, index), &row[..]).expect("memory");
            });
        }
    };
    altered("the entry's hash is not the one in the tree", Some(256 + 2), tile(0, 1, 2 * 32));
    altered("tile 0 of level 1 does not follow", None, tile(1, 0, 5));
    // Hides the events of the block from whoever asks for their time.
    altered("the block index does not say", Some(BLOCK), |store| {
        change_row(store, t::BLOCK_INDEX, BLOCK, |row| row[24..].fill(0));
    });
    missing("the block index has no row", Some(BLOCK), |store| {
        tamper(store, |write| {
            drop(write.open_table(t::BLOCK_INDEX).expect("there").remove(BLOCK).expect("memory"));
        });
    });
    missing("the block is missing", Some(BLOCK), |store| {
        tamper(store, |write| {
            drop(write.open_table(t::BLOCKS).expect("there").remove(BLOCK).expect("memory"));
        });
    });
}

/// Everything fits but what was signed.
#[test]
fn entries_swapped_removed_added_or_doubled_are_found_by_the_signatures() {
    let rewritten = "what was signed is not what is there";
    let store = log();
    let signed = sizes(&store);
    // The entries that the checkpoint behind entry 300 covers, and the one before it does not.
    let first = *signed.iter().rev().find(|size| **size <= 300).expect("one lies before");
    let attack = |change: fn(&mut Vec<crate::model::Entry>)| {
        move |store: &Store| {
            let mut entries = entries(store);
            change(&mut entries);
            rewrite(store, entries);
        }
    };
    altered(
        rewritten,
        Some(first),
        attack(|entries| {
            let (a, b) = (entries[300].received_at, entries[301].received_at);
            entries.swap(300, 301);
            (entries[300].received_at, entries[301].received_at) = (a, b);
        }),
    );
    altered(rewritten, None, attack(|entries| drop(entries.remove(300))));
    altered(rewritten, None, attack(|entries| entries.insert(300, entries[299].clone())));
    altered(
        rewritten,
        None,
        attack(|entries| {
            let mut added = entries[299].clone();
            added.body =
                b"{\"action\":\"data.read\",\"status\":\"success\",\"timestamp\":\"2023-11-14T22:00:00Z\"}"
                    .to_vec();
            entries.insert(300, added);
        }),
    );
    missing("the last were removed", Some(380), attack(|entries| entries.truncate(380)));
    // Rewritten, but not signed again.
    assert!(
        checked(&{
            let store = log();
            let same = entries(&store);
            rewrite(&store, same);
            store
        })
        .is_whole()
    );
}

#[test]
fn a_checkpoint_that_was_changed_is_found() {
    altered("signature", None, |store| change_checkpoint(store, |text| text.replacen("\n1", "\n2", 1)));
    altered("signature", None, |store| {
        change_checkpoint(store, |text| {
            let at = text.len() - 20;
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        });
    });
    // Forms of a note that are no note, or signed by nobody known.
    let first_line = |text: &str| text.lines().last().expect("a signature").to_owned();
    altered("checkpoint", None, |store| {
        // A wrong signature of the key ahead of the right one.
        change_checkpoint(store, |text| {
            let line = first_line(&text);
            let (head, signature) = line.rsplit_once(' ').expect("three parts");
            let wrong = format!(
                "{head} {}{}",
                &signature[..8],
                "A".repeat(signature.len() - 12) + &signature[signature.len() - 4..]
            );
            text.replace(&line, &format!("{wrong}\n{line}"))
        });
    });
    altered("checkpoint", None, |store| {
        change_checkpoint(store, |text| {
            let line = first_line(&text);
            text.replace(&line, "\u{2014} someone.example/else wXyz1234AAAA")
        });
    });
    altered("checkpoint", None, |store| change_checkpoint(store, |text| text.replace('\n', "\r\n")));
    altered("checkpoint", None, |store| change_checkpoint(store, |text| text.trim_end().to_owned()));
    altered("checkpoint", None, |store| change_checkpoint(store, |text| text.replacen("=\n", "\n", 1)));
}

#[test]
fn a_checkpoint_of_another_key_size_or_root_is_found() {
    let sign = |size: u64, seed: u8, kept_for: u64| {
        move |store: &Store| {
            let mut tree = crate::merkle::Tree::default();
            for entry in &entries(store)[..size as usize] {
                tree.push(crate::store::entries::leaf_hash_of(entry), |_| {});
            }
            let head = crate::merkle::TreeHead { size, root: tree.root() };
            let text = crate::merkle::Checkpoint::sign(head, &signer(seed)).to_string();
            let row = [&[1][..], &now(390).0.to_le_bytes(), text.as_bytes()].concat();
            tamper(store, |write| {
                drop(
                    write
                        .open_table(t::CHECKPOINTS)
                        .expect("there")
                        .insert(kept_for, &row[..])
                        .expect("memory"),
                );
            });
        }
    };
    let last = *sizes(&log()).last().expect("it is signed");
    assert!(after(sign(last, 2, last)).is_whole(), "the right key signs the same");
    altered("checkpoint", None, sign(last, 1, last));
    altered("checkpoint", None, sign(last, 3, last));
    altered("is one of", None, sign(last - 1, 2, last));
    missing("the last were removed", None, sign(last, 2, last + 1));
    // Two of one size: whichever stays, it is not of these entries.
    altered("what was signed is not what is there", None, |store| {
        let text = crate::merkle::Checkpoint::sign(
            crate::merkle::TreeHead { size: last, root: [7; 32] },
            &signer(2),
        )
        .to_string();
        change_row(store, t::CHECKPOINTS, last, |row| {
            row.truncate(9);
            row.extend(text.into_bytes());
        });
    });
}

#[test]
fn checkpoints_that_were_removed_are_missed_while_events_kept_coming() {
    let store = log();
    let all = sizes(&store);
    let events = "without a checkpoint; one was removed";
    // Ten seconds lie between them, and two minutes without one cannot be.
    let (from, to) = (all[5], all[20]);
    missing(events, Some(from), move |store| drop_checkpoints(store, |size| from < size && size < to));
    missing(events, Some(from), move |store| drop_checkpoints(store, |size| from < size));
    missing("handed over", None, |store| {
        let named = store.log_keys().expect("memory")[1].named_at.0 + 1;
        drop_checkpoints(store, |size| size == named);
    });
    // What is not signed is said.
    let report = after(move |store| drop_checkpoints(store, |size| size >= all[all.len() - 2]));
    assert!(report.unsigned_entries() > 0);
}

#[test]
fn a_clock_that_goes_back_is_found() {
    altered("received before the one ahead", Some(300), |store| {
        let mut entries = entries(store);
        entries[299].received_at = ReceivedAt(entries[300].received_at.0 + 1);
        rewrite(store, entries);
    });
    altered("signed before the one ahead", None, |store| {
        let size = sizes(store)[10];
        change_row(store, t::CHECKPOINTS, size, |row| row[1..9].copy_from_slice(&now(1).0.to_le_bytes()));
    });
}

#[test]
fn keys_and_names_that_the_log_does_not_name_are_found() {
    let named = |store: &Store| store.log_keys().expect("memory")[0].named_at.0;
    altered("another key than this entry names", None, |store| {
        let other = signer(3).verifier().to_string();
        change_row(store, t::LOG_KEYS, named(store), |row| *row = other.into_bytes());
    });
    missing("is not in the table of keys", None, |store| {
        let seq = named(store);
        tamper(store, |write| {
            drop(write.open_table(t::LOG_KEYS).expect("there").remove(seq).expect("memory"));
        });
    });
    altered("says that this entry names a key", Some(9), |store| {
        let other = signer(3).verifier().to_string();
        tamper(store, |write| {
            drop(write.open_table(t::LOG_KEYS).expect("there").insert(9, other.as_bytes()).expect("memory"));
        });
    });
    altered("the log's own name", None, |store| {
        tamper(store, |write| {
            let mut meta = write.open_table(t::META).expect("there");
            meta.insert(t::META_ORIGIN, &b"other.example/log"[..]).expect("memory");
        });
    });
}

#[test]
fn alerts_that_were_removed_changed_or_made_up_are_found() {
    fn change(store: &Store, from: &str, to: &str) {
        tamper(store, |write| {
            let mut alerts = write.open_table(t::ALERTS).expect("there");
            let (id, row) = {
                let first = alerts.first().expect("memory").expect("there");
                (*first.0.value(), String::from_utf8(first.1.value().to_vec()).expect("JSON"))
            };
            assert!(row.contains(from), "{row}");
            alerts.insert(&id, row.replace(from, to).as_bytes()).expect("memory");
        });
    }
    missing("of which this entry tells, is missing", None, |store| {
        tamper(store, |write| {
            write.open_table(t::ALERTS).expect("there").retain(|_, _| false).expect("memory");
        });
    });
    for (from, to) in [
        ("\"HIGH\"", "\"LOW\""),
        ("FAILED_AUTH", "OFF_HOURS"),
        ("\"bob\"", "\"eve\""),
        ("acme", "bolt"),
        ("\"by\":\"ann\"", "\"by\":\"eve\""),
    ] {
        altered("is not what this entry says of it", None, |store| change(store, from, to));
    }
    altered("does not follow from its history", None, |store| {
        change(store, "\"status\":\"acknowledged\"", "\"status\":\"resolved\"");
    });
    altered("no entry of the log raises", None, |store| {
        tamper(store, |write| {
            let mut alerts = write.open_table(t::ALERTS).expect("there");
            let row = alerts.first().expect("memory").expect("there").1.value().to_vec();
            let row = String::from_utf8(row)
                .expect("JSON")
                .replace(&alert_id(store).to_string(), &uuid::Uuid::nil().to_string());
            alerts.insert(&[0; 16], row.as_bytes()).expect("memory");
        });
    });
    missing("nothing leads from it there", Some(FIRED.0), |store| {
        tamper(store, |write| {
            let mut rows = write.open_table(t::ALERTS_OF_EVENT).expect("there");
            rows.retain(|(seq, _), ()| seq != FIRED.0).expect("memory");
        });
    });
    altered("describes another event", Some(FIRED.0), |store| {
        tamper(store, |write| {
            let mut evidence = write.open_table(t::EVIDENCE).expect("there");
            let (id, mut row) = {
                let first = evidence.first().expect("memory").expect("there");
                (*first.0.value(), first.1.value().to_vec())
            };
            row[5 + 8] ^= 1;
            evidence.insert(&id, &row[..]).expect("memory");
        });
    });
    missing("is not the one that further firings", None, |store| {
        tamper(store, |write| {
            write.open_table(t::CURRENT_ALERTS).expect("there").retain(|_, _| false).expect("memory");
        });
    });
}

#[test]
fn ids_and_books_that_were_changed_are_found() {
    missing("the table of ids does not know", None, |store| {
        tamper(store, |write| {
            let mut first = true;
            let keep = |_: &[u8; 32], _: &[u8; 24]| !std::mem::take(&mut first);
            write.open_table(t::IDS).expect("there").retain(keep).expect("memory");
        });
    });
    altered("an id points here", Some(7), |store| {
        tamper(store, |write| {
            let mut row = [0; 24];
            row[0] = 7;
            write.open_table(t::IDS).expect("there").insert(&[9; 32], &row).expect("memory");
        });
    });
    altered("the books say", None, |store| {
        let mut txn = store.begin(now(500)).expect("memory");
        txn.account(SourceId(1), Account { received: 1, stored: 1, ..Account::default() }).expect("memory");
        txn.commit().expect("memory");
    });
}

#[test]
fn what_lies_behind_a_block_that_cannot_be_read_is_checked_all_the_same() {
    let report = after(|store| {
        change_row(store, t::BLOCKS, BLOCK, |block| block.truncate(50));
        change_entry(store, 380, |entry| entry.body[60] ^= 1);
    });
    let first: Vec<Option<u64>> = report.altered.first.iter().map(|finding| finding.entry).collect();
    assert!(first.contains(&Some(BLOCK)) && first.contains(&Some(380)), "{report:#?}");
    assert!(report.not_checked.iter().any(|what| what.contains("cannot be read")), "{report:#?}");
    assert_eq!(report.first_wrong, Some(BLOCK));
    assert_eq!(report.is_complete(), None, "what the block said may be missing elsewhere");
}
