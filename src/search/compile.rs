//! From the search text's tree to a query of the index.

use super::complement::Complement;
use super::schema::{Fields, SEPARATOR, address_digits, address_of, micros_and_rest, path_term};
use super::terms::{Terms, Test};
use crate::model::ReceivedAt;
use crate::search_text::{
    AddressTest, Name, Network, NumberRange, PathTest, Pattern, Prose, ProseTest, Query, TimeField,
    TimeRange, address_number,
};
use jiff::Timestamp;
use std::net::IpAddr;
use std::ops::Bound;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, PhraseQuery, Query as IndexQuery, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

pub(super) type Clause = Box<dyn IndexQuery>;

/// Addresses of a network, less one, whose postings are joined; in a wider one each event's own address is
/// looked at.
const NETWORK_WALKED_MAX: u128 = 255;

/// Makes queries for one state of the index.
pub(super) struct Compiler<'f> {
    pub(super) fields: &'f Fields,
    /// Whether any event has a time that is not in whole microseconds.
    pub(super) has_rests: bool,
}

impl Compiler<'_> {
    /// The query that finds what [`Query::matches`] accepts.
    pub(super) fn query(&self, query: &Query) -> Clause {
        match query {
            Query::All(queries) => every(queries.iter().map(|query| self.query(query)).collect()),
            Query::Any(queries) => any(queries.iter().map(|query| self.query(query)).collect()),
            Query::Not(query) => Box::new(Complement { left_out: self.query(query) }),
            Query::Anywhere { phrase, whole } => self.anywhere(phrase, whole),
            Query::Part(pattern) => self.part(pattern),
            Query::Name(name, pattern) => self.name(*name, pattern),
            Query::Address(AddressTest::In(network)) => self.network(*network),
            Query::Address(AddressTest::Written(pattern)) => self.address_written(pattern),
            Query::Prose(field, test) => {
                let field = match field {
                    Prose::Outcome => self.fields.outcome,
                    Prose::Agent => self.fields.agent,
                };
                match test {
                    ProseTest::Phrase(words) => phrase(field, words),
                    ProseTest::Word(pattern) => word(field, pattern),
                }
            }
            Query::RecordCount(range) => self.record_count(range),
            Query::Time(TimeField::At, range) => self.at(range),
            Query::Time(TimeField::Received, range) => self.received(range),
            Query::Path(path, test) => self.path(path, test),
        }
    }

    fn anywhere(&self, words: &[String], whole: &Pattern) -> Clause {
        let texts = [self.fields.text, self.fields.outcome, self.fields.agent];
        let mut clauses: Vec<Clause> = texts.map(|field| phrase(field, words)).into();
        clauses.extend(Name::WHOLE_ANYWHERE.map(|name| self.name(name, whole)));
        let address = whole.as_whole().and_then(|text| text.parse::<IpAddr>().ok()).map(address_number);
        clauses.extend(address.map(|number| self.network(Network { first: number, last: number })));
        any(clauses)
    }

    fn part(&self, pattern: &Pattern) -> Clause {
        let mut clauses = Vec::new();
        if pattern.is_in_one_word() {
            let texts = [self.fields.text, self.fields.outcome, self.fields.agent];
            clauses.extend(texts.map(|field| word(field, pattern)));
        }
        clauses.extend(Name::PART_ANYWHERE.map(|name| self.name(name, pattern)));
        clauses.push(self.address_written(pattern));
        any(clauses)
    }

    fn name(&self, name: Name, pattern: &Pattern) -> Clause {
        let field = self.fields.name(name);
        if let Some(folded) = pattern.as_whole() {
            return Box::new(Terms::beginning(field, format!("{folded}{SEPARATOR}"), None));
        }
        let (beginning, pattern) = (pattern.beginning().to_owned(), pattern.clone());
        let test: Test = Arc::new(move |term| pattern.matches(before_separator(term)));
        Box::new(Terms::beginning(field, beginning, Some(test)))
    }

    fn network(&self, network: Network) -> Clause {
        if network.last - network.first > NETWORK_WALKED_MAX {
            // No term goes on with the last character that there is.
            let last = format!("{}{}", address_digits(network.last), char::MAX);
            let term = |text: &str| Term::from_field_text(self.fields.address, text);
            return range(Included(term(&address_digits(network.first))), Included(term(&last)));
        }
        let end = [address_digits(network.last).as_bytes(), &[0xff]].concat();
        let first = address_digits(network.first);
        Box::new(Terms { field: self.fields.address, first, end, test: None })
    }

    fn address_written(&self, pattern: &Pattern) -> Clause {
        let pattern = pattern.clone();
        let test: Test = Arc::new(move |term| {
            address_of(term).is_some_and(|address| pattern.matches(&address.to_string()))
        });
        Box::new(Terms::beginning(self.fields.address, String::new(), Some(test)))
    }

    fn path(&self, path: &str, test: &PathTest) -> Clause {
        let field = self.fields.path;
        let beginning = match test {
            PathTest::Value(pattern) => {
                if let Some(folded) = pattern.as_whole() {
                    return term(field, &path_term(path, folded));
                }
                pattern.beginning()
            }
            PathTest::Number(_) => "",
        };
        let test = test.clone();
        let matching: Test =
            Arc::new(move |term| term.split_once(SEPARATOR).is_some_and(|(_, folded)| test.matches(folded)));
        Box::new(Terms::beginning(field, path_term(path, beginning), Some(matching)))
    }

    fn record_count(&self, range: &NumberRange) -> Clause {
        let field = self.fields.record_count;
        // 0 and -0 are one number, and the index holds the first.
        let term = |number: &f64| Term::from_field_f64(field, number + 0.0);
        // A range without ends would also find events without a number.
        let low = match range.0.as_ref().map(term) {
            Unbounded => Included(Term::from_field_f64(field, f64::NEG_INFINITY)),
            low => low,
        };
        Box::new(RangeQuery::new(low, range.1.as_ref().map(term)))
    }

    /// Events whose own time lies in the range.
    pub(super) fn at(&self, (low, high): &TimeRange) -> Clause {
        let clauses = [self.at_from(low), self.at_to(high)].into_iter().flatten();
        every(clauses.collect())
    }

    fn at_from(&self, low: &Bound<Timestamp>) -> Option<Clause> {
        let (time, includes) = end_of(low)?;
        let (micros, rest) = micros_and_rest(time);
        let at = |micros| Term::from_field_i64(self.fields.at, micros);
        if includes && rest == 0 {
            return Some(range(Included(at(micros)), Unbounded));
        }
        let later = range(Excluded(at(micros)), Unbounded);
        if !self.has_rests {
            return Some(later);
        }
        let rest = Term::from_field_u64(self.fields.at_rest, rest);
        let rest = if includes { Included(rest) } else { Excluded(rest) };
        Some(any(vec![later, self.within(micros, rest, Unbounded)]))
    }

    fn at_to(&self, high: &Bound<Timestamp>) -> Option<Clause> {
        let (time, includes) = end_of(high)?;
        let (micros, rest) = micros_and_rest(time);
        let at = |micros| Term::from_field_i64(self.fields.at, micros);
        if !self.has_rests {
            let ends = if includes || rest > 0 { Included(at(micros)) } else { Excluded(at(micros)) };
            return Some(range(Unbounded, ends));
        }
        let earlier = range(Unbounded, Excluded(at(micros)));
        let rest = Term::from_field_u64(self.fields.at_rest, rest);
        let rest = if includes { Included(rest) } else { Excluded(rest) };
        Some(any(vec![earlier, self.within(micros, Unbounded, rest)]))
    }

    /// Events of one microsecond, in a part of it.
    fn within(&self, micros: i64, low: Bound<Term>, high: Bound<Term>) -> Clause {
        let at = Term::from_field_i64(self.fields.at, micros);
        let at = range(Included(at.clone()), Included(at));
        every(vec![at, range(low, high)])
    }

    fn received(&self, (low, high): &TimeRange) -> Clause {
        // No entry was received before 1970 or after 64 bits of nanoseconds.
        let nanos = |time: &Timestamp| u64::try_from(time.as_nanosecond());
        let low = match low.as_ref().map(nanos) {
            Unbounded => Unbounded,
            Included(Ok(nanos)) => Included(ReceivedAt(nanos)),
            Excluded(Ok(nanos)) => Excluded(ReceivedAt(nanos)),
            Included(Err(_)) | Excluded(Err(_)) if is_before_1970(low) => Unbounded,
            Included(Err(_)) | Excluded(Err(_)) => return Box::new(EmptyQuery),
        };
        let high = match high.as_ref().map(nanos) {
            Unbounded => Unbounded,
            Included(Ok(nanos)) => Included(ReceivedAt(nanos)),
            Excluded(Ok(nanos)) => Excluded(ReceivedAt(nanos)),
            Included(Err(_)) | Excluded(Err(_)) if is_before_1970(high) => return Box::new(EmptyQuery),
            Included(Err(_)) | Excluded(Err(_)) => Unbounded,
        };
        self.received_between(low, high)
    }

    /// Events that were taken in between the two.
    pub(super) fn received_between(&self, low: Bound<ReceivedAt>, high: Bound<ReceivedAt>) -> Clause {
        if (low, high) == (Unbounded, Unbounded) {
            return Box::new(AllQuery);
        }
        let term = |time: ReceivedAt| Term::from_field_u64(self.fields.received, time.0);
        range(low.map(term), high.map(term))
    }
}

