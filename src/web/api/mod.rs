//! The API: one file per noun.

pub mod activity;
pub mod alerts;
pub mod dead_letters;
pub mod events;
pub mod health;
pub mod intake;
pub mod keys;
pub mod log;
pub mod log_check;
pub mod metrics;
pub mod notify;
pub mod openapi;
pub mod patterns;
pub mod search;
pub mod searches;
pub mod silences;
pub mod sources;
pub mod telemetry;
pub mod undelivered;
pub mod users;

mod parameters;
