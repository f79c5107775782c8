//! The engine as bytes, so that a restart goes on where it was. The same engine always gives the same bytes.
//!
//! Numbers are little-endian. `SWDS`, version (1 byte); late, future, five times evicted keys, dropped
//! positions (8 bytes each); for each windowed pattern the number of windows (4) and these, ordered by place:
//! place (16), owner (4), touched (8), positions, and pending led by 1 or, where it is all of them, only 0
//! (1). A list is its length (4) and its items: seconds (8) and nanoseconds (4) since 1970, seq (8), id (16).
//! At the end SHA-256 over all of that.

use super::engine::{Counts, Engine};
use super::eviction::Windows;
use super::observation::Place;
use super::settings::Settings;
use super::window::Window;
use crate::model::{EvidenceItem, Seq, SourceId};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use uuid::Uuid;

const MAGIC: [u8; 4] = *b"SWDS";
const VERSION: u8 = 1;
const DIGEST_LEN: usize = 32;
const ITEM_LEN: usize = 36;

/// Why a snapshot cannot be used. The log can: the engine is then rebuilt from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is not a snapshot at all, or one of a program that is not known.
    #[error("not a detection snapshot of version {VERSION}")]
    Unknown,
    /// The digest at its end is not that of its bytes.
    #[error("the detection snapshot is damaged: its digest does not match")]
    Digest,
    /// It contradicts itself, although its digest is right.
    #[error("the detection snapshot is malformed at byte {at}")]
    Malformed {
        /// Where.
        at: usize,
    },
}

impl Engine {
    /// The windows and the numbers as bytes; the settings are not among them.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::from(MAGIC);
        out.push(VERSION);
        let Counts { late, future, evicted_keys, dropped_positions } = self.counts;
        for number in [late, future].into_iter().chain(evicted_keys).chain([dropped_positions]) {
            out.extend(number.to_le_bytes());
        }
        for windows in &self.windows {
            write_len(&mut out, windows.len());
            for (place, window) in windows.sorted() {
                write_window(&mut out, place, window);
            }
        }
        let digest = Sha256::digest(&out);
        out.extend_from_slice(&digest);
        out
    }

    /// The engine that made the snapshot, under settings that may have changed since: windows that now hold
    /// too much are cut at their next match.
    pub fn restore(settings: Settings, snapshot: &[u8]) -> Result<Engine, SnapshotError> {
        if snapshot.get(..5) != Some(&[MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], VERSION]) {
            return Err(SnapshotError::Unknown);
        }
        let (body, digest) =
            snapshot.split_at_checked(snapshot.len().saturating_sub(DIGEST_LEN)).unwrap_or_default();
        if Sha256::digest(body).as_slice() != digest {
            return Err(SnapshotError::Digest);
        }
        let mut input = Input { bytes: body, at: MAGIC.len() + 1 };
        let (late, future) = (input.u64()?, input.u64()?);
        let mut evicted_keys = [0; 5];
        for evicted in &mut evicted_keys {
            *evicted = input.u64()?;
        }
        let counts = Counts { late, future, evicted_keys, dropped_positions: input.u64()? };
        let mut engine = Engine { counts, ..Engine::new(settings) };
        for windows in &mut engine.windows {
            read_windows(&mut input, windows)?;
        }
        if input.at == body.len() { Ok(engine) } else { Err(input.malformed()) }
    }
}

fn write_window(out: &mut Vec<u8>, place: Place, window: &Window) {
    out.extend(place.0);
    out.extend(window.owner.0.to_le_bytes());
    out.extend(window.touched.0.to_le_bytes());
    write_items(out, &window.positions);
    out.push(u8::from(window.pending.is_some()));
    if let Some(pending) = &window.pending {
        write_items(out, pending);
    }
}

fn write_items(out: &mut Vec<u8>, items: &VecDeque<EvidenceItem>) {
    write_len(out, items.len());
    for item in items {
        out.extend(item.time.as_second().to_le_bytes());
        out.extend(item.time.subsec_nanosecond().to_le_bytes());
        out.extend(item.seq.0.to_le_bytes());
        out.extend(item.id.into_bytes());
    }
}

fn write_len(out: &mut Vec<u8>, len: usize) {
    out.extend(u32::try_from(len).expect("no list in memory has four billion items").to_le_bytes());
}

fn read_windows(input: &mut Input<'_>, windows: &mut Windows) -> Result<(), SnapshotError> {
    let mut before = None;
    for _ in 0..input.u32()? {
        let place = Place(input.array()?);
        let window = Window {
            owner: SourceId(input.u32()?),
            touched: Seq(input.u64()?),
            positions: input.items()?,
            pending: match input.array()? {
                [0] => None,
                [1] => Some(input.items()?),
                _ => return Err(input.malformed()),
            },
        };
        if before >= Some(place) || window.positions.is_empty() {
            return Err(input.malformed());
        }
        before = Some(place);
        windows.restore(place, window);
    }
    Ok(())
}

/// What is left to read. Every length is checked against it before anything is made room for.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let found = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let array = *found.ok_or(self.malformed())?;
        self.at += N;
        Ok(array)
    }

    fn u32(&mut self) -> Result<u32, SnapshotError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, SnapshotError> {
        self.array().map(u64::from_le_bytes)
    }

    fn items(&mut self) -> Result<VecDeque<EvidenceItem>, SnapshotError> {
        let len = self.u32()? as usize;
        if len > (self.bytes.len() - self.at) / ITEM_LEN {
            return Err(self.malformed());
        }
        let mut items: VecDeque<EvidenceItem> = VecDeque::with_capacity(len);
        for _ in 0..len {
            let (secs, nanos) = (i64::from_le_bytes(self.array()?), i32::from_le_bytes(self.array()?));
            let time = Timestamp::new(secs, nanos).map_err(|_| self.malformed())?;
            let item = EvidenceItem { seq: Seq(self.u64()?), id: Uuid::from_bytes(self.array()?), time };
            if items.back().is_some_and(|before| before.time > item.time) {
                return Err(self.malformed());
            }
            items.push_back(item);
        }
        Ok(items)
    }

    fn malformed(&self) -> SnapshotError {
        SnapshotError::Malformed { at: self.at }
    }
}
