//! The lines of all events that match, in the order of the log, the last received first.
//!
//! With a search text the index says which; without one the log is walked. Either way the walk goes down from
//! where the log ended at the beginning, so what comes in meanwhile changes nothing.

use super::csv::push_line;
use super::{Format, Rows};
use crate::decode;
use crate::keys::Keyring;
use crate::model::{EventCursor, EventFilter, EventOrder, EventQuery, Seq, Stored, organization_of};
use crate::search_text::Query;
use crate::store::{Damaged, Read};
use crate::web::error::Problem;
use crate::web::state::Appliance;
use crate::web::view;
use serde::Serialize;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Hits that one search of the index gives; each search counts all of them, so few is slow.
const HITS_MAX: usize = 10_000;
/// Bytes of one piece of events that the index found, about.
const PIECE_BYTES_MAX: usize = 512 << 10;
/// How long one such piece may take, where each event lies in a block of its own.
const PIECE_TIME_MAX: Duration = Duration::from_millis(500);

/// The columns of the table. A damaged entry has its number and `damaged` for its integrity, and nothing else.
const COLUMNS: [&str; 20] = [
    "id",
    "seq",
    "timestamp",
    "receivedAt",
    "action",
    "status",
    "principalId",
    "organizationId",
    "targetResourceType",
    "targetResourceId",
    "outcomeDescription",
    "dataClassification",
    "retentionPolicy",
    "recordCount",
    "correlationId",
    "ipAddress",
    "sessionId",
    "userAgent",
    "source",
    "integrity",
];

pub(super) struct EventRows {
    format: Format,
    filter: EventFilter,
    text: Query,
    /// What is still to come lies below.
    below: Seq,
    /// What the index has found of it, the next one first.
    hits: VecDeque<Seq>,
    has_header: bool,
}

impl EventRows {
    pub(super) fn new(format: Format, filter: EventFilter, text: Query, end: Seq) -> EventRows {
        let has_header = format != Format::Csv;
        EventRows { format, filter, text, below: end, hits: VecDeque::new(), has_header }
    }

    fn push_found(&mut self, app: &Appliance, ring: &Keyring, piece: &mut Vec<u8>) -> Result<(), Problem> {
        if self.hits.is_empty() {
            let query = EventQuery {
                filter: self.filter.clone(),
                order: EventOrder::ReceivedAt,
                descending: true,
                offset: 0,
                limit: HITS_MAX,
                // By receipt, entries stand in the order of their numbers, and those alone tell the place.
                after: Some(EventCursor { nanos: 0, seq: self.below.0 }),
            };
            let found = app.search.events(&self.text, &query)?;
            self.hits = found.hits.iter().map(|hit| Seq(hit.seq)).collect();
            self.below = match self.hits.back() {
                Some(last) if found.has_next => *last,
                _ => Seq(0),
            };
        }
        let started = Instant::now();
        let is_full = |piece: &Vec<u8>| piece.len() >= PIECE_BYTES_MAX || started.elapsed() > PIECE_TIME_MAX;
        while let Some(seq) = self.hits.front().filter(|_| !is_full(piece)) {
            if let Some(read) = app.store.entry(*seq)? {
                self.push_read(&read, ring, piece);
            }
            self.hits.pop_front();
        }
        Ok(())
    }

    fn push_read(&self, read: &Read, ring: &Keyring, piece: &mut Vec<u8>) {
        match (read, self.format) {
            (Ok(stored), Format::Ndjson) => {
                let source = ring.name(stored.entry.source);
                piece.extend_from_slice(view::event_json(stored, &source).get().as_bytes());
                piece.push(b'\n');
            }
            (Ok(stored), Format::Csv) => push_event(stored, &ring.name(stored.entry.source), piece),
            (Err(damaged), Format::Ndjson) => push_json_line(&DamagedLine::from(damaged), piece),
            (Err(damaged), Format::Csv) => push_unread(damaged.seq, piece),
        }
    }
}

impl Rows for EventRows {
    fn push(&mut self, app: &Appliance, piece: &mut Vec<u8>) -> Result<(), Problem> {
        if !self.has_header {
            push_line(piece, COLUMNS);
            self.has_header = true;
        }
        let ring = app.keyring.get();
        if !self.text.is_everything() {
            return self.push_found(app, &ring, piece);
        }
        let walked = app.store.events_below(&self.filter, self.below)?;
        self.below = walked.below;
        walked.found.iter().for_each(|read| self.push_read(read, &ring, piece));
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.below == Seq(0) && self.hits.is_empty()
    }
}

/// What stands in the place of an entry that cannot be read.
#[derive(Serialize)]
struct DamagedLine {
    damaged: DamagedEntry,
}

#[derive(Serialize)]
struct DamagedEntry {
    seq: u64,
    message: String,
}

impl From<&Damaged> for DamagedLine {
    fn from(damaged: &Damaged) -> DamagedLine {
        DamagedLine { damaged: DamagedEntry { seq: damaged.seq.0, message: damaged.to_string() } }
    }
}

pub(super) fn push_json_line(line: &impl Serialize, piece: &mut Vec<u8>) {
    serde_json::to_writer(&mut *piece, line).expect("it has only string keys");
    piece.push(b'\n');
}

fn push_unread(seq: Seq, piece: &mut Vec<u8>) {
    let seq = seq.to_string();
    push_line(
        piece,
        COLUMNS.map(|column| match column {
            "seq" => &*seq,
            "integrity" => "damaged",
            _ => "",
        }),
    );
}

fn push_event(stored: &Stored, source: &str, piece: &mut Vec<u8>) {
    let entry = &stored.entry;
    let Ok(event) = decode::stored(&entry.body, entry.received_at) else {
        return push_unread(entry.seq, piece);
    };
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
    let session = event.session.clone().unwrap_or_default();
    let time = event.timestamp_text.as_deref().map_or_else(|| event.timestamp.to_string(), str::to_owned);
    let cells: [String; COLUMNS.len()] = [
        entry.id.to_string(),
        entry.seq.to_string(),
        time,
        view::instant(entry.received_at),
        event.action.to_string(),
        event.status.name().to_owned(),
        text(&event.principal_id),
        organization_of(entry, &event).unwrap_or_default().to_owned(),
        text(&event.target_resource_type),
        text(&event.target_resource_id),
        text(&event.outcome_description),
        event.classification.name().to_owned(),
        event.retention_policy.to_string(),
        event.record_count.map(|count| count.to_string()).unwrap_or_default(),
        text(&event.correlation_id),
        text(&session.ip_address),
        text(&session.session_id),
        text(&session.user_agent),
        source.to_owned(),
        entry.verdict.name().to_owned(),
    ];
    push_line(piece, cells.iter().map(String::as_str));
}
