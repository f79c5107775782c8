//! Targets that refuse, hang, lie or never end: each costs its own notifications only, and ends as it should.

use super::mail_server::{Fault, MailServer, Security};
use super::receiver::{Answer, Receiver};
use super::{configured, deliveries, hook, identity, raise, route, settled, target};
use crate::appliance::{Appliance, eventually, within};
use crate::client::Client;
use crate::samples::plain;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A server that speaks to each connection as `speak` does; its threads end with the process.
pub(super) fn raw(speak: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let speak = Arc::new(speak);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let speak = speak.clone();
            std::thread::spawn(move || drop(speak(stream)));
        }
    });
    port
}

pub(super) fn read_some(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.read(&mut [0; 65_536]).map(drop)
}

/// Ends the connection with a reset.
fn reset(stream: TcpStream) -> std::io::Result<()> {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
    drop(stream);
    Ok(())
}

/// An endless answer with that status; counts what it could get rid of.
fn endless(status: &'static str, written: Arc<AtomicU64>) -> u16 {
    raw(move |mut stream| {
        read_some(&mut stream)?;
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 1073741824\r\n\r\n").as_bytes())?;
        for _ in 0..16_384 {
            stream.write_all(&[b'x'; 65_536])?;
            written.fetch_add(65_536, Ordering::Relaxed);
        }
        Ok(())
    })
}

/// How long a target that hangs is waited for.
const HANGS: Duration = Duration::from_secs(10);
/// Five times ten seconds and the waits between them, or a minute that a mail server may take over a message.
const SLOW: Duration = Duration::from_secs(150);

/// What must become of the first notification to a target.
struct Case {
    name: &'static str,
    port: u16,
    state: &'static str,
    attempts: u64,
    /// Part of why it is not told.
    why: &'static str,
    breaker: &'static str,
}

