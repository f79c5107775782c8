//! The deliver reader: brings what stands in the outbox to its targets, each target by itself, so that one that hangs
//! keeps nobody waiting.
//!
//! Unlike the others it follows the outbox, not the log. A try is noted once it has ended: after a kill in the middle
//! the same delivery sets out again with the same id, by which the receiver can tell that it is no other one.

mod board;
mod steady;
#[cfg(test)]
mod tests;

use super::progress::ReaderError;
use crate::ingest::{Clock, Writer};
use crate::model::{Delivery, Organizations, seq_of_event_id};
use crate::notify::{Notice, Notifier, NotifyError, Taken};
use crate::routing::{self, BreakerLimits, BreakerState, Patience, Routing, TargetThen, TryEnd};
use crate::store::{Store, StoreError, Txn};
use crate::telemetry::{Step, Trace, Tracer};
pub use board::{DeliveryBoard, TargetStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};
use steady::Steady;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The longest that a worker sleeps without looking at the clock anew, which may have been set.
const NAP_MAX: Duration = Duration::from_secs(60);
/// The least time from one try at a target to the next, so that what has waited through an outage does not fall on it at
/// once: ten a second at most.
const PACE: Duration = Duration::from_millis(100);
/// By how much that time is longer now and then, so that several of us do not keep step.
const PACE_JITTER_MILLIS: u64 = 50;
/// How long a try on its way may still take once the appliance is to stop.
const FAREWELL: Duration = Duration::from_secs(3);
/// How long one has waited that gives way to a newer one: what was decided a moment ago is told as it was decided.
const OUTLIVED_AFTER: Duration = Duration::from_secs(60);
/// Deliveries that one commit gives up without another try.
const GIVEN_UP_PER_COMMIT: usize = 1_000;

/// Brings notifications to their targets. Runs as long as the appliance.
pub struct DeliverReader {
    store: Arc<Store>,
    writer: Writer,
    notifier: Arc<Notifier>,
    clock: Clock,
    /// How long a delivery may wait for its target, and how it is tried again.
    patience: Patience,
    /// Which silences and windows keep a notification from being told that has waited.
    routing: Arc<Routing>,
    steady: Steady,
    board: DeliveryBoard,
    tracer: Tracer,
}

impl DeliverReader {
    /// Delivers to the targets that the notifier knows.
    pub fn new(
        store: Arc<Store>,
        writer: Writer,
        notifier: Arc<Notifier>,
        clock: Clock,
        patience: Patience,
        routing: Arc<Routing>,
    ) -> DeliverReader {
        let (steady, tracer) = (Steady::default(), Tracer::default());
        let board = DeliveryBoard::by(steady, BreakerLimits::default());
        DeliverReader { store, writer, notifier, clock, patience, routing, steady, board, tracer }
    }

    /// The same with breakers that open by these limits.
    pub fn guarded(self, limits: BreakerLimits) -> DeliverReader {
        DeliverReader { board: DeliveryBoard::by(self.steady, limits), ..self }
    }

    /// The same with its tries traced.
    pub fn traced(self, tracer: Tracer) -> DeliverReader {
        DeliverReader { tracer, ..self }
    }

