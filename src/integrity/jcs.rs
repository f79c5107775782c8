//! Version 2 of the hash: the whole event in its canonical form (RFC 8785).

use super::v1::write_string;
use crate::model::Hash;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fmt;

/// Why an event has no canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverifiable {
    /// A number that a double cannot hold, so that two different events would have one canonical form.
    #[error("the event has a number that the canonical form cannot hold")]
    Number,
    /// Nested more than 128 deep.
    #[error("the event is nested too deep for the canonical form")]
    Depth,
    /// Not a JSON object, or one that has a key twice.
    #[error("the event is not a JSON object with each key once")]
    Json,
}

/// No deeper than what `decode` reads; each level is one call.
const DEPTH_MAX: usize = 128;

/// What is not covered: the proof itself.
const PROOF: [&str; 4] = ["hash", "signature", "hashAlgorithm", "algorithm"];

/// The hash that `SHA-256-JCS` names: SHA-256 over the RFC 8785 form of the event without `hash`,
/// `signature`, `hashAlgorithm` and `algorithm` at its top level. Which numbers a double holds: see
/// [`Unverifiable::Number`]; a number counts as held if it does not overflow, is not rounded to zero and,
/// written as an integer, is either exact or written as ECMAScript itself would write the double. Decimals
/// are rounded, as the RFC does it.
pub fn hash_jcs(raw: &[u8]) -> Result<Hash, Unverifiable> {
    let mut members: Members<'_> = serde_json::from_slice(raw).map_err(|_| Unverifiable::Json)?;
    members.0.retain(|(key, _)| !PROOF.contains(&key.as_str()));
    let mut canonical = Vec::with_capacity(raw.len());
    write_object(members, 1, &mut canonical)?;
    Ok(Sha256::digest(&canonical).into())
}

/// The members of an object, each value as written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'a>, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

fn write_value(value: &RawValue, depth: usize, canonical: &mut Vec<u8>) -> Result<(), Unverifiable> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => write_object(parse(text)?, depth, canonical),
        Some(b'[') => write_array(parse(text)?, depth, canonical),
        Some(b'"') => {
            write_string(&parse::<String>(text)?, |bytes| canonical.extend_from_slice(bytes));
            Ok(())
        }
        Some(b'-' | b'0'..=b'9') => write_number(text, canonical),
        _ => {
            canonical.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Unverifiable> {
    serde_json::from_str(text).map_err(|_| Unverifiable::Json)
}

fn write_object(members: Members<'_>, depth: usize, canonical: &mut Vec<u8>) -> Result<(), Unverifiable> {
    if depth > DEPTH_MAX {
        return Err(Unverifiable::Depth);
    }
    let Members(mut members) = members;
    members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Unverifiable::Json);
    }
    canonical.push(b'{');
    for (index, (key, value)) in members.iter().enumerate() {
        if index > 0 {
            canonical.push(b',');
        }
        write_string(key, |bytes| canonical.extend_from_slice(bytes));
        canonical.push(b':');
        write_value(value, depth + 1, canonical)?;
    }
    canonical.push(b'}');
    Ok(())
}

fn write_array(elements: Vec<&RawValue>, depth: usize, canonical: &mut Vec<u8>) -> Result<(), Unverifiable> {
    if depth > DEPTH_MAX {
        return Err(Unverifiable::Depth);
    }
    canonical.push(b'[');
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            canonical.push(b',');
        }
        write_value(element, depth + 1, canonical)?;
    }
    canonical.push(b']');
    Ok(())
}

fn write_number(written: &str, canonical: &mut Vec<u8>) -> Result<(), Unverifiable> {
    let number: f64 = written.parse().map_err(|_| Unverifiable::Json)?;
    if number.is_infinite() || (number == 0.0 && has_value(written)) {
        return Err(Unverifiable::Number);
    }
    let mut buffer = ryu_js::Buffer::new();
    let form = buffer.format_finite(number);
    let is_integer = !written.contains(['.', 'e', 'E']);
    // The exact decimal expansion of the double: an integer that it equals has lost nothing.
    if is_integer && number != 0.0 && form != written && format!("{number:.0}") != written {
        return Err(Unverifiable::Number);
    }
    canonical.extend_from_slice(form.as_bytes());
    Ok(())
}

/// Whether there is a digit other than 0 before the exponent.
fn has_value(written: &str) -> bool {
    let mantissa = written.split(['e', 'E']).next().unwrap_or_default();
    mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(raw: &str) -> Result<String, Unverifiable> {
        let mut canonical = Vec::new();
        write_value(serde_json::from_str(raw).map_err(|_| Unverifiable::Json)?, 1, &mut canonical)?;
        Ok(String::from_utf8(canonical).expect("is made of text"))
    }

    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        // Most of them stand in RFC 8785, 3.2.2.3 and appendix B.
        for (written, form) in [
            ("333333333.33333329", "333333333.3333333"),
            ("1E30", "1e+30"),
            ("4.50", "4.5"),
            ("2e-3", "0.002"),
            ("0.000000000000000000000000001", "1e-27"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("9007199254740992", "9007199254740992"),
            ("9007199254740994", "9007199254740994"),
            ("-9007199254740992", "-9007199254740992"),
            ("295147905179352830000", "295147905179352830000"),
            ("295147905179352825856", "295147905179352830000"),
            ("1e21", "1e+21"),
            ("1000000000000000000000", "1e+21"),
            ("1e-6", "0.000001"),
            ("1e-7", "1e-7"),
            ("0e999", "0"),
            ("10.0", "10"),
        ] {
            assert_eq!(canonical(written).as_deref(), Ok(form), "{written}");
        }
    }

    #[test]
    fn a_number_that_a_double_cannot_hold_has_no_canonical_form() {
        for written in [
            "9007199254740993",
            "-9007199254740993",
            "123456789012345678901234567890",
            "1e309",
            "-1e309",
            "1e-400",
        ] {
            assert_eq!(canonical(&format!("[{written}]")), Err(Unverifiable::Number), "{written}");
        }
    }

    #[test]
    fn keys_are_sorted_by_utf_16_code_units_and_strings_escaped_as_little_as_may_be() {
        // The order is the one of RFC 8785, 3.2.3; the strings are those of 3.2.2.
        let sorting = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let sorted = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}";
        assert_eq!(canonical(sorting).as_deref(), Ok(sorted));
        let text = r#""\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/""#;
        assert_eq!(canonical(text).as_deref(), Ok(r#""€$\u000f\nA'B\"\\\\\"/""#));
        let nested = r#" { "b" : [ true , null , { } , [ ] ] , "a" : false } "#;
        assert_eq!(canonical(nested).as_deref(), Ok(r#"{"a":false,"b":[true,null,{},[]]}"#));
    }

    #[test]
    fn what_is_no_object_has_a_key_twice_or_is_too_deep_is_unverifiable() {
        for raw in [
            "",
            "[]",
            "1",
            "{}x",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"a\":{\"b\":1,\"b\":1}}",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert_eq!(hash_jcs(raw.as_bytes()), Err(Unverifiable::Json), "{raw}");
        }
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(hash_jcs(nested(128).as_bytes()).is_ok());
        assert_eq!(hash_jcs(nested(129).as_bytes()), Err(Unverifiable::Depth));
        assert!(hash_jcs(nested(100_000).as_bytes()).is_err());
    }
}
