//! What a witness makes of what a log shows: it continues what was seen before, or it is refused.

mod judge;
mod hand_over;
mod refusal;

pub use hand_over::{HandOver, HandOverError};
pub use judge::{Accepted, Growth, HELD_BACK_SECS, LastGood, Memory, judge};
pub use refusal::{Refusal, Refused};

#[cfg(test)]
mod tests;
