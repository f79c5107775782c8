//! What tracing costs: the same loads on two appliances in turns, one that makes no traces, and one that makes them all,
//! keeps a tenth and sends it to a collector on this host.

use super::{Args, Running, SECRET, tell};
use crate::telemetry::{self, Form, LogLevel, OtlpSettings, Output, Sampling, Settings, Telemetry, Tracer};
use anyhow::Context;
use std::io::{Write, stdout};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The share that is kept.
const RATIO: f64 = 0.1;

pub(super) async fn measure(args: &Args, dir: &Path) -> anyhow::Result<()> {
    let with = Running::begin(dir.join("with"), tracing_to(collector().await?)?).await?;
    let mut none = Telemetry::default();
    none.tracer = Tracer::off();
    let without = Running::begin(dir.join("without"), none).await?;
    let round = Duration::from_secs(args.secs);
    for load in args.loads() {
        let (mut plain, mut traced) = (Vec::new(), Vec::new());
        let (mut kept, mut spent) = (Vec::new(), Vec::new());
        for _ in 0..args.rounds.max(1) {
            // Whoever comes second has what the first left behind (merges, pages that are written back) to bear, and what
            // grows warm or full weighs on the later: in this order both weigh on both alike.
            let (mut rates, mut costs) = ([0.0, 0.0], [0.0, 0.0]);
            for (which, running) in [(0, &without), (1, &with), (1, &with), (0, &without)] {
                let before = processor_secs().unwrap_or_default();
                let rate = load.run(running.address, &running.key, SECRET, round).await?;
                running.settle().await?;
                let events = rate * args.secs as f64;
                rates[which] += rate / 2.0;
                costs[which] += (processor_secs().unwrap_or_default() - before) / events / 2.0;
            }
            plain.push(rates[0]);
            traced.push(rates[1]);
            kept.push(100.0 * rates[1] / rates[0]);
            spent.push(100.0 * costs[1] / costs[0]);
        }
        writeln!(stdout(), "{}", load.name)?;
        tell(args.json, "  without tracing", "events/s", &mut plain)?;
        tell(args.json, "  with tracing", "events/s", &mut traced)?;
        tell(args.json, "  with, of without, each round", "%", &mut kept)?;
        // What else the host does weighs on the rates, and hardly on this.
        tell(args.json, "  processor time an event, same", "%", &mut spent)?;
    }
    with.end().await?;
    without.end().await
}

/// The processor's time that this process has had, in seconds; the kernel counts it in hundredths.
fn processor_secs() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in brackets, and may hold anything.
    let mut behind = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || behind.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

/// Telemetry that keeps a tenth of all traces and sends it there.
fn tracing_to(endpoint: String) -> anyhow::Result<Telemetry> {
    let otlp = OtlpSettings {
        retry_for: Duration::from_secs(10),
        service_name: "bench".to_owned(),
        ..OtlpSettings::to(endpoint)
    };
    let settings = Settings {
        form: Form::Json,
        levels: Output::ALL.map(|output| (output, LogLevel::Off)),
        files: None,
        sampling: Sampling { ratio: RATIO, ..Sampling::default() },
        otlp: Some(otlp),
    };
    telemetry::begin(settings).context("telemetry cannot begin")
}

/// The address of a collector that takes everything and keeps nothing.
async fn collector() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
    let address = listener.local_addr().context("cannot learn the address")?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream));
        }
    });
    Ok(format!("http://{address}"))
}

/// Takes one request after the other: a head, and a body as long as it says.
async fn take(mut stream: TcpStream) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let length: usize = length.trim().parse().ok()?;
        while buffer.len() < end + length {
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        }
        buffer.drain(..end + length);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.ok()?;
    }
}
