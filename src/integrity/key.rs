//! The key of a source, ready to sign with.

use crate::model::{Hash, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// A signing secret with the first half of HMAC-SHA256 (RFC 2104) done. Made once for each API key, then
/// shared.
#[derive(Clone)]
pub struct Key {
    keyed: Hmac<Sha256>,
}

impl Key {
    /// Prepares a secret, of which the UTF-8 bytes are the key.
    pub fn new(secret: &Secret) -> Key {
        let keyed = Hmac::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes a key of any length");
        Key { keyed }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The signature of an event with this hash: HMAC-SHA256 over the 64 lower-case hex digits. On the wire it is
/// written in lower-case hex too.
pub fn sign(hash: &Hash, key: &Key) -> Hash {
    let mut digits = [0; 64];
    hex::encode_to_slice(hash, &mut digits).expect("32 bytes are 64 digits");
    let mut keyed = key.keyed.clone();
    keyed.update(&digits);
    keyed.finalize().into_bytes().into()
}
