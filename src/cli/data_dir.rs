//! How commands reach a data directory: its files while the appliance is stopped, its socket while it runs.

use crate::app;
use crate::config::{self, Config, Overrides};
use crate::store::{LockError, Options, Store, StoreError};
use anyhow::{Context, anyhow, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Where the data directory is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DataDir {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// What a command that lists something takes.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) data_dir: DataDir,
}

/// A data directory as it was found.
pub(super) enum Reached {
    /// Nobody uses it: it is open, and made where there was none.
    Stopped(Box<Store>),
    /// An appliance runs on it.
    Running(LocalClient),
}

impl DataDir {
    /// The settings that hold for it.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let overrides = Overrides { data_dir: self.data_dir.clone(), listen: None };
        config::load(self.config.as_deref(), overrides, config::environment()).map_err(|mistakes| {
            let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            anyhow!("{}", lines.join("\n"))
        })
    }

    /// Opens it one way or the other.
    pub(super) fn reach(&self) -> anyhow::Result<Reached> {
        let dir = self.config()?.data_dir;
        match Store::open(&dir, Options::default(), app::received_now()) {
            Ok(store) => {
                app::give_to_owner_of(&dir, &[dir.join("LOCK"), dir.join("log.redb")]);
                Ok(Reached::Stopped(Box::new(store)))
            }
            Err(StoreError::Lock(LockError::InUse(_))) => Ok(Reached::Running(LocalClient::new(&dir)?)),
            Err(error) => Err(error.into()),
        }
    }
}

/// What `read` comes to; `None` where the database panicked over a damaged file.
pub(super) fn without_panic<T>(read: impl FnOnce() -> T) -> Option<T> {
    std::panic::set_hook(Box::new(|_| {}));
    let done = catch_unwind(AssertUnwindSafe(read));
    drop(std::panic::take_hook());
    done.ok()
}

/// How far a command has come with the entries of the log.
pub(super) fn progress_bar(entries: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(entries), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} entries, {eta} left");
    bar.with_style(style.expect("the template is valid"))
}

/// Requests to a running appliance by way of its socket.
pub(super) struct LocalClient {
    client: reqwest::Client,
    _dir: std::fs::File,
}

const NO_ANSWER: &str = "an appliance uses this data directory, but does not answer on its socket local.sock; is this user its owner?";

/// A refusal in the appliance's own words.
fn refused<T>(body: &[u8]) -> anyhow::Result<T> {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    bail!("{}", problem["message"].as_str().unwrap_or("the appliance refused"))
}

impl LocalClient {
    /// The client for the appliance that runs on that data directory.
    pub(super) fn new(dir: &Path) -> anyhow::Result<LocalClient> {
        let (opened, path) =
            app::socket_path(dir).with_context(|| format!("cannot open {}", dir.display()))?;
        // The socket needs no certificates, and a host without any must not keep the client from being made.
        let client = reqwest::Client::builder().unix_socket(path).no_proxy().tls_certs_only([]).build()?;
        Ok(LocalClient { client, _dir: opened })
    }

    /// The client itself, good as long as this value lives; any `http` address leads to the appliance.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends a request and returns the answer's body; a refusal becomes an error in the appliance's own
    /// words.
    pub(super) fn request(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut request = self.client.request(method, format!("http://localhost/api/v1{path}"));
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request.send().await.context(NO_ANSWER)?;
            let status = answer.status();
            let bytes = answer.bytes().await?.to_vec();
            if status.is_success() { Ok(bytes) } else { refused(&bytes) }
        })
    }

    /// Posts a request whose answer comes line by line, and hands each to `each` as it comes.
    pub(super) fn lines(
        &self,
        path: &str,
        body: &impl Serialize,
        mut each: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let request = self.client.post(format!("http://localhost/api/v1{path}")).json(body);
            let mut answer = request.send().await.context(NO_ANSWER)?;
            if !answer.status().is_success() {
                return refused(&answer.bytes().await?);
            }
            let mut line = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                line.extend_from_slice(&chunk);
                while let Some(end) = line.iter().position(|byte| *byte == b'\n') {
                    each(&line[..end])?;
                    line.drain(..=end);
                }
            }
            Ok(())
        })
    }
}
