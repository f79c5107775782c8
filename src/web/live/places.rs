//! Who holds a stream: so many in all, so many for each session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// Streams at once.
const STREAMS_MAX: usize = 64;
/// Streams of one session or key.
const STREAMS_EACH_MAX: usize = 4;

/// The streams that are open. Shared.
#[derive(Clone, Default)]
pub struct LiveStreams {
    held: Arc<Mutex<HashMap<String, usize>>>,
    end: CancellationToken,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Too many streams are open.
    All,
    /// The session has its share.
    Own,
}

/// One stream's place, given back when it ends.
pub(super) struct Place {
    streams: LiveStreams,
    holder: String,
}

impl LiveStreams {
    /// Takes a place for `holder`.
    pub(super) fn take(&self, holder: String) -> Result<Place, Full> {
        let mut held = self.held.lock().expect("no holder of this lock panics");
        if held.values().sum::<usize>() >= STREAMS_MAX {
            return Err(Full::All);
        }
        let own = held.entry(holder.clone()).or_default();
        if *own >= STREAMS_EACH_MAX {
            return Err(Full::Own);
        }
        *own += 1;
        Ok(Place { streams: self.clone(), holder })
    }

    /// Ends them all, for good: the appliance stops.
    pub fn end(&self) {
        self.end.cancel();
    }

    /// Comes when they end.
    pub async fn ended(&self) {
        self.end.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.streams.held.lock().expect("no holder of this lock panics");
        if let Some(own) = held.get_mut(&self.holder) {
            *own -= 1;
            if *own == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_its_share_and_all_together_have_theirs() {
        let streams = LiveStreams::default();
        let take = |holder: String| streams.take(holder).unwrap_or_else(|full| panic!("full: {full:?}"));
        let mut places: Vec<Place> = (0..STREAMS_EACH_MAX).map(|_| take("ada".into())).collect();
        assert_eq!(streams.take("ada".into()).err(), Some(Full::Own));
        places.pop();
        places.extend(streams.take("ada".into()).ok());
        assert_eq!(places.len(), STREAMS_EACH_MAX, "a place that was given back can be taken");
        let others = STREAMS_MAX - places.len();
        places.extend((0..others).map(|n| take(format!("{n}"))));
        assert_eq!(streams.take("eve".into()).err(), Some(Full::All));
        drop(places);
        assert!(streams.held.lock().expect("nobody panicked").is_empty(), "nothing is kept of who has gone");
    }
}
