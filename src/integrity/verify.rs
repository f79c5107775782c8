//! The verdict over what an event claims of itself.

use super::{Key, hash_jcs, hash_v1, sign};
use crate::model::{AuditEvent, Hash, Verdict};
use subtle::ConstantTimeEq;

/// What checking one event found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The outcome, which is stored with the event.
    pub verdict: Verdict,
    /// The hash's algorithm: `SHA-256`, `SHA-256-JCS`, or `unknown`.
    pub algorithm: &'static str,
    /// The hash of the content; `None` where none was claimed, or none can be computed.
    pub computed: Option<Hash>,
    /// The outcome in a sentence for a person.
    pub details: &'static str,
}

/// Checks the hash and the signature that an event claims. `raw` is its bytes as received, `key` what its
/// source signs with, if that is known. Digests are compared in constant time; hex is read in either case.
pub fn verify(event: &AuditEvent<'_>, raw: &[u8], key: Option<&Key>) -> Finding {
    let algorithm = match event.claim.hash_algorithm.as_deref() {
        None | Some("SHA-256") => "SHA-256",
        Some("SHA-256-JCS") => "SHA-256-JCS",
        Some(_) => "unknown",
    };
    let finding = |computed, (verdict, details)| Finding { verdict, algorithm, computed, details };
    let Some(claimed) = event.claim.hash.as_deref() else {
        return finding(
            None,
            (Verdict::Unsigned, "The event came without a hash, so nothing can be checked."),
        );
    };
    let computed = match algorithm {
        "SHA-256" => hash_v1(event),
        "SHA-256-JCS" => match hash_jcs(raw) {
            Ok(hash) => hash,
            Err(_) => return finding(None, NO_CANONICAL_FORM),
        },
        _ => return finding(None, UNKNOWN_ALGORITHM),
    };
    if !is_digest(claimed, &computed) {
        return finding(Some(computed), HASH_MISMATCH);
    }
    finding(Some(computed), check_signature(event, &computed, key))
}

type Outcome = (Verdict, &'static str);

const NO_CANONICAL_FORM: Outcome = (
    Verdict::Unverifiable,
    "The hash cannot be computed: the event has no canonical form, most likely for too large a number.",
);
const UNKNOWN_ALGORITHM: Outcome =
    (Verdict::Unverifiable, "The event names an algorithm that is not known here, so it cannot be checked.");
const HASH_MISMATCH: Outcome = (
    Verdict::HashMismatch,
    "The hash is not that of the content: the event was changed after its hash was made, or the hash was.",
);
const SIGNATURE_MISMATCH: Outcome = (
    Verdict::SignatureMismatch,
    "The hash matches the content, but the signature was not made with the key of this source.",
);

/// The hash is right; is it the source's?
fn check_signature(event: &AuditEvent<'_>, hash: &Hash, key: Option<&Key>) -> Outcome {
    // An empty signature is none: whoever sends it has not signed.
    let signature = event.claim.signature.as_deref().filter(|signature| !signature.is_empty());
    let is_hmac = matches!(event.claim.algorithm.as_deref(), None | Some("HMAC-SHA256"));
    match (signature, key) {
        (None, None) => (
            Verdict::Verified,
            "The hash matches the content. No key is known for this source, and the event is not signed.",
        ),
        (None, Some(_)) => (
            Verdict::Unsigned,
            "The hash matches the content, but the signature that this source makes is missing.",
        ),
        (Some(_), _) if !is_hmac => (
            Verdict::Unverifiable,
            "The hash matches the content. The signature was made with a key that is not at hand here.",
        ),
        (Some(_), None) => (
            Verdict::Verified,
            "The hash matches the content. The signature was not checked: no key is known for this source.",
        ),
        (Some(signature), Some(key)) if is_digest(signature, &sign(hash, key)) => (
            Verdict::Verified,
            "The hash matches the content, and the signature was made with the key of this source.",
        ),
        (Some(_), Some(_)) => SIGNATURE_MISMATCH,
    }
}

/// Whether `hex` spells `digest`, without telling by its time how much of it does.
fn is_digest(hex: &str, digest: &Hash) -> bool {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hex, &mut bytes).is_ok() && bool::from(bytes.ct_eq(digest))
}
