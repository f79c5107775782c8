//! The live tail: the newest events that match, a few at a time.

use crate::decode;
use crate::model::{AuditEvent, Entry, EntryKind, EventFilter, Seq};
use crate::search_text::{Document, Query};
use crate::store::StoreError;
use crate::web::pages::events::EventRow;
use crate::web::state::Appliance;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events that one look hands on: about what a person can see pass in a second.
const ROWS_MAX: usize = 20;
/// Entries that one look takes in; what lies further back is passed over.
const ENTRIES_MAX: u64 = 2_000;
/// Bytes of entries that are read in one go.
const READ_BYTES_MAX: usize = 4 << 20;

/// How far a client has followed the log, and what of it it wants.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    /// Which events.
    pub(super) filter: EventFilter,
    /// The search text that finds them.
    pub(super) text: Arc<Query>,
    /// The next entry to look at.
    pub(super) next: Seq,
}

/// What one look found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rows {
    /// The newest that match, the oldest first.
    rows: VecDeque<EventRow>,
    /// How many more matched.
    more: u64,
    /// Whether entries were passed over without a look.
    hurried: bool,
}

impl Rows {
    /// Whether there is anything to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && !self.hurried
    }

    fn take(&mut self, entry: &Entry, event: &AuditEvent<'_>) {
        if self.rows.len() == ROWS_MAX {
            self.rows.pop_front();
            self.more += 1;
        }
        self.rows.push_back(EventRow::new(entry, event));
    }
}

impl Tail {
    /// Looks at what came in since the last look.
    pub(super) fn look(&mut self, app: &Appliance) -> Result<Rows, StoreError> {
        let end = app.store.size();
        let first = Seq(self.next.0.max(end.0.saturating_sub(ENTRIES_MAX)));
        let mut found = Rows { rows: VecDeque::new(), more: 0, hurried: first > self.next };
        self.next = first;
        while self.next < end {
            let blocks = app.store.blocks_from(self.next, READ_BYTES_MAX)?;
            for block in &blocks {
                for read in block.entries_from(self.next) {
                    // A damaged entry is told of by whoever asks for it; the tail goes on.
                    if let Ok(stored) = read {
                        self.look_at(app, &stored.entry, &mut found);
                    }
                    self.next = self.next.next();
                }
            }
            if blocks.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    fn look_at(&self, app: &Appliance, entry: &Entry, found: &mut Rows) {
        if entry.kind != EntryKind::Event {
            return;
        }
        let Ok(event) = decode::stored(&entry.body, entry.received_at) else { return };
        if self.filter.matches(entry, &event) && self.is_found(app, entry, &event) {
            found.take(entry, &event);
        }
    }

    fn is_found(&self, app: &Appliance, entry: &Entry, event: &AuditEvent<'_>) -> bool {
        if self.text.is_everything() {
            return true;
        }
        let Ok(values) = decode::values(&entry.body) else { return false };
        let source = app.keyring.get().name(entry.source);
        self.text.matches(&Document::of_event(entry, event, &source, values))
    }
}
