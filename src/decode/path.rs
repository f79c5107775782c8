//! The name of a field from its place in the text.

use super::reader::{Reader, Stop, Value};
use std::fmt::Write;

/// The path of the key or value that begins at byte `at` of `text`, such as `details.items[3].name`; `None`
/// for the text as a whole. Walks the text once more, so that names cost nothing until there is a fault to
/// name.
pub(super) fn of(text: &str, at: usize) -> Option<String> {
    let mut reader = Reader::new(text, None);
    reader.white();
    let mut path = Path { target: at, written: String::new(), found: false };
    // A text that stops being readable has named what came before.
    let _ = path.value(&mut reader, 1);
    (path.found && !path.written.is_empty()).then_some(path.written)
}

struct Path {
    target: usize,
    written: String,
    found: bool,
}

impl Path {
    fn value<'a>(&mut self, reader: &mut Reader<'a, '_>, depth: usize) -> Result<(), Stop> {
        self.found |= reader.at() == self.target;
        if self.found {
            return reader.value(depth).map(drop);
        }
        match reader.peek() {
            Some(b'{') => reader.object(depth, |reader, key| {
                let parent = self.written.len();
                if !self.found {
                    let dot = if parent == 0 { "" } else { "." };
                    // Writing into a string cannot fail.
                    let _ = write!(self.written, "{dot}{}", key.unescaped());
                }
                self.found |= key.at == self.target;
                self.element(reader, depth, parent)
            }),
            Some(b'[') => {
                let mut index = 0;
                reader.array(depth, |reader| {
                    let parent = self.written.len();
                    if !self.found {
                        let _ = write!(self.written, "[{index}]");
                    }
                    index += 1;
                    self.element(reader, depth, parent)
                })
            }
            _ => reader.value(depth).map(|_: Value<'_>| ()),
        }
    }

    /// Looks into what the path names by now, and takes the last name back if it was not there.
    fn element<'a>(&mut self, reader: &mut Reader<'a, '_>, depth: usize, parent: usize) -> Result<(), Stop> {
        self.value(reader, depth + 1)?;
        if !self.found {
            self.written.truncate(parent);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_keys_and_values_at_any_depth() {
        let text = r#" {"a":1,"b":{"c":[10,{"d\u0065":"x"}]},"f":[]}"#;
        for (mark, expected) in [
            ("{", None),
            ("\"a\"", Some("a")),
            ("1", Some("a")),
            ("{\"c\"", Some("b")),
            ("10", Some("b.c[0]")),
            ("{\"d", Some("b.c[1]")),
            ("\"d", Some("b.c[1].de")),
            ("\"x", Some("b.c[1].de")),
            ("[]", Some("f")),
        ] {
            let at = text.find(mark).expect("part of the text");
            assert_eq!(of(text, at).as_deref(), expected, "{mark}");
        }
        assert_eq!(of(text, 2000), None);
    }
}
