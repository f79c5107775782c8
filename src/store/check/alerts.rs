//! The alerts held against what the log tells of them.

use super::order::Order;
use super::report::{Fault, Report};
use crate::model::{Activity, Alert, AlertChange, AlertStatus, AlertStep, Evidence, ReceivedAt, Seq};
use crate::store::alerts::{decode, decode_evidence};
use crate::store::error::StoreError;
use crate::store::open::Store;
use crate::store::tables as t;
use redb::{ReadTransaction, ReadableDatabase};
use std::collections::HashMap;
use uuid::Uuid;

/// Alerts whose steps are counted at once: about 64 MB.
const ALERTS_MAX: usize = 1_000_000;
/// Alerts that one read transaction takes.
const ROWS_MAX: usize = 500;

/// What the log tells of alerts, as far as it was read.
#[derive(Default)]
pub(super) struct AlertsTold {
    /// The steps that are entries of their own, counted, by alert.
    steps: HashMap<Uuid, u32>,
    /// Alerts beyond [`ALERTS_MAX`].
    pub(super) uncounted: u64,
}

/// Something that the log should tell of, and did not so far.
#[derive(Clone, Copy)]
struct Untold {
    alert: Uuid,
    /// The steps that are entries of their own, by the alert itself.
    steps: u32,
}

impl AlertsTold {
    pub(super) fn count(&self) -> u64 {
        self.steps.len() as u64 + self.uncounted
    }

    /// Takes one entry, and holds the alert that it speaks of against it. Rows may be newer than the entry: what is
    /// compared never changes, or only grows.
    pub(super) fn take(
        &mut self,
        store: &Store,
        (seq, at): (Seq, ReceivedAt),
        activity: &Activity,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let told = match activity {
            Activity::AlertRaised { alert, .. }
            | Activity::AlertNotified { alert, .. }
            | Activity::AlertChanged { alert, .. } => *alert,
            _ => return Ok(()),
        };
        self.tell(told, activity);
        let row = {
            let alerts = store.db.begin_read()?.open_table(t::ALERTS)?;
            alerts.get(told.as_bytes())?.map(|row| decode(told.as_bytes(), row.value()))
        };
        let seq = Some(seq.0);
        match row {
            None => report.note(
                Fault::Missing,
                seq,
                format!("alert {told}, of which this entry tells, is missing"),
            ),
            Some(Err(error)) => report.note(Fault::Altered, seq, error),
            Some(Ok(alert)) if !fits(&alert, at, activity) => {
                report.note(Fault::Altered, seq, format!("alert {told} is not what this entry says of it"));
            }
            Some(Ok(_)) => {}
        }
        Ok(())
    }

    fn tell(&mut self, alert: Uuid, activity: &Activity) {
        match activity {
            Activity::AlertRaised { .. } if self.steps.len() < ALERTS_MAX => {
                self.steps.entry(alert).or_default();
            }
            Activity::AlertRaised { .. } => self.uncounted += 1,
            Activity::AlertChanged { .. } => {
                if let Some(steps) = self.steps.get_mut(&alert) {
                    *steps += 1;
                }
            }
            _ => {}
        }
    }

    /// Goes through the alerts as they are kept: each must be told of in the log, and be told of whole. `end` is how
    /// far the log was read; what happened to alerts since is looked up there.
    pub(super) fn compare(mut self, store: &Store, end: Seq, report: &mut Report) -> Result<(), StoreError> {
        let mut untold = Vec::new();
        let mut order = Order::of("alerts");
        let mut from = Some(0_u128);
        while let Some(first) = from {
            let read = store.db.begin_read()?;
            let alerts = read.open_table(t::ALERTS)?;
            let mut last = None;
            for row in alerts.range::<&[u8; 16]>(&first.to_be_bytes()..)?.take(ROWS_MAX) {
                let (id, value) = row?;
                order.next(*id.value(), || Uuid::from_bytes(*id.value()).to_string())?;
                last = Some(u128::from_be_bytes(*id.value()));
                match decode(id.value(), value.value()) {
                    Err(error) => report.note(Fault::Altered, None, error),
                    Ok(alert) => {
                        check_alert(&read, &alert, report)?;
                        untold.extend(self.untold(&alert));
                    }
                }
            }
            from = last.and_then(|last| last.checked_add(1));
        }
        if self.uncounted == 0 && !untold.is_empty() {
            self.hear_further(store, end)?;
            for Untold { alert, steps } in untold {
                let told = self.steps.get(&alert);
                match told {
                    None => {
                        report.note(
                            Fault::Altered,
                            None,
                            format!("no entry of the log raises alert {alert}"),
                        );
                    }
                    Some(told) if *told < steps => {
                        let what = format!("alert {alert} has steps of which no entry of the log tells");
                        report.note(Fault::Altered, None, what);
                    }
                    Some(_) => {}
                }
            }
        }
        check_current(store, report)
    }

    fn untold(&self, alert: &Alert) -> Option<Untold> {
        let steps = alert.history.iter().filter(|step| step.change.is_entered_as_change()).count();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        let is_told = self.steps.get(&alert.id).is_some_and(|told| *told >= steps);
        (!is_told).then_some(Untold { alert: alert.id, steps })
    }

