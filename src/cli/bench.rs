//! `sealwatch bench`: how much the appliance takes on this machine, acknowledged durable.

mod client;
mod load;
mod tracing_cost;

use super::serve;
use crate::app::{self, AppError};
use crate::config::Config;
use crate::ingest::Clock;
use crate::model::{ApiKey, KeyScope, Secret, SourceId};
use crate::telemetry::Telemetry;
use crate::web::App;
use crate::{keys, store::Store};
use anyhow::Context;
use client::Client;
use load::Load;
use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Measures how many events a second this machine takes, each acknowledged only when it is on disk.
///
/// It runs an appliance of its own in a new directory below --dir and talks to it over loopback. Each figure
/// is the median of --rounds rounds, with the lowest and the highest beside it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Where to make the directory: the disk that is measured
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// How long one round takes
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    secs: u64,
    /// Rounds of each measurement
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Measure instead what tracing costs: with a tenth of all traces kept and sent, and without, in turns
    #[arg(long)]
    tracing: bool,
    /// Send only the loads whose name holds this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    fn loads(&self) -> impl Iterator<Item = Load> {
        LOADS.into_iter().filter(|load| load.name.contains(&self.only))
    }
}

/// The secret that the events are signed with.
const SECRET: &str = "bench";

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let dir = args.dir.join(format!("sealwatch-bench-{}", std::process::id()));
    let measured = measure(args, dir.clone());
    // What cannot be removed is named, so that it can be by hand.
    if let Err(error) = std::fs::remove_dir_all(&dir) {
        tracing::warn!(%error, dir = %dir.display(), "the directory of the measurement is still there");
    }
    measured.map(|()| ExitCode::SUCCESS)
}

/// How long the readers may take to catch up with a round.
const SETTLING_MAX: Duration = Duration::from_secs(300);
/// What is sent.
const LOADS: [Load; 4] = [
    Load { name: "single events, 1 connection", connections: 1, batch: 1 },
    Load { name: "single events, 32 connections", connections: 32, batch: 1 },
    Load { name: "NDJSON of 1,000, 1 connection", connections: 1, batch: 1_000 },
    Load { name: "NDJSON of 1,000, 4 connections", connections: 4, batch: 1_000 },
];

fn measure(args: &Args, dir: PathBuf) -> anyhow::Result<()> {
    serve::runtime()?.block_on(async move {
        if args.tracing {
            return tracing_cost::measure(args, &dir).await;
        }
        let running = Running::begin(dir, Telemetry::default()).await?;
        let (address, key) = (running.address, &running.key);
        let round = Duration::from_secs(args.secs);
        for load in args.loads() {
            let mut rates = Vec::new();
            for _ in 0..args.rounds.max(1) {
                rates.push(load.run(address, key, SECRET, round).await?);
            }
            tell(args.json, load.name, "events/s", &mut rates)?;
        }
        let mut times = Vec::new();
        for n in 0..args.rounds.max(1) * 4 {
            times.push(time_to_alert(address, key, n).await?);
        }
        tell(args.json, "answer to visible alert", "ms", &mut times)?;
        running.end().await
    })
}

/// An appliance of our own that answers on loopback.
struct Running {
    app: App,
    address: SocketAddr,
    key: String,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), AppError>>,
}

impl Running {
    async fn begin(dir: PathBuf, telemetry: Telemetry) -> anyhow::Result<Running> {
        let mut config =
            Config { data_dir: dir, listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Config::default() };
        config.integrity.signing_secret = Some(Secret::new(SECRET.to_owned()));
        let listen = config.listen;
        let opening = tokio::task::spawn_blocking(move || {
            let key = make_key(&config)?;
            Ok::<_, anyhow::Error>((key, app::open(config, Clock::system(), telemetry, false)?))
        });
        let (key, opened) = opening.await.context("opening panicked")??;
        let listener = serve::listen(listen).await?;
        let address = listener.local_addr().context("cannot learn the address")?;
        let app = opened.app();
        let stop = CancellationToken::new();
        let (ready, begun) = tokio::sync::oneshot::channel();
        let serving = tokio::spawn(app::serve(opened, listener, stop.clone(), move |_| {
            // Whoever waits for it may be gone; then the measurement has ended.
            let _gone = ready.send(());
        }));
        begun.await.context("the appliance did not begin")?;
        Ok(Running { app, address, key, stop, serving })
    }

    /// Returns once the readers have taken all that is in the log, so that what comes next is measured by itself. The one
    /// that signs waits for its time and costs next to nothing.
    async fn settle(&self) -> anyhow::Result<()> {
        let size = self.app.store.size();
        for reader in [&self.app.detected, &self.app.counted, &self.app.indexed] {
            anyhow::ensure!(reader.reaches(size, SETTLING_MAX).await, "a reader does not catch up");
        }
        Ok(())
    }

    async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.serving.await.context("the appliance panicked")??)
    }
}

fn make_key(config: &Config) -> anyhow::Result<String> {
    let store = Store::open(&config.data_dir, crate::store::Options::default(), app::received_now())?;
    let key = keys::new_api_key();
    let record = ApiKey {
        id: SourceId(0),
        name: "bench".to_owned(),
        organization: None,
        scopes: vec![KeyScope::Ingest, KeyScope::Read],
        key_hash: keys::token_hash(&key),
        signing_secret: None,
        revoked: false,
    };
    let mut txn = store.begin(app::received_now())?;
    txn.create_key(record, "bench")?;
    txn.commit()?;
    Ok(key)
}

fn tell(json: bool, name: &str, unit: &str, figures: &mut [f64]) -> anyhow::Result<()> {
    figures.sort_by(f64::total_cmp);
    let (median, low, high) = (figures[figures.len() / 2], figures[0], figures[figures.len() - 1]);
    if json {
        let line = serde_json::json!({"name": name, "unit": unit, "median": median, "min": low, "max": high});
        writeln!(stdout(), "{line}")?;
    } else {
        writeln!(stdout(), "{name:<32} {median:>12.1} {unit:<9} ({low:.1} to {high:.1})")?;
    }
    Ok(())
}

/// From the answer to the event that fires, to the alert in the list.
async fn time_to_alert(address: SocketAddr, key: &str, n: usize) -> anyhow::Result<f64> {
    let mut client = Client::connect(address, key).await?;
    let principal = format!("bench-alert-{n}");
    for _ in 0..3 {
        let now = jiff::Timestamp::now();
        let event = format!(
            r#"{{"timestamp":"{now}","action":"data.get","status":"failure","principalId":"{principal}","outcomeDescription":"access denied"}}"#
        );
        let answer = client.post("/api/v1/audit/events", "application/json", event.as_bytes()).await?;
        anyhow::ensure!(answer.status == 201, "an event was answered with {}", answer.status);
    }
    let answered = Instant::now();
    loop {
        let list = client.get(&format!("/api/v1/alerts?search={principal}&limit=1")).await?;
        if String::from_utf8_lossy(&list.body).contains(&principal) {
            return Ok(answered.elapsed().as_secs_f64() * 1_000.0);
        }
        anyhow::ensure!(answered.elapsed() < Duration::from_secs(30), "no alert came within 30 seconds");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
