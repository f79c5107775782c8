//! Bundles that are whole, and everything that can be done to one.

mod sample;
mod forged;
mod packed;

use super::{Bundle, Checked, Exhibit, Finding, check, from_zip, to_zip};
use crate::merkle::Verifier;
use sample::{exhibit, keys};

/// A page that says all that there is.
fn page(exhibit: &Exhibit) -> String {
    format!("{exhibit:#?}")
}

fn bundle_of(exhibit: &Exhibit) -> Bundle {
    Bundle::of(exhibit, &page(exhibit)).expect("it is small")
}

fn checked(bundle: &Bundle, trusted: &[Verifier]) -> Checked {
    check(bundle, trusted, page)
}

/// The same files but for one, with the manifest as it was.
fn with_file(bundle: &Bundle, name: &str, bytes: &[u8]) -> Bundle {
    let mut changed = Bundle::default();
    for (known, content) in bundle.files() {
        let content = if known == name { bytes } else { content };
        changed.add(known, content.to_vec()).expect("it is small");
    }
    changed
}

/// The same files with a manifest that fits them.
fn sealed_again(bundle: &Bundle) -> Bundle {
    let manifest = bundle.manifest(&mut Vec::new()).expect("a manifest");
    let mut sealed = Bundle::default();
    for (name, content) in bundle.files().filter(|(name, _)| *name != "manifest.json") {
        sealed.add(name, content.to_vec()).expect("it is small");
    }
    let at = crate::model::ReceivedAt::from_timestamp(manifest.at);
    sealed.seal(&manifest.version, &manifest.by, at).expect("it is small");
    sealed
}

#[test]
fn what_is_so_is_whole_for_whoever_trusts_any_of_the_keys_that_signed() {
    let exhibit = exhibit();
    assert_eq!((exhibit.events.len(), exhibit.history.len(), exhibit.chain.len()), (6, 4, 4));
    let bundle = from_zip(&to_zip(&bundle_of(&exhibit)).expect("it can be packed")).expect("a bundle");
    assert_eq!(bundle, bundle_of(&exhibit));
    for trusted in [vec![], vec![keys()[0].clone()], vec![keys()[1].clone()], keys().to_vec()] {
        let checked = checked(&bundle, &trusted);
        assert_eq!((&checked.findings, &checked.unchecked), (&Vec::<Finding>::new(), &Vec::new()));
        assert!(checked.is_whole());
        assert_eq!(checked.signed_by, keys());
    }
}

/// Every file, some hundred places: a bit that is turned over is found, although the forger writes a manifest that fits.
#[test]
fn no_turned_bit_stays_unseen_even_with_a_manifest_that_fits() {
    let bundle = bundle_of(&exhibit());
    let files: Vec<(String, Vec<u8>)> =
        bundle.files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
    let mut state = 7_u64;
    let mut chance = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for turn in 0..600 {
        // Every file comes up, the large ones and the small ones.
        let (name, bytes) = &files[if turn < files.len() { turn } else { chance(files.len()) }];
        if bytes.is_empty() {
            continue;
        }
        let (place, bit) = (chance(bytes.len()), chance(8));
        let mut turned = bytes.clone();
        turned[place] ^= 1 << bit;
        let turned = with_file(&bundle, name, &turned);
        let what = format!("{name}, byte {place}, bit {bit}");
        assert!(!checked(&turned, &[]).is_whole(), "{what}");
        if name != "manifest.json" {
            assert!(!checked(&sealed_again(&turned), &[]).is_whole(), "{what}, with a manifest that fits");
        }
    }
}

#[test]
fn a_file_that_is_missing_or_added_is_named() {
    let bundle = bundle_of(&exhibit());
    let names: Vec<String> = bundle.files().map(|(name, _)| name.to_owned()).collect();
    for gone in &names {
        let mut less = Bundle::default();
        for (name, bytes) in bundle.files().filter(|(name, _)| name != gone) {
            less.add(name, bytes.to_vec()).expect("it is small");
        }
        let found = checked(&less, &[]);
        assert!(found.findings.iter().any(|finding| finding.file == *gone), "{gone}: {found:?}");
        if gone != "manifest.json" {
            assert!(!checked(&sealed_again(&less), &[]).is_whole(), "{gone}, with a manifest that fits");
        }
    }
    for added in ["events/000000000002.txt", "events/2.json", "readme.txt", "checkpoints/000000000007.json"] {
        let mut more = bundle.clone();
        more.add(added, b"{}".to_vec()).expect("it is small");
        for more in [sealed_again(&more), more] {
            let found = checked(&more, &[]);
            assert!(found.findings.iter().any(|finding| finding.file == added), "{added}: {found:?}");
        }
    }
}

#[test]
fn texts_of_another_version_are_not_called_whole() {
    let bundle = bundle_of(&exhibit());
    let mut other = Bundle::default();
    for (name, bytes) in bundle.files().filter(|(name, _)| *name != "manifest.json") {
        other.add(name, bytes.to_vec()).expect("it is small");
    }
    other.seal("0.0.0", "ada", exhibit().export.at).expect("it is small");
    let checked = checked(&other, &[]);
    assert_eq!((checked.findings.len(), checked.unchecked.len(), checked.is_whole()), (0, 2, false));
}
