//! The members of an event as they were written, for showing it with its numbers verbatim.

use super::reader::Reader;
use super::{Fault, FaultKind, event};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;

/// The members of a JSON object in the order in which they stand, with the exact text of each value. Refuses
/// what is not a JSON object in UTF-8 and an object that has a key twice (`duplicate_key`, looked for at the
/// top level only).
pub fn members<'a>(raw: &'a [u8]) -> Result<Vec<(Cow<'a, str>, &'a RawValue)>, Fault> {
    spans(event::utf8(raw)?)?.into_iter().map(|(key, value)| Ok((key, raw_value(value)?))).collect()
}

/// The members of an object, each value as its exact text. Of the values only the grammar is checked.
pub(super) fn spans(text: &str) -> Result<Vec<(Cow<'_, str>, &str)>, Fault> {
    let mut reader = Reader::new(text, None);
    let mut found: Vec<(Cow<'_, str>, &str)> = Vec::new();
    reader.white();
    if reader.peek() != Some(b'{') {
        reader.value(1)?;
        reader.end()?;
        return Err(Fault::whole(FaultKind::Invalid, "wrong_type", "expected a JSON object"));
    }
    reader.object(1, |reader, key| {
        let at = reader.at();
        reader.value(2)?;
        found.push((key.unescaped(), &text[at..reader.at()]));
        Ok(())
    })?;
    reader.end()?;
    let mut keys = HashSet::new();
    if let Some((twice, _)) = found.iter().find(|(key, _)| !keys.insert(key.as_ref())) {
        let rule = "stands twice in one object; each key may stand once";
        return Err(Fault::field(FaultKind::Malformed, "duplicate_key", twice, rule));
    }
    Ok(found)
}

fn raw_value(text: &str) -> Result<&RawValue, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::whole(FaultKind::Malformed, "json_syntax", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_the_exact_text_of_their_values() {
        let raw = br#" {"b" : 1.50 ,
            "a\u0062":{ "x": 1E5 },"n":123456789012345678901234567890,"z":-0,"s":"\u00e9"} "#;
        let members = members(raw).expect("an object");
        let shown: Vec<_> = members.iter().map(|(key, value)| (key.as_ref(), value.get())).collect();
        let expected = [
            ("b", "1.50"),
            ("ab", r#"{ "x": 1E5 }"#),
            ("n", "123456789012345678901234567890"),
            ("z", "-0"),
            ("s", r#""\u00e9""#),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_not_an_object_with_each_key_once_is_refused() {
        for (raw, code) in [
            ("[]", "wrong_type"),
            ("[", "json_syntax"),
            ("{}{}", "json_syntax"),
            ("", "json_syntax"),
            (r#"{"a":1,"\u0061":2}"#, "duplicate_key"),
        ] {
            assert_eq!(members(raw.as_bytes()).map_err(|fault| fault.code).err(), Some(code), "{raw}");
        }
    }
}
