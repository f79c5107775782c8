//! Bodies that are made as they are taken: each piece is begun when the one before is on its way.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use thiserror::Error;
use tokio::sync::mpsc;

/// What makes the pieces of a body.
pub(super) trait Source: Send + Sized + 'static {
    /// The next piece, and what makes the one after it; nothing at the end.
    fn next(self) -> impl Future<Output = Result<Option<(Bytes, Self)>, Broken>> + Send;
}

/// Why a body ends before it is whole. The connection is broken off, so that whoever reads it can tell.
#[derive(Debug, Error)]
#[error("the answer was broken off: {0}")]
pub(super) struct Broken(pub(super) String);

/// The body that goes on as `source` does.
pub(super) fn body(source: impl Source) -> Body {
    Body::new(Pieces(Some(Box::pin(source.next()))))
}

impl Source for mpsc::Receiver<Bytes> {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Broken> {
        Ok(self.recv().await.map(|piece| (piece, self)))
    }
}

type Next<S> = Pin<Box<dyn Future<Output = Result<Option<(Bytes, S)>, Broken>> + Send>>;

struct Pieces<S>(Option<Next<S>>);

impl<S: Source> HttpBody for Pieces<S> {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some(next) = &mut self.0 else { return Poll::Ready(None) };
        let made = ready!(next.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(made.transpose().map(|made| {
            let (piece, source) = made?;
            self.0 = Some(Box::pin(source.next()));
            Ok(Frame::data(piece))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    struct Count {
        next: u32,
        breaks_at: u32,
    }

    impl Source for Count {
        async fn next(self) -> Result<Option<(Bytes, Count)>, Broken> {
            if self.next == self.breaks_at {
                return Err(Broken("a test".to_owned()));
            }
            let piece = Bytes::from(format!("{};", self.next));
            Ok((self.next < 3).then(|| (piece, Count { next: self.next + 1, ..self })))
        }
    }

    #[tokio::test]
    async fn a_body_goes_on_until_its_source_ends() {
        let whole = body(Count { next: 0, breaks_at: 9 }).collect().await.expect("it ends").to_bytes();
        assert_eq!(whole, "0;1;2;");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_does_not_look_whole() {
        let error = body(Count { next: 0, breaks_at: 2 }).collect().await.expect_err("it breaks off");
        assert_eq!(error.to_string(), "the answer was broken off: a test");
    }
}
