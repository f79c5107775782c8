//! Alerts: finding them, counting them, and the steps that people take.

use super::alert_list::listed;
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::detect::{self, IllegalTransition};
use crate::model::{
    Activity, Alert, AlertChange, AlertFilter, AlertOrder, AlertStatus, AlertType, Evidence, EvidenceItem,
    Fingerprint, Organizations, Pattern, ReceivedAt, Seq, Severity,
};
use crate::search_text::{Document, Query};
use redb::{ReadableDatabase, ReadableTable};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

const VERSION: u8 = 1;
/// Bytes of one event in the evidence: seq ‖ id ‖ seconds i64 ‖ nanoseconds i32, little-endian.
const ITEM_BYTES: usize = 36;
/// Alerts that the counts name.
pub const NEWEST_KEPT: usize = 10;
/// Scopes whose counts are kept.
const SCOPES_KEPT: usize = 64;

/// Counts of alerts by scope, each with the version of the alerts that it was made from.
pub(super) type AlertCounts = Mutex<HashMap<Organizations, (u64, Arc<AlertStatistics>)>>;

/// A page of alerts.
#[derive(Clone, Debug, Default)]
pub struct AlertPage {
    /// The alerts, in the order asked for.
    pub alerts: Vec<Alert>,
    /// How many there are in all.
    pub total: usize,
    /// How many of each pattern.
    pub by_pattern: BTreeMap<Pattern, usize>,
}

/// How many alerts there are, and of what kind.
#[derive(Clone, Debug, Default)]
pub struct AlertStatistics {
    /// All of them.
    pub total: u64,
    /// By where they stand.
    pub by_status: BTreeMap<AlertStatus, u64>,
    /// By how serious they are.
    pub by_severity: BTreeMap<Severity, u64>,
    /// Those that nobody has closed, by how serious they are.
    pub open_by_severity: BTreeMap<Severity, u64>,
    /// By area.
    pub by_type: BTreeMap<AlertType, u64>,
    /// By the source of the event that fired first.
    pub by_source: BTreeMap<String, u64>,
    /// By pattern.
    pub by_pattern: BTreeMap<&'static str, u64>,
    /// By the day (UTC) on which they were raised, as `2026-01-31`.
    pub by_day: BTreeMap<String, u64>,
    /// The newest of them, the newest last: at most `NEWEST_KEPT`.
    pub newest: VecDeque<AlertBrief>,
}

/// What a notice says of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertBrief {
    /// Its id.
    pub id: Uuid,
    /// What was found.
    pub pattern: Pattern,
    /// How serious.
    pub severity: Severity,
    /// Who or what it is about.
    pub key: String,
}

/// What became of a change that someone asked for.
pub(crate) type Changed = Result<Alert, Refusal>;

/// Why an alert was not changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is none of that id within what the caller may see.
    #[error("there is no alert with this id")]
    NotFound,
    /// It does not stand where the change could begin.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
}

impl Store {
    /// The alerts that match and that `search` finds, a page of them with their evidence.
    pub fn alerts_page(
        &self,
        filter: &AlertFilter,
        search: &Query,
        order: AlertOrder,
        descending: bool,
        offset: usize,
        limit: usize,
    ) -> Result<AlertPage, StoreError> {
        let listed = self.alerts_listed(filter, search, order, descending, offset, limit)?;
        let alerts = listed.alerts.iter().filter_map(|alert| self.alert(alert.id, &filter.scope).transpose());
        Ok(AlertPage {
            alerts: alerts.collect::<Result<_, _>>()?,
            total: listed.total,
            by_pattern: listed.by_pattern,
        })
    }

    /// The same without the history of the alerts and the events of their evidence, which is quicker.
    pub fn alerts_listed(
        &self,
        filter: &AlertFilter,
        search: &Query,
        order: AlertOrder,
        descending: bool,
        offset: usize,
        limit: usize,
    ) -> Result<AlertPage, StoreError> {
        let mut found = Vec::new();
        let mut by_pattern = BTreeMap::new();
        self.each_alert(|alert| {
            if filter.matches(alert) && is_found(alert, search) {
                *by_pattern.entry(alert.pattern).or_default() += 1;
                found.push((sort_key(alert, order), alert.id));
            }
        })?;
        found.sort_unstable();
        if descending {
            found.reverse();
        }
        let total = found.len();
        let page: Vec<Uuid> = found.into_iter().skip(offset).take(limit).map(|(_, id)| id).collect();
        Ok(AlertPage { alerts: self.listed_alerts(&page)?, total, by_pattern })
    }

