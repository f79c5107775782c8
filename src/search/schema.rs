//! The fields of the index, and an event as it stands in them.
//!
//! A name is one term: the folded value ‖ NUL ‖ the value as written where it differs. So one term serves
//! whoever looks without regard to case and whoever wants the very name, such as the caller's scope. An
//! address begins with the 32 hex digits of its number, which keeps networks together; a value by its path is
//! the path ‖ NUL ‖ the folded value. What is counted by value stands in columns besides, as it was written; a
//! resource as its type ‖ NUL ‖ its id.

use super::tokenizer::{WORDS, WordTokenizer};
use crate::model::Seq;
use crate::search_text::{Document, Name, address_number, folded, value_kept};
use jiff::Timestamp;
use std::net::{IpAddr, Ipv6Addr};
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, IndexRecordOption, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};

/// Separates the parts of a term; no value holds it.
pub(super) const SEPARATOR: char = '\0';

pub(super) const ACTION: &str = "facet_action";
pub(super) const PRINCIPAL: &str = "facet_principal";
pub(super) const ORGANIZATION: &str = "facet_org";
pub(super) const STATUS: &str = "facet_status";
pub(super) const CLASSIFICATION: &str = "facet_classification";
pub(super) const AGENT: &str = "facet_agent";
pub(super) const RESOURCE: &str = "facet_resource";
pub(super) const ADDRESS: &str = "ip";
pub(super) const AT: &str = "at";
pub(super) const AT_REST: &str = "at_rest";
pub(super) const RECEIVED: &str = "received";
pub(super) const SEQ: &str = "seq";
const RECORD_COUNT: &str = "record_count";

const FACETS: [(&str, Name); 5] = [
    (ACTION, Name::Action),
    (PRINCIPAL, Name::Principal),
    (ORGANIZATION, Name::Organization),
    (STATUS, Name::Status),
    (CLASSIFICATION, Name::Classification),
];

/// The fields by what they are for.
#[derive(Clone)]
pub(super) struct Fields {
    names: [Field; Name::ALL.len()],
    facets: [(Field, Name); FACETS.len()],
    facet_agent: Field,
    facet_resource: Field,
    pub(super) address: Field,
    pub(super) path: Field,
    pub(super) text: Field,
    pub(super) outcome: Field,
    pub(super) agent: Field,
    /// Event time in whole microseconds since 1970, and the nanoseconds above them, which hardly any sender
    /// has and which then take no room.
    pub(super) at: Field,
    pub(super) at_rest: Field,
    /// In nanoseconds since 1970.
    pub(super) received: Field,
    pub(super) record_count: Field,
    seq: Field,
}

/// The schema, which says in its own words whether an index on disk is of this kind.
pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let fields = Fields {
        names: Name::ALL.map(|name| builder.add_text_field(name.name(), whole())),
        facets: FACETS.map(|(label, name)| (builder.add_text_field(label, column()), name)),
        facet_agent: builder.add_text_field(AGENT, column()),
        facet_resource: builder.add_text_field(RESOURCE, column()),
        // The column serves networks too wide for a walk over their addresses.
        address: builder.add_text_field(ADDRESS, whole().set_fast("raw")),
        path: builder.add_text_field("path", whole()),
        text: prose(&mut builder, "text", true),
        outcome: prose(&mut builder, "outcome", true),
        agent: prose(&mut builder, "agent", false),
        at: builder.add_i64_field(AT, FAST),
        at_rest: builder.add_u64_field(AT_REST, FAST),
        received: builder.add_u64_field(RECEIVED, FAST),
        record_count: builder.add_f64_field(RECORD_COUNT, FAST),
        seq: builder.add_u64_field(SEQ, FAST),
    };
    (builder.build(), fields)
}

fn column() -> TextOptions {
    TextOptions::default().set_fast("raw")
}

fn whole() -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false);
    TextOptions::default().set_indexing_options(indexing.set_index_option(IndexRecordOption::Basic))
}

fn prose(builder: &mut SchemaBuilder, name: &str, by_length: bool) -> Field {
    let indexing = TextFieldIndexing::default().set_tokenizer(WORDS).set_fieldnorms(by_length);
    let indexing = indexing.set_index_option(IndexRecordOption::WithFreqsAndPositions);
    builder.add_text_field(name, TextOptions::default().set_indexing_options(indexing))
}

