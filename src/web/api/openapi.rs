//! The description of the API.

use crate::web::auth::Reader;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// OpenAPI 3.1, kept by hand; a test holds it against the table of routes.
const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /api/v1/openapi.json`.
pub async fn document(_: Reader) -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (json, DOCUMENT).into_response()
}
