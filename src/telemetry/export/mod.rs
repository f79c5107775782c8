//! Sends traces, logs and metrics to an OpenTelemetry collector by OTLP over HTTP. Off unless someone switched it on; then a
//! task of its own takes what waits in bounded queues, so that nobody waits for the collector.

mod encode;
mod metrics;
mod queue;
mod sender;
mod settings;

pub use queue::{Drop, Queue, Tally};
pub use settings::{OtlpSettings, SERVICE_NAME};

use super::family::Family;
use super::record::Record;
use super::trace::FinishedTrace;
use crate::routing::BreakerView;
use encode::Encoder;
use sender::{Sender, Signal};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// Traces on their way out; bounded by their spans.
pub type TraceQueue = Queue<Arc<FinishedTrace>>;
/// Messages on their way out.
pub type LogQueue = Queue<Record>;

/// Why export cannot begin.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The certificates that are to be trusted.
    #[error("otlp.ca_file cannot be used: {0}")]
    Trust(String),
    /// The address, or what the operating system lacks for a client.
    #[error("OTLP cannot be sent to otlp.endpoint: {0}")]
    Client(String),
}

/// What is exported and where to. Shared: the queues by those who fill them, the rest by the task and the metrics.
#[derive(Clone)]
pub struct Export {
    /// Traces that wait.
    pub traces: TraceQueue,
    /// Messages that wait.
    pub logs: LogQueue,
    /// Collections of metrics; nothing waits here, but what became of them is counted alike.
    pub metrics: Tally,
    on: Option<Arc<On>>,
}

struct On {
    settings: OtlpSettings,
    sender: Arc<Sender>,
}

impl Export {
    /// What is needed for export; without settings nothing is kept and nothing is sent.
    pub fn new(settings: Option<OtlpSettings>) -> Result<Export, ExportError> {
        let Some(settings) = settings else {
            let (traces, logs, metrics) = Default::default();
            return Ok(Export { traces, logs, metrics, on: None });
        };
        let sender = Arc::new(Sender::new(&settings)?);
        Ok(Export {
            traces: Queue::new(settings.queue_max, settings.batch_max),
            logs: Queue::new(settings.queue_max, settings.batch_max),
            metrics: Tally::default(),
            on: Some(Arc::new(On { settings, sender })),
        })
    }

    /// How the collector's breaker looks, and whether somebody stopped the sending; `None` where nothing is exported.
    pub fn breaker(&self) -> Option<(BreakerView, bool)> {
        self.on.as_ref().map(|on| on.sender.breaker(Instant::now()))
    }

    /// Whether the collector does not want what it is sent.
    pub fn is_refused(&self) -> bool {
        self.on.as_ref().is_some_and(|on| on.sender.is_refused())
    }

    /// Stops the sending, or has it go on at once. What waits meanwhile is bounded and counted as ever.
    pub fn hold(&self, held: bool) {
        if let Some(on) = &self.on {
            on.sender.hold(held, Instant::now());
        }
    }

    /// Each signal by its name, with what became of it.
    pub fn tallies(&self) -> [(&'static str, Tally); 3] {
        [("traces", self.traces.tally()), ("logs", self.logs.tally()), ("metrics", self.metrics.clone())]
    }

    /// Sends until `stop`, and then what is left, as far as that goes in a moment. `families` reads the metrics.
    pub async fn run<F>(self, families: impl Fn() -> F + Send, stop: CancellationToken)
    where
        F: Future<Output = Vec<Family>> + Send,
    {
        let Some(on) = self.on.clone() else { return };
        // What cannot be built is a fault of this program, which sending must not take down.
        let encoder = match Encoder::new(&on.settings, &on.sender) {
            Ok(encoder) => encoder,
            Err(error) => {
                tracing::error!(%error, "nothing is exported by OTLP");
                return;
            }
        };
        tokio::join!(
            self.send_traces(&on, &encoder, &stop),
            self.send_logs(&on, &encoder, &stop),
            self.send_metrics(&on, families, &stop),
        );
    }

    /// Takes nothing from now on, and tells what did not get to the collector in all the time.
    pub fn close(&self) {
        self.traces.close();
        self.logs.close();
        self.metrics.close();
        for (signal, tally) in self.tallies() {
            let dropped = tally.dropped_in_all();
            if dropped > 0 {
                tracing::warn!(
                    signal,
                    dropped,
                    sent = tally.sent(),
                    "some of the telemetry did not reach the collector"
                );
            }
        }
    }

    async fn send_traces(&self, on: &On, encoder: &Encoder, stop: &CancellationToken) {
        while self.traces.wait(on.settings.batch_every, stop).await {
            while let Some((batch, spans)) = self.traces.take() {
                let end = encoder.send_traces(&batch).await;
                self.traces.ended(end, spans);
            }
        }
    }

    async fn send_logs(&self, on: &On, encoder: &Encoder, stop: &CancellationToken) {
        while self.logs.wait(on.settings.batch_every, stop).await {
            while let Some((batch, records)) = self.logs.take() {
                let end = encoder.send_logs(&batch).await;
                self.logs.ended(end, records);
            }
        }
    }

    async fn send_metrics<F>(&self, on: &On, families: impl Fn() -> F + Send, stop: &CancellationToken)
    where
        F: Future<Output = Vec<Family>> + Send,
    {
        let began = jiff::Timestamp::now();
        let mut pause = Duration::ZERO;
        loop {
            let stopped = tokio::select! {
                () = tokio::time::sleep(pause) => false,
                () = stop.cancelled() => true,
            };
            pause = on.settings.metrics_every;
            let families = families().await;
            if !families.is_empty() {
                let body = metrics::encode(&families, &on.settings, began, jiff::Timestamp::now());
                self.metrics.offer(1);
                let end = on.sender.send(Signal::Metrics, body, None).await;
                self.metrics.add(end, 1);
            }
            if stopped {
                return;
            }
        }
    }

    /// Lets what is being sent go no further than one more try.
    pub fn stopping(&self) {
        if let Some(on) = &self.on {
            on.sender.stop();
        }
    }
}
