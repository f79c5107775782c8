//! `[log]`: how the log is written and cached.

use super::reader::Section;

/// How the writer groups what waits into commits, and how much of the log stays in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Events of one commit; what waits beyond that goes into the next one.
    pub commit_events_max: usize,
    /// Bytes of events of one commit.
    pub commit_bytes_max: usize,
    /// Bytes of the store's page cache.
    pub cache_bytes: usize,
}

impl Log {
    pub(super) fn read(mut section: Section<'_>) -> Log {
        Log {
            commit_events_max: section.integer("commit_events_max", 8_192, 1..=1_000_000),
            commit_bytes_max: section.integer("commit_bytes_max", 8_388_608, 65_536..=268_435_456),
            cache_bytes: section.integer("cache_bytes", 134_217_728, 1_048_576..=68_719_476_736),
        }
    }
}
