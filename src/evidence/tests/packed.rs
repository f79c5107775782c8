//! Zips that someone made to do harm, and zips that are cut off.

use super::sample::exhibit;
use super::{bundle_of, checked};
use crate::evidence::{BUNDLE_BYTES_MAX, BundleError, ZipError, from_zip, to_zip};
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn zip_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name, SimpleFileOptions::default()).expect("a file");
        zip.write_all(bytes).expect("memory takes it");
    }
    zip.finish().expect("a zip").into_inner()
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let long = "x".repeat(101);
    for name in [
        "../up",
        "/etc/x",
        "a/../b",
        "a\\..\\b",
        "C:x",
        "a//b",
        "./a",
        ".hidden",
        "dir/",
        "a\u{202e}b",
        &long,
    ] {
        let refused = from_zip(&zip_of([(name, &b"x"[..])]));
        assert!(
            matches!(refused, Err(ZipError::Bundle(BundleError::Name(_)) | ZipError::Format(_))),
            "{name:?}"
        );
    }
    assert!(from_zip(&zip_of([("a/b-c_d.txt", &b"x"[..])])).is_ok());
}

#[test]
fn a_name_that_stands_there_twice_is_refused() {
    let zip = zip_of([("aaaa", &b"one"[..]), ("aaab", &b"two"[..])]);
    let mut twice = zip.clone();
    for place in 0..zip.len() - 3 {
        if zip[place..].starts_with(b"aaab") {
            twice[place + 3] = b'a';
        }
    }
    assert!(from_zip(&zip).is_ok());
    assert!(from_zip(&twice).is_err());
}

#[test]
fn a_bomb_is_unpacked_to_the_bound_and_no_further() {
    let zeros = vec![0; 70 << 20];
    let bomb = zip_of([("a", &zeros[..])]);
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    assert!(matches!(from_zip(&bomb), Err(ZipError::Bundle(BundleError::TooLarge))));
    let part = &zeros[..BUNDLE_BYTES_MAX / 3 + 1];
    let many = zip_of([("a", part), ("b", part), ("c", part)]);
    assert!(matches!(from_zip(&many), Err(ZipError::Bundle(BundleError::TooLarge))));
}

#[test]
fn a_zip_that_is_cut_off_is_never_whole() {
    let zip = to_zip(&bundle_of(&exhibit())).expect("it can be packed");
    for length in (0..zip.len()).step_by(97).chain([zip.len() - 1]) {
        let read = from_zip(&zip[..length]);
        assert!(!read.is_ok_and(|bundle| checked(&bundle, &[]).is_whole()), "{length} bytes");
    }
}

/// What the format leaves open (dates, attributes) may change; what is read may not.
#[test]
fn a_turned_bit_of_the_zip_changes_nothing_that_is_read_or_is_refused() {
    let bundle = bundle_of(&exhibit());
    let zip = to_zip(&bundle).expect("it can be packed");
    for place in (0..zip.len()).step_by(61) {
        let mut turned = zip.clone();
        turned[place] ^= 1 << (place % 8);
        if let Ok(read) = from_zip(&turned) {
            assert!(read == bundle || !checked(&read, &[]).is_whole(), "byte {place}");
        }
    }
}
