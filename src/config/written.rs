//! A setting as it was written in the file, with its line, or in the environment.

use super::Mistake;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// A value as it was written, before anyone knows what it is for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Written {
    /// A quoted text, or a date or time without quotes.
    Text(String),
    /// A whole number that 64 bits hold.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    List(Vec<Written>),
    /// What an environment variable says, whose kind only the key knows.
    Variable(String),
    /// What no setting takes, as people call it.
    Other(String),
}

impl Written {
    /// The value as TOML, whole.
    pub(super) fn to_toml(&self) -> String {
        match self {
            Written::Text(text) | Written::Variable(text) => quoted(text),
            Written::Integer(number) => number.to_string(),
            Written::Boolean(value) => value.to_string(),
            Written::List(items) => {
                format!("[{}]", items.iter().map(Written::to_toml).collect::<Vec<_>>().join(", "))
            }
            Written::Other(name) => name.clone(),
        }
    }
}

/// A text as a basic string of TOML. JSON's escapes are among TOML's, which wants one more character escaped.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON").replace('\u{7f}', "\\u007F")
}

impl fmt::Display for Written {
    /// The value as people wrote it, cut to what a line of a terminal holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_CHARS: usize = 60;
        match self {
            Written::Text(text) | Written::Variable(text) => {
                let cut = if text.chars().count() > SHOWN_CHARS { "…" } else { "" };
                write!(f, "{:?}{cut}", text.chars().take(SHOWN_CHARS).collect::<String>())
            }
            Written::Integer(number) => number.fmt(f),
            Written::Boolean(value) => value.fmt(f),
            Written::List(_) => f.write_str("a list"),
            Written::Other(name) => f.write_str(name),
        }
    }
}

/// The values of a file by their path, and what its grammar made impossible to read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document {
    /// Each value that is not a section, and each section that is empty, with its line.
    pub(super) values: BTreeMap<Vec<String>, (Written, usize)>,
    /// Mistakes of the grammar.
    pub(super) mistakes: Vec<Mistake>,
}

impl Document {
    /// Reads TOML. What follows a mistake of the grammar is still read as well as it can be.
    pub(super) fn parse(text: &str, file: &Path) -> Document {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut document = Document::default();
        for error in errors {
            let line = error.span().map(|span| line_of(text, span.start));
            let message = format!("not TOML: {}", error.message().trim().replace('\n', ", "));
            document.mistakes.push(Mistake {
                file: Some(file.to_path_buf()),
                line,
                key: String::new(),
                message,
            });
        }
        document.collect(text, &mut Vec::new(), table.get_ref());
        let broken: Vec<Option<usize>> = document.mistakes.iter().map(|mistake| mistake.line).collect();
        document.values.retain(|_, (_, line)| !broken.contains(&Some(*line)));
        document
    }

    fn collect(&mut self, text: &str, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            path.push(key.get_ref().to_string());
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() => self.collect(text, path, inner),
                value => {
                    let line = line_of(text, key.span().start);
                    self.values.insert(path.clone(), (written(value), line));
                }
            }
            path.pop();
        }
    }
}

fn written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Written::Other(number.to_string()), Written::Integer),
        DeValue::Float(number) => Written::Other(number.to_string()),
        DeValue::Boolean(value) => Written::Boolean(*value),
        DeValue::Datetime(time) => Written::Text(time.to_string()),
        DeValue::Array(items) => Written::List(items.iter().map(|item| written(item.get_ref())).collect()),
        DeValue::Table(_) => Written::Other("a section".to_owned()),
    }
}

/// The line that holds the byte, from 1.
fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}
