//! `sealwatch witness`: holds a log to what was seen of it before, from outside its host.

mod http;
mod source;
mod state;
mod words;

use super::data_dir::without_panic;
use super::given::read_keys;
use crate::app;
use crate::merkle::{Checkpoint, Note, Verifier};
use crate::witness::{Accepted, Memory, Refused, judge};
use anyhow::{Context, anyhow, bail, ensure};
use jiff::Timestamp;
use source::{Source, is_address};
use state::{KeptLog, State};
use std::path::PathBuf;
use std::process::ExitCode;

/// Looks at a log from outside: was it cut, rolled back, forked or signed by someone else since the last look?
///
/// Run it on another machine than the appliance's, every hour or so (cron, a systemd timer), or carry its --state
/// directory on a USB stick. It keeps the last checkpoint that it saw, works out from the log's tiles whether the new one
/// only adds to it, and cosigns it. Whoever has the appliance's host, and its keys, cannot change what was seen here.
///
/// The first look at a log trusts the key that the log shows, unless --key gives it: compare what is printed. Several
/// logs may share one --state; all but the first need --key at their first look.
///
/// Each new checkpoint is kept in the --state directory, in a small file (4 KiB of disk); hourly looks make some 9,000 a
/// year. Nothing in there may be deleted or restored from an older copy: it is what the log is held against.
///
/// Exit code: 0 the log is the one that was seen, and it only grew; 1 refused: it is not; 2 it could not be checked
/// (no answer, no such directory, wrong usage): try again.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The log: an address (http:// or https://), a data directory, whether or not its appliance runs, or a directory
    /// of files as C2SP tlog-tiles has them (checkpoint, tile/…, key-history.json)
    #[arg(long, value_name = "DIR|URL")]
    from: String,
    /// Where the witness keeps its key and what it has seen
    #[arg(long, value_name = "DIR", default_value = "sealwatch-witness")]
    state: PathBuf,
    /// The key that the log must have, as its operator gave it: the text itself, or a file with it
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// What the witness is called in its cosignatures, fixed at the first run [default: this host's name and
    /// "/witness"]
    #[arg(long)]
    name: Option<String>,
    /// Print the result as JSON to standard output
    #[arg(long)]
    json: bool,
}

/// How a look ended.
struct Look {
    verdict: Result<Accepted, Box<Refused>>,
    /// What verifies the witness's cosignatures.
    witness: Verifier,
    /// Whether the witness has just got its key.
    is_new: bool,
    /// Whether the log's key was given, or is the one that the log itself showed.
    was_key_given: bool,
    now: Timestamp,
    /// Where what was refused is kept.
    evidence: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    // A damaged database can panic while it is read; then nothing was checked.
    let look = without_panic(|| look(args));
    match look.unwrap_or_else(|| Err(anyhow!("the database panicked while it was read: it is damaged"))) {
        Ok(look) => words::tell(&look, args.json),
        Err(error) => words::tell_unchecked(&error, args.json),
    }
}

fn look(args: &Args) -> anyhow::Result<Look> {
    let given = args.key.as_deref().map(read_keys).transpose()?;
    let given = given.map(|keys| <[Verifier; 1]>::try_from(keys).map(|[key]| key));
    let given = given.transpose().map_err(|keys| anyhow!("--key: {} keys where one is meant", keys.len()))?;
    let default_name = format!("{}/witness", app::host_name());
    let state = State::open(&args.state, args.name.as_deref(), &default_name)?;
    let source = Source::open(&args.from)?;
    let place = place(&args.from)?;
    let checkpoint = source.checkpoint()?;
    let hand_overs = source.hand_overs()?;
    let memory = match expected(&state, &place, given.as_ref(), checkpoint.as_deref())? {
        Some(memory) => memory,
        None => {
            ensure!(checkpoint.is_some(), "the log has signed no checkpoint yet; try again in a minute");
            let key = given.clone().map_or_else(|| source.first_key(&hand_overs), |key| Ok(Some(key)))?;
            let key = key.context("the log does not show its key: give it with --key")?;
            Memory::new(vec![key], None).context("--key: this is not a log's key, but one of a witness")?
        }
    };
    let mut failure = None;
    let tiles = |level, index, width| match source.tile(level, index, width) {
        Ok(hashes) => hashes,
        Err(error) => {
            failure.get_or_insert(error);
            None
        }
    };
    let verdict = judge(&memory, checkpoint.as_deref(), &hand_overs, tiles);
    if let Some(failure) = failure {
        return Err(failure);
    }
    let now = Timestamp::now();
    let mut evidence = None;
    match (&verdict, checkpoint) {
        (Ok(accepted), _) => state.keep(accepted, &place, now)?,
        (Err(refused), Some(shown)) if refused.last.is_some() => {
            evidence = Some(state.keep_refused(memory.origin(), &shown)?);
        }
        (Err(_), _) => {}
    }
    let (witness, is_new) = (state.verifier().clone(), state.is_new);
    Ok(Look { verdict, witness, is_new, was_key_given: given.is_some(), now, evidence })
}

/// What the log must continue; `None` at first contact. Which log it is to be is not the log's to say: one that was
/// replaced by another under the same address would begin anew as one that was never seen.
fn expected(
    state: &State,
    place: &str,
    given: Option<&Verifier>,
    shown: Option<&[u8]>,
) -> anyhow::Result<Option<Memory>> {
    if let Some(key) = given {
        let kept = state.log(key.name())?.map(|log| log.memory);
        if kept.as_ref().is_some_and(|memory| !memory.keys().contains(key)) {
            bail!(
                "this witness trusts another key for {:?} than the one of --key; where the log really has a new one \
                 that the former did not sign, begin a new --state, and keep the old one",
                key.name()
            );
        }
        return Ok(kept);
    }
    let logs = state.logs()?;
    let origin = shown.and_then(|shown| {
        let note = Note::parse(shown).ok()?;
        Checkpoint::parse(note.text()).ok().map(|checkpoint| checkpoint.origin().to_owned())
    });
    let was_here = newest(logs.iter().filter(|log| log.source == place));
    let is_shown = || newest(logs.iter().filter(|log| origin.as_deref() == Some(log.memory.origin())));
    // A log that nobody knows, in the place of one that is known: the newest of them is what is missed.
    Ok(was_here.or_else(is_shown).or_else(|| newest(logs.iter())))
}

/// What is remembered of the log that was accepted last.
fn newest<'a>(logs: impl Iterator<Item = &'a KeptLog>) -> Option<Memory> {
    logs.map(|log| &log.memory).max_by_key(|memory| memory.last().map(|last| last.at)).cloned()
}

/// The one spelling of `--from` by which a log is known again.
fn place(from: &str) -> anyhow::Result<String> {
    if is_address(from) {
        return Ok(from.trim_end_matches('/').to_owned());
    }
    let dir = std::fs::canonicalize(from).with_context(|| format!("cannot open {from}"))?;
    Ok(dir.display().to_string())
}
