//! `sealwatch verify` of a data directory that is in use: the appliance checks itself, and tells how far it has come.

use super::words::{bar, tell, tell_unchecked};
use crate::cli::data_dir::LocalClient;
use crate::store::Anchors;
use crate::web::api::log_check::{Anchored, Line};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn check(dir: &Path, anchors: &Anchors, json: bool) -> anyhow::Result<ExitCode> {
    let bar = bar();
    let mut report = None;
    let asked = Anchored {
        keys: anchors.keys.iter().map(ToString::to_string).collect(),
        checkpoints: anchors.checkpoints.iter().map(ToString::to_string).collect(),
    };
    let answered = LocalClient::new(dir)?.lines("/log/check", &asked, |line| {
        match serde_json::from_slice(line)? {
            Line::Progress { entries, of } => {
                bar.set_length(of);
                bar.set_position(entries);
            }
            Line::Report(found) => report = Some(found),
        }
        Ok(())
    });
    bar.finish_and_clear();
    match (answered, report) {
        (_, Some(report)) => {
            tell(&report, Some("The appliance that runs on this directory checked itself."), json)
        }
        (Ok(()), None) => tell_unchecked("the appliance ended before its check did"),
        (Err(error), None) => tell_unchecked(&format!("{error:#}")),
    }
}
