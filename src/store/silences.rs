//! Silences: making and ending them, and what one would have muted.

use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::model::{Activity, AlertChange, Matcher, Organizations, ReceivedAt, Silence};
use redb::{ReadableDatabase, ReadableTable};
use uuid::Uuid;

const VERSION: u8 = 1;
/// Silences in force at a time: each notification is held against all of them.
const IN_FORCE_MAX: usize = 1_000;
/// Alerts that a preview names.
const NAMED_MAX: usize = 20;

/// What a silence would have muted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Muted {
    /// How many alerts.
    pub alerts: u64,
    /// How many notifications of them.
    pub notifications: u64,
    /// The latest of the alerts, at most 20.
    pub latest: Vec<Uuid>,
}

/// Why a silence was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceRefusal {
    /// There are too many.
    #[error("there are {IN_FORCE_MAX} silences in force; end some of them")]
    TooMany,
}

impl Store {
    /// The silences within what the caller may see, those that end last first.
    pub fn silences(&self, scope: &Organizations, limit: usize) -> Result<Vec<Silence>, StoreError> {
        let silences = self.db.begin_read()?.open_table(t::SILENCES)?;
        let mut found = Vec::new();
        for row in silences.range::<(u64, &[u8; 16])>(..)?.rev().take(IN_FORCE_MAX) {
            let silence = decode(row?.1.value())?;
            if silence.matcher.is_within(scope) && found.len() < limit {
                found.push(silence);
            }
        }
        Ok(found)
    }

    /// Those that are in force at `now`.
    pub fn silences_at(&self, now: ReceivedAt) -> Result<Vec<Silence>, StoreError> {
        let silences = self.db.begin_read()?.open_table(t::SILENCES)?;
        let rows = silences.range((now.0 + 1, &[0; 16])..)?.take(IN_FORCE_MAX);
        rows.map(|row| decode(row?.1.value())).collect()
    }

    /// What a silence with that matcher would have muted since then, had it been in force.
    pub fn would_have_muted(
        &self,
        matcher: &Matcher,
        since: ReceivedAt,
        scope: &Organizations,
    ) -> Result<Muted, StoreError> {
        let mut muted = Muted::default();
        let mut latest = Vec::new();
        // Lists know no history.
        self.each_stored_alert(|alert| {
            if alert.last_seen_at < since
                || !scope.allow(alert.organization.as_deref())
                || !matcher.matches(&alert)
            {
                return;
            }
            let told = alert.history.iter();
            let told = told.filter(|step| step.change == AlertChange::Notified && step.at >= since).count();
            if told > 0 {
                muted.alerts += 1;
                muted.notifications += told as u64;
                latest.push((alert.last_seen_at, alert.id));
                if latest.len() > 2 * NAMED_MAX {
                    latest.sort_unstable();
                    latest.drain(..NAMED_MAX);
                }
            }
        })?;
        latest.sort_unstable();
        muted.latest = latest.into_iter().rev().take(NAMED_MAX).map(|(_, id)| id).collect();
        Ok(muted)
    }
}

impl Txn<'_> {
    /// Keeps a silence that begins now; its `created_at` is set.
    pub fn make_silence(&mut self, silence: Silence) -> Result<Result<Silence, SilenceRefusal>, StoreError> {
        if self.silences_in_force()?.len() >= IN_FORCE_MAX {
            return Ok(Err(SilenceRefusal::TooMany));
        }
        let silence = Silence { created_at: self.now(), ..silence };
        self.put_silence(&silence)?;
        self.append_activity(&Activity::SilenceMade { silence: silence.clone() })?;
        Ok(Ok(silence))
    }

    /// Ends a silence that is in force and within what the caller may see; `false` where there is none.
    pub fn end_silence(&mut self, id: Uuid, scope: &Organizations, by: &str) -> Result<bool, StoreError> {
        let found = self.silences_in_force()?.into_iter().find(|silence| silence.id == id);
        let Some(silence) = found.filter(|silence| silence.matcher.is_within(scope)) else {
            return Ok(false);
        };
        self.writing().open_table(t::SILENCES)?.remove((silence.ends_at.0, id.as_bytes()))?;
        self.put_silence(&Silence { ends_at: self.now(), ..silence })?;
        self.append_activity(&Activity::SilenceEnded { silence: id, by: by.to_owned() })?;
        Ok(true)
    }

    /// Those that have not ended.
    pub(super) fn silences_in_force(&self) -> Result<Vec<Silence>, StoreError> {
        let silences = self.reading().open_table(t::SILENCES)?;
        let rows = silences.range((self.now().0 + 1, &[0; 16])..)?.take(IN_FORCE_MAX);
        rows.map(|row| decode(row?.1.value())).collect()
    }

    fn put_silence(&mut self, silence: &Silence) -> Result<(), StoreError> {
        let mut row = vec![VERSION];
        serde_json::to_writer(&mut row, silence).expect("a silence has only string keys");
        let key = (silence.ends_at.0, silence.id.as_bytes());
        self.writing().open_table(t::SILENCES)?.insert(key, &row[..])?;
        Ok(())
    }
}

fn decode(row: &[u8]) -> Result<Silence, StoreError> {
    let damaged = |what: String| StoreError::damaged("silences", "", what);
    match row.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|error| damaged(error.to_string())),
        _ => Err(damaged("the row has an unknown version".to_owned())),
    }
}
