//! `sealwatch key`: makes, lists and revokes API keys.

use super::data_dir::{DataDir, ListArgs, Reached};
use crate::app;
use crate::model::{KeyScope, Secret};
use crate::readers::hand_over;
use crate::web::api::keys::{CreatedKey, KeyView, NewKey};
use anyhow::{Context, anyhow, bail};
use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The name that stands in the log for whoever works on the host.
const BY: &str = "local";

/// Makes, lists and revokes API keys.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Makes a key, and prints it: the only time that it is shown.
    Create(CreateArgs),
    /// Lists the keys, without what is secret of them.
    List(ListArgs),
    /// Ends a key. Its name stays with the events that it sent.
    Revoke(RevokeArgs),
    /// Has a new key sign the log's checkpoints; the old one signs the last that names it.
    RotateLogKey(DataDir),
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct CreateArgs {
    /// What people call it; stands as the source of its events
    #[arg(long)]
    name: String,
    /// The organisation to bind it to; without one it is good for all
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// What it may do; may stand several times [default: ingest]
    #[arg(long, value_enum)]
    scope: Vec<Scope>,
    /// A file with the secret that its events are signed with
    #[arg(long, value_name = "FILE")]
    signing_secret_file: Option<PathBuf>,
    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct RevokeArgs {
    /// Which
    #[arg(long)]
    name: String,
    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Scope {
    Ingest,
    Read,
    Admin,
}

impl From<Scope> for KeyScope {
    fn from(scope: Scope) -> KeyScope {
        match scope {
            Scope::Ingest => KeyScope::Ingest,
            Scope::Read => KeyScope::Read,
            Scope::Admin => KeyScope::Admin,
        }
    }
}

pub(super) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(args) => create(args),
        Command::List(args) => list(&args),
        Command::Revoke(args) => revoke(&args),
        Command::RotateLogKey(data_dir) => rotate_log_key(&data_dir),
    }
}

fn create(args: CreateArgs) -> anyhow::Result<ExitCode> {
    let new = NewKey {
        name: args.name.clone(),
        organization: args.organization,
        scopes: args.scope.into_iter().map(KeyScope::from).collect(),
        signing_secret: args.signing_secret_file.as_deref().map(read_secret).transpose()?,
    };
    let key = match args.data_dir.reach()? {
        Reached::Running(client) => {
            let answer = client.request(reqwest::Method::POST, "/keys", Some(&new))?;
            serde_json::from_slice::<CreatedKey>(&answer).context("the appliance gave an unknown answer")?.key
        }
        Reached::Stopped(store) => {
            let (key, record) = new.make().map_err(|why| anyhow!(why))?;
            let mut txn = store.begin(app::received_now())?;
            if txn.create_key(record, BY)?.is_none() {
                bail!("a key named {:?} exists already; choose another name", args.name);
            }
            txn.commit()?;
            key
        }
    };
    writeln!(stderr(), "The key {:?} is made. It is not shown again:", args.name)?;
    writeln!(stdout(), "{}", key.reveal())?;
    Ok(ExitCode::SUCCESS)
}

/// A secret from a file; the line end that editors add is not part of it.
fn read_secret(file: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let views: serde_json::Value = match args.data_dir.reach()? {
        Reached::Running(client) => {
            serde_json::from_slice(&client.request(reqwest::Method::GET, "/keys", None::<&()>)?)?
        }
        Reached::Stopped(store) => {
            serde_json::to_value(store.keys()?.into_iter().map(KeyView::from).collect::<Vec<_>>())?
        }
    };
    if args.json {
        writeln!(stdout(), "{views}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let views = views.as_array().map(Vec::as_slice).unwrap_or_default();
    if views.is_empty() {
        writeln!(stderr(), "There are no keys. Make one: sealwatch key create --name my-app")?;
    }
    for view in views {
        let organization = view["organization"].as_str().unwrap_or("all organisations");
        let state = if view["revoked"] == true { "revoked" } else { "in force" };
        writeln!(
            stdout(),
            "{}\t{organization}\t{}\t{state}",
            view["name"].as_str().unwrap_or("?"),
            view["scopes"]
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn revoke(args: &RevokeArgs) -> anyhow::Result<ExitCode> {
    let revoked = match args.data_dir.reach()? {
        Reached::Running(client) => {
            let path = format!("/keys/{}", crate::web::pages::address::path_segment(&args.name));
            client.request(reqwest::Method::DELETE, &path, None::<&()>)?;
            true
        }
        Reached::Stopped(store) => {
            let mut txn = store.begin(app::received_now())?;
            let revoked = txn.revoke_key(&args.name, BY)?;
            txn.commit()?;
            revoked
        }
    };
    if !revoked {
        bail!("there is no key named {:?} in force; `sealwatch key list` shows them", args.name);
    }
    writeln!(stderr(), "The key {:?} is revoked.", args.name)?;
    Ok(ExitCode::SUCCESS)
}

fn rotate_log_key(data_dir: &DataDir) -> anyhow::Result<ExitCode> {
    let key = match data_dir.reach()? {
        Reached::Running(client) => {
            let answer = client.request(reqwest::Method::POST, "/log/key", None::<&()>)?;
            String::from_utf8_lossy(&answer).trim_end().to_owned()
        }
        Reached::Stopped(store) => {
            let (config, now) = (data_dir.config()?, app::received_now());
            let signer = app::open_log_key(&store, &config, now)?;
            let next = signer.prepare()?;
            let mut txn = store.begin(now)?;
            hand_over(&mut txn, &signer, next, BY)?;
            txn.commit()?;
            signer.settle()?;
            signer.current().verifier().to_string()
        }
    };
    writeln!(stderr(), "A new key signs the log from here on. Give it to those who check the log:")?;
    writeln!(stdout(), "{key}")?;
    Ok(ExitCode::SUCCESS)
}
