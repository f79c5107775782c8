//! How the targets are: what the last tries at each have shown, and whether somebody stopped it.

use super::steady::Steady;
use crate::model::ReceivedAt;
use crate::notify::{NotifyError, Taken};
use crate::routing::{Breaker, BreakerLimits, BreakerState, Failure, Permission};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How the targets are, for whoever wants to see it.
#[derive(Clone, Default)]
pub struct DeliveryBoard(Arc<Board>);

#[derive(Default)]
struct Board {
    targets: Mutex<BTreeMap<String, TargetStatus>>,
    /// Tells the workers that somebody did something to a target.
    moved: watch::Sender<()>,
    steady: Steady,
    limits: BreakerLimits,
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
    pub failing_since: Option<ReceivedAt>,
    /// Since when no try failed.
    pub well_since: Option<ReceivedAt>,
    /// Whether nothing but other settings can mend it, by its last try.
    pub misconfigured: bool,
    /// How many single tries the open breaker has let through in vain.
    failed_probes: usize,
}

impl DeliveryBoard {
    /// One whose breakers go by that clock, and open by these limits.
    pub(super) fn by(steady: Steady, limits: BreakerLimits) -> DeliveryBoard {
        DeliveryBoard(Arc::new(Board { steady, limits, ..Board::default() }))
    }

    /// How that target is.
    pub fn status(&self, target: &str) -> TargetStatus {
        self.with(target, |status| status.clone())
    }

    /// Notes how a try ended that somebody asked for. It set out whatever the breaker said, so an answer closes it.
    pub fn note(&self, target: &str, ended: &Result<Taken, NotifyError>, at: ReceivedAt) {
        let now = self.0.steady.now();
        self.with(target, |status| {
            status.note(ended, at, now);
            if status.failing_since.is_none() {
                status.breaker.close(now);
            }
        });
        self.0.moved.send_replace(());
    }

    /// Stops the sending to that target, or has it go on at once, whatever the breaker found.
    pub fn hold(&self, target: &str, held: bool) {
        let now = self.0.steady.now();
        self.with(target, |status| {
            status.held = held;
            if !held {
                status.breaker.close(now);
                (status.gone, status.failed_probes) = (false, 0);
            }
        });
        self.0.moved.send_replace(());
    }

    /// Hears whenever somebody does something to a target.
    pub(super) fn moved(&self) -> watch::Receiver<()> {
        self.0.moved.subscribe()
    }

    pub(super) fn with<T>(&self, target: &str, see: impl FnOnce(&mut TargetStatus) -> T) -> T {
        let mut board = self.0.targets.lock().expect("no holder of this lock panics");
        let new = || TargetStatus { breaker: Breaker::new(self.0.limits), ..TargetStatus::default() };
        see(board.entry(target.to_owned()).or_insert_with(new))
    }
}

impl TargetStatus {
    /// The breaker's state in a word.
    pub fn breaker_name(&self) -> &'static str {
        if self.held { "held" } else { self.breaker.state(Instant::now()).name() }
    }

    /// Whether deliveries are held back because of how it is, not because somebody wants it so.
    pub(super) fn holds_back(&self, now: Instant) -> bool {
        !self.held && !self.gone && self.breaker.state(now) != BreakerState::Closed
    }

    /// The rank of the delivery that is to be tried next.
    pub(super) fn rank(&self) -> usize {
        self.failed_probes
    }

    /// Asks whether a try may set out. What is let go must set out, and its end be noted.
    pub(super) fn ask(&mut self, nap: Duration, now: Instant) -> Duration {
        match (self.held, self.gone) {
            (true, _) => nap,
            (_, true) => Duration::ZERO,
            _ => match self.breaker.ask(now) {
                Permission::Go => Duration::ZERO,
                Permission::Wait(left) => left,
            },
        }
    }

    /// Notes how a try ended.
    pub(in crate::readers) fn note(
        &mut self,
        ended: &Result<Taken, NotifyError>,
        at: ReceivedAt,
        now: Instant,
    ) {
        let was_probe = self.breaker.state(now) != BreakerState::Closed;
        match ended {
            Ok(taken) => {
                self.breaker.succeeded(now);
                self.last_told_at = Some(at);
                self.last_failure = taken.refused.clone().map(|why| (at, why)).or(self.last_failure.take());
                self.gone = false;
            }
            Err(error) => {
                self.breaker.failed(error.failure(), now);
                self.last_failure = Some((at, error.to_string()));
                self.gone |= error.is_gone();
            }
        }
        let failure = ended.as_ref().err().map(NotifyError::failure);
        self.misconfigured = failure == Some(Failure::Misconfigured);
        match failure {
            // It answers, and is well: at most this message is not to its liking.
            None | Some(Failure::Refused) => {
                (self.failing_since, self.failed_probes) = (None, 0);
                self.well_since.get_or_insert(at);
            }
            Some(_) => {
                self.failing_since.get_or_insert(at);
                self.well_since = None;
                self.failed_probes += usize::from(was_probe);
            }
        }
    }
}