fn case(
    name: &'static str,
    port: u16,
    (state, attempts): (&'static str, u64),
    why: &'static str,
    breaker: &'static str,
) -> Case {
    Case { name, port, state, attempts, why, breaker }
}

fn answering(receivers: &mut Vec<Receiver>, answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> u16 {
    receivers.push(Receiver::scripted(answer));
    receivers.last().expect("it was just put there").port
}

#[test]
fn webhooks_that_misbehave_are_retried_given_up_or_left_alone_and_keep_nobody_waiting() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let (good, elsewhere) = (Receiver::start(), Receiver::start());
    let written = Arc::new(AtomicU64::new(0));
    let mut kept = Vec::new();
    let target_of =
        |code: u16, port: u16| Answer::of(code).with("Location", &format!("http://127.0.0.1:{port}/stolen"));
    let to = elsewhere.port;
    let mut cases = vec![
        case("refuses", closed, ("waiting", 5), "no connection", "open"),
        case(
            "silent",
            raw(|_stream| {
                std::thread::park();
                Ok(())
            }),
            ("waiting", 1),
            "no answer within 10",
            "closed",
        ),
        case(
            "resets",
            raw(|mut stream| {
                read_some(&mut stream)?;
                reset(stream)
            }),
            ("dead", 5),
            "the connection broke",
            "open",
        ),
        case(
            "garbage",
            raw(|mut stream| {
                read_some(&mut stream)?;
                stream.write_all(b"\x16\x03 hello\r\n\r\n")
            }),
            ("dead", 5),
            "the connection broke",
            "open",
        ),
        case(
            "trickles",
            raw(|mut stream| {
                read_some(&mut stream)?;
                for byte in "HTTP/1.1 200 OK\r\nX: ".bytes().chain(std::iter::repeat(b'x')) {
                    stream.write_all(&[byte])?;
                    std::thread::park_timeout(Duration::from_secs(1));
                }
                Ok(())
            }),
            ("waiting", 1),
            "no answer within 10",
            "closed",
        ),
        case(
            "breaks-off",
            raw(|mut stream| {
                read_some(&mut stream)?;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nxx")?;
                std::thread::park_timeout(Duration::from_millis(200));
                reset(stream)
            }),
            ("told", 1),
            "",
            "closed",
        ),
        case(
            "head-only",
            raw(|mut stream| {
                read_some(&mut stream)?;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
                std::thread::park_timeout(Duration::from_millis(200));
                reset(stream)
            }),
            ("told", 1),
            "",
            "closed",
        ),
        case("huge", endless("200 OK", written.clone()), ("told", 1), "", "closed"),
        case(
            "huge-error",
            endless("400 Bad Request", written.clone()),
            ("dead", 1),
            "answered 400",
            "closed",
        ),
    ];
    for (name, location) in [
        ("moved-to-itself", "/hook"),
        ("moved-to-metadata", "http://169.254.169.254/latest/meta-data/"),
        ("moved-to-a-file", "file:///etc/passwd"),
    ] {
        let port = answering(&mut kept, move |_| Answer::of(302).with("Location", location));
        cases.push(case(name, port, ("waiting", 1), "answered 302", "open"));
    }
    for (name, code, state, why, breaker) in [
        ("moved-301", 301, ("waiting", 1), "answered 301", "open"),
        ("moved-302", 302, ("waiting", 1), "answered 302", "open"),
        ("moved-307", 307, ("waiting", 1), "answered 307", "open"),
        ("moved-308", 308, ("waiting", 1), "answered 308", "open"),
        ("bad", 400, ("dead", 1), "answered 400", "closed"),
        ("unknown", 401, ("waiting", 1), "answered 401", "open"),
        ("forbidden", 403, ("waiting", 1), "answered 403", "open"),
        ("nowhere", 404, ("waiting", 1), "answered 404", "open"),
        ("gone", 410, ("dead", 1), "answered 410", "open"),
        ("too-large", 413, ("dead", 1), "answered 413", "closed"),
        ("timeout", 408, ("waiting", 5), "answered 408", "open"),
        ("error", 500, ("waiting", 5), "answered 500", "open"),
        ("bad-gateway", 502, ("waiting", 5), "answered 502", "open"),
        ("no-time", 504, ("waiting", 5), "answered 504", "open"),
    ] {
        let port = answering(&mut kept, move |_| target_of(code, to));
        cases.push(case(name, port, state, why, breaker));
    }
    let again =
        |first: Answer| move |number: usize| if number == 0 { first.clone() } else { Answer::of(200) };
    let port = answering(&mut kept, again(Answer::of(503)));
    cases.push(case("recovers", port, ("told", 2), "", "closed"));
    let port = answering(&mut kept, again(Answer::of(429).with("Retry-After", "2")));
    cases.push(case("busy", port, ("told", 2), "", "closed"));
    let busy = kept.len() - 1;
    let port = answering(&mut kept, |number| match number {
        // As a date, a good second from now.
        0 => Answer::of(503).with("Retry-After", &http_date(2)),
        _ => Answer::of(200),
    });
    cases.push(case("busy-until", port, ("told", 2), "", "closed"));
    let until = kept.len() - 1;
    let port = answering(&mut kept, again(Answer::of(429).with("Retry-After", "-7")));
    cases.push(case("busy-negative", port, ("told", 2), "", "closed"));
    let port = answering(&mut kept, again(Answer::of(429).with("Retry-After", "1000000000")));
    cases.push(case("busy-absurd", port, ("waiting", 1), "answered 429", "open"));
    let port = answering(&mut kept, |_| Answer::of(200).after(Duration::from_secs(11)));
    cases.push(case(
        "late",
        port,
        ("dead", 5),
        "no answer within 10 seconds; it may have been taken",
        "open",
    ));
    let late = kept.len() - 1;

    let names: Vec<&str> = cases.iter().map(|case| case.name).chain(["good"]).collect();
    let mut allow: Vec<String> = cases.iter().map(|case| format!("127.0.0.1:{}", case.port)).collect();
    allow.push(good.address());
    let hooks: String = cases.iter().map(|case| hook(case.name, case.port)).collect();
    // What opens stays open: the cases are looked at one after the other.
    let breaker = "[breaker]\nopen_secs = 3600\nwithin_secs = 3600\n".to_owned();
    let rest = [hooks, hook("good", good.port), route("all", &names), breaker].concat();
    let appliance = Appliance::start_configured(&configured(&allow, &rest));
    let client = appliance.everything("stubs");
    let began = Instant::now();
    let alert = raise(&client, "clinic", "ada");
    settled(&client, &alert, "good", "told");
    assert!(began.elapsed() < HANGS, "others wait for nobody: {:?}", began.elapsed());
    let intake = Instant::now();
    client.post("/api/v1/audit/events", &plain()).expect(201);
    assert!(intake.elapsed() < HANGS, "nor does the intake: {:?}", intake.elapsed());

    for case in &cases {
        let delivery = ended_as(&client, &alert, case);
        let why = delivery["why"].as_str().unwrap_or_default();
        assert!(why.contains(case.why), "{}: {why}", case.name);
        let attempts = delivery["attempts"].as_u64().expect("a number");
        // One that waits may have been tried once more by now.
        let is_it = attempts == case.attempts || (case.state == "waiting" && attempts > case.attempts);
        assert!(is_it, "{}: {delivery}", case.name);
    }
    assert_eq!(elsewhere.got().len(), 0, "no redirect is followed");
    assert!(written.load(Ordering::Relaxed) < 64 << 20, "an answer is read up to a limit");
    let busy = kept[busy].got();
    assert!(busy[1].at - busy[0].at >= Duration::from_secs(2), "Retry-After is kept");
    let until = kept[until].got();
    assert!(until[1].at - until[0].at >= Duration::from_secs(1), "as a date too");
    let late = kept[late].got();
    assert_eq!(late.len(), 5, "who takes it too late is not told of it for ever");
    let ids: BTreeSet<&str> = late.iter().map(|got| got.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1, "it can be told that they are one");
    let absurd = settled(&client, &alert, "busy-absurd", "waiting");
    let next: jiff::Timestamp = absurd["nextTryAt"].as_str().expect("a time").parse().expect("RFC 3339");
    let wait = next.duration_since(jiff::Timestamp::now());
    assert!((3_000..=3_640).contains(&wait.as_secs()), "at most an hour: {wait}");
    let gone = target(&client, "gone");
    assert_eq!(gone["gone"], true, "{gone}");
    eventually("the journal says so", || {
        appliance.log().contains("notifications do not reach a target").then_some(())
    });
    // What follows for a target that is gone is not even tried.
    let next = raise(&client, "clinic", "bob");
    settled(&client, &next, "gone", "dead");
    settled(&client, &next, "good", "told");
}

/// A date in that many seconds, as HTTP writes it.
fn http_date(secs: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(secs);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The first notification to the case's target once it stands as it should, with the breaker as it should be then.
#[track_caller]
fn ended_as(client: &Client, alert: &str, case: &Case) -> Value {
    within(SLOW, &format!("{} is {} after {} tries", case.name, case.state, case.attempts), || {
        let of = |delivery: &Value| delivery["target"] == case.name;
        let delivery = deliveries(client, alert).into_iter().find(of)?;
        let as_expected =
            delivery["state"] == case.state && delivery["attempts"].as_u64() >= Some(case.attempts);
        (as_expected && (case.state == "told" || target(client, case.name)["breaker"] == case.breaker))
            .then_some(delivery)
    })
}

#[test]
fn whoever_cannot_prove_to_be_the_target_gets_nothing() {
    let (right, other) = (identity("localhost", 2200), identity("other.example", 2200));
    let old = identity("localhost", 2021);
    let mut appliance = Appliance::at_rest();
    let mut rest = String::new();
    let (mut receivers, mut allow) = (Vec::new(), Vec::new());
    for (name, shown, trusted) in [
        ("right", &right, Some(&right)),
        ("wrong-host", &other, Some(&other)),
        ("expired", &old, Some(&old)),
        ("self-signed", &right, None),
        ("of-another-ca", &right, Some(&other)),
    ] {
        let receiver = Receiver::with_tls(shown.config.clone());
        let target = hook(name, receiver.port).replace("http://127.0.0.1", "https://localhost");
        rest.push_str(&target);
        if let Some(trusted) = trusted {
            let ca = appliance.file(&format!("{name}.pem"));
            std::fs::write(&ca, &trusted.pem).expect("it can be written");
            rest.push_str(&format!("ca_file = {ca:?}\n"));
        }
        allow.push(format!("localhost:{}", receiver.port));
        receivers.push(receiver);
    }
    // A host that is allowed by another name, and one that nobody allowed.
    rest.push_str("[notify.targets.not-named]\nkind = \"webhook\"\nurl = \"https://127.0.0.1:1/\"\n");
    let names = ["right", "wrong-host", "expired", "self-signed", "of-another-ca", "not-named"];
    rest.push_str(&route("all", &names));
    appliance.configure(&configured(&allow, &rest));
    let client = appliance.everything("tls");
    let alert = raise(&client, "clinic", "ada");
    settled(&client, &alert, "right", "told");
    for (name, why) in [
        ("wrong-host", "TLS failed"),
        ("expired", "TLS failed"),
        ("self-signed", "TLS failed"),
        ("of-another-ca", "TLS failed"),
        ("not-named", "is this host itself"),
    ] {
        let told = eventually(&format!("{name} has been tried"), || {
            let of =
                |delivery: &Value| delivery["target"] == name && delivery["attempts"].as_u64() >= Some(1);
            deliveries(&client, &alert).into_iter().find(of)
        });
        assert!(told["why"].as_str().is_some_and(|told| told.contains(why)), "{name}: {told}");
        assert_ne!(
            target(&client, name)["breaker"],
            "closed",
            "{name}: it cannot work until someone changes it"
        );
    }
    let taken: Vec<usize> = receivers.iter().map(|receiver| receiver.got().len()).collect();
    assert_eq!(taken, [1, 0, 0, 0, 0]);
}

#[test]
fn mail_servers_that_misbehave_are_retried_or_given_up() {
    let me = identity("localhost", 2200);
    let mut appliance = Appliance::at_rest();
    std::fs::write(appliance.file("ca.pem"), &me.pem).expect("it can be written");
    let (mut rest, mut allow, mut servers) = (String::new(), Vec::new(), Vec::new());
    let cases = [
        ("busy", Fault::BusyAtRecipient, "none", ("waiting", 5), "answered 451"),
        ("refuses", Fault::RefusesContent, "none", ("dead", 1), "answered 554"),
        ("stalls", Fault::SilentAfterData, "none", ("waiting", 1), "no answer within 60"),
        ("silent", Fault::Silent, "none", ("waiting", 1), "no answer within 10"),
        ("floods", Fault::Flood, "none", ("waiting", 5), "the connection broke"),
        ("long-line", Fault::LongLine, "none", ("waiting", 5), "the connection broke"),
        ("no-starttls", Fault::None, "starttls", ("waiting", 1), "does not offer STARTTLS"),
    ];
    for (name, fault, security, ..) in cases {
        let server = MailServer::start(Security::Plain, fault);
        rest.push_str(&format!(
            "[notify.targets.{name}]\nkind = \"email\"\nserver = \"localhost:{}\"\nsecurity = {security:?}\n\
             from = \"seal@example.org\"\nto = [\"bob@example.org\"]\nca_file = {:?}\n",
            server.port,
            appliance.file("ca.pem")
        ));
        allow.push(format!("localhost:{}", server.port));
        servers.push(server);
    }
    let picky = MailServer::start(Security::Plain, Fault::RefusesCarol);
    rest.push_str(&format!(
        "[notify.targets.picky]\nkind = \"email\"\nserver = \"localhost:{}\"\nsecurity = \"none\"\n\
         from = \"seal@example.org\"\nto = [\"carol@example.org\", \"bob@example.org\"]\n",
        picky.port
    ));
    allow.push(format!("localhost:{}", picky.port));
    let good = MailServer::start(Security::StartTls(me.config), Fault::None);
    rest.push_str(&format!(
        "[notify.targets.wrong-password]\nkind = \"email\"\nserver = \"localhost:{}\"\nuser = \"seal\"\n\
         secret_file = {:?}\nfrom = \"seal@example.org\"\nto = [\"bob@example.org\"]\nca_file = {:?}\n",
        good.port,
        appliance.file("password"),
        appliance.file("ca.pem")
    ));
    std::fs::write(appliance.file("password"), "wrong").expect("it can be written");
    allow.push(format!("localhost:{}", good.port));
    let names: Vec<&str> = cases.iter().map(|case| case.0).chain(["wrong-password", "picky"]).collect();
    rest.push_str(&route("all", &names));
    appliance.configure(&configured(&allow, &rest));
    let client = appliance.everything("mail");
    let alert = raise(&client, "clinic", "ada");
    settled(&client, &alert, "picky", "told");
    let taken: Vec<Vec<String>> = picky.taken().into_iter().map(|taken| taken.to).collect();
    assert_eq!(taken, [["bob@example.org"]], "one refused recipient keeps no other from being told");
    let failure = target(&client, "picky")["lastFailure"].to_string();
    assert!(failure.contains("carol@example.org: the mail server answered 550"), "{failure}");
    for (name, .., (state, attempts), why) in cases {
        let found = within(SLOW, &format!("{name} is {state}"), || {
            let of = |delivery: &Value| {
                delivery["target"] == name
                    && delivery["state"] == state
                    && delivery["attempts"].as_u64() >= Some(attempts)
            };
            deliveries(&client, &alert).into_iter().find(of)
        });
        assert!(found["why"].as_str().is_some_and(|told| told.contains(why)), "{name}: {found}");
    }
    eventually("the breaker of the wrong password opens", || {
        let target = target(&client, "wrong-password");
        (target["breaker"] == "open")
            .then(|| assert!(target["lastFailure"].to_string().contains("535"), "{target}"))
    });
    assert_eq!(good.taken().len(), 0);
    assert!(!appliance.log().contains("wrong\""), "no password in the log");
}
