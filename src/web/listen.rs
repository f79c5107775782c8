//! Accepting connections: bounded in number, in the time a header may take, and ended in good order.

use axum::Router;
use axum::extract::Request;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// Where a connection comes from, as its requests carry it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The address of the other end.
    pub address: Option<IpAddr>,
    /// Whether it came through the socket in the data directory, which only its owner can open.
    pub local: bool,
}

/// How connections are bounded.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at once; further ones wait to be accepted.
    pub connections_max: usize,
    /// How long the head of a request may take, and a connection may idle.
    pub header_timeout: Duration,
    /// How long answers may still take once the appliance stops.
    pub goodbye: Duration,
}

/// Bytes of all header lines of one request.
const HEADER_BYTES_MAX: usize = 64 << 10;
/// How long bytes that we sent may stay unread before the connection is given up, in milliseconds.
const UNREAD_MILLIS_MAX: u32 = 60_000;
/// How long to wait when no connection can be accepted, for want of file descriptors above all.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where connections come from.
pub enum Listener {
    /// The network.
    Tcp(TcpListener),
    /// The socket in the data directory.
    Local(UnixListener),
}

/// Answers on that listener until told to stop; then lets the requests under way finish.
pub async fn answer(listener: Listener, router: Router, limits: ConnectionLimits, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    loop {
        let permit = tokio::select! {
            permit = connections.clone().acquire_owned() => permit.expect("the semaphore is never closed"),
            () = stop.cancelled() => break,
        };
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = with_peer(router.clone(), peer);
        let connection = builder(limits).serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // Whatever ended the connection, the other end knows as much as we do.
            drop(connection.await);
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.goodbye, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections were still busy and were cut off");
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn accept(listener: &Listener) -> std::io::Result<(Box<dyn Stream>, Peer)> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, address) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // An answer that is not read for this long has nobody waiting for it.
            rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_MILLIS_MAX)?;
            Ok((Box::new(stream), Peer { address: Some(address.ip().to_canonical()), local: false }))
        }
        Listener::Local(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok((Box::new(stream), Peer { address: None, local: true }))
        }
    }
}

/// HTTP/1.1 only: to find out which version a client speaks has no time-out, so one that says nothing would
/// keep its place for ever. What stands in front of us may speak what it likes with browsers.
fn builder(limits: ConnectionLimits) -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HEADER_BYTES_MAX);
    builder
}

fn with_peer(
    router: Router,
    peer: Peer,
) -> impl hyper::service::Service<
    hyper::Request<hyper::body::Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone {
    hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(peer);
        router.clone().call(request)
    })
}
