//! How much room is left on the disk that holds the log.

use serde::{Deserialize, Serialize};

/// How full the disk is, against the settings; each is worse than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskState {
    /// There is room.
    #[default]
    Roomy,
    /// Someone should look today.
    Scarce,
    /// Someone should look now: an alert is raised.
    Short,
    /// No event is taken in; everything else goes on.
    Full,
    /// The last of it is kept free: nothing is written until there is room again.
    Spent,
}

impl DiskState {
    /// The word in entries, answers and numbers.
    pub fn name(self) -> &'static str {
        match self {
            DiskState::Roomy => "roomy",
            DiskState::Scarce => "scarce",
            DiskState::Short => "short",
            DiskState::Full => "full",
            DiskState::Spent => "spent",
        }
    }
}
