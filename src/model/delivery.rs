//! The delivery: one notification of one alert on its way to one target, or the reason why it never set out.

use super::{ReceivedAt, Silence};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A row of the outbox. Written in the commit that notifies the alert; kept afterwards as the answer to "who was told
/// when, and if not, why".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Derived from the next five, so that a resend carries the same one.
    pub id: Uuid,
    /// Of which alert.
    pub alert: Uuid,
    /// How often it had fired by then.
    pub occurrences: u64,
    /// By which route.
    pub route: String,
    /// To which target.
    pub target: String,
    /// How many distinct events had counted by then.
    pub counted: u64,
    /// Event time of the firing that is told of.
    pub fired_at: Timestamp,
    /// When it was decided.
    pub decided_at: ReceivedAt,
    /// The tries that failed, the oldest first; of many the last 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailedTry>,
    /// Where it stands.
    pub state: DeliveryState,
}

/// Failed tries that a delivery remembers.
const FAILURES_MAX: usize = 20;

/// A try that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedTry {
    /// When it had ended.
    pub at: ReceivedAt,
    /// Why.
    pub why: String,
}

/// Where a delivery stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum DeliveryState {
    /// On its way.
    Waiting {
        /// Since when.
        #[serde(default)]
        since: ReceivedAt,
        /// Tries that failed.
        attempts: u32,
        /// Those of them that were its own fault and not the target's; so many are given it and no more.
        #[serde(default)]
        strikes: u32,
        /// Before when it is not tried again. In the past for one that waits for its target to be well again: that is its
        /// place among the others.
        next_try: ReceivedAt,
        /// Why the last one failed.
        last_error: Option<String>,
    },
    /// The target took it.
    Told {
        /// When.
        at: ReceivedAt,
        /// With which try.
        attempts: u32,
    },
    /// A dead letter: given up.
    Dead {
        /// When.
        at: ReceivedAt,
        /// After how many tries.
        attempts: u32,
        /// Why.
        reason: String,
    },
    /// Was a dead letter, until somebody decided that it need not arrive.
    Discarded {
        /// When.
        at: ReceivedAt,
        /// Who did it.
        by: String,
        /// Why, in their own words.
        reason: String,
    },
    /// Not sent, on purpose.
    NotTold {
        /// Why.
        why: NotTold,
        /// When that was found, where it had waited before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<ReceivedAt>,
    },
}

/// Why a route that matches tells nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum NotTold {
    /// Somebody is on it already.
    Acknowledged {
        /// Who.
        by: String,
    },
    /// A silence covers it.
    Silenced {
        /// Which.
        silence: Uuid,
        /// Who made it.
        by: String,
        /// Why they did.
        reason: String,
    },
    /// A maintenance window is open.
    Maintenance {
        /// Which.
        window: String,
    },
    /// The alert says that nothing reaches this target.
    AboutTheTarget,
    /// Somebody had closed the alert before the target could be told.
    Closed {
        /// Who.
        by: String,
    },
    /// It waited until there was a newer one of the same alert, which says all that it would have said.
    Superseded,
    /// Another route brings the same to the same target.
    SameTarget {
        /// Which.
        route: String,
    },
}

impl DeliveryState {
    /// One that has not been tried yet, and waits since `now`.
    pub fn ready(now: ReceivedAt) -> DeliveryState {
        DeliveryState::Waiting { since: now, attempts: 0, strikes: 0, next_try: now, last_error: None }
    }
}

impl NotTold {
    /// The reason without what people wrote, for entries of the log.
    pub fn kind(&self) -> &'static str {
        match self {
            NotTold::Acknowledged { .. } => "acknowledged",
            NotTold::Silenced { .. } => "silenced",
            NotTold::Maintenance { .. } => "a maintenance window was open",
            NotTold::AboutTheTarget => "it is this target that nothing reaches",
            NotTold::Closed { .. } => "closed",
            NotTold::Superseded => "there was a newer one",
            NotTold::SameTarget { .. } => "another route told the same target",
        }
    }

    /// That a silence covers it.
    pub fn of_silence(silence: &Silence) -> NotTold {
        let (by, reason) = (silence.by.clone(), silence.reason.clone());
        NotTold::Silenced { silence: silence.id, by, reason }
    }
}

