//! What is looked for, as a closed tree.

use super::pattern::Pattern;
use jiff::Timestamp;
use std::ops::Bound;

/// A search. The parser makes it; it is evaluated on one [`Document`](super::Document), or by the index on
/// all.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Each of them; of none, everything.
    All(Vec<Query>),
    /// At least one of them.
    Any(Vec<Query>),
    /// Whatever this one leaves.
    Not(Box<Query>),
    /// Words one after the other in any text, or a whole id or address.
    Anywhere {
        /// The words, folded.
        phrase: Vec<String>,
        /// The text itself.
        whole: Pattern,
    },
    /// A text with stars: of a word, or of a whole name.
    Part(Pattern),
    /// A name.
    Name(Name, Pattern),
    /// An address.
    Address(AddressTest),
    /// A field that is read as prose.
    Prose(Prose, ProseTest),
    /// How many records.
    RecordCount(NumberRange),
    /// When.
    Time(TimeField, TimeRange),
    /// Any other field: its folded path, with dots.
    Path(String, PathTest),
}

impl Query {
    /// What finds everything.
    pub fn everything() -> Query {
        Query::All(Vec::new())
    }

    /// Whether nothing restricts.
    pub fn is_everything(&self) -> bool {
        matches!(self, Query::All(queries) if queries.is_empty())
    }
}

/// Fields that hold names and ids: each has one value, compared as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// Who did it; of an alert, whom it is about.
    Principal,
    /// Whose it is.
    Organization,
    /// What was done.
    Action,
    /// How it ended; of an alert, where it stands.
    Status,
    /// The kind of what it was done to; of an alert, its area.
    Type,
    /// What it was done to.
    Resource,
    /// The session.
    Session,
    /// How sensitive.
    Classification,
    /// The retention policy.
    Policy,
    /// The correlation id.
    Correlation,
    /// What checking the integrity found.
    Verdict,
    /// Who sent it.
    Source,
    /// The id.
    Id,
}

impl Name {
    /// Every one, in the order of the enumeration.
    pub const ALL: [Name; 13] = [
        Name::Principal,
        Name::Organization,
        Name::Action,
        Name::Status,
        Name::Type,
        Name::Resource,
        Name::Session,
        Name::Classification,
        Name::Policy,
        Name::Correlation,
        Name::Verdict,
        Name::Source,
        Name::Id,
    ];
    /// Where a text without a field is also looked for as a whole.
    pub const WHOLE_ANYWHERE: [Name; 3] = [Name::Session, Name::Correlation, Name::Id];
    /// Where a text with stars and without a field is looked for.
    pub const PART_ANYWHERE: [Name; 5] =
        [Name::Principal, Name::Organization, Name::Action, Name::Type, Name::Resource];

    /// What it is called in a search text.
    pub fn name(self) -> &'static str {
        self.names()[0]
    }

    /// The same, and behind it the event's own names.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Name::Principal => &["principal", "principalId"],
            Name::Organization => &["org", "organization", "organizationId"],
            Name::Action => &["action"],
            Name::Status => &["status"],
            Name::Type => &["type", "targetResourceType"],
            Name::Resource => &["resource", "targetResourceId"],
            Name::Session => &["session", "sessionId", "sessionContext.sessionId"],
            Name::Classification => &["classification", "dataClassification"],
            Name::Policy => &["policy", "retentionPolicy"],
            Name::Correlation => &["correlation", "correlationId"],
            Name::Verdict => &["verdict"],
            Name::Source => &["source"],
            Name::Id => &["id"],
        }
    }
}

/// Fields that are read as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prose {
    /// What came of it.
    Outcome,
    /// The program that the principal used.
    Agent,
}

/// What is looked for in prose.
#[derive(Clone, Debug, PartialEq)]
pub enum ProseTest {
    /// Words one after the other, folded.
    Phrase(Vec<String>),
    /// One word with stars.
    Word(Pattern),
}

/// Which addresses.
#[derive(Clone, Debug, PartialEq)]
pub enum AddressTest {
    /// Those of a network; one address is a network of its own.
    In(Network),
    /// Those that are written so.
    Written(Pattern),
}

/// A run of addresses by [`address_number`](super::address_number), both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The lowest.
    pub first: u128,
    /// The highest.
    pub last: u128,
}

/// Times that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeField {
    /// When it happened; of an alert, when it was raised.
    At,
    /// When the appliance took it in.
    Received,
}

/// A run of times.
pub type TimeRange = (Bound<Timestamp>, Bound<Timestamp>);

/// A run of numbers; none of its ends is a NaN.
pub type NumberRange = (Bound<f64>, Bound<f64>);

/// What is looked for at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum PathTest {
    /// The value, as it is written.
    Value(Pattern),
    /// The number.
    Number(NumberRange),
}
