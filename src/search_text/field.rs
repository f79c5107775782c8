//! The fields that have names of their own in a search text; every other name is a path into the event.

use super::query::{Name, Prose, TimeField};

/// A field that can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A name or an id, compared as a whole.
    Name(Name),
    /// The address.
    Address,
    /// A text, read as words.
    Prose(Prose),
    /// How many records.
    RecordCount,
    /// A time.
    Time(TimeField),
}

impl Field {
    /// Every one.
    pub fn all() -> impl Iterator<Item = Field> {
        let others = [
            Field::Address,
            Field::Prose(Prose::Outcome),
            Field::Prose(Prose::Agent),
            Field::RecordCount,
            Field::Time(TimeField::At),
            Field::Time(TimeField::Received),
        ];
        Name::ALL.into_iter().map(Field::Name).chain(others)
    }

    /// The field of that name, in any case.
    pub(super) fn from_name(name: &str) -> Option<Field> {
        Field::all().find(|field| field.names().iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// What it is called: first the shortest, then the event's own names.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Field::Name(name) => name.names(),
            Field::Address => &["ip", "ipAddress", "sessionContext.ipAddress"],
            Field::Prose(Prose::Outcome) => &["outcome", "outcomeDescription"],
            Field::Prose(Prose::Agent) => &["agent", "userAgent", "sessionContext.userAgent"],
            Field::RecordCount => &["recordCount"],
            Field::Time(TimeField::At) => &["at", "timestamp"],
            Field::Time(TimeField::Received) => &["received", "receivedAt"],
        }
    }
}
