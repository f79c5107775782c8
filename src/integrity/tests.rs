//! Known answers, and every branch of the verdict.

use super::*;
use crate::model::{AuditEvent, Claim, Classification, Hash, Secret, Status, Verdict};
use std::borrow::Cow;
use std::path::Path;

/// An event with what is required and nothing more.
fn plain(timestamp: &'static str, action: &'static str, status: Status) -> AuditEvent<'static> {
    AuditEvent {
        timestamp_text: Some(timestamp.into()),
        timestamp: jiff::Timestamp::UNIX_EPOCH,
        action: action.into(),
        status,
        principal_id: None,
        organization_id: None,
        target_resource_type: None,
        target_resource_id: None,
        outcome_description: None,
        claim: Claim::default(),
        event_version: None,
        correlation_id: None,
        session: None,
        classification: Classification::Internal,
        retention_policy: "standard".into(),
        record_count: None,
        id: None,
        source_seq: None,
    }
}

/// The event with these members; of the rules of the wire format nothing is checked.
fn from_json(members: &serde_json::Value) -> AuditEvent<'_> {
    let text = |name: &str| members[name].as_str().map(Cow::from);
    let mut event =
        plain("", "", Status::from_name(&text("status").expect("is sent")).expect("is one of three"));
    event.timestamp_text = text("timestamp");
    event.action = text("action").expect("is sent");
    event.principal_id = text("principalId");
    event.organization_id = text("organizationId");
    event.target_resource_type = text("targetResourceType");
    event.target_resource_id = text("targetResourceId");
    event.outcome_description = text("outcomeDescription");
    event.claim = Claim {
        hash: text("hash"),
        hash_algorithm: text("hashAlgorithm"),
        signature: text("signature"),
        algorithm: text("algorithm"),
    };
    event
}

fn key(secret: &str) -> Key {
    Key::new(&Secret::new(secret.to_owned()))
}

fn check_known(hash: &Hash, hash_hex: &str, signature_hex: &str) {
    assert_eq!(hex::encode(hash), hash_hex);
    assert_eq!(hex::encode(sign(hash, &key("an own secret"))), signature_hex);
}

#[test]
fn hashes_and_signatures_are_those_of_an_independent_computation() {
    let event = plain("2026-03-01T08:00:00Z", "door.open", Status::Success);
    check_known(
        &hash_v1(&event),
        "19c24654150a74e99cdc0229150b31ad54e227a8732cb5945b94afb45573b40d",
        "12701ccb5402cf60f61d6d6e8ae9c6fb7901c73d53fd08f25083148b01bcfa08",
    );
    let event = AuditEvent {
        principal_id: Some("Zoë".into()),
        organization_id: Some("o-1".into()),
        target_resource_type: Some("File".into()),
        target_resource_id: Some("/etc/\"x\"\\".into()),
        outcome_description: Some("tab\tend".into()),
        ..plain("2026-03-01T08:00:00.5+01:00", "file.read", Status::Failure)
    };
    check_known(
        &hash_v1(&event),
        "fd3f877b22749deea64c8fc8d9c1f57cc865ff75ee660bd22416938f57e7c8f5",
        "8e8a6056508e6ad870e127609d1f57f58f9879f1f8b6839333b97f31616400e5",
    );
    let event = AuditEvent {
        outcome_description: Some("".into()),
        ..plain("2026-03-01T08:00:00Z", "ctl\u{1}\u{7f}\u{2028}", Status::Attempt)
    };
    check_known(
        &hash_v1(&event),
        "84679747c3b32ae54f99a8de7ba4183af5ffca372312c359d2ec2d612e594415",
        "ac3a083c2af7ec6ab13c0a353191c602ccd6996ed1f0138505e883f01009fbec",
    );
    let raw = r#" {"status":"success",
        "\ufb33":2.0, "hash":"x", "😀":1, "a":[1e0, 1.50,"\u20ac"], "signature":null,
        "hashAlgorithm":"SHA-256-JCS", "action":"x","algorithm":{}, "timestamp":"2026-03-01T08:00:00Z"}"#;
    check_known(
        &hash_jcs(raw.as_bytes()).expect("has a canonical form"),
        "a174f97367408c9ebd59ac09bb412c184ed93065f13af938feecd642bce112d7",
        "cb469a8f1e25a4e7b5164ca9a75a165444f6bcec9e2d40c2c62626c44fb7f051",
    );
}

#[test]
fn a_timestamp_that_the_server_gave_counts_as_null() {
    let mut event = plain("", "a", Status::Success);
    let empty = hash_v1(&event);
    event.timestamp_text = None;
    assert_eq!(hash_v1(&event), empty);
    event.timestamp_text = Some("null".into());
    assert_ne!(hash_v1(&event), empty);
}

