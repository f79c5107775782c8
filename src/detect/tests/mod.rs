//! Tests of detection as a whole: scripts of events in, firings and alerts out.

mod alerting;
mod engine;
mod eviction;
mod plain_model;
mod real_data;
mod snapshot;
