//! `sealwatch verify` of a data directory: the log, its tree and what is made from it.

use super::running;
use super::words::{bar, tell, tell_unchecked};
use crate::cli::data_dir::{DataDir, without_panic};
use crate::config::Config;
use crate::keys::{LogKeyPlaces, key_on_disk};
use crate::merkle::{Note, Verifier};
use crate::store::{Anchors, LockError, Options, Report, Store, StoreError};
use anyhow::{Context, anyhow};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Threads that read ahead, at most; more would wait for the disk.
const THREADS_MAX: usize = 8;

/// Which log is checked, and against what.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct LogArgs {
    /// A checkpoint that the log signed, kept elsewhere: the log must begin with what it covers
    #[arg(long = "checkpoint", value_name = "FILE", conflicts_with = "files")]
    checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    data_dir: DataDir,
}

/// What came of it.
pub(super) enum Outcome {
    Checked(Box<Report>),
    Running,
    Unchecked(String),
}

pub(super) fn run(args: &LogArgs, keys: Vec<Verifier>, json: bool) -> anyhow::Result<ExitCode> {
    let config = args.data_dir.config()?;
    let anchors = Anchors {
        keys,
        checkpoints: args
            .checkpoints
            .iter()
            .map(|file| read_checkpoint(file))
            .collect::<anyhow::Result<_>>()?,
    };
    // A damaged file can make the database panic; that is a finding, not a crash.
    match without_panic(|| check(&config, &anchors)) {
        Some(Outcome::Checked(report)) => tell(&report, None, json),
        Some(Outcome::Running) => running::check(&config.data_dir, &anchors, json),
        Some(Outcome::Unchecked(why)) => tell_unchecked(&why),
        None => tell(&Report::unreadable("the database panicked while it was opened"), None, json),
    }
}

pub(super) fn check(config: &Config, anchors: &Anchors) -> Outcome {
    let dir = &config.data_dir;
    let mut store = match Store::open_as_it_stands(dir, Options::default()) {
        Ok(Some(store)) => store,
        Ok(None) => return Outcome::Unchecked(format!("there is no log in {}", dir.display())),
        Err(StoreError::Lock(LockError::InUse(_))) => return Outcome::Running,
        Err(error) if error.is_damage() => return Outcome::Checked(Box::new(Report::unreadable(error))),
        Err(error) => return Outcome::Unchecked(error.to_string()),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let bar = bar();
    let report = store.check(anchors, threads, |come| {
        bar.set_length(come.of);
        bar.set_position(come.entries);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let mut report = report.expect("nobody ended the check");
    store.check_pages(&mut report);
    check_key(config, &store, &mut report);
    report
        .not_checked
        .push("the directory counters: derived, made again from the log where it is lost".to_owned());
    Outcome::Checked(Box::new(report))
}

/// The key on the disk must be the one that the log names last.
fn check_key(config: &Config, store: &Store, report: &mut Report) {
    let dir = config.data_dir.join("keys");
    let places = LogKeyPlaces { dir: &dir, credentials: config.log.credentials.as_deref() };
    let (Ok(Some(origin)), Ok(named)) = (store.origin(), store.log_keys()) else { return };
    let Some(named) = named.last() else { return };
    match key_on_disk(places, &origin) {
        Ok(found) if found.is_empty() => report.not_checked.push(format!(
            "the key that signs: it does not lie in {}; a systemd credential is seen by the service alone",
            dir.display()
        )),
        Ok(found) if !found.contains(&named.verifier) => {
            let named = named.verifier.id();
            report.note_altered(format!(
                "the key in {} is another one than the log names last ({named}): restore the file from a backup",
                dir.display()
            ));
        }
        Ok(_) => {}
        Err(error) => report.note_altered(error),
    }
}

fn read_checkpoint(file: &Path) -> anyhow::Result<Note> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Note::parse(&bytes).map_err(|error| anyhow!("{}: {error}", file.display()))
}
