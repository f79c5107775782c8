//! What each commit of the index says of itself: whose log it follows and how far it has come.

use crate::model::Seq;
use sha2::{Digest, Sha256};

/// Changes whenever an event would stand in the index otherwise; an index of another one is made again.
const FORMAT: &str = "1";
/// Bytes of the digest that are kept: enough to see damage, which is all it is for.
const DIGEST_BYTES: usize = 8;

/// The library keeps it in `meta.json`, which has no checksum of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    /// The log that it follows.
    pub(super) log_id: String,
    /// The first entry that is not in it.
    pub(super) position: Seq,
    /// How many documents there are.
    pub(super) documents: u64,
}

impl Payload {
    pub(super) fn write(&self) -> String {
        let text = format!("{FORMAT} {} {} {}", self.log_id, self.position, self.documents);
        format!("{text} {}", digest(&text))
    }

    /// `None` where it is not of this format, or damaged.
    pub(super) fn read(text: &str) -> Option<Payload> {
        let (text, expected) = text.rsplit_once(' ')?;
        if digest(text) != expected {
            return None;
        }
        let [FORMAT, log_id, position, documents] = text.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Payload {
            log_id: log_id.to_owned(),
            position: Seq(position.parse().ok()?),
            documents: documents.parse().ok()?,
        })
    }
}

fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..DIGEST_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_comes_back_and_any_damage_is_seen() {
        let payload = Payload { log_id: "00ff".to_owned(), position: Seq(12), documents: 11 };
        let written = payload.write();
        assert_eq!(Payload::read(&written), Some(payload));
        for at in 0..written.len() {
            let mut bytes = written.clone().into_bytes();
            bytes[at] ^= 1;
            assert_eq!(Payload::read(&String::from_utf8_lossy(&bytes)), None, "byte {at}");
        }
        assert_eq!(Payload::read(""), None);
    }
}
