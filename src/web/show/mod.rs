//! The handlers of the pages: each reads what its page shows, within what the caller may see, and hands it
//! over.

pub mod activity;
pub mod alert;
pub mod alerts;
pub mod bulk;
pub mod event;
pub mod events;
pub mod health;
pub mod help;
pub mod integrity;
pub mod live;
pub mod overview;
pub mod pattern;
pub mod patterns;
pub mod settings;
pub mod sign_in;
pub mod sources;
pub mod traces;
mod response;

pub use response::message_response;
pub use response::{BaseUrl, Visitor};
use response::{frame, page};
