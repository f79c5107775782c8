//! One message of the program, as every output gets it.

use super::level::LogLevel;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::fmt::{self, Write};
use tracing::field::{Field, Visit};

/// Characters of a text that are kept; what is longer is cut.
const TEXT_CHARS_MAX: usize = 4_000;
/// Fields that one message carries.
const FIELDS_MAX: usize = 32;

/// Fields by name. A bounded list: messages have few.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub(super) Vec<(&'static str, Value)>);

impl Fields {
    fn put(&mut self, name: &'static str, value: Value) {
        match self.0.iter().position(|(known, _)| *known == name) {
            Some(at) => self.0[at].1 = value,
            None if self.0.len() < FIELDS_MAX => self.0.push((name, value)),
            None => {}
        }
    }

    /// Takes over what `others` say; theirs win.
    pub(super) fn extend(&mut self, others: &Fields) {
        others.0.iter().for_each(|(name, value)| self.put(name, value.clone()));
    }

    /// The text of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_str())
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.chars().take(TEXT_CHARS_MAX).collect::<String>().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Cut::default();
        // Only being full makes it fail, and then there is enough.
        let _full = write!(text, "{value:?}");
        self.put(field.name(), text.text.into());
    }
}

/// Takes text until there is enough.
#[derive(Default)]
struct Cut {
    text: String,
    chars: usize,
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.chars == TEXT_CHARS_MAX {
                return Err(fmt::Error);
            }
            self.text.push(c);
            self.chars += 1;
        }
        Ok(())
    }
}

/// One message with what stands around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When.
    pub time: Timestamp,
    /// How important.
    pub level: LogLevel,
    /// Which module says it.
    pub target: &'static str,
    /// The sentence.
    pub message: String,
    /// Its own fields and those of the spans around it, `request_id`, `correlation_id`, `trace_id` and `span_id`
    /// among them.
    pub fields: Fields,
}

impl Record {
    pub(super) fn new(time: Timestamp, metadata: &tracing::Metadata<'static>, mut fields: Fields) -> Record {
        let at = fields.0.iter().position(|(name, _)| *name == "message");
        let message = at.map(|at| fields.0.remove(at).1);
        Record {
            time,
            level: LogLevel::of(*metadata.level()),
            target: metadata.target(),
            message: message.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            fields,
        }
    }

    /// The message as one JSON object in one line, without its end.
    pub fn json(&self, with_time: bool) -> String {
        let mut object = Map::new();
        if with_time {
            object.insert("timestamp".to_owned(), format!("{:.6}", self.time).into());
        }
        object.insert("level".to_owned(), self.level.name().to_uppercase().into());
        object.insert("message".to_owned(), self.message.clone().into());
        for (name, value) in &self.fields.0 {
            object.entry(*name).or_insert_with(|| value.clone());
        }
        let text = Value::Object(object).to_string();
        // JSON leaves these as they are; a terminal takes some of them for commands, or turns text around.
        if !text.contains(is_unsafe) {
            return text;
        }
        let mut escaped = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            if is_unsafe(c) {
                write!(escaped, "\\u{:04x}", u32::from(c)).expect("a string takes all text");
            } else {
                escaped.push(c);
            }
        }
        escaped
    }

    /// The message as one line for people, without its end.
    pub fn text(&self, with_time: bool, colour: bool) -> String {
        let mut line = String::new();
        let mut put = |text: fmt::Arguments<'_>| line.write_fmt(text).expect("a string takes all text");
        if with_time {
            put(format_args!("{:.6} ", self.time));
        }
        let level = self.level.name().to_uppercase();
        match (colour, self.level) {
            (true, LogLevel::Error) => put(format_args!("\u{1b}[31m{level:>5}\u{1b}[0m ")),
            (true, LogLevel::Warn) => put(format_args!("\u{1b}[33m{level:>5}\u{1b}[0m ")),
            (true, _) => put(format_args!("\u{1b}[32m{level:>5}\u{1b}[0m ")),
            (false, _) => put(format_args!("{level:>5} ")),
        }
        put(format_args!("{}", escaped(&self.message)));
        for (name, value) in &self.fields.0 {
            match value {
                Value::String(text) if is_word(text) => put(format_args!(" {name}={text}")),
                Value::String(text) => put(format_args!(" {name}=\"{}\"", escaped(text))),
                value => put(format_args!(" {name}={value}")),
            }
        }
        line
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/+%".contains(c))
}

/// Control characters beyond ASCII, and those that turn the direction of text.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && !c.is_ascii_control())
        || c == '\u{7f}'
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The text in one line that does nothing to a terminal.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() || is_unsafe(c) => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message: &str, fields: &[(&'static str, Value)]) -> Record {
        Record {
            time: Timestamp::from_second(1_700_000_000).expect("a time"),
            level: LogLevel::Warn,
            target: "t",
            message: message.to_owned(),
            fields: Fields(fields.to_vec()),
        }
    }

    const NASTY: &str = "a\nb\u{1b}[2Jc\u{9b}31md\u{202e}e\u{7f}";

    #[test]
    fn control_characters_do_nothing_in_either_form() {
        let record = record(NASTY, &[("name", NASTY.into())]);
        for line in [record.json(true), record.text(true, false)] {
            assert!(!line.contains(|c: char| c.is_control() || is_unsafe(c)), "{line:?}");
        }
        let read: Value = serde_json::from_str(&record.json(true)).expect("it is JSON");
        assert_eq!((&read["message"], &read["name"]), (&NASTY.into(), &NASTY.into()));
        assert_eq!(read["timestamp"], "2023-11-14T22:13:20.000000Z");
    }

    #[test]
    fn a_field_does_not_take_the_place_of_what_every_record_has() {
        let record = record("told", &[("level", "ERROR".into()), ("n", 7.into())]);
        assert_eq!(record.json(false), r#"{"level":"WARN","message":"told","n":7}"#);
        assert_eq!(record.text(false, false), " WARN told level=ERROR n=7");
    }

    #[test]
    fn a_text_is_cut_and_fields_are_so_many() {
        let mut cut = Cut::default();
        assert!(write!(cut, "{}", "x".repeat(TEXT_CHARS_MAX + 1)).is_err());
        assert_eq!(cut.text.len(), TEXT_CHARS_MAX);
        let names: Vec<&'static str> =
            (0..40).map(|n| &*Box::leak(format!("f{n}").into_boxed_str())).collect();
        let mut fields = Fields::default();
        names.iter().for_each(|name| fields.put(name, 1.into()));
        assert_eq!(fields.0.len(), FIELDS_MAX);
    }
}
