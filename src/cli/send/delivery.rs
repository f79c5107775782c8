//! Brings one request to the appliance, however often that takes.

use super::batch::Body;
use crate::cli::http_client;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// The first wait after a failure; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_millis(200);

/// The longest wait that we choose ourselves.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The longest wait that a server may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// How long one try may take; a batch of 4 MiB goes over a slow line in that time.
const TRY_MAX: Duration = Duration::from_secs(120);

/// How much of an error's text is shown, in characters.
const MESSAGE_CHARS_MAX: usize = 500;

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeliveryError {
    /// The server does not take these elements in one request; another or a smaller one it may take.
    #[error("{message}")]
    Refused {
        /// The server's own words.
        message: String,
    },
    /// No request will be taken: the key, the address or the program is wrong.
    #[error("the server answered {status}: {message}")]
    Hopeless {
        /// The status.
        status: StatusCode,
        /// The server's own words.
        message: String,
    },
    /// Nothing was taken for as long as we try.
    #[error(
        "nothing was taken for {} s; the last failure: {last}. Run the same command again to go on: what \
         arrived is stored, and nothing is stored twice",
        patience.as_secs()
    )]
    GaveUp {
        /// How long it was tried.
        patience: Duration,
        /// The last failure.
        last: String,
    },
    /// The client cannot be made or the address is none.
    #[error("{0}")]
    Setup(String),
}

/// What the server says of a batch; a single event's answer has none of these.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    /// Newly stored.
    pub(super) accepted: u64,
    /// Stored before.
    pub(super) duplicate: u64,
    /// Not stored.
    pub(super) rejected: u64,
    /// Why not, each.
    pub(super) errors: Vec<Rejection>,
    /// The answer was given before, to an earlier sending of the same request.
    #[serde(skip)]
    pub(super) replayed: bool,
}

/// Why an element was not stored.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Rejection {
    /// The element's number in the request, from 1.
    pub(super) line: usize,
    /// The field, where it is about one.
    pub(super) field: Option<String>,
    /// The rule.
    pub(super) message: String,
}

/// A way to one appliance.
#[derive(Debug)]
pub(super) struct Delivery {
    client: Client,
    url: Url,
    key: HeaderValue,
    patience: Duration,
}

impl Delivery {
    /// A way to the appliance at `url`, tried for `patience` without progress. Redirects are not followed:
    /// the key is for the host that the operator named.
    pub(super) fn new(url: &str, api_key: &str, patience: Duration) -> Result<Delivery, DeliveryError> {
        let setup = |why: String| DeliveryError::Setup(why);
        let base = format!("{}/api/v1/audit/events", url.trim_end_matches('/'));
        let url = Url::parse(&base).map_err(|error| setup(format!("--url {url}: {error}")))?;
        let mut key = HeaderValue::from_str(api_key)
            .map_err(|_| setup("the API key holds characters that no key has".to_owned()))?;
        key.set_sensitive(true);
        let mut builder = http_client::builder(&url).timeout(TRY_MAX);
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| setup(format!("cannot make an HTTP client: {}", http_client::causes(&error))))?;
        Ok(Delivery { client, url, key, patience })
    }

    /// Sends the request until it is answered for good. `waiting` is told each failure that will be tried
    /// again.
    pub(super) async fn deliver(
        &self,
        body: &Body,
        mut waiting: impl FnMut(&str),
    ) -> Result<Answer, DeliveryError> {
        let began = Instant::now();
        let mut wait = WAIT_FIRST;
        // An earlier try may have been stored although its answer was lost; then the stored answer is this
        // run's own.
        let mut may_have_arrived = false;
        loop {
            let (failure, asked) = match self.try_once(body).await {
                Ok(mut answer) => {
                    answer.replayed &= !may_have_arrived;
                    return Ok(answer);
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing { message, retry_after, arrived }) => {
                    may_have_arrived |= arrived;
                    (message, retry_after)
                }
            };
            let left = self.patience.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(DeliveryError::GaveUp { patience: self.patience, last: failure });
            }
            let pause = jittered(wait).max(asked.unwrap_or_default().min(RETRY_AFTER_MAX)).min(left);
            waiting(&failure);
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    async fn try_once(&self, body: &Body) -> Result<Answer, Failure> {
        let lost = |error: reqwest::Error| Failure::Passing {
            message: http_client::causes(&error),
            retry_after: None,
            arrived: !error.is_connect(),
        };
        let request = self.client.post(self.url.clone()).header("x-api-key", self.key.clone());
        let request = request.header(CONTENT_TYPE, body.content_type).header("idempotency-key", &body.key);
        let response = request.body(body.bytes.clone()).send().await.map_err(lost)?;
        let status = response.status();
        let replayed = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
        let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
        let text = response.bytes().await.map_err(lost)?;
        if status == StatusCode::ACCEPTED {
            let answer: Answer = serde_json::from_slice(&text).map_err(|_| hopeless(status, &text))?;
            return Ok(Answer { replayed, ..answer });
        }
        Err(match status.as_u16() {
            408 | 429 | 500 | 502 | 503 | 504 | 507 => Failure::Passing {
                message: format!("{status}: {}", message_of(&text)),
                retry_after,
                arrived: status.as_u16() != 429,
            },
            400 | 413 | 422 => Failure::Final(DeliveryError::Refused { message: message_of(&text) }),
            _ => hopeless(status, &text),
        })
    }
}

enum Failure {
    Final(DeliveryError),
    Passing { message: String, retry_after: Option<Duration>, arrived: bool },
}

fn hopeless(status: StatusCode, text: &[u8]) -> Failure {
    Failure::Final(DeliveryError::Hopeless { status, message: message_of(text) })
}

/// The whole seconds of a `Retry-After`; its form as a date is not sent by the appliance and is passed over.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// What a problem document says, else the beginning of the text, fit for a terminal.
fn message_of(text: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        message: Option<String>,
        detail: Option<String>,
        title: Option<String>,
    }
    let problem: Option<Problem> = serde_json::from_slice(text).ok();
    let said = problem.and_then(|problem| problem.message.or(problem.detail).or(problem.title));
    let said = said.unwrap_or_else(|| String::from_utf8_lossy(text).into_owned());
    let shown: String = super::summary::printable(&said).chars().take(MESSAGE_CHARS_MAX).collect();
    if shown.is_empty() { "no reason was given".to_owned() } else { shown }
}

/// Between three quarters and five quarters of the wait, so that many senders do not come back as one.
fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    wait.mul_f64(0.75 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}
