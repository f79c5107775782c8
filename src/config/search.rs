//! `[search]`: the index of all events.

use super::reader::Section;

/// How the search index is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Bytes that it may take in memory before they are written.
    pub memory_bytes: usize,
}

impl Search {
    pub(super) fn read(mut section: Section<'_>) -> Search {
        Search { memory_bytes: section.integer("memory_bytes", 50_000_000, 15_000_000..=4_000_000_000) }
    }
}
