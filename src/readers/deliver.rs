//! The deliver reader: brings what stands in the outbox to its targets, each target by itself, so that one that hangs
//! keeps nobody waiting.
//!
//! Unlike the others it follows the outbox, not the log. A try is noted once it has ended: after a kill in the middle
//! the same delivery sets out again with the same id, by which the receiver can tell that it is no other one.

use super::progress::ReaderError;
use crate::ingest::{Clock, Writer};
use crate::model::{Delivery, DeliveryState, Organizations, ReceivedAt};
use crate::notify::{Notice, Notifier, NotifyError};
use crate::routing::{self, ATTEMPTS_MAX, Breaker, BreakerState, Failure, Permission};
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The longest that a worker sleeps without looking at the clock anew, which may have been set.
const NAP_MAX: Duration = Duration::from_secs(60);
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
}

/// How the targets are, for whoever wants to see it.
#[derive(Clone, Default)]
pub struct DeliveryBoard(Arc<Mutex<BTreeMap<String, TargetStatus>>>);

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
}

impl DeliveryBoard {
    /// How that target is.
    pub fn status(&self, target: &str) -> TargetStatus {
        self.with(target, |status| status.clone())
    }

    /// Notes how a try ended that somebody asked for.
    pub fn note(&self, target: &str, ended: &Result<(), NotifyError>, at: ReceivedAt) {
        self.with(target, |status| status.note(ended, at, Instant::now()));
    }

    fn with<T>(&self, target: &str, see: impl FnOnce(&mut TargetStatus) -> T) -> T {
        let mut board = self.0.lock().expect("no holder of this lock panics");
        see(board.entry(target.to_owned()).or_default())
    }
}

impl TargetStatus {
    /// The breaker's state in a word.
    pub fn breaker_name(&self) -> &'static str {
        match self.breaker.state(Instant::now()) {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half-open",
        }
    }

    fn note(&mut self, ended: &Result<(), NotifyError>, at: ReceivedAt, now: Instant) {
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
        DeliverReader { store, writer, notifier, clock, board: DeliveryBoard::default() }
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
            self.writer.commit(give_up).await?;
        }
    }

    /// One target's worker: the delivery that is due first, then the next.
    async fn work(self: Arc<Self>, target: String, stop: CancellationToken) -> Result<(), ReaderError> {
        let mut committed = self.writer.committed();
        while !stop.is_cancelled() {
            let version = self.store.outbox_version();
            let next = self.read(&target, Store::next_delivery).await?;
            let wait = match &next {
                None => NAP_MAX,
                Some(delivery) => self.wait(delivery),
            };
            if let (Some(delivery), Duration::ZERO) = (next, wait) {
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
        self.board.with(&delivery.target, |status| match status.breaker.ask(Instant::now()) {
            _ if status.gone => Duration::ZERO,
            Permission::Go => Duration::ZERO,
            Permission::Wait(left) => left,
        })
    }

    /// One try, and the note of how it ended. Without a note where the appliance stops meanwhile: then it sets out
    /// again at the next start.
    async fn deliver(&self, delivery: Delivery, stop: &CancellationToken) -> Result<(), ReaderError> {
        let (id, attempts) = (delivery.id, delivery.attempts() + 1);
        let target = delivery.target.clone();
        let Some(ended) = self.attempt(delivery, stop).await? else { return Ok(()) };
        let at = self.clock.received_at();
        self.board.with(&target, |status| {
            let was_open = status.breaker.state(Instant::now()) != BreakerState::Closed;
            status.note(&ended, at, Instant::now());
            if let Err(error) = &ended
                && error.failure() == Failure::Misconfigured
                && !was_open
            {
                tracing::error!(%target, %error, "a notification target does not work as it is configured; see `sealwatch notify test`");
            }
        });
        let chance = getrandom::u64().unwrap_or_default();
        let settle = move |txn: &mut crate::store::Txn<'_>| {
            let state = state_after(ended, attempts, chance, txn.now());
            txn.settle_delivery(id, state)
        };
        Ok(self.writer.commit(settle).await?)
    }

    async fn attempt(
        &self,
        delivery: Delivery,
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
        let notice = Notice { delivery, alert, checkpoint, test: false };
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

/// Where a delivery stands after its try of that number.
fn state_after(ended: Result<(), NotifyError>, attempts: u32, chance: u64, now: ReceivedAt) -> DeliveryState {
    let error = match ended {
        Ok(()) => return DeliveryState::Told { at: now, attempts },
        Err(error) => error,
    };
    if attempts >= ATTEMPTS_MAX || !error.is_worth_a_retry() {
        return DeliveryState::Dead { at: now, attempts, reason: error.to_string() };
    }
    let delay = routing::delay(attempts, chance, error.retry_after());
    let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
    let next_try = ReceivedAt(now.0.saturating_add(nanos));
    DeliveryState::Waiting { attempts, next_try, last_error: Some(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> NotifyError {
        NotifyError::Status { status, retry_after: None, text: String::new() }
    }

    #[test]
    fn five_tries_make_a_dead_letter_and_a_refusal_makes_one_at_once() {
        let now = ReceivedAt(1_000);
        for attempts in 1..ATTEMPTS_MAX {
            let state = state_after(Err(status(503)), attempts, u64::MAX, now);
            let DeliveryState::Waiting { attempts: counted, next_try, .. } = state else {
                panic!("{attempts}: {state:?}");
            };
            assert_eq!(counted, attempts);
            assert!(next_try >= now);
        }
        let is_dead = |state: &DeliveryState| matches!(state, DeliveryState::Dead { .. });
        assert!(is_dead(&state_after(Err(status(503)), ATTEMPTS_MAX, 0, now)));
        assert!(is_dead(&state_after(Err(status(400)), 1, 0, now)));
        assert_eq!(state_after(Ok(()), 2, 0, now), DeliveryState::Told { at: now, attempts: 2 });
    }
}
