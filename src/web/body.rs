//! Reading a request's body: within its limit, its time and the room there is, and unpacked.

use super::error::Problem;
use super::state::{App, Appliance};
use crate::decode::{self, Fault, FaultKind};
use crate::ingest::Admitted;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A body that was read whole, and the room that it takes until the request is answered.
pub struct Received {
    /// The bytes, unpacked.
    pub bytes: Vec<u8>,
    _room: Admitted,
}

/// Reads and unpacks the body. What is too large is refused before it is read where its length is announced.
pub async fn receive(app: &Appliance, headers: &HeaderMap, body: Body) -> Result<Received, Problem> {
    receive_within(app, headers, body, app.config.intake.limits.body_bytes_max).await
}

async fn receive_within(
    app: &Appliance,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Received, Problem> {
    let packed = is_gzip(headers)?;
    let mut room = app.admission.begin();
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: usize| bytes > limit) {
        return Err(too_large(limit));
    }
    room.grow(announced.unwrap_or_default())?;
    let taken = announced.unwrap_or_default();
    let bytes = read(app, body, limit, taken, &mut room).await?;
    if !packed {
        return Ok(Received { bytes, _room: room });
    }
    let bytes = Arc::new(bytes);
    // Room before unpacking: what the last four bytes promise, and all that is allowed where they lied.
    let promised = promised_bytes(&bytes).min(limit);
    room.grow(promised)?;
    let unpacked = match unpack(bytes.clone(), promised).await {
        Err(fault) if fault.kind == FaultKind::TooLarge && promised < limit => {
            room.grow(limit - promised)?;
            unpack(bytes, limit).await?
        }
        unpacked => unpacked?,
    };
    Ok(Received { bytes: unpacked, _room: room })
}

/// The length of the content as a gzip body gives it at its end (RFC 1952, 2.3.1): true for one member below
/// 4 GiB.
fn promised_bytes(packed: &[u8]) -> usize {
    packed.last_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize)
}

async fn unpack(packed: Arc<Vec<u8>>, max: usize) -> Result<Vec<u8>, Fault> {
    tokio::task::spawn_blocking(move || decode::gunzip(&packed, max))
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Bytes of a body that is not events: forms, new keys and users.
const SMALL_BYTES_MAX: usize = 256 << 10;

/// The fields of a form.
pub struct Form<T>(pub T);

/// A JSON object.
pub struct Object<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Form<T>, Problem> {
        let (parts, body) = request.into_parts();
        let received = receive_within(app, &parts.headers, body, SMALL_BYTES_MAX).await?;
        let request = Request::from_parts(parts, Body::from(received.bytes));
        let form = axum::Form::from_request(request, &()).await;
        let axum::Form(fields) = form.map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                "the form cannot be read; go back and try again",
            )
        })?;
        Ok(Form(fields))
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Object<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Object<T>, Problem> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        decode::form_of(kind)?;
        let received = receive_within(app, &parts.headers, body, SMALL_BYTES_MAX).await?;
        object(&received.bytes).map(Object)
    }
}

/// Reads a JSON object; serde alone would read the members out of an array too.
pub fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        let message = "the body must be a JSON object";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "json_syntax", message));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (status, code) = match error.classify() {
            serde_json::error::Category::Data => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            _ => (StatusCode::BAD_REQUEST, "json_syntax"),
        };
        Problem::new(status, code, format!("the body cannot be taken: {error}"))
    })
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity" | b"") => Ok(false),
        Some(b"gzip" | b"x-gzip") => Ok(true),
        Some(_) => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_encoding",
            "Content-Encoding must be gzip or absent",
        )),
    }
}

async fn read(
    app: &Appliance,
    mut body: Body,
    limit: usize,
    mut roomy: usize,
    room: &mut Admitted,
) -> Result<Vec<u8>, Problem> {
    let idle = Duration::from_secs(app.config.web.body_idle_timeout_secs);
    let deadline = Instant::now() + Duration::from_secs(app.config.web.body_timeout_secs);
    let mut bytes = Vec::with_capacity(roomy);
    loop {
        let patience = idle.min(deadline.saturating_duration_since(Instant::now()));
        let frame = tokio::time::timeout(patience, body.frame()).await.map_err(|_| too_slow())?;
        let Some(frame) = frame else { return Ok(bytes) };
        let frame = frame.map_err(|_| broken_off())?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        let beyond = (bytes.len() + data.len()).saturating_sub(roomy);
        room.grow(beyond)?;
        roomy += beyond;
        bytes.extend_from_slice(data);
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("a body may have {limit} bytes after decompression; send it in smaller parts"),
    )
}

fn too_slow() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "body_too_slow",
        "the body did not arrive in time; nothing was stored",
    )
}

fn broken_off() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "body_incomplete", "the body ended early; nothing was stored")
}
