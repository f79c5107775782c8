//! The traces that were kept: the last ones to look at here, and all of them on their way to a collector.

use super::context::TraceId;
use super::export::TraceQueue;
use super::trace::{FinishedTrace, Kept};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Traces kept to look at, of those that were drawn and of those that failed or took long: the many do not push out the
/// few.
const KEPT_MAX: usize = 100;

/// Where kept traces go. Shared.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    last: Arc<Mutex<[VecDeque<Arc<FinishedTrace>>; 2]>>,
    queue: TraceQueue,
}

impl Traces {
    /// Those on their way to a collector go through `queue`.
    pub(super) fn new(queue: TraceQueue) -> Traces {
        Traces { last: Arc::default(), queue }
    }

    pub(super) fn put(&self, trace: FinishedTrace) {
        let trace = Arc::new(trace);
        self.queue.put(trace.clone());
        let mut last = self.last.lock().expect("no holder of this lock panics");
        let ring = &mut last[usize::from(trace.kept != Kept::Sampled)];
        if ring.len() == KEPT_MAX {
            ring.pop_front();
        }
        ring.push_back(trace);
    }

    /// The last ones, the newest first.
    pub fn recent(&self) -> Vec<Arc<FinishedTrace>> {
        let last = self.last.lock().expect("no holder of this lock panics");
        let mut all: Vec<_> = last.iter().flatten().cloned().collect();
        drop(last);
        all.sort_by_key(|trace| std::cmp::Reverse(trace.spans[0].start));
        all
    }

    /// Those of one trace, the newest first.
    pub fn of(&self, id: TraceId) -> Vec<Arc<FinishedTrace>> {
        let mut found = self.recent();
        found.retain(|trace| trace.context.trace_id == id);
        found
    }
}
