//! The search text: what people write to find events and alerts, as a closed tree, and whether one matches it.
//!
//! Pure: no I/O, no clock. The index is held against [`Query::matches`], which also serves where one event or
//! alert at a time is looked at.

pub mod limits;
mod words;
mod pattern;
mod query;
mod field;
mod fault;
mod lexer;
mod parse;
mod value;
mod document;
mod matches;

pub use document::Document;
pub use fault::SearchTextError;
pub use field::Field;
pub use parse::{parse, quoted};
pub use pattern::Pattern;
pub use query::{
    AddressTest, Name, Network, NumberRange, PathTest, Prose, ProseTest, Query, TimeField, TimeRange,
};
pub use words::{Words, address_number, folded, value_kept, words};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
