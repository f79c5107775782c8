//! Sealwatch keeps every audit event provably, watches for misuse as they come, and shows a person what
//! happened.
//!
//! The modules stand in layers, and one imports only from those above it; `ARCHITECTURE.md` tells the way of
//! an event.

// Nouns.
pub mod model;

// Thinking: no I/O, no clock.
pub mod decode;
pub mod integrity;
pub mod detect;
pub mod merkle;
pub mod archive;
pub mod breaker;

// Judging: what the thinking modules prove, put together and held against what was seen; pure too.
pub mod witness;
pub mod evidence;

// Edges: each has one user of its crate.
pub mod store;
pub mod counters;
pub mod keys;
pub mod telemetry;

// Settings.
pub mod config;

// Flow.
pub mod ingest;
pub mod readers;

// Face.
pub mod web;

// Root.
pub mod app;
pub mod cli;
