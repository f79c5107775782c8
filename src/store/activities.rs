//! Listing activities: a scan over the log from its end backwards, which passes over blocks that hold events alone.

use super::append::BlockSummary;
use super::entries::Read;
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use crate::model::{Activity, ActivityQuery, ActivityScope, EntryKind, ReceivedAt, Seq, Stored};
use redb::ReadableDatabase;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Rows of the block index that one read transaction takes.
const INDEX_ROWS_MAX: usize = 10_000;
/// Bytes of all bodies of one page, about.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// An activity as it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredActivity {
    /// The entry, checked against its leaf.
    pub stored: Stored,
    /// What its body says.
    pub activity: Activity,
}

/// A page of activities, newest first, and where the search for more goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActivityPage {
    /// The activities.
    pub activities: Vec<StoredActivity>,
    /// How many entries could not be read.
    pub damaged: u64,
    /// Where the next page begins: the entries below this number were not looked at. `None` at the beginning of the
    /// log, or of the time asked for.
    pub below: Option<Seq>,
    /// Whether the search was given up for want of time, before the page was full.
    pub cut_short: bool,
}

impl Store {
    /// The activities that the query asks for, as far as they are found within about `patience`.
    pub fn activities_page(
        &self,
        query: &ActivityQuery,
        patience: Duration,
    ) -> Result<ActivityPage, StoreError> {
        let started = Instant::now();
        self.activities_until(query, || started.elapsed() > patience)
    }

    /// The same until `enough` says so; at least one block is looked at, so that each call comes further.
    pub(super) fn activities_until(
        &self,
        query: &ActivityQuery,
        mut enough: impl FnMut() -> bool,
    ) -> Result<ActivityPage, StoreError> {
        let end = query.below.map_or(self.size(), |below| below.min(self.size()));
        let end = match query.before {
            Some(before) => end.min(self.not_received_before(before)?),
            None => end,
        };
        let mut scan = Scan { store: self, query, visible: HashMap::new(), page: ActivityPage::default() };
        let mut below = end.0;
        let mut looked_at = 0_usize;
        while below > 0 {
            for first in self.blocks_with_activities(&mut below, end.0)? {
                if looked_at > 0 && enough() {
                    scan.page.cut_short = true;
                    // What lies above this block was looked at, and this block was not.
                    scan.page.below = Some(self.end_of_block(first)?.min(end));
                    return Ok(scan.page);
                }
                looked_at += 1;
                if scan.take_block(first, end)? {
                    return Ok(scan.page);
                }
            }
            if below > 0 && enough() {
                scan.page.cut_short = true;
                scan.page.below = Some(Seq(below));
                break;
            }
        }
        Ok(scan.page)
    }

    /// The blocks of the next piece of the index below `below` that hold activities, newest first; moves `below` on.
    fn blocks_with_activities(&self, below: &mut u64, end: u64) -> Result<Vec<u64>, StoreError> {
        let index = self.db.begin_read()?.open_table(t::BLOCK_INDEX)?;
        let mut blocks = Vec::new();
        let mut rows = 0;
        // A block that began before the end may reach beyond it; its entries are cut there.
        for row in index.range(..(*below).min(end))?.rev().take(INDEX_ROWS_MAX) {
            let (first, value) = row?;
            let summary = BlockSummary::decode(first.value(), value.value())?;
            *below = first.value();
            rows += 1;
            if summary.entries > summary.events {
                blocks.push(first.value());
            }
        }
        if rows == 0 {
            *below = 0;
        }
        Ok(blocks)
    }

    fn end_of_block(&self, first: u64) -> Result<Seq, StoreError> {
        let index = self.db.begin_read()?.open_table(t::BLOCK_INDEX)?;
        let row =
            index.get(first)?.ok_or_else(|| StoreError::damaged("block_index", first, "the row is gone"))?;
        Ok(Seq(first + u64::from(BlockSummary::decode(first, row.value())?.entries)))
    }

    /// A place in the log from which on nothing was received before `time`. Times never decrease along the log, so
    /// halving finds it; a damaged entry counts as received before, which only makes the place a later one.
    fn not_received_before(&self, time: ReceivedAt) -> Result<Seq, StoreError> {
        let (mut low, mut high) = (0, self.size().0);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry(Seq(middle))? {
                Some(Ok(stored)) if stored.entry.received_at >= time => high = middle,
                _ => low = middle + 1,
            }
        }
        Ok(Seq(high))
    }
}

struct Scan<'s> {
    store: &'s Store,
    query: &'s ActivityQuery,
    /// Whether the caller may see the alert.
    visible: HashMap<Uuid, bool>,
    page: ActivityPage,
}