#[test]
fn the_proof_is_left_out_of_the_canonical_form_at_the_top_only() {
    let hash = |raw: &str| hash_jcs(raw.as_bytes()).expect("has a canonical form");
    assert_eq!(
        hash(r#"{"a":1,"hash":"x","signature":"y","hashAlgorithm":"z","algorithm":"w"}"#),
        hash(r#"{"a":1}"#)
    );
    assert_ne!(hash(r#"{"a":{"hash":"x"}}"#), hash(r#"{"a":{}}"#));
    assert_ne!(hash(r#"{"a":1,"dataClassification":"PHI"}"#), hash(r#"{"a":1}"#));
}

/// The file of that name where the project is built beside what it was specified by.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn shared(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: {} is absent", path.display());
    }
    text
}

#[test]
fn all_vectors_of_existing_senders_verify_and_any_change_shows() {
    let Some(text) = shared("vectors/event-integrity-v1.json") else { return };
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let key = key(file["secret"].as_str().expect("a secret"));
    let vectors = file["vectors"].as_array().expect("vectors");
    assert_eq!(vectors.len(), 10);
    for vector in vectors {
        let mut event = from_json(&vector["event"]);
        event.claim.hash = vector["hash"].as_str().map(Cow::from);
        event.claim.signature = vector["signature"].as_str().map(Cow::from);
        event.claim.algorithm = vector["algorithm"].as_str().map(Cow::from);
        let verdict = |event: &AuditEvent<'_>| verify(event, b"", Some(&key)).verdict;
        assert_eq!(verdict(&event), Verdict::Verified, "{}", vector["name"]);
        event.action.to_mut().push('x');
        assert_eq!(verdict(&event), Verdict::HashMismatch, "{}", vector["name"]);
    }
}

#[test]
fn real_events_verify_with_their_secret_and_not_with_another() {
    let Some(text) = shared("data/cloudtrail-attack-2023.ndjson") else { return };
    let (right, wrong) = (key("test-secret-for-vectors-only"), key("test-secret-for-vectors-onlY"));
    for line in text.lines().take(100) {
        let members = serde_json::from_str(line).expect("JSON");
        let event = from_json(&members);
        assert_eq!(verify(&event, line.as_bytes(), Some(&right)).verdict, Verdict::Verified);
        assert_eq!(verify(&event, line.as_bytes(), Some(&wrong)).verdict, Verdict::SignatureMismatch);
    }
}

/// The verdict for an event whose claim is this.
fn check(claim: [Option<&str>; 4], raw: &str, key: Option<&Key>, expected: Verdict) {
    let [hash, hash_algorithm, signature, algorithm] =
        claim.map(|text| text.map(|text| Cow::from(text.to_owned())));
    let mut event = plain("2026-03-01T08:00:00Z", "door.open", Status::Success);
    event.claim = Claim { hash, hash_algorithm, signature, algorithm };
    let finding = verify(&event, raw.as_bytes(), key);
    assert_eq!(finding.verdict, expected, "{claim:?}: {}", finding.details);
}

#[test]
fn every_claim_has_its_verdict() {
    let key = key("an own secret");
    let (known, unknown) = (Some(&key), None);
    let hash = hash_v1(&plain("2026-03-01T08:00:00Z", "door.open", Status::Success));
    let (right, signed) = (hex::encode(hash), hex::encode(sign(&hash, &key)));
    let (upper, upper_signed) = (right.to_uppercase(), signed.to_uppercase());
    let wrong = "0".repeat(64);
    let (right, signed, wrong) = (Some(right.as_str()), Some(signed.as_str()), Some(wrong.as_str()));
    let hmac = Some("HMAC-SHA256");
    let kms = Some("RSASSA_PSS_SHA_256");

    check([None, None, None, None], "", known, Verdict::Unsigned);
    check([None, None, signed, hmac], "", known, Verdict::Unsigned);
    check([right, None, signed, None], "", known, Verdict::Verified);
    check([right, Some("SHA-256"), signed, hmac], "", known, Verdict::Verified);
    check([Some(&upper), None, Some(&upper_signed), hmac], "", known, Verdict::Verified);
    check([right, None, None, None], "", known, Verdict::Unsigned);
    check([right, None, Some(""), hmac], "", known, Verdict::Unsigned);
    check([right, None, None, None], "", unknown, Verdict::Verified);
    check([right, None, wrong, hmac], "", unknown, Verdict::Verified);
    check([right, None, wrong, hmac], "", known, Verdict::SignatureMismatch);
    check([right, None, Some("no hex"), hmac], "", known, Verdict::SignatureMismatch);
    check([right, None, right, hmac], "", known, Verdict::SignatureMismatch);
    check([wrong, None, signed, hmac], "", known, Verdict::HashMismatch);
    check([wrong, None, None, None], "", unknown, Verdict::HashMismatch);
    check([Some("ab"), None, None, None], "", unknown, Verdict::HashMismatch);
    check([right, None, signed, kms], "", known, Verdict::Unverifiable);
    check([right, None, signed, kms], "", unknown, Verdict::Unverifiable);
    check([wrong, None, signed, kms], "", known, Verdict::HashMismatch);
    check([right, None, None, kms], "", known, Verdict::Unsigned);
    check([right, Some("MD5"), signed, hmac], "", known, Verdict::Unverifiable);
}

#[test]
fn version_2_covers_the_bytes_and_needs_a_canonical_form() {
    let key = key("an own secret");
    let raw = r#"{"b":1, "a":"x"}"#;
    let hash = hash_jcs(raw.as_bytes()).expect("has a canonical form");
    let (right, signed) = (hex::encode(hash), hex::encode(sign(&hash, &key)));
    let claim = [Some(right.as_str()), Some("SHA-256-JCS"), Some(signed.as_str()), None];
    check(claim, raw, Some(&key), Verdict::Verified);
    check(claim, r#"{"a":"x","b":1.0}"#, Some(&key), Verdict::Verified);
    check(claim, r#"{"a":"x","b":2}"#, Some(&key), Verdict::HashMismatch);
    check(claim, r#"{"a":"x","b":1,"c":null}"#, Some(&key), Verdict::HashMismatch);
    check(claim, r#"{"a":"x","b":9007199254740993}"#, Some(&key), Verdict::Unverifiable);
}

#[test]
fn a_key_does_not_print_its_secret() {
    assert_eq!(format!("{:?}", key("hush")), "Key(…)");
}
