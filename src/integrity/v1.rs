//! Version 1 of the hash: the eight critical fields, as existing senders write them.

use crate::model::{AuditEvent, Hash};
use sha2::{Digest, Sha256};

/// The hash that `SHA-256` names: SHA-256 over `name:value` of the eight critical fields in sorted order,
/// joined with `|`. A value is written as ECMAScript's `JSON.stringify` writes it; absent and empty are
/// `null`.
pub fn hash_v1(event: &AuditEvent<'_>) -> Hash {
    let fields: [(&str, Option<&str>); 8] = [
        ("action:", Some(&event.action)),
        ("|organizationId:", event.organization_id.as_deref()),
        ("|outcomeDescription:", event.outcome_description.as_deref()),
        ("|principalId:", event.principal_id.as_deref()),
        ("|status:", Some(event.status.name())),
        ("|targetResourceId:", event.target_resource_id.as_deref()),
        ("|targetResourceType:", event.target_resource_type.as_deref()),
        ("|timestamp:", event.timestamp_text.as_deref()),
    ];
    let mut hasher = Sha256::new();
    for (name, value) in fields {
        hasher.update(name);
        match value {
            None | Some("") => hasher.update("null"),
            Some(text) => write_string(text, |bytes| hasher.update(bytes)),
        }
    }
    hasher.finalize().into()
}

/// Writes `text` as ECMAScript's `JSON.stringify` does, which is also how RFC 8785 writes a string (3.2.2.2).
pub(super) fn write_string(text: &str, mut write: impl FnMut(&[u8])) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    write(b"\"");
    let mut rest = text.as_bytes();
    while let Some(plain) = rest.iter().position(|byte| matches!(byte, ..0x20 | b'"' | b'\\')) {
        write(&rest[..plain]);
        match rest[plain] {
            b'"' => write(b"\\\""),
            b'\\' => write(b"\\\\"),
            8 => write(b"\\b"),
            9 => write(b"\\t"),
            10 => write(b"\\n"),
            12 => write(b"\\f"),
            13 => write(b"\\r"),
            control => {
                write(b"\\u00");
                write(&[HEX[usize::from(control >> 4)], HEX[usize::from(control & 15)]]);
            }
        }
        rest = &rest[plain + 1..];
    }
    write(rest);
    write(b"\"");
}
