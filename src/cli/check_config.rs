//! `sealwatch check-config`: every mistake of the configuration at once.

use crate::config::{self, Mistake, Overrides};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks a configuration without starting anything.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The configuration file; without one the environment alone is checked
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object: {"file", "ok", "mistakes": [{"file", "line", "key", "message"}]}
    #[arg(long)]
    json: bool,
}

/// Prints the mistakes to standard error, or as JSON to standard output: exit 0 where there is none, else 1.
///
/// # Errors
/// Where standard output cannot be written to.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = config::load(args.config.as_deref(), Overrides::default(), config::environment());
    let mistakes = loaded.err().unwrap_or_default();
    let name = args.config.as_ref().map_or("environment".to_owned(), |file| file.display().to_string());
    if args.json {
        writeln!(io::stdout(), "{}", as_json(&name, &mistakes))?;
    } else if mistakes.is_empty() {
        writeln!(io::stdout(), "{name}: ok")?;
    } else {
        for mistake in &mistakes {
            writeln!(io::stderr(), "{mistake}")?;
        }
    }
    Ok(if mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_json(name: &str, mistakes: &[Mistake]) -> serde_json::Value {
    let listed: Vec<serde_json::Value> = mistakes
        .iter()
        .map(|mistake| {
            serde_json::json!({
                "file": mistake.file.as_ref().map(|file| file.display().to_string()),
                "line": mistake.line,
                "key": mistake.key,
                "message": mistake.message,
            })
        })
        .collect();
    serde_json::json!({ "file": name, "ok": mistakes.is_empty(), "mistakes": listed })
}
