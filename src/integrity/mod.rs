//! What proves that an event is as its sender made it: hashes, signatures, and the verdict over them.
//!
//! Pure: the event, its bytes and the key are arguments. `spec` names are those of the wire: `SHA-256` is
//! version 1, `SHA-256-JCS` version 2.

mod jcs;
mod key;
mod v1;
mod verify;

pub use jcs::{Unverifiable, hash_jcs};
pub use key::{Key, sign};
pub use v1::hash_v1;
pub use verify::{Finding, verify};

#[cfg(test)]
mod tests;
