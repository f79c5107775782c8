//! `[otlp]`: whether telemetry is sent to an OpenTelemetry collector, and how.

use super::reader::{Reader, Section};
use super::secret::{self, Places};
use crate::model::Secret;
use crate::routing::{BreakerLimits, Retry};
use crate::telemetry::{LogLevel, OtlpSettings, SERVICE_NAME};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Whether anything is sent, by our own name.
const SWITCH_VARIABLE: &str = "SEALWATCH_OTLP__ENABLED";
/// Variables that switch export on where they name an address.
const ENDPOINT_VARIABLES: [&str; 3] =
    ["OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "SEALWATCH_OTLP__ENDPOINT"];

/// What is sent, and where to. Nothing is unless it is `on`.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// Whether anything is sent: `enabled` says so, or a variable names an address.
    pub on: bool,
    /// From where on messages are sent.
    pub log_level: LogLevel,
    settings: OtlpSettings,
    files: Files,
}

#[derive(Clone, Debug, PartialEq)]
struct Files {
    api_key: Option<PathBuf>,
    header: Option<PathBuf>,
    ca: Option<PathBuf>,
}

impl Otlp {
    pub(super) fn read(mut section: Section<'_>, retry: Retry, breaker: BreakerLimits) -> Otlp {
        let on = section.boolean("enabled", false);
        let address = "an http or https address without a path's query, such as \"http://localhost:4318\"";
        let text = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let pairs = "a list of pairs such as \"deployment.environment=production\"";
        let default = OtlpSettings::to("http://localhost:4318".to_owned());
        let secs = Duration::from_secs;
        let settings = OtlpSettings {
            endpoint: section.text("endpoint", address, default.endpoint.clone(), endpoint, String::clone),
            gzip: section.boolean("gzip", default.gzip),
            batch_max: section.integer("batch_max", default.batch_max, 1..=10_000),
            batch_every: secs(section.integer("batch_secs", default.batch_every.as_secs(), 1..=300)),
            metrics_every: secs(section.integer("metrics_secs", default.metrics_every.as_secs(), 1..=3_600)),
            queue_max: section.integer("queue_max", default.queue_max, 100..=1_000_000),
            timeout: secs(section.integer("timeout_secs", default.timeout.as_secs(), 1..=300)),
            retry_for: secs(section.integer("retry_secs", default.retry_for.as_secs(), 1..=3_600)),
            retry,
            breaker,
            service_name: section.text(
                "service_name",
                "a name",
                SERVICE_NAME.to_owned(),
                text,
                String::clone,
            ),
            resource: section
                .list("resource_attributes", pairs, Vec::new(), |text| pair(text).map(|_| text.to_owned()))
                .iter()
                .filter_map(|text| pair(text))
                .collect(),
            ..default
        };
        section.require(
            settings.batch_max <= settings.queue_max,
            "batch_max",
            format!("must not be above queue_max ({})", settings.queue_max),
        );
        let log_level = section.choice("log_level", LogLevel::Info, &LogLevel::NAMES);
        let files = Files {
            api_key: section.file("api_key_file"),
            header: section.file("auth_header_file"),
            ca: section.file("ca_file"),
        };
        Otlp { on, log_level, settings, files }
    }

