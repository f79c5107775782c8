//! The outbox: notifications on their way, and what became of the others.

use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::detect::Notification;
use crate::model::{
    Activity, Alert, Delivery, DeliveryState, Organizations, ReceivedAt, Silence, status_alone,
};
use crate::routing::{self, Routing, Verdict};
use redb::{ReadableDatabase, ReadableTable};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use uuid::Uuid;

const VERSION: u8 = 1;
/// Deliveries that may wait for one target; one beyond it is a dead letter at once. For each target by itself, so that one
/// that takes nothing costs no other its notifications.
const WAITING_MAX: usize = 10_000;
/// Rows of a target that are counted; beyond it, so many is the answer.
pub(super) const COUNTED_MAX: usize = 10_000;
/// Deliveries among which a rank is counted.
const RANKED_MAX: usize = 1_000;
/// Waiting deliveries of a target, those due first, among which the oldest is looked for.
const AGED_MAX: usize = 1_000;

/// How many deliveries of a target wait and how many were given up, each up to 10,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// On their way.
    pub waiting: usize,
    /// When the one that waits longest was decided.
    pub oldest: Option<ReceivedAt>,
    /// Dead letters.
    pub dead: usize,
}

impl Store {
    /// Changes whenever something was put into the outbox.
    pub fn outbox_version(&self) -> u64 {
        self.outbox_version.load(Ordering::Acquire)
    }

    /// The delivery to that target whose next try is due first; of those that are due by `now`, the one of that rank,
    /// counted round and round among the first thousand.
    pub fn next_delivery(
        &self,
        target: &str,
        rank: usize,
        now: ReceivedAt,
    ) -> Result<Option<Delivery>, StoreError> {
        let read = self.db.begin_read()?;
        let (outbox, deliveries) = (read.open_table(t::OUTBOX)?, read.open_table(t::DELIVERIES)?);
        let Some(row) = outbox.range(all_of(target))?.next() else { return Ok(None) };
        let first = *row?.0.value().2;
        if rank > 0 {
            let due = || outbox.range((target, 0, &[0; 16])..=(target, now.0, &[0xff; 16]));
            let count = due()?.take(RANKED_MAX).count();
            if let Some(row) = due()?.nth(rank % count.max(1)) {
                let found = delivery(&deliveries, row?.0.value().2);
                // One that cannot be read is taken out once it is the first.
                if !found.as_ref().is_err_and(StoreError::is_damage) {
                    return found;
                }
            }
        }
        delivery(&deliveries, &first)
    }

    /// Deliveries to that target that have waited for so long, the first of those that are due first; at most `limit`.
    pub fn overdue_deliveries(
        &self,
        target: &str,
        wait_max: Duration,
        now: ReceivedAt,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        let read = self.db.begin_read()?;
        let (outbox, deliveries) = (read.open_table(t::OUTBOX)?, read.open_table(t::DELIVERIES)?);
        let mut found = Vec::new();
        for row in outbox.range(all_of(target))?.take(limit) {
            let known = match delivery(&deliveries, row?.0.value().2) {
                Err(error) if error.is_damage() => continue,
                known => known?,
            };
            match known.map(|known| (known.id, known.waits_since(), known.due())) {
                Some((id, Some(since), _)) if routing::is_overdue(since, wait_max, now) => found.push(id),
                // It took an older one's place, and says nothing of those behind it.
                Some((_, since, due)) if due < since => {}
                // They stand about in the order in which they were decided.
                _ => break,
            }
        }
        Ok(found)
    }

