//! `Idempotency-Key`: the same request gets the stored answer, within the commit of what it guards.

use super::error::Problem;
use super::state::App;
use crate::model::{Caller, Hash};
use crate::store::{Answer, AnswerKey, Remembered, StoreError, Txn};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Says that an answer was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Characters of a key.
const KEY_CHARS_MAX: usize = 255;

/// The key of one request, and the digest of what it asks.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    key: AnswerKey,
    request: Hash,
}

/// What a guarded piece of work came to.
pub enum Guarded<T> {
    /// It was done now.
    Done(T),
    /// It was done before, and this was answered.
    Replayed(Answer),
    /// The key was used for another request.
    OtherRequest,
}

impl Guard {
    /// The guard of a request to `path` with that body; `None` where it has no key.
    pub fn of(
        headers: &HeaderMap,
        caller: &Caller,
        path: &str,
        body: &[u8],
    ) -> Result<Option<Guard>, Problem> {
        let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| (1..=KEY_CHARS_MAX).contains(&key.len()));
        let key = key.ok_or_else(|| {
            Problem::parameter(
                "Idempotency-Key",
                format!("Idempotency-Key has 1 to {KEY_CHARS_MAX} visible ASCII characters"),
            )
        })?;
        let request = Sha256::new().chain_update(path).chain_update([0]).chain_update(body).finalize().into();
        // A caller who may see something else now is another one.
        let whose = format!("{} {:?}", caller.name, caller.organizations);
        Ok(Some(Guard { key: AnswerKey::new(&whose, key), request }))
    }

    /// Does the work unless it was done before; keeps what `answer` makes of it.
    pub fn run<T>(
        guard: Option<Guard>,
        txn: &mut Txn<'_>,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError>,
        answer: impl FnOnce(&T) -> Option<Answer>,
    ) -> Result<Guarded<T>, StoreError> {
        let Some(guard) = guard else { return work(txn).map(Guarded::Done) };
        match txn.remembered(guard.key, &guard.request)? {
            Remembered::Answer(answer) => return Ok(Guarded::Replayed(answer)),
            Remembered::OtherRequest => return Ok(Guarded::OtherRequest),
            Remembered::Nothing => {}
        }
        let done = work(txn)?;
        if let Some(answer) = answer(&done) {
            txn.remember(guard.key, &guard.request, &answer)?;
        }
        Ok(Guarded::Done(done))
    }
}

/// The refusal of a key that was used for another request.
pub fn other_request() -> Problem {
    let message = "this Idempotency-Key came with another request before; use a new one for each request";
    Problem::new(StatusCode::CONFLICT, "idempotency_key_reused", message)
}

/// Does a piece of work that answers with JSON, guarded: `work` changes, `json` is what it says of itself.
pub async fn write<T, J>(
    app: &App,
    guard: Option<Guard>,
    status: StatusCode,
    work: impl FnOnce(&mut Txn<'_>) -> Result<Result<T, Problem>, StoreError> + Send + 'static,
    json: impl FnOnce(&T) -> J + Send + 'static,
) -> Result<Response, Problem>
where
    T: Send + 'static,
    J: Serialize,
{
    let guarded = app.writer.commit(move |txn| {
        let work = |txn: &mut Txn<'_>| {
            Ok(work(txn)?.map(|done| Answer {
                status: status.as_u16(),
                body: serde_json::to_vec(&json(&done)).expect("answers have only string keys"),
            }))
        };
        Guard::run(guard, txn, work, |answer| answer.as_ref().ok().cloned())
    });
    match guarded.await? {
        Guarded::Done(answer) => Ok(response(answer?, false)),
        Guarded::Replayed(answer) => Ok(response(answer, true)),
        Guarded::OtherRequest => Err(other_request()),
    }
}

/// An answer as a response.
pub fn response(answer: Answer, replayed: bool) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut response = (status, [json], answer.body).into_response();
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
