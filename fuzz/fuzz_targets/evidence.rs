//! Fuzzes `targets::evidence_zip`.
#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::evidence_zip(bytes));
