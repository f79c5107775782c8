//! Whole runs against a small server on a port of its own that answers from a script.

use super::delivery::{Delivery, DeliveryError};
use super::{Batch, Elements, Run, Summary, bar};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the server answers next, and what it was sent: key and body.
#[derive(Default)]
struct Script {
    answers: VecDeque<(u16, &'static str)>,
    seen: Vec<(String, Bytes)>,
}

type Shared = Arc<Mutex<Script>>;

async fn answer(State(script): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut script = script.lock().expect("no test panics while it holds the script");
    let key = headers["idempotency-key"].to_str().expect("keys are ASCII").to_owned();
    let (status, text) = script.answers.pop_front().unwrap_or((202, "{}"));
    script.seen.push((key, body));
    (StatusCode::from_u16(status).expect("a status"), text).into_response()
}

/// Sends `text` to a server that answers so; gives the summary or the error, and what the server saw.
fn send(
    text: &'static str,
    answers: &[(u16, &'static str)],
) -> (Result<Summary, String>, Vec<(String, Bytes)>) {
    // Another test may have installed it before.
    drop(rustls::crypto::ring::default_provider().install_default());
    let script: Shared =
        Arc::new(Mutex::new(Script { answers: answers.iter().copied().collect(), seen: Vec::new() }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sent = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let delivery = Delivery::new(&url, "sw_test", Duration::from_secs(20)).expect("the address is one");
        let mut run = Run {
            delivery,
            bar: bar(&[]),
            summary: Summary::default(),
            began: Instant::now(),
            bytes_before: 0,
        };
        let sent = run.send_file("f", Box::new(text.as_bytes()), 2).await;
        sent.map(|()| run.summary).map_err(|error| error.to_string())
    });
    let seen = std::mem::take(&mut script.lock().expect("the server is gone").seen);
    (sent, seen)
}

#[test]
fn a_busy_server_is_tried_again_with_the_same_request() {
    let taken = (202, "{\"accepted\":2,\"duplicate\":0,\"rejected\":0,\"errors\":[]}");
    let (sent, seen) = send("{\"a\":1}\n{\"a\":2}\n", &[(503, "{}"), (429, "{}"), taken]);
    assert_eq!(sent, Ok(Summary { sent: 2, accepted: 2, ..Summary::default() }));
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| *request == seen[0]), "{seen:?}");
}

#[test]
fn requests_go_in_the_order_of_the_file() {
    let (_, seen) = send("1\n2\n3\n", &[]);
    let bodies: Vec<&[u8]> = seen.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(bodies, [&b"1\n2\n"[..], b"3\n"]);
}

#[test]
fn a_wrong_key_stops_at_once_with_the_servers_own_words() {
    let (sent, seen) = send("1\n2\n3\n", &[(401, "{\"message\":\"no such key\"}")]);
    assert_eq!(sent, Err("the server answered 401 Unauthorized: no such key".to_owned()));
    assert_eq!(seen.len(), 1);
}

#[test]
fn a_request_that_is_refused_as_a_whole_is_halved_until_what_is_wrong_stands_alone() {
    let one = (202, "{\"accepted\":1}");
    let (sent, seen) = send("1\n2\n", &[(413, "{}"), one, (413, "{\"message\":\"too large\"}")]);
    assert_eq!(sent, Ok(Summary { sent: 2, accepted: 1, duplicates: 0, rejected: 1 }));
    let bodies: Vec<&[u8]> = seen.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(bodies, [&b"1\n2\n"[..], b"1\n", b"2\n"]);
}

#[test]
fn a_server_that_stays_away_is_given_up_with_what_to_do() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let error = runtime.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        drop(listener);
        let delivery = Delivery::new(&url, "sw_test", Duration::ZERO).expect("the address is one");
        let batch = Batch::read(&mut Elements::new(&b"1\n"[..]), &mut None, 1).expect("memory can be read");
        delivery.deliver(&batch.expect("one element").body(), |_| {}).await.expect_err("nobody is there")
    });
    assert!(matches!(error, DeliveryError::GaveUp { .. }));
    assert!(error.to_string().contains("Run the same command again"), "{error}");
}
