//! `sealwatch notify dead-letters`: what was given up, and what is to become of it.

use super::data_dir::{DataDir, Reached};
use crate::app;
use crate::model::Organizations;
use crate::web::api::undelivered::{Decision, LISTED_MAX, UndeliveredView};
use crate::web::pages::{address, words};
use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use uuid::Uuid;

/// The name that stands in the log for whoever works on the host.
const BY: &str = "local";

/// Lists what was given up, sends it again or discards it.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Lists dead letters, the newest first, at most 500.
    List(ListArgs),
    /// Sends dead letters again, with the ids that they had.
    Retry(DecisionArgs),
    /// Notes that dead letters need not arrive.
    Discard(DiscardArgs),
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only those of this target
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct DecisionArgs {
    /// Which, as `list` names it
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<Uuid>,
    /// All that `list` shows
    #[arg(long)]
    all: bool,
    /// With --all: only those of this target
    #[arg(long, value_name = "NAME", requires = "all")]
    target: Option<String>,
    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct DiscardArgs {
    #[command(flatten)]
    which: DecisionArgs,
    /// Why they need not arrive
    #[arg(long)]
    reason: String,
}

pub(super) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list(&args),
        Command::Retry(args) => decide(&args, &Decision::Retry),
        Command::Discard(args) => {
            let decision = Decision::discard(&args.reason).map_err(|problem| anyhow!(problem.message))?;
            decide(&args.which, &decision)
        }
    }
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let letters: Vec<UndeliveredView> = match args.data_dir.reach()? {
        Reached::Running(client) => {
            let target = args.target.as_deref().unwrap_or_default();
            let path = address::address("/notify/dead-letters", [("target", target)]);
            let mut answer: Value =
                serde_json::from_slice(&client.request(reqwest::Method::GET, &path, None::<&()>)?)?;
            serde_json::from_value(answer["data"].take()).context("the appliance gave an unknown answer")?
        }
        Reached::Stopped(store) => {
            let found = store.undelivered(args.target.as_deref(), &Organizations::All, LISTED_MAX)?;
            found.into_iter().map(UndeliveredView::from).collect()
        }
    };
    if args.json {
        writeln!(stdout(), "{}", serde_json::to_string(&letters)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for letter in letters {
        let died = letter.last_failure.map(|at| at.to_string()).unwrap_or_default();
        let UndeliveredView { id, target, tries, reason, .. } = letter;
        let tries = words::tries(tries);
        // What a target answered is text of others: none of it may move a terminal.
        let reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        writeln!(stdout(), "{id}\t{target}\t{died}\t{tries}\t{reason}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn decide(args: &DecisionArgs, decision: &Decision) -> anyhow::Result<ExitCode> {
    let done = match args.data_dir.reach()? {
        Reached::Running(client) => {
            let (step, reason) = match decision {
                Decision::Retry => ("retry", None),
                Decision::Discard(reason) => ("discard", Some(reason)),
            };
            let (path, mut body) = match args.id {
                Some(id) => (format!("/notify/dead-letters/{id}/{step}"), json!({})),
                None => (format!("/notify/dead-letters/{step}"), json!({ "target": args.target })),
            };
            if let Some(reason) = reason {
                body["reason"] = json!(reason);
            }
            let answer = client.request(reqwest::Method::POST, &path, Some(&body))?;
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            if args.id.is_some() { 1 } else { answer["done"].as_u64().unwrap_or_default() }
        }
        Reached::Stopped(store) => {
            let config = args.data_dir.config()?;
            let targets: Vec<&str> =
                config.notify.targets.iter().map(|target| target.name.as_str()).collect();
            let may = |target: &str| !decision.needs_target() || targets.contains(&target);
            let ids = match args.id {
                Some(id) => {
                    let target = store.target_within(id, &Organizations::All)?;
                    if let Some(target) = target.filter(|target| !may(target)) {
                        bail!("its target {target:?} is no longer in the settings; discard it");
                    }
                    vec![id]
                }
                None => {
                    let (target, all) = (args.target.as_deref(), Organizations::All);
                    let found = store.undelivered_to(target, may, &all, LISTED_MAX)?;
                    found.into_iter().map(|letter| letter.delivery.id).collect()
                }
            };
            let mut txn = store.begin(app::received_now())?;
            let done = decision.apply(&mut txn, &ids, BY)?;
            txn.commit()?;
            if args.id.is_some() && done == 0 {
                bail!(
                    "there is no dead letter with this id; `sealwatch notify dead-letters list` shows them"
                );
            }
            done as u64
        }
    };
    let what = match decision {
        Decision::Retry => "on their way again",
        Decision::Discard(_) => "discarded",
    };
    writeln!(stderr(), "{done} {what}.")?;
    Ok(ExitCode::SUCCESS)
}
