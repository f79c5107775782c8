//! Messages on standard error: text on a terminal, JSON elsewhere.

use super::record::Record;
use std::io::{IsTerminal, Write, stderr};

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text for people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// How this process writes to standard error.
pub(super) struct Console {
    is_json: bool,
    colour: bool,
    with_time: bool,
}

impl Console {
    pub(super) fn new(form: Form) -> Console {
        let is_terminal = stderr().is_terminal();
        Console {
            is_json: form == Form::Json || (form == Form::Auto && !is_terminal),
            colour: is_terminal && std::env::var_os("NO_COLOR").is_none(),
            // The journal knows the time itself.
            with_time: std::env::var_os("JOURNAL_STREAM").is_none(),
        }
    }

    pub(super) fn write(&self, record: &Record) {
        let mut line = match self.is_json {
            true => record.json(true),
            false => record.text(self.with_time, self.colour),
        };
        line.push('\n');
        // Where standard error is closed there is nobody to tell.
        drop(stderr().write_all(line.as_bytes()));
    }
}
