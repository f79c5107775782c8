//! Who is to be told of an alert, and who is not and why; when a delivery is tried again. All of it is pure.

mod breaker;
mod decide;
mod maintenance;
mod retry;

pub use breaker::{Breaker, BreakerLimits, BreakerState, BreakerView, Failure, Permission};
pub use decide::{Company, Route, Routing, Verdict, decide, is_covered, outlived};
pub use maintenance::{Maintenance, Recurrence};
pub use retry::{PAUSE_MAX, Patience, Retry, TargetThen, TryEnd, due, in_vain, is_overdue, state_after};
