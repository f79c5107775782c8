//! One event: every rule of the wire format, in one pass over its bytes.

use super::reader::{Reader, Stop, Value};
use super::{Fault, FaultKind, Limits, timestamp};
use crate::model::{AuditEvent, Claim, Classification, ReceivedAt, SessionContext, Status};
use jiff::Timestamp;
use std::borrow::Cow;
use std::net::IpAddr;
use uuid::Uuid;

/// Reads one event and checks it against every rule of the wire format.
///
/// `raw` is the event's bytes alone, as [`Item`](super::Item) gives them. `assumed` is the time of receipt
/// where the form of the request lets the server fill in a missing `timestamp`; without it that is the fault
/// `required`. `null` counts as absent. What is not readable (the grammar, UTF-8, half a surrogate pair, a
/// key twice at any depth, a number beyond a double, more than 128 levels) is [`FaultKind::Malformed`] and
/// outranks any rule that is broken besides.
pub fn event<'a>(
    raw: &'a [u8],
    limits: &Limits,
    assumed: Option<Timestamp>,
) -> Result<AuditEvent<'a>, Fault> {
    check_size(raw, limits)?;
    let mut reader = Reader::new(utf8(raw)?, Some(limits));
    let mut draft = Draft::default();
    reader.white();
    if reader.peek() == Some(b'{') {
        reader.object(1, |reader, key| draft.member(reader, &key.unescaped()))?;
    } else {
        let at = reader.at();
        reader.value(1)?;
        reader.invalid(at, "wrong_type", "must be a JSON object");
    }
    reader.end()?;
    reader.verdict()?;
    draft.finish(assumed)
}

/// Reads an event back that was accepted before, whatever the limits were then. `received_at` stands in for a
/// `timestamp` that was left to the server. A fault here means damaged bytes.
pub fn stored<'a>(raw: &'a [u8], received_at: ReceivedAt) -> Result<AuditEvent<'a>, Fault> {
    event(raw, &Limits::NONE, Some(received_at.timestamp()))
}

/// Whether `eventVersion` is one that is known; another one is a warning, not an error.
pub fn known_version(version: &str) -> bool {
    matches!(version, "1.0" | "1.1" | "2.0")
}

/// That an event is not larger than the limits allow.
pub(super) fn check_size(raw: &[u8], limits: &Limits) -> Result<(), Fault> {
    if raw.len() <= limits.event_bytes_max {
        return Ok(());
    }
    let message =
        format!("the event has {} bytes; at most {} are allowed", raw.len(), limits.event_bytes_max);
    Err(Fault::whole(FaultKind::TooLarge, "event_too_large", message))
}

/// The bytes as text.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Fault::whole(
            FaultKind::Malformed,
            "json_syntax",
            "JSON must not begin with a byte order mark",
        ));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("not UTF-8 at byte {}; JSON is always UTF-8", error.valid_up_to());
        Fault::whole(FaultKind::Malformed, "invalid_utf8", message)
    })
}

/// What has been read of an event so far.
#[derive(Default)]
struct Draft<'a> {
    timestamp: Option<(Cow<'a, str>, Timestamp)>,
    action: Option<Cow<'a, str>>,
    status: Option<Status>,
    principal_id: Option<Cow<'a, str>>,
    organization_id: Option<Cow<'a, str>>,
    target_resource_type: Option<Cow<'a, str>>,
    target_resource_id: Option<Cow<'a, str>>,
    outcome_description: Option<Cow<'a, str>>,
    claim: Claim<'a>,
    event_version: Option<Cow<'a, str>>,
    correlation_id: Option<Cow<'a, str>>,
    session: Option<SessionContext<'a>>,
    classification: Option<Classification>,
    retention_policy: Option<Cow<'a, str>>,
    record_count: Option<f64>,
    id: Option<Uuid>,
    source_seq: Option<i64>,
}

