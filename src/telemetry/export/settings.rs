//! Where telemetry is sent, and how much of it waits.

use crate::model::Secret;
use std::time::Duration;

/// How export is done; that there is one means that someone switched it on.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpSettings {
    /// The collector's address, to which `/v1/traces` and so on are added.
    pub endpoint: String,
    /// Sent as `Authorization: Bearer …`.
    pub api_key: Option<Secret>,
    /// Further headers, each with its value.
    pub headers: Vec<(String, Secret)>,
    /// Certificates in PEM that alone are trusted; without any, the roots in the program.
    pub ca: Option<String>,
    /// Whether requests are compressed.
    pub gzip: bool,
    /// Spans, or messages, of one request.
    pub batch_max: usize,
    /// After how long a smaller batch is sent.
    pub batch_every: Duration,
    /// How often metrics are sent.
    pub metrics_every: Duration,
    /// Spans, and messages, that may wait; what comes beyond is counted and let go.
    pub queue_max: usize,
    /// How long one request may take.
    pub timeout: Duration,
    /// For how long a batch is tried again before it is counted and let go.
    pub retry_for: Duration,
    /// What this service is called.
    pub service_name: String,
    /// What else is said of it.
    pub resource: Vec<(String, String)>,
}

impl OtlpSettings {
    /// What is said of this service with all it sends, the name and the version first.
    pub(super) fn attributes(&self) -> Vec<(String, String)> {
        let own =
            [("service.name", self.service_name.as_str()), ("service.version", env!("CARGO_PKG_VERSION"))];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let others = self.resource.iter().filter(|(name, _)| !own.iter().any(|(known, _)| known == name));
        own.iter().chain(others).cloned().collect()
    }
}
