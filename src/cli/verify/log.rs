//! `sealwatch verify` of a data directory: the log, its tree and what is made from it.

use super::{UNCHECKED, WRONG};
use crate::cli::data_dir::DataDir;
use crate::store::{LockError, Options, Report, Store, StoreError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{Write, stderr, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// Which log is checked.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Serialize)]
struct Result<'a> {
    whole: bool,
    entries: u64,
    events: u64,
    root: String,
    damage: u64,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    seq: u64,
    what: &'a str,
}

enum Outcome {
    Checked(Report),
    Damaged(String),
    Unchecked(String),
}

pub(super) fn run(args: &Args, json: bool) -> anyhow::Result<ExitCode> {
    let dir = args.data_dir.config()?.data_dir;
    // A damaged file can make the database panic; that is a finding, not a crash.
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(|| check(&dir)));
    drop(std::panic::take_hook());
    let outcome =
        outcome.unwrap_or_else(|_| Outcome::Damaged("the database panicked while it was read".to_owned()));
    match outcome {
        Outcome::Checked(report) => tell(&report, json),
        Outcome::Damaged(what) => {
            writeln!(stderr(), "DAMAGED: {what}\nRestore the newest backup that verifies.")?;
            Ok(ExitCode::from(WRONG))
        }
        Outcome::Unchecked(why) => {
            writeln!(stderr(), "NOT CHECKED: {why}")?;
            Ok(ExitCode::from(UNCHECKED))
        }
    }
}

fn check(dir: &std::path::Path) -> Outcome {
    let checked = Store::open_existing(dir, Options::default()).and_then(|store| match store {
        None => Ok(None),
        Some(store) => {
            let bar = bar(store.size().0);
            let report = store.check(|entries| bar.set_position(entries));
            bar.finish_and_clear();
            report.map(Some)
        }
    });
    match checked {
        Ok(Some(report)) => Outcome::Checked(report),
        Ok(None) => Outcome::Unchecked(format!("there is no log in {}", dir.display())),
        Err(StoreError::Lock(LockError::InUse(_))) => {
            Outcome::Unchecked("an appliance uses this data directory; stop it first".to_owned())
        }
        Err(StoreError::Damaged { table, key, what }) => {
            Outcome::Damaged(format!("table {table}, key {key}: {what}"))
        }
        Err(error) if error.is_damage() => Outcome::Damaged(error.to_string()),
        Err(error) => Outcome::Unchecked(error.to_string()),
    }
}

fn bar(entries: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(entries), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} entries, {eta} left");
    bar.with_style(style.expect("the template is valid"))
}

fn tell(report: &Report, json: bool) -> anyhow::Result<ExitCode> {
    let root = hex::encode(report.root);
    if json {
        let findings = report.damages.iter().map(|damage| Finding { seq: damage.seq, what: &damage.what });
        let result = Result {
            whole: report.is_whole(),
            entries: report.entries,
            events: report.events,
            root,
            damage: report.damage_count,
            findings: findings.collect(),
        };
        writeln!(stdout(), "{}", serde_json::to_string(&result)?)?;
    } else if report.is_whole() {
        writeln!(
            stdout(),
            "WHOLE: {} entries ({} events) are as they were written.\nroot {root}",
            report.entries,
            report.events
        )?;
    } else {
        for damage in &report.damages {
            writeln!(stdout(), "entry {}: {}", damage.seq, damage.what)?;
        }
        writeln!(
            stdout(),
            "DAMAGED: {} findings in {} entries; the first of them are above.",
            report.damage_count,
            report.entries
        )?;
    }
    Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(WRONG) })
}
