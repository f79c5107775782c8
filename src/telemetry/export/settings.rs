//! Where telemetry is sent, and how much of it waits.

use crate::model::Secret;
use crate::routing::{BreakerLimits, Retry};
use std::time::Duration;

/// What this service is called where nobody says otherwise.
pub const SERVICE_NAME: &str = "sealwatch";

/// How export is done; that there is one means that someone switched it on.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpSettings {
    /// The collector's address, to which `/v1/traces` and so on are added.
    pub endpoint: String,
    /// Sent as `Authorization: Bearer …`.
    pub api_key: Option<Secret>,
    /// Further headers by OpenTelemetry's own variable, each with its value; the two others win over them.
    pub headers: Vec<(String, Secret)>,
    /// A header of the operator's own.
    pub auth_header: Option<(String, Secret)>,
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
    /// The pauses in between.
    pub retry: Retry,
    /// When the collector is left alone.
    pub breaker: BreakerLimits,
    /// What this service is called.
    pub service_name: String,
    /// What else is said of it.
    pub resource: Vec<(String, String)>,
}

impl OtlpSettings {
    /// To that collector, and the rest as it is where nobody says otherwise.
    pub fn to(endpoint: String) -> OtlpSettings {
        OtlpSettings {
            endpoint,
            api_key: None,
            headers: Vec::new(),
            auth_header: None,
            ca: None,
            gzip: true,
            batch_max: 100,
            batch_every: Duration::from_secs(5),
            metrics_every: Duration::from_secs(60),
            queue_max: 4_096,
            timeout: Duration::from_secs(10),
            retry_for: Duration::from_secs(120),
            retry: Retry::default(),
            breaker: BreakerLimits::default(),
            service_name: SERVICE_NAME.to_owned(),
            resource: Vec::new(),
        }
    }

    /// What is said of this service with all it sends, the name and the version first. The resource attributes may name
    /// the instance and the host otherwise, and the service where its own setting is as it was.
    pub(super) fn attributes(&self) -> Vec<(String, String)> {
        let given = |name: &str| {
            self.resource.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let service = given("service.name").filter(|_| self.service_name == SERVICE_NAME);
        let instance = given("service.instance.id").unwrap_or_else(|| host.clone());
        let own = [
            ("service.name", service.unwrap_or_else(|| self.service_name.clone())),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", instance),
            ("host.name", given("host.name").unwrap_or(host)),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let others = self.resource.iter().filter(|(name, _)| !own.iter().any(|(known, _)| known == name));
        own.iter().chain(others).cloned().collect()
    }
}