impl Delivery {
    /// The id of what tells `target` by `route` of the alert as it stood after so many firings.
    pub fn id_of(alert: Uuid, occurrences: u64, route: &str, target: &str) -> Uuid {
        let digest = Sha256::new()
            .chain_update(b"sealwatch delivery\0")
            .chain_update(alert.as_bytes())
            .chain_update(occurrences.to_be_bytes())
            .chain_update((route.len() as u64).to_be_bytes())
            .chain_update(route)
            .chain_update(target)
            .finalize();
        let bytes = digest.first_chunk().expect("a digest has 32 bytes");
        uuid::Builder::from_custom_bytes(*bytes).into_uuid()
    }

    /// Since when it is on its way, where it is.
    pub fn waits_since(&self) -> Option<ReceivedAt> {
        match self.state {
            // Of one that was written before this was kept it is not known better.
            DeliveryState::Waiting { since, .. } => Some(since.max(self.decided_at)),
            _ => None,
        }
    }

    /// Whether somebody had it sent again: then it waits since later than it was decided.
    pub fn was_revived(&self) -> bool {
        self.waits_since().is_some_and(|since| since > self.decided_at)
    }

    /// When the next try is due, where there will be one.
    pub fn due(&self) -> Option<ReceivedAt> {
        match self.state {
            DeliveryState::Waiting { next_try, .. } => Some(next_try),
            _ => None,
        }
    }

    /// When nothing more was to be done about it; `None` while it is on its way.
    pub fn ended_at(&self) -> Option<ReceivedAt> {
        match self.state {
            DeliveryState::Waiting { .. } => None,
            DeliveryState::Told { at, .. }
            | DeliveryState::Dead { at, .. }
            | DeliveryState::Discarded { at, .. } => Some(at),
            DeliveryState::NotTold { at, .. } => Some(at.unwrap_or(self.decided_at)),
        }
    }

    /// The same after a try of it, or a decision about it, has led to that state at `now`.
    pub fn moved_to(mut self, state: DeliveryState, now: ReceivedAt) -> Delivery {
        let failed = match &state {
            DeliveryState::Waiting { last_error, .. } => last_error.clone(),
            DeliveryState::Dead { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.failures.extend(failed.map(|why| FailedTry { at: now, why }));
        let surplus = self.failures.len().saturating_sub(FAILURES_MAX);
        self.failures.drain(..surplus);
        Delivery { state, ..self }
    }

    /// How many tries failed or succeeded so far.
    pub fn attempts(&self) -> u32 {
        match self.state {
            DeliveryState::Waiting { attempts, .. }
            | DeliveryState::Told { attempts, .. }
            | DeliveryState::Dead { attempts, .. } => attempts,
            DeliveryState::Discarded { .. } => u32::try_from(self.failures.len()).unwrap_or(u32::MAX),
            DeliveryState::NotTold { .. } => 0,
        }
    }
}

/// Why a try failed without what the target said, which may hold anything: that stands in quotes behind a colon. For
/// entries of the log, the journal and whoever may not see the targets.
pub fn status_alone(why: &str) -> &str {
    why.split_once(": \"").map_or(why, |(status, _)| status)
}

impl std::fmt::Display for NotTold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotTold::Acknowledged { by } => write!(f, "{by} had acknowledged it"),
            NotTold::Silenced { by, reason, .. } => write!(f, "silenced by {by}: {reason}"),
            NotTold::Maintenance { window } => write!(f, "the maintenance window {window} was open"),
            NotTold::AboutTheTarget => f.write_str(self.kind()),
            NotTold::Closed { by } => write!(f, "{by} had closed it before this target could be told"),
            NotTold::Superseded => f.write_str("it waited until there was a newer one of the same alert"),
            NotTold::SameTarget { route } => write!(f, "the route {route} told the same target"),
        }
    }
}
