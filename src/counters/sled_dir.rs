//! What is kept in the sled directory, and under which keys.
//!
//! Keys: `log` (the id of the log), `position`, `latency`, `t/` name → u64, `m/` minute u32 BE → four u64,
//! `h/` hour u32 BE → busiest principals as JSON, `c/` fingerprint → u64, `s/` source u32 BE → u64 ns,
//! `q/` source u32 BE → its running numbers as JSON, `u/` seq u64 BE of an entry that could not be counted.
//! Numbers are little-endian.

use super::busiest::{Busiest, PrincipalCount};
use super::latency::Latency;
use super::opening::{self, Opening};
use super::sequence::Sequence;
use super::tally::{Minute, Tally};
use crate::model::{ReceivedAt, Seq, SourceId};
use sled::{Batch, Db, IVec};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use thiserror::Error;

/// Minutes that are kept: a day.
const MINUTES_KEPT: u64 = 24 * 60;
/// Hours that are kept: a day, and the one that has begun.
const HOURS_KEPT: u64 = 25;
/// Cooldowns that are kept. They are a cache, so beyond this all go, and come back as alerts are told again.
const COOLDOWNS_KEPT: usize = 100_000;
/// Why the lock of the directory is never poisoned.
const UNPOISONED: &str = "no holder of this lock panics";

/// The counters. Nothing is brought to disk before [`Counters::flush`], so that whoever flushes decides whether there
/// is room for it.
pub struct Counters {
    dir: PathBuf,
    log_id: String,
    /// `None` while a new directory could not be begun.
    db: RwLock<Option<Db>>,
    latency: Latency,
}

/// Why the counters could not be opened or written.
#[derive(Debug, Error)]
#[error(
    "counters in {dir}: {what}; the directory can be removed while the appliance is stopped: it is rebuilt from the log"
)]
pub struct CountersError {
    dir: PathBuf,
    what: String,
}

impl Counters {
    /// Opens the directory for this log, or a new one in its place. `size` is that of the log: counters that
    /// claim to have seen more belong to another life of it.
    pub fn open(dir: &Path, log_id: &str, size: Seq) -> Result<(Counters, Opening), CountersError> {
        let (db, opening) = opening::open(dir, log_id, size).map_err(|what| failed(dir, what))?;
        let latency = db.get("latency").ok().flatten();
        let latency = latency.map_or_else(Latency::default, |bytes| Latency::restore(&bytes));
        let (dir, log_id) = (dir.to_owned(), log_id.to_owned());
        Ok((Counters { dir, log_id, db: RwLock::new(Some(db)), latency }, opening))
    }

    /// Sets the directory aside and begins a new one. After an error, sled refuses whatever it is asked.
    pub fn begin_anew(&self) -> Result<(), CountersError> {
        let mut place = self.db.write().expect(UNPOISONED);
        *place = None;
        let begun = opening::begin_anew(&self.dir, &self.log_id);
        *place = Some(begun.map_err(|what| failed(&self.dir, what))?);
        Ok(())
    }

    fn db(&self) -> Result<Db, CountersError> {
        let db = self.db.read().expect(UNPOISONED).clone();
        db.ok_or_else(|| failed(&self.dir, "it could not be begun anew yet"))
    }

    /// The first entry of the log that is not counted yet.
    pub fn position(&self) -> Result<Seq, CountersError> {
        Ok(Seq(self.number("position")?))
    }

