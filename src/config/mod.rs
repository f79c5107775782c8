//! The settings: from file, environment and command line to one checked value, with all mistakes at once.

mod dead_letters;
mod detection;
mod health;
mod intake;
mod integrity;
mod layers;
mod log;
mod mistake;
mod notify;
mod otlp;
mod pattern_form;
mod reader;
mod retry;
mod search;
mod secret;
mod sources;
mod steps;
mod telemetry;
#[cfg(test)]
mod tests;
mod web;
mod written;

pub use dead_letters::DeadLetters;
pub use detection::Detection;
pub use health::Health;
pub use intake::Intake;
pub use integrity::Integrity;
pub use layers::{Layers, Origin, Setting};
pub use log::Log;
pub use mistake::Mistake;
pub use notify::Notify;
pub use otlp::Otlp;
pub use pattern_form::{Field, PatternForm, Wrong};
pub use search::Search;
pub use sources::Sources;
pub use steps::Steps;
pub use telemetry::{Sampler, Telemetry};
pub use web::Web;

use crate::routing::{BreakerLimits, Retry};
use reader::Reader;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Every setting of the appliance, checked. Made once at start by [`load`]; `Config::default()` is what an
/// empty file gives. `packaging/sealwatch.toml` explains each key.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where everything is kept; a relative path is taken from the working directory.
    pub data_dir: PathBuf,
    /// Where the appliance answers.
    pub listen: SocketAddr,
    /// Limits of what is taken in.
    pub intake: Intake,
    /// How the log is written.
    pub log: Log,
    /// The default signing secret.
    pub integrity: Integrity,
    /// What is looked for in the events.
    pub detection: Detection,
    /// How many dead letters may wait, and for how long they are kept.
    pub dead_letters: DeadLetters,
    /// How what fails is tried again.
    pub retry: Retry,
    /// When a place out there is left alone.
    pub breaker: BreakerLimits,
    /// The search index.
    pub search: Search,
    /// Who is told of alerts.
    pub notify: Notify,
    /// What is expected of single sources.
    pub sources: Sources,
    /// Sessions and connections.
    pub web: Web,
    /// When a component counts as unwell.
    pub health: Health,
    /// When a step counts as slow.
    pub steps: Steps,
    /// The program's own messages and traces.
    pub telemetry: Telemetry,
    /// Whether and where these are sent.
    pub otlp: Otlp,
    /// What was written, to lay changes of run time over it.
    pub layers: Layers,
    /// Every key with its value in force as text, as the file has them; of a secret only whether it is set. What is
    /// held against the settings of the last run.
    pub texts: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Config {
        Config::read(&mut Reader::default())
    }
}

/// What the command line says, which wins over everything else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
}

impl Overrides {
    fn written(&self) -> BTreeMap<&'static str, String> {
        let data_dir = self.data_dir.as_ref().map(|dir| ("data_dir", dir.display().to_string()));
        let listen = self.listen.map(|listen| ("listen", listen.to_string()));
        data_dir.into_iter().chain(listen).collect()
    }
}

