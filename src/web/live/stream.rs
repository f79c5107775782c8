//! The form of a stream: server-sent events (HTML standard, 9.2), made one by one as the client takes them.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde::Serialize;
use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What makes the parts of a stream.
pub(super) trait Source: Send + Sized + 'static {
    /// The next part, and what makes the one after it; nothing at the end.
    fn next(self) -> impl Future<Output = Option<(String, Self)>> + Send;
}

/// The answer that goes on as `source` does.
pub(super) fn respond(source: impl Source) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // A proxy that collects an answer before it passes it on would keep all of it.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::new(Parts(Some(Box::pin(source.next()))))).into_response()
}

type Next<S> = Pin<Box<dyn Future<Output = Option<(String, S)>> + Send>>;

/// A body whose next part is begun when the one before is on its way.
struct Parts<S>(Option<Next<S>>);

impl<S: Source> HttpBody for Parts<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = &mut self.0 else { return Poll::Ready(None) };
        let made = ready!(next.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(made.map(|(part, source)| {
            self.0 = Some(Box::pin(source.next()));
            Ok(Frame::data(Bytes::from(part)))
        }))
    }
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
    use http_body_util::BodyExt;

    struct Count(u32);

    impl Source for Count {
        async fn next(self) -> Option<(String, Count)> {
            (self.0 < 3).then(|| (format!("{};", self.0), Count(self.0 + 1)))
        }
    }

    #[tokio::test]
    async fn a_stream_goes_on_until_its_source_ends() {
        let body = respond(Count(0)).into_body().collect().await.expect("it ends").to_bytes();
        assert_eq!(body, "0;1;2;");
    }

    #[test]
    fn no_text_can_end_an_event_early() {
        let mut part = String::new();
        push_event(&mut part, "rows", Some("1-2"), &"a\n\ndata: b\r\u{2028}");
        assert_eq!(part, "id: 1-2\nevent: rows\ndata: \"a\\n\\ndata: b\\r\u{2028}\"\n\n");
    }
}
