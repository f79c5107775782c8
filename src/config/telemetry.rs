//! `[telemetry]`: what the program says of itself.

use super::reader::Section;

/// The program's own messages, which go to standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// The least important messages that are shown.
    pub log_level: LogLevel,
    /// How they are written.
    pub log_format: LogFormat,
}

/// How important a message is, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Each step, for those who work on the program.
    Trace,
    /// Decisions, for those who look for a fault.
    Debug,
    /// What happens.
    Info,
    /// What may need someone.
    Warn,
    /// What needs someone.
    Error,
}

impl LogLevel {
    /// The name in the settings.
    pub fn name(self) -> &'static str {
        let named = LogLevel::NAMES.iter().find(|(_, level)| *level == self);
        named.expect("every level has a name").0
    }

    /// Every level with its name in the settings.
    pub const NAMES: [(&'static str, LogLevel); 5] = [
        ("trace", LogLevel::Trace),
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("warn", LogLevel::Warn),
        ("error", LogLevel::Error),
    ];
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `Pretty` on a terminal, else `Json`.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl Telemetry {
    pub(super) fn read(mut section: Section<'_>) -> Telemetry {
        let formats = [("auto", LogFormat::Auto), ("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
        Telemetry {
            log_level: section.choice("log_level", LogLevel::Info, &LogLevel::NAMES),
            log_format: section.choice("log_format", LogFormat::Auto, &formats),
        }
    }
}
