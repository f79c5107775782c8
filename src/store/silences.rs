//! Silences: making and ending them, and what one would have muted.

use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::model::{Activity, Delivery, DeliveryState, Matcher, Organizations, ReceivedAt, Silence};
use redb::{ReadableDatabase, ReadableTable};
use std::sync::Once;
use uuid::Uuid;

const VERSION: u8 = 1;
/// Silences in force at a time: each notification is held against all of them.
const IN_FORCE_MAX: usize = 1_000;
/// Deliveries and alerts that a preview looks at, the newest first.
const COUNTED_MAX: usize = 20_000;
/// Rows that a list of silences looks at, those that end last first.
const LOOKED_AT_MAX: usize = 10_000;
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
    /// Whether there is more than was counted.
    pub is_more: bool,
}

/// Why a silence was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceRefusal {
    /// There are too many.
    #[error("there are {IN_FORCE_MAX} silences in force; end some of them")]
    TooMany,
}

impl Store {
    /// The silences that can mute something of what the caller may see, those that end last first; passing over what
    /// cannot be read.
    pub fn silences(&self, scope: &Organizations, limit: usize) -> Result<Vec<Silence>, StoreError> {
        let silences = self.db.begin_read()?.open_table(t::SILENCES)?;
        let mut found = Vec::new();
        for row in silences.range::<(u64, &[u8; 16])>(..)?.rev().take(LOOKED_AT_MAX) {
            found.extend(readable(row?.1.value())?.filter(|silence| silence.matcher.may_touch(scope)));
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// Those that are in force at `now`.
    pub fn silences_at(&self, now: ReceivedAt) -> Result<Vec<Silence>, StoreError> {
        in_force(&self.db.begin_read()?.open_table(t::SILENCES)?, now)
    }

    /// What a silence with that matcher would have muted since then, had it been in force.
    pub fn would_have_muted(
        &self,
        matcher: &Matcher,
        since: ReceivedAt,
        scope: &Organizations,
    ) -> Result<Muted, StoreError> {
        let mut matching = Vec::new();
        self.each_stored_alert(|alert| {
            if alert.last_seen_at >= since
                && scope.allow(alert.organization.as_deref())
                && matcher.matches(&alert)
            {
                matching.push((alert.last_seen_at, alert.id));
            }
        })?;
        matching.sort_unstable();
        // What nobody was to be told a silence would not have muted.
        let is_told = |delivery: &Delivery| {
            delivery.decided_at >= since && !matches!(delivery.state, DeliveryState::NotTold { .. })
        };
        let (mut muted, mut looked_at) = (Muted::default(), 0);
        for (_, alert) in matching.into_iter().rev() {
            if looked_at >= COUNTED_MAX {
                muted.is_more = true;
                break;
            }
            let left = COUNTED_MAX - looked_at;
            let found = match self.deliveries_of(alert, left) {
                Err(error) if error.is_damage() => continue,
                found => found?,
            };
            looked_at += found.len() + 1;
            muted.is_more |= found.len() == left;
            let told = found.iter().filter(|delivery| is_told(delivery)).count();
            if told > 0 {
                muted.alerts += 1;
                muted.notifications += told as u64;
                if muted.latest.len() < NAMED_MAX {
                    muted.latest.push(alert);
                }
            }
        }
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
        in_force(&self.reading().open_table(t::SILENCES)?, self.now())
    }

    /// Removes silences that ended before that, at most `limit`; what each was stays in the log.
    pub fn forget_silences(&mut self, before: ReceivedAt, limit: usize) -> Result<(), StoreError> {
        let mut silences = self.writing().open_table(t::SILENCES)?;
        let rows = silences.range((0, &[0; 16])..(before.0, &[0; 16]))?.take(limit);
        let old: Vec<(u64, [u8; 16])> =
            rows.map(|row| row.map(|row| (row.0.value().0, *row.0.value().1))).collect::<Result<_, _>>()?;
        for (ends_at, id) in &old {
            silences.remove((*ends_at, id))?;
        }
        Ok(())
    }

    fn put_silence(&mut self, silence: &Silence) -> Result<(), StoreError> {
        let mut row = vec![VERSION];
        serde_json::to_writer(&mut row, silence).expect("a silence has only string keys");
        let key = (silence.ends_at.0, silence.id.as_bytes());
        self.writing().open_table(t::SILENCES)?.insert(key, &row[..])?;
        Ok(())
    }
}

fn in_force(
    silences: &impl ReadableTable<(u64, &'static [u8; 16]), &'static [u8]>,
    now: ReceivedAt,
) -> Result<Vec<Silence>, StoreError> {
    let rows = silences.range::<(u64, &[u8; 16])>((now.0 + 1, &[0; 16])..)?.take(IN_FORCE_MAX);
    rows.filter_map(|row| row.map_err(StoreError::from).and_then(|row| readable(row.1.value())).transpose())
        .collect()
}

/// The silence of a row; nothing, and a message, of one that is damaged: it must not keep alerts from being told.
fn readable(row: &[u8]) -> Result<Option<Silence>, StoreError> {
    match decode(row) {
        Err(error) if error.is_damage() => {
            // It is met with every alert that fires.
            static TOLD: Once = Once::new();
            TOLD.call_once(|| tracing::error!(%error, "a silence cannot be read and mutes nothing"));
            Ok(None)
        }
        silence => silence.map(Some),
    }
}

fn decode(row: &[u8]) -> Result<Silence, StoreError> {
    let damaged = |what: String| StoreError::damaged("silences", "", what);
    match row.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|error| damaged(error.to_string())),
        _ => Err(damaged("the row has an unknown version".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;

    fn silence(number: u128, ends_at: u64) -> Silence {
        Silence {
            id: Uuid::from_u128(number),
            matcher: Matcher::default(),
            by: "ann".to_owned(),
            reason: "a drill".to_owned(),
            created_at: ReceivedAt(0),
            ends_at: ReceivedAt(ends_at),
        }
    }

    #[test]
    fn a_silence_that_cannot_be_read_mutes_nothing_and_keeps_no_other_from_it_and_old_ones_go() {
        let store = Store::open_on(InMemoryBackend::new(), ReceivedAt(1)).expect("memory does not fail");
        let mut txn = store.begin(ReceivedAt(1_000)).expect("memory");
        for (number, ends_at) in [(1, 10), (2, 20), (3, 2_000)] {
            txn.put_silence(&silence(number, ends_at)).expect("memory");
        }
        let key = (3_000, &[7; 16]);
        txn.writing()
            .open_table(t::SILENCES)
            .expect("there")
            .insert(key, &[VERSION, b'{'][..])
            .expect("memory");
        let in_force = txn.silences_in_force().expect("the rest is readable");
        txn.forget_silences(ReceivedAt(20), 10).expect("memory");
        txn.commit().expect("memory");
        let ids = |found: Vec<Silence>| found.iter().map(|silence| silence.id.as_u128()).collect::<Vec<_>>();
        assert_eq!(ids(in_force), [3]);
        assert_eq!(ids(store.silences_at(ReceivedAt(1_999)).expect("memory")), [3]);
        assert_eq!(ids(store.silences_at(ReceivedAt(2_000)).expect("memory")), [0; 0], "it has ended");
        let all = store.silences(&Organizations::All, 10).expect("the rest is readable");
        assert_eq!(ids(all), [3, 2], "the first ended before that");
    }
}
