//! Lays an event's JSON flat: one path and value per leaf, in the order and the writing of the sender.

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Below this depth an object or array is shown as its JSON. More than any limit at intake lets through by
/// default.
const DEPTH_MAX: usize = 8;

/// One leaf of the JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `sessionContext.ipAddress`, `details.tags[0]`.
    pub path: String,
    /// A string's content; any other value as written.
    pub value: String,
}

/// The leaves of the object in `json`; none where it is not an object. A name that comes twice is there
/// twice.
pub fn flatten(json: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    if let Ok(root) = serde_json::from_slice::<&RawValue>(json)
        && root.get().trim_start().starts_with('{')
    {
        push_fields(&mut fields, String::new(), root, 0);
    }
    fields
}

fn push_fields(fields: &mut Vec<Field>, path: String, raw: &RawValue, depth: usize) {
    let json = raw.get();
    let mut children: Vec<(String, &RawValue)> = Vec::new();
    if depth < DEPTH_MAX && json.starts_with(['{', '[']) {
        // What cannot be read any further is shown as it is.
        let _ = serde_json::Deserializer::from_str(json)
            .deserialize_any(Children { path: &path, into: &mut children });
    }
    if children.is_empty() {
        let value = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
        fields.push(Field { path, value });
    }
    for (path, child) in children {
        push_fields(fields, path, child, depth + 1);
    }
}

/// Collects the direct children of an object or array, each with its path.
struct Children<'p, 'c, 'de> {
    path: &'p str,
    into: &'c mut Vec<(String, &'de RawValue)>,
}

impl<'de> Visitor<'de> for Children<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            let path = if self.path.is_empty() { name } else { format!("{}.{name}", self.path) };
            self.into.push((path, value));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(value) = items.next_element::<&RawValue>()? {
            self.into.push((format!("{}[{index}]", self.path), value));
            index += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &[(&str, &str)]) {
        let fields = flatten(json.as_bytes());
        let said: Vec<(&str, &str)> = fields.iter().map(|f| (f.path.as_str(), f.value.as_str())).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn leaves_come_in_the_order_and_the_writing_sent() {
        check(
            r#" {"z": 1.50, "a": {"list": ["x", null, {"y": true}], "none": {}},
                "big": 12345678901234567890123}"#,
            &[
                ("z", "1.50"),
                ("a.list[0]", "x"),
                ("a.list[1]", "null"),
                ("a.list[2].y", "true"),
                ("a.none", "{}"),
                ("big", "12345678901234567890123"),
            ],
        );
    }

    #[test]
    fn escapes_are_read_and_a_name_that_comes_twice_is_there_twice() {
        check(r#"{"a":"\u202e\n","a":"2"}"#, &[("a", "\u{202e}\n"), ("a", "2")]);
    }

    #[test]
    fn what_is_too_deep_is_shown_as_json_and_what_is_no_object_has_no_fields() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        let fields = flatten(deep.as_bytes());
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0].path, ["a"; DEPTH_MAX].join("."));
        check("[1]", &[]);
        check("{", &[]);
    }
}