    /// Takes from the environment what is no key of the file: whether export is on, secrets, headers. Reads the files.
    pub(super) fn complete(&mut self, reader: &mut Reader, environment: &BTreeMap<String, String>) {
        let get = |name: &str| environment.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
        // Whoever says yes or no by our own name has said it.
        if !environment.contains_key(SWITCH_VARIABLE) {
            self.on |= ENDPOINT_VARIABLES.into_iter().any(|name| get(name).is_some());
            self.on &= !get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        }
        if !self.on {
            return;
        }
        if let Some(protocol) = get("OTEL_EXPORTER_OTLP_PROTOCOL").filter(|text| *text != "http/protobuf") {
            let message = format!("{protocol:?} is not \"http/protobuf\", which is what is spoken here");
            reader.mistake_in_variable("OTEL_EXPORTER_OTLP_PROTOCOL", message);
        }
        for text in get("OTEL_EXPORTER_OTLP_HEADERS").into_iter().flat_map(|text| text.split(',')) {
            match pair(text).filter(|(name, value)| is_header_name(name) && is_header_value(value)) {
                Some((name, value)) => self.settings.headers.push((name, Secret::new(value))),
                None => reader.mistake_in_variable(
                    "OTEL_EXPORTER_OTLP_HEADERS",
                    "is not a list of pairs such as \"x-team=audit,x-zone=1\"".to_owned(),
                ),
            }
        }
        let places = |variable, key, credential| Places { variable, key: ["otlp", key], credential };
        let api_key = places("OTLP_API_KEY", "api_key_file", "otlp-api-key");
        self.settings.api_key = secret::find(&api_key, self.files.api_key.as_deref(), reader, environment);
        if self.settings.api_key.as_ref().is_some_and(|key| !is_header_value(key.reveal())) {
            api_key.mistake(reader, environment, "holds what no header may, such as a line end");
        }
        let header = places("OTLP_AUTH_HEADER", "auth_header_file", "otlp-auth-header");
        if let Some(text) = secret::find(&header, self.files.header.as_deref(), reader, environment) {
            let split = text.reveal().split_once(':');
            match split.filter(|(name, value)| is_header_name(name.trim()) && is_header_value(value.trim())) {
                Some((name, value)) => {
                    let header = (name.trim().to_owned(), Secret::new(value.trim().to_owned()));
                    self.settings.auth_header = Some(header);
                }
                None => header.mistake(reader, environment, "is not a header such as \"X-Key: value\""),
            }
        }
        if let Some(file) = &self.files.ca {
            match secret::read(file).map(String::from_utf8) {
                Ok(Ok(pem)) if pem.contains("-----BEGIN CERTIFICATE-----") => self.settings.ca = Some(pem),
                Ok(_) => reader
                    .mistake(&path("ca_file"), format!("{}: holds no certificate in PEM", file.display())),
                Err(why) => reader.mistake(&path("ca_file"), format!("{}: {why}", file.display())),
            }
        }
    }

    /// What export is told; `None` where it is off.
    pub fn settings(&self) -> Option<OtlpSettings> {
        self.on.then(|| self.settings.clone())
    }
}

fn path(key: &str) -> [String; 2] {
    ["otlp".to_owned(), key.to_owned()]
}

/// The base of the collector's address; one that leads to traces is taken for its base.
fn endpoint(text: &str) -> Option<String> {
    let base = text.trim().trim_end_matches('/');
    let base = base.strip_suffix("/v1/traces").unwrap_or(base).trim_end_matches('/');
    let url = reqwest::Url::parse(base).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then(|| base.to_owned())
}

/// `name=value`; percent signs stand for characters that the list itself needs (W3C Baggage).
fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    (!name.is_empty())
        .then(|| (name.to_owned(), percent_decode_str(value.trim()).decode_utf8_lossy().into_owned()))
}

fn is_header_value(value: &str) -> bool {
    reqwest::header::HeaderValue::from_str(value).is_ok()
}

