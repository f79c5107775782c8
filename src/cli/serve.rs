//! `sealwatch serve`: runs the appliance.

use super::exit;
use crate::app::{self, AppError, Opened};
use crate::config::{self, Config, Overrides};
use crate::ingest::Clock;
use crate::telemetry::{self, Telemetry, TelemetryError};
use anyhow::Context;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Runs the appliance.
///
/// Without a configuration file every default works. Where no user exists yet, `admin` is made with a random
/// password: printed on a terminal, else written to `initial-password` in the data directory.
///
/// Exit code: 0 after SIGTERM or Ctrl-C, 2 for a wrong configuration, 70 for damage that needs a person,
/// 74 for trouble with the disk or the network, 75 where the data directory is in use.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where to answer; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let overrides = Overrides { data_dir: args.data_dir.clone(), listen: args.listen };
    let config = match config::load(args.config.as_deref(), overrides, config::environment()) {
        Ok(config) => config,
        Err(mistakes) => {
            for mistake in mistakes {
                writeln!(std::io::stderr(), "{mistake}")?;
            }
            return Ok(ExitCode::from(exit::WRONG_USAGE));
        }
    };
    let telemetry = begin_telemetry(&config)?;
    let opened = app::open(config.clone(), Clock::system(), telemetry.clone(), false)?;
    let ended = runtime()?.block_on(async move {
        let listener = listen(config.listen).await?;
        tell_first_password(&opened)?;
        answer(opened, listener).await
    });
    telemetry.finish();
    ended?;
    Ok(ExitCode::SUCCESS)
}

/// Messages and traces as the configuration has them.
pub(super) fn begin_telemetry(config: &Config) -> anyhow::Result<Telemetry> {
    telemetry::begin(config.telemetry.settings(&config.otlp)).map_err(|error| match error {
        TelemetryError::Files { dir, source } => {
            AppError::Io { what: format!("write messages to telemetry.log_dir, {dir}"), source }.into()
        }
        error => error.into(),
    })
}

pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, AppError> {
    let what = format!("listen on {address} (is another program there? choose another with --listen)");
    TcpListener::bind(address).await.map_err(|source| AppError::Io { what, source })
}

fn tell_first_password(opened: &Opened) -> anyhow::Result<()> {
    let Some(first) = &opened.first_password else { return Ok(()) };
    if std::io::stdout().is_terminal() {
        writeln!(std::io::stdout(), "Sign in as admin with the password {}", first.password)?;
        drop(std::fs::remove_file(&first.file));
    } else {
        tracing::info!(file = %first.file.display(), "the password of the first user, admin, is in a file until the first sign-in");
    }
    Ok(())
}

async fn answer(opened: Opened, listener: TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr().context("cannot learn the address")?;
    let stop = stop_on_signal()?;
    app::serve(opened, listener, stop, |_| {
        // Whoever started us may have closed standard output; that is no reason not to serve.
        drop(writeln!(std::io::stdout(), "sealwatch answers at http://{address}"));
    })
    .await?;
    Ok(())
}

/// Cancelled by SIGTERM and Ctrl-C.
pub(super) fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).context("cannot listen for signals")?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}
