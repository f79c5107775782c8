//! Positions and times in the log, and the event ids that carry them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The number of an entry in the log: 0 for the first, without gaps. Also its leaf index in the Merkle tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The entry after this one.
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When the appliance took an entry in: nanoseconds since 1970 (UTC). Given by the writer, never decreasing
/// along the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReceivedAt(pub u64);

impl ReceivedAt {
    /// The same instant as a time stamp.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0)).expect("64 bits of nanoseconds end in the year 2554")
    }

    /// The instant as nanoseconds since 1970; times before 1970 count as 1970.
    pub fn from_timestamp(time: Timestamp) -> ReceivedAt {
        ReceivedAt(u64::try_from(time.as_nanosecond().max(0)).unwrap_or(u64::MAX))
    }
}

/// The low bits of a UUIDv7 that hold the position in the log: enough for 281 trillion entries.
const SEQ_BITS: u32 = 48;

/// The id of an event whose sender gave none: a UUIDv7 (RFC 9562) of the time of receipt, whose counter is
/// the event's position in the log, so that the id finds the event without an index. `salt` fills the 14 bits
/// that remain, as well as the 12 after the version.
pub fn event_id(received_at: ReceivedAt, seq: Seq, salt: u32) -> Uuid {
    let millis = (received_at.0 / 1_000_000) & 0xffff_ffff_ffff;
    let high = (u128::from(millis) << 80) | (0x7 << 76) | (u128::from(salt & 0xfff) << 64);
    let rest = (u128::from(seq.0) & ((1 << SEQ_BITS) - 1)) << 14 | u128::from((salt >> 12) & 0x3fff);
    Uuid::from_u128(high | (0b10 << 62) | rest)
}

/// The position that an id made by [`event_id`] would name. Any UUIDv7 gives an answer, so the caller
/// compares the id of the entry that it finds there.
pub fn seq_of_event_id(id: Uuid) -> Option<Seq> {
    let bits = id.as_u128();
    (id.get_version_num() == 7).then_some(Seq(((bits >> 14) & ((1 << SEQ_BITS) - 1)) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_carries_its_position_and_is_a_valid_uuid_v7() {
        for seq in [0, 1, 255, 1 << 40, (1 << 48) - 1] {
            let id = event_id(ReceivedAt(1_700_000_000_123_456_789), Seq(seq), u32::MAX);
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(seq_of_event_id(id), Some(Seq(seq)));
        }
        assert_eq!(seq_of_event_id(Uuid::from_u128(0)), None);
    }
}
