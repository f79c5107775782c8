//! A real mail server on a port of its own, with STARTTLS, TLS and sign-in, and with the faults that servers have.

use mailin::response::{self, Response};
use mailin::{Action, AuthMechanism, Handler, Session, SessionBuilder};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How the server misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not at all.
    None,
    /// 451 at RCPT.
    BusyAtRecipient,
    /// 550 at RCPT for one of the recipients.
    RefusesCarol,
    /// 554 at the end of DATA.
    RefusesContent,
    /// Says nothing after the final dot.
    SilentAfterData,
    /// Says nothing at all.
    Silent,
    /// A greeting that never ends.
    Flood,
    /// One line of a megabyte.
    LongLine,
}

/// A message as it was taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: Vec<u8>,
    /// Who had signed in.
    pub(crate) user: Option<(String, String)>,
}

/// The running server; its threads end with the process.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
}

/// What its lines are like.
#[derive(Clone)]
pub(crate) enum Security {
    Plain,
    StartTls(Arc<ServerConfig>),
    Tls(Arc<ServerConfig>),
}

impl MailServer {
    pub(crate) fn start(security: Security, fault: Fault) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = taken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (security, kept) = (security.clone(), kept.clone());
                // A client that leaves early is no trouble of ours.
                std::thread::spawn(move || drop(converse(stream, security, fault, kept)));
            }
        });
        MailServer { port, taken }
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("no holder panics").clone()
    }
}

struct Mailbox {
    fault: Fault,
    taking: Taken,
    kept: Arc<Mutex<Vec<Taken>>>,
}

impl Handler for Mailbox {
    fn rcpt(&mut self, to: &str) -> Response {
        match self.fault {
            Fault::RefusesCarol if to.contains("carol") => {
                Response::custom(550, "nobody of this name".to_owned())
            }
            Fault::BusyAtRecipient => Response::custom(451, "come back later".to_owned()),
            _ => response::OK,
        }
    }

    fn data_start(&mut self, _domain: &str, from: &str, _is8bit: bool, to: &[String]) -> Response {
        self.taking.from = from.to_owned();
        self.taking.to = to.to_vec();
        self.taking.data.clear();
        response::OK
    }

    fn data(&mut self, buf: &[u8]) -> std::io::Result<()> {
        self.taking.data.extend_from_slice(buf);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        if self.fault == Fault::RefusesContent {
            return Response::custom(554, "no such thing here".to_owned());
        }
        self.kept.lock().expect("no holder panics").push(self.taking.clone());
        if self.fault == Fault::SilentAfterData {
            std::thread::park();
        }
        response::OK
    }

    fn auth_plain(&mut self, _authorization: &str, user: &str, password: &str) -> Response {
        self.taking.user = Some((user.to_owned(), password.to_owned()));
        if password == "right" { response::AUTH_OK } else { response::INVALID_CREDENTIALS }
    }
}

fn converse(
    mut stream: TcpStream,
    security: Security,
    fault: Fault,
    kept: Arc<Mutex<Vec<Taken>>>,
) -> std::io::Result<()> {
    match fault {
        Fault::Silent => std::thread::park(),
        Fault::Flood => loop {
            stream.write_all(b"220-welcome\r\n")?;
        },
        Fault::LongLine => {
            stream.write_all(b"220 ")?;
            stream.write_all(&vec![b'x'; 1 << 20])?;
            std::thread::park();
        }
        _ => {}
    }
    let (from, data) = (String::new(), Vec::new());
    let taking = Taken { from, to: Vec::new(), data, user: None };
    let mut builder = SessionBuilder::new("mail.test");
    if !matches!(security, Security::Plain) {
        // With a mechanism on offer the server takes nothing from whoever has not signed in.
        builder.enable_auth(AuthMechanism::Plain);
    }
    if matches!(security, Security::StartTls(_)) {
        builder.enable_start_tls();
    }
    let mailbox = Mailbox { fault, taking, kept };
    let mut session = builder.build(IpAddr::V4(Ipv4Addr::LOCALHOST), mailbox);
    match security {
        Security::Tls(config) => {
            let mut stream = encrypted(config, stream);
            session.greeting().write_to(&mut stream)?;
            session.tls_active();
            talk(stream, session).map(drop)
        }
        Security::Plain => {
            session.greeting().write_to(&mut stream)?;
            talk(stream, session).map(drop)
        }
        Security::StartTls(config) => {
            session.greeting().write_to(&mut stream)?;
            match talk(stream, session)? {
                Some((stream, mut session)) => {
                    session.tls_active();
                    talk(encrypted(config, stream), session).map(drop)
                }
                None => Ok(()),
            }
        }
    }
}

fn encrypted(config: Arc<ServerConfig>, stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config).expect("a sound configuration"), stream)
}

/// Until one of both leaves; the stream and the session where TLS is to begin.
fn talk<S: Read + Write>(
    stream: S,
    mut session: Session<Mailbox>,
) -> std::io::Result<Option<(S, Session<Mailbox>)>> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let reply = session.process(&line);
        match reply.action {
            Action::NoReply => continue,
            Action::UpgradeTls => {
                reply.write_to(stream.get_mut())?;
                stream.get_mut().flush()?;
                return Ok(Some((stream.into_inner(), session)));
            }
            Action::Close | Action::Reply => {
                reply.write_to(stream.get_mut())?;
                stream.get_mut().flush()?;
                if reply.action == Action::Close {
                    return Ok(None);
                }
            }
        }
    }
}
