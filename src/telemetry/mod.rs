//! What the program says of itself: messages, traces, the times of its steps, and sending all that to a collector.

mod level;
mod record;
mod layer;
mod console;
mod journal;
mod files;
mod context;
mod histogram;
mod step;
mod trace;
mod traces;
mod origins;
mod family;
mod export;

pub use console::Form;
pub use context::{SpanId, TraceContext, TraceId};
pub use export::{Drop as ExportDrop, Export, ExportError, OtlpSettings, SERVICE_NAME, Tally};
pub use family::{Amount, Families, Family, Kind, prometheus};
pub use files::FileSettings;
pub use histogram::{Counts, Histogram, Unit};
pub use level::{Levels, LogLevel, Output};
pub use record::{Fields, Record};
pub use step::{Step, Steps};
pub use trace::{FinishedTrace, Kept, LINKS_MAX, Sampling, Span, Trace, Tracer};
pub use traces::Traces;

use console::Console;
use files::Files;
use journal::Journal;
use layer::{Outputs, ToOutputs};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What telemetry is told at start.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How messages are written to standard error.
    pub form: Form,
    /// The level of each output.
    pub levels: [(Output, LogLevel); 4],
    /// Where files go, if any are written.
    pub files: Option<FileSettings>,
    /// Which traces are kept.
    pub sampling: Sampling,
    /// Where telemetry is sent, if anywhere.
    pub otlp: Option<OtlpSettings>,
}

/// Why telemetry cannot begin.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The files of messages.
    #[error("telemetry.log_dir, {dir}, cannot be written to: {source}")]
    Files {
        /// The directory.
        dir: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Sending.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// The program's view of itself. Shared by all parts; the default one keeps traces in memory and says nothing.
#[derive(Clone)]
pub struct Telemetry {
    /// The level of each output.
    pub levels: Levels,
    /// Makes traces.
    pub tracer: Tracer,
    /// What goes to a collector.
    pub export: Export,
    outputs: Option<Arc<Outputs>>,
}

impl Default for Telemetry {
    fn default() -> Telemetry {
        let export = Export::new(None).expect("nothing is to be sent, so nothing can be wrong with it");
        Telemetry { levels: Levels::off(), tracer: Tracer::default(), export, outputs: None }
    }
}

/// Begins to write messages and to keep traces. Called once, before anything else is done.
pub fn begin(settings: Settings) -> Result<Telemetry, TelemetryError> {
    let levels = Levels::off();
    for (output, level) in settings.levels {
        levels.set(output, level);
    }
    let export = Export::new(settings.otlp)?;
    let files = settings.files.map(|files| {
        let dir = files.dir.display().to_string();
        Files::open(files).map_err(|source| TelemetryError::Files { dir, source })
    });
    let journal = Journal::connect(Path::new(journal::SOCKET));
    let no_journal = journal.as_ref().err().map(ToString::to_string);
    let outputs = Arc::new(Outputs {
        levels: levels.clone(),
        console: Console::new(settings.form),
        journal: journal.ok(),
        files: files.transpose()?,
        otlp: export.logs.clone(),
    });
    std::panic::set_hook(Box::new(tell_panic));
    // A second call, as tests make it, changes nothing.
    let _begun = tracing_subscriber::registry().with(ToOutputs(outputs.clone())).try_init();
    if let Some(error) = no_journal.filter(|_| levels.get(Output::Journal) > LogLevel::Off) {
        tracing::warn!(%error, "there is no systemd journal to write to; see telemetry.journal_level");
    }
    let tracer = Tracer::new(settings.sampling, Traces::new(export.traces.clone()));
    Ok(Telemetry { levels, tracer, export, outputs: Some(outputs) })
}

/// Says where the program panicked, by way of the outputs. What was said there is left out unless it stands in the program
/// word by word: it may quote what came in.
fn tell_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let at = panic.location().map_or_else(String::new, ToString::to_string);
    let said = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("its reason may hold data");
    let thread = std::thread::current();
    tracing::error!(at, thread = thread.name(), said, "a part of the program panicked; please report it");
}

impl Telemetry {
    /// Messages that an output lost, by its name.
    pub fn lost_messages(&self) -> [(&'static str, u64); 2] {
        let outputs = self.outputs.as_deref();
        let journal = outputs.and_then(|outputs| outputs.journal.as_ref()).map_or(0, Journal::lost);
        let files = outputs.and_then(|outputs| outputs.files.as_ref()).map_or(0, Files::lost);
        [("journal", journal), ("files", files)]
    }

    /// Writes what still waits for the disk. Called last. Blocks.
    pub fn finish(&self) {
        if let Some(files) = self.outputs.as_ref().and_then(|outputs| outputs.files.as_ref()) {
            files.finish();
        }
    }
}
