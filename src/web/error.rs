//! Every refusal: the one place where an HTTP status is chosen, as RFC 9457 problem details.

use crate::counters::CountersError;
use crate::decode::{Fault, FaultKind};
use crate::detect::IllegalTransition;
use crate::ingest::{Refused, Rejection};
use crate::search::SearchError;
use crate::store::{Damaged, EvidenceError, Refusal, StoreError};
use crate::web::exhibit::ExportError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use std::borrow::Cow;

/// Characters of a caller's own name for something that an answer gives back.
const FIELD_CHARS_MAX: usize = 60;
/// Seconds after which a refused client may try again.
const RETRY_AFTER_SECS: u64 = 1;
/// The same where there must be room on the disk first, which takes a person.
const ROOM_RETRY_AFTER_SECS: u64 = 30;

/// A refusal. Handlers return it; the outermost layer adds the request's id and writes it as JSON or as a
/// page.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: Cow<'static, str>,
    /// What is wrong and what to do, for whoever asked.
    pub message: String,
    /// The field that it is about.
    pub field: Option<String>,
    /// The line of the body that it is about.
    pub line: Option<usize>,
    /// The character of a search text that it is about, from 1.
    pub position: Option<u32>,
    /// When to try again, in seconds.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A refusal with that status and code.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Problem {
        Problem {
            status,
            code: code.into(),
            message: message.into(),
            field: None,
            line: None,
            position: None,
            retry_after: None,
        }
    }

    /// A parameter of the address, or a member of the body, that cannot be.
    pub fn parameter(field: &str, message: impl Into<String>) -> Problem {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", message);
        Problem { field: Some(field.chars().take(FIELD_CHARS_MAX).collect()), ..problem }
    }

    /// There is nothing here for the caller.
    pub fn not_found(what: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {what} here"))
    }

    /// Something failed that is not the caller's doing; the cause goes to the log.
    pub fn internal(error: impl std::fmt::Display) -> Problem {
        tracing::error!(%error, "a request failed");
        let message = "something failed here; the log of the appliance says what";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// The bytes that go out.
    pub fn body(&self, request_id: &str, now: Timestamp) -> Vec<u8> {
        let details = Details {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.message,
            code: &self.code,
            message: &self.message,
            field: self.field.as_deref(),
            line: self.line,
            position: self.position,
            timestamp: now,
            request_id,
        };
        serde_json::to_vec(&details).expect("it has only string keys")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u32>,
    timestamp: Timestamp,
    request_id: &'a str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(secs) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"sealwatch\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        let (status, code) = match refused {
            Refused::Overloaded => (StatusCode::TOO_MANY_REQUESTS, "overloaded"),
            Refused::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
            Refused::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        };
        let secs = if refused == Refused::DiskFull { ROOM_RETRY_AFTER_SECS } else { RETRY_AFTER_SECS };
        Problem { retry_after: Some(secs), ..Problem::new(status, code, refused.to_string()) }
    }
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Problem {
        let refused =
            |code: &'static str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.to_string());
        match error {
            ExportError::Evidence(EvidenceError::Store(error)) => error.into(),
            ExportError::Evidence(EvidenceError::Damaged(damaged)) => damaged.into(),
            ExportError::Evidence(EvidenceError::NotFound) => Problem::not_found("alert with this id"),
            ExportError::Evidence(EvidenceError::NotCovered) => {
                Problem::new(StatusCode::CONFLICT, "no_checkpoint_yet", error.to_string())
            }
            ExportError::Evidence(EvidenceError::Untraced) => refused("evidence_untraced"),
            ExportError::Evidence(EvidenceError::TooMany) | ExportError::Bundle(_) => {
                refused("evidence_too_large")
            }
            ExportError::Zip(_) => Problem::internal(error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::TooLong { .. } => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_wide", error.to_string())
            }
            _ => Problem::internal(error),
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Problem {
        let (status, code) = match error {
            SearchError::TooWide => (StatusCode::BAD_REQUEST, "too_wide"),
            SearchError::NotReady { .. } => (StatusCode::SERVICE_UNAVAILABLE, "index_not_ready"),
            SearchError::Damaged(_) => {
                tracing::error!(%error, "a search failed");
                (StatusCode::SERVICE_UNAVAILABLE, "index_not_ready")
            }
            SearchError::Panicked | SearchError::Failed { .. } => return Problem::internal(error),
        };
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECS);
        Problem { retry_after, ..Problem::new(status, code, error.to_string()) }
    }
}

impl From<CountersError> for Problem {
    fn from(error: CountersError) -> Problem {
        Problem::internal(error)
    }
}

impl From<Damaged> for Problem {
    fn from(damaged: Damaged) -> Problem {
        tracing::error!(seq = damaged.seq.0, "{damaged}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "entry_damaged", damaged.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound => Problem::not_found("alert with this id"),
            Refusal::Illegal(why @ (IllegalTransition::NoteMissing | IllegalTransition::NoteTooLong)) => {
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_note", why.to_string());
                Problem { field: Some("note".to_owned()), ..problem }
            }
            Refusal::Illegal(why) => {
                Problem::new(StatusCode::CONFLICT, "illegal_transition", why.to_string())
            }
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        Problem { field: fault.field, ..Problem::new(fault_status(fault.kind), fault.code, fault.message) }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Problem {
        let status = match &rejection {
            Rejection::Fault(fault) => fault_status(fault.kind),
            Rejection::Organization => StatusCode::FORBIDDEN,
            Rejection::IdConflict => StatusCode::CONFLICT,
        };
        let problem = Problem::new(status, rejection.code(), rejection.message());
        Problem { field: rejection.field().map(str::to_owned), ..problem }
    }
}

fn fault_status(kind: FaultKind) -> StatusCode {
    match kind {
        FaultKind::Malformed => StatusCode::BAD_REQUEST,
        FaultKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        FaultKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FaultKind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
    }
}
