//! What waits for the collector: bounded, and whatever does not get there is counted.

use super::super::record::Record;
use super::super::trace::FinishedTrace;
use super::sender::End;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Why something did not reach the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// More waited already than may.
    QueueFull,
    /// The collector refused it.
    Refused,
    /// The collector could not be reached for as long as it was tried.
    Unreachable,
    /// The process stopped before.
    Stopped,
}

impl Drop {
    /// Every reason.
    pub const ALL: [Drop; 4] = [Drop::QueueFull, Drop::Refused, Drop::Unreachable, Drop::Stopped];

    /// The name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Drop::QueueFull => "queue_full",
            Drop::Refused => "refused",
            Drop::Unreachable => "unreachable",
            Drop::Stopped => "stopped",
        }
    }
}

/// What became of everything that was to be exported: offered = sent + dropped + waiting. Shared.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    offered: AtomicU64,
    sent: AtomicU64,
    dropped: [AtomicU64; Drop::ALL.len()],
}

impl Tally {
    /// What was to be exported.
    pub fn offered(&self) -> u64 {
        self.0.offered.load(Ordering::Relaxed)
    }

    /// What the collector took.
    pub fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// What did not get there for that reason.
    pub fn dropped(&self, why: Drop) -> u64 {
        self.0.dropped[why as usize].load(Ordering::Relaxed)
    }

    /// What did not get there, for whatever reason.
    pub fn dropped_in_all(&self) -> u64 {
        Drop::ALL.into_iter().map(|why| self.dropped(why)).sum()
    }

    pub(super) fn offer(&self, count: usize) {
        self.0.offered.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts what was offered and has no end as not sent.
    pub(super) fn close(&self) {
        let left = self.offered().saturating_sub(self.sent() + self.dropped_in_all());
        self.add(End::Dropped(Drop::Stopped), usize::try_from(left).unwrap_or(usize::MAX));
    }

    /// Counts how a batch of so many ended.
    pub(super) fn add(&self, end: End, count: usize) {
        let count = count as u64;
        match end {
            End::Taken { refused } => {
                let refused = refused.min(count);
                self.0.sent.fetch_add(count - refused, Ordering::Relaxed);
                self.0.dropped[Drop::Refused as usize].fetch_add(refused, Ordering::Relaxed);
            }
            End::Dropped(why) => drop(self.0.dropped[why as usize].fetch_add(count, Ordering::Relaxed)),
        }
    }
}

/// What can wait in a queue.
pub trait Weighed {
    /// How much it counts for.
    fn weight(&self) -> usize;
}

impl Weighed for Arc<FinishedTrace> {
    fn weight(&self) -> usize {
        self.spans.len()
    }
}

impl Weighed for Record {
    fn weight(&self) -> usize {
        1
    }
}

/// Things that wait, the oldest first. Shared; the default one is off and takes nothing.
#[derive(Debug)]
pub struct Queue<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    waiting: Mutex<Waiting<T>>,
    /// The weight that may wait.
    max: usize,
    /// The weight that goes together.
    batch: usize,
    arrived: Notify,
    tally: Tally,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    weight: usize,
    closed: bool,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Queue<T> {
        Queue(self.0.clone())
    }
}

impl<T: Weighed> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue::new(0, 0)
    }
}

impl<T: Weighed> Queue<T> {
    pub(super) fn new(max: usize, batch: usize) -> Queue<T> {
        let waiting = Mutex::new(Waiting { items: VecDeque::new(), weight: 0, closed: false });
        Queue(Arc::new(Inner { waiting, max, batch, arrived: Notify::new(), tally: Tally::default() }))
    }

    /// Lets it wait, where there is room. Never blocks.
    pub fn put(&self, item: T) {
        let inner = &*self.0;
        if inner.max == 0 {
            return;
        }
        let weight = item.weight();
        inner.tally.offer(weight);
        let mut waiting = inner.waiting.lock().expect("no holder of this lock panics");
        if waiting.closed || waiting.weight + weight > inner.max {
            let why = if waiting.closed { Drop::Stopped } else { Drop::QueueFull };
            drop(waiting);
            inner.tally.add(End::Dropped(why), weight);
            return;
        }
        waiting.items.push_back(item);
        waiting.weight += weight;
        let full = waiting.weight >= inner.batch;
        drop(waiting);
        if full {
            inner.arrived.notify_one();
        }
    }

