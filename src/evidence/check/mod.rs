//! Whether everything in a bundle fits: file by file, proof by proof, and what it says of the alert.

mod log;
mod alert;
mod events;
mod history;

use super::bundle::Bundle;
use super::exhibit::{Exhibit, key_of_size};
use super::finding::Finding;
use super::layout::{self, ALERT, PAGE, RULE, VERIFY, VERIFY_TEXT, VERSION};
use crate::merkle::Verifier;

/// Findings that are told; the rest says no more.
const FINDINGS_MAX: usize = 100;

/// What came of a check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What does not fit; only where there is nothing, the evidence is whole.
    pub findings: Vec<Finding>,
    /// What this program cannot check, although it may fit.
    pub unchecked: Vec<Finding>,
    /// What the bundle says, as far as it could be read; to be believed only where nothing was found.
    pub exhibit: Option<Exhibit>,
    /// The keys that signed its checkpoints, in the order in which they signed.
    pub signed_by: Vec<Verifier>,
}

impl Checked {
    /// Whether everything was checked and fits.
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty() && self.unchecked.is_empty() && self.exhibit.is_some()
    }
}

/// Checks a bundle. One of `trusted` must have signed; where there is none, the keys are those that the bundle names, and
/// whoever asks has to compare them. `page` writes the page for people of an exhibit.
pub fn check(bundle: &Bundle, trusted: &[Verifier], page: impl Fn(&Exhibit) -> String) -> Checked {
    let mut checked =
        Checked { findings: Vec::new(), unchecked: Vec::new(), exhibit: None, signed_by: Vec::new() };
    let findings = &mut checked.findings;
    let Some(manifest) = bundle.manifest(findings) else { return checked };
    let Some(exhibit) = layout::read(bundle, &manifest, findings) else { return checked };
    log::check(&exhibit, trusted, findings);
    alert::check(&exhibit, findings);
    events::check(&exhibit, findings);
    history::check(&exhibit, findings);
    if (exhibit.rule.pattern, exhibit.rule.threshold_then, exhibit.rule.timespan_secs_then)
        != (exhibit.alert.pattern, exhibit.alert.threshold, exhibit.alert.timespan_secs)
    {
        findings.push(Finding::new(RULE, format!("it is not the rule that {ALERT} names")));
    }
    if manifest.version == VERSION {
        check_texts(bundle, findings, || page(&exhibit));
    } else {
        let what =
            format!("version {} wrote it and this is {VERSION}: check with that one", manifest.version);
        checked.unchecked = [PAGE, VERIFY].map(|name| Finding::new(name, what.clone())).into();
    }
    findings.truncate(FINDINGS_MAX);
    checked.signed_by = signers(&exhibit);
    checked.exhibit = Some(exhibit);
    checked
}

/// What people read must be what the proved parts give: a page that says something else is a forgery, however well its
/// digest fits.
fn check_texts(bundle: &Bundle, findings: &mut Vec<Finding>, page: impl Fn() -> String) {
    if bundle.get(VERIFY).is_some_and(|text| text != VERIFY_TEXT.as_bytes()) {
        findings.push(Finding::new(VERIFY, "it is not the text that this program writes"));
    }
    // Written of what does not fit, no page would be right.
    if findings.is_empty() && bundle.get(PAGE) != Some(page().as_bytes()) {
        findings.push(Finding::new(PAGE, "it does not say what the other files say"));
    }
}

fn signers(exhibit: &Exhibit) -> Vec<Verifier> {
    let keys = exhibit.named_keys();
    let mut signers: Vec<Verifier> =
        exhibit.chain.iter().filter_map(|link| key_of_size(&keys, link.size)).cloned().collect();
    signers.dedup();
    signers
}
