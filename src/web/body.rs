//! Reading a request's body: within its limit, its time and the room there is, and unpacked.

use super::error::Problem;
use super::state::Appliance;
use crate::decode;
use crate::ingest::Admitted;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use std::time::{Duration, Instant};

/// A body that was read whole, and the room that it takes until the request is answered.
pub struct Received {
    /// The bytes, unpacked.
    pub bytes: Vec<u8>,
    _room: Admitted,
}

/// Reads and unpacks the body. What is too large is refused before it is read where its length is announced.
pub async fn receive(app: &Appliance, headers: &HeaderMap, body: Body) -> Result<Received, Problem> {
    let packed = is_gzip(headers)?;
    let limit = app.config.intake.limits.body_bytes_max;
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
    let unpacked = tokio::task::spawn_blocking(move || decode::gunzip(&bytes, limit))
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    room.grow(unpacked.len())?;
    Ok(Received { bytes: unpacked, _room: room })
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