impl<'a> Draft<'a> {
    fn member(&mut self, reader: &mut Reader<'a, '_>, key: &str) -> Result<(), Stop> {
        match key {
            "timestamp" => self.timestamp = time(reader)?,
            "action" => self.action = filled(reader)?,
            "status" => self.status = one_of(reader, STATUS, Status::from_name)?,
            "principalId" => self.principal_id = text(reader)?,
            "organizationId" => self.organization_id = text(reader)?,
            "targetResourceType" => self.target_resource_type = text(reader)?,
            "targetResourceId" => self.target_resource_id = text(reader)?,
            "outcomeDescription" => self.outcome_description = text(reader)?,
            "hash" => self.claim.hash = checked(reader, "invalid_hash", HASH, is_hash)?,
            "hashAlgorithm" => {
                self.claim.hash_algorithm = checked(reader, UNKNOWN, HASHES, is_hash_algorithm)?;
            }
            "signature" => self.claim.signature = text(reader)?,
            "algorithm" => self.claim.algorithm = checked(reader, UNKNOWN, SIGNATURES, is_algorithm)?,
            "eventVersion" => self.event_version = text(reader)?,
            "correlationId" => self.correlation_id = text(reader)?,
            "sessionContext" => self.session = session(reader)?,
            "dataClassification" => {
                self.classification = one_of(reader, CLASSIFICATIONS, Classification::from_name)?;
            }
            "retentionPolicy" => self.retention_policy = text(reader)?,
            "processingLatency" | "queueDepth" => not_negative(reader)?,
            "recordCount" => self.record_count = number(reader)?,
            "id" => self.id = id(reader)?,
            "sourceSeq" => self.source_seq = integer(reader)?,
            _ => drop(reader.value(2)?),
        }
        Ok(())
    }

    fn finish(self, assumed: Option<Timestamp>) -> Result<AuditEvent<'a>, Fault> {
        let (timestamp_text, timestamp) = match (self.timestamp, assumed) {
            (Some((text, instant)), _) => (Some(text), instant),
            (None, Some(instant)) => (None, instant),
            (None, None) => return Err(required("timestamp", TIMESTAMP)),
        };
        Ok(AuditEvent {
            timestamp_text,
            timestamp,
            action: self.action.ok_or_else(|| required("action", "must be a string that is not empty"))?,
            status: self.status.ok_or_else(|| required("status", STATUS))?,
            principal_id: self.principal_id,
            organization_id: self.organization_id,
            target_resource_type: self.target_resource_type,
            target_resource_id: self.target_resource_id,
            outcome_description: self.outcome_description,
            claim: self.claim,
            event_version: self.event_version,
            correlation_id: self.correlation_id,
            session: self.session,
            classification: self.classification.unwrap_or_default(),
            retention_policy: self.retention_policy.unwrap_or(Cow::Borrowed("standard")),
            record_count: self.record_count,
            id: self.id,
            source_seq: self.source_seq,
        })
    }
}

const TIMESTAMP: &str = "must be an RFC 3339 date-time with its zone, such as 2026-01-31T23:59:59.000Z";
const STATUS: &str = "must be one of attempt, success, failure";
const CLASSIFICATIONS: &str = "must be one of PUBLIC, INTERNAL, CONFIDENTIAL, PHI";
const UNKNOWN: &str = "unknown_algorithm";
const HASH: &str = "must be 64 hex digits";
const HASHES: &str = "must be SHA-256 or SHA-256-JCS";
const SIGNATURES: &str =
    "must be HMAC-SHA256, RSASSA_PSS_SHA_256, _384 or _512, or RSASSA_PKCS1_V1_5_SHA_256, _384 or _512";

fn required(field: &'static str, rule: &str) -> Fault {
    Fault::field(FaultKind::Invalid, "required", field, &format!("is required; it {rule}"))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_hash_algorithm(text: &str) -> bool {
    matches!(text, "SHA-256" | "SHA-256-JCS")
}

fn is_algorithm(text: &str) -> bool {
    let kms = text.strip_prefix("RSASSA_PSS_SHA_").or_else(|| text.strip_prefix("RSASSA_PKCS1_V1_5_SHA_"));
    text == "HMAC-SHA256" || kms.is_some_and(|bits| matches!(bits, "256" | "384" | "512"))
}

/// A string; `None` where it is `null` or something else, which is noted.
fn text<'a>(reader: &mut Reader<'a, '_>) -> Result<Option<Cow<'a, str>>, Stop> {
    let at = reader.at();
    match reader.value(2)? {
        Value::Text(text) => return Ok(Some(text.unescaped())),
        Value::Null => {}
        _ => reader.invalid(at, "wrong_type", "must be a string"),
    }
    Ok(None)
}

/// A string that holds to `rule`.
fn checked<'a>(
    reader: &mut Reader<'a, '_>,
    code: &'static str,
    rule: &'static str,
    holds: impl Fn(&str) -> bool,
) -> Result<Option<Cow<'a, str>>, Stop> {
    let at = reader.at();
    let text = text(reader)?;
    if text.as_deref().is_some_and(|text| !holds(text)) {
        reader.invalid(at, code, rule);
    }
    Ok(text)
}

