//! Whether one event or alert is what a search looks for: the plain meaning of the language.

use super::document::Document;
use super::pattern::Pattern;
use super::query::{AddressTest, Name, PathTest, Prose, ProseTest, Query, TimeField};
use super::words::{address_number, folded, is_in_one_word, words};
use std::ops::RangeBounds;

impl Query {
    /// Whether it is found.
    pub fn matches(&self, document: &Document<'_>) -> bool {
        match self {
            Query::All(queries) => queries.iter().all(|query| query.matches(document)),
            Query::Any(queries) => queries.iter().any(|query| query.matches(document)),
            Query::Not(query) => !query.matches(document),
            Query::Anywhere { phrase, whole } => {
                document.every_text().any(|text| has_phrase(text, phrase))
                    || Name::WHOLE_ANYWHERE.into_iter().any(|name| document.has(name, whole))
                    || whole.as_whole().is_some_and(|text| document.is_at(text))
            }
            Query::Part(pattern) => {
                let in_words = pattern.is_in_one_word()
                    && document.every_text().any(|text| words(text).any(|word| pattern.matches(&word)));
                in_words
                    || Name::PART_ANYWHERE.into_iter().any(|name| document.has(name, pattern))
                    || document.is_written(pattern)
            }
            Query::Name(name, pattern) => document.has(*name, pattern),
            Query::Address(AddressTest::Written(pattern)) => document.is_written(pattern),
            Query::Address(AddressTest::In(network)) => {
                document.address.as_ref().is_some_and(|(address, _)| {
                    (network.first..=network.last).contains(&address_number(*address))
                })
            }
            Query::Prose(field, test) => document.prose(*field).is_some_and(|text| match test {
                ProseTest::Phrase(phrase) => has_phrase(text, phrase),
                ProseTest::Word(pattern) => words(text).any(|word| pattern.matches(&word)),
            }),
            Query::RecordCount(range) => document.record_count.is_some_and(|count| range.contains(&count)),
            Query::Time(TimeField::At, range) => range.contains(&document.at),
            Query::Time(TimeField::Received, range) => range.contains(&document.received.timestamp()),
            Query::Path(path, test) => {
                document.values.iter().any(|field| field.path == *path && test.matches(&folded(&field.value)))
            }
        }
    }
}

impl PathTest {
    /// Whether a folded value is one of those looked for.
    pub fn matches(&self, folded: &str) -> bool {
        match self {
            PathTest::Value(pattern) => pattern.matches(folded),
            PathTest::Number(range) => folded.parse().is_ok_and(|number: f64| range.contains(&number)),
        }
    }
}

impl Pattern {
    /// Whether a single word can be meant.
    pub fn is_in_one_word(&self) -> bool {
        self.pieces().iter().all(|piece| is_in_one_word(piece))
    }
}

impl Document<'_> {
    fn has(&self, name: Name, pattern: &Pattern) -> bool {
        self.name(name).is_some_and(|value| pattern.matches(&folded(value)))
    }

    fn is_at(&self, text: &str) -> bool {
        self.address.as_ref().is_some_and(|(address, _)| {
            text.parse().is_ok_and(|wanted| address_number(wanted) == address_number(*address))
        })
    }

    fn is_written(&self, pattern: &Pattern) -> bool {
        self.address.as_ref().is_some_and(|(address, _)| pattern.matches(&address.to_canonical().to_string()))
    }

    fn prose(&self, field: Prose) -> Option<&str> {
        match field {
            Prose::Outcome => self.outcome.as_deref(),
            Prose::Agent => self.agent.as_deref(),
        }
    }

    fn every_text(&self) -> impl Iterator<Item = &str> {
        let prose = [self.outcome.as_deref(), self.agent.as_deref()];
        self.texts.iter().map(AsRef::as_ref).chain(prose.into_iter().flatten())
    }
}

fn has_phrase(text: &str, phrase: &[String]) -> bool {
    if let [word] = phrase {
        return words(text).any(|found| found == *word);
    }
    let words: Vec<String> = words(text).collect();
    words.windows(phrase.len().max(1)).any(|window| window == phrase)
}
