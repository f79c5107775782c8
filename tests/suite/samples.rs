//! Events to send, hashed and signed as senders do it; written from the specification, not from our code.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The secret of the recorded events and of the vectors.
pub(crate) const SECRET: &str = "test-secret-for-vectors-only";

/// The fields that version 1 of the hash covers, sorted.
const CRITICAL: [&str; 8] = [
    "action",
    "organizationId",
    "outcomeDescription",
    "principalId",
    "status",
    "targetResourceId",
    "targetResourceType",
    "timestamp",
];

/// An event that breaks no rule and sets off no pattern.
pub(crate) fn plain() -> Value {
    json!({"timestamp": "2026-01-05T10:00:00.000Z", "action": "test.plain", "status": "success"})
}

/// The same with other members; `null` takes one away.
pub(crate) fn plain_with(members: Value) -> Value {
    let mut event = plain();
    let object = event.as_object_mut().expect("it was made as one");
    for (name, value) in members.as_object().expect("members stand in an object") {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    event
}

/// A sign-in of `principal` that failed, `second` seconds after ten o'clock.
pub(crate) fn failed_sign_in(organization: &str, principal: &str, second: u32) -> Value {
    plain_with(json!({
        "timestamp": after_ten(second),
        "action": "auth.login.failure",
        "status": "failure",
        "organizationId": organization,
        "principalId": principal,
    }))
}

/// An access to data at that time of the 5th of January 2026.
pub(crate) fn data_access(organization: &str, principal: &str, time: &str) -> Value {
    plain_with(json!({
        "timestamp": format!("2026-01-05T{time}Z"),
        "action": "data.update",
        "organizationId": organization,
        "principalId": principal,
    }))
}

/// That many seconds after ten o'clock on the 5th of January 2026.
pub(crate) fn after_ten(second: u32) -> String {
    format!("2026-01-05T{:02}:{:02}:{:02}Z", 10 + second / 3_600, second / 60 % 60, second % 60)
}

/// The event with its version 1 hash.
pub(crate) fn hashed(mut event: Value) -> Value {
    event["hash"] = Value::from(hash(&event));
    event["hashAlgorithm"] = Value::from("SHA-256");
    event
}

/// The event with its version 1 hash and the signature of that secret.
pub(crate) fn signed(event: Value, secret: &str) -> Value {
    let mut event = hashed(event);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(event["hash"].as_str().expect("it was just set").as_bytes());
    event["signature"] = Value::from(hex::encode(mac.finalize().into_bytes()));
    event["algorithm"] = Value::from("HMAC-SHA256");
    event
}

/// SHA-256 over the critical fields as `name:value`, joined with `|`.
pub(crate) fn hash(event: &Value) -> String {
    let written = CRITICAL.map(|name| match event.get(name) {
        None | Some(Value::Null) => format!("{name}:null"),
        Some(Value::String(text)) if text.is_empty() => format!("{name}:null"),
        Some(value) => format!("{name}:{value}"),
    });
    hex::encode(Sha256::digest(written.join("|")))
}
