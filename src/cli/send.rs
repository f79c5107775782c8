//! `sealwatch send`: ships files of events to a running appliance, bytes unchanged.

mod batch;
mod delivery;
mod elements;
mod summary;

use anyhow::{Context, anyhow};
use batch::Batch;
use delivery::{Answer, Delivery, DeliveryError};
use elements::Elements;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use summary::Summary;

pub(super) use summary::printable;

/// Sends files of events: one JSON object a line, a JSON array, or objects one after the other.
///
/// The bytes of each event stay as they are. Each request carries an Idempotency-Key made from its content
/// and its place in the file, so sending is safe to repeat, and a run that was interrupted is resumed by
/// running the same command again: what the appliance has is not stored twice, and no note of how far it came
/// is needed. (The keys depend on --batch-events, and a file that has grown has another last request; events
/// with an `id` are safe even so.) An appliance that is down or busy is tried again until nothing was taken
/// for --retry-secs.
///
/// Exit code: 0 where every event is stored, 1 where one was rejected or sending failed, 2 for wrong usage.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the appliance answers
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5600")]
    url: String,
    /// A file with the API key; without it, SEALWATCH_API_KEY in the environment
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Events of one request, as far as 4 MiB hold them
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = batch_sizes())]
    batch_events: u32,
    /// How long to try again without anything being taken
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    retry_secs: u64,
    /// Print the summary as JSON to standard output
    #[arg(long)]
    json: bool,
    /// Files to send, in this order; standard input where there is none, or for `-`
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn batch_sizes() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=100_000)
}

/// The exit code of wrong usage.
const WRONG_USAGE: u8 = 2;

/// Sends everything, one request after the other, because detection goes by the order of events.
///
/// # Errors
/// Where a file cannot be read, or the appliance does not take what is sent.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(key) = api_key(args.api_key_file.as_deref())? else {
        writeln!(io::stderr(), "no API key: give --api-key-file FILE, or set SEALWATCH_API_KEY")?;
        return Ok(ExitCode::from(WRONG_USAGE));
    };
    let delivery = match Delivery::new(&args.url, &key, Duration::from_secs(args.retry_secs)) {
        Ok(delivery) => delivery,
        Err(error) => {
            writeln!(io::stderr(), "{error}")?;
            return Ok(ExitCode::from(WRONG_USAGE));
        }
    };
    let began = Instant::now();
    let files = if args.files.is_empty() { vec![PathBuf::from("-")] } else { args.files.clone() };
    let mut run = Run { delivery, bar: bar(&files), summary: Summary::default(), began, bytes_before: 0 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sent = runtime.block_on(run.send_files(&files, args.batch_events as usize));
    run.bar.finish_and_clear();
    let took = began.elapsed();
    writeln!(io::stderr(), "{}", run.summary.in_words(took))?;
    if args.json {
        writeln!(io::stdout(), "{}", run.summary.as_json(took))?;
    }
    sent.with_context(|| format!("cannot send to {}", args.url))?;
    Ok(if run.summary.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One run of the command.
struct Run {
    delivery: Delivery,
    bar: ProgressBar,
    summary: Summary,
    began: Instant,
    /// Bytes of the files before the one that is being sent.
    bytes_before: u64,
}

impl Run {
    async fn send_files(&mut self, files: &[PathBuf], events_max: usize) -> anyhow::Result<()> {
        for file in files {
            let name = if is_stdin(file) { "standard input".to_owned() } else { file.display().to_string() };
            let input: Box<dyn BufRead> = if is_stdin(file) {
                Box::new(io::stdin().lock())
            } else {
                let file = File::open(file).with_context(|| format!("cannot open {name}"))?;
                Box::new(BufReader::with_capacity(1 << 16, file))
            };
            self.send_file(&name, input, events_max).await?;
        }
        Ok(())
    }

    /// Reading blocks, which is no harm: nothing else runs in this process while it does.
    async fn send_file(
        &mut self,
        name: &str,
        input: Box<dyn BufRead>,
        events_max: usize,
    ) -> anyhow::Result<()> {
        let mut elements = Elements::new(input);
        let mut held = None;
        let read = |error: io::Error| anyhow!("cannot read {name}: {error}");
        while let Some(batch) = Batch::read(&mut elements, &mut held, events_max).map_err(read)? {
            for (line, why) in &batch.unsendable {
                let told = self.summary.reject(name, *line, why);
                self.tell(told);
            }
            self.send_batch(name, batch).await?;
            self.bar.set_position(self.bytes_before + elements.offset());
            self.bar.set_message(format!("{} events/s", self.summary.rate(self.began.elapsed())));
        }
        self.bytes_before += elements.offset();
        Ok(())
    }

    /// Sends a batch; one that is refused as a whole is halved until what is wrong stands alone.
    async fn send_batch(&mut self, name: &str, batch: Batch) -> anyhow::Result<()> {
        let mut waiting = vec![batch];
        while let Some(batch) = waiting.pop() {
            if batch.elements.is_empty() {
                continue;
            }
            match self.deliver(&batch).await {
                Ok(answer) => {
                    let told = self.summary.count(name, &batch, &answer);
                    self.tell(told);
                }
                Err(DeliveryError::Refused { message }) if batch.elements.len() == 1 => {
                    self.summary.sent += 1;
                    let told = self.summary.reject(name, batch.elements[0].0, &message);
                    self.tell(told);
                }
                Err(DeliveryError::Refused { .. }) => {
                    let [first, second] = batch.halves();
                    waiting.extend([second, first]);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn deliver(&self, batch: &Batch) -> Result<Answer, DeliveryError> {
        let bar = &self.bar;
        self.delivery.deliver(&batch.body(), |failure| bar.set_message(format!("waiting: {failure}"))).await
    }

    /// Standard error may be closed; the events matter more than the words about them.
    fn tell(&self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            self.bar.suspend(|| drop(writeln!(io::stderr(), "{line}")));
        }
    }
}

/// The key out of the file, else out of the environment.
fn api_key(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let text = match file {
        Some(file) => {
            Some(std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?)
        }
        None => std::env::var("SEALWATCH_API_KEY").ok(),
    };
    Ok(text.map(|text| text.trim().to_owned()).filter(|key| !key.is_empty()))
}

/// A bar over the bytes of all files, or a count of them where standard input has no end that is known;
/// hidden where standard error is no terminal.
fn bar(files: &[PathBuf]) -> ProgressBar {
    let length =
        |file: &PathBuf| std::fs::metadata(file).ok().filter(|_| !is_stdin(file)).map(|data| data.len());
    let total: Option<u64> = files.iter().map(length).sum();
    let template = match total {
        Some(_) => "{bar:30} {bytes}/{total_bytes}  {msg}  {eta} left",
        None => "{spinner} {bytes}  {msg}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr()).with_style(style)
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

#[cfg(test)]
mod tests;
