//! A real HTTP server that keeps what it gets, plain or with TLS, and answers as a test wants.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

impl Got {
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// How long it takes.
    pub(crate) after: Duration,
}

impl Answer {
    pub(crate) fn of(status: u16) -> Answer {
        Answer { status, ..Answer::default() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Answer {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn after(self, after: Duration) -> Answer {
        Answer { after, ..self }
    }
}

/// How a test has its server answer: by how many requests came before this one.
type Script = Arc<dyn Fn(usize) -> Answer + Send + Sync>;

/// The running server; ends with the test.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    got: Arc<Mutex<Vec<Got>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    /// One that takes everything.
    pub(crate) fn start() -> Receiver {
        Receiver::scripted(|_| Answer::of(200))
    }

    pub(crate) fn scripted(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Receiver {
        Receiver::listen(Arc::new(answer), None)
    }

    pub(crate) fn with_tls(config: Arc<rustls::ServerConfig>) -> Receiver {
        Receiver::listen(Arc::new(|_| Answer::of(200)), Some(TlsAcceptor::from(config)))
    }

    fn listen(script: Script, tls: Option<TlsAcceptor>) -> Receiver {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("threads can be started");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = got.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, kept, tls) = (script.clone(), kept.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, script, kept).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, script, kept).await;
                            }
                        }
                    }
                });
            }
        });
        Receiver { port, got, _runtime: runtime }
    }

    /// Where it answers, as an endpoint.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Everything that came so far.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().expect("no holder panics").clone()
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    script: Script,
    kept: Arc<Mutex<Vec<Got>>>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (script, kept) = (script.clone(), kept.clone());
        async move { Ok::<_, Infallible>(take(request, &script, &kept).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    drop(connection.serve_connection(TokioIo::new(stream), service).await);
}

async fn take(request: Request<Incoming>, script: &Script, kept: &Mutex<Vec<Got>>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let got = Got {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers.iter().map(header).collect(),
        body,
        at: Instant::now(),
    };
    let number = {
        let mut kept = kept.lock().expect("no holder panics");
        kept.push(got);
        kept.len() - 1
    };
    let answer = script(number);
    tokio::time::sleep(answer.after).await;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::new())).expect("the script's headers are headers")
}
