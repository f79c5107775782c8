//! A log that is seen over HTTP: each answer bounded in size and time.

use super::source::CHECKPOINT_BYTES_MAX;
use crate::cli::data_dir::LocalClient;
use crate::cli::http_client;
use anyhow::{Context, anyhow, bail};
use reqwest::{Client, StatusCode, Url};
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The address of an appliance on its socket, which asks for none.
const ON_SOCKET: &str = "http://localhost";

/// A way to a log that answers.
pub(super) struct HttpLog {
    client: Client,
    /// Without a slash at its end.
    base: String,
    runtime: Runtime,
    /// Keeps the socket's address good.
    _local: Option<LocalClient>,
}

impl HttpLog {
    /// The log at that address. No proxy stands between: what it would say is not what the log says.
    pub(super) fn at(address: &str) -> anyhow::Result<HttpLog> {
        let url = Url::parse(address).with_context(|| format!("--from {address}"))?;
        let client = http_client::builder(&url).no_proxy().timeout(ANSWER_MAX).build();
        let client =
            client.map_err(|error| anyhow!("cannot make an HTTP client: {}", http_client::causes(&error)))?;
        HttpLog::new(client, address, None)
    }

    /// The log of the appliance that runs on a data directory of this host.
    pub(super) fn on_socket(local: LocalClient) -> anyhow::Result<HttpLog> {
        HttpLog::new(local.http().clone(), ON_SOCKET, Some(local))
    }

    fn new(client: Client, base: &str, local: Option<LocalClient>) -> anyhow::Result<HttpLog> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(HttpLog { client, base: base.trim_end_matches('/').to_owned(), runtime, _local: local })
    }

    /// The newest checkpoint; `None` where the log says that it has none.
    pub(super) fn checkpoint(&self) -> anyhow::Result<Option<Vec<u8>>> {
        match self.ask("checkpoint", CHECKPOINT_BYTES_MAX)? {
            (StatusCode::OK, bytes) => Ok(Some(bytes)),
            (StatusCode::CONFLICT, _) => Ok(None),
            (status, _) => bail!("{}/checkpoint answered {status}; is this the address of a log?", self.base),
        }
    }

    /// What lies at that path; `None` where nothing does.
    pub(super) fn get(&self, path: &str, bytes_max: u64) -> anyhow::Result<Option<Vec<u8>>> {
        match self.ask(path, bytes_max)? {
            (StatusCode::OK, bytes) => Ok(Some(bytes)),
            (StatusCode::NOT_FOUND | StatusCode::GONE, _) => Ok(None),
            (status, _) => bail!("{}/{path} answered {status}", self.base),
        }
    }

    fn ask(&self, path: &str, bytes_max: u64) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let lost = |error: reqwest::Error| {
            anyhow!("no answer from {}/{path}: {}", self.base, http_client::causes(&error))
        };
        self.runtime.block_on(async {
            let request = self.client.get(format!("{}/{path}", self.base)).timeout(ANSWER_MAX);
            let mut answer = request.send().await.map_err(lost)?;
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(lost)? {
                if (bytes.len() + chunk.len()) as u64 > bytes_max {
                    bail!("{}/{path} is larger than {bytes_max} bytes", self.base);
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok((answer.status(), bytes))
        })
    }
}
