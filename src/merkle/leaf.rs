//! What a leaf of the tree commits to: the header of an entry and a salted digest of its body.

use crate::model::{Entry, EntryKind, Hash, ReceivedAt, Salt, Seq};
use sha2::{Digest, Sha256};

/// The version that stands first in every leaf.
const LEAF_VERSION: u8 = 1;

/// How long a leaf is.
const LEAF_BYTES: usize = 50;

/// SHA-256(salt ‖ body): what the leaf holds in the body's place, so that the body can go while every proof
/// stands.
pub fn body_digest(salt: &Salt, body: &[u8]) -> Hash {
    Sha256::new().chain_update(salt).chain_update(body).finalize().into()
}

/// The exact bytes of a leaf: version u8 ‖ kind u8 ‖ seq u64 ‖ receivedAt u64 (ns since 1970) ‖ body digest,
/// big-endian.
pub fn leaf_bytes(
    kind: EntryKind,
    seq: Seq,
    received_at: ReceivedAt,
    body_digest: &Hash,
) -> [u8; LEAF_BYTES] {
    let mut bytes = [0; LEAF_BYTES];
    bytes[0] = LEAF_VERSION;
    bytes[1] = kind as u8;
    bytes[2..10].copy_from_slice(&seq.0.to_be_bytes());
    bytes[10..18].copy_from_slice(&received_at.0.to_be_bytes());
    bytes[18..].copy_from_slice(body_digest);
    bytes
}

/// The exact bytes of the leaf of that entry.
pub fn leaf_of(entry: &Entry) -> [u8; LEAF_BYTES] {
    leaf_bytes(entry.kind, entry.seq, entry.received_at, &body_digest(&entry.salt, &entry.body))
}

/// What the bytes of a leaf say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What the entry is.
    pub kind: EntryKind,
    /// Its place in the log.
    pub seq: Seq,
    /// When it was taken in.
    pub received_at: ReceivedAt,
    /// SHA-256(salt ‖ body).
    pub body_digest: Hash,
}

impl Leaf {
    /// Reads the bytes of a leaf; `None` where they are none that this program knows.
    pub fn parse(bytes: &[u8]) -> Option<Leaf> {
        let bytes: &[u8; LEAF_BYTES] = bytes.try_into().ok()?;
        let (head, body_digest) = bytes.split_last_chunk::<32>()?;
        let ([LEAF_VERSION, kind], numbers) = head.split_first_chunk::<2>()? else { return None };
        let (seq, received_at) = numbers.split_first_chunk::<8>()?;
        Some(Leaf {
            kind: EntryKind::from_number(*kind)?,
            seq: Seq(u64::from_be_bytes(*seq)),
            received_at: ReceivedAt(u64::from_be_bytes(received_at.try_into().ok()?)),
            body_digest: *body_digest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_contract() {
        let digest = body_digest(&[7; 32], b"{}");
        let bytes = leaf_bytes(EntryKind::Event, Seq(258), ReceivedAt(1), &digest);
        assert_eq!(hex::encode(&bytes[..18]), "0101".to_owned() + "0000000000000102" + "0000000000000001");
        assert_eq!(bytes[18..], Sha256::digest([&[7u8; 32][..], b"{}"].concat())[..]);
        let (kind, seq, received_at) = (EntryKind::Event, Seq(258), ReceivedAt(1));
        assert_eq!(Leaf::parse(&bytes), Some(Leaf { kind, seq, received_at, body_digest: digest }));
    }

    #[test]
    fn what_is_no_leaf_is_none() {
        let bytes = leaf_bytes(EntryKind::Event, Seq(1), ReceivedAt(1), &[7; 32]);
        for (at, wrong) in [(0, 2), (1, 0), (1, 99)] {
            let mut bytes = bytes;
            bytes[at] = wrong;
            assert_eq!(Leaf::parse(&bytes), None, "byte {at} as {wrong}");
        }
        assert_eq!(Leaf::parse(&bytes[1..]), None);
        assert_eq!(Leaf::parse(&[&bytes[..], b"x"].concat()), None);
    }
}
