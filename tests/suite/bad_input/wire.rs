//! What is hardly HTTP, and bodies that end before their time.

use super::{EVENTS, Table, chunked};
use crate::client::{exchange, exchange_and_hang_up};
use crate::samples::plain;
use std::io::Write;
use std::net::TcpStream;

#[test]
fn what_is_hardly_http_is_refused_or_cut_off() {
    let mut table = Table::new();
    let address = table.client.address.clone();
    let head = table.client.with("Content-Type", "application/json").head("POST", EVENTS);
    let good = plain().to_string();
    let long = "x".repeat(128 << 10);
    let many: String = (0..300).map(|n| format!("X-H{n}: {n}\r\n")).collect();
    let status = |parts: &[&str]| {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        exchange(&address, &parts).map(|reply| reply.status).ok()
    };
    assert!(matches!(
        status(&["GET / HTTP/1.1\r\nHost: a\r\nX-Long: ", &long, "\r\n\r\n"]),
        Some(431) | None
    ));
    assert_eq!(status(&["GET / HTTP/1.1\r\nHost: a\r\n", &many, "\r\n"]), Some(431));
    assert!(matches!(status(&["GET /", &long, " HTTP/1.1\r\nHost: a\r\n\r\n"]), Some(414 | 431) | None));
    assert!(matches!(status(&["GET /\r\n\r\n"]), Some(400) | None), "HTTP/0.9");
    assert!(
        matches!(status(&["\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n"]), Some(400) | None),
        "TLS"
    );
    let twice = format!("{head}Content-Length: {}\r\nContent-Length: 5\r\n\r\n", good.len());
    assert_eq!(status(&[&twice, &good]), Some(400));
    let wrong = format!("{head}Content-Length: -1\r\n\r\n");
    assert_eq!(status(&[&wrong, &good]), Some(400));
    table.is_well();

    // A body that ends before its time, and one whose sender is gone: nothing of it is stored.
    let half = format!("{head}Content-Length: {}\r\n\r\n", good.len() + 10);
    let reply = exchange_and_hang_up(&address, &[half.as_bytes(), good.as_bytes()]);
    assert!(reply.as_ref().map_or(true, |reply| reply.status == 400), "{reply:?}");
    let mut gone = TcpStream::connect(&address).expect("it listens");
    gone.write_all([half.as_bytes(), good.as_bytes()].concat().as_slice()).expect("it reads");
    drop(gone);
    let broken = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let reply = exchange(&address, &[broken.as_bytes(), b"zz\r\n", good.as_bytes()]);
    assert!(reply.as_ref().map_or(true, |reply| reply.status == 400), "{reply:?}");
    table.is_well();
    // A body in chunks without a length is fine.
    let reply = chunked(&table.client, good.as_bytes(), 1).expect(201);
    table.good += 1;
    assert_eq!(reply.json()["action"], "test.plain");
    table.is_well();
}
