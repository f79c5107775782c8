//! A search that a person keeps under a name.

use super::ReceivedAt;
use serde::{Deserialize, Serialize};

/// What a person looks for again and again. It belongs to them alone, and goes with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSearch {
    /// What they call it; 1 to 80 characters, unique for them.
    pub name: String,
    /// The state of the search page, as the query of its address.
    pub query: String,
    /// When it was saved.
    pub saved_at: ReceivedAt,
}
