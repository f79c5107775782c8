//! The settings of the last run, so that a change of them becomes an entry of the log.

use super::error::StoreError;
use super::tables as t;
use super::txn::Txn;
use crate::model::{Activity, Seq, SettingChange};
use redb::ReadableTable;
use std::collections::{BTreeMap, BTreeSet};

/// The first byte of the row.
const VERSION: u8 = 1;
/// Changes that one entry lists; the last of them then says how many there were beyond.
const CHANGES_MAX: usize = 1_000;

impl Txn<'_> {
    /// Keeps the settings of this run, each key with its value as text, and appends an entry of what differs from the
    /// last run's. Before the first run stand `defaults`, so that what an operator set is in the log from its
    /// beginning. Returns the entry, if there is one.
    pub fn note_settings(
        &mut self,
        settings: &BTreeMap<String, String>,
        defaults: &BTreeMap<String, String>,
    ) -> Result<Option<Seq>, StoreError> {
        let row = self.reading().open_table(t::META)?.get(t::META_SETTINGS)?.map(|row| row.value().to_vec());
        let last = row.map(|row| decode(&row)).transpose()?;
        if last.as_ref() == Some(settings) {
            return Ok(None);
        }
        let mut row = vec![VERSION];
        serde_json::to_writer(&mut row, settings).expect("it has only string keys");
        self.writing().open_table(t::META)?.insert(t::META_SETTINGS, &row[..])?;
        let changes = changes(last.as_ref().unwrap_or(defaults), settings);
        if changes.is_empty() {
            return Ok(None);
        }
        self.append_activity(&Activity::SettingsChanged { changes, by: None }).map(Some)
    }
}

fn decode(row: &[u8]) -> Result<BTreeMap<String, String>, StoreError> {
    let damaged = |why: String| StoreError::damaged("meta", t::META_SETTINGS, why);
    match row.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|error| damaged(error.to_string())),
        _ => Err(damaged("the row has an unknown version".to_owned())),
    }
}

fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<SettingChange> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |key: &&String| before.get(*key) != after.get(*key);
    let mut changes: Vec<SettingChange> = keys
        .into_iter()
        .filter(change)
        .map(|key| SettingChange {
            key: key.clone(),
            from: before.get(key).cloned(),
            to: after.get(key).cloned(),
        })
        .collect();
    if changes.len() > CHANGES_MAX {
        let beyond = changes.len() + 1 - CHANGES_MAX;
        changes.truncate(CHANGES_MAX - 1);
        changes.push(SettingChange { key: format!("{beyond} more"), from: None, to: None });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReceivedAt;
    use crate::store::Store;
    use redb::backends::InMemoryBackend;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// What is noted at a start with these settings: `key from to`.
    fn start(store: &Store, pairs: &[(&str, &str)]) -> Vec<String> {
        let mut txn = store.begin(ReceivedAt(1)).expect("memory does not fail");
        let noted =
            txn.note_settings(&settings(pairs), &settings(&[("a", "1"), ("b", "2")])).expect("it writes");
        txn.commit().expect("memory does not fail");
        let Some(seq) = noted else { return Vec::new() };
        let entry = store.entry(seq).expect("readable").expect("there").expect("whole").entry;
        let activity: Activity = serde_json::from_slice(&entry.body).expect("an activity");
        let Activity::SettingsChanged { changes, by: None } = activity else { panic!("{activity:?}") };
        let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        changes.into_iter().map(|c| format!("{} {} {}", c.key, text(c.from), text(c.to))).collect()
    }

    #[test]
    fn the_first_start_is_held_against_the_defaults_and_each_further_one_against_the_last() {
        let store = Store::open_on(InMemoryBackend::new(), ReceivedAt(0)).expect("memory does not fail");
        assert_eq!(start(&store, &[("a", "1"), ("b", "3")]), ["b 2 3"]);
        let size = store.size();
        assert_eq!(start(&store, &[("a", "1"), ("b", "3")]), [""; 0]);
        assert_eq!(store.size(), size);
        assert_eq!(start(&store, &[("a", "1"), ("c", "4")]), ["b 3 -", "c - 4"]);
        assert_eq!(start(&store, &[("a", "1"), ("b", "3"), ("c", "4")]), ["b - 3"]);
    }

    #[test]
    fn an_entry_lists_so_many_changes_and_says_how_many_more_there_were() {
        let many: Vec<(String, String)> = (0..1_500).map(|n| (format!("k{n:04}"), String::new())).collect();
        let found = changes(&BTreeMap::new(), &many.into_iter().collect());
        assert_eq!((found.len(), found[CHANGES_MAX - 1].key.as_str()), (CHANGES_MAX, "501 more"));
    }
}
