//! `[intake]`: how much is taken in, by event and by request.

use super::reader::Section;
use crate::decode::Limits;

/// How much is taken in, and how much may wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Intake {
    /// Limits of an event and of a request.
    pub limits: Limits,
    /// Bytes of events that may wait for the writer before a request is answered 429.
    pub queue_bytes_max: usize,
    /// Requests that may wait for the writer before one is answered 429.
    pub queue_requests_max: usize,
    /// Events that each source may send in a second, unless its own setting says otherwise; 0 does not bound them.
    pub events_per_sec_max: u32,
    /// Inputs of one source that were no events and are kept in the log in a minute; 0 keeps none.
    pub keep_rejected_per_minute: u32,
}

impl Intake {
    pub(super) fn read(mut section: Section<'_>) -> Intake {
        let limits = limits(&mut section);
        let queue_bytes_max = section.integer("queue_bytes_max", 67_108_864, 1_048_576..=17_179_869_184);
        let queue_requests_max = section.integer("queue_requests_max", 1_024, 1..=65_536);
        let keep_rejected_per_minute = section.integer("keep_rejected_per_minute", 100, 0..=10_000);
        let events_per_sec_max = section.integer("events_per_sec_max", 0, 0..=10_000_000);
        section.require(
            queue_bytes_max >= limits.body_bytes_max,
            "queue_bytes_max",
            format!("must not be below body_bytes_max ({})", limits.body_bytes_max),
        );
        Intake { limits, queue_bytes_max, queue_requests_max, events_per_sec_max, keep_rejected_per_minute }
    }
}

fn limits(section: &mut Section<'_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        string_chars_max: section.integer("string_chars_max", default.string_chars_max, 1..=1_000_000),
        depth_max: section.integer("depth_max", default.depth_max, 1..=64),
        event_bytes_max: section.integer("event_bytes_max", default.event_bytes_max, 1_024..=16_777_216),
        body_bytes_max: section.integer("body_bytes_max", default.body_bytes_max, 65_536..=1_073_741_824),
        keys_max: section.integer("keys_max", default.keys_max, 8..=100_000),
        key_bytes_max: section.integer("key_bytes_max", default.key_bytes_max, 32..=65_536),
        batch_events_max: section.integer("batch_events_max", default.batch_events_max, 1..=1_000_000),
    };
    section.require(
        limits.body_bytes_max >= limits.event_bytes_max,
        "body_bytes_max",
        format!("must not be below event_bytes_max ({})", limits.event_bytes_max),
    );
    limits
}
