//! The public keys of signed notes: their names, ids and text form (C2SP signed-note, "Verifier keys").

use super::canonical::{parse_base64, to_base64};
use super::cosignature;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use thiserror::Error;

/// The first four bytes of SHA-256(name ‖ 0x0A ‖ signature type ‖ public key). It only finds a key: anyone
/// can make another key of the same id, whose signatures then do not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What a key signs. The numbers stand in ids and in the text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureType {
    /// The note's text: how a log signs its checkpoints.
    Ed25519 = 0x01,
    /// A time and the text of a checkpoint (C2SP tlog-cosignature): how a witness signs what it has seen.
    Cosignature = 0x04,
}

/// A key whose signatures are believed. Comes from configuration or from the log's key endpoint; its text is
/// `<name>+<id in hex>+<base64 of type and key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: KeyId,
    signature_type: SignatureType,
    key: VerifyingKey,
}

/// Why a text is no verifier key, or a name no key's name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum VerifierError {
    /// Not three parts.
    #[error("a verifier key has three parts, joined by +: name, key id, key")]
    Parts,
    /// Empty, or with characters that would break a signature line.
    #[error("a key's name has at least one character and neither spaces, control characters nor +")]
    Name,
    /// Not eight lower-case hex digits.
    #[error("a key id has eight lower-case hex digits")]
    Id,
    /// Not base64 of a type and a key.
    #[error("the key itself is not in standard base64")]
    Base64,
    /// A type that is not read here.
    #[error("signature type {0:#04x} is not supported: 0x01 (Ed25519) and 0x04 (Ed25519 cosignature) are")]
    Type(u8),
    /// Not a point of the curve, or one under which signatures can be forged.
    #[error("the key is not a sound Ed25519 public key of 32 bytes")]
    Key,
    /// The id is another one's.
    #[error("the key id does not belong to this name and key: one of the three was changed")]
    OtherId,
}

impl Verifier {
    /// The key of that name.
    pub fn new(
        name: &str,
        signature_type: SignatureType,
        public_key: &[u8; 32],
    ) -> Result<Verifier, VerifierError> {
        if !is_key_name(name) {
            return Err(VerifierError::Name);
        }
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| VerifierError::Key)?;
        if key.is_weak() {
            return Err(VerifierError::Key);
        }
        let hashed = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', signature_type as u8])
            .chain_update(public_key)
            .finalize();
        let id = KeyId([hashed[0], hashed[1], hashed[2], hashed[3]]);
        Ok(Verifier { name: name.to_owned(), id, signature_type, key })
    }

    /// Reads the text form, of which one spelling counts.
    pub fn parse(text: &str) -> Result<Verifier, VerifierError> {
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(VerifierError::Parts);
        let (name, id, key) = (part()?, part()?, part()?);
        if id.len() != 8 || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(VerifierError::Id);
        }
        let key = parse_base64(key).ok_or(VerifierError::Base64)?;
        let (type_number, key) = key.split_first().ok_or(VerifierError::Base64)?;
        let signature_type = [SignatureType::Ed25519, SignatureType::Cosignature]
            .into_iter()
            .find(|known| *known as u8 == *type_number)
            .ok_or(VerifierError::Type(*type_number))?;
        let key = key.try_into().map_err(|_| VerifierError::Key)?;
        let verifier = Verifier::new(name, signature_type, key)?;
        if verifier.id.to_string() == id { Ok(verifier) } else { Err(VerifierError::OtherId) }
    }

    /// Who signs. For a log, the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What finds its signatures in a note.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What it signs.
    pub fn signature_type(&self) -> SignatureType {
        self.signature_type
    }

    /// The key alone.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Whether `signature`, without the key id, is this key's over a note of that text, and then the time
    /// that it states.
    pub(super) fn check(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        let (time, message, signature) = match self.signature_type {
            SignatureType::Ed25519 => (None, text.to_owned(), signature),
            SignatureType::Cosignature => {
                let (time, signature) = cosignature::split_time(signature)?;
                (Some(time), cosignature::message(time, text), signature)
            }
        };
        let signature = Signature::from_slice(signature).ok()?;
        self.key.verify_strict(message.as_bytes(), &signature).ok().map(|()| time)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.signature_type as u8], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{}+{}", self.name, self.id, to_base64(&key))
    }
}

/// Whether a key may have that name.
pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c < ' ' || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard.
    const PUBLISHED: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn the_published_key_is_read_and_written() {
        let verifier = Verifier::parse(PUBLISHED).expect("it is well-formed");
        assert_eq!(verifier.name(), "example.com/foo");
        assert_eq!(verifier.id().to_string(), "530d903a");
        assert_eq!(verifier.to_string(), PUBLISHED);
    }

    #[test]
    fn one_key_has_another_id_for_each_type_and_name() {
        let key = Verifier::parse(PUBLISHED).expect("it is well-formed").key.to_bytes();
        let id = |name, kind| Verifier::new(name, kind, &key).map(|verifier| verifier.id());
        let own = id("example.com/foo", SignatureType::Ed25519);
        assert_ne!(own, id("example.com/foo", SignatureType::Cosignature));
        assert_ne!(own, id("example.com/fop", SignatureType::Ed25519));
    }

    #[test]
    fn whatever_does_not_fit_is_named() {
        let key = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let with = |name: &str, id: &str, key: &str| Verifier::parse(&format!("{name}+{id}+{key}")).err();
        let name = "example.com/foo";
        assert_eq!(Verifier::parse("example.com/foo+530d903a").err(), Some(VerifierError::Parts));
        for wrong in ["", "a b", "a\u{a0}b", "a\u{2028}b", "a\nb", "a\u{0}b"] {
            assert_eq!(with(wrong, "530d903a", key), Some(VerifierError::Name), "{wrong:?}");
        }
        for wrong in ["", "530d903", "530d903aa", "530D903A", "+30d903a"] {
            assert_eq!(with(name, wrong, key), Some(VerifierError::Id), "{wrong:?}");
        }
        assert_eq!(with(name, "530d903b", key), Some(VerifierError::OtherId));
        assert_eq!(with("example.com/fop", "530d903a", key), Some(VerifierError::OtherId));
        assert_eq!(with(name, "530d903a", ""), Some(VerifierError::Base64));
        assert_eq!(with(name, "530d903a", &format!("{key}\n")), Some(VerifierError::Base64));
        assert_eq!(with(name, "530d903a", "BgAA"), Some(VerifierError::Type(6)));
        assert_eq!(with(name, "530d903a", "AQAA"), Some(VerifierError::Key));
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        for weak in [[0; 32], identity] {
            assert_eq!(Verifier::new("a", SignatureType::Ed25519, &weak).err(), Some(VerifierError::Key));
        }
    }
}
