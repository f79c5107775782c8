//! The private keys of signed notes: their file form, and what a log signs with them.

use super::note::NoteSignature;
use super::verifier::{SignatureType, Verifier, VerifierError};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes, spki::der::pem::LineEnding};
use ed25519_dalek::{Signer as _, SigningKey};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// An Ed25519 private key, overwritten in memory when dropped. Its file form is PKCS#8 in PEM (RFC 5958, RFC
/// 8410), which common tools read and write too; the C2SP standards define none.
pub struct PrivateKey(SigningKey);

/// Why a file holds no private key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("this is not an Ed25519 private key in PEM form (\"-----BEGIN PRIVATE KEY-----\")")]
pub struct PrivateKeyError;

impl PrivateKey {
    /// The key that grows from 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> PrivateKey {
        PrivateKey(SigningKey::from_bytes(seed))
    }

    /// Reads the file form; a public key that stands beside the private one must belong to it.
    pub fn from_pem(pem: &str) -> Result<PrivateKey, PrivateKeyError> {
        SigningKey::from_pkcs8_pem(pem).map(PrivateKey).map_err(|_| PrivateKeyError)
    }

    /// The file form.
    pub fn to_pem(&self) -> Zeroizing<String> {
        // Without the public key: OpenSSL 3.0 does not read files that hold it.
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        pair.to_pkcs8_pem(LineEnding::LF).expect("32 bytes always have a PEM form")
    }

    /// The public key that belongs to it.
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// A log's key with its name, which is the origin of its checkpoints.
#[derive(Debug)]
pub struct Signer {
    verifier: Verifier,
    key: PrivateKey,
}

impl Signer {
    /// The signer of that name.
    pub fn new(name: &str, key: PrivateKey) -> Result<Signer, VerifierError> {
        Ok(Signer { verifier: Verifier::new(name, SignatureType::Ed25519, &key.public_key())?, key })
    }

    /// Who signs.
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// What others check its signatures with.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signature of a note of that text.
    pub fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature::new(&self.verifier, self.key.sign(text.as_bytes()).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410, section 10.3.
    const PUBLISHED: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn the_published_key_file_is_read_and_written() {
        let key = PrivateKey::from_pem(PUBLISHED).expect("it is well-formed");
        assert_eq!(hex::encode(&key.public_key()[..4]), "19bf4409");
        assert_eq!(*key.to_pem(), PUBLISHED);
    }

    #[test]
    fn what_is_no_key_file_is_refused() {
        let public = PUBLISHED.replace("PRIVATE", "PUBLIC");
        let cut = PUBLISHED.replace("EdVhC", "");
        for wrong in ["", &public, &cut, &PUBLISHED[1..]] {
            assert_eq!(PrivateKey::from_pem(wrong).err(), Some(PrivateKeyError), "{wrong}");
        }
    }

    #[test]
    fn no_secret_is_shown_for_debugging() {
        let signer = Signer::new("a", PrivateKey::from_seed(&[7; 32])).expect("a name");
        assert!(!format!("{signer:?}").contains("7, 7"));
    }
}
