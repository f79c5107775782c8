//! Checks exported evidence: whose alert it is, what is proved, by which key.

use super::file::{Answer, Outcome};
use crate::detect;
use crate::evidence::{BundleError, Checked, Exhibit, ZipError, check as check_bundle, from_zip};
use crate::merkle::Verifier;
use crate::web::pages::evidence::{entries_of, page};
use crate::web::pages::words;

const KIND: &str = "evidence";

pub(super) fn check(bytes: &[u8], keys: &[Verifier]) -> Outcome {
    let bundle = match from_zip(bytes) {
        Ok(bundle) => bundle,
        Err(
            error
            @ (ZipError::TooLarge | ZipError::Bundle(BundleError::TooManyFiles | BundleError::TooLarge)),
        ) => {
            return Outcome::not_checked(KIND, error.to_string());
        }
        Err(error) => return Outcome::wrong(KIND, error.to_string()),
    };
    if bundle.get("manifest.json").is_none() && bundle.get("alert.json").is_none() {
        return Outcome::not_checked("unknown", "it is a zip, but not one with evidence of Sealwatch");
    }
    let checked = check_bundle(&bundle, keys, page);
    if !checked.findings.is_empty() {
        let lines = checked.findings.iter().map(ToString::to_string).collect();
        return Outcome { kind: KIND, answer: Answer::Wrong, lines };
    }
    match &checked.exhibit {
        Some(exhibit) if checked.is_whole() => {
            Outcome { kind: KIND, answer: Answer::Whole, lines: words_of(exhibit, &checked, keys.is_empty()) }
        }
        _ => {
            let lines = checked.unchecked.iter().map(ToString::to_string).collect();
            Outcome { kind: KIND, answer: Answer::NotChecked, lines }
        }
    }
}

fn words_of(exhibit: &Exhibit, checked: &Checked, key_from_file: bool) -> Vec<String> {
    let alert = &exhibit.alert;
    let organization =
        alert.organization.as_deref().map_or(String::new(), |name| format!(", organisation {name}"));
    let size = exhibit.chain.last().map_or(0, |link| link.size);
    let steps = words::counted(exhibit.history.len() as u64, "step");
    let mut lines = vec![
        format!("alert {}{organization}", alert.id),
        detect::title(alert.pattern, &alert.key),
        detect::explain(alert),
        format!(
            "{} as received and {steps} of its history are proved, in a log of {}",
            words::counted(exhibit.events.len() as u64, "event"),
            entries_of(size),
        ),
        format!("raised {}, status {}", alert.created_at.timestamp(), alert.status.name()),
        format!(
            "exported by {} at {} (stated, not proved)",
            exhibit.export.by,
            exhibit.export.at.timestamp()
        ),
    ];
    lines.extend(checked.signed_by.iter().map(|key| format!("signed by {key}")));
    lines.push(if key_from_file {
        "The key comes from the file itself: compare it with the one of the log (/api/v1/log/key), or give that with --key.".to_owned()
    } else {
        "The key that was given has signed; every other checkpoint follows from it.".to_owned()
    });
    lines
}
