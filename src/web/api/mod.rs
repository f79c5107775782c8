//! The API: one file per noun.

pub mod alerts;
pub mod events;
pub mod health;
pub mod intake;
pub mod keys;
pub mod log;
pub mod metrics;
pub mod notify;
pub mod openapi;
pub mod silences;
pub mod users;

mod parameters;
