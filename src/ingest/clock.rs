//! What time it is, as something that is handed in.

use crate::model::ReceivedAt;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The time of day. Tests hand in one that stands still.
///
/// The host's may jump. A jump forward is followed; after a jump back the time goes on from where it was, as fast as it
/// passes, until the host's has caught up. So nothing is ordered wrongly, and nothing that ends after some time lasts for
/// ever.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// `None` goes by the time of day alone.
    flow: Option<Arc<Flow>>,
}

struct Flow {
    steady: Box<dyn Fn() -> Instant + Send + Sync>,
    last: Mutex<(Timestamp, Instant)>,
}

impl Clock {
    /// The host's clock.
    pub fn system() -> Clock {
        Clock::flowing(Timestamp::now, Instant::now)
    }

    /// A clock of the caller's.
    pub fn new(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock { wall: Arc::new(wall), flow: None }
    }

    /// One whose jumps back are not followed; `steady` only runs forward.
    pub fn flowing(
        wall: impl Fn() -> Timestamp + Send + Sync + 'static,
        steady: impl Fn() -> Instant + Send + Sync + 'static,
    ) -> Clock {
        let last = Mutex::new((wall(), steady()));
        Clock { wall: Arc::new(wall), flow: Some(Arc::new(Flow { steady: Box::new(steady), last })) }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.flow.as_ref().map_or_else(|| self.wall(), |flow| flow.now(self.wall()))
    }

    /// What the host says, jumps and all.
    pub fn wall(&self) -> Timestamp {
        (self.wall)()
    }

    /// Lets no time before that be told: the newest entry of a log that was written when the host's clock was ahead.
    pub fn not_before(&self, time: ReceivedAt) {
        if let Some(flow) = &self.flow {
            flow.now(time.timestamp());
        }
    }

    /// Now, as the time of receipt.
    pub fn received_at(&self) -> ReceivedAt {
        ReceivedAt::from_timestamp(self.now())
    }
}

impl Flow {
    fn now(&self, wall: Timestamp) -> Timestamp {
        let mut last = self.last.lock().expect("no holder of this lock panics");
        let steady = (self.steady)();
        let passed = SignedDuration::try_from(steady.saturating_duration_since(last.1));
        let flowed = passed.ok().and_then(|passed| last.0.checked_add(passed).ok());
        *last = (wall.max(flowed.unwrap_or(last.0)), steady);
        last.0
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

    #[test]
    fn after_a_jump_back_time_goes_on_from_where_it_was() {
        // What the host says, and what has really passed, in seconds.
        let hands = Arc::new(Mutex::new((1_000_i64, 0_u64)));
        let (wall, steady, begin) = (hands.clone(), hands.clone(), Instant::now());
        let clock = Clock::flowing(
            move || Timestamp::from_second(wall.lock().expect("nobody panics").0).expect("a time"),
            move || begin + Duration::from_secs(steady.lock().expect("nobody panics").1),
        );
        let at = |wall: i64, passed: u64| {
            *hands.lock().expect("nobody panics") = (wall, passed);
            clock.now().as_second()
        };
        assert_eq!((at(1_000, 0), at(1_010, 10)), (1_000, 1_010));
        assert_eq!((at(-50_000, 20), at(-49_990, 30)), (1_020, 1_030), "an hour back, and it goes on");
        assert_eq!(at(1_100, 40), 1_100, "the host's has caught up, or jumped forward");
        clock.not_before(ReceivedAt(5_000 * 1_000_000_000));
        assert_eq!((at(1_110, 50), at(1_120, 60)), (5_010, 5_020));
        assert_eq!(clock.wall().as_second(), 1_120);
    }
}