    /// The alert of that id, with its evidence.
    pub fn alert(&self, id: Uuid, scope: &Organizations) -> Result<Option<Alert>, StoreError> {
        let alerts = self.db.begin_read()?.open_table(t::ALERTS)?;
        let Some(row) = alerts.get(id.as_bytes())? else { return Ok(None) };
        let alert = decode(id.as_bytes(), row.value())?;
        if !scope.allow(alert.organization.as_deref()) {
            return Ok(None);
        }
        self.with_evidence(alert).map(Some)
    }

    /// Whether there is an alert of that id within what the caller may see.
    pub(super) fn is_visible_alert(&self, id: Uuid, scope: &Organizations) -> Result<bool, StoreError> {
        let alerts = self.db.begin_read()?.open_table(t::ALERTS)?;
        let Some(row) = alerts.get(id.as_bytes())? else { return Ok(false) };
        Ok(scope.allow(decode(id.as_bytes(), row.value())?.organization.as_deref()))
    }

    /// The alerts that the event counted in, as far as their evidence names it.
    pub fn alerts_of_event(&self, seq: Seq, scope: &Organizations) -> Result<Vec<Alert>, StoreError> {
        let rows = self.db.begin_read()?.open_table(t::ALERTS_OF_EVENT)?;
        let mut alerts = Vec::new();
        for row in rows.range((seq.0, &[0; 16])..=(seq.0, &[0xff; 16]))? {
            let id = Uuid::from_bytes(*row?.0.value().1);
            alerts.extend(self.alert(id, scope)?);
        }
        Ok(alerts)
    }

    /// Whether the event came too late for a window that it belonged in.
    pub fn is_late(&self, seq: Seq) -> Result<bool, StoreError> {
        Ok(self.db.begin_read()?.open_table(t::LATE_EVENTS)?.get(seq.0)?.is_some())
    }

    /// How many alerts there are of each kind within what the caller may see. Counted again only after
    /// something changed.
    pub fn alert_statistics(&self, scope: &Organizations) -> Result<Arc<AlertStatistics>, StoreError> {
        let version = self.alerts_version.load(Ordering::Acquire);
        let kept = self.alert_counts.lock().expect("no holder of this lock panics").get(scope).cloned();
        if let Some((_, counts)) = kept.filter(|(counted_at, _)| *counted_at == version) {
            return Ok(counts);
        }
        let mut counts = AlertStatistics::default();
        self.each_alert(|alert| {
            if scope.allow(alert.organization.as_deref()) {
                counts.add(alert);
            }
        })?;
        let counts = Arc::new(counts);
        let mut kept = self.alert_counts.lock().expect("no holder of this lock panics");
        if kept.len() >= SCOPES_KEPT {
            kept.clear();
        }
        kept.insert(scope.clone(), (version, counts.clone()));
        Ok(counts)
    }

    pub(super) fn with_evidence(&self, mut alert: Alert) -> Result<Alert, StoreError> {
        let evidence = self.db.begin_read()?.open_table(t::EVIDENCE)?;
        if let Some(row) = evidence.get(alert.id.as_bytes())? {
            decode_evidence(alert.id, row.value(), &mut alert.evidence)?;
        }
        Ok(alert)
    }
}

impl AlertStatistics {
    fn add(&mut self, alert: &Alert) {
        self.total += 1;
        *self.by_status.entry(alert.status).or_default() += 1;
        *self.by_severity.entry(alert.severity).or_default() += 1;
        if !alert.is_closed() {
            *self.open_by_severity.entry(alert.severity).or_default() += 1;
        }
        *self.by_type.entry(alert.pattern.alert_type()).or_default() += 1;
        *self.by_source.entry(alert.source.clone()).or_default() += 1;
        *self.by_pattern.entry(alert.pattern.name()).or_default() += 1;
        let day = alert.created_at.timestamp().strftime("%Y-%m-%d").to_string();
        *self.by_day.entry(day).or_default() += 1;
        if self.newest.len() == NEWEST_KEPT {
            self.newest.pop_front();
        }
        let Alert { id, pattern, severity, .. } = *alert;
        self.newest.push_back(AlertBrief { id, pattern, severity, key: alert.key.clone() });
    }

