//! Checks files that were given out: finds out what each is, and says yes, no, or what is missing to tell.

use super::{UNCHECKED, evidence, proof};
use crate::evidence::ZIP_BYTES_MAX;
use crate::merkle::Verifier;
use anyhow::Context;
use serde::Serialize;
use std::fs::File;
use std::io::{Read, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Files to check instead of a data directory.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct FileArgs {
    /// Exported evidence (zip), a proof (tlog-proof) or a checkpoint
    #[arg(value_name = "FILE", conflicts_with = "data_dir")]
    files: Vec<PathBuf>,
    /// For a proof: the leaf of the event, as /leaf gives it
    #[arg(long, value_name = "FILE", requires = "files")]
    pub(super) leaf: Option<PathBuf>,
    /// For a proof: the event as received, as /raw gives it
    #[arg(long, value_name = "FILE", requires = "leaf", requires = "salt")]
    pub(super) raw: Option<PathBuf>,
    /// For a proof: what the event is hashed with, as /salt gives it, or a file with it
    #[arg(long, value_name = "HEX|FILE", requires = "raw")]
    pub(super) salt: Option<String>,
}

/// What came of checking one file.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    /// What the file is: `evidence`, `proof`, `checkpoint` or `unknown`.
    pub(super) kind: &'static str,
    /// The answer.
    pub(super) answer: Answer,
    /// In the words of people, line by line.
    pub(super) lines: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Everything fits.
    Whole,
    /// Something does not.
    Wrong,
    /// It cannot be told.
    NotChecked,
}

impl Answer {
    fn word(self) -> &'static str {
        match self {
            Answer::Whole => "WHOLE",
            Answer::Wrong => "WRONG",
            Answer::NotChecked => "NOT CHECKED",
        }
    }
}

impl Outcome {
    /// Nothing can be said, and why.
    pub(super) fn not_checked(kind: &'static str, why: impl Into<String>) -> Outcome {
        Outcome { kind, answer: Answer::NotChecked, lines: vec![why.into()] }
    }

    /// It is wrong, and in what.
    pub(super) fn wrong(kind: &'static str, why: impl Into<String>) -> Outcome {
        Outcome { kind, answer: Answer::Wrong, lines: vec![why.into()] }
    }
}

impl FileArgs {
    pub(super) fn are_given(&self) -> bool {
        !self.files.is_empty()
    }
}

pub(super) fn run(args: &FileArgs, keys: &[Verifier], json: bool) -> anyhow::Result<ExitCode> {
    let mut code = 0;
    for path in &args.files {
        let outcome = check(path, keys, args);
        tell(path, &outcome, json)?;
        // What is wrong weighs more than what could not be checked.
        code = match outcome.answer {
            Answer::Wrong => 1,
            Answer::NotChecked if code == 0 => UNCHECKED,
            _ => code,
        };
    }
    Ok(ExitCode::from(code))
}

fn check(path: &Path, keys: &[Verifier], args: &FileArgs) -> Outcome {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Outcome::not_checked("unknown", format!("{error:#}")),
    };
    if bytes.starts_with(b"PK") {
        evidence::check(&bytes, keys)
    } else if bytes.starts_with(b"c2sp.org/tlog-proof@") {
        proof::check_proof(&bytes, keys, args)
    } else if looks_like_note(&bytes) {
        proof::check_checkpoint(&bytes, keys)
    } else {
        let why = "it is no zip with evidence, no tlog-proof and no checkpoint";
        Outcome::not_checked("unknown", why)
    }
}

/// A text, an empty line, and lines that begin with an em dash.
fn looks_like_note(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains("\n\n— "))
}

/// The file, as far as anything that can be checked may be long.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened =
        File::open(path).and_then(|file| file.take(ZIP_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    opened.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

fn tell(path: &Path, outcome: &Outcome, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        file: String,
        #[serde(flatten)]
        outcome: &'a Outcome,
    }
    let file = crate::web::pages::text::visible(&path.display().to_string());
    if json {
        writeln!(stdout(), "{}", serde_json::to_string(&Line { file, outcome })?)?;
        return Ok(());
    }
    writeln!(stdout(), "{}: {file}", outcome.answer.word())?;
    for line in &outcome.lines {
        // What stands in the file must not write to the terminal.
        writeln!(stdout(), "  {}", crate::web::pages::text::visible(line))?;
    }
    Ok(())
}
