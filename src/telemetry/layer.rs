//! Takes what the program says and gives it to every output whose level lets it through.

use super::console::Console;
use super::export::LogQueue;
use super::files::Files;
use super::journal::Journal;
use super::level::{Levels, LogLevel, Output};
use super::record::{Fields, Record};
use std::sync::Arc;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// What others' code says is of interest only where it is a warning.
const FOREIGN: [&str; 8] = ["hyper", "reqwest", "h2", "rustls", "tower", "opentelemetry", "tokio", "mio"];
/// The target of messages that a notification target of the kind console makes; they say whom an alert is about.
pub const NOTIFICATION_TARGET: &str = "sealwatch::notification";
/// What says how the export goes is not exported: it would feed itself.
const OWN_EXPORT: &str = "sealwatch::telemetry";

/// The outputs. Made once by [`super::begin`]; lives as long as the process.
pub(super) struct Outputs {
    pub(super) levels: Levels,
    pub(super) console: Console,
    pub(super) journal: Option<Journal>,
    pub(super) files: Option<Files>,
    pub(super) otlp: LogQueue,
}

/// The outputs as a layer of the program's one subscriber.
pub(super) struct ToOutputs(pub(super) Arc<Outputs>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ToOutputs {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Spans carry what messages within them need, whatever the level.
        metadata.is_span() || level_of(metadata) <= self.0.levels.widest() && !is_chatter(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = context.span(id).expect("a new span is known");
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("a span that is written to is known");
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(around) = span.extensions().get::<Fields>() {
                let mut merged = around.clone();
                merged.extend(&fields);
                fields = merged;
            }
        }
        let record = Record::new(jiff::Timestamp::now(), metadata, fields);
        let takes = |output: Output| record.level <= self.0.levels.get(output);
        if takes(Output::Console) {
            self.0.console.write(&record);
        }
        if let Some(journal) = self.0.journal.as_ref().filter(|_| takes(Output::Journal)) {
            journal.write(&record);
        }
        if let Some(files) = self.0.files.as_ref().filter(|_| takes(Output::Files)) {
            files.write(&record);
        }
        if takes(Output::Otlp) && !is_foreign(record.target) && !stays_here(record.target) {
            self.0.otlp.put(record);
        }
    }
}

fn level_of(metadata: &Metadata<'_>) -> LogLevel {
    LogLevel::of(*metadata.level())
}

fn is_chatter(metadata: &Metadata<'_>) -> bool {
    level_of(metadata) > LogLevel::Warn && is_foreign(metadata.target())
}

/// Whether a message is for this host alone: what export itself says, and notifications that name people.
fn stays_here(target: &str) -> bool {
    target.starts_with(OWN_EXPORT) || target == NOTIFICATION_TARGET
}

fn is_foreign(target: &str) -> bool {
    let krate = target.split("::").next().unwrap_or(target);
    FOREIGN.iter().any(|known| krate.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_crates_say_is_told_apart() {
        assert!(is_foreign("hyper_util::client") && is_foreign("h2") && is_foreign("opentelemetry_sdk"));
        assert!(!is_foreign("sealwatch::web::layers"));
    }

    #[test]
    fn what_names_people_and_what_export_says_stays_on_this_host() {
        assert!(stays_here(NOTIFICATION_TARGET) && stays_here("sealwatch::telemetry::export::sender"));
        assert!(!stays_here("sealwatch::notify") && !stays_here("sealwatch::web::layers"));
    }
}
