//! Finding the alerts that belong to one, or to a principal or resource.

use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use crate::detect::{self, Relation};
use crate::model::{Alert, Organizations, Seq};
use redb::ReadableDatabase;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

impl Store {
    /// The alerts that are related to `alert` within what the caller may see, at most `limit`, the closest first
    /// and then the newest. Without their history and evidence.
    pub fn related_alerts(
        &self,
        alert: &Alert,
        scope: &Organizations,
        limit: usize,
    ) -> Result<Vec<(Relation, Alert)>, StoreError> {
        let mut closest = BTreeMap::new();
        self.each_alert(|other| {
            let relation = detect::relation(alert, other);
            if let Some(relation) = relation.filter(|_| scope.allow(other.organization.as_deref())) {
                closest.insert(Reverse((relation, other.last_fired_at, other.id)), other.clone());
                if closest.len() > limit {
                    closest.pop_last();
                }
            }
        })?;
        Ok(closest.into_iter().map(|(Reverse((relation, ..)), other)| (relation, other)).collect())
    }

    /// The alerts whose key is `key` or to which one of the events counted, within what the caller may see: the
    /// newest first, at most `limit`. Without their evidence.
    pub fn alerts_about(
        &self,
        key: Option<&str>,
        events: &[Seq],
        scope: &Organizations,
        limit: usize,
    ) -> Result<Vec<Alert>, StoreError> {
        let counted = self.alert_ids_of(events)?;
        let mut newest = BTreeMap::new();
        self.each_alert(|alert| {
            let is_about = key == Some(&*alert.key) || counted.contains(&alert.id);
            if is_about && scope.allow(alert.organization.as_deref()) {
                newest.insert(Reverse((alert.last_fired_at, alert.id)), alert.clone());
                if newest.len() > limit {
                    newest.pop_last();
                }
            }
        })?;
        Ok(newest.into_values().collect())
    }

    fn alert_ids_of(&self, events: &[Seq]) -> Result<HashSet<Uuid>, StoreError> {
        let rows = self.db.begin_read()?.open_table(t::ALERTS_OF_EVENT)?;
        let mut ids = HashSet::new();
        for seq in events {
            for row in rows.range((seq.0, &[0; 16])..=(seq.0, &[0xff; 16]))? {
                ids.insert(Uuid::from_bytes(*row?.0.value().1));
            }
        }
        Ok(ids)
    }
}
