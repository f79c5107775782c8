//! Answers that go on for as long as somebody looks: what is new, as server-sent events.
//!
//! Nothing is produced before the client has taken what came before, so nothing waits for a slow one: it gets
//! the state of the moment when it reads again, and its connection ends when it reads nothing for a minute.

mod places;
mod stream;
mod news;
mod tail;
mod feed;

pub use feed::follow;
pub use places::LiveStreams;
