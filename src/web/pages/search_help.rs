//! What the help tells of search texts: made of the language's own tables, with examples that are links.

use super::address::address;
use super::words;
use crate::search_text::{Field, Name, Prose, TimeField, limits};

/// Where the examples lead.
const SEARCH_PAGE: &str = "/search";

/// A search text that can be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// It.
    pub text: &'static str,
    /// What it finds.
    pub finds: &'static str,
    /// What it leads to.
    pub href: String,
}

/// A field that has names of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldHelp {
    /// The name that is quickest to type.
    pub name: &'static str,
    /// Its other names.
    pub others: String,
    /// What stands in it, and how it is compared.
    pub holds: &'static str,
    /// A search text with it.
    pub example: &'static str,
    /// What that leads to.
    pub href: String,
}

/// The language by example.
pub fn examples() -> Vec<Example> {
    let example = |(text, finds)| Example { text, finds, href: href(text) };
    EXAMPLES.into_iter().map(example).collect()
}

/// Every field, and how it is compared.
pub fn fields() -> Vec<FieldHelp> {
    let field = |field: Field| {
        let (holds, example) = about(field);
        let names = field.names();
        FieldHelp { name: names[0], others: names[1..].join(", "), holds, example, href: href(example) }
    };
    Field::all().map(field).collect()
}

/// How large a search text may be, in sentences.
pub fn bounds() -> [String; 4] {
    let count = |number: usize| words::count(number as u64);
    [
        format!(
            "A text may have {} characters and {} terms, in parentheses {} deep.",
            count(limits::TEXT_CHARS_MAX),
            limits::CLAUSES_MAX,
            limits::DEPTH_MAX
        ),
        format!(
            "A value may have {} stars, the name of a field {} characters.",
            limits::STARS_MAX,
            limits::FIELD_CHARS_MAX
        ),
        format!(
            "Of a word the first {} characters count, of a name, an id or any other value {}.",
            limits::WORD_CHARS_MAX,
            limits::VALUE_CHARS_MAX
        ),
        "Hash and signature are not looked through. What came in a moment ago is found within two seconds."
            .to_owned(),
    ]
}

fn href(text: &str) -> String {
    address(SEARCH_PAGE, [("q", text)])
}

const EXAMPLES: [(&str, &str); 14] = [
    (
        "alice",
        "the word in any text, in small letters or capitals, or a whole session, correlation or event id",
    ),
    ("access denied", "both words, wherever they stand"),
    ("\"access denied\"", "the words directly one after the other"),
    ("principal:alice", "alice and nobody else: the whole value, not a part of it"),
    ("principal:alice*", "every principal whose name begins so"),
    ("resource:*invoice*", "a part of an id or a path: a star stands for any characters"),
    ("alice OR bob", "at least one of the two"),
    ("-status:success", "everything but that; NOT says the same as the minus sign"),
    (
        "(action:data.* OR action:fhir.*) -org:acme",
        "parentheses hold together; all that stands side by side must fit",
    ),
    ("ip:10.0.0.0/8", "addresses of a network, in IPv4 and IPv6"),
    ("recordCount:>100", "numbers above, below (<, <=, >=) or between (10..20)"),
    ("at:2026-01-01..2026-01-31", "times within, both days included; without a zone they are UTC"),
    ("details.ward:W7", "any other value by its path in the event"),
    ("principal:alice action:data.* status:failure \"access denied\"", "all of it together"),
];

fn about(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Name(Name::Principal) => ("Who did it; of an alert, whom it is about", "principal:alice"),
        Field::Name(Name::Organization) => ("Whose it is", "org:acme"),
        Field::Name(Name::Action) => ("What was done", "action:data.*"),
        Field::Name(Name::Status) => {
            ("How it ended: attempt, success, failure; of an alert, where it stands", "status:failure")
        }
        Field::Name(Name::Type) => ("The kind of what it was done to; of an alert, its area", "type:Patient"),
        Field::Name(Name::Resource) => ("The id or path of what it was done to", "resource:*2026*"),
        Field::Name(Name::Session) => ("The session’s id", "session:s-1"),
        Field::Name(Name::Classification) => {
            ("How sensitive: PUBLIC, INTERNAL, CONFIDENTIAL, PHI", "classification:PHI")
        }
        Field::Name(Name::Policy) => ("The retention policy", "policy:standard"),
        Field::Name(Name::Correlation) => ("The correlation id", "correlation:c-1"),
        Field::Name(Name::Verdict) => (
            "What checking the seal found: verified, unsigned, hash_mismatch and so on",
            "verdict:hash_mismatch",
        ),
        Field::Name(Name::Source) => ("The API key that sent it, by name", "source:ward*"),
        Field::Name(Name::Id) => ("The event’s or alert’s id", "id:01a20b6c*"),
        Field::Address => ("The address: whole, as a network, or a part with stars", "ip:10.0.0.0/8"),
        Field::Prose(Prose::Outcome) => ("What came of it, read as words", "outcome:\"access denied\""),
        Field::Prose(Prose::Agent) => ("The program that was used, read as words", "agent:firefox"),
        Field::RecordCount => ("How many records, as a number or a range", "recordCount:10..500"),
        Field::Time(TimeField::At) => {
            ("When it happened; of an alert, when it was raised", "at:>=2026-01-31")
        }
        Field::Time(TimeField::Received) => ("When it was taken in", "received:>2026-01-31T12:00:00Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search_text::{self, Query};

    #[test]
    fn every_example_can_be_read_and_leads_to_what_it_finds() {
        let all = examples().into_iter().map(|example| (example.text, example.href));
        for (text, href) in all.chain(fields().into_iter().map(|field| (field.example, field.href))) {
            let query = search_text::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert!(!query.is_everything(), "{text}");
            assert_eq!(href, address(SEARCH_PAGE, [("q", text)]));
        }
    }

    #[test]
    fn every_field_is_told_by_a_text_that_asks_for_it_alone() {
        for field in fields() {
            assert!(field.example.starts_with(&format!("{}:", field.name)), "{field:?}");
            // What has no name of its own would be a path into the event.
            let query = search_text::parse(field.example).expect("it can be read");
            assert!(!matches!(query, Query::Path(..) | Query::All(_) | Query::Any(_)), "{field:?}");
            for other in field.others.split(", ").filter(|other| !other.is_empty()) {
                let said_otherwise = field.example.replacen(field.name, other, 1);
                assert_eq!(search_text::parse(&said_otherwise), Ok(query.clone()), "{said_otherwise}");
            }
        }
    }

    #[test]
    fn the_bounds_are_those_of_the_parser() {
        let told = bounds().concat();
        for number in ["2,000", "100 terms", "20 deep", "8 stars", "256", "64", "512"] {
            assert!(told.contains(number), "{number}: {told}");
        }
        assert!(
            search_text::parse(&"x".repeat(2_001)).is_err() && search_text::parse(&"x".repeat(2_000)).is_ok()
        );
    }
}
