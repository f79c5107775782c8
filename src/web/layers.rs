//! What every request and every answer goes through: an id, a span, safe headers, and problems put into
//! words.

use super::error::Problem;
use super::show;
use super::state::App;
use crate::telemetry::{Trace, TraceContext};
use axum::Extension;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use uuid::Uuid;

/// The id of the request, as answers and the log carry it.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
/// What stands for the status of a request whose caller left before its answer.
const CALLER_LEFT: u16 = 499;
/// Characters of an id that a caller may give.
const REQUEST_ID_MAX: usize = 128;

/// Nothing from elsewhere, nothing in line, nobody around us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The outermost layer.
pub async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let trace = app.telemetry.tracer.request(caller_of(request.headers()));
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(trace.clone());
    let (method, route) = (method_of(&request), route_of(&request));
    let is_page = wants_page(&request);
    let is_asset = request.uri().path().starts_with("/static/");
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        correlation_id = correlation_id(request.headers()),
        trace_id = %trace.context().trace_id,
        span_id = %trace.context().span_id,
        method,
        route = &*route
    );
    trace.put("http.request.method", method);
    trace.put("http.route", &*route);
    let mut unanswered = Unanswered { app: &app, trace: &trace, name: Some(format!("{method} {route}")) };
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = put_into_words(&app, &problem, response, &id, is_page);
    } else if is_plain_refusal(&response) {
        // What axum itself refuses.
        let problem =
            Problem::new(response.status(), code_of(response.status()), message_of(response.status()));
        response = put_into_words(&app, &problem, response, &id, is_page);
    }
    let status = response.status().as_u16();
    let millis = trace.began().elapsed().as_secs_f64() * 1_000.0;
    span.in_scope(|| tracing::debug!(status, millis, "answered"));
    trace.put("sealwatch.request_id", id.as_str());
    unanswered.end(status, status >= 500);
    secure(response.headers_mut(), &id, is_asset);
    response
}

/// The end of a request, which is noted too where its caller leaves before its answer.
struct Unanswered<'a> {
    app: &'a App,
    trace: &'a Trace,
    /// What its trace is called; nothing once it has ended.
    name: Option<String>,
}

impl Unanswered<'_> {
    fn end(&mut self, status: u16, failed: bool) {
        let Some(name) = self.name.take() else { return };
        self.trace.put("http.response.status_code", status);
        self.app.answered.record(status);
        self.trace.finish(name, failed);
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.end(CALLER_LEFT, true);
    }
}

fn request_id(headers: &HeaderMap) -> String {
    given_id(headers, &REQUEST_ID).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// What ties several requests together, where the caller says so; the events may say it later.
fn correlation_id(headers: &HeaderMap) -> Option<&str> {
    given_id(headers, &CORRELATION_ID)
}

/// An id that the caller gives, where it is one.
fn given_id<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let given = headers.get(name).and_then(|value| value.to_str().ok());
    given.filter(|id| {
        (1..=REQUEST_ID_MAX).contains(&id.len())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
    })
}

/// The trace that the request belongs to, as its caller tells it.
fn caller_of(headers: &HeaderMap) -> Option<TraceContext> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let all = |name: &str| -> String {
        let values: Vec<&str> =
            headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        values.join(",")
    };
    let caller = TraceContext::parse(text("traceparent")?)?;
    Some(caller.carrying(&all("tracestate"), &all("baggage")))
}

/// The method as OpenTelemetry's conventions have it: what is not known is not repeated.
fn method_of(request: &Request) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
    let method = request.method().as_str();
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

/// What messages and traces show of the address: the route, never the address itself, which may hold somebody's data.
fn route_of(request: &Request) -> String {
    request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned()
}

fn wants_page(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    !request.uri().path().starts_with("/api/") && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn is_plain_refusal(response: &Response) -> bool {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    is_error && kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "media_type",
        StatusCode::BAD_REQUEST => "malformed",
        StatusCode::UNPROCESSABLE_ENTITY => "invalid",
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        _ => "refused",
    }
}

fn message_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "there is nothing at this address",
        StatusCode::METHOD_NOT_ALLOWED => "this address does not take this method; see the Allow header",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "send the body as application/json",
        StatusCode::BAD_REQUEST => "the request cannot be read",
        StatusCode::UNPROCESSABLE_ENTITY => "the body does not have the members that this address takes",
        StatusCode::PAYLOAD_TOO_LARGE => "the body is too large",
        _ => "the request was refused",
    }
}

fn put_into_words(app: &App, problem: &Problem, bare: Response, id: &str, is_page: bool) -> Response {
    let mut headers = bare.headers().clone();
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONTENT_TYPE);
    let mut response = if is_page {
        show::message_response(app, problem, id)
    } else {
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        (json, Body::from(problem.body(id, app.clock.now()))).into_response()
    };
    *response.status_mut() = problem.status;
    response.headers_mut().extend(headers);
    response
}

fn secure(headers: &mut HeaderMap, id: &str, is_asset: bool) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What belongs to someone must not lie in a cache.
    if !is_asset {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// A panic in a handler is this request's trouble alone.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::internal("a handler panicked; its message is above").into_response()
}

/// What answers where no route does.
pub async fn nowhere(Extension(RequestId(_)): Extension<RequestId>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

/// What answers where a route knows other methods.
pub async fn no_such_method() -> Problem {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Problem::new(status, code_of(status), message_of(status))
}
