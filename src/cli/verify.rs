//! `sealwatch verify`: checks a log where it lies, or what was exported from one.

mod evidence;
mod file;
mod log;
mod proof;
mod running;
mod words;

use super::given::read_keys;
use std::process::ExitCode;

/// Something is not as it was written, or is missing.
const WRONG: u8 = 1;
/// Could not check.
const UNCHECKED: u8 = 2;

/// Checks that a log is intact and complete, or what was exported from one.
///
/// Without FILE, the log of the data directory: every block, entry, tile, checkpoint and alert. A running appliance
/// checks itself when asked so. With FILE: exported evidence, a proof or a checkpoint, which needs nothing but this
/// program. Exit code: 0 intact and complete, 1 damage or tampering was found or something is missing, 2 it could not be
/// checked.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// A key of the log, as text or in a file: your own copy of its first or present one; may stand several times
    #[arg(long = "key", value_name = "KEY|FILE")]
    keys: Vec<String>,
    /// Print the result as JSON to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    log: log::LogArgs,
    #[command(flatten)]
    files: file::FileArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let keys = args.keys.iter().map(|key| read_keys(key)).collect::<anyhow::Result<Vec<_>>>();
    let keys = match keys {
        Ok(keys) => keys.concat(),
        Err(error) => return words::tell_unchecked(&format!("{error:#}")),
    };
    if args.files.are_given() {
        return file::run(&args.files, &keys, args.json);
    }
    log::run(&args.log, keys, args.json)
}

#[cfg(test)]
mod tests;
