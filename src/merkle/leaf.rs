//! What a leaf of the tree commits to: the header of an entry and a salted digest of its body.

use crate::model::{EntryKind, Hash, ReceivedAt, Salt, Seq};
use sha2::{Digest, Sha256};

/// The version that stands first in every leaf.
const LEAF_VERSION: u8 = 1;

/// SHA-256(salt ‖ body): what the leaf holds in the body's place, so that the body can go while every proof
/// stands.
pub fn body_digest(salt: &Salt, body: &[u8]) -> Hash {
    Sha256::new().chain_update(salt).chain_update(body).finalize().into()
}

/// The exact bytes of a leaf: version u8 ‖ kind u8 ‖ seq u64 ‖ receivedAt u64 (ns since 1970) ‖ body digest,
/// big-endian.
pub fn leaf_bytes(kind: EntryKind, seq: Seq, received_at: ReceivedAt, body_digest: &Hash) -> [u8; 50] {
    let mut bytes = [0; 50];
    bytes[0] = LEAF_VERSION;
    bytes[1] = kind as u8;
    bytes[2..10].copy_from_slice(&seq.0.to_be_bytes());
    bytes[10..18].copy_from_slice(&received_at.0.to_be_bytes());
    bytes[18..].copy_from_slice(body_digest);
    bytes
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
    }
}
