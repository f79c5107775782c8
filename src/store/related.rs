//! Finding the alerts that belong to one.

use super::error::StoreError;
use super::open::Store;
use crate::detect::{self, Relation};
use crate::model::{Alert, Organizations};
use std::cmp::Reverse;
use std::collections::BTreeMap;

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
}
