//! What does not fit in a bundle.

use std::fmt;

/// One thing that does not fit: in which file, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the file within the bundle.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

impl Finding {
    pub(super) fn new(file: impl Into<String>, what: impl Into<String>) -> Finding {
        Finding { file: file.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}