    /// How much waits.
    pub fn waiting(&self) -> usize {
        self.0.waiting.lock().expect("no holder of this lock panics").weight
    }

    /// What became of all that was put in.
    pub fn tally(&self) -> Tally {
        self.0.tally.clone()
    }

    /// Waits for a whole batch, but no longer than so long. `false` once `stop` was given and nothing waits any more.
    pub(super) async fn wait(&self, most: Duration, stop: &CancellationToken) -> bool {
        if self.waiting() >= self.0.batch {
            return true;
        }
        tokio::select! {
            () = self.0.arrived.notified() => true,
            () = tokio::time::sleep(most) => true,
            () = stop.cancelled() => self.waiting() > 0,
        }
    }

    /// Takes a batch, and says how much it weighs. It counts as waiting until [`Queue::ended`] says what became of it.
    pub(super) fn take(&self) -> Option<(Vec<T>, usize)> {
        let mut waiting = self.0.waiting.lock().expect("no holder of this lock panics");
        let (mut batch, mut weight) = (Vec::new(), 0);
        while let Some(item) = waiting.items.front() {
            // One that is larger than a batch goes alone.
            if !batch.is_empty() && weight + item.weight() > self.0.batch {
                break;
            }
            weight += item.weight();
            batch.extend(waiting.items.pop_front());
        }
        (!batch.is_empty()).then_some((batch, weight))
    }

    /// Notes how the batch ended that was taken.
    pub(super) fn ended(&self, end: End, weight: usize) {
        self.0.waiting.lock().expect("no holder of this lock panics").weight -= weight;
        self.0.tally.add(end, weight);
    }

    /// Takes nothing from now on; what still waits is counted as not sent.
    pub(super) fn close(&self) {
        let mut waiting = self.0.waiting.lock().expect("no holder of this lock panics");
        waiting.closed = true;
        let left = std::mem::take(&mut waiting.weight);
        waiting.items.clear();
        self.0.tally.add(End::Dropped(Drop::Stopped), left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighed for usize {
        fn weight(&self) -> usize {
            *self
        }
    }

    #[test]
    fn a_batch_is_as_heavy_as_it_may_be_and_what_is_heavier_goes_alone() {
        let queue = Queue::new(100, 10);
        [4, 4, 4, 20, 1].into_iter().for_each(|weight: usize| queue.put(weight));
        assert_eq!(queue.waiting(), 33);
        let taken: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
        assert_eq!(queue.waiting(), 33, "until it is known what became of it");
        taken.iter().for_each(|(_, weight)| queue.ended(End::Taken { refused: 0 }, *weight));
        assert_eq!(taken, [(vec![4, 4], 8), (vec![4], 4), (vec![20], 20), (vec![1], 1)]);
        assert_eq!(queue.waiting(), 0);
    }

    #[test]
    fn whatever_is_offered_waits_or_is_sent_or_is_counted_as_dropped() {
        let queue = Queue::new(10, 5);
        (0..12).for_each(|_| queue.put(1_usize));
        let tally = queue.tally();
        assert_eq!((queue.waiting(), tally.offered(), tally.dropped(Drop::QueueFull)), (10, 12, 2));
        let (_, weight) = queue.take().expect("a batch");
        queue.ended(End::Taken { refused: 2 }, weight);
        queue.close();
        queue.put(1);
        let dropped = tally.dropped_in_all();
        assert_eq!((tally.offered(), tally.sent(), dropped), (13, 3, 10));
        assert_eq!((tally.dropped(Drop::Stopped), tally.dropped(Drop::Refused)), (6, 2));
    }

    #[test]
    fn one_that_is_off_takes_nothing_and_counts_nothing() {
        let queue: Queue<usize> = Queue::default();
        queue.put(1);
        assert_eq!((queue.waiting(), queue.tally().offered()), (0, 0));
    }
}
