//! `sealwatch notify`: whether a target can be told, and what could not be.

use super::data_dir::{DataDir, Reached};
use super::serve;
use super::undelivered;
use crate::app;
use crate::model::Activity;
use crate::notify::Notice;
use crate::web::api::notify::Tested;
use anyhow::{Context, bail};
use std::io::{Write, stderr};
use std::process::ExitCode;
use uuid::Uuid;

/// The name that stands in the log for whoever works on the host.
const BY: &str = "local";

/// Tells the targets of [notify] something.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Sends a test to a target and says how it ended; exit code 1 where it did not arrive.
    Test(TestArgs),
    #[command(subcommand)]
    DeadLetters(undelivered::Command),
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct TestArgs {
    /// The target, as in [notify.targets.NAME]
    name: String,
    #[command(flatten)]
    data_dir: DataDir,
}

pub(super) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Test(args) => test(args),
        Command::DeadLetters(command) => undelivered::run(command),
    }
}

fn test(args: TestArgs) -> anyhow::Result<ExitCode> {
    let failure = match args.data_dir.reach()? {
        Reached::Running(client) => {
            let name = crate::web::pages::address::path_segment(&args.name);
            let path = format!("/notify/targets/{name}/test");
            let answer = client.request(reqwest::Method::POST, &path, None::<&()>)?;
            let tested: Tested =
                serde_json::from_slice(&answer).context("the appliance gave an unknown answer")?;
            tested.failure
        }
        Reached::Stopped(store) => {
            let notifier = app::open_notifier(&args.data_dir.config()?)?;
            if notifier.target(&args.name).is_none() {
                bail!(
                    "there is no [notify.targets.{}] in the configuration; is --config missing?",
                    args.name
                );
            }
            let checkpoint = store.checkpoint()?.map(|checkpoint| checkpoint.text).unwrap_or_default();
            let now = app::received_now();
            let notice = Notice::test(&args.name, checkpoint, Uuid::now_v7(), now);
            let ended = serve::runtime()?.block_on(notifier.send(&notice));
            let failure = ended.err().map(|error| error.to_string());
            let mut txn = store.begin(now)?;
            let (target, by) = (args.name.clone(), BY.to_owned());
            txn.append_activity(&Activity::TargetTested { target, by, failure: failure.clone() })?;
            txn.commit()?;
            failure
        }
    };
    match failure {
        None => writeln!(stderr(), "{} took the test.", args.name)?,
        Some(why) => {
            writeln!(stderr(), "{} did not take the test: {why}", args.name)?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
