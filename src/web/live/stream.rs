//! The form of a stream: server-sent events (HTML standard, 9.2).

use crate::web::stream::{self, Source};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fmt::Write;

/// The answer that goes on as `source` does.
pub(super) fn respond(source: impl Source) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // A proxy that collects an answer before it passes it on would keep all of it.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, stream::body(source)).into_response()
}

/// Appends one event. `id` is what the client gives back when it comes again.
pub(super) fn push_event(part: &mut String, name: &str, id: Option<&str>, data: &impl Serialize) {
    let data = serde_json::to_string(data).expect("it has only string keys");
    if let Some(id) = id {
        writeln!(part, "id: {id}").expect("a string takes all text");
    }
    // JSON as serde writes it has no line ends.
    write!(part, "event: {name}\ndata: {data}\n\n").expect("a string takes all text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_end_an_event_early() {
        let mut part = String::new();
        push_event(&mut part, "rows", Some("1-2"), &"a\n\ndata: b\r\u{2028}");
        assert_eq!(part, "id: 1-2\nevent: rows\ndata: \"a\\n\\ndata: b\\r\u{2028}\"\n\n");
    }
}