/// A string that is not empty.
fn filled<'a>(reader: &mut Reader<'a, '_>) -> Result<Option<Cow<'a, str>>, Stop> {
    checked(reader, "empty", "must not be empty", |text| !text.is_empty())
}

/// One name of a closed set.
fn one_of<T>(
    reader: &mut Reader<'_, '_>,
    rule: &'static str,
    from_name: fn(&str) -> Option<T>,
) -> Result<Option<T>, Stop> {
    let at = reader.at();
    let Some(name) = text(reader)? else { return Ok(None) };
    let found = from_name(&name);
    if found.is_none() {
        reader.invalid(at, "not_allowed", rule);
    }
    Ok(found)
}

fn time<'a>(reader: &mut Reader<'a, '_>) -> Result<Option<(Cow<'a, str>, Timestamp)>, Stop> {
    let at = reader.at();
    let Some(text) = text(reader)? else { return Ok(None) };
    let Some(instant) = timestamp::instant(&text) else {
        reader.invalid(at, "invalid_timestamp", TIMESTAMP);
        return Ok(None);
    };
    Ok(Some((text, instant)))
}

fn id(reader: &mut Reader<'_, '_>) -> Result<Option<Uuid>, Stop> {
    let at = reader.at();
    let Some(text) = text(reader)? else { return Ok(None) };
    // The library also reads forms without hyphens, in braces and as a URN; the wire format has one.
    let id = Some(text).filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(&text).ok());
    if id.is_none() {
        reader.invalid(at, "invalid_id", "must be a UUID of 36 characters with hyphens");
    }
    Ok(id)
}

fn number(reader: &mut Reader<'_, '_>) -> Result<Option<f64>, Stop> {
    let at = reader.at();
    match reader.value(2)? {
        Value::Number(written) => return Ok(written.parse().ok()),
        Value::Null => {}
        _ => reader.invalid(at, "wrong_type", "must be a number"),
    }
    Ok(None)
}

fn not_negative(reader: &mut Reader<'_, '_>) -> Result<(), Stop> {
    let at = reader.at();
    if number(reader)?.is_some_and(|number| number < 0.0) {
        reader.invalid(at, "negative", "must be 0 or more");
    }
    Ok(())
}

fn integer(reader: &mut Reader<'_, '_>) -> Result<Option<i64>, Stop> {
    let at = reader.at();
    let value = reader.value(2)?;
    if let Value::Number(written) = value
        && let Ok(integer) = written.parse()
    {
        return Ok(Some(integer));
    }
    if !matches!(value, Value::Null) {
        reader.invalid(
            at,
            "wrong_type",
            "must be an integer of at most 64 bits, without fraction or exponent",
        );
    }
    Ok(None)
}

fn session<'a>(reader: &mut Reader<'a, '_>) -> Result<Option<SessionContext<'a>>, Stop> {
    let at = reader.at();
    if reader.peek() != Some(b'{') {
        if !matches!(reader.value(2)?, Value::Null) {
            reader.invalid(at, "wrong_type", "must be an object");
        }
        return Ok(None);
    }
    let mut session = SessionContext::default();
    reader.object(2, |reader, key| {
        match key.unescaped().as_ref() {
            "sessionId" => session.session_id = filled(reader)?,
            "ipAddress" => session.ip_address = address(reader)?,
            "userAgent" => session.user_agent = filled(reader)?,
            _ => drop(reader.value(3)?),
        }
        Ok(())
    })?;
    Ok(Some(session))
}

fn address<'a>(reader: &mut Reader<'a, '_>) -> Result<Option<Cow<'a, str>>, Stop> {
    checked(reader, "invalid_ip_address", "must be an IPv4 or IPv6 address", |text| {
        text.parse::<IpAddr>().is_ok()
    })
}
