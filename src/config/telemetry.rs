//! `[telemetry]`: what the program says of itself, and where.

use super::Otlp;
use super::reader::Section;
use crate::telemetry::{self, FileSettings, Form, LogLevel, Output, Sampling};
use std::path::PathBuf;
use std::time::Duration;

/// Messages and traces.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// From where on messages are written to standard error.
    pub log_level: LogLevel,
    /// How they are written there.
    pub log_format: Form,
    /// From where on messages go to systemd's journal.
    pub journal_level: LogLevel,
    /// The directory of the files of messages; `None` writes none.
    pub log_dir: Option<PathBuf>,
    /// From where on messages go into files.
    pub file_level: LogLevel,
    /// Bytes after which a new file is begun.
    pub file_bytes_max: u64,
    /// Older files that stay.
    pub files_kept: usize,
    /// How traces are chosen.
    pub trace_sampler: Sampler,
    /// The share of traces that is kept, where it is drawn.
    pub trace_ratio: f64,
    /// From how long on a trace is kept in any case, in milliseconds.
    pub trace_slow_millis: u64,
}

/// How traces are chosen, by OpenTelemetry's names (`OTEL_TRACES_SAMPLER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampler {
    /// Every one.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// A share.
    Ratio,
    /// As the caller does; every one without a caller.
    ParentOn,
    /// As the caller does; none without a caller.
    ParentOff,
    /// As the caller does; a share without a caller.
    ParentRatio,
}

impl Sampler {
    const NAMES: [(&'static str, Sampler); 6] = [
        ("parentbased_traceidratio", Sampler::ParentRatio),
        ("parentbased_always_on", Sampler::ParentOn),
        ("parentbased_always_off", Sampler::ParentOff),
        ("traceidratio", Sampler::Ratio),
        ("always_on", Sampler::AlwaysOn),
        ("always_off", Sampler::AlwaysOff),
    ];
}

impl Telemetry {
    pub(super) fn read(mut section: Section<'_>) -> Telemetry {
        let formats = [("auto", Form::Auto), ("json", Form::Json), ("pretty", Form::Pretty)];
        Telemetry {
            log_level: section.choice("log_level", LogLevel::Info, &LogLevel::NAMES),
            log_format: section.choice("log_format", Form::Auto, &formats),
            journal_level: section.choice("journal_level", LogLevel::Off, &LogLevel::NAMES),
            log_dir: section.file("log_dir"),
            file_level: section.choice("file_level", LogLevel::Info, &LogLevel::NAMES),
            file_bytes_max: section.integer("file_bytes_max", 10 << 20, 65_536..=1 << 30),
            files_kept: section.integer("files_kept", 14, 1..=1_000),
            trace_sampler: section.choice("trace_sampler", Sampler::ParentRatio, &Sampler::NAMES),
            trace_ratio: section.ratio("trace_ratio", 0.1),
            trace_slow_millis: section.integer("trace_slow_millis", 1_000, 1..=3_600_000),
        }
    }

    /// What the program's telemetry is told at start.
    pub fn settings(&self, otlp: &Otlp) -> telemetry::Settings {
        let files = self.log_dir.as_ref().map(|dir| FileSettings {
            dir: dir.clone(),
            bytes_max: self.file_bytes_max,
            kept: self.files_kept,
        });
        telemetry::Settings {
            form: self.log_format,
            levels: [
                (Output::Console, self.log_level),
                (Output::Journal, self.journal_level),
                (Output::Files, if files.is_some() { self.file_level } else { LogLevel::Off }),
                (Output::Otlp, if otlp.on { otlp.log_level } else { LogLevel::Off }),
            ],
            files,
            sampling: self.sampling(),
            otlp: otlp.settings(),
        }
    }

    fn sampling(&self) -> Sampling {
        let (ratio, follow_caller) = match self.trace_sampler {
            Sampler::AlwaysOn => (1.0, false),
            Sampler::AlwaysOff => (0.0, false),
            Sampler::Ratio => (self.trace_ratio, false),
            Sampler::ParentOn => (1.0, true),
            Sampler::ParentOff => (0.0, true),
            Sampler::ParentRatio => (self.trace_ratio, true),
        };
        Sampling { ratio, follow_caller, slow: Duration::from_millis(self.trace_slow_millis) }
    }
}
