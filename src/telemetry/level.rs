//! How important a message is, and from where on each output takes it; an administrator changes that while we run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// From where on an output takes messages, from none to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What needs someone.
    Error,
    /// What may need someone.
    Warn,
    /// What happens.
    Info,
    /// Decisions, for those who look for a fault.
    Debug,
    /// Each step, for those who work on the program.
    Trace,
}

impl LogLevel {
    /// Every level with its name in the settings.
    pub const NAMES: [(&'static str, LogLevel); 6] = [
        ("off", LogLevel::Off),
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];

    /// The name in the settings.
    pub fn name(self) -> &'static str {
        LogLevel::NAMES[self as usize].0
    }

    /// The level of that name, in any case.
    pub fn from_name(name: &str) -> Option<LogLevel> {
        let found = LogLevel::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
        found.map(|(_, level)| *level)
    }

    /// The level of a message.
    pub(super) fn of(level: tracing::Level) -> LogLevel {
        match level {
            tracing::Level::ERROR => LogLevel::Error,
            tracing::Level::WARN => LogLevel::Warn,
            tracing::Level::INFO => LogLevel::Info,
            tracing::Level::DEBUG => LogLevel::Debug,
            tracing::Level::TRACE => LogLevel::Trace,
        }
    }
}

/// Where messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard error.
    Console,
    /// systemd's journal, with fields.
    Journal,
    /// Rotated files.
    Files,
    /// An OpenTelemetry collector.
    Otlp,
}

impl Output {
    /// Every output.
    pub const ALL: [Output; 4] = [Output::Console, Output::Journal, Output::Files, Output::Otlp];

    /// The setting that holds its level.
    pub fn key(self) -> &'static str {
        match self {
            Output::Console => "telemetry.log_level",
            Output::Journal => "telemetry.journal_level",
            Output::Files => "telemetry.file_level",
            Output::Otlp => "otlp.log_level",
        }
    }
}

/// The level of each output. Shared: whoever holds it may change them.
#[derive(Clone, Debug)]
pub struct Levels(Arc<[AtomicU8; 4]>);

impl Levels {
    /// All at `Off`.
    pub(super) fn off() -> Levels {
        Levels(Arc::default())
    }

    /// What the output takes.
    pub fn get(&self, output: Output) -> LogLevel {
        LogLevel::NAMES[usize::from(self.0[output as usize].load(Ordering::Relaxed))].1
    }

    /// Changes what the output takes, from now on.
    pub fn set(&self, output: Output, level: LogLevel) {
        self.0[output as usize].store(level as u8, Ordering::Relaxed);
        // What was silent until now was remembered as such where it is called.
        tracing::callsite::rebuild_interest_cache();
    }

    /// The most that any output takes.
    pub(super) fn widest(&self) -> LogLevel {
        Output::ALL.into_iter().map(|output| self.get(output)).max().unwrap_or(LogLevel::Off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_by_its_name_in_any_case() {
        for (name, level) in LogLevel::NAMES {
            assert_eq!(LogLevel::from_name(&name.to_uppercase()), Some(level));
            assert_eq!(level.name(), name);
        }
        assert_eq!(LogLevel::from_name("loud"), None);
    }

    #[test]
    fn each_output_has_a_level_of_its_own() {
        let levels = Levels::off();
        levels.set(Output::Files, LogLevel::Debug);
        levels.set(Output::Console, LogLevel::Warn);
        assert_eq!(
            (levels.get(Output::Files), levels.get(Output::Journal)),
            (LogLevel::Debug, LogLevel::Off)
        );
        assert_eq!(levels.widest(), LogLevel::Debug);
    }
}
