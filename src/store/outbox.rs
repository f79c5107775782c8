//! The outbox: notifications on their way, those that arrived, and dead letters.

use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::detect::Notification;
use crate::model::{Activity, Alert, Delivery, DeliveryState, Organizations, ReceivedAt};
use crate::routing::{self, Routing, Verdict};
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};
use std::sync::atomic::Ordering;
use uuid::Uuid;

const VERSION: u8 = 1;
/// Deliveries that may wait, for all targets together; one beyond it is a dead letter at once.
const WAITING_MAX: u64 = 100_000;
/// Rows of a target that are counted; beyond it, so many is the answer.
const COUNTED_MAX: usize = 10_000;

/// How many deliveries of a target wait and how many were given up, each up to 10,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// On their way.
    pub waiting: usize,
    /// Dead letters.
    pub dead: usize,
}

/// A delivery that was given up, with the organisation of its alert.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The delivery.
    pub delivery: Delivery,
    /// Whose alert it is.
    pub organization: Option<String>,
}

impl Store {
    /// Changes whenever something was put into the outbox.
    pub fn outbox_version(&self) -> u64 {
        self.outbox_version.load(Ordering::Acquire)
    }

    /// The delivery to that target whose next try is due first.
    pub fn next_delivery(&self, target: &str) -> Result<Option<Delivery>, StoreError> {
        let read = self.db.begin_read()?;
        let outbox = read.open_table(t::OUTBOX)?;
        let Some(row) = outbox.range(all_of(target))?.next() else { return Ok(None) };
        let id = *row?.0.value().2;
        delivery(&read.open_table(t::DELIVERIES)?, &id)
    }

    /// Deliveries that wait for targets other than those, at most `limit`.
    pub fn stray_deliveries(&self, targets: &[&str], limit: usize) -> Result<Vec<Uuid>, StoreError> {
        let outbox = self.db.begin_read()?.open_table(t::OUTBOX)?;
        let mut found = Vec::new();
        for row in outbox.iter()?.take(WAITING_MAX as usize) {
            let row = row?;
            let (target, _, id) = row.0.value();
            if found.len() < limit && !targets.contains(&target) {
                found.push(Uuid::from_bytes(*id));
            }
        }
        Ok(found)
    }

    /// What became of the notifications of an alert, the newest first.
    pub fn deliveries_of(&self, alert: Uuid, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let read = self.db.begin_read()?;
        let (rows, deliveries) = (read.open_table(t::DELIVERIES_OF_ALERT)?, read.open_table(t::DELIVERIES)?);
        let alert = alert.as_bytes();
        let mut found = Vec::new();
        for row in rows.range((alert, 0, &[0; 16])..=(alert, u64::MAX, &[0xff; 16]))?.rev().take(limit) {
            found.extend(delivery(&deliveries, row?.0.value().2)?);
        }
        Ok(found)
    }

    /// Whether there is a delivery of that id, and its alert within what the caller may see.
    pub fn delivery_within(&self, id: Uuid, scope: &Organizations) -> Result<bool, StoreError> {
        let found = delivery(&self.db.begin_read()?.open_table(t::DELIVERIES)?, id.as_bytes())?;
        let alert = found.map(|delivery| self.alert(delivery.alert, scope)).transpose()?;
        Ok(alert.flatten().is_some())
    }

    /// How many deliveries to that target wait or were given up.
    pub fn outbox_counts(&self, target: &str) -> Result<OutboxCounts, StoreError> {
        let read = self.db.begin_read()?;
        Ok(OutboxCounts {
            waiting: read.open_table(t::OUTBOX)?.range(all_of(target))?.take(COUNTED_MAX).count(),
            dead: read.open_table(t::DEAD_LETTERS)?.range(all_of(target))?.take(COUNTED_MAX).count(),
        })
    }

    /// The dead letters of a target, the newest first.
    pub fn dead_letters(&self, target: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let read = self.db.begin_read()?;
        let (rows, deliveries) = (read.open_table(t::DEAD_LETTERS)?, read.open_table(t::DELIVERIES)?);
        let mut found = Vec::new();
        for row in rows.range(all_of(target))?.rev().take(limit) {
            let Some(delivery) = delivery(&deliveries, row?.0.value().2)? else { continue };
            let alert = self.alert(delivery.alert, &Organizations::All)?;
            found.push(DeadLetter { delivery, organization: alert.and_then(|alert| alert.organization) });
        }
        Ok(found)
    }
}

