//! The writer: one thread that owns every write transaction, and commits what is waiting as a group.

use super::{Clock, Disk};
use crate::model::{DiskState, Seq};
use crate::store::{Store, StoreError, Txn};
use crate::telemetry::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

/// How often the disk is looked at while there is no room on it.
const ROOM_LOOKED_FOR_EVERY: Duration = Duration::from_millis(200);

/// How much may wait, and how much one commit takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Pieces of work that may wait.
    pub queue_requests_max: usize,
    /// Events after which a commit takes no more work.
    pub commit_events_max: usize,
    /// Bytes of events after which a commit takes no more work.
    pub commit_bytes_max: usize,
}

/// How much a piece of work adds to a commit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weight {
    /// Events.
    pub events: usize,
    /// Bytes of events.
    pub bytes: usize,
}

/// Why work was not committed. Nothing of it was stored, unless the process is ending.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// Too much is waiting already.
    #[error("the appliance has more waiting than it may hold; try again in a moment")]
    Overloaded,
    /// There is too little room on the disk.
    #[error(
        "the disk that holds the data directory is full; nothing was stored, try again when there is room"
    )]
    DiskFull,
    /// The writer has ended: the process is stopping, or the disk failed and whether this was stored is not
    /// known.
    #[error("the appliance is stopping; try again once it is back")]
    Stopped,
}

/// When the commit that took a piece of work was made.
#[derive(Clone, Copy, Debug)]
pub struct CommitTimes {
    /// When it began; until then the work waited.
    pub began: Instant,
    /// When everything in it was durable.
    pub durable: Instant,
    /// Events that it took, those of others included.
    pub events: usize,
}

/// How long commits take and how much they hold. Shared by the writer and whoever asks.
#[derive(Debug, Default)]
pub struct CommitStats {
    /// From the beginning to durable.
    pub time: Histogram,
    /// Events of each.
    pub events: Histogram,
    /// Bytes of their events.
    pub bytes: Histogram,
}

type Work = Box<dyn FnOnce(&mut Txn<'_>) -> Result<Reply, StoreError> + Send>;
type Reply = Box<dyn FnOnce(CommitTimes) + Send>;

enum Message {
    Work { work: Work, weight: Weight },
    Stop,
}

/// The way to the writer. Cheap to clone; every part that changes something holds one.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Message>,
    waiting: Arc<AtomicUsize>,
    disk: Disk,
    pause: Arc<Pause>,
    committed: watch::Receiver<Seq>,
    stats: Arc<CommitStats>,
}

/// Whether the writer waits for room on the disk, and whether it still may.
#[derive(Debug, Default)]
struct Pause {
    begun: AtomicBool,
    forbidden: AtomicBool,
}

/// The running writer thread; it ends after [`Writer::stop`], or with the error that made it end.
pub struct WriterTask(JoinHandle<Result<(), StoreError>>);

impl WriterTask {
    /// Waits for the end. Blocks.
    pub fn join(self) -> Result<(), StoreError> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Writer {
    /// Starts the thread.
    pub fn start(
        store: Arc<Store>,
        clock: Clock,
        disk: Disk,
        limits: Limits,
    ) -> std::io::Result<(Writer, WriterTask)> {
        let (queue, waiting_work) = mpsc::channel(limits.queue_requests_max);
        let (announce, committed) = watch::channel(store.size());
        let waiting = Arc::new(AtomicUsize::new(0));
        let (pause, stats) = (Arc::new(Pause::default()), Arc::new(CommitStats::default()));
        let commits = Commits {
            store,
            clock,
            disk: disk.clone(),
            limits,
            queue: waiting_work,
            pause: pause.clone(),
            announce,
            stats: stats.clone(),
        };
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || commits.run())?;
        Ok((Writer { queue, waiting, disk, pause, committed, stats }, WriterTask(thread)))
    }

