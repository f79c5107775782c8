//! The command line.

mod serve;
mod demo;
mod check_config;
mod dead_letters;
mod key;
mod notify;
mod undelivered;
mod user;
mod send;
mod verify;
mod witness;
mod export;
mod reindex;
mod bench;
mod data_dir;
mod given;
mod http_client;
mod exit;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Keeps every audit event provably, watches for misuse, and shows a person what happened and why.
#[derive(Parser)]
#[command(name = "sealwatch", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Demo(demo::Args),
    CheckConfig(check_config::Args),
    #[command(subcommand)]
    Key(key::Command),
    #[command(subcommand)]
    Notify(notify::Command),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    Send(send::Args),
    Verify(verify::Args),
    Witness(witness::Args),
    Export(export::Args),
    Reindex(reindex::Args),
    Bench(bench::Args),
}

/// Does what the command line says. Errors go to standard error, with what to do about them.
pub fn run() -> ExitCode {
    // Fails only where a provider is installed already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let done = match Arguments::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Key(command) => key::run(command),
        Command::Notify(command) => notify::run(command),
        Command::User(command) => user::run(command),
        Command::DeadLetters(command) => dead_letters::run(command),
        Command::Send(args) => send::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Witness(args) => witness::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Reindex(args) => reindex::run(&args),
        Command::Bench(args) => bench::run(&args),
    };
    done.unwrap_or_else(|error| exit::report(&error))
}
