//! What the appliance's last check of its own log found.

use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::model::{Activity, ReceivedAt, Seq};
use redb::ReadableDatabase;
use serde::{Deserialize, Serialize};

/// The last check of the whole log, as its entry tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCheck {
    /// The entry that tells of it.
    pub seq: Seq,
    /// When it ended.
    pub at: ReceivedAt,
    /// How many entries there were.
    pub entries: u64,
    /// How much was wrong.
    pub findings: u64,
    /// What was wrong first.
    pub first: Option<String>,
}

impl Store {
    /// What the last check found; `None` before the first one. A row that cannot be read counts as none.
    pub fn last_check(&self) -> Result<Option<LastCheck>, StoreError> {
        let meta = self.db.begin_read()?.open_table(t::META)?;
        let row = meta.get(t::META_CHECKED)?;
        Ok(row.and_then(|row| serde_json::from_slice(row.value()).ok()))
    }
}

impl Txn<'_> {
    /// Enters a check of the log: `activity` is an [`Activity::LogChecked`].
    pub fn note_check(&mut self, activity: &Activity) -> Result<(), StoreError> {
        let seq = self.append_activity(activity)?;
        if let Activity::LogChecked { entries, findings, first, .. } = activity {
            let (entries, findings, first) = (*entries, *findings, first.clone());
            let last = LastCheck { seq, at: self.now(), entries, findings, first };
            let row = serde_json::to_vec(&last).expect("it has only string keys");
            self.writing().open_table(t::META)?.insert(t::META_CHECKED, &row[..])?;
        }
        Ok(())
    }
}
