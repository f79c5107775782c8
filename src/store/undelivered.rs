//! What was given up and waits for a decision; and how what is decided is forgotten in the end.

use super::error::StoreError;
use super::open::Store;
use super::outbox::{self, COUNTED_MAX, all_of, died};
use super::tables as t;
use super::txn::Txn;
use crate::model::{Activity, Delivery, DeliveryState, Organizations, ReceivedAt};
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};
use uuid::Uuid;

/// A delivery that was given up, with the organisation of its alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Undelivered {
    /// The delivery.
    pub delivery: Delivery,
    /// Whose alert it is.
    pub organization: Option<String>,
}

impl Store {
    /// The dead letters within what the caller may see, of one target or target by target, the newest first; at most
    /// `limit`.
    pub fn undelivered(
        &self,
        target: Option<&str>,
        scope: &Organizations,
        limit: usize,
    ) -> Result<Vec<Undelivered>, StoreError> {
        self.undelivered_to(target, |_| true, scope, limit)
    }

    /// The same of those targets alone for which `wanted` says so.
    pub fn undelivered_to(
        &self,
        target: Option<&str>,
        wanted: impl Fn(&str) -> bool,
        scope: &Organizations,
        limit: usize,
    ) -> Result<Vec<Undelivered>, StoreError> {
        let read = self.db.begin_read()?;
        let (rows, deliveries) = (read.open_table(t::UNDELIVERED)?, read.open_table(t::DELIVERIES)?);
        let rows = match target {
            Some(target) => rows.range(all_of(target))?,
            None => rows.range::<(&str, u64, &[u8; 16])>(..)?,
        };
        let mut found = Vec::new();
        let rows = rows.rev().filter(|row| row.as_ref().map_or(true, |(key, _)| wanted(key.value().0)));
        for row in rows.take(COUNTED_MAX) {
            if found.len() >= limit {
                break;
            }
            let letter = match outbox::delivery(&deliveries, row?.0.value().2) {
                Ok(letter) => letter,
                Err(error) if error.is_damage() => None,
                Err(error) => return Err(error),
            };
            let Some(delivery) = letter else { continue };
            let organization =
                self.alert(delivery.alert, &Organizations::All)?.and_then(|alert| alert.organization);
            if scope.allow(organization.as_deref()) {
                found.push(Undelivered { delivery, organization });
            }
        }
        Ok(found)
    }
}

impl Store {
    /// How many notifications to that target were given up and wait for a decision, up to 10,000.
    pub fn given_up(&self, target: &str) -> Result<u64, StoreError> {
        let rows = self.db.begin_read()?.open_table(t::UNDELIVERED)?;
        Ok(rows.range(all_of(target))?.take(COUNTED_MAX).count() as u64)
    }
}

impl Txn<'_> {
    /// Sends a dead letter again, from its first try on. `false` where it is none.
    pub fn revive_delivery(&mut self, id: Uuid, by: &str) -> Result<bool, StoreError> {
        let Some(known) = self.dead_letter(id)? else { return Ok(false) };
        let now = self.now();
        let state = DeliveryState::ready(now);
        self.append_activity(&Activity::DeliveryRevived { delivery: id, by: by.to_owned() })?;
        self.put_delivery(&known.moved_to(state, now))?;
        Ok(true)
    }

    /// Notes that a dead letter need not arrive. `false` where it is none.
    pub fn discard_delivery(&mut self, id: Uuid, by: &str, reason: &str) -> Result<bool, StoreError> {
        let Some(known) = self.dead_letter(id)? else { return Ok(false) };
        let (now, by, reason) = (self.now(), by.to_owned(), reason.to_owned());
        let discarded = Activity::DeliveryDiscarded { delivery: id, by: by.clone(), reason: reason.clone() };
        self.append_activity(&discarded)?;
        self.put_delivery(&known.moved_to(DeliveryState::Discarded { at: now, by, reason }, now))?;
        Ok(true)
    }

    /// Removes deliveries that ended before that, dead letters among them, and the oldest of those beyond `kept_max`;
    /// at most `limit`, and says how many. What became of each stays in the log.
    pub fn forget_deliveries(
        &mut self,
        before: ReceivedAt,
        kept_max: u64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let ended = self.reading().open_table(t::ENDED_DELIVERIES)?;
        let surplus = usize::try_from(ended.len()?.saturating_sub(kept_max)).unwrap_or(usize::MAX);
        let mut old = Vec::new();
        for row in ended.iter()?.take(limit) {
            let row = row?;
            let (at, id) = row.0.value();
            if at >= before.0 && old.len() >= surplus {
                break;
            }
            old.push((at, *id));
        }
        drop(ended);
        for (at, id) in &old {
            self.forget_delivery(ReceivedAt(*at), id)?;
        }
        Ok(old.len())
    }

    fn forget_delivery(&mut self, at: ReceivedAt, id: &[u8; 16]) -> Result<(), StoreError> {
        let known = match outbox::delivery(&self.reading().open_table(t::DELIVERIES)?, id) {
            Ok(known) => known,
            Err(error) if error.is_damage() => None,
            Err(error) => return Err(error),
        };
        let write = self.writing();
        write.open_table(t::ENDED_DELIVERIES)?.remove((at.0, id))?;
        write.open_table(t::DELIVERIES)?.remove(id)?;
        if let Some(known) = known {
            let key = (known.alert.as_bytes(), known.decided_at.0, id);
            write.open_table(t::DELIVERIES_OF_ALERT)?.remove(key)?;
            if let Some(at) = died(&known) {
                write.open_table(t::UNDELIVERED)?.remove((&*known.target, at.0, id))?;
            }
        }
        Ok(())
    }

    fn dead_letter(&self, id: Uuid) -> Result<Option<Delivery>, StoreError> {
        let known = outbox::delivery(&self.reading().open_table(t::DELIVERIES)?, id.as_bytes())?;
        Ok(known.filter(|known| matches!(known.state, DeliveryState::Dead { .. })))
    }
}
