//! What whole segments hold by value, kept: a segment never changes, and most who ask for everything ask again.

use super::tally::Values;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use tantivy::index::SegmentId;
use tantivy::{Searcher, SegmentReader};

/// Counts that are kept in all, at four bytes and the named ones with their names: some tens of megabytes at the most.
/// What is beyond them is counted each time.
const VALUES_MAX: usize = 4_000_000;

/// Counts of whole segments by segment and column.
#[derive(Default)]
pub(super) struct Totals(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_column: HashMap<(SegmentId, &'static str), Arc<Values>>,
    values: usize,
}

impl Totals {
    pub(super) fn get(&self, segment: &SegmentReader, column: &'static str) -> Option<Arc<Values>> {
        let kept = self.0.lock().expect("no holder of this lock panics");
        kept.by_column.get(&(segment.segment_id(), column)).cloned()
    }

    pub(super) fn keep(&self, segment: &SegmentReader, column: &'static str, values: &Arc<Values>) {
        let mut kept = self.0.lock().expect("no holder of this lock panics");
        if kept.values + values.kept() > VALUES_MAX {
            return;
        }
        let before = kept.by_column.insert((segment.segment_id(), column), values.clone());
        kept.values = kept.values + values.kept() - before.map_or(0, |before| before.kept());
    }

    /// Lets go of segments that were merged into others.
    pub(super) fn keep_only(&self, searcher: &Searcher) {
        let segments: HashSet<SegmentId> =
            searcher.segment_readers().iter().map(SegmentReader::segment_id).collect();
        let mut kept = self.0.lock().expect("no holder of this lock panics");
        kept.by_column.retain(|(segment, _), _| segments.contains(segment));
        kept.values = kept.by_column.values().map(|values| values.kept()).sum();
    }
}