impl Scan<'_> {
    /// Takes what matches in a block, from its end backwards; `true` once the page is done.
    fn take_block(&mut self, first: u64, end: Seq) -> Result<bool, StoreError> {
        let block = self.store.read_block(first)?;
        let within = usize::try_from(end.0 - first).unwrap_or(usize::MAX);
        let mut bytes: usize = self.page.activities.iter().map(|found| found.stored.entry.body.len()).sum();
        for (at, read) in block.entries.into_iter().enumerate().take(within).rev() {
            let seq = first + at as u64;
            if self.page.activities.len() == self.query.limit || bytes >= PAGE_BYTES_MAX {
                self.page.below = Some(Seq(seq + 1));
                return Ok(true);
            }
            if self.has_passed(&read) {
                return Ok(true);
            }
            if let Some(found) = self.take(read)? {
                bytes += found.stored.entry.body.len();
                self.page.activities.push(found);
            }
        }
        if self.page.activities.len() == self.query.limit && first > 0 {
            self.page.below = Some(Seq(first));
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether everything further back was received too early.
    fn has_passed(&self, read: &Read) -> bool {
        let from = self.query.from;
        read.as_ref().is_ok_and(|stored| from.is_some_and(|from| stored.entry.received_at < from))
    }

    fn take(&mut self, read: Read) -> Result<Option<StoredActivity>, StoreError> {
        let Ok(stored) = read else {
            self.page.damaged += 1;
            return Ok(None);
        };
        if stored.entry.kind != EntryKind::Activity {
            return Ok(None);
        }
        let Ok(activity) = serde_json::from_slice::<Activity>(&stored.entry.body) else {
            self.page.damaged += 1;
            return Ok(None);
        };
        if !self.query.matches(&stored.entry, &activity) || !self.is_visible(&activity)? {
            return Ok(None);
        }
        Ok(Some(StoredActivity { stored, activity }))
    }

    fn is_visible(&mut self, activity: &Activity) -> Result<bool, StoreError> {
        let organizations = match &self.query.scope {
            ActivityScope::Everything => return Ok(true),
            ActivityScope::AlertsOf(organizations) => organizations,
        };
        let Some(alert) = activity.alert() else { return Ok(false) };
        if let Some(visible) = self.visible.get(&alert) {
            return Ok(*visible);
        }
        let visible = self.store.is_visible_alert(alert, organizations)?;
        self.visible.insert(alert, visible);
        Ok(visible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ActivityGroup, Organizations};
    use redb::backends::InMemoryBackend;

    fn failed(name: &str) -> Activity {
        Activity::SignInFailed { name: name.to_owned(), address: "10.0.0.1".to_owned() }
    }

    /// A log whose every commit, so every block, holds one failed sign-in; its first entry tells that it was made.
    fn store(sign_ins: u64) -> Store {
        let store = Store::open_on(InMemoryBackend::new(), ReceivedAt(0)).expect("memory does not fail");
        for n in 1..=sign_ins {
            let mut txn = store.begin(ReceivedAt(n * 10)).expect("memory does not fail");
            txn.append_activity(&failed(&format!("name-{n}"))).expect("memory does not fail");
            txn.commit().expect("memory does not fail");
        }
        store
    }

    fn all(limit: usize) -> ActivityQuery {
        ActivityQuery::newest(ActivityScope::Everything, limit)
    }

    fn places(page: &ActivityPage) -> Vec<u64> {
        page.activities.iter().map(|found| found.stored.entry.seq.0).collect()
    }

    fn read(store: &Store, query: &ActivityQuery) -> ActivityPage {
        store.activities_until(query, || false).expect("memory does not fail")
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_repetition() {
        let store = store(6);
        let mut query = all(3);
        let mut seen = Vec::new();
        loop {
            let page = read(&store, &query);
            assert!(!page.cut_short);
            seen.push(places(&page));
            query.below = page.below;
            if page.below.is_none() {
                break;
            }
        }
        assert_eq!(seen, [vec![6, 5, 4], vec![3, 2, 1], vec![0]]);
    }

    #[test]
    fn a_search_without_patience_says_where_it_stopped_and_goes_on_there() {
        let store = store(4);
        let mut query = ActivityQuery { person: Some("name-1".to_owned()), ..all(10) };
        let mut stops = Vec::new();
        let page = loop {
            let page = store.activities_until(&query, || true).expect("memory does not fail");
            if !page.activities.is_empty() {
                break page;
            }
            assert!(page.cut_short);
            stops.extend(page.below);
            query.below = page.below;
        };
        assert_eq!(stops, [Seq(4), Seq(3), Seq(2)]);
        assert_eq!(places(&page), [1]);
    }

    #[test]
    fn times_of_receipt_cut_both_ends() {
        let store = store(6);
        let between = |from: Option<u64>, before: Option<u64>| {
            let query =
                ActivityQuery { from: from.map(ReceivedAt), before: before.map(ReceivedAt), ..all(10) };
            let page = read(&store, &query);
            assert_eq!(page.below, None);
            places(&page)
        };
        assert_eq!(between(Some(30), Some(50)), [4, 3]);
        assert_eq!(between(Some(31), Some(51)), [5, 4]);
        assert_eq!(between(None, Some(10)), [0]);
        assert_eq!(between(Some(61), None), [0; 0]);
        assert_eq!(between(None, Some(0)), [0; 0]);
    }

    #[test]
    fn kinds_and_people_are_filtered_and_a_stranger_to_everything_sees_no_doing_of_people() {
        let store = store(2);
        let mut query = ActivityQuery { groups: [ActivityGroup::Log].into(), ..all(10) };
        assert_eq!(places(&read(&store, &query)), [0]);
        query.groups = [ActivityGroup::People].into();
        assert_eq!(places(&read(&store, &query)), [2, 1]);
        query.scope = ActivityScope::AlertsOf(Organizations::All);
        assert_eq!(places(&read(&store, &query)), [0; 0]);
    }

    #[test]
    fn an_activity_of_an_unknown_form_is_counted_as_damaged() {
        let store = store(1);
        let mut txn = store.begin(ReceivedAt(20)).expect("memory does not fail");
        txn.append_activity(&failed("x")).expect("memory does not fail");
        txn.pending.last_mut().expect("it was just appended").body = b"{}".to_vec();
        txn.commit().expect("memory does not fail");
        let page = read(&store, &all(10));
        assert_eq!((places(&page), page.damaged), (vec![1, 0], 1));
    }
}
