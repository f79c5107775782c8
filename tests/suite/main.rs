//! Black-box tests: the program is started as its users start it, and driven by its commands and HTTP alone.
#![expect(
    clippy::print_stdout,
    reason = "a test that is skipped, or that draws its moments by chance, says so"
)]

mod appliance;
mod client;
mod command;
mod samples;

mod access;
mod activity;
mod alerts;
mod bad_input;
mod dead_letters;
mod disk;
mod durability;
mod independent;
mod evidence;
mod export;
mod fuzz;
mod intake;
mod kills;
mod live;
mod model;
mod notify;
mod observe;
mod operations;
mod overload;
mod pages;
mod patterns;
mod people;
mod pressure;
mod proofs;
mod reading;
mod real_input;
mod search;
mod search_page;
mod source;
mod sources;
mod subjects;
mod witness;
mod verify;
