//! What the appliance found when it checked an event's hash and signature.

use serde::{Deserialize, Serialize};

/// The outcome of checking one event's integrity, stored with it. The numbers are part of the log's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The hash matched, and the signature too; without any key known for the source the hash alone.
    Verified = 1,
    /// No hash, or a hash without the signature that a known key would have made.
    Unsigned = 2,
    /// The hash is not that of the content.
    HashMismatch = 3,
    /// The hash is right; the signature is not the key's.
    SignatureMismatch = 4,
    /// An algorithm or a key that is not at hand, or numbers that the canonical form cannot hold.
    Unverifiable = 5,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 5] = [
        Verdict::Verified,
        Verdict::Unsigned,
        Verdict::HashMismatch,
        Verdict::SignatureMismatch,
        Verdict::Unverifiable,
    ];

    /// The name in answers and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Verified => "verified",
            Verdict::Unsigned => "unsigned",
            Verdict::HashMismatch => "hash_mismatch",
            Verdict::SignatureMismatch => "signature_mismatch",
            Verdict::Unverifiable => "unverifiable",
        }
    }

    /// The verdict of that name.
    pub fn from_name(name: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// The verdict of that number in the log.
    pub fn from_number(number: u8) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| *verdict as u8 == number)
    }

    /// Whether the event is evidence of tampering.
    pub fn is_mismatch(self) -> bool {
        matches!(self, Verdict::HashMismatch | Verdict::SignatureMismatch)
    }
}
