//! What the detect reader commits: alerts, their evidence, its position and now and then its windows.

use super::access::{decode, encode};
use super::dead_letters::Steps;
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::detect::{self, Burst, Circumstances};
use crate::model::{
    Activity, Alert, AlertChange, AlertStep, EvidenceItem, Fingerprint, Overrides, Seq, SourceId,
    seq_of_event_id,
};
use crate::routing::{self, Routing};
use redb::ReadableDatabase;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// The name of the detect reader in the table of positions.
const DETECT: &str = "detect";
/// Bytes of one piece of a snapshot.
const PIECE_BYTES: usize = 1 << 20;
/// The row beside the pieces that holds the settings changed at run time.
const OVERRIDES_ROW: u32 = u32::MAX;

/// What came of reading a stretch of the log.
#[derive(Debug, Default)]
pub struct DetectionStep {
    /// What fired, in order of the first firing.
    pub bursts: Vec<Burst>,
    /// What was noticed to be over, in the order of the log.
    pub reliefs: Vec<Relief>,
    /// Events that came too late for their window.
    pub late: Vec<Seq>,
    /// What became of steps that failed, now or before.
    pub steps: Steps,
    /// The first entry that was not read.
    pub position: Seq,
    /// The windows as they were at `position`, where it is time to keep them.
    pub snapshot: Option<Snapshot>,
    /// The names of the sources of the events that fired.
    pub source_names: HashMap<SourceId, String>,
    /// Who is told of what fired.
    pub routing: Arc<Routing>,
    /// The traces of the requests that brought the events that fired, as far as they are known. They are kept with an alert
    /// and not in the log: they say how an event came here, and not what happened.
    pub trace_ids: HashMap<Seq, String>,
}

/// Something that an alert was raised about and that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relief {
    /// Of which alert.
    pub fingerprint: Fingerprint,
    /// The entry that says so.
    pub seq: Seq,
    /// Why nobody needs to look any more.
    pub why: &'static str,
}

/// The windows of detection, and what they were judged by, as they were at one place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The first entry that they had not seen.
    pub at: Seq,
    /// The windows, as the engine writes them.
    pub windows: Vec<u8>,
    /// The settings changed at run time by the entries before it.
    pub overrides: Overrides,
}

impl Store {
    /// How far detection has come, and the newest snapshot of its windows.
    pub fn detection_state(&self) -> Result<(Seq, Option<Snapshot>), StoreError> {
        let read = self.db.begin_read()?;
        let position = read.open_table(t::POSITIONS)?.get(DETECT)?.map_or(0, |value| value.value());
        let mut bytes = Vec::new();
        let pieces = read.open_table(t::SNAPSHOT)?;
        for row in pieces.range(..OVERRIDES_ROW)? {
            bytes.extend_from_slice(row?.1.value());
        }
        let overrides = pieces.get(OVERRIDES_ROW)?.map(|row| decode("snapshot", OVERRIDES_ROW, row.value()));
        // Where these cannot be read, neither can the windows be used: both come back out of the log.
        let overrides = overrides.map_or(Some(Overrides::default()), Result::ok);
        let snapshot = bytes.split_first_chunk().zip(overrides).map(|((at, windows), overrides)| Snapshot {
            at: Seq(u64::from_le_bytes(*at)),
            windows: windows.to_vec(),
            overrides,
        });
        Ok((Seq(position), snapshot))
    }
}

