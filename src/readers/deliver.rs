//! The deliver reader: brings what stands in the outbox to its targets, each target by itself, so that one that hangs
//! keeps nobody waiting.
//!
//! Unlike the others it follows the outbox, not the log. A try is noted once it has ended: after a kill in the middle
//! the same delivery sets out again with the same id, by which the receiver can tell that it is no other one.

use super::progress::ReaderError;
use crate::ingest::{Clock, Writer};
use crate::model::{Activity, Delivery, DeliveryState, Organizations, ReceivedAt, seq_of_event_id};
use crate::notify::{Notice, Notifier, NotifyError};
use crate::routing::{self, Breaker, BreakerState, Failure, Permission, TryEnd};
use crate::store::{Store, StoreError};
use crate::telemetry::{Step, Trace, Tracer};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The longest that a worker sleeps without looking at the clock anew, which may have been set.
const NAP_MAX: Duration = Duration::from_secs(60);
/// The least time from one try at a target to the next, so that what has waited through an outage does not fall on it at
/// once: ten a second.
const PACE: Duration = Duration::from_millis(100);
/// For how long a target must have failed before that is an entry of the log: 15 minutes.
const BROKEN_AFTER_NANOS: u64 = 15 * 60 * 1_000_000_000;
/// How long a try on its way may still take once the appliance is to stop.
const FAREWELL: Duration = Duration::from_secs(3);
/// Deliveries of targets that are no longer in the settings that one commit gives up.
const STRAYS_PER_COMMIT: usize = 1_000;

/// Brings notifications to their targets. Runs as long as the appliance.
pub struct DeliverReader {
    store: Arc<Store>,
    writer: Writer,
    notifier: Arc<Notifier>,
    clock: Clock,
    board: DeliveryBoard,
    tracer: Tracer,
}

/// How the targets are, for whoever wants to see it.
#[derive(Clone, Default)]
pub struct DeliveryBoard(Arc<Board>);

#[derive(Default)]
struct Board {
    targets: Mutex<BTreeMap<String, TargetStatus>>,
    /// Tells the workers that somebody did something to a target.
    moved: watch::Sender<()>,
}

/// How one target is, since the process began.
#[derive(Clone, Debug, Default)]
pub struct TargetStatus {
    /// Keeps us from knocking where nobody opens.
    pub breaker: Breaker,
    /// When it last took something.
    pub last_told_at: Option<ReceivedAt>,
    /// Why and when it last failed.
    pub last_failure: Option<(ReceivedAt, String)>,
    /// Whether it said that it is gone for good; nothing is sent to it until the next start.
    pub gone: bool,
    /// Whether somebody stopped it; nothing is sent to it until somebody has it go on, or until the next start.
    pub held: bool,
    /// Since when every try failed.
    failing_since: Option<ReceivedAt>,
    /// Whether the log says that it is broken.
    is_noted: bool,
}

impl DeliveryBoard {
    /// How that target is.
    pub fn status(&self, target: &str) -> TargetStatus {
        self.with(target, |status| status.clone())
    }

    /// Notes how a try ended that somebody asked for.
    pub fn note(&self, target: &str, ended: &Result<(), NotifyError>, at: ReceivedAt) {
        self.with(target, |status| status.note(ended, at, Instant::now()));
        self.0.moved.send_replace(());
    }

    /// Stops the sending to that target, or has it go on at once, whatever the breaker found.
    pub fn hold(&self, target: &str, held: bool) {
        self.with(target, |status| {
            status.held = held;
            if !held {
                (status.breaker, status.gone) = (Breaker::default(), false);
            }
        });
        self.0.moved.send_replace(());
    }

    fn with<T>(&self, target: &str, see: impl FnOnce(&mut TargetStatus) -> T) -> T {
        let mut board = self.0.targets.lock().expect("no holder of this lock panics");
        see(board.entry(target.to_owned()).or_default())
    }
}

impl TargetStatus {
    /// The breaker's state in a word.
    pub fn breaker_name(&self) -> &'static str {
        match self.breaker.state(Instant::now()) {
            _ if self.held => "held",
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half-open",
        }
    }

    /// What the log is to say of the target after that try.
    fn news(&mut self, target: &str, ended: &Result<(), NotifyError>, at: ReceivedAt) -> Option<Activity> {
        let target = target.to_owned();
        match (ended, self.failing_since) {
            (Ok(()), _) if std::mem::take(&mut self.is_noted) => Some(Activity::TargetMended { target }),
            (Err(error), Some(since))
                if !self.is_noted && at.0.saturating_sub(since.0) >= BROKEN_AFTER_NANOS =>
            {
                self.is_noted = true;
                Some(Activity::TargetBroken { target, since, reason: error.to_string() })
            }
            _ => None,
        }
    }

    fn note(&mut self, ended: &Result<(), NotifyError>, at: ReceivedAt, now: Instant) {
        match ended {
            // It answers, and is well: this message alone is not to its liking.
            Err(error) if error.failure() == Failure::Refused => self.failing_since = None,
            Err(_) => drop(self.failing_since.get_or_insert(at)),
            Ok(()) => self.failing_since = None,
        }
        match ended {
            Ok(()) => {
                self.breaker.succeeded();
                self.last_told_at = Some(at);
                self.gone = false;
            }
            Err(error) => {
                self.breaker.failed(error.failure(), now);
                self.last_failure = Some((at, error.to_string()));
                self.gone |= error.is_gone();
            }
        }
    }
}

