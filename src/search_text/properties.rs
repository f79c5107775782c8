//! The parser on hostile input: it always ends, and a fault lies within the text.

use super::{Pattern, folded, parse, quoted};
use proptest::prelude::*;

/// Texts out of the pieces that mean something, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "(",
        ")",
        "\"",
        "-",
        "*",
        ":",
        "..",
        ">",
        "<=",
        "OR",
        "AND",
        "NOT",
        " ",
        "\\",
        "a",
        "principal:",
        "ip:",
        "recordCount:",
        "at:",
        "10.0.0.0/8",
        "2026-01-01",
        "é",
        "İ",
        "\u{0}",
        "-1e999",
        "details.x:",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_text_is_read_or_refused_within_it(text in prop_oneof![pieces(), ".{0,300}"]) {
        if let Err(fault) = parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&fault.position), "{text:?}: {fault}");
        }
    }

    #[test]
    fn a_quoted_name_finds_itself(name in ".{1,40}") {
        let query = parse(&format!("principal:{}", quoted(&name)));
        prop_assert!(query.is_ok(), "{name:?}");
    }

    #[test]
    fn a_pattern_matches_what_its_stars_stand_for(parts in prop::collection::vec("[ab]{0,3}", 1..5), fills in prop::collection::vec("[ab]{0,3}", 4)) {
        let pattern = Pattern::with_stars(&parts.join("*"));
        let mut value = parts[0].clone();
        for (part, fill) in parts[1..].iter().zip(&fills) {
            value = value + fill + part;
        }
        prop_assert!(pattern.matches(&folded(&value)), "{pattern:?} {value}");
    }
}
