//! `sealwatch export`: takes the evidence of an alert out, as one file.

use super::data_dir::{DataDir, Reached};
use crate::app;
use crate::model::{Caller, CallerKind, Organizations, Rights};
use crate::store::{EvidenceError, Store};
use crate::web::exhibit::{ExportError, Exported, export, file_name};
use anyhow::{Context, bail};
use std::fs::OpenOptions;
use std::io::{Write, stderr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use uuid::Uuid;

/// Writes the evidence of an alert to a zip: its events as received, its history, and what proves them.
///
/// `sealwatch verify FILE` checks it on any machine. The log notes each export.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The id of the alert
    #[arg(long, value_name = "ID")]
    alert: Uuid,
    /// Where to write it; must not exist yet [default: sealwatch-evidence-ID.zip]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data_dir: DataDir,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let output = args.output.clone().unwrap_or_else(|| file_name(args.alert).into());
    if output.exists() {
        bail!("{} is there already; move it away or name another one with --output", output.display());
    }
    let zip = match args.data_dir.reach()? {
        Reached::Running(client) => {
            let path = format!("/alerts/{}/evidence", args.alert);
            client.request(reqwest::Method::GET, &path, None::<&()>)?
        }
        Reached::Stopped(store) => of_stopped(&store, args)?,
    };
    write(&output, &zip).with_context(|| format!("cannot write {}", output.display()))?;
    writeln!(stderr(), "The evidence is in {}; `sealwatch verify` checks it anywhere.", output.display())?;
    Ok(ExitCode::SUCCESS)
}

fn of_stopped(store: &Store, args: &Args) -> anyhow::Result<Vec<u8>> {
    let (config, now) = (args.data_dir.config()?, app::received_now());
    let rights = Rights { read: true, ..Rights::default() };
    let organizations = Organizations::All;
    let caller = Caller { name: "local".to_owned(), kind: CallerKind::Local, rights, organizations };
    let make = || export(store, &config.detection.settings, args.alert, &caller, now);
    let exported = match make() {
        Err(ExportError::Evidence(EvidenceError::NotCovered)) => {
            // Nobody else will sign while the appliance is stopped.
            let signer = app::open_log_key(store, &config, now)?;
            let mut txn = store.begin(now)?;
            txn.seal(&signer.current())?;
            txn.commit()?;
            make()
        }
        made => made,
    };
    let Exported { zip, activity } = exported?;
    let mut txn = store.begin(now)?;
    txn.append_activity(&activity)?;
    txn.commit()?;
    Ok(zip)
}

/// For its owner alone: it holds what people did.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
