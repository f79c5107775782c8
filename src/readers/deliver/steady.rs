//! The time that only runs forward, and waiting by it.

use std::time::{Duration, Instant};

/// A clock for waits and breakers. Tests hand in one that runs faster, so that an outage of an hour takes them seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steady {
    began: Instant,
    speed: u32,
}

impl Default for Steady {
    fn default() -> Steady {
        Steady { began: Instant::now(), speed: 1 }
    }
}

impl Steady {
    /// One that runs so many times as fast.
    #[cfg(test)]
    pub(super) fn times(speed: u32) -> Steady {
        Steady { speed, ..Steady::default() }
    }

    /// How long ago it began.
    pub(super) fn passed(&self) -> Duration {
        self.began.elapsed() * self.speed
    }

    /// Now.
    pub(super) fn now(&self) -> Instant {
        self.began + self.passed()
    }

    /// Waits for so long.
    pub(super) async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span / self.speed).await;
    }
}
