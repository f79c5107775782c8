//! `sealwatch dead-letters`: lists work that failed for good, has it tried again, gives it up.

use super::data_dir::{DataDir, ListArgs, Reached};
use crate::app;
use crate::web::api::dead_letters::{DeadLetterView, Decided, Decision};
use anyhow::{Context, bail};
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

/// The name that stands in the log for whoever works on the host.
const BY: &str = "local";

/// Lists work that failed for good, has it tried again, or gives it up.
///
/// That is entries of the log at which a reader failed. For notifications there is `sealwatch notify dead-letters`.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Lists what waits, with its causes.
    List(ListArgs),
    /// Has it tried again; a stopped appliance does so when it starts.
    Retry(Which),
    /// Gives it up. What it was about and why it failed stays in the log.
    Discard(DiscardArgs),
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Which {
    /// Which, as in step/detect/17
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All that wait
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct DiscardArgs {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long)]
    reason: String,
}

pub(super) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list(&args),
        Command::Retry(which) => decide(which, None),
        Command::Discard(args) => decide(args.which, Some(args.reason)),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let views: serde_json::Value = match args.data_dir.reach()? {
        Reached::Running(client) => {
            let answer = client.request(reqwest::Method::GET, "/dead-letters", None::<&()>)?;
            let mut answer: serde_json::Value = serde_json::from_slice(&answer)?;
            answer["deadLetters"].take()
        }
        Reached::Stopped(store) => {
            let letters = store.dead_letters()?.into_iter();
            serde_json::to_value(letters.map(DeadLetterView::from).collect::<Vec<_>>())?
        }
    };
    if args.json {
        writeln!(stdout(), "{views}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let views = views.as_array().map(Vec::as_slice).unwrap_or_default();
    if views.is_empty() {
        writeln!(stderr(), "Nothing has failed for good.")?;
    }
    for view in views {
        let text = |name: &str| view[name].as_str().unwrap_or("?").to_owned();
        let last = view["failures"].as_array().and_then(|failures| failures.last());
        let cause = last.and_then(|failure| failure["cause"].as_str()).unwrap_or_default();
        // A cause may hold what a sender wrote, which must not steer the terminal.
        let cause: String = cause.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        writeln!(stdout(), "{}\t{} tries\t{}\t{cause}", text("id"), view["tries"], text("lastFailure"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn decide(which: Which, reason: Option<String>) -> anyhow::Result<ExitCode> {
    let ids = (!which.all).then_some(which.ids);
    let decided = match which.data_dir.reach()? {
        Reached::Running(client) => {
            let path = if reason.is_some() { "/dead-letters/discard" } else { "/dead-letters/retry" };
            let decision = Decision { ids: ids.clone(), reason: reason.clone() };
            let answer = client.request(reqwest::Method::POST, path, Some(&decision))?;
            serde_json::from_slice::<Decided>(&answer).context("the appliance gave an unknown answer")?.ids
        }
        Reached::Stopped(store) => {
            let mut txn = store.begin(app::received_now())?;
            let decided = match &reason {
                Some(reason) => txn.discard_dead_letters(ids.as_deref(), BY, reason)?,
                None => txn.retry_dead_letters(ids.as_deref(), BY)?,
            };
            txn.commit()?;
            decided
        }
    };
    if ids.is_some() && decided.is_empty() {
        bail!("there is no such dead letter; `sealwatch dead-letters list` shows them");
    }
    let what = if reason.is_some() { "given up" } else { "to be tried again" };
    decided.iter().try_for_each(|id| writeln!(stdout(), "{id}"))?;
    writeln!(stderr(), "{} {what}.", decided.len())?;
    Ok(ExitCode::SUCCESS)
}
