//! Settings that were changed while the appliance ran, over those of its file.

use super::{ReceivedAt, Seq, SettingChange};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The values that were changed at run time, by key; key and value are written as the file would have them. A fold
/// over the `SettingsChanged` entries of the log that name a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Overrides(BTreeMap<String, String>);

impl Overrides {
    /// How many there may be, over all organisations and patterns.
    pub const MAX: usize = 500;

    /// Makes the changes; one that leads to nothing gives its key back to the file.
    pub fn apply(&mut self, changes: &[SettingChange]) {
        for change in changes {
            match &change.to {
                Some(value) => self.0.insert(change.key.clone(), value.clone()),
                None => self.0.remove(&change.key),
            };
        }
    }

    /// The value that was given to the key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Every key with its value, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the file alone holds.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, String)> for Overrides {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Overrides {
        Overrides(pairs.into_iter().collect())
    }
}

/// One value that was changed at run time, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The value, as the file would have it.
    pub value: String,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: ReceivedAt,
    /// The entry that says so, from which on it holds.
    pub seq: Seq,
}