/// The largest file that is taken for a configuration, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The settings of `file` (none: the defaults), under those of the environment, under those of the command
/// line.
///
/// `environment` holds all variables, see [`environment`]; of them are read `SEALWATCH_<SECTION>__<KEY>`,
/// `LOG_LEVEL`, `AUDIT_CRYPTO_SECRET`, `OTLP_*`, those of OpenTelemetry and `CREDENTIALS_DIRECTORY` (systemd's, where the
/// credentials `audit-hmac-key`, `checkpoint-key`, `otlp-api-key` and `otlp-auth-header` may lie), and the secrets
/// of notification targets.
///
/// # Errors
/// Every mistake there is, in the order of the file's lines, the environment's last.
pub fn load(
    file: Option<&Path>,
    overrides: Overrides,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, Vec<Mistake>> {
    let environment: BTreeMap<String, String> = environment.into_iter().collect();
    let (text, unreadable) = match file.map(read_file) {
        None => (String::new(), None),
        Some(Ok(text)) => (text, None),
        Some(Err(mistake)) => (String::new(), Some(mistake)),
    };
    let mut reader = Reader::new(file.unwrap_or(Path::new("")), &text, environment.clone());
    let mut config = Config::read(&mut reader);
    config.integrity.find_secret(&mut reader, &environment);
    config.notify.find_secrets(&mut reader, &environment);
    config.otlp.complete(&mut reader, &environment);
    (config.layers.document, config.layers.variables) = reader.written();
    config.log.credentials = environment.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let mut mistakes: Vec<Mistake> = unreadable.into_iter().collect();
    mistakes.extend(reader.finish());
    config.layers.command_line = overrides.written();
    config.data_dir = overrides.data_dir.unwrap_or(config.data_dir);
    config.listen = overrides.listen.unwrap_or(config.listen);
    config.texts.insert("data_dir".to_owned(), show_path(&config.data_dir));
    config.texts.insert("listen".to_owned(), config.listen.to_string());
    config.integrity.show_secret(&mut config.texts);
    config.notify.policy.own = Some(config.listen);
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
}

/// The variables of the process, as [`load`] takes them. What is not UTF-8 in one of them becomes U+FFFD.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
}

impl Config {
    /// The settings of a text alone, as a file would have it.
    ///
    /// # Errors
    /// Every mistake in it, in the order of its lines.
    pub fn of_text(text: &str) -> Result<Config, Vec<Mistake>> {
        let mut reader = Reader::new(Path::new("sealwatch.toml"), text, BTreeMap::new());
        let config = Config::read(&mut reader);
        let mistakes = reader.finish();
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }

    /// Takes every key, in the order of the shipped file.
    fn read(reader: &mut Reader) -> Config {
        let mut top = reader.section(&[]);
        let data_dir = top.text(
            "data_dir",
            "the path of a directory",
            PathBuf::from("./sealwatch-data"),
            path,
            |path| show_path(path),
        );
        let listen = top.text(
            "listen",
            "an address with a port, such as \"127.0.0.1:5600\" or \"[::]:5600\"",
            SocketAddr::from(([127, 0, 0, 1], 5600)),
            |text| text.trim().parse().ok(),
            SocketAddr::to_string,
        );
        let retry = retry::read_retry(reader.section(&["retry"]));
        let breaker = retry::read_breaker(reader.section(&["breaker"]));
        let mut config = Config {
            data_dir,
            listen,
            intake: Intake::read(reader.section(&["intake"])),
            log: Log::read(reader.section(&["log"])),
            integrity: Integrity::read(reader.section(&["integrity"])),
            detection: Detection::read(reader),
            dead_letters: DeadLetters::read(reader.section(&["dead_letters"])),
            retry,
            breaker,
            search: Search::read(reader.section(&["search"])),
            notify: Notify::read(reader, listen),
            sources: Sources::default(),
            web: Web::read(reader.section(&["web"])),
            health: Health::read(reader.section(&["health"])),
            steps: Steps::read(reader.section(&["steps"])),
            telemetry: Telemetry::read(reader.section(&["telemetry"])),
            otlp: Otlp::read(reader.section(&["otlp"]), retry, breaker),
            layers: Layers::default(),
            texts: BTreeMap::new(),
        };
        config.sources = Sources::read(reader, config.intake.events_per_sec_max);
        config.texts = reader.texts();
        config.integrity.show_secret(&mut config.texts);
        config
    }
}

/// A path is any text that is not empty.
fn path(text: &str) -> Option<PathBuf> {
    Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty())
}

fn show_path(path: &Path) -> String {
    path.display().to_string()
}

fn read_file(file: &Path) -> Result<String, Mistake> {
    let mistake =
        |message: String| Mistake { file: Some(file.to_path_buf()), line: None, key: String::new(), message };
    let metadata = std::fs::metadata(file).map_err(|error| mistake(format!("cannot be read: {error}")))?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(mistake(format!("is larger than {FILE_BYTES_MAX} bytes, so it is no configuration")));
    }
    std::fs::read_to_string(file).map_err(|error| mistake(format!("cannot be read: {error}")))
}