    /// How many nobody has closed.
    pub fn open(&self) -> u64 {
        self.open_by_severity.values().sum()
    }
}

impl Store {
    /// The alert of that fingerprint that is open, or without one the last that was; without its evidence. `None` too where
    /// it cannot be read.
    pub fn newest_of(&self, fingerprint: &Fingerprint) -> Result<Option<Alert>, StoreError> {
        let id = self.db.begin_read()?.open_table(t::CURRENT_ALERTS)?.get(fingerprint)?.map(|id| *id.value());
        match id.map_or(Ok(None), |id| self.alert(Uuid::from_bytes(id), &Organizations::All)) {
            Err(error) if error.is_damage() => Ok(None),
            found => found,
        }
    }
}

impl Txn<'_> {
    /// One step of a person: acknowledge, resolve, dismiss, reopen or comment.
    pub fn change_alert(
        &mut self,
        id: Uuid,
        scope: &Organizations,
        change: AlertChange,
        by: &str,
        note: Option<String>,
    ) -> Result<Changed, StoreError> {
        let alert = self.alert(id)?.filter(|alert| scope.allow(alert.organization.as_deref()));
        let Some(alert) = alert else { return Ok(Err(Refusal::NotFound)) };
        let current = self.current_alert(&alert.fingerprint)?;
        let open = current.filter(|current| current.id != id && !current.is_closed());
        if let (AlertChange::Reopened, Some(open)) = (change, open) {
            return Ok(Err(IllegalTransition::NewerOpen { newer: open.id }.into()));
        }
        match detect::change(&alert, change, by, self.now(), note.as_deref()) {
            Err(illegal) => Ok(Err(illegal.into())),
            Ok(changed) => {
                self.put_alert(&changed)?;
                if change == AlertChange::Reopened {
                    // What fires from now on must find this one, even where a newer one was closed meanwhile.
                    self.make_current(&changed)?;
                }
                let by = by.to_owned();
                self.append_activity(&Activity::AlertChanged { alert: id, change, by, note })?;
                Ok(Ok(changed))
            }
        }
    }

    pub(super) fn alert(&self, id: Uuid) -> Result<Option<Alert>, StoreError> {
        let mut alert = {
            let alerts = self.reading().open_table(t::ALERTS)?;
            let Some(row) = alerts.get(id.as_bytes())? else { return Ok(None) };
            decode(id.as_bytes(), row.value())?
        };
        if let Some(row) = self.reading().open_table(t::EVIDENCE)?.get(id.as_bytes())? {
            decode_evidence(id, row.value(), &mut alert.evidence)?;
        }
        Ok(Some(alert))
    }

    /// The alert of that fingerprint that is open, or without one the last that was, with its evidence.
    pub(super) fn current_alert(&self, fingerprint: &Fingerprint) -> Result<Option<Alert>, StoreError> {
        let id = self.reading().open_table(t::CURRENT_ALERTS)?.get(fingerprint)?.map(|id| *id.value());
        match id.map_or(Ok(None), |id| self.alert(Uuid::from_bytes(id))) {
            // One damaged alert must not keep detection from going on: its fingerprint begins a new one.
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::error!(%error, "an alert cannot be read");
                Ok(None)
            }
            found => found,
        }
    }

    pub(super) fn put_alert(&mut self, alert: &Alert) -> Result<(), StoreError> {
        let (id, row) = (alert.id.as_bytes(), encode(alert));
        self.alerts_changed.push(listed(alert));
        let write = self.writing();
        write.open_table(t::ALERTS)?.insert(id, &row[..])?;
        write.open_table(t::EVIDENCE)?.insert(id, &encode_evidence(&alert.evidence)[..])?;
        Ok(())
    }

    /// Makes it the alert that further firings of its fingerprint find.
    pub(super) fn make_current(&mut self, alert: &Alert) -> Result<(), StoreError> {
        let mut current = self.writing().open_table(t::CURRENT_ALERTS)?;
        current.insert(&alert.fingerprint, alert.id.as_bytes())?;
        Ok(())
    }

    pub(super) fn index_evidence(&mut self, alert: &Alert, items: &[EvidenceItem]) -> Result<(), StoreError> {
        let mut rows = self.writing().open_table(t::ALERTS_OF_EVENT)?;
        for item in items {
            rows.insert((item.seq.0, alert.id.as_bytes()), ())?;
        }
        Ok(())
    }
}