    /// What has been appended since the check began.
    fn hear_further(&mut self, store: &Store, end: Seq) -> Result<(), StoreError> {
        let (mut next, size) = (end, store.size());
        while next < size {
            for block in store.blocks_from(next, 1)? {
                for stored in block.entries_from(next).iter().flatten() {
                    if let Ok(activity) = serde_json::from_slice::<Activity>(&stored.entry.body) {
                        match &activity {
                            Activity::AlertRaised { alert, .. } | Activity::AlertChanged { alert, .. } => {
                                self.tell(*alert, &activity);
                            }
                            _ => {}
                        }
                    }
                }
                next = block.end();
            }
        }
        Ok(())
    }
}

fn fits(alert: &Alert, at: ReceivedAt, activity: &Activity) -> bool {
    match activity {
        Activity::AlertRaised { pattern, severity, fingerprint, organization, key, created_at, .. } => {
            alert.pattern == *pattern
                && alert.severity == *severity
                && alert.fingerprint == *fingerprint
                && alert.organization == *organization
                && alert.key == *key
                && alert.created_at == *created_at
        }
        Activity::AlertNotified { fingerprint, occurrences, .. } => {
            alert.fingerprint == *fingerprint && alert.occurrences >= *occurrences
        }
        Activity::AlertChanged { change, by, note, .. } => {
            let note = note.as_deref().filter(|note| !note.trim().is_empty());
            let is_it = |step: &AlertStep| {
                step.change == *change && step.by == *by && step.at == at && step.note.as_deref() == note
            };
            alert.history.iter().any(is_it)
        }
        _ => true,
    }
}

/// Where the steps have led.
fn status_of(history: &[AlertStep]) -> AlertStatus {
    history.iter().fold(AlertStatus::Active, |status, step| match step.change {
        AlertChange::Acknowledged => AlertStatus::Acknowledged,
        AlertChange::Resolved => AlertStatus::Resolved,
        AlertChange::Dismissed => AlertStatus::Dismissed,
        AlertChange::Reopened | AlertChange::Resumed => AlertStatus::Active,
        AlertChange::Suppressed => AlertStatus::Suppressed,
        AlertChange::Raised | AlertChange::Notified | AlertChange::Commented => status,
    })
}

/// An alert against what is kept beside it.
fn check_alert(read: &ReadTransaction, alert: &Alert, report: &mut Report) -> Result<(), StoreError> {
    let id = alert.id;
    if alert.status != status_of(&alert.history) {
        report.note(
            Fault::Altered,
            None,
            format!("the status of alert {id} does not follow from its history"),
        );
    }
    let current = read.open_table(t::CURRENT_ALERTS)?.get(&alert.fingerprint)?.map(|row| *row.value());
    if current.is_none_or(|current| !alert.is_closed() && current != *id.as_bytes()) {
        let what = format!("alert {id} is not the one that further firings of its kind would find");
        report.note(Fault::Missing, None, what);
    }
    let mut evidence = Evidence::default();
    match read.open_table(t::EVIDENCE)?.get(id.as_bytes())? {
        None => report.note(Fault::Missing, None, format!("the evidence of alert {id} is missing")),
        Some(row) => {
            if let Err(error) = decode_evidence(id, row.value(), &mut evidence) {
                report.note(Fault::Altered, None, error);
            }
        }
    }
    let kept = (evidence.first.len() + evidence.last.len()) as u64;
    if kept > alert.evidence.count || (evidence.last.is_empty() && kept != alert.evidence.count) {
        report.note(
            Fault::Altered,
            None,
            format!("alert {id} does not count the events that its evidence names"),
        );
    }
    let rows = read.open_table(t::ALERTS_OF_EVENT)?;
    for item in evidence.first.iter().chain(&evidence.last) {
        if rows.get((item.seq.0, id.as_bytes()))?.is_none() {
            let what = format!("the entry is evidence of alert {id}, and nothing leads from it there");
            report.note(Fault::Missing, Some(item.seq.0), what);
        }
    }
    Ok(())
}

/// Of each fingerprint the alert that firings find is one of that fingerprint.
fn check_current(store: &Store, report: &mut Report) -> Result<(), StoreError> {
    let mut order = Order::of("current_alerts");
    let mut from: Option<[u8; 32]> = Some([0; 32]);
    while let Some(first) = from {
        let read = store.db.begin_read()?;
        let (current, alerts) = (read.open_table(t::CURRENT_ALERTS)?, read.open_table(t::ALERTS)?);
        let mut last = None;
        for row in current.range::<&[u8; 32]>(&first..)?.take(ROWS_MAX) {
            let (fingerprint, id) = row?;
            order.next(*fingerprint.value(), || format!("of alert {}", Uuid::from_bytes(*id.value())))?;
            last = Some(*fingerprint.value());
            let alert = alerts.get(id.value())?.and_then(|row| decode(id.value(), row.value()).ok());
            if alert.is_none_or(|alert| alert.fingerprint != *fingerprint.value()) {
                let id = Uuid::from_bytes(*id.value());
                let what = format!("firings would find alert {id}, which is missing or of another kind");
                report.note(Fault::Missing, None, what);
            }
        }
        from = last.and_then(successor);
    }
    Ok(())
}

/// The key behind that one; `None` behind the last there can be.
pub(super) fn successor(mut key: [u8; 32]) -> Option<[u8; 32]> {
    for byte in key.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(key);
        }
    }
    None
}
