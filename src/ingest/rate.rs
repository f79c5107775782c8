//! How many events each source may send in a second, where that is bounded.

use crate::model::SourceId;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Seconds of sending that a source may save up, so that it need not send evenly.
const SAVED_SECS: f64 = 10.0;

/// What each source may still send. One row a source.
#[derive(Debug, Default)]
pub struct RateLimits(Mutex<HashMap<SourceId, Allowance>>);

#[derive(Clone, Copy, Debug)]
struct Allowance {
    events: f64,
    at: Instant,
}

impl RateLimits {
    /// Whether the source may send now, where it may send `per_sec` events in a second; else when it may again. Asked
    /// before a request is read, when nobody knows how many events it has: a source may run into debt with one request,
    /// and waits until that is paid.
    pub fn admit(&self, source: SourceId, per_sec: u32, now: Instant) -> Result<(), Duration> {
        let events = self.change(source, per_sec, 0, now);
        if events > 0.0 {
            return Ok(());
        }
        // Until there is at least one.
        Err(Duration::from_secs_f64((1.0 - events) / f64::from(per_sec)))
    }

    /// Enters what a request brought.
    pub fn spend(&self, source: SourceId, per_sec: u32, events: usize, now: Instant) {
        self.change(source, per_sec, events, now);
    }

    fn change(&self, source: SourceId, per_sec: u32, spent: usize, now: Instant) -> f64 {
        let most = f64::from(per_sec) * SAVED_SECS;
        let mut sources = self.0.lock().expect("no holder of this lock panics");
        let allowance = sources.entry(source).or_insert(Allowance { events: most, at: now });
        let passed = now.saturating_duration_since(allowance.at).as_secs_f64();
        allowance.events = (allowance.events + passed * f64::from(per_sec)).min(most) - spent as f64;
        allowance.at = now;
        allowance.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_may_save_up_and_waits_for_what_it_sent_beyond() {
        let (limits, begin) = (RateLimits::default(), Instant::now());
        let at = |secs: f64| begin + Duration::from_secs_f64(secs);
        let send = |secs: f64, events: usize| {
            limits.admit(SourceId(1), 5, at(secs)).map(|()| limits.spend(SourceId(1), 5, events, at(secs)))
        };
        assert_eq!(send(0.0, 50), Ok(()), "ten seconds are saved up");
        assert_eq!(send(0.0, 1).map_err(|wait| wait.as_millis()), Err(200));
        assert_eq!(send(1.0, 25), Ok(()), "one request may be larger than what is left");
        assert_eq!(send(1.0, 1).map_err(|wait| wait.as_millis()), Err(4_200));
        assert_eq!(send(5.0, 1).map_err(|wait| wait.as_millis()), Err(200));
        assert_eq!(send(5.2, 1), Ok(()));
        assert_eq!(limits.admit(SourceId(2), 5, at(1.0)), Ok(()), "another source has its own");
    }
}