pub(super) fn is_found(alert: &Alert, search: &Query) -> bool {
    if search.is_everything() {
        return true;
    }
    let (title, description) = (detect::title(alert.pattern, &alert.key), detect::explain(alert));
    search.matches(&Document::of_alert(alert, &title, &description))
}

/// What an alert is ordered by; ties go by when it was raised.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Number(u64, ReceivedAt),
    Text(String, ReceivedAt),
}

fn sort_key(alert: &Alert, order: AlertOrder) -> SortKey {
    let raised = alert.created_at;
    match order {
        AlertOrder::CreatedAt => SortKey::Number(raised.0, raised),
        AlertOrder::LastSeenAt => SortKey::Number(alert.last_seen_at.0, raised),
        AlertOrder::Severity => SortKey::Number(alert.severity as u64, raised),
        // The most urgent status is the first of its kind, and counts as the highest.
        AlertOrder::Status => SortKey::Number(u64::MAX - alert.status as u64, raised),
        AlertOrder::Pattern => SortKey::Text(alert.pattern.title().to_owned(), raised),
        AlertOrder::Organization => SortKey::Text(alert.organization.clone().unwrap_or_default(), raised),
        AlertOrder::Occurrences => SortKey::Number(alert.occurrences, raised),
    }
}

fn encode(alert: &Alert) -> Vec<u8> {
    let evidence = Evidence { first: Vec::new(), last: VecDeque::new(), ..alert.evidence };
    let mut row = vec![VERSION];
    serde_json::to_writer(&mut row, &Alert { evidence, ..alert.clone() })
        .expect("an alert has only string keys");
    row
}

pub(super) fn decode(id: &[u8; 16], row: &[u8]) -> Result<Alert, StoreError> {
    match row.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json)
            .map_err(|error| StoreError::damaged("alerts", Uuid::from_bytes(*id), error)),
        _ => Err(StoreError::damaged("alerts", Uuid::from_bytes(*id), "the row has an unknown version")),
    }
}

/// Version, number of first items u32, all items.
fn encode_evidence(evidence: &Evidence) -> Vec<u8> {
    let mut row = vec![VERSION];
    let first = u32::try_from(evidence.first.len()).expect("there are at most 1,000");
    row.extend_from_slice(&first.to_le_bytes());
    for item in evidence.first.iter().chain(&evidence.last) {
        row.extend_from_slice(&item.seq.0.to_le_bytes());
        row.extend_from_slice(item.id.as_bytes());
        row.extend_from_slice(&item.time.as_second().to_le_bytes());
        row.extend_from_slice(&item.time.subsec_nanosecond().to_le_bytes());
    }
    row
}

pub(super) fn decode_evidence(id: Uuid, row: &[u8], evidence: &mut Evidence) -> Result<(), StoreError> {
    let damaged = || StoreError::damaged("evidence", id, "the row has a form that is not known");
    let (head, items) = row.split_first_chunk::<5>().ok_or_else(damaged)?;
    let (items, rest) = items.as_chunks::<ITEM_BYTES>();
    let first = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if head[0] != VERSION || !rest.is_empty() || first > items.len() {
        return Err(damaged());
    }
    let items: Option<Vec<EvidenceItem>> = items.iter().map(decode_item).collect();
    let mut items = items.ok_or_else(damaged)?;
    evidence.last = items.split_off(first).into();
    evidence.first = items;
    Ok(())
}

fn decode_item(bytes: &[u8; ITEM_BYTES]) -> Option<EvidenceItem> {
    let (seq, rest) = bytes.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (seconds, nanos) = rest.split_first_chunk()?;
    let nanos = i32::from_le_bytes(*nanos.first_chunk()?);
    Some(EvidenceItem {
        seq: Seq(u64::from_le_bytes(*seq)),
        id: Uuid::from_bytes(*id),
        time: jiff::Timestamp::new(i64::from_le_bytes(*seconds), nanos).ok()?,
    })
}