impl Txn<'_> {
    /// Writes down for each route that matches whom it tells, or why it does not.
    pub(super) fn tell(
        &mut self,
        alert: &Alert,
        notification: &Notification,
        routing: &Routing,
    ) -> Result<(), StoreError> {
        if routing.routes.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let silences = self.silences_in_force()?;
        for Verdict { route, target, quiet } in routing::decide(routing, &silences, alert, now) {
            let full = self.reading().open_table(t::OUTBOX)?.len()? >= WAITING_MAX;
            let state = match quiet {
                Some(why) => DeliveryState::NotTold { why },
                None if full => {
                    let reason = format!("{WAITING_MAX} notifications wait already");
                    DeliveryState::Dead { at: now, attempts: 0, reason }
                }
                None => DeliveryState::Waiting { attempts: 0, next_try: now, last_error: None },
            };
            self.put_delivery(&Delivery {
                id: Delivery::id_of(alert.id, notification.occurrences, route, target),
                alert: alert.id,
                occurrences: notification.occurrences,
                route: route.to_owned(),
                target: target.to_owned(),
                counted: notification.counted,
                fired_at: notification.fired_at,
                decided_at: now,
                state,
            })?;
        }
        Ok(())
    }

    /// Notes how a try ended. One that has arrived, or was given up, stays as it is.
    pub fn settle_delivery(&mut self, id: Uuid, state: DeliveryState) -> Result<(), StoreError> {
        let known = delivery(&self.reading().open_table(t::DELIVERIES)?, id.as_bytes())?;
        let Some(known) = known.filter(|known| known.due().is_some()) else { return Ok(()) };
        let failure = match &state {
            DeliveryState::Dead { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        if failure.is_some() || matches!(state, DeliveryState::Told { .. }) {
            let (route, target) = (known.route.clone(), known.target.clone());
            let alert = known.alert;
            self.append_activity(&Activity::DeliveryEnded { alert, delivery: id, route, target, failure })?;
        }
        self.put_delivery(&Delivery { state, ..known })
    }

    /// Sends a dead letter again, from its first try on. `false` where it is none.
    pub fn revive_delivery(&mut self, id: Uuid, by: &str) -> Result<bool, StoreError> {
        let known = delivery(&self.reading().open_table(t::DELIVERIES)?, id.as_bytes())?;
        let is_dead = |known: &Delivery| matches!(known.state, DeliveryState::Dead { .. });
        let Some(known) = known.filter(is_dead) else { return Ok(false) };
        let state = DeliveryState::Waiting { attempts: 0, next_try: self.now(), last_error: None };
        self.append_activity(&Activity::DeliveryRevived { delivery: id, by: by.to_owned() })?;
        self.put_delivery(&Delivery { state, ..known })?;
        Ok(true)
    }

    /// Puts the row and what finds it, in place of those that were there.
    fn put_delivery(&mut self, delivery: &Delivery) -> Result<(), StoreError> {
        let id = delivery.id.as_bytes();
        let before = self::delivery(&self.reading().open_table(t::DELIVERIES)?, id)?;
        let (due, died) = (delivery.due(), died(delivery));
        {
            let write = self.writing();
            let mut outbox = write.open_table(t::OUTBOX)?;
            let mut dead = write.open_table(t::DEAD_LETTERS)?;
            if let Some(before) = &before {
                before.due().map(|due| outbox.remove((&*before.target, due.0, id))).transpose()?;
                self::died(before).map(|at| dead.remove((&*before.target, at.0, id))).transpose()?;
            }
            due.map(|due| outbox.insert((&*delivery.target, due.0, id), ())).transpose()?;
            died.map(|at| dead.insert((&*delivery.target, at.0, id), ())).transpose()?;
            let mut row = vec![VERSION];
            serde_json::to_writer(&mut row, delivery).expect("a delivery has only string keys");
            write.open_table(t::DELIVERIES)?.insert(id, &row[..])?;
            let key = (delivery.alert.as_bytes(), delivery.decided_at.0, id);
            write.open_table(t::DELIVERIES_OF_ALERT)?.insert(key, ())?;
        }
        self.outbox_changed |= due.is_some();
        Ok(())
    }
}

fn died(delivery: &Delivery) -> Option<ReceivedAt> {
    match delivery.state {
        DeliveryState::Dead { at, .. } => Some(at),
        _ => None,
    }
}

fn all_of(target: &str) -> std::ops::RangeInclusive<(&str, u64, &[u8; 16])> {
    (target, 0, &[0; 16])..=(target, u64::MAX, &[0xff; 16])
}

fn delivery(
    deliveries: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    id: &[u8; 16],
) -> Result<Option<Delivery>, StoreError> {
    let Some(row) = deliveries.get(id)? else { return Ok(None) };
    let damaged = |what: String| StoreError::damaged("deliveries", Uuid::from_bytes(*id), what);
    match row.value().split_first() {
        Some((&VERSION, json)) => {
            serde_json::from_slice(json).map(Some).map_err(|error| damaged(error.to_string()))
        }
        _ => Err(damaged("the row has an unknown version".to_owned())),
    }
}
