//! The handlers of the pages: each reads what its page shows, within what the caller may see, and hands it
//! over.

pub mod alert;
pub mod alerts;
pub mod event;
pub mod events;
pub mod notifications;
pub mod overview;
pub mod sign_in;
mod response;

pub use response::Visitor;
pub use response::message_response;
use response::{frame, page};