impl Txn<'_> {
    /// Raises and extends alerts and moves the reader's position, all or nothing.
    pub fn apply_detection(&mut self, step: &DetectionStep) -> Result<(), StoreError> {
        // Once for all: the same hold for the status of an alert and for who is told of it.
        let silences = if step.bursts.is_empty() { Vec::new() } else { self.silences_in_force()? };
        let (now, mut waiting) = (self.now(), HashMap::new());
        for burst in &step.bursts {
            let current = self.current_alert(&burst.fingerprint)?;
            let covers = |alert: &Alert| routing::is_covered(&step.routing, &silences, alert, now);
            let covered = current.as_ref().is_some_and(covers);
            let circumstances = Circumstances { silences: &silences, now, covered };
            let applied = detect::apply(current.clone(), burst, circumstances, |source| {
                step.source_names.get(&source).cloned().unwrap_or_else(|| format!("source {}", source.0))
            });
            for alert in &applied.alerts {
                let known = current.as_ref().filter(|known| known.id == alert.id);
                let trace_id = alert.trace_id.clone().or_else(|| {
                    // The alert's id holds the number of the event that raised it.
                    step.trace_ids.get(&seq_of_event_id(alert.id)?).cloned()
                });
                let is_told = applied.notified.iter().any(|notification| notification.alert == alert.id);
                let unheard = if is_told { covers(alert) } else { alert.unheard };
                let alert = &Alert { trace_id, unheard, ..alert.clone() };
                self.put_alert(alert)?;
                self.index_evidence(alert, &new_evidence(known, alert))?;
                self.make_current(alert)?;
            }
            for raised in &applied.raised {
                let alert = applied.alerts.iter().find(|alert| alert.id == raised.alert);
                let alert = alert.expect("what was raised is among the changed alerts");
                self.append_activity(&raised_activity(alert, raised.events.clone()))?;
            }
            for changed in &applied.changed {
                let AlertStep { change, by, note, .. } = changed.step.clone();
                self.append_activity(&Activity::AlertChanged { alert: changed.alert, change, by, note })?;
            }
            for notification in &applied.notified {
                self.append_activity(&Activity::AlertNotified {
                    alert: notification.alert,
                    fingerprint: burst.fingerprint,
                    occurrences: notification.occurrences,
                    quiet_until: notification.quiet_until,
                })?;
                let alert = applied.alerts.iter().find(|alert| alert.id == notification.alert);
                let alert = alert.expect("what is told of is among the changed alerts");
                self.tell(alert, notification, &step.routing, &silences, &mut waiting)?;
            }
        }
        for relief in &step.reliefs {
            // What fired again after it is not over.
            let fired = step.bursts.iter().filter(|burst| burst.fingerprint == relief.fingerprint);
            if !fired.flat_map(|burst| &burst.firings).any(|firing| firing.seq > relief.seq) {
                self.relieve(relief)?;
            }
        }
        self.enter_steps(DETECT, &step.steps)?;
        let write = self.writing();
        write.open_table(t::POSITIONS)?.insert(DETECT, step.position.0)?;
        let mut late = write.open_table(t::LATE_EVENTS)?;
        for seq in &step.late {
            late.insert(seq.0, ())?;
        }
        drop(late);
        step.snapshot.as_ref().map_or(Ok(()), |snapshot| self.put_snapshot(snapshot))
    }

    /// Resolves the alert of something that is over, where nobody has closed it.
    fn relieve(&mut self, relief: &Relief) -> Result<(), StoreError> {
        let open = self.current_alert(&relief.fingerprint)?.filter(|alert| !alert.is_closed());
        let Some(alert) = open else { return Ok(()) };
        let (change, by, note) = (AlertChange::Resolved, detect::APPLIANCE.to_owned(), Some(relief.why));
        if let Ok(resolved) = detect::taken(&alert, change, &by, self.now(), note) {
            self.put_alert(&resolved)?;
            let note = note.map(str::to_owned);
            self.append_activity(&Activity::AlertChanged { alert: alert.id, change, by, note })?;
        }
        Ok(())
    }

    fn put_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let mut bytes = snapshot.at.0.to_le_bytes().to_vec();
        bytes.extend_from_slice(&snapshot.windows);
        let mut pieces = self.writing().open_table(t::SNAPSHOT)?;
        pieces.retain(|_, _| false)?;
        for (number, piece) in (0u32..).zip(bytes.chunks(PIECE_BYTES)) {
            pieces.insert(number, piece)?;
        }
        pieces.insert(OVERRIDES_ROW, &encode(&snapshot.overrides)[..])?;
        Ok(())
    }
}

fn raised_activity(alert: &Alert, events: Vec<Uuid>) -> Activity {
    Activity::AlertRaised {
        alert: alert.id,
        pattern: alert.pattern,
        severity: alert.severity,
        fingerprint: alert.fingerprint,
        organization: alert.organization.clone(),
        key: alert.key.clone(),
        created_at: alert.created_at,
        events,
    }
}

/// The events that the evidence names now and did not name before.
fn new_evidence(known: Option<&Alert>, alert: &Alert) -> Vec<EvidenceItem> {
    let before: std::collections::HashSet<Seq> = known
        .iter()
        .flat_map(|alert| alert.evidence.first.iter().chain(&alert.evidence.last))
        .map(|item| item.seq)
        .collect();
    let now = alert.evidence.first.iter().chain(&alert.evidence.last);
    now.filter(|item| !before.contains(&item.seq)).copied().collect()
}
