//! The API: one file per noun.

pub mod activity;
pub mod alerts;
pub mod events;
pub mod health;
pub mod intake;
pub mod keys;
pub mod log;
pub mod log_check;
pub mod metrics;
pub mod openapi;
pub mod patterns;
pub mod telemetry;
pub mod users;

mod parameters;