impl DeliverReader {
    /// Delivers to the targets that the notifier knows.
    pub fn new(store: Arc<Store>, writer: Writer, notifier: Arc<Notifier>, clock: Clock) -> DeliverReader {
        let (board, tracer) = (DeliveryBoard::default(), Tracer::default());
        DeliverReader { store, writer, notifier, clock, board, tracer }
    }

    /// The same with its tries traced.
    pub fn traced(self, tracer: Tracer) -> DeliverReader {
        DeliverReader { tracer, ..self }
    }

    /// How the targets are.
    pub fn board(&self) -> DeliveryBoard {
        self.board.clone()
    }

    /// Delivers until told to stop.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ReaderError> {
        let reader = Arc::new(self);
        reader.give_up_strays().await?;
        let mut workers = JoinSet::new();
        for target in reader.notifier.targets() {
            workers.spawn(reader.clone().work(target.name.clone(), stop.clone()));
        }
        while let Some(ended) = workers.join_next().await {
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        }
        stop.cancelled().await;
        Ok(())
    }

    /// What waits for a target that somebody took out of the settings will never set out.
    async fn give_up_strays(&self) -> Result<(), ReaderError> {
        loop {
            let targets: Vec<&str> = self.notifier.targets().map(|target| target.name.as_str()).collect();
            let strays = self.store.stray_deliveries(&targets, STRAYS_PER_COMMIT)?;
            if strays.is_empty() {
                return Ok(());
            }
            let give_up = move |txn: &mut crate::store::Txn<'_>| {
                strays.iter().try_for_each(|id| {
                    let reason = "the target is no longer in the settings".to_owned();
                    let state = DeliveryState::Dead { at: txn.now(), attempts: 0, reason };
                    txn.settle_delivery(*id, state)
                })
            };
            self.writer.commit_in_time(give_up).await?;
        }
    }

    /// One target's worker: the delivery that is due first, then the next.
    async fn work(self: Arc<Self>, target: String, stop: CancellationToken) -> Result<(), ReaderError> {
        let mut committed = self.writer.committed();
        let mut moved = self.board.0.moved.subscribe();
        let mut last_try: Option<Instant> = None;
        while !stop.is_cancelled() {
            let version = self.store.outbox_version();
            moved.borrow_and_update();
            let next = match self.read(&target, Store::next_delivery).await {
                Err(error) if error.is_damage() => {
                    tracing::error!(%target, %error, "a notification cannot be read and is passed over");
                    let target = target.clone();
                    self.writer.commit_in_time(move |txn| txn.pass_over_unreadable(&target)).await?;
                    continue;
                }
                next => next?,
            };
            let pace = last_try.map_or(Duration::ZERO, |last| PACE.saturating_sub(last.elapsed()));
            let wait = match &next {
                None => NAP_MAX,
                // The breaker is asked last: what it lets go must set out.
                Some(_) if pace > Duration::ZERO => pace,
                Some(delivery) => self.wait(delivery),
            };
            if let (Some(delivery), Duration::ZERO) = (next, wait) {
                last_try = Some(Instant::now());
                self.deliver(delivery, &stop).await?;
                continue;
            }
            let changed = async {
                while self.store.outbox_version() == version {
                    committed.changed().await.map_err(|_| ReaderError::Stopped)?;
                }
                Ok::<_, ReaderError>(())
            };
            tokio::select! {
                () = stop.cancelled() => {}
                changed = changed => changed?,
                _ = moved.changed() => {}
                () = tokio::time::sleep(wait.min(NAP_MAX)) => {}
            }
        }
        Ok(())
    }

    /// How long the delivery must still wait, for its time and for its target.
    fn wait(&self, delivery: &Delivery) -> Duration {
        let due = delivery.due().unwrap_or_default();
        let left = routing::due(due, self.clock.received_at());
        if left > Duration::ZERO {
            return left;
        }
        self.board.with(&delivery.target, |status| match (status.held, status.gone) {
            (true, _) => NAP_MAX,
            (_, true) => Duration::ZERO,
            _ => match status.breaker.ask(Instant::now()) {
                Permission::Go => Duration::ZERO,
                Permission::Wait(left) => left,
            },
        })
    }

    /// One try, and the note of how it ended. Without a note where the appliance stops meanwhile: then it sets out
    /// again at the next start.
    async fn deliver(&self, delivery: Delivery, stop: &CancellationToken) -> Result<(), ReaderError> {
        let (id, attempts) = (delivery.id, delivery.attempts() + 1);
        let (target, trace) = (delivery.target.clone(), self.trace(delivery.alert));
        let Some(ended) = self.attempt(delivery, &trace, stop).await? else { return Ok(()) };
        trace.step(Step::Deliver, trace.began(), Instant::now());
        trace.put("sealwatch.target", target.as_str());
        trace.finish(Step::Deliver.name(), ended.is_err());
        let at = self.clock.received_at();
        let news = self.board.with(&target, |status| {
            let was_open = status.breaker.state(Instant::now()) != BreakerState::Closed;
            status.note(&ended, at, Instant::now());
            if let Err(error) = &ended
                && error.failure() == Failure::Misconfigured
                && !was_open
            {
                tracing::error!(%target, %error, "a notification target does not work as it is configured; see `sealwatch notify test`");
            }
            status.news(&target, &ended, at)
        });
        let chance = getrandom::u64().unwrap_or_default();
        let settle = move |txn: &mut crate::store::Txn<'_>| {
            let ended = ended.map_or_else(|error| error.ended(), |()| TryEnd::Taken);
            let state = routing::state_after(ended, attempts, chance, txn.now());
            news.map(|news| txn.append_activity(&news)).transpose()?;
            txn.settle_delivery(id, state)
        };
        Ok(self.writer.commit_in_time(settle).await?)
    }

    /// A try is part of the trace of the request that brought the event which raised the alert, as long as that is known.
    fn trace(&self, alert: Uuid) -> Trace {
        let raised_by = seq_of_event_id(alert).and_then(|seq| self.tracer.origins().of(seq));
        self.tracer.following(raised_by, Instant::now())
    }

    async fn attempt(
        &self,
        delivery: Delivery,
        trace: &Trace,
        stop: &CancellationToken,
    ) -> Result<Option<Result<(), NotifyError>>, ReaderError> {
        if self.board.with(&delivery.target, |status| status.gone) {
            let gone = NotifyError::Status { status: 410, retry_after: None, text: String::new() };
            return Ok(Some(Err(gone)));
        }
        let alert = delivery.alert;
        let found = self
            .read("", move |store, _| Ok((store.alert(alert, &Organizations::All)?, store.checkpoint()?)))
            .await;
        let (alert, checkpoint) = match found {
            Ok((Some(alert), checkpoint)) => (alert, checkpoint),
            Ok((None, _)) => return Ok(Some(Err(unreadable("it is not there")))),
            Err(error) if error.is_damage() => return Ok(Some(Err(unreadable(&error.to_string())))),
            Err(error) => return Err(error.into()),
        };
        let checkpoint = checkpoint.map(|checkpoint| checkpoint.text).unwrap_or_default();
        let notice = Notice { delivery, alert, checkpoint, test: false, trace: trace.context().headers() };
        let notifier = self.notifier.clone();
        // A task of its own, so that a panic over one message is that message's trouble.
        let mut sending = tokio::spawn(async move { notifier.send(&notice).await });
        let ended = tokio::select! {
            ended = &mut sending => ended,
            () = async { stop.cancelled().await; tokio::time::sleep(FAREWELL).await } => {
                sending.abort();
                return Ok(None);
            }
        };
        Ok(Some(ended.unwrap_or_else(|_| Err(NotifyError::Message("making it panicked".to_owned())))))
    }

    async fn read<T: Send + 'static>(
        &self,
        target: &str,
        read: impl FnOnce(&Store, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, target) = (self.store.clone(), target.to_owned());
        tokio::task::spawn_blocking(move || read(&store, &target))
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

