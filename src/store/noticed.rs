//! What the appliance noticed last of itself and its sources, so that it is told once and not again after a restart.

use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::model::{Activity, ReceivedAt, Seq};
use redb::{ReadableDatabase, ReadableTable};
use std::collections::BTreeMap;

impl Store {
    /// Everything that was noticed and has not passed: what it is about, and how that was.
    pub fn noticed(&self) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let noticed = self.db.begin_read()?.open_table(t::NOTICED)?;
        let rows = noticed.iter()?.map(|row| {
            let (about, how) = row?;
            Ok((about.value().to_owned(), how.value().to_vec()))
        });
        rows.collect()
    }
}

impl Store {
    /// When the health check last wrote: until then at least the appliance ran. The newest entry's time where it never
    /// did.
    pub fn ran_until(&self) -> Result<ReceivedAt, StoreError> {
        let meta = self.db.begin_read()?.open_table(t::META)?;
        let probed = meta.get(t::META_PROBED)?.and_then(|row| row.value().try_into().ok());
        Ok(ReceivedAt(probed.map_or(0, u64::from_le_bytes)).max(self.last_received_at()))
    }
}

impl Txn<'_> {
    /// Enters how something is, in one commit with the entry that tells of it; does nothing where it was so already.
    /// `None` for `how` is as it should be.
    pub fn notice(
        &mut self,
        about: &str,
        how: Option<&[u8]>,
        activity: &Activity,
    ) -> Result<Option<Seq>, StoreError> {
        let was = self.reading().open_table(t::NOTICED)?.get(about)?.map(|row| row.value().to_vec());
        if was.as_deref() == how {
            return Ok(None);
        }
        let mut noticed = self.writing().open_table(t::NOTICED)?;
        match how {
            Some(how) => noticed.insert(about, how).map(drop)?,
            None => noticed.remove(about).map(drop)?,
        }
        drop(noticed);
        self.append_activity(activity).map(Some)
    }

    /// Remembers how something is that stands there already, without an entry: what it is compared with later.
    pub fn remember_noticed(&mut self, about: &str, how: &[u8]) -> Result<(), StoreError> {
        let mut noticed = self.writing().open_table(t::NOTICED)?;
        if noticed.get(about)?.is_some() {
            noticed.insert(about, how)?;
        }
        Ok(())
    }
}