fn is_header_name(name: &str) -> bool {
    reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load};

    fn loaded(variables: &[(&str, &str)]) -> Result<Otlp, Vec<String>> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let loaded = load(None, Overrides::default(), variables);
        loaded
            .map(|config| config.otlp)
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
    }

    fn endpoint_of(variables: &[(&str, &str)]) -> Option<String> {
        loaded(variables).expect("all is well").settings().map(|settings| settings.endpoint)
    }

    #[test]
    fn nothing_is_sent_until_someone_names_an_address() {
        assert_eq!(endpoint_of(&[]), None);
        assert_eq!(endpoint_of(&[("OTLP_ENDPOINT", "")]), None);
        assert_eq!(endpoint_of(&[("OTLP_API_KEY", "k")]), None);
        assert_eq!(
            endpoint_of(&[("SEALWATCH_OTLP__ENABLED", "true")]).as_deref(),
            Some("http://localhost:4318")
        );
        let otel = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel.example:4318/");
        assert_eq!(endpoint_of(&[otel]).as_deref(), Some("http://otel.example:4318"));
        let ours = ("OTLP_ENDPOINT", "https://collector.example/x/v1/traces");
        assert_eq!(endpoint_of(&[otel, ours]).as_deref(), Some("https://collector.example/x"));
        assert_eq!(endpoint_of(&[otel, ours, ("OTEL_SDK_DISABLED", "TRUE")]), None);
    }

    #[test]
    fn our_own_switch_is_believed_before_every_other_variable() {
        let (ours, otel) =
            (("OTLP_ENDPOINT", "http://localhost:1"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:2"));
        let off = ("OTEL_SDK_DISABLED", "true");
        assert_eq!(endpoint_of(&[ours, ("SEALWATCH_OTLP__ENABLED", "false")]), None);
        assert_eq!(endpoint_of(&[otel, ("SEALWATCH_OTLP__ENABLED", "false")]), None);
        assert_eq!(
            endpoint_of(&[ours, off, ("SEALWATCH_OTLP__ENABLED", "true")]).as_deref(),
            Some("http://localhost:1")
        );
        assert_eq!(endpoint_of(&[ours, off]), None);
    }

    #[test]
    fn secrets_and_headers_come_from_the_environment_and_are_never_shown() {
        let otlp = loaded(&[
            ("OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTLP_API_KEY", "k-3cr3t"),
            ("OTLP_AUTH_HEADER", "X-Auth: h-3cr3t:x"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-a=1, x-b=a%2Cb"),
            ("OTEL_SERVICE_NAME", "seal"),
            ("OTEL_RESOURCE_ATTRIBUTES", "host.name=h1,service.name=other"),
        ])
        .expect("all is well");
        assert!(!format!("{otlp:?}").contains("3cr3t"));
        let settings = otlp.settings().expect("it is on");
        assert_eq!(settings.api_key.map(|key| key.reveal().to_owned()).as_deref(), Some("k-3cr3t"));
        let headers: Vec<_> =
            settings.headers.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
        assert_eq!(headers, [("x-a", "1"), ("x-b", "a,b")]);
        let own = settings.auth_header.as_ref().map(|(name, value)| (name.as_str(), value.reveal()));
        assert_eq!(own, Some(("X-Auth", "h-3cr3t:x")));
        assert_eq!(settings.service_name, "seal");
        assert_eq!(settings.resource[0], ("host.name".to_owned(), "h1".to_owned()));
    }

    #[test]
    fn what_cannot_be_is_named_and_quotes_no_secret() {
        let on = ("OTLP_ENDPOINT", "http://localhost:4318");
        for (variable, value) in [
            ("OTLP_ENDPOINT", "localhost:4318"),
            ("OTLP_ENDPOINT", concat!("http:", "//user:3cr3t@localhost")),
            ("OTLP_AUTH_HEADER", "3cr3t"),
            ("OTLP_AUTH_HEADER", "X-Auth: 3c\nr3t"),
            ("OTLP_API_KEY", "3c\nr3t"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "3cr3t"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
            ("SEALWATCH_OTLP__CA_FILE", "/nonexistent"),
        ] {
            let mistakes = loaded(&[on, (variable, value)]).expect_err(variable);
            assert!(mistakes.len() == 1 && mistakes[0].contains(variable), "{mistakes:?}");
        }
        let told = loaded(&[on, ("OTLP_AUTH_HEADER", "3cr3t")]).expect_err("no header");
        assert!(!told[0].contains("3cr3t"), "{told:?}");
    }
}