fn unreadable(why: &str) -> NotifyError {
    NotifyError::Message(format!("the alert cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_fails_for_a_quarter_of_an_hour_is_told_of_once_and_so_is_its_recovery() {
        let minute = |minute: u64| ReceivedAt(1_700_000_000_000_000_000 + minute * 60_000_000_000);
        let fails = Err(NotifyError::TimedOut(Duration::from_secs(10)));
        let refuses = Err(NotifyError::Status { status: 400, retry_after: None, text: String::new() });
        let mut status = TargetStatus::default();
        let mut after = |ended: &Result<(), NotifyError>, at: u64| {
            status.note(ended, minute(at), Instant::now());
            status.news("desk", ended, minute(at))
        };
        assert_eq!(after(&fails, 0), None);
        assert_eq!(after(&refuses, 10), None, "it answers");
        assert_eq!(after(&fails, 20), None);
        assert_eq!(after(&fails, 34), None);
        let reason = "no answer within 10 seconds".to_owned();
        let broken = Activity::TargetBroken { target: "desk".to_owned(), since: minute(20), reason };
        assert_eq!(after(&fails, 35), Some(broken));
        assert_eq!(after(&fails, 90), None, "once");
        assert_eq!(after(&Ok(()), 91), Some(Activity::TargetMended { target: "desk".to_owned() }));
        assert_eq!((after(&Ok(()), 92), after(&fails, 200)), (None, None));
    }
}
