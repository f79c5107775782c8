//! Networks and servers that are not what they should be, on the level of packets and of TLS.

use super::mail_server::{Fault, MailServer, Security};
use super::stubs::{raw, read_some};
use super::{Identity, configured, deliveries, hook, identity, raise, route, settled, target};
use crate::appliance::{Appliance, eventually};
use crate::client::Client;
use serde_json::Value;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The first notification of an alert to that target once it has been tried.
#[track_caller]
fn tried(client: &Client, alert: &str, name: &str) -> Value {
    eventually(&format!("{name} has been tried"), || {
        let of = |delivery: &Value| delivery["target"] == name && delivery["attempts"].as_u64() >= Some(1);
        deliveries(client, alert).into_iter().find(of)
    })
}

/// A port of this host that does not answer when somebody wants to connect: its queue is full, and nobody empties it.
struct Blackhole {
    port: u16,
    _listening: OwnedFd,
    _queued: Vec<TcpStream>,
}

impl Blackhole {
    fn open() -> Blackhole {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
        let listening = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&listening, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        listen(&listening, 0).expect("it can listen");
        let address =
            SocketAddr::try_from(getsockname(&listening).expect("it is bound")).expect("an address");
        let patience = Duration::from_millis(300);
        let connect = || TcpStream::connect_timeout(&address, patience).ok();
        let queued: Vec<TcpStream> = std::iter::from_fn(connect).take(16).collect();
        assert!(queued.len() < 16, "the queue is full");
        Blackhole { port: address.port(), _listening: listening, _queued: queued }
    }
}

/// A server that knows no TLS after 1.0, and the first answer of which says so.
fn tls_1_0() -> u16 {
    raw(|mut stream| {
        read_some(&mut stream)?;
        let mut hello = vec![0x03, 0x01];
        hello.extend([7; 32]);
        // No session, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, no compression.
        hello.extend([0, 0xc0, 0x14, 0]);
        let length = u8::try_from(hello.len()).expect("it is short");
        let mut record = vec![0x16, 0x03, 0x01, 0, length + 4, 0x02, 0, 0, length];
        record.extend(hello);
        stream.write_all(&record)?;
        read_some(&mut stream)
    })
}

#[test]
fn a_network_that_swallows_and_a_server_of_old_cost_a_bounded_time_and_get_nothing() {
    let (hole, old) = (Blackhole::open(), tls_1_0());
    let https = |name: &str, port: u16| hook(name, port).replace("http://127.0.0.1", "https://localhost");
    let rest = [hook("hole", hole.port), https("old", old), route("all", &["hole", "old"])].concat();
    let allow = [format!("127.0.0.1:{}", hole.port), format!("localhost:{old}")];
    let appliance = Appliance::start_configured(&configured(&allow, &rest));
    let client = appliance.everything("holes");
    let alert = raise(&client, "clinic", "ada");
    let refused = tried(&client, &alert, "old");
    assert!(refused["why"].as_str().is_some_and(|why| why.contains("TLS failed")), "{refused}");
    assert_ne!(target(&client, "old")["breaker"], "closed");
    let swallowed = tried(&client, &alert, "hole");
    let why = swallowed["why"].as_str().unwrap_or_default();
    assert!(why.contains("no answer within"), "{swallowed}");
}

#[test]
fn a_mail_server_that_cannot_prove_who_it_is_gets_neither_password_nor_mail() {
    let (right, other) = (identity("localhost", 2200), identity("other.example", 2200));
    let old = identity("localhost", 2021);
    let mut appliance = Appliance::at_rest();
    std::fs::write(appliance.file("password"), "right\n").expect("it can be written");
    let (mut rest, mut allow, mut servers, mut names) = (String::new(), Vec::new(), Vec::new(), Vec::new());
    let cases: [(&str, &Identity, Option<&Identity>); 4] = [
        ("right", &right, Some(&right)),
        ("wrong-host", &other, Some(&other)),
        ("expired", &old, Some(&old)),
        ("self-signed", &right, None),
    ];
    for (name, shown, trusted) in cases {
        for security in ["tls", "starttls"] {
            let config = shown.config.clone();
            let shows = if security == "tls" { Security::Tls(config) } else { Security::StartTls(config) };
            let server = MailServer::start(shows, Fault::None);
            let name = format!("{name}-{security}");
            rest.push_str(&format!(
                "[notify.targets.{name}]\nkind = \"email\"\nserver = \"localhost:{}\"\nsecurity = {security:?}\n\
                 user = \"seal\"\nsecret_file = {:?}\nfrom = \"seal@example.org\"\nto = [\"bob@example.org\"]\n",
                server.port,
                appliance.file("password")
            ));
            if let Some(trusted) = trusted {
                let ca = appliance.file(&format!("{name}.pem"));
                std::fs::write(&ca, &trusted.pem).expect("it can be written");
                rest.push_str(&format!("ca_file = {ca:?}\n"));
            }
            allow.push(format!("localhost:{}", server.port));
            servers.push(server);
            names.push(name);
        }
    }
    rest.push_str(&route("all", &names.iter().map(String::as_str).collect::<Vec<_>>()));
    appliance.configure(&configured(&allow, &rest));
    let client = appliance.everything("mail-tls");
    let alert = raise(&client, "clinic", "ada");
    for (name, server) in names.iter().zip(&servers) {
        if name.starts_with("right") {
            settled(&client, &alert, name, "told");
            let taken = server.taken();
            assert_eq!(taken[0].user.as_ref().map(|user| user.0.as_str()), Some("seal"), "by a private CA");
            continue;
        }
        let refused = tried(&client, &alert, name);
        assert!(refused["why"].as_str().is_some_and(|why| why.contains("TLS failed")), "{name}: {refused}");
        assert_ne!(target(&client, name)["breaker"], "closed", "{name}");
        assert_eq!(server.taken().len(), 0, "{name}");
    }
}
