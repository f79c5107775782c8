//! Deliveries that waited for their target until they were not worth telling any more.

use super::error::StoreError;
use super::open::Store;
use super::outbox::delivery;
use super::tables as t;
use super::txn::Txn;
use crate::model::{Alert, Delivery, DeliveryState, NotTold};
use crate::routing::Company;
use redb::{ReadableDatabase, ReadableTable};

/// Rows of an alert, the newest first, among which its other deliveries are looked for.
const LOOKED_AT_MAX: usize = 500;

impl Store {
    /// What is known of the others of the same alert, route and target; among the newest 500 rows of the alert.
    pub fn company_of(&self, of: &Delivery) -> Result<Company, StoreError> {
        let read = self.db.begin_read()?;
        let others = others(&read.open_table(t::DELIVERIES_OF_ALERT)?, &read.open_table(t::DELIVERIES)?, of)?;
        Ok(company(&others, of))
    }
}

impl Txn<'_> {
    /// Notes that one that waited is not told any more. A newer one that waits takes its place and its faults, so that
    /// neither an alert that goes on firing nor a message that is refused can hide behind those that follow. Where nobody
    /// heard of it, the cooldown that began with it holds nothing back.
    pub fn withhold_delivery(&mut self, id: uuid::Uuid, why: NotTold) -> Result<(), StoreError> {
        let Some(known) = self.waiting_delivery(id)? else { return Ok(()) };
        let others = {
            let read = self.reading();
            others(&read.open_table(t::DELIVERIES_OF_ALERT)?, &read.open_table(t::DELIVERIES)?, &known)?
        };
        let company = company(&others, &known);
        if why == NotTold::Superseded {
            let waiting = others.into_iter().filter(|other| is_newer(other, &known) && other.due().is_some());
            match waiting.max_by_key(|other| other.occurrences) {
                Some(newest) => self.put_delivery(&in_place_of(&known, newest))?,
                None if company.newer_told => {}
                None => return Ok(()),
            }
        }
        let is_unheard = match why {
            NotTold::Silenced { .. } | NotTold::Maintenance { .. } => !company.newer_told,
            NotTold::Closed { .. } => !company.was_told,
            _ => false,
        };
        if let Some(alert) = is_unheard.then(|| self.alert(known.alert)).transpose()?.flatten() {
            self.put_alert(&Alert { unheard: true, ..alert })?;
        }
        let now = self.now();
        self.put_settled(&known.moved_to(DeliveryState::NotTold { why, at: Some(now) }, now))
    }
}

/// The newer one where the older one stood, with as many faults of its own.
fn in_place_of(older: &Delivery, newer: Delivery) -> Delivery {
    let strikes_of = |delivery: &Delivery| match delivery.state {
        DeliveryState::Waiting { strikes, .. } => strikes,
        _ => 0,
    };
    let (due, faults) = (older.due(), strikes_of(older));
    match newer.state {
        DeliveryState::Waiting { since, attempts, strikes, next_try, last_error } => {
            let state = DeliveryState::Waiting {
                since,
                attempts,
                strikes: strikes.max(faults),
                next_try: due.map_or(next_try, |due| due.min(next_try)),
                last_error,
            };
            Delivery { state, ..newer }
        }
        _ => newer,
    }
}

fn company(others: &[Delivery], of: &Delivery) -> Company {
    let is_told = |other: &Delivery| matches!(other.state, DeliveryState::Told { .. });
    Company {
        was_told: others.iter().any(is_told),
        newer_waits: others.iter().any(|other| is_newer(other, of) && other.due().is_some()),
        newer_told: others.iter().any(|other| is_newer(other, of) && is_told(other)),
    }
}

fn is_newer(other: &Delivery, of: &Delivery) -> bool {
    other.occurrences > of.occurrences
}

/// The others of the same alert, route and target that can be read.
fn others(
    rows: &impl ReadableTable<(&'static [u8; 16], u64, &'static [u8; 16]), ()>,
    deliveries: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    of: &Delivery,
) -> Result<Vec<Delivery>, StoreError> {
    let alert = of.alert.as_bytes();
    let all = (alert, 0, &[0; 16])..=(alert, u64::MAX, &[0xff; 16]);
    let mut found = Vec::new();
    for row in rows.range::<(&[u8; 16], u64, &[u8; 16])>(all)?.rev().take(LOOKED_AT_MAX) {
        match delivery(deliveries, row?.0.value().2) {
            Err(error) if error.is_damage() => {}
            other => found.extend(other?.filter(|other| {
                other.id != of.id && (&other.route, &other.target) == (&of.route, &of.target)
            })),
        }
    }
    Ok(found)
}
