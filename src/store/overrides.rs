//! Settings that people change while the appliance runs: each change is a row and an entry in one commit.

use super::access::{decode, encode};
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::model::{Activity, Override, Overrides, Seq, SettingChange};
use redb::{ReadableDatabase, ReadableTable};
use std::collections::BTreeMap;

impl Store {
    /// Every setting that was changed at run time and has not gone back to the file, by its key.
    pub fn overrides(&self) -> Result<BTreeMap<String, Override>, StoreError> {
        rows(&self.db.begin_read()?.open_table(t::OVERRIDES)?)
    }
}

impl Txn<'_> {
    /// Changes settings from the next entry on, and says so in the log. `None` where the overrides are not `known`, by
    /// which the changes were checked: someone else was quicker.
    pub fn change_settings(
        &mut self,
        known: &Overrides,
        changes: &[SettingChange],
        by: &str,
    ) -> Result<Option<Seq>, StoreError> {
        let found = rows(&self.reading().open_table(t::OVERRIDES)?)?;
        let found: Overrides = found.into_iter().map(|(key, row)| (key, row.value)).collect();
        if found != *known {
            return Ok(None);
        }
        let activity = Activity::SettingsChanged { changes: changes.to_vec(), by: Some(by.to_owned()) };
        let seq = self.append_activity(&activity)?;
        let at = self.now();
        let mut table = self.writing().open_table(t::OVERRIDES)?;
        for change in changes {
            match &change.to {
                Some(value) => {
                    let row = Override { value: value.clone(), by: by.to_owned(), at, seq };
                    table.insert(&*change.key, &encode(&row)[..])?;
                }
                None => {
                    table.remove(&*change.key)?;
                }
            }
        }
        Ok(Some(seq))
    }
}

fn rows(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<BTreeMap<String, Override>, StoreError> {
    let rows = table.iter()?.map(|row| {
        let (key, value) = row?;
        Ok((key.value().to_owned(), decode("overrides", key.value(), value.value())?))
    });
    rows.collect()
}
