//! What time it is, as something that is handed in.

use crate::model::ReceivedAt;
use jiff::Timestamp;
use std::sync::Arc;

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
