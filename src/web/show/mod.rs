//! The handlers of the pages: each reads what its page shows, within what the caller may see, and hands it
//! over.

pub mod activity;
pub mod alert;
pub mod alerts;
pub mod bulk;
pub mod dead_letters;
pub mod event;
pub mod events;
pub mod health;
pub mod help;
pub mod integrity;
pub mod live;
pub mod notifications;
pub mod overview;
pub mod pattern;
pub mod patterns;
pub mod search;
pub mod searches;
pub mod settings;
pub mod sign_in;
pub mod sources;
pub mod subject;
pub mod traces;
pub mod undelivered;
mod response;

pub use response::message_response;
pub use response::{BaseUrl, Visitor, Wanted};
use response::{frame, page};