fn is_before_1970(bound: &Bound<Timestamp>) -> bool {
    end_of(bound).is_some_and(|(time, _)| time < Timestamp::UNIX_EPOCH)
}

fn end_of(bound: &Bound<Timestamp>) -> Option<(Timestamp, bool)> {
    match bound {
        Included(time) => Some((*time, true)),
        Excluded(time) => Some((*time, false)),
        Unbounded => None,
    }
}

fn range(low: Bound<Term>, high: Bound<Term>) -> Clause {
    Box::new(RangeQuery::new(low, high))
}

fn before_separator(term: &str) -> &str {
    term.split_once(SEPARATOR).map_or(term, |(folded, _)| folded)
}

/// The very term.
pub(super) fn term(field: Field, text: &str) -> Clause {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

fn word(field: Field, pattern: &Pattern) -> Clause {
    let (beginning, pattern) = (pattern.beginning().to_owned(), pattern.clone());
    Box::new(Terms::beginning(field, beginning, Some(Arc::new(move |word| pattern.matches(word)))))
}

fn phrase(field: Field, words: &[String]) -> Clause {
    let terms: Vec<Term> = words.iter().map(|word| Term::from_field_text(field, word)).collect();
    match &terms[..] {
        [] => Box::new(EmptyQuery),
        [word] => Box::new(TermQuery::new(word.clone(), IndexRecordOption::WithFreqs)),
        _ => Box::new(PhraseQuery::new(terms)),
    }
}

/// What all of them leave; of none, everything.
pub(super) fn every(mut clauses: Vec<Clause>) -> Clause {
    match clauses.len() {
        0 => Box::new(AllQuery),
        1 => clauses.remove(0),
        _ => Box::new(BooleanQuery::intersection(clauses)),
    }
}

/// What at least one of them finds.
pub(super) fn any(mut clauses: Vec<Clause>) -> Clause {
    match clauses.len() {
        0 => Box::new(EmptyQuery),
        1 => clauses.remove(0),
        _ => Box::new(BooleanQuery::union(clauses)),
    }
}
