//! What time it is, as something that is handed in.

use crate::model::ReceivedAt;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Instant;

/// The time of day. Tests hand in one that stands still.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The host's clock.
    pub fn system() -> Clock {
        Clock(Arc::new(Timestamp::now))
    }

    /// A clock of the caller's.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// Now, as the time of receipt.
    pub fn received_at(&self) -> ReceivedAt {
        ReceivedAt::from_timestamp(self.now())
    }
}

/// Holds the time of day against the clock that only runs forward.
#[derive(Clone, Copy, Debug)]
pub struct ClockWatch {
    wall: Timestamp,
    steady: Instant,
}

impl ClockWatch {
    /// Begins to watch.
    pub fn new(wall: Timestamp, steady: Instant) -> ClockWatch {
        ClockWatch { wall, steady }
    }

    /// By how much the time of day has jumped since the last call.
    pub fn jump(&mut self, wall: Timestamp, steady: Instant) -> SignedDuration {
        let walked = wall.duration_since(self.wall);
        let passed =
            SignedDuration::try_from(steady.duration_since(self.steady)).unwrap_or(SignedDuration::MAX);
        *self = ClockWatch { wall, steady };
        walked.saturating_sub(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_jump_is_what_the_time_of_day_walked_beyond_what_passed() {
        let (wall, steady) = (Timestamp::UNIX_EPOCH, Instant::now());
        let mut watch = ClockWatch::new(wall, steady);
        let mut after = |wall_secs: i64, steady_secs: u64| {
            let wall = wall + SignedDuration::from_secs(wall_secs);
            watch.jump(wall, steady + Duration::from_secs(steady_secs)).as_secs()
        };
        assert_eq!(after(5, 5), 0);
        assert_eq!(after(3_610, 10), 3_600);
        assert_eq!(after(15, 15), -3_600);
        assert_eq!(after(20, 20), 0, "each is told once");
    }
}
