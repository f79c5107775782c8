//! A small blocking HTTP/1.1 client that can also say what no well-behaved one would.

use serde_json::Value;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a test waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header of that name, which is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same reply, once its status is the one expected.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{self}");
        self
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(2_000).collect();
        write!(f, "{} {text}", self.status)
    }
}

/// One appliance's address, and what every request to it carries.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) address: String,
    headers: Vec<(String, String)>,
}

impl Client {
    pub(crate) fn new(address: &str) -> Client {
        Client { address: address.to_owned(), headers: Vec::new() }
    }

    /// The same for an appliance that answers elsewhere now.
    pub(crate) fn at(&self, address: &str) -> Client {
        Client { address: address.to_owned(), headers: self.headers.clone() }
    }

    /// The same with another header on each request.
    pub(crate) fn with(&self, name: &str, value: &str) -> Client {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub(crate) fn with_key(&self, key: &str) -> Client {
        self.with("X-API-Key", key)
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call("GET", path, b"")
    }

    /// Posts JSON.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_text(path, &body.to_string())
    }

    /// Posts a text that is said to be JSON.
    #[track_caller]
    pub(crate) fn post_text(&self, path: &str, body: &str) -> Reply {
        self.post_as(path, "application/json", body.as_bytes())
    }

    #[track_caller]
    pub(crate) fn post_as(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        self.with("Content-Type", content_type).call("POST", path, body)
    }

    #[track_caller]
    pub(crate) fn call(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        self.try_call(method, path, body).unwrap_or_else(|error| panic!("{method} {path:.200}: {error}"))
    }

    /// The same where the appliance may die over it.
    pub(crate) fn try_call(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Reply> {
        let mut request = self.head(method, path);
        request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        exchange(&self.address, &[request.as_bytes(), body])
    }

    /// The request line and the headers, but for those that tell the body's length.
    pub(crate) fn head(&self, method: &str, path: &str) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head
    }
}

/// Writes the parts and reads one reply. A server may answer before it has read everything and close: what
/// could not be written is no failure as long as a reply comes.
pub(crate) fn exchange(address: &str, parts: &[&[u8]]) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let written = parts.iter().try_for_each(|part| stream.write_all(part));
    read_reply(&mut BufReader::new(&mut stream)).map_err(|error| written.err().unwrap_or(error))
}

/// Writes the parts, says that no more will come, and reads one reply.
pub(crate) fn exchange_and_hang_up(address: &str, parts: &[&[u8]]) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    parts.iter().try_for_each(|part| stream.write_all(part))?;
    stream.shutdown(std::net::Shutdown::Write)?;
    read_reply(&mut BufReader::new(&mut stream))
}

/// Reads one reply; interim ones are passed over.
pub(crate) fn read_reply(stream: &mut impl BufRead) -> io::Result<Reply> {
    loop {
        let reply = read_one(stream)?;
        if reply.status >= 200 {
            return Ok(reply);
        }
    }
}

fn read_one(stream: &mut impl BufRead) -> io::Result<Reply> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let status = read_line(stream)?;
    let status =
        status.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| broken("no status"))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut reply = Reply { status, headers, body: Vec::new() };
    if status < 200 || status == 204 || status == 304 {
        return Ok(reply);
    }
    if reply.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        loop {
            let size = read_line(stream)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| broken("no size of a chunk"))?;
            let start = reply.body.len();
            reply.body.resize(start + size, 0);
            stream.read_exact(&mut reply.body[start..])?;
            read_line(stream)?;
            if size == 0 {
                return Ok(reply);
            }
        }
    }
    match reply.header("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => {
            reply.body.resize(length, 0);
            stream.read_exact(&mut reply.body)?;
        }
        None => drop(stream.read_to_end(&mut reply.body)?),
    }
    Ok(reply)
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended"));
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// A text as it stands in an address.
pub(crate) fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
