//! Messages to systemd's journal, each field as one of its own (systemd's "Native Journal Protocol").

use super::level::LogLevel;
use super::record::{Record, escaped};
use serde_json::Value;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";
/// Bytes of one message; a datagram of the usual system holds more than that.
const BYTES_MAX: usize = 64 << 10;

/// The way to the journal.
pub(super) struct Journal {
    socket: UnixDatagram,
    lost: AtomicU64,
}

impl Journal {
    /// Connects; fails where no journal runs.
    pub(super) fn connect(path: &Path) -> std::io::Result<Journal> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        // Nobody waits for a journal that does not read.
        socket.set_nonblocking(true)?;
        Ok(Journal { socket, lost: AtomicU64::new(0) })
    }

    pub(super) fn write(&self, record: &Record) {
        if self.socket.send(&datagram(record)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Messages that the journal did not take.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The message in the journal's form: `NAME=value` lines.
fn datagram(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    put(&mut bytes, "MESSAGE", &record.message);
    put(&mut bytes, "PRIORITY", priority(record.level));
    put(&mut bytes, "SYSLOG_IDENTIFIER", "sealwatch");
    put(&mut bytes, "TARGET", record.target);
    for (name, value) in &record.fields.0 {
        let value = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        put(&mut bytes, &name_of(name), &value);
    }
    bytes
}

/// Values are in one line, so that the simple form of the protocol does.
fn put(bytes: &mut Vec<u8>, name: &str, value: &str) {
    let line = format!("{name}={}\n", escaped(value));
    if bytes.len() + line.len() <= BYTES_MAX {
        bytes.extend_from_slice(line.as_bytes());
    }
}

fn priority(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Off | LogLevel::Error => "3",
        LogLevel::Warn => "4",
        LogLevel::Info => "6",
        LogLevel::Debug | LogLevel::Trace => "7",
    }
}

/// A field's name as the journal allows it: capitals, digits and `_`, not first. `SEALWATCH_` keeps ours from those
/// that mean something to it.
fn name_of(field: &str) -> String {
    let name: String = field
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .take(54)
        .collect();
    format!("SEALWATCH_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::record::Fields;

    #[test]
    fn each_field_arrives_as_one_of_its_own_and_none_can_make_another() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("journal");
        let receiver = UnixDatagram::bind(&path).expect("a free name");
        let journal = Journal::connect(&path).expect("somebody listens");
        let fields =
            vec![("request_id", "r-1".into()), ("n", 7.into()), ("http.route", "/x\nPRIORITY=0".into())];
        let record = Record {
            time: jiff::Timestamp::UNIX_EPOCH,
            level: LogLevel::Warn,
            target: "sealwatch::web",
            message: "two\nlines".to_owned(),
            fields: Fields(fields),
        };
        journal.write(&record);
        let mut buffer = [0; 1_024];
        let length = receiver.recv(&mut buffer).expect("it came");
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let expected = "MESSAGE=two\\nlines\nPRIORITY=4\nSYSLOG_IDENTIFIER=sealwatch\nTARGET=sealwatch::web\n\
                        SEALWATCH_REQUEST_ID=r-1\nSEALWATCH_N=7\nSEALWATCH_HTTP_ROUTE=/x\\nPRIORITY=0\n";
        assert_eq!(text, expected);
        drop(receiver);
        journal.write(&record);
        assert_eq!(journal.lost(), 1);
    }
}
