//! Why a search text cannot be read.

use thiserror::Error;

/// Where a search text stops making sense, and what could stand there.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the search text cannot be read at character {position}: {what}")]
pub struct SearchTextError {
    /// The character, from 1.
    pub position: usize,
    /// What is allowed.
    pub what: String,
}

impl SearchTextError {
    /// At the character of that index, which counts from 0.
    pub(super) fn at(index: usize, what: impl Into<String>) -> SearchTextError {
        SearchTextError { position: index + 1, what: what.into() }
    }
}
