//! What a look at a log is told as: words for a person, JSON for a program.

use super::Look;
use crate::cli::send::printable;
use crate::witness::{Accepted, Growth, HELD_BACK_SECS, LastGood, Refusal, Refused};
use serde::Serialize;
use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

/// Could not check.
const UNCHECKED: u8 = 2;

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    /// `good`, `refused` or `unchecked`.
    verdict: &'static str,
    /// Why, unless it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// `first_contact`, `grown` or `unchanged`.
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    /// The key in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// The last good one before this look.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_good: Option<ToldLastGood>,
    /// Where what was refused is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    /// What verifies the witness's cosignatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    witness_key: Option<String>,
}

#[derive(Serialize)]
struct ToldLastGood {
    size: u64,
    root: String,
    at: String,
}

impl From<LastGood> for ToldLastGood {
    fn from(last: LastGood) -> ToldLastGood {
        let root = hex::encode(last.tree.root);
        ToldLastGood { size: last.tree.size, root, at: format!("{:.0}", last.at) }
    }
}

/// Tells how a look ended, and gives its exit code.
pub(super) fn tell(look: &Look, json: bool) -> anyhow::Result<ExitCode> {
    let witness_key = look.witness.to_string();
    match &look.verdict {
        Ok(accepted) if json => {
            tell_json(&Told { witness_key: Some(witness_key), ..Told::good(accepted, look) })?;
        }
        Err(refused) if json => {
            let evidence = look.evidence.as_deref().map(|file| file.display().to_string());
            tell_json(&Told { witness_key: Some(witness_key), evidence, ..Told::refused(refused) })?;
        }
        Ok(accepted) => tell_good(accepted, look)?,
        Err(refused) => tell_refused(refused, look.evidence.as_deref())?,
    }
    Ok(if look.verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells that nothing was found out.
pub(super) fn tell_unchecked(error: &anyhow::Error, json: bool) -> anyhow::Result<ExitCode> {
    let why = printable(&format!("{error:#}"));
    if json {
        tell_json(&Told { verdict: "unchecked", why: Some(why), ..Told::default() })?;
    } else {
        writeln!(stderr(), "NOT CHECKED: {why}")?;
    }
    Ok(ExitCode::from(UNCHECKED))
}

fn tell_json(told: &Told) -> anyhow::Result<()> {
    writeln!(stdout(), "{}", serde_json::to_string(told)?)?;
    Ok(())
}

impl Told {
    fn good(accepted: &Accepted, look: &Look) -> Told {
        let (growth, from) = match accepted.growth {
            Growth::FirstContact => ("first_contact", None),
            Growth::Grown { from } => ("grown", Some(from)),
            Growth::Unchanged { from } => ("unchanged", Some(from)),
        };
        Told {
            verdict: "good",
            origin: Some(accepted.origin().to_owned()),
            growth: Some(growth),
            size: Some(accepted.tree.size),
            root: Some(hex::encode(accepted.tree.root)),
            key: Some(accepted.key_in_force().to_string()),
            warning: warning(accepted, look),
            last_good: from.map(ToldLastGood::from),
            ..Told::default()
        }
    }

    fn refused(refused: &Refused) -> Told {
        Told {
            verdict: "refused",
            why: Some(refused.why.to_string()),
            origin: Some(refused.origin.clone()),
            last_good: refused.last.map(ToldLastGood::from),
            ..Told::default()
        }
    }
}

fn warning(accepted: &Accepted, look: &Look) -> Option<String> {
    let since = accepted.growth.held_back_since(look.now)?;
    Some(format!(
        "the log has not grown since {since:.0}, although a running appliance writes at least every hour: it was \
         stopped, or newer entries are held back (more than {} hours)",
        HELD_BACK_SECS / 3_600
    ))
}

fn tell_good(accepted: &Accepted, look: &Look) -> anyhow::Result<()> {
    let mut out = stdout();
    let (origin, size) = (printable(accepted.origin()), accepted.tree.size);
    match accepted.growth {
        Growth::FirstContact => writeln!(out, "GOOD: first look at {origin}: {size} entries.")?,
        Growth::Grown { from } => writeln!(
            out,
            "GOOD: {origin} has grown from {} to {size} entries; nothing that was there has changed.",
            from.tree.size
        )?,
        Growth::Unchanged { from } => {
            writeln!(out, "GOOD: {origin} still has the {size} entries of {:.0}.", from.at)?;
        }
    }
    writeln!(out, "root {}", hex::encode(accepted.tree.root))?;
    if matches!(accepted.growth, Growth::FirstContact) {
        tell_trust(accepted, look.was_key_given)?;
    } else if accepted.is_key_new {
        writeln!(
            out,
            "The log has a new key, which the former one named:\n  {}",
            printable(&accepted.key_in_force().to_string())
        )?;
    }
    if look.is_new {
        writeln!(
            out,
            "This witness is new. What verifies its cosignatures, for whoever is to believe them:\n  {}",
            look.witness
        )?;
    }
    if let Some(warning) = warning(accepted, look) {
        writeln!(stderr(), "WARNING: {warning}")?;
    }
    Ok(())
}

fn tell_trust(accepted: &Accepted, was_key_given: bool) -> anyhow::Result<()> {
    let key = printable(&accepted.key_in_force().to_string());
    if was_key_given {
        writeln!(stdout(), "It is signed with the key of --key, or with one that this key named:\n  {key}")?;
    } else {
        writeln!(
            stdout(),
            "Nothing vouches for its key yet. From here on this witness trusts the one that the log itself showed:\n  \
             {key}\nCompare it with the one that the log's operator knows (on the appliance, the Integrity page). If it \
             is another one, delete the --state directory and ask who answers in the appliance's place."
        )?;
    }
    Ok(())
}

fn tell_refused(refused: &Refused, evidence: Option<&Path>) -> anyhow::Result<()> {
    writeln!(stderr(), "REFUSED: {}", printable(&refused.to_string()))?;
    if matches!(refused.why, Refusal::OtherOrigin { .. }) {
        writeln!(stderr(), "If this log is to be kept as well, give its key with --key.")?;
    }
    if let Some(evidence) = evidence {
        writeln!(
            stderr(),
            "What the log showed is kept in {}, beside the last good checkpoint: together they are the evidence. Keep \
             the --state directory as it is, copy the appliance's data directory before anything else is done, and \
             compare it with your backups.",
            evidence.display()
        )?;
    }
    Ok(())
}
