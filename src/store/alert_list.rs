//! All alerts as lists look at them: kept in memory, and brought up to date by each commit.

use super::alerts::decode;
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use crate::model::{Alert, Evidence};
use redb::ReadableDatabase;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// Alerts that are kept, about 1 KB each; where there are more, each look reads them all from the disk.
const KEPT_MAX: usize = 20_000;
/// Alerts that one read transaction takes.
const ROWS_MAX: usize = 5_000;

/// The alerts by id, which is the order in which they were raised.
type Alerts = BTreeMap<Uuid, Arc<Alert>>;

/// What is kept of the alerts. Begun by the first look.
#[derive(Default)]
pub(super) struct AlertList(Mutex<Kept>);

#[derive(Default)]
enum Kept {
    #[default]
    Unread,
    All(Arc<Alerts>),
    TooMany,
}

impl AlertList {
    /// Takes in what a commit changed. Whoever looks meanwhile goes on with what there was.
    pub(super) fn update(&self, changed: Vec<Alert>) {
        let mut kept = self.0.lock().expect("no holder of this lock panics");
        let Kept::All(all) = &mut *kept else { return };
        let all = Arc::make_mut(all);
        all.extend(changed.into_iter().map(|alert| (alert.id, Arc::new(alert))));
        if all.len() > KEPT_MAX {
            *kept = Kept::TooMany;
        }
    }
}

/// As much of an alert as lists show: neither its history nor the events of its evidence.
pub(super) fn listed(alert: &Alert) -> Alert {
    let evidence = Evidence { first: Vec::new(), last: VecDeque::new(), ..alert.evidence };
    Alert { evidence, history: Vec::new(), ..alert.clone() }
}

impl Store {
    /// Calls `each` for every alert as [`listed`], oldest first.
    pub(super) fn each_alert(&self, mut each: impl FnMut(&Alert)) -> Result<(), StoreError> {
        match self.kept_alerts()? {
            Some(all) => all.values().for_each(|alert| each(alert)),
            None => self.each_stored_alert(|alert| each(&listed(&alert)))?,
        }
        Ok(())
    }

    /// The alerts of those ids as [`listed`], in their order.
    pub(super) fn listed_alerts(&self, ids: &[Uuid]) -> Result<Vec<Alert>, StoreError> {
        if let Some(all) = self.kept_alerts()? {
            return Ok(ids.iter().filter_map(|id| all.get(id)).map(|alert| Alert::clone(alert)).collect());
        }
        let alerts = self.db.begin_read()?.open_table(t::ALERTS)?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(row) = alerts.get(id.as_bytes())? {
                found.push(listed(&decode(id.as_bytes(), row.value())?));
            }
        }
        Ok(found)
    }

    fn kept_alerts(&self) -> Result<Option<Arc<Alerts>>, StoreError> {
        // Held while they are read, so that a commit of that moment is taken in after them.
        let mut kept = self.alert_list.0.lock().expect("no holder of this lock panics");
        if let Kept::All(all) = &*kept {
            return Ok(Some(all.clone()));
        }
        if let Kept::Unread = *kept {
            let mut all = Alerts::new();
            self.each_stored_alert(|alert| {
                if all.len() <= KEPT_MAX {
                    all.insert(alert.id, Arc::new(listed(&alert)));
                }
            })?;
            if all.len() <= KEPT_MAX {
                let all = Arc::new(all);
                *kept = Kept::All(all.clone());
                return Ok(Some(all));
            }
            *kept = Kept::TooMany;
        }
        Ok(None)
    }

    /// Reads every alert in short transactions, oldest first.
    pub(super) fn each_stored_alert(&self, mut each: impl FnMut(Alert)) -> Result<(), StoreError> {
        let mut from = [0; 16];
        loop {
            let alerts = self.db.begin_read()?.open_table(t::ALERTS)?;
            let (mut rows, began) = (0, from);
            for row in alerts.range::<&[u8; 16]>(&from..)?.take(ROWS_MAX) {
                let (id, value) = row?;
                rows += 1;
                from = (u128::from_be_bytes(*id.value()).saturating_add(1)).to_be_bytes();
                each(decode(id.value(), value.value())?);
            }
            // Damage can put a smaller key last; going on from there would have no end.
            if rows < ROWS_MAX || from <= began {
                return Ok(());
            }
        }
    }
}
