//! Single bytes changed at random places of a data directory: each is found, or nothing that counts has changed.
//!
//! `SEALWATCH_FLIPS=1000` makes so many changes instead of the few of every run, `SEALWATCH_FLIPS_DIR` names a data
//! directory to make them in (a copy of it), and `SEALWATCH_FLIPS_SEED` repeats a run.

use super::log::{Outcome, check};
use crate::app;
use crate::config::Config;
use crate::decode::Limits;
use crate::ingest::Notes;
use crate::ingest::{Sender, draft};
use crate::keys::{LogKeyPlaces, key_on_disk};
use crate::model::{ApiKey, KeyScope, ReceivedAt, SourceId};
use crate::store::{Account, Anchors, Options, Rows, Store};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Write, stdout};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// How long a check of so little may take, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);
const FLIPS: u64 = 150;
const COMMITS: u64 = 40;
const EVENTS: u64 = 25;

#[test]
fn every_changed_byte_is_found_or_touches_nothing_that_counts() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = Config { data_dir: dir.path().join("data"), ..Config::default() };
    match std::env::var_os("SEALWATCH_FLIPS_DIR") {
        Some(given) => copy(Path::new(&given), &config.data_dir),
        None => fill(&config),
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("SEALWATCH_FLIPS_SEED").unwrap_or_else(|| app::received_now().0);
    let flips = number("SEALWATCH_FLIPS").unwrap_or(FLIPS);
    writeln!(stdout(), "SEALWATCH_FLIPS_SEED={seed}").expect("somebody reads");
    let whole = Content::of(&config);
    assert_eq!(told_of(&config), Told::Whole, "before anything is changed");
    let files = files(&config.data_dir);
    let bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let mut chance = Chance(seed);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let said_nothing = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for _ in 0..flips {
        let mut at = chance.below(bytes);
        let (file, at) = files
            .iter()
            .find_map(|(file, bytes)| {
                if at < *bytes {
                    return Some((file, at));
                }
                at -= bytes;
                None
            })
            .expect("the place lies in one of the files");
        let xor = 1 + chance.below(255) as u8;
        flip(file, at, xor);
        let name = file.strip_prefix(&config.data_dir).expect("it lies there").display().to_string();
        let fate = match told_of(&config) {
            Told::Found => "found",
            Told::Whole if name.starts_with("counters") => "derived",
            Told::Whole if name == "initial-password" => "no part of the log",
            Told::Whole if is_as_before(&config, &whole) => "nothing that counts",
            told @ (Told::Whole | Told::NoEnd) => {
                std::panic::set_hook(said_nothing);
                panic!("byte {at} of {name}, changed by {xor:#04x} (seed {seed}): {told:?}");
            }
        };
        flip(file, at, xor);
        let kind = if name.starts_with("counters") { "counters" } else { &name };
        *counts.entry(format!("{kind}: {fate}")).or_default() += 1;
    }
    std::panic::set_hook(said_nothing);
    writeln!(stdout(), "{counts:#?}").expect("somebody reads");
    assert!(counts.keys().any(|fate| fate.ends_with(": found")), "{counts:?}");
    assert_eq!(told_of(&config), Told::Whole, "verify has changed nothing");
    assert!(Content::of(&config) == whole);
}

/// A key that comes out of order, or is larger than there can be entries, must not send the check round and round.
#[test]
fn the_last_key_of_a_table_is_found_however_it_is_changed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = Config { data_dir: dir.path().join("data"), ..Config::default() };
    fill(&config);
    let whole = Content::of(&config);
    let file = config.data_dir.join("log.redb");
    let bytes = std::fs::read(&file).expect("it is there");
    let said_nothing = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut missed = Vec::new();
    for table in ["blocks", "block_index", "checkpoints", "ids"] {
        let [.., (before, _), (last, _)] = &whole.tables[table][..] else {
            panic!("{table} has several rows")
        };
        // A leaf holds its keys one behind the other; older copies of it may lie in the file as well.
        let pair = [&before[..], &last[..]].concat();
        let pairs = bytes.windows(pair.len()).enumerate().filter(|(_, window)| *window == pair);
        let places: Vec<usize> = pairs.map(|(at, _)| at + before.len()).collect();
        assert!(!places.is_empty(), "{table}");
        for (n, byte) in last.iter().enumerate() {
            for xor in [0x80, 0x01, *byte].into_iter().filter(|xor| *xor != 0) {
                let flip_all = || places.iter().for_each(|at| flip(&file, (at + n) as u64, xor));
                flip_all();
                let told = told_of(&config);
                flip_all();
                if told != Told::Found {
                    missed.push(format!(
                        "byte {n} of the last key of {table}, changed by {xor:#04x}: {told:?}"
                    ));
                }
            }
        }
    }
    std::panic::set_hook(said_nothing);
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(Content::of(&config) == whole);
}

