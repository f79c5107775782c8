//! Says what a check found: to people in words, to programs as JSON.

use super::{UNCHECKED, WRONG};
use crate::model::Hash;
use crate::store::{Findings, Report};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

pub(super) fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} entries, {eta} left");
    bar.with_style(style.expect("the template is valid"))
}

/// Prints the report and chooses the exit code. `who` made the check, where that was not this program.
pub(super) fn tell(report: &Report, who: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    let mut out = stdout();
    if json {
        let mut result = serde_json::to_value(report)?;
        result["intact"] = json!(report.is_intact());
        result["complete"] = json!(report.is_complete());
        result["unsignedEntries"] = json!(report.unsigned_entries());
        writeln!(out, "{result}")?;
    } else {
        write!(out, "{}", in_words(report, who))?;
    }
    Ok(exit_code(report))
}

/// The log could not be looked at.
pub(super) fn tell_unchecked(why: &str) -> anyhow::Result<ExitCode> {
    writeln!(stderr(), "NOT CHECKED: {why}")?;
    Ok(ExitCode::from(UNCHECKED))
}

fn exit_code(report: &Report) -> ExitCode {
    match (report.is_intact(), report.is_complete()) {
        (Some(true), Some(true)) => ExitCode::SUCCESS,
        (Some(false), _) | (_, Some(false)) => ExitCode::from(WRONG),
        _ => ExitCode::from(UNCHECKED),
    }
}

fn in_words(report: &Report, who: Option<&str>) -> String {
    let mut lines = Vec::new();
    lines.extend(who.map(str::to_owned));
    tell_findings(&report.altered, &mut lines);
    lines.push(match report.is_intact() {
        Some(true) => {
            format!("INTACT: {} entries ({} events) are as they were written.", report.entries, report.events)
        }
        Some(false) => {
            format!("NOT INTACT: {}.", counted(report.altered.count, "is", "are", "not as written"))
        }
        None => "NOT CHECKED: whether what is there is as it was written.".to_owned(),
    });
    tell_findings(&report.missing, &mut lines);
    lines.push(match report.is_complete() {
        Some(true) => {
            let alerts = report.alerts;
            format!("COMPLETE: nothing is missing of {} entries and {alerts} alerts.", report.entries)
        }
        Some(false) => format!("NOT COMPLETE: {}.", counted(report.missing.count, "is", "are", "missing")),
        None => "NOT CHECKED: whether everything is there.".to_owned(),
    });
    if let Some(entry) = report.first_wrong {
        lines.push(format!(
            "The first entry that is wrong is {entry}. Restore the newest backup that verifies."
        ));
    }
    // Only at its end does a check know.
    if report.root != Hash::default() {
        tell_signatures(report, &mut lines);
    }
    lines.extend(report.not_checked.iter().map(|what| format!("NOT CHECKED: {what}.")));
    lines.push(String::new());
    lines.join("\n")
}

fn tell_findings(findings: &Findings, lines: &mut Vec<String>) {
    lines.extend(findings.first.iter().map(ToString::to_string));
    let more = findings.count - findings.first.len() as u64;
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
}

fn tell_signatures(report: &Report, lines: &mut Vec<String>) {
    match &report.signed {
        Some(signed) => lines.push(format!(
            "Signed up to entry {} at {} by {} ({} checkpoints).",
            signed.size.saturating_sub(1),
            signed.at.timestamp().strftime("%Y-%m-%d %H:%M:%S UTC"),
            signed.key,
            report.checkpoints
        )),
        None => lines.push("Not signed: no checkpoint holds.".to_owned()),
    }
    let unsigned = report.unsigned_entries();
    if unsigned > 0 {
        lines.push(format!("NOT CHECKED: {}, which no checkpoint covers yet.", counted_plain(unsigned)));
    }
    lines.push(format!("root {}", hex::encode(report.root)));
}

fn counted(count: u64, one: &str, many: &str, what: &str) -> String {
    if count == 1 { format!("1 thing {one} {what}") } else { format!("{count} things {many} {what}") }
}

fn counted_plain(count: u64) -> String {
    if count == 1 { "the last entry".to_owned() } else { format!("the last {count} entries") }
}
