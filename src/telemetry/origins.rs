//! From which request each of the last entries came, so that what a reader finds later can name its trace.
//!
//! In memory alone: readers are moments behind, and a clean stop lets them come to the end first. After a kill in that
//! moment an alert goes without its trace id; a row on disk for every request would cost each commit more than that is
//! worth.

use super::context::TraceContext;
use crate::model::Seq;
use std::collections::VecDeque;
use std::sync::Mutex;

/// Requests that are remembered.
const REQUESTS_MAX: usize = 16_384;
/// Of so many of the last ones also what they want passed on, which may be 8 KiB each.
const CARRIED_MAX: usize = 256;

/// Ranges of entries and the requests that they came from, in the order of the log.
#[derive(Debug, Default)]
pub struct Origins(Mutex<VecDeque<(Seq, Seq, TraceContext)>>);

impl Origins {
    /// The entries from `first` to `last` came from there. Called by the writer, in the order of the log.
    pub fn put(&self, first: Seq, last: Seq, from: &TraceContext) {
        let mut known = self.0.lock().expect("no holder of this lock panics");
        if known.len() == REQUESTS_MAX {
            known.pop_front();
        }
        if let Some(at) = known.len().checked_sub(CARRIED_MAX) {
            known[at].2 = known[at].2.bare();
        }
        known.push_back((first, last, from.clone()));
    }

    /// Where that entry came from.
    pub fn of(&self, seq: Seq) -> Option<TraceContext> {
        let known = self.0.lock().expect("no holder of this lock panics");
        let at = known.partition_point(|(_, last, _)| *last < seq);
        known.get(at).filter(|(first, _, _)| *first <= seq).map(|(_, _, from)| from.clone())
    }

    /// The requests that the entries from `begin` to before `end` came from and whose traces are kept, at most so many:
    /// the others would lead nowhere.
    pub fn kept_within(&self, begin: Seq, end: Seq, most: usize) -> Vec<TraceContext> {
        let known = self.0.lock().expect("no holder of this lock panics");
        let from = known.partition_point(|(_, last, _)| *last < begin);
        let range = known.range(from..).take_while(|(first, _, _)| *first < end).map(|(_, _, from)| from);
        range.filter(|from| from.sampled).take(most).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{SpanId, TraceId};

    fn from(n: u8) -> TraceContext {
        TraceContext::new(TraceId([n; 16]), SpanId([n; 8]), n.is_multiple_of(2))
    }

    #[test]
    fn an_entry_leads_to_its_request_and_an_own_one_of_the_appliance_to_none() {
        let origins = Origins::default();
        origins.put(Seq(3), Seq(5), &from(1));
        origins.put(Seq(7), Seq(7), &from(2));
        let found = |seq| origins.of(Seq(seq)).map(|from| from.trace_id.0[0]);
        assert_eq!([2, 3, 5, 6, 7, 8].map(found), [None, Some(1), Some(1), None, Some(2), None]);
        origins.put(Seq(9), Seq(12), &from(4));
        let within = |begin, end, most| -> Vec<u8> {
            origins.kept_within(Seq(begin), Seq(end), most).iter().map(|from| from.trace_id.0[0]).collect()
        };
        assert_eq!(within(0, 20, 9), [2, 4], "the one that is not kept leads nowhere");
        assert_eq!((within(0, 20, 1), within(3, 7, 9), within(12, 13, 9)), (vec![2], vec![], vec![4]));
    }

    #[test]
    fn what_is_to_be_passed_on_is_remembered_of_the_last_ones() {
        let origins = Origins::default();
        for n in 0..=CARRIED_MAX as u64 {
            origins.put(Seq(n), Seq(n), &from(1).carrying("a=b", ""));
        }
        let state = |seq| origins.of(Seq(seq)).map(|from| from.state().to_owned());
        assert_eq!([0, 1].map(state), [Some(String::new()), Some("a=b".to_owned())]);
    }

    #[test]
    fn so_many_are_remembered() {
        let origins = Origins::default();
        for n in 0..=REQUESTS_MAX as u64 {
            origins.put(Seq(n), Seq(n), &from(1));
        }
        assert_eq!((origins.of(Seq(0)), origins.of(Seq(1)).is_some()), (None, true));
    }
}
