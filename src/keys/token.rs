//! Random tokens: long enough that their plain SHA-256 may be kept in their place.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A new API key: `sw_` and 256 random bits.
pub fn new_api_key() -> String {
    format!("sw_{}", random_text::<32>())
}

/// A new session token: 256 random bits.
pub fn new_session_token() -> String {
    random_text::<32>()
}

/// A new password to be typed: 120 random bits.
pub fn new_password() -> String {
    random_text::<15>()
}

/// What is kept of a token.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn random_text<const N: usize>() -> String {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel's random source is always there once the host is up");
    URL_SAFE_NO_PAD.encode(bytes)
}
