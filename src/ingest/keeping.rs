//! How much of the input that was no event is kept as evidence, and what of each.

use crate::model::{Activity, SourceId};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Mutex;

/// Bytes of the beginning that are kept.
const BEGINNING_BYTES: usize = 4_096;
/// Characters of a field's name that are kept; a sender may have made it up.
const FIELD_CHARS: usize = 200;

/// The entry of input that was refused, with what its answer said.
pub fn kept(raw: &[u8], code: &str, field: Option<&str>) -> Activity {
    Activity::InputKept {
        code: code.to_owned(),
        field: field.map(|field| field.chars().take(FIELD_CHARS).collect()),
        sha256: Sha256::digest(raw).into(),
        length: raw.len() as u64,
        beginning: STANDARD.encode(&raw[..raw.len().min(BEGINNING_BYTES)]),
    }
}

/// How many inputs of each source were kept in the minute that runs. A source that sends nothing else must not fill
/// the log.
#[derive(Debug, Default)]
pub struct KeepingBudget(Mutex<HashMap<SourceId, Spent>>);

#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    minute: i64,
    inputs: u32,
}

impl KeepingBudget {
    /// How many of `wanted` inputs may be kept now, where `per_minute` may in a minute; they count as kept from here
    /// on.
    pub fn take(&self, source: SourceId, wanted: u32, per_minute: u32, now: Timestamp) -> u32 {
        let mut sources = self.0.lock().expect("no holder of this lock panics");
        let spent = sources.entry(source).or_default();
        let minute = now.as_second().div_euclid(60);
        if spent.minute != minute {
            *spent = Spent { minute, inputs: 0 };
        }
        let granted = wanted.min(per_minute.saturating_sub(spent.inputs));
        spent.inputs += granted;
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_so_many_a_minute_and_as_many_in_the_next() {
        let budget = KeepingBudget::default();
        let at = |secs: i64| Timestamp::from_second(600 + secs).expect("a time");
        let take = |source: u32, wanted: u32, secs: i64| budget.take(SourceId(source), wanted, 15, at(secs));
        assert_eq!((take(1, 10, 0), take(1, 10, 59), take(1, 10, 59)), (10, 5, 0));
        assert_eq!(take(2, 10, 59), 10, "another source has its own");
        assert_eq!(take(1, 10, 60), 10);
        assert_eq!(budget.take(SourceId(3), 10, 0, at(0)), 0, "nothing is kept where none may be");
    }

    #[test]
    fn what_is_kept_is_a_beginning_with_the_hash_and_the_length_of_the_whole() {
        let raw = vec![b'x'; 5_000];
        let Activity::InputKept { code, field, sha256, length, beginning } =
            kept(&raw, "too_long", Some("a"))
        else {
            panic!("it is kept input")
        };
        assert_eq!((code.as_str(), field.as_deref(), length), ("too_long", Some("a"), 5_000));
        assert_eq!(sha256, <[u8; 32]>::from(Sha256::digest(&raw)));
        assert_eq!(STANDARD.decode(beginning).expect("base64"), raw[..4_096]);
    }
}
