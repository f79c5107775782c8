//! What the index can refuse or fail with.

use tantivy::TantivyError;
use thiserror::Error;

/// Why a search gave no answer, or the index could not be written.
#[derive(Debug, Error)]
pub enum SearchError {
    /// It is being checked or made; it will pass.
    #[error("the search index is being made from the log: {percent} % done; try again soon")]
    NotReady {
        /// How much of the log is in it.
        percent: u8,
    },
    /// The text stands for more values than one search may look at, or looking takes too long.
    #[error("the search text stands for too many different values; write more of them before the star")]
    TooWide,
    /// The index could not be read; its files are checked, and it is made again if they are damaged.
    #[error(
        "the search index cannot be read ({0}); it is checked, and made again from the log if it is damaged"
    )]
    Damaged(String),
    /// The question made it panic; its files are checked.
    #[error("this search failed; please report it with its text")]
    Panicked,
    /// The directory cannot be written or read.
    #[error(
        "search index in {dir}: {what}; the directory can be removed while the appliance is stopped: it is made again from the log"
    )]
    Failed {
        /// Where it lies.
        dir: String,
        /// What the library or the system said.
        what: String,
    },
}

/// What [`super::terms`] says when it has seen enough; the library's error has no variant for it.
pub(super) const TOO_WIDE: &str = "too many terms";

impl From<TantivyError> for SearchError {
    fn from(error: TantivyError) -> SearchError {
        match error {
            TantivyError::InvalidArgument(what) if what == TOO_WIDE => SearchError::TooWide,
            error => SearchError::Damaged(error.to_string()),
        }
    }
}