    /// Runs `work` in the next commit and answers once that is durable, with the times of that commit. Refuses at once
    /// where too much is waiting, or the disk is full.
    pub async fn submit<T: Send + 'static>(
        &self,
        weight: Weight,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<(T, CommitTimes), Refused> {
        self.admit()?;
        let (message, answer) = message(weight, work);
        self.queue.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Refused::Stopped,
        })?;
        self.wait(weight, answer).await
    }

    /// The same for what people do, which waits for its turn; it is refused only where the disk is full.
    pub async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        self.admit()?;
        self.commit_in_time(work).await
    }

    /// The same for the appliance's own work, which waits for room on the disk too.
    pub async fn commit_in_time<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        let weight = Weight::default();
        let (message, answer) = message(weight, work);
        self.queue.send(message).await.map_err(|_| Refused::Stopped)?;
        Ok(self.wait(weight, answer).await?.0)
    }

    async fn wait<T>(&self, weight: Weight, answer: oneshot::Receiver<T>) -> Result<T, Refused> {
        let _waiting = Waiting::begin(&self.waiting, weight.events);
        answer.await.map_err(|_| Refused::Stopped)
    }

    /// Whether the disk has room for more than what the log may need itself.
    pub fn has_room(&self) -> bool {
        self.disk.state() != DiskState::Spent
    }

    /// Whether anything may be handed in by those who cannot wait until there is room.
    fn admit(&self) -> Result<(), Refused> {
        let no_room = self.pause.begun.load(Ordering::Relaxed) || !self.has_room();
        if no_room { Err(Refused::DiskFull) } else { Ok(()) }
    }

    /// Ends waiting for room on the disk, because the process is stopping: what waits is not stored.
    pub fn give_up_waiting(&self) {
        self.pause.forbidden.store(true, Ordering::Relaxed);
    }

    /// The size of the log after each commit.
    pub fn committed(&self) -> watch::Receiver<Seq> {
        self.committed.clone()
    }

    /// How the commits went.
    pub fn stats(&self) -> &CommitStats {
        &self.stats
    }

    /// Events that wait for their commit.
    pub fn events_waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Lets the writer end once everything that was handed in before is committed.
    pub async fn stop(&self) {
        // An error means that it has ended already.
        drop(self.queue.send(Message::Stop).await);
    }
}

/// Counts events as waiting for as long as it lives, which may end early: whoever asked may leave.
struct Waiting<'w> {
    count: &'w AtomicUsize,
    events: usize,
}

impl Waiting<'_> {
    fn begin(count: &AtomicUsize, events: usize) -> Waiting<'_> {
        count.fetch_add(events, Ordering::Relaxed);
        Waiting { count, events }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(self.events, Ordering::Relaxed);
    }
}

/// The work as the queue takes it, and where its answer will come.
fn message<T: Send + 'static>(
    weight: Weight,
    work: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError> + Send + 'static,
) -> (Message, oneshot::Receiver<(T, CommitTimes)>) {
    let (reply, answer) = oneshot::channel();
    let work: Work = Box::new(move |txn| {
        let value = work(txn)?;
        // Whoever asked may have gone meanwhile; the commit stands all the same.
        let reply: Reply = Box::new(move |times| drop(reply.send((value, times))));
        Ok(reply)
    });
    (Message::Work { work, weight }, answer)
}

/// The thread's side.
struct Commits {
    store: Arc<Store>,
    clock: Clock,
    disk: Disk,
    limits: Limits,
    queue: mpsc::Receiver<Message>,
    pause: Arc<Pause>,
    announce: watch::Sender<Seq>,
    stats: Arc<CommitStats>,
}

impl Commits {
    fn run(mut self) -> Result<(), StoreError> {
        while let Some(Message::Work { work, weight }) = self.queue.blocking_recv() {
            self.wait_for_room()?;
            if self.commit_group(work, weight)? {
                break;
            }
        }
        Ok(())
    }

    /// A commit that finds no room ends the process, so none is begun where the last of it would be taken.
    fn wait_for_room(&self) -> Result<(), StoreError> {
        while self.disk.state() == DiskState::Spent {
            if self.pause.forbidden.load(Ordering::Relaxed) {
                return Err(StoreError::NoRoom);
            }
            if !self.pause.begun.swap(true, Ordering::Relaxed) {
                tracing::error!("the disk is full: nothing is written until there is room again");
            }
            std::thread::sleep(ROOM_LOOKED_FOR_EVERY);
        }
        if self.pause.begun.swap(false, Ordering::Relaxed) {
            tracing::info!("there is room on the disk again: writing goes on");
        }
        Ok(())
    }

