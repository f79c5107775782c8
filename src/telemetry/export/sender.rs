//! Sends one encoded request to the collector: with its secret, compressed, again where that may help, and not at all while
//! its breaker is open.

use super::ExportError;
use super::queue::Drop;
use super::settings::OtlpSettings;
use crate::model::Secret;
use crate::routing::{Breaker, BreakerView, Failure, Permission, Retry};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How long a connection may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How often it is looked at whether somebody who stopped the sending has it go on.
const HELD_LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// The longest that a collector may ask us to wait; what comes meanwhile waits in the bounded queue.
const ASKED_MAX: Duration = Duration::from_secs(300);
/// How long the last tries may take once the process stops.
const GOODBYE: Duration = Duration::from_secs(3);

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    /// Where it is sent to, below the collector's address (OTLP/HTTP, "OTLP/HTTP Request").
    pub(super) fn path(self) -> &'static str {
        match self {
            Signal::Traces => "/v1/traces",
            Signal::Logs => "/v1/logs",
            Signal::Metrics => "/v1/metrics",
        }
    }

    /// How many of a batch the collector says that it did not take.
    fn refused(self, answer: &[u8]) -> u64 {
        let refused = match self {
            Signal::Traces => ExportTraceServiceResponse::decode(answer)
                .ok()
                .and_then(|answer| answer.partial_success)
                .map(|partial| partial.rejected_spans),
            Signal::Logs => ExportLogsServiceResponse::decode(answer)
                .ok()
                .and_then(|answer| answer.partial_success)
                .map(|partial| partial.rejected_log_records),
            // Counted by collection here, by point there.
            Signal::Metrics => ExportMetricsServiceResponse::decode(answer)
                .ok()
                .and_then(|answer| answer.partial_success)
                .map(|partial| partial.rejected_data_points.min(1)),
        };
        refused.and_then(|refused| u64::try_from(refused).ok()).unwrap_or_default()
    }
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The collector took it, but for so many.
    Taken {
        /// What it did not take.
        refused: u64,
    },
    /// It did not.
    Dropped(Drop),
}

/// How one try ended.
enum Try {
    Taken {
        refused: u64,
    },
    /// Trying again may help; after so long, where the collector said so.
    Passing(Option<Duration>),
    /// This batch is not to its liking.
    Refused,
    /// Nothing will be until someone changes the settings.
    Misconfigured,
}

/// The way to the collector, one for all signals.
pub(super) struct Sender {
    client: reqwest::Client,
    base: String,
    headers: HeaderMap,
    gzip: bool,
    timeout: Duration,
    retry_for: Duration,
    retry: Retry,
    breaker: Mutex<Breaker>,
    /// Whether somebody stopped the sending.
    held: AtomicBool,
    /// Of which signals its last answer was that it does not want them.
    refusing: [AtomicBool; 3],
    /// Wakes those that wait for the breaker, whenever a try or a person has moved it.
    moved: Notify,
    stop: CancellationToken,
    /// Until when the last tries may take once it stops.
    goodbye: OnceLock<tokio::time::Instant>,
}

