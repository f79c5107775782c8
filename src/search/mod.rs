//! The index of all events by their words and fields. The only module that knows tantivy.
//!
//! It is a fold over the log, and each of its commits carries the log's id and the position that it has come
//! to. So it may be lost at any time: what is missing, damaged or of another log is made again from the log
//! while the appliance serves. It holds no events but their numbers; the log gives the rest.
//! [`Indexer`] writes it and belongs to the reader that follows the log; [`Search`] asks it and is shared.

mod error;
mod schema;
mod tokenizer;
mod terms;
mod complement;
mod compile;
mod filter;
mod newest;
mod parallel;
mod hits;
mod tally;
mod totals;
mod counting;
mod facets;
mod profile;
mod ask;
mod indexer;
mod payload;

pub use ask::{Search, SearchState, Wanted};
pub use error::SearchError;
pub use facets::{Distinct, Facet, FacetCount, FacetCounts, FacetRequest, Histogram, Ranking};
pub use indexer::{Indexer, Opening, Place};
pub use newest::Found;
pub use profile::{ActionCount, Profile, ProfileRequest, ResourceCount};

/// The directory of the index within the data directory.
pub const INDEX_DIR: &str = "index";

#[cfg(test)]
mod tests;