pub(super) fn tokenizers() -> TokenizerManager {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(WORDS, TextAnalyzer::from(WordTokenizer));
    tokenizers
}

impl Fields {
    pub(super) fn name(&self, name: Name) -> Field {
        self.names[name as usize]
    }

    /// The event as the index takes it.
    pub(super) fn document(&self, seq: Seq, document: &Document<'_>) -> TantivyDocument {
        let mut taken = TantivyDocument::new();
        for name in Name::ALL {
            if let Some(value) = document.name(name) {
                taken.add_text(self.name(name), name_term(value));
            }
        }
        for (field, name) in self.facets {
            if let Some(value) = document.name(name) {
                taken.add_text(field, value);
            }
        }
        if let Some(id) = document.name(Name::Resource) {
            let kind = document.name(Name::Type).unwrap_or_default();
            taken.add_text(self.facet_resource, format!("{kind}{SEPARATOR}{id}"));
        }
        if let Some(agent) = &document.agent {
            taken.add_text(self.facet_agent, value_kept(agent.as_ref()));
        }
        if let Some((address, written)) = &document.address {
            taken.add_text(self.address, address_term(*address, written));
        }
        for value in &document.values {
            taken.add_text(self.path, path_term(&value.path, &folded(&value.value)));
        }
        let texts = document.texts.iter().map(|text| (self.text, text));
        let outcome = document.outcome.iter().map(|text| (self.outcome, text));
        let agent = document.agent.iter().map(|text| (self.agent, text));
        for (field, text) in texts.chain(outcome).chain(agent) {
            taken.add_text(field, text);
        }
        let (at, rest) = micros_and_rest(document.at);
        taken.add_i64(self.at, at);
        taken.add_u64(self.at_rest, rest);
        taken.add_u64(self.received, document.received.0);
        taken.add_u64(self.seq, seq.0);
        if let Some(count) = document.record_count {
            // The index holds one zero; the language knows no other either.
            taken.add_f64(self.record_count, count + 0.0);
        }
        taken
    }
}

/// The term of a name as it was written.
pub(super) fn name_term(written: &str) -> String {
    joined(&folded(written), written)
}

/// The term of an address as it was written.
pub(super) fn address_term(address: IpAddr, written: &str) -> String {
    let usual = address.to_canonical().to_string();
    let number = address_digits(address_number(address));
    format!("{number}{SEPARATOR}{}", if usual == written { "" } else { written })
}

pub(super) fn address_digits(number: u128) -> String {
    format!("{number:032x}")
}

/// The address that a term stands for; `None` where it is no such term.
pub(super) fn address_of(term: &str) -> Option<IpAddr> {
    let digits = term.split_once(SEPARATOR)?.0;
    let number = u128::from_str_radix(digits, 16).ok()?;
    Some(IpAddr::V6(Ipv6Addr::from(number)).to_canonical())
}

/// From which term to which, the last one outside, those of an address lie.
pub(super) fn terms_of_address(address: IpAddr) -> (String, String) {
    let digits = address_digits(address_number(address));
    (format!("{digits}{SEPARATOR}"), format!("{digits}\u{1}"))
}

/// The term of a value by its folded path.
pub(super) fn path_term(path: &str, folded: &str) -> String {
    format!("{path}{SEPARATOR}{folded}")
}

fn joined(folded: &str, written: &str) -> String {
    format!("{folded}{SEPARATOR}{}", if folded == written { "" } else { written })
}

/// An instant as the index has it.
pub(super) fn micros_and_rest(time: Timestamp) -> (i64, u64) {
    split_nanos(time.as_nanosecond())
}

/// Nanoseconds since 1970 as the index has them; what lies outside of all times counts as their end.
pub(super) fn split_nanos(nanos: i128) -> (i64, u64) {
    let end = if nanos < 0 { i64::MIN } else { i64::MAX };
    let micros = i64::try_from(nanos.div_euclid(1_000)).unwrap_or(end);
    (micros, nanos.rem_euclid(1_000) as u64)
}