impl Sender {
    pub(super) fn new(settings: &OtlpSettings) -> Result<Sender, ExportError> {
        let base = settings.endpoint.trim_end_matches('/').to_owned();
        reqwest::Url::parse(&base).map_err(|error| ExportError::Client(error.to_string()))?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_MAX)
            .tls_backend_preconfigured(trust(settings.ca.as_deref())?)
            .build()
            .map_err(|error| ExportError::Client(error.to_string()))?;
        Ok(Sender {
            client,
            base,
            headers: headers(settings)?,
            gzip: settings.gzip,
            timeout: settings.timeout,
            retry_for: settings.retry_for,
            retry: settings.retry,
            breaker: Mutex::new(Breaker::new(settings.breaker)),
            held: AtomicBool::new(false),
            refusing: Default::default(),
            moved: Notify::new(),
            stop: CancellationToken::new(),
            goodbye: OnceLock::new(),
        })
    }

    /// How the breaker looks, and whether somebody stopped the sending.
    pub(super) fn breaker(&self, now: Instant) -> (BreakerView, bool) {
        let view = self.breaker.lock().expect("no holder of this lock panics").view(now);
        (view, self.held.load(Ordering::Relaxed))
    }

    /// Whether the collector does not want what it is sent.
    pub(super) fn is_refused(&self) -> bool {
        self.refusing.iter().any(|refusing| refusing.load(Ordering::Relaxed))
    }

    /// Stops the sending, or has it go on at once, whatever the breaker found.
    pub(super) fn hold(&self, held: bool, now: Instant) {
        self.held.store(held, Ordering::Relaxed);
        if !held {
            self.breaker.lock().expect("no holder of this lock panics").close(now);
        }
        self.moved.notify_waiters();
    }

    /// Whether a try may set out.
    fn ask(&self, now: Instant) -> Permission {
        if self.held.load(Ordering::Relaxed) {
            return Permission::Wait(HELD_LOOKED_AT_EVERY);
        }
        self.breaker.lock().expect("no holder of this lock panics").ask(now)
    }

    /// From now on each batch is tried once more at most, and all of them not for long.
    pub(super) fn stop(&self) {
        self.goodbye.get_or_init(|| tokio::time::Instant::now() + GOODBYE);
        self.stop.cancel();
    }

    /// Sends a request of that signal. `encoding` says how the body is compressed already.
    pub(super) async fn send(&self, signal: Signal, body: Vec<u8>, encoding: Option<&'static str>) -> End {
        let (body, encoding) = match encoding {
            None if self.gzip => (gzip(&body), Some("gzip")),
            encoding => (Bytes::from(body), encoding),
        };
        let mut deadline = Instant::now() + self.retry_for;
        let mut attempts = 0;
        loop {
            let moved = self.moved.notified();
            let permission = self.ask(Instant::now());
            let until = match permission {
                // What waits for the breaker is tried at least once; the queue behind it is bounded.
                Permission::Wait(wait) => {
                    let until = Instant::now() + wait;
                    deadline = deadline.max(until);
                    until
                }
                Permission::Go => match self.attempt(signal, body.clone(), encoding).await {
                    Ok(end) => return end,
                    Err(asked) => {
                        attempts += 1;
                        let until = Instant::now() + self.retry.delay(attempts, chance(), asked);
                        // Nor is it given up because the collector asked for a longer pause.
                        deadline = if asked.is_some() { deadline.max(until) } else { deadline };
                        until
                    }
                },
            };
            if self.stop.is_cancelled() {
                return End::Dropped(Drop::Stopped);
            }
            if until > deadline {
                tracing::debug!(signal = signal.path(), attempts, "the collector cannot be reached");
                return End::Dropped(Drop::Unreachable);
            }
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                () = moved, if permission != Permission::Go => {}
                // One more try, then it ends.
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// One try, which the breaker hears of. Where another may help: after how long, if the collector said so.
    async fn attempt(
        &self,
        signal: Signal,
        body: Bytes,
        encoding: Option<&'static str>,
    ) -> Result<End, Option<Duration>> {
        let tried = self.exchange(signal, body, encoding).await;
        let now = Instant::now();
        let (failure, ended) = match tried {
            Try::Taken { refused } => (None, Ok(End::Taken { refused })),
            Try::Refused => (Some(Failure::Refused), Ok(End::Dropped(Drop::Refused))),
            Try::Misconfigured => (Some(Failure::Misconfigured), Ok(End::Dropped(Drop::Refused))),
            Try::Passing(asked) => {
                let asked = asked.map(|asked| asked.min(ASKED_MAX));
                (Some(asked.map_or(Failure::Unwell, Failure::Asked)), Err(asked))
            }
        };
        {
            let mut breaker = self.breaker.lock().expect("no holder of this lock panics");
            match failure {
                None => breaker.succeeded(now),
                Some(failure) => breaker.failed(failure, now),
            }
        }
        self.moved.notify_waiters();
        ended
    }

    async fn exchange(&self, signal: Signal, body: Bytes, encoding: Option<&'static str>) -> Try {
        let mut request = self
            .client
            .post(format!("{}{}", self.base, signal.path()))
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(body);
        if let Some(encoding) = encoding {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        let exchange = async {
            let mut response = request.send().await?;
            let mut answer = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                answer.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - answer.len())]);
                if answer.len() == ANSWER_BYTES_MAX {
                    break;
                }
            }
            Ok::<_, reqwest::Error>((response.status().as_u16(), retry_after(response.headers()), answer))
        };
        let answered = tokio::select! {
            answered = tokio::time::timeout(self.timeout, exchange) => answered,
            () = async {
                self.stop.cancelled().await;
                tokio::time::sleep_until(*self.goodbye.get_or_init(tokio::time::Instant::now)).await;
            } => return Try::Passing(None),
        };
        match answered {
            Ok(Ok((200..=299, _, answer))) => {
                self.refusing[signal as usize].store(false, Ordering::Relaxed);
                Try::Taken { refused: signal.refused(&answer) }
            }
            Ok(Ok((408 | 429 | 500..=599, asked, _))) => Try::Passing(asked),
            Ok(Ok((status, _, _))) => {
                // Once, until it takes something again.
                if !self.refusing[signal as usize].swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        status,
                        signal = signal.path(),
                        "the collector refuses what it is sent; check otlp.endpoint and its key"
                    );
                }
                match status {
                    300..=399 | 401 | 403 | 404 | 405 => Try::Misconfigured,
                    _ => Try::Refused,
                }
            }
            Ok(Err(error)) => {
                let error = error.without_url();
                tracing::debug!(%error, signal = signal.path(), "the collector does not answer");
                Try::Passing(None)
            }
            Err(_) => Try::Passing(None),
        }
    }
}