    /// How long events take.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Adds a stretch of the log that ends before `position`. All of it or nothing is there after a crash.
    pub fn apply(&self, tally: &Tally, position: Seq) -> Result<(), CountersError> {
        let mut batch = Batch::default();
        for (name, more) in &tally.totals {
            let key = format!("t/{name}");
            batch.insert(key.as_bytes(), &(self.number(&key)? + more).to_le_bytes());
        }
        for (minute, more) in &tally.minutes {
            let key = numbered(b"m/", *minute);
            let before = self.get(&key)?.map(|value| decode_minute(&value)).unwrap_or_default();
            batch.insert(key, encode_minute(before.plus(*more)));
        }
        for (hour, more) in &tally.hours {
            let key = numbered(b"h/", *hour);
            let mut busiest = self.get(&key)?.map(|value| decode_busiest(&value)).unwrap_or_default();
            busiest.merge(more);
            batch.insert(key, serde_json::to_vec(&busiest).expect("it has only string keys"));
        }
        if !tally.cooldowns.is_empty() && self.db()?.scan_prefix("c/").count() >= COOLDOWNS_KEPT {
            for row in self.db()?.scan_prefix("c/").keys() {
                batch.remove(row.map_err(|error| self.failed(error))?);
            }
        }
        for (fingerprint, until) in &tally.cooldowns {
            batch.insert([b"c/", &fingerprint[..]].concat(), &until.to_le_bytes());
        }
        for (source, at) in &tally.seen {
            batch.insert(numbered(b"s/", u64::from(*source)), &at.0.to_le_bytes());
        }
        for (source, numbers) in &tally.numbers {
            let key = numbered(b"q/", u64::from(*source));
            let known = self.get(&key)?.and_then(|row| serde_json::from_slice::<Sequence>(&row).ok());
            let sequence = numbers.iter().fold(known, |known, number| match known {
                None => Some(Sequence::new(*number)),
                Some(mut sequence) => {
                    sequence.enter(*number);
                    Some(sequence)
                }
            });
            batch.insert(key, serde_json::to_vec(&sequence).expect("it has only string keys"));
        }
        for (seq, uncounted) in &tally.uncounted {
            let key = [&b"u/"[..], &seq.to_be_bytes()].concat();
            if *uncounted { batch.insert(key, &[]) } else { batch.remove(key) }
        }
        if let Some((newest, _)) = tally.minutes.last_key_value() {
            self.forget(b"m/", newest.saturating_sub(MINUTES_KEPT), &mut batch)?;
            self.forget(b"h/", (newest / 60).saturating_sub(HOURS_KEPT), &mut batch)?;
        }
        batch.insert("position", &position.0.to_le_bytes());
        batch.insert("latency", self.latency.save());
        self.db()?.apply_batch(batch).map_err(|error| self.failed(error))
    }

    fn forget(&self, prefix: &[u8; 2], before: u64, batch: &mut Batch) -> Result<(), CountersError> {
        for row in self.db()?.range(&prefix[..]..&numbered(prefix, before)[..]) {
            batch.remove(row.map_err(|error| self.failed(error))?.0);
        }
        Ok(())
    }

    /// The total of that name; 0 where nothing was counted.
    pub fn total(&self, name: &str) -> Result<u64, CountersError> {
        self.number(&format!("t/{name}"))
    }

    /// All totals by name.
    pub fn totals(&self) -> Result<BTreeMap<String, u64>, CountersError> {
        let rows = self.db()?.scan_prefix("t/").map(|row| {
            let (key, value) = row.map_err(|error| self.failed(error))?;
            Ok((String::from_utf8_lossy(&key[2..]).into_owned(), decode_number(&value)))
        });
        rows.collect()
    }

    /// The minutes from `first` on (numbered since 1970) in which something came in.
    pub fn minutes(&self, first: u64) -> Result<BTreeMap<u64, Minute>, CountersError> {
        let rows =
            self.db()?.range(numbered(b"m/", first)..numbered(b"m/", u64::from(u32::MAX))).map(|row| {
                let (key, value) = row.map_err(|error| self.failed(error))?;
                Ok((number_of(&key), decode_minute(&value)))
            });
        rows.collect()
    }

