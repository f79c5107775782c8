//! A collector of OpenTelemetry's protocol that reads what it gets with OpenTelemetry's own types, and misbehaves when told.

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the collector does with the next request for traces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mood {
    /// Answers with that status, and asks for so many seconds.
    Refuses(u16, Option<u64>),
    /// Never answers.
    Hangs,
    /// Takes all but so many spans.
    TakesBut(i64),
}

/// What it got in good order.
#[derive(Debug, Default)]
pub(crate) struct Got {
    /// When each request for traces came, whatever became of it.
    pub(crate) asked: Vec<Instant>,
    /// The headers of every request that was taken, in lower case.
    pub(crate) heads: Vec<String>,
    /// What each said of who sends.
    pub(crate) resources: Vec<Vec<(String, String)>>,
    pub(crate) spans: Vec<Span>,
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) metrics: Vec<Metric>,
}

/// A running collector; it goes with the test.
pub(crate) struct Collector {
    pub(crate) address: String,
    got: Arc<Mutex<Got>>,
    moods: Arc<Mutex<VecDeque<Mood>>>,
}

impl Collector {
    /// One that begins in these moods.
    pub(crate) fn start(moods: &[Mood]) -> Collector {
        Collector::start_by(moods, |stream| stream)
    }

    /// One that speaks TLS, and the certificate that it is to be trusted by, in PEM.
    pub(crate) fn start_tls() -> (Collector, String) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("names that can be in a certificate");
        let key =
            rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the usual versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key);
        let config = Arc::new(config.expect("the key is that of the certificate"));
        let collector = Collector::start_by(&[], move |stream| {
            let session = rustls::ServerConnection::new(config.clone()).expect("it can begin");
            rustls::StreamOwned::new(session, stream)
        });
        (collector, made.cert.pem())
    }

    fn start_by<S: Read + Write + Send + 'static>(
        moods: &[Mood],
        speak: impl Fn(TcpStream) -> S + Send + 'static,
    ) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has one").to_string();
        let (got, moods) =
            (Arc::<Mutex<Got>>::default(), Arc::new(Mutex::new(moods.iter().copied().collect())));
        let (to, from) = (got.clone(), moods.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (got, moods) = (to.clone(), from.clone());
                let mut stream = BufReader::new(speak(stream));
                std::thread::spawn(move || while answer(&mut stream, &got, &moods).is_some() {});
            }
        });
        Collector { address, got, moods }
    }

    /// What it does from now on with requests for traces, one after the other.
    pub(crate) fn be(&self, moods: &[Mood]) {
        *self.moods.lock().expect("nobody panicked") = moods.iter().copied().collect();
    }

    /// What it got so far.
    pub(crate) fn got<T>(&self, look: impl FnOnce(&Got) -> T) -> T {
        look(&self.got.lock().expect("nobody panicked"))
    }
}

/// Answers one request; `None` where the connection has ended.
fn answer<S: Read + Write>(
    reader: &mut BufReader<S>,
    got: &Mutex<Got>,
    moods: &Mutex<VecDeque<Mood>>,
) -> Option<()> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if head[before..].trim().is_empty() {
            break;
        }
    }
    let head = head.to_lowercase();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    let length = header("content-length")?.trim().parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if header("content-encoding") == Some("gzip") {
        let mut unpacked = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut unpacked).expect("it is packed as it says");
        body = unpacked;
    }
    let path = head.split(' ').nth(1)?;
    let mut answer = Vec::new();
    if path.ends_with("/v1/traces") {
        got.lock().expect("nobody panicked").asked.push(Instant::now());
        let mood = moods.lock().expect("nobody panicked").pop_front();
        match mood {
            Some(Mood::Refuses(status, wait)) => {
                let wait = wait.map(|secs| format!("Retry-After: {secs}\r\n")).unwrap_or_default();
                return say(
                    reader.get_mut(),
                    &format!("HTTP/1.1 {status} No\r\n{wait}Content-Length: 0\r\n\r\n"),
                    &[],
                );
            }
            Some(Mood::Hangs) => loop {
                // Ends with the connection, from the other side.
                if reader.fill_buf().map_or(true, <[u8]>::is_empty) {
                    return None;
                }
            },
            Some(Mood::TakesBut(rejected_spans)) => {
                let partial = ExportTracePartialSuccess { rejected_spans, error_message: "some".to_owned() };
                answer = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
            }
            None => {}
        }
    }
    keep(&mut got.lock().expect("nobody panicked"), path, &head, &body);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
    say(reader.get_mut(), &head, &answer)
}

fn say(stream: &mut impl Write, head: &str, body: &[u8]) -> Option<()> {
    stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
    stream.flush().ok()
}

fn keep(got: &mut Got, path: &str, head: &str, body: &[u8]) {
    got.heads.push(head.to_owned());
    let wrong = "the body is what OpenTelemetry's own types read";
    if path.ends_with("/v1/traces") {
        for resource in ExportTraceServiceRequest::decode(body).expect(wrong).resource_spans {
            got.resources.push(pairs(&resource.resource.expect("it says who it is").attributes));
            got.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    } else if path.ends_with("/v1/logs") {
        for resource in ExportLogsServiceRequest::decode(body).expect(wrong).resource_logs {
            got.resources.push(pairs(&resource.resource.expect("it says who it is").attributes));
            got.logs.extend(resource.scope_logs.into_iter().flat_map(|scope| scope.log_records));
        }
    } else {
        assert!(path.ends_with("/v1/metrics"), "{path}");
        for resource in ExportMetricsServiceRequest::decode(body).expect(wrong).resource_metrics {
            got.resources.push(pairs(&resource.resource.expect("it says who it is").attributes));
            got.metrics = resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics).collect();
        }
    }
}

/// Attributes that are texts, sorted; others as they print.
pub(crate) fn pairs(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let value = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let mut pairs: Vec<_> =
        attributes.iter().map(|attribute| (attribute.key.clone(), value(attribute))).collect();
    pairs.sort();
    pairs
}

/// How long the collector was left alone between its first two requests for traces.
pub(crate) fn pause(got: &Got) -> Duration {
    got.asked[1].duration_since(got.asked[0])
}