fn is_as_before(config: &Config, whole: &Content) -> bool {
    catch_unwind(AssertUnwindSafe(|| Content::of(config))).is_ok_and(|now| now == *whole)
}

/// What counts: every row of every table, and the key that signs.
#[derive(PartialEq)]
struct Content {
    tables: Rows,
    key: Vec<String>,
}

impl Content {
    fn of(config: &Config) -> Content {
        let store = Store::open_as_it_stands(&config.data_dir, Options::default());
        let store = store.expect("it opens").expect("a log");
        let dir = config.data_dir.join("keys");
        let places = LogKeyPlaces { dir: &dir, credentials: None };
        let origin = store.origin().expect("it is text").expect("it is fixed");
        let key = key_on_disk(places, &origin).expect("it is a key");
        Content { tables: store.all_rows(), key: key.iter().map(ToString::to_string).collect() }
    }
}

/// What `verify` says of a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Whole,
    Found,
    /// It still ran after [`PATIENCE`].
    NoEnd,
}

fn told_of(config: &Config) -> Told {
    let (tell, told) = mpsc::channel();
    let config = config.clone();
    std::thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&config, &Anchors::default())));
        let is_whole = match outcome {
            Ok(Outcome::Checked(report)) => report.is_whole(),
            Ok(Outcome::Running) => return,
            Ok(Outcome::Unchecked(_)) | Err(_) => false,
        };
        // Whoever has lost patience listens no more.
        let _ = tell.send(if is_whole { Told::Whole } else { Told::Found });
    });
    match told.recv_timeout(PATIENCE) {
        Ok(told) => told,
        Err(mpsc::RecvTimeoutError::Timeout) => Told::NoEnd,
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("nobody else uses the directory"),
    }
}

fn flip(file: &Path, at: u64, xor: u8) {
    let file = OpenOptions::new().read(true).write(true).open(file).expect("it is there");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("it lies in the file");
    file.write_all_at(&[byte[0] ^ xor], at).expect("it can be written");
}

fn files(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("it is there") {
        let path = entry.expect("it can be listed").path();
        let metadata = std::fs::metadata(&path).expect("it is there");
        if metadata.is_dir() { found.extend(files(&path)) } else { found.push((path, metadata.len())) }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for (file, _) in files(from) {
        let target = to.join(file.strip_prefix(from).expect("it lies there"));
        std::fs::create_dir_all(target.parent().expect("it has one")).expect("room");
        std::fs::copy(&file, target).expect("room");
    }
}

fn fill(config: &Config) {
    let now = app::received_now();
    let at = |commit: u64| ReceivedAt(now.0 + commit * 10_000_000_000);
    let store = Store::open(&config.data_dir, Options::default(), now).expect("a new log");
    let signer = app::open_log_key(&store, config, now).expect("a new key");
    let mut txn = store.begin(now).expect("room");
    let key = ApiKey {
        id: SourceId(0),
        name: "app".to_owned(),
        organization: None,
        scopes: vec![KeyScope::Ingest],
        key_hash: [3; 32],
        signing_secret: None,
        revoked: false,
    };
    let key = txn.create_key(key, "ann").expect("room").expect("the name is free");
    txn.commit().expect("room");
    let sender = Sender { source: key.id, organization: None, key: None };
    for commit in 0..COMMITS {
        let mut txn = store.begin(at(commit)).expect("room");
        let drafts = (0..EVENTS).map(|n| {
            let n = commit * EVENTS + n;
            let body = format!(
                r#"{{"id":"0192a0de-0000-7000-8000-{n:012}","timestamp":"2024-01-01T00:00:00Z","action":"data.read","status":"success","principalId":"p{n}"}}"#
            );
            let salt = [n as u8; 32];
            draft(body.as_bytes(), &sender, &Limits::default(), None, salt, |body| store.content_digest(body), &mut Notes::default())
                .expect("a valid event")
        });
        txn.append_events(drafts.collect()).expect("room");
        let account = Account { received: EVENTS, stored: EVENTS, ..Account::default() };
        txn.account(key.id, account).expect("room");
        txn.seal(&signer.current()).expect("room");
        txn.commit().expect("room");
    }
}

/// Numbers by chance (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
