//! `[log]`: how the log is written and cached.

use super::reader::Section;
use std::path::PathBuf;

/// How the writer groups what waits into commits, and how much of the log stays in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Events of one commit; what waits beyond that goes into the next one.
    pub commit_events_max: usize,
    /// Bytes of events of one commit.
    pub commit_bytes_max: usize,
    /// Bytes of the store's page cache.
    pub cache_bytes: usize,
    /// The name under which the log's checkpoints are signed; empty is the host's name and the log's id.
    pub origin: String,
    /// The longest that an entry waits for a checkpoint that covers it.
    pub checkpoint_secs: u64,
    /// Hours from one check of the whole log to the next; 0 is never.
    pub check_hours: u64,
    /// Bytes of the log that such a check reads in a second.
    pub check_bytes_per_sec: u64,
    /// systemd's directory of credentials, where the key that signs checkpoints may lie.
    pub credentials: Option<PathBuf>,
}

impl Log {
    pub(super) fn read(mut section: Section<'_>) -> Log {
        Log {
            commit_events_max: section.integer("commit_events_max", 8_192, 1..=1_000_000),
            commit_bytes_max: section.integer("commit_bytes_max", 8_388_608, 65_536..=268_435_456),
            cache_bytes: section.integer("cache_bytes", 134_217_728, 1_048_576..=68_719_476_736),
            origin: section.text(
                "origin",
                "a name without spaces, plus signs and control characters, such as \"seal.example/log\"",
                String::new(),
                |text| is_origin(text).then(|| text.to_owned()),
                String::clone,
            ),
            checkpoint_secs: section.integer("checkpoint_secs", 10, 1..=60),
            check_hours: section.integer("check_hours", 24, 0..=8_760),
            check_bytes_per_sec: section.integer(
                "check_bytes_per_sec",
                20_971_520,
                65_536..=1_099_511_627_776,
            ),
            credentials: None,
        }
    }
}

/// What C2SP signed-note allows as the name of a key; the empty text stands for the default.
fn is_origin(text: &str) -> bool {
    text.len() <= 200 && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}
