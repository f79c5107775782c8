//! `sealwatch user`: adds, lists and removes those who may sign in.

use super::data_dir::{DataDir, ListArgs, Reached};
use crate::app;
use crate::keys;
use crate::model::{Role, Secret};
use crate::web::api::users::{NewUser, UserView};
use anyhow::{Context, anyhow, bail};
use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::process::ExitCode;

const BY: &str = "local";

/// Adds, lists and removes those who may sign in.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Adds a user.
    ///
    /// Without --password-stdin a random password is made and printed.
    Add(AddArgs),
    /// Lists the users.
    List(ListArgs),
    /// Removes a user; their sessions end.
    Remove(RemoveArgs),
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct AddArgs {
    /// The name to sign in with: a-z 0-9 . _ -
    name: String,
    /// What they may do
    #[arg(long, value_enum)]
    role: RoleName,
    /// Whose data they may see; may stand several times; without one everyone's
    #[arg(long, value_name = "ID")]
    organization: Vec<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct RemoveArgs {
    /// Whom
    name: String,
    #[command(flatten)]
    data_dir: DataDir,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum RoleName {
    Viewer,
    Analyst,
    Admin,
    Auditor,
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Role {
        match role {
            RoleName::Viewer => Role::Viewer,
            RoleName::Analyst => Role::Analyst,
            RoleName::Admin => Role::Admin,
            RoleName::Auditor => Role::Auditor,
        }
    }
}

pub(super) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(args) => add(args),
        Command::List(args) => list(&args),
        Command::Remove(args) => remove(&args),
    }
}

fn add(args: AddArgs) -> anyhow::Result<ExitCode> {
    let password = if args.password_stdin { read_password()? } else { keys::new_password() };
    let new = NewUser {
        name: args.name.clone(),
        role: args.role.into(),
        organizations: args.organization,
        password: Secret::new(password.clone()),
    };
    match args.data_dir.reach()? {
        Reached::Running(client) => drop(client.request(reqwest::Method::POST, "/users", Some(&new))?),
        Reached::Stopped(store) => {
            let user = new.make().map_err(|why| anyhow!(why))?;
            let mut txn = store.begin(app::received_now())?;
            if !txn.add_user(&user, BY)? {
                bail!("a user named {:?} exists already", args.name);
            }
            txn.commit()?;
        }
    }
    writeln!(stderr(), "The user {:?} may sign in now.", args.name)?;
    if !args.password_stdin {
        writeln!(stderr(), "Their password, which is not shown again:")?;
        writeln!(stdout(), "{password}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_password() -> anyhow::Result<String> {
    if stdin().is_terminal() {
        bail!("--password-stdin reads from a pipe or a file, so that the password is not seen on the screen");
    }
    let mut line = String::new();
    stdin().read_line(&mut line).context("cannot read the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let views: serde_json::Value = match args.data_dir.reach()? {
        Reached::Running(client) => {
            serde_json::from_slice(&client.request(reqwest::Method::GET, "/users", None::<&()>)?)?
        }
        Reached::Stopped(store) => {
            serde_json::to_value(store.users()?.into_iter().map(UserView::from).collect::<Vec<_>>())?
        }
    };
    if args.json {
        writeln!(stdout(), "{views}")?;
        return Ok(ExitCode::SUCCESS);
    }
    for view in views.as_array().map(Vec::as_slice).unwrap_or_default() {
        let text = |name: &str| view[name].as_str().unwrap_or("?").to_owned();
        writeln!(stdout(), "{}\t{}\t{}", text("name"), text("role"), view["organizations"])?;
    }
    Ok(ExitCode::SUCCESS)
}

fn remove(args: &RemoveArgs) -> anyhow::Result<ExitCode> {
    match args.data_dir.reach()? {
        Reached::Running(client) => {
            let path = format!("/users/{}", crate::web::pages::address::path_segment(&args.name));
            client.request(reqwest::Method::DELETE, &path, None::<&()>)?;
        }
        Reached::Stopped(store) => {
            let mut txn = store.begin(app::received_now())?;
            if !txn.remove_user(&args.name, BY)? {
                bail!("there is no user named {:?}; `sealwatch user list` shows them", args.name);
            }
            txn.commit()?;
        }
    }
    writeln!(stderr(), "The user {:?} is removed.", args.name)?;
    Ok(ExitCode::SUCCESS)
}
