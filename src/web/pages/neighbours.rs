//! What happened around an event in the same session, or under the same correlation id.

use super::address::address;
use super::events::EventRow;
use crate::model::{AuditEvent, Stored};
use crate::search_text::quoted;

/// Events that are shown before the event, and as many after it.
pub const NEIGHBOURS_EACH: usize = 4;

/// What the page shows of an event's neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Those before it and after it with itself between, by time.
    pub rows: Vec<NeighbourRow>,
    /// All of its session, and all of its correlation id: address and words.
    pub lists: Vec<(String, &'static str)>,
    /// Whether the index that finds them was there.
    pub searched: bool,
}

/// One event of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourRow {
    /// It.
    pub event: EventRow,
    /// Whether it is the event of the page.
    pub is_this: bool,
}

/// What ties events together; empty ids tie nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ties<'a> {
    /// The session.
    pub session: Option<&'a str>,
    /// The correlation id.
    pub correlation: Option<&'a str>,
}

impl<'a> Ties<'a> {
    /// Those of an event; nothing where it has none.
    pub fn of(event: &'a AuditEvent<'_>) -> Option<Ties<'a>> {
        let filled = |id: Option<&'a str>| id.filter(|id| !id.is_empty());
        let session = event.session.as_ref().and_then(|session| session.session_id.as_deref());
        let ties = Ties { session: filled(session), correlation: filled(event.correlation_id.as_deref()) };
        (ties.session.is_some() || ties.correlation.is_some()).then_some(ties)
    }
}

impl Neighbours {
    /// Around `this`: `earlier` from the newest back, `later` from the oldest on; nothing of both where nobody looked.
    pub fn new(
        ties: Ties<'_>,
        this: (&Stored, &AuditEvent<'_>),
        found: Option<(Vec<EventRow>, Vec<EventRow>)>,
    ) -> Neighbours {
        let searched = found.is_some();
        let (earlier, later) = found.unwrap_or_default();
        let other = |event| NeighbourRow { event, is_this: false };
        let itself = NeighbourRow { event: EventRow::new(&this.0.entry, this.1), is_this: true };
        let is_alone = earlier.is_empty() && later.is_empty();
        let rows = earlier.into_iter().rev().map(other);
        let rows = rows.chain([itself]).chain(later.into_iter().map(other));
        let session = ties.session.map(|id| format!("session:{}", quoted(id)));
        let lists = [
            session.map(|text| (address("/events", [("q", text.as_str())]), "All of this session")),
            ties.correlation
                .map(|id| (address("/events", [("correlation", id)]), "All with this correlation id")),
        ];
        Neighbours {
            rows: if is_alone { Vec::new() } else { rows.collect() },
            lists: lists.into_iter().flatten().collect(),
            searched,
        }
    }
}
