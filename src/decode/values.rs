//! Every value of an event with the path that leads to it, for the search.

use super::reader::{Reader, Stop, Value};
use super::{Fault, event};
use crate::model::FieldValue;
use std::borrow::Cow;

/// Values of one event; what lies beyond is not looked for.
const VALUES_MAX: usize = 2_000;

/// The texts, numbers and truth values of a stored event at any depth, in the order in which they stand;
/// `null` is left out. A fault means damaged bytes.
pub fn values(raw: &[u8]) -> Result<Vec<FieldValue<'_>>, Fault> {
    let mut reader = Reader::new(event::utf8(raw)?, None);
    let mut walk = Walk { path: String::new(), found: Vec::new() };
    reader.white();
    walk.value(&mut reader, 1)?;
    reader.end()?;
    Ok(walk.found)
}

struct Walk<'a> {
    path: String,
    found: Vec<FieldValue<'a>>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, reader: &mut Reader<'a, '_>, depth: usize) -> Result<(), Stop> {
        match reader.peek() {
            Some(b'{') => reader.object(depth, |reader, key| {
                let parent = self.path.len();
                if parent > 0 {
                    self.path.push('.');
                }
                self.path.push_str(&key.unescaped());
                self.value(reader, depth + 1)?;
                self.path.truncate(parent);
                Ok(())
            }),
            Some(b'[') => reader.array(depth, |reader| self.value(reader, depth + 1)),
            first => {
                let (value, is_text) = match reader.value(depth)? {
                    Value::Text(text) => (text.unescaped(), true),
                    Value::Number(written) => (Cow::Borrowed(written), false),
                    Value::Bool => (Cow::Borrowed(if first == Some(b't') { "true" } else { "false" }), false),
                    Value::Null | Value::Array | Value::Object => return Ok(()),
                };
                if self.found.len() < VALUES_MAX {
                    self.found.push(FieldValue { path: self.path.clone(), value, is_text });
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_with_their_paths_and_arrays_share_one() {
        let raw = br#" {"a":1.50,"b":{"c":["x",{"d\u0065":true}],"n":null},"f":[],"g":"\u00e9"} "#;
        let found = values(raw).expect("an object");
        let shown: Vec<_> =
            found.iter().map(|field| (field.path.as_str(), field.value.as_ref(), field.is_text)).collect();
        let expected =
            [("a", "1.50", false), ("b.c", "x", true), ("b.c.de", "true", false), ("g", "é", true)];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_values_of_one_event_are_bounded() {
        let raw = format!("{{\"a\":[{}1]}}", "1,".repeat(VALUES_MAX));
        assert_eq!(values(raw.as_bytes()).expect("an object").len(), VALUES_MAX);
    }
}