    /// Commits this work and whatever is waiting behind it; `true` when asked to stop.
    fn commit_group(&mut self, first: Work, mut weight: Weight) -> Result<bool, StoreError> {
        let began = Instant::now();
        let mut txn = self.store.begin(self.clock.received_at())?;
        let mut replies = vec![first(&mut txn)?];
        let mut stop = false;
        while weight.events < self.limits.commit_events_max && weight.bytes < self.limits.commit_bytes_max {
            match self.queue.try_recv() {
                Ok(Message::Work { work, weight: more }) => {
                    weight.events += more.events;
                    weight.bytes += more.bytes;
                    replies.push(work(&mut txn)?);
                }
                Ok(Message::Stop) => {
                    stop = true;
                    break;
                }
                Err(_) => break,
            }
        }
        txn.commit()?;
        let times = CommitTimes { began, durable: Instant::now(), events: weight.events };
        self.stats.time.record(times.durable.duration_since(began));
        self.stats.events.record_count(times.events);
        self.stats.bytes.record_count(weight.bytes);
        replies.into_iter().for_each(|reply| reply(times));
        self.announce.send_replace(self.store.size());
        Ok(stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::{DiskLimits, DiskUse};
    use crate::model::{Activity, ReceivedAt};
    use crate::store::Options;
    use jiff::Timestamp;
    use std::sync::mpsc as channel;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn enter(txn: &mut Txn<'_>) -> Result<(), StoreError> {
        txn.append_activity(&Activity::SignInFailed { name: "ana".to_owned(), address: "::1".to_owned() })?;
        Ok(())
    }

    /// A log on a real disk, of which `gauge` tells how full it is, with room for one piece of work that waits.
    fn start(
        gauge: impl Fn() -> DiskUse + Send + Sync + 'static,
    ) -> (tempfile::TempDir, Arc<Store>, Writer, WriterTask) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path(), Options::default(), ReceivedAt(1)).expect("a new log");
        let store = Arc::new(store);
        let limits =
            DiskLimits { warn_percent: 80, alert_percent: 90, refuse_percent: 95, reserve_bytes: 10 };
        let disk = Disk::new(move || Ok(gauge()), limits);
        let clock = Clock::new(|| Timestamp::UNIX_EPOCH);
        let limits = Limits { queue_requests_max: 1, commit_events_max: 8, commit_bytes_max: 1_024 };
        let (writer, task) = Writer::start(store.clone(), clock, disk, limits).expect("a thread starts");
        (dir, store, writer, task)
    }

    /// Waits until something waits for the writer.
    async fn queued(writer: &Writer) {
        let full = async {
            while writer.queue.capacity() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, full).await.expect("it is handed in");
    }

    #[tokio::test]
    async fn what_finds_the_queue_full_is_refused_at_once_and_not_stored() {
        let (_dir, store, writer, task) = start(|| DiskUse { used: 0, free: 1_000 });
        let size = store.size().0;
        let (begun, has_begun) = oneshot::channel();
        let (go, may_go) = channel::channel();
        let first = tokio::spawn({
            let writer = writer.clone();
            async move {
                let held = move |txn: &mut Txn<'_>| {
                    begun.send(()).expect("the test waits for it");
                    may_go.recv_timeout(PATIENCE).expect("the test lets it go");
                    enter(txn)
                };
                writer.submit(Weight::default(), held).await
            }
        });
        has_begun.await.expect("the writer takes it");
        let second = tokio::spawn({
            let writer = writer.clone();
            async move { writer.submit(Weight::default(), enter).await }
        });
        queued(&writer).await;
        assert_eq!(writer.submit(Weight::default(), enter).await.err(), Some(Refused::Overloaded));
        go.send(()).expect("the writer waits for it");
        for waiting in [first, second] {
            assert!(waiting.await.expect("it does not panic").is_ok());
        }
        assert_eq!(store.size().0, size + 2);
        assert!(writer.submit(Weight::default(), enter).await.is_ok(), "there is room again");
        writer.stop().await;
        task.join().expect("the disk works");
    }

    #[tokio::test]
    async fn on_a_spent_disk_what_can_wait_does_and_the_rest_is_refused() {
        let free = Arc::new(AtomicUsize::new(5));
        let gauge = free.clone();
        let gauge = move || DiskUse { used: 1_000, free: gauge.load(Ordering::Relaxed) as u64 };
        let (_dir, store, writer, task) = start(gauge);
        let size = store.size().0;
        let waiting = tokio::spawn({
            let writer = writer.clone();
            async move { writer.commit_in_time(enter).await }
        });
        assert_eq!(writer.submit(Weight::default(), enter).await.err(), Some(Refused::DiskFull));
        assert_eq!(writer.commit(enter).await, Err(Refused::DiskFull));
        assert_eq!(store.size().0, size);
        free.store(1_000_000, Ordering::Relaxed);
        let waited = tokio::time::timeout(PATIENCE, waiting).await.expect("it goes on by itself");
        assert_eq!(waited.expect("it does not panic"), Ok(()));
        assert_eq!(store.size().0, size + 1);
        writer.stop().await;
        task.join().expect("the disk works");
    }
}