/// What the collector asks for: seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(at.duration_since(jiff::Timestamp::now())).ok()
}

fn chance() -> u64 {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the kernel's random source is always there once the host is up");
    u64::from_be_bytes(random)
}

fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("a vector takes all bytes");
    encoder.finish().expect("a vector takes all bytes").into()
}

fn headers(settings: &OtlpSettings) -> Result<HeaderMap, ExportError> {
    let mut headers = HeaderMap::new();
    let bearer = settings.api_key.as_ref().map(|key| format!("Bearer {}", key.reveal()));
    let bearer = bearer.map(|value| (AUTHORIZATION.as_str().to_owned(), value));
    let plain = |(name, value): &(String, Secret)| (name.clone(), value.reveal().to_owned());
    let (others, own) = (settings.headers.iter().map(plain), settings.auth_header.as_ref().map(plain));
    // Of two by one name the later is sent: OpenTelemetry's variable comes after ours.
    for (name, value) in others.chain(bearer).chain(own) {
        let wrong = || ExportError::Client(format!("the header {name:?} cannot be sent"));
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

/// Trusts those certificates alone; without any, the roots in the program.
fn trust(ca: Option<&str>) -> Result<rustls::ClientConfig, ExportError> {
    let wrong = |error: &dyn std::fmt::Display| ExportError::Trust(error.to_string());
    let mut roots = rustls::RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
            }
            if roots.is_empty() {
                return Err(wrong(&"it holds no certificate in PEM"));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(|error| wrong(&error))?.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::BreakerLimits;
    use std::io::Read;
    use std::net::TcpListener;

    const LONG: Duration = Duration::from_secs(3_600);
    /// As long as a slow machine may take.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A collector that gives those answers, one after the other, and then none.
    fn collector(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        std::thread::spawn(move || {
            let mut answers = answers.iter();
            // Kept, so that whoever gets no answer waits for one.
            let mut streams = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut request = Vec::new();
                let mut piece = [0; 4_096];
                while !request.ends_with(b"body") {
                    let Ok(read @ 1..) = stream.read(&mut piece) else { break };
                    request.extend_from_slice(&piece[..read]);
                }
                if let Some(answer) = answers.next() {
                    let answer =
                        format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    drop(stream.write_all(answer.as_bytes()));
                }
                streams.push(stream);
            }
        });
        format!("http://{address}")
    }

    fn sender(answers: &'static [&'static str], open_for: Duration) -> Arc<Sender> {
        let settings = OtlpSettings {
            gzip: false,
            timeout: LONG,
            retry_for: Duration::ZERO,
            breaker: BreakerLimits { open_for, ..BreakerLimits::default() },
            ..OtlpSettings::to(collector(answers))
        };
        Arc::new(Sender::new(&settings).expect("it can be made"))
    }

    async fn send(sender: &Sender) -> End {
        let sending = sender.send(Signal::Traces, b"body".to_vec(), None);
        tokio::time::timeout(PATIENCE, sending).await.expect("it ends")
    }

    #[tokio::test]
    async fn what_waits_for_the_breaker_or_was_asked_to_wait_is_tried_however_short_the_patience() {
        let sender = sender(&["401 No", "503 No\r\nRetry-After: 1", "200 OK"], Duration::from_secs(1));
        assert_eq!(send(&sender).await, End::Dropped(Drop::Refused));
        assert_eq!(send(&sender).await, End::Taken { refused: 0 });
    }

    #[tokio::test]
    async fn what_waits_for_the_breaker_hears_that_somebody_closed_it() {
        let sender = sender(&["401 No", "200 OK"], LONG);
        assert_eq!(send(&sender).await, End::Dropped(Drop::Refused));
        let waiting = tokio::spawn({
            let sender = sender.clone();
            async move { send(&sender).await }
        });
        tokio::task::yield_now().await;
        sender.hold(false, Instant::now());
        assert_eq!(waiting.await.expect("it does not panic"), End::Taken { refused: 0 });
    }

    #[tokio::test]
    async fn all_last_tries_end_together() {
        let sender = sender(&[], LONG);
        sender.stop();
        assert_eq!(send(&sender).await, End::Dropped(Drop::Stopped));
        // The others have no time of their own; one of them may still find the machine busy.
        for _ in 0..3 {
            let began = Instant::now();
            assert_eq!(send(&sender).await, End::Dropped(Drop::Stopped));
            if began.elapsed() < GOODBYE {
                return;
            }
        }
        panic!("each took as long as the first");
    }
}