    /// The busiest principals of the hours from `first` on (numbered since 1970) together, the busiest first.
    pub fn busiest(&self, first: u64) -> Result<Vec<PrincipalCount>, CountersError> {
        let mut all = Busiest::default();
        for row in self.db()?.range(numbered(b"h/", first)..numbered(b"h/", u64::from(u32::MAX))) {
            let (_, value) = row.map_err(|error| self.failed(error))?;
            all.merge(&decode_busiest(&value));
        }
        Ok(all.ranked())
    }

    /// Until when (event time, ns) people are not told of that fingerprint again.
    pub fn quiet_until(&self, fingerprint: &[u8; 32]) -> Result<Option<ReceivedAt>, CountersError> {
        let value = self.get([b"c/", &fingerprint[..]].concat())?;
        Ok(value.map(|value| ReceivedAt(decode_number(&value))))
    }

    /// When each source last sent something.
    pub fn last_seen(&self) -> Result<BTreeMap<SourceId, ReceivedAt>, CountersError> {
        let rows = self.db()?.scan_prefix("s/").map(|row| {
            let (key, value) = row.map_err(|error| self.failed(error))?;
            Ok((SourceId(number_of(&key) as u32), ReceivedAt(decode_number(&value))))
        });
        rows.collect()
    }

    /// The entries that could not be counted.
    pub fn uncounted(&self) -> Result<BTreeSet<Seq>, CountersError> {
        let rows = self.db()?.scan_prefix("u/").keys().filter_map(|key| {
            let key = key.map_err(|error| self.failed(error));
            key.map(|key| Some(Seq(u64::from_be_bytes(key[2..].try_into().ok()?)))).transpose()
        });
        rows.collect()
    }

    /// The running numbers of each source that gives its events any.
    pub fn sequences(&self) -> Result<BTreeMap<SourceId, Sequence>, CountersError> {
        let rows = self.db()?.scan_prefix("q/").filter_map(|row| {
            let row = row.map_err(|error| self.failed(error));
            row.map(|(key, row)| {
                let sequence = serde_json::from_slice(&row).ok()?;
                Some((SourceId(number_of(&key) as u32), sequence))
            })
            .transpose()
        });
        rows.collect()
    }

    /// Brings everything to disk.
    pub fn flush(&self) -> Result<(), CountersError> {
        self.db()?.flush().map(drop).map_err(|error| self.failed(error))
    }

    fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<IVec>, CountersError> {
        self.db()?.get(key).map_err(|error| self.failed(error))
    }

    fn number(&self, key: &str) -> Result<u64, CountersError> {
        Ok(self.get(key)?.map_or(0, |value| decode_number(&value)))
    }

    fn failed(&self, error: sled::Error) -> CountersError {
        failed(&self.dir, error)
    }
}

fn failed(dir: &Path, what: impl ToString) -> CountersError {
    CountersError { dir: dir.to_owned(), what: what.to_string() }
}

fn numbered(prefix: &[u8; 2], number: u64) -> Vec<u8> {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    [&prefix[..], &number.to_be_bytes()].concat()
}

fn number_of(key: &[u8]) -> u64 {
    key.get(2..).and_then(|rest| rest.try_into().ok()).map_or(0, |bytes| u64::from(u32::from_be_bytes(bytes)))
}

pub(super) fn decode_number(value: &[u8]) -> u64 {
    value.try_into().map_or(0, u64::from_le_bytes)
}

fn encode_minute(minute: Minute) -> Vec<u8> {
    [minute.events, minute.failures, minute.mismatches, minute.alerts].map(u64::to_le_bytes).concat()
}

fn decode_minute(value: &[u8]) -> Minute {
    let ([a, b, c, d], []) = value.as_chunks::<8>() else { return Minute::default() };
    let [events, failures, mismatches, alerts] = [a, b, c, d].map(|bytes| u64::from_le_bytes(*bytes));
    Minute { events, failures, mismatches, alerts }
}