    /// Deliveries that wait for targets other than those, at most `limit`.
    pub fn stray_deliveries(&self, targets: &[&str], limit: usize) -> Result<Vec<Uuid>, StoreError> {
        let outbox = self.db.begin_read()?.open_table(t::OUTBOX)?;
        let mut found = Vec::new();
        for row in outbox.iter()? {
            let row = row?;
            let (target, _, id) = row.0.value();
            if found.len() == limit {
                break;
            }
            if !targets.contains(&target) {
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

    /// The target of the delivery of that id, where its alert is within what the caller may see.
    pub fn target_within(&self, id: Uuid, scope: &Organizations) -> Result<Option<String>, StoreError> {
        let found = delivery(&self.db.begin_read()?.open_table(t::DELIVERIES)?, id.as_bytes())?;
        let Some(found) = found else { return Ok(None) };
        Ok(self.alert(found.alert, scope)?.map(|_| found.target))
    }

    /// How many deliveries to that target wait or were given up.
    pub fn outbox_counts(&self, target: &str) -> Result<OutboxCounts, StoreError> {
        let read = self.db.begin_read()?;
        let (outbox, deliveries) = (read.open_table(t::OUTBOX)?, read.open_table(t::DELIVERIES)?);
        let mut oldest: Option<ReceivedAt> = None;
        for row in outbox.range(all_of(target))?.take(AGED_MAX) {
            // What cannot be read is taken out by the worker that comes to it.
            let Ok(Some(waiting)) = delivery(&deliveries, row?.0.value().2) else { continue };
            oldest = Some(oldest.map_or(waiting.decided_at, |oldest| oldest.min(waiting.decided_at)));
        }
        Ok(OutboxCounts {
            waiting: outbox.range(all_of(target))?.take(COUNTED_MAX).count(),
            oldest,
            dead: read.open_table(t::UNDELIVERED)?.range(all_of(target))?.take(COUNTED_MAX).count(),
        })
    }
}

impl Txn<'_> {
    /// Writes down for each route that matches whom it tells, or why it does not. `waiting` is how many wait for each
    /// target, as far as this commit has counted them.
    pub(super) fn tell(
        &mut self,
        alert: &Alert,
        notification: &Notification,
        routing: &Routing,
        silences: &[Silence],
        waiting: &mut HashMap<String, usize>,
    ) -> Result<(), StoreError> {
        if routing.routes.is_empty() {
            return Ok(());
        }
        let now = self.now();
        for Verdict { route, target, quiet } in routing::decide(routing, silences, alert, now) {
            let state = match quiet {
                Some(why) => DeliveryState::NotTold { why, at: None },
                None if self.waiting_for(target, waiting)? >= WAITING_MAX => {
                    let reason = format!("{WAITING_MAX} notifications wait for this target already");
                    DeliveryState::Dead { at: now, attempts: 0, reason }
                }
                None => {
                    waiting.entry(target.to_owned()).and_modify(|count| *count += 1);
                    DeliveryState::ready(now)
                }
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
                failures: Vec::new(),
                state,
            })?;
        }
        Ok(())
    }

    fn waiting_for(&self, target: &str, counted: &mut HashMap<String, usize>) -> Result<usize, StoreError> {
        if let Some(count) = counted.get(target) {
            return Ok(*count);
        }
        let outbox = self.reading().open_table(t::OUTBOX)?;
        let count = outbox.range(all_of(target))?.take(WAITING_MAX).count();
        counted.insert(target.to_owned(), count);
        Ok(count)
    }

    /// Notes how a try ended. One that has arrived, or was given up, stays as it is.
    pub fn settle_delivery(&mut self, id: Uuid, state: DeliveryState) -> Result<(), StoreError> {
        let Some(known) = self.waiting_delivery(id)? else { return Ok(()) };
        let now = self.now();
        self.put_settled(&known.moved_to(state, now))
    }

    /// Makes dead letters of those of them that are still on their way, without another try.
    pub fn give_up_deliveries(&mut self, ids: &[Uuid], reason: &str) -> Result<(), StoreError> {
        for id in ids {
            let Some(known) = self.waiting_delivery(*id)? else { continue };
            let (at, attempts, reason) = (self.now(), known.attempts(), reason.to_owned());
            self.put_settled(&Delivery { state: DeliveryState::Dead { at, attempts, reason }, ..known })?;
        }
        Ok(())
    }

    pub(super) fn waiting_delivery(&self, id: Uuid) -> Result<Option<Delivery>, StoreError> {
        let known = delivery(&self.reading().open_table(t::DELIVERIES)?, id.as_bytes())?;
        Ok(known.filter(|known| known.due().is_some()))
    }

    /// Puts one that was on its way, and enters how it ended where it did.
    pub(super) fn put_settled(&mut self, settled: &Delivery) -> Result<(), StoreError> {
        let failure = match &settled.state {
            DeliveryState::Dead { reason, .. } => Some(status_alone(reason).to_owned()),
            _ => None,
        };
        let withheld = match &settled.state {
            DeliveryState::NotTold { why, .. } => Some(why.kind().to_owned()),
            _ => None,
        };
        if failure.is_some() || withheld.is_some() || matches!(settled.state, DeliveryState::Told { .. }) {
            let (route, target) = (settled.route.clone(), settled.target.clone());
            let (alert, delivery) = (settled.alert, settled.id);
            self.append_activity(&Activity::DeliveryEnded {
                alert,
                delivery,
                route,
                target,
                failure,
                withheld,
            })?;
        }
        self.put_delivery(settled)
    }

    /// Takes out of the outbox what stands first for that target, if it cannot be read: it would stand before all
    /// others for ever.
    pub fn pass_over_unreadable(&mut self, target: &str) -> Result<(), StoreError> {
        let first = {
            let write = self.reading();
            let (outbox, deliveries) = (write.open_table(t::OUTBOX)?, write.open_table(t::DELIVERIES)?);
            let Some(row) = outbox.range(all_of(target))?.next() else { return Ok(()) };
            let row = row?;
            let (_, due, id) = row.0.value();
            let is_damaged = delivery(&deliveries, id).is_err_and(|error| error.is_damage());
            is_damaged.then_some((due, *id))
        };
        if let Some((due, id)) = first {
            self.writing().open_table(t::OUTBOX)?.remove((target, due, &id))?;
        }
        Ok(())
    }

    /// Puts the row and what finds it, in place of those that were there.
    pub(super) fn put_delivery(&mut self, delivery: &Delivery) -> Result<(), StoreError> {
        let id = delivery.id.as_bytes();
        let before = self::delivery(&self.reading().open_table(t::DELIVERIES)?, id)?;
        let (due, died) = (delivery.due(), died(delivery));
        {
            let write = self.writing();
            let mut outbox = write.open_table(t::OUTBOX)?;
            let mut dead = write.open_table(t::UNDELIVERED)?;
            let mut ended = write.open_table(t::ENDED_DELIVERIES)?;
            if let Some(before) = &before {
                before.due().map(|due| outbox.remove((&*before.target, due.0, id))).transpose()?;
                self::died(before).map(|at| dead.remove((&*before.target, at.0, id))).transpose()?;
                before.ended_at().map(|at| ended.remove((at.0, id))).transpose()?;
            }
            due.map(|due| outbox.insert((&*delivery.target, due.0, id), ())).transpose()?;
            died.map(|at| dead.insert((&*delivery.target, at.0, id), ())).transpose()?;
            delivery.ended_at().map(|at| ended.insert((at.0, id), ())).transpose()?;
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

pub(super) fn died(delivery: &Delivery) -> Option<ReceivedAt> {
    match delivery.state {
        DeliveryState::Dead { at, .. } => Some(at),
        _ => None,
    }
}

pub(super) fn all_of(target: &str) -> std::ops::RangeInclusive<(&str, u64, &[u8; 16])> {
    (target, 0, &[0; 16])..=(target, u64::MAX, &[0xff; 16])
}

pub(super) fn delivery(
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

#[cfg(test)]
mod tests;