    /// The same by another clock.
    #[cfg(test)]
    fn by(self, steady: Steady) -> DeliverReader {
        DeliverReader { steady, board: DeliveryBoard::by(steady, BreakerLimits::default()), ..self }
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
            let strays = self.store.stray_deliveries(&targets, GIVEN_UP_PER_COMMIT)?;
            if strays.is_empty() {
                return Ok(());
            }
            let reason = "the target is no longer in the settings";
            self.writer.commit_in_time(move |txn| txn.give_up_deliveries(&strays, reason)).await?;
        }
    }

    /// What has waited for too long behind an open breaker is given up without another try. The breaker opens only after
    /// tries that failed, so after a long stop the target is asked first.
    async fn give_up_overdue(&self, target: &str) -> Result<(), ReaderError> {
        let (wait_max, now) = (self.patience.wait_max, self.clock.received_at());
        let overdue = move |store: &Store, target: &str| {
            store.overdue_deliveries(target, wait_max, now, GIVEN_UP_PER_COMMIT)
        };
        loop {
            let overdue = self.read(target, overdue).await?;
            let status = self.board.status(target);
            if overdue.is_empty() || !status.holds_back(self.steady.now()) {
                return Ok(());
            }
            let why = status.last_failure.map_or_else(String::new, |(_, why)| why);
            let reason = routing::in_vain(wait_max, &why);
            self.writer.commit_in_time(move |txn| txn.give_up_deliveries(&overdue, &reason)).await?;
        }
    }

    /// One target's worker: the delivery that is due first, then the next.
    async fn work(self: Arc<Self>, target: String, stop: CancellationToken) -> Result<(), ReaderError> {
        let mut committed = self.writer.committed();
        let mut moved = self.board.moved();
        // When the last try set out, and how long the next one keeps away from it.
        let mut paced: Option<(Instant, Duration)> = None;
        while !stop.is_cancelled() {
            let version = self.store.outbox_version();
            moved.borrow_and_update();
            let status = self.board.status(&target);
            let holds_back = status.holds_back(self.steady.now());
            if holds_back {
                self.give_up_overdue(&target).await?;
            }
            let (rank, now) = (status.rank(), self.clock.received_at());
            let next = move |store: &Store, target: &str| store.next_delivery(target, rank, now);
            let next = match self.read(&target, next).await {
                Err(error) if error.is_damage() => {
                    tracing::error!(%target, %error, "a notification cannot be read and is passed over");
                    let target = target.clone();
                    self.writer.commit_in_time(move |txn| txn.pass_over_unreadable(&target)).await?;
                    continue;
                }
                next => next?,
            };
            let pace =
                paced.map_or(Duration::ZERO, |(last, pace)| pace.saturating_sub(self.steady.now() - last));
            // Asked before the breaker, because what that lets go must set out.
            if let Some(delivery) = &next
                && pace.is_zero()
                && !status.held
                && status.breaker.state(self.steady.now()) != BreakerState::Open
                && self.spare(delivery).await?
            {
                continue;
            }
            let wait = match &next {
                None => NAP_MAX,
                // The breaker is asked last: what it lets go must set out.
                Some(_) if pace > Duration::ZERO => pace,
                Some(delivery) if holds_back => self.wait(delivery).min(self.until_overdue(delivery)),
                Some(delivery) => self.wait(delivery),
            };
            if let (Some(delivery), Duration::ZERO) = (next, wait) {
                let jitter = Duration::from_millis(chance() % PACE_JITTER_MILLIS);
                paced = Some((self.steady.now(), PACE + jitter));
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
                () = self.steady.sleep(wait.min(NAP_MAX)) => {}
            }
        }
        Ok(())
    }

    /// Notes of one that is due and has waited until it was over that it is not told; says whether it was one.
    async fn spare(&self, delivery: &Delivery) -> Result<bool, ReaderError> {
        let now = self.clock.received_at();
        if delivery.due().is_none_or(|due| routing::due(due, now) > Duration::ZERO) {
            return Ok(false);
        }
        let since = delivery.waits_since().unwrap_or(delivery.decided_at);
        let has_waited = Duration::from_nanos(now.0.saturating_sub(since.0)) >= OUTLIVED_AFTER;
        let (routing, of) = (self.routing.clone(), delivery.clone());
        let outlived = move |store: &Store, _: &str| {
            let Some(alert) = store.alert(of.alert, &Organizations::All)? else { return Ok(None) };
            let mut company = store.company_of(&of)?;
            company.newer_waits &= has_waited;
            Ok(routing::outlived(&routing, &store.silences_at(now)?, &alert, &of, company, now))
        };
        let why = match self.read("", outlived).await {
            // Whatever cannot be read: the try itself says so, or can do without.
            Err(error) if error.is_damage() => None,
            why => why?,
        };
        let Some(why) = why else { return Ok(false) };
        let id = delivery.id;
        self.writer.commit_in_time(move |txn| txn.withhold_delivery(id, why)).await?;
        Ok(true)
    }

    /// How long the delivery may still wait; a little longer, so that it is over by then.
    fn until_overdue(&self, delivery: &Delivery) -> Duration {
        let since = delivery.waits_since().unwrap_or(delivery.decided_at);
        let waited = Duration::from_nanos(self.clock.received_at().0.saturating_sub(since.0));
        self.patience.wait_max.saturating_sub(waited) + PACE
    }

    /// How long the delivery must still wait, for its time and for its target.
    fn wait(&self, delivery: &Delivery) -> Duration {
        let due = delivery.due().unwrap_or_default();
        let left = routing::due(due, self.clock.received_at());
        if left > Duration::ZERO {
            return left;
        }
        self.board.with(&delivery.target, |status| status.ask(NAP_MAX, self.steady.now()))
    }

    /// One try, and the note of how it ended. Without a note where the appliance stops meanwhile: then it sets out
    /// again at the next start.
    async fn deliver(&self, delivery: Delivery, stop: &CancellationToken) -> Result<(), ReaderError> {
        let (target, told_at) = (delivery.target.clone(), self.board.status(&delivery.target).last_told_at);
        let trace = self.trace(delivery.alert);
        let Some(ended) = self.attempt(delivery.clone(), &trace, stop).await? else { return Ok(()) };
        trace.step(Step::Deliver, trace.began(), Instant::now());
        trace.put("sealwatch.target", target.as_str());
        trace.finish(Step::Deliver.name(), ended.is_err());
        let (at, now) = (self.clock.received_at(), self.steady.now());
        let holds_back = self.board.with(&target, |status| {
            status.note(&ended, at, now);
            status.holds_back(now)
        });
        let target = TargetThen { told_at, holds_back };
        let patience = Patience { chance: chance(), ..self.patience };
        let settle = move |txn: &mut Txn<'_>| {
            let ended = ended.map_or_else(|error| error.ended(), |_| TryEnd::Taken);
            let state = routing::state_after(&delivery, ended, target, patience, txn.now());
            txn.settle_delivery(delivery.id, state)
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
    ) -> Result<Option<Result<Taken, NotifyError>>, ReaderError> {
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

/// Any number, drawn evenly.
fn chance() -> u64 {
    getrandom::u64().unwrap_or_default()
}