fn decode_busiest(value: &[u8]) -> Busiest {
    serde_json::from_slice(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "00112233445566778899aabbccddeeff";

    fn tally(events: u64) -> Tally {
        let mut tally = Tally::default();
        tally.totals.insert("events".to_owned(), events);
        tally.minutes.insert(29_000_000, Minute { events, ..Minute::default() });
        tally
    }

    #[test]
    fn what_was_counted_is_there_after_a_restart_with_its_position() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("counters");
        let (counters, opening) = Counters::open(&path, LOG, Seq(0)).expect("a new directory");
        assert_eq!(opening, Opening::New);
        counters.apply(&tally(3), Seq(3)).expect("the directory is open");
        counters.apply(&tally(4), Seq(7)).expect("the directory is open");
        counters.flush().expect("the directory is open");
        drop(counters);
        let (counters, opening) = Counters::open(&path, LOG, Seq(7)).expect("it was closed");
        assert_eq!(opening, Opening::Kept);
        assert_eq!(counters.position().expect("open"), Seq(7));
        assert_eq!(counters.total("events").expect("open"), 7);
        assert_eq!(counters.minutes(0).expect("open")[&29_000_000].events, 7);
    }

    #[test]
    fn a_directory_of_another_log_or_from_the_future_is_set_aside() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("counters");
        let (counters, _) = Counters::open(&path, LOG, Seq(0)).expect("a new directory");
        counters.apply(&tally(3), Seq(3)).expect("the directory is open");
        counters.flush().expect("the directory is open");
        drop(counters);
        let (counters, opening) = Counters::open(&path, LOG, Seq(2)).expect("a new one takes its place");
        assert_eq!(opening, Opening::SetAside("it has counted more than the log holds".to_owned()));
        assert_eq!(counters.position().expect("open"), Seq(0));
        drop(counters);
        let other = Counters::open(&path, "another", Seq(2)).expect("a new one takes its place");
        assert_eq!(other.1, Opening::SetAside("it belongs to another log".to_owned()));
    }

    #[test]
    fn a_damaged_directory_is_set_aside() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("counters");
        std::fs::create_dir(&path).expect("the parent exists");
        std::fs::write(path.join("conf"), [0x55; 512]).expect("the directory exists");
        std::fs::write(path.join("db"), [0xaa; 9_000]).expect("the directory exists");
        let (counters, opening) = Counters::open(&path, LOG, Seq(5)).expect("a new one takes its place");
        assert!(matches!(opening, Opening::SetAside(_)), "{opening:?}");
        assert_eq!(counters.position().expect("open"), Seq(0));
    }

    #[test]
    fn a_cooldown_is_known_until_it_is_renewed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (counters, _) = Counters::open(&dir.path().join("counters"), LOG, Seq(0)).expect("new");
        for until in [5, 9] {
            let mut tally = Tally::default();
            tally.cooldowns.insert([1; 32], until);
            counters.apply(&tally, Seq(until)).expect("open");
            assert_eq!(counters.quiet_until(&[1; 32]).expect("open"), Some(ReceivedAt(until)));
        }
        assert_eq!(counters.quiet_until(&[2; 32]).expect("open"), None);
    }

    #[test]
    fn minutes_older_than_a_day_are_forgotten() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (counters, _) = Counters::open(&dir.path().join("counters"), LOG, Seq(0)).expect("new");
        counters.apply(&tally(1), Seq(1)).expect("open");
        let mut later = Tally::default();
        later.minutes.insert(29_000_000 + MINUTES_KEPT, Minute { events: 1, ..Minute::default() });
        counters.apply(&later, Seq(2)).expect("open");
        assert_eq!(counters.minutes(0).expect("open").len(), 2);
        let mut later = Tally::default();
        later.minutes.insert(29_000_001 + MINUTES_KEPT, Minute { events: 1, ..Minute::default() });
        counters.apply(&later, Seq(3)).expect("open");
        assert_eq!(counters.minutes(0).expect("open").keys().next(), Some(&(29_000_000 + MINUTES_KEPT)));
    }
}
