//! Targets with names, by way of resolvers that fail, hang and change their mind.

use super::*;
use crate::model::ReceivedAt;
use jiff::tz::TimeZone;
use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use uuid::Uuid;

/// What one try comes to for a webhook at that port of `hook.example`, with that policy.
fn try_once(port: u16, policy: Policy, resolver: &Resolver) -> Result<(), NotifyError> {
    let url = format!("http://hook.example:{port}/hook");
    let url = WebAddress::parse(&url).expect("an address");
    let way = Way::Webhook(Webhook { url, secret: None, form: WebhookForm::Json });
    let name = "desk".to_owned();
    let target =
        Target { name: name.clone(), way, time_zone: TimeZone::UTC, title: None, text: None, ca: None };
    let targets = [(name, (target, Some(Trust::new(None).expect("the roots in the program"))))].into();
    let notifier = Notifier { targets, policy, public_url: String::new(), resolver: resolver.clone() };
    let notice = Notice::test("desk", String::new(), Uuid::from_u128(7), ReceivedAt(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(notifier.send(&notice)).map(drop)
}

fn lan() -> Policy {
    Policy { lan: true, ..Policy::default() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A server of one port of this host that takes everything, and what it was sent.
fn server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = got.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = vec![0; 65_536];
            let length = stream.read(&mut head).unwrap_or_default();
            kept.lock()
                .expect("no holder panics")
                .push(String::from_utf8_lossy(&head[..length]).into_owned());
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    (port, got)
}

#[test]
fn a_name_that_is_not_known_or_not_answered_for_ends_the_try_in_time_and_is_tried_again() {
    for why in ["no such name", "server failure"] {
        let resolver = Resolver::new(move |_, _| Box::pin(async move { Err(io::Error::other(why)) }));
        let ended = try_once(443, lan(), &resolver).expect_err("nobody knows the name");
        assert!(ended.to_string().contains(why), "{ended}");
        assert!(matches!(ended.ended(), crate::routing::TryEnd::Failed { again: true, .. }));
        assert_eq!(ended.failure(), crate::routing::Failure::Unwell);
    }
    let began = Instant::now();
    let ended = try_once(443, lan(), &Resolver::new(|_, _| Box::pin(std::future::pending())));
    let ended = ended.expect_err("nobody answers");
    assert!(ended.to_string().contains("no answer within 5 seconds"), "{ended}");
    assert!(began.elapsed() < 10 * CONNECT_TIMEOUT, "{:?}", began.elapsed());
    let none = Resolver::new(|_, _| Box::pin(async { Ok(Vec::new()) }));
    assert_eq!(try_once(443, lan(), &none), Err(AddressError::Nothing.into()));
}

#[test]
fn a_name_that_flips_to_this_host_is_asked_once_a_try_and_never_connected_to() {
    let (port, got) = server();
    let asked = Arc::new(AtomicUsize::new(0));
    // Another address each time, as with a time to live of 0.
    let (counted, answers) = (asked.clone(), ["240.0.0.1", "127.0.0.1", "169.254.169.254"]);
    let resolver = Resolver::new(move |_, _| {
        let answer = answers[counted.fetch_add(1, Ordering::Relaxed)];
        Box::pin(async move { Ok(vec![ip(answer)]) })
    });
    for what in ["reserved", "this host itself", "metadata"] {
        let ended = try_once(port, lan(), &resolver).expect_err("it lies nowhere");
        assert!(ended.to_string().contains(what), "{ended}");
    }
    assert_eq!((asked.load(Ordering::Relaxed), got.lock().expect("no holder panics").len()), (3, 0));
}

#[test]
fn the_connection_goes_to_what_was_checked_and_the_name_is_not_asked_for_again() {
    let (port, got) = server();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let resolver = Resolver::new(move |name, _| {
        assert_eq!(name, "hook.example");
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move { Ok(vec![ip(if first { "127.0.0.1" } else { "169.254.169.254" })]) })
    });
    let allowed = vec![Endpoint::parse(&format!("hook.example:{port}")).expect("an endpoint")];
    assert_eq!(try_once(port, Policy { allowed, ..lan() }, &resolver), Ok(()));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let ended = try_once(port, lan(), &resolver).expect_err("by the next try the name leads elsewhere");
    assert!(ended.to_string().contains("metadata"), "{ended}");
    let got = got.lock().expect("no holder panics");
    assert_eq!(got.len(), 1);
    assert!(got[0].to_lowercase().contains(&format!("host: hook.example:{port}")), "{got:?}");
}
