//! What a target says of itself is kept as the reason of a failure; what we alone share with it is taken out before.

use percent_encoding::percent_decode_str;

/// Bytes of the longest secret, the path of an address included.
pub(super) const BYTES_MAX: usize = 4_096;
/// Bytes of the shortest part of a path that may be a secret; `api` and `v1` are none, and stand in many a sentence.
const PART_BYTES_MIN: usize = 4;
/// What stands in a secret's place.
const HIDDEN: &str = "[hidden]";

/// What must not be shown of an address and of those secrets, the longest first.
pub(super) fn of(url: &str, secrets: &[&str]) -> Vec<String> {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let mut hidden: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    for part in path.split('/').chain([path]) {
        // As it stands there, and as a server reads it: with its percent encoding undone (RFC 3986, 2.1).
        let written = [part.to_owned(), percent_decode_str(part).decode_utf8_lossy().into_owned()];
        hidden.extend(written.into_iter().filter(|part| part.len() >= PART_BYTES_MIN));
    }
    hidden.retain(|secret| !secret.is_empty());
    hidden.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    hidden.dedup();
    hidden
}

/// The text without them, however it writes their letters.
pub(super) fn hide(text: &str, hidden: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in hidden {
        let (small, wanted) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
        let (mut clean, mut rest) = (String::new(), 0);
        for (at, _) in small.match_indices(&wanted) {
            clean.push_str(&text[rest..at]);
            clean.push_str(HIDDEN);
            rest = at + wanted.len();
        }
        clean.push_str(&text[rest..]);
        text = clean;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_path_nor_a_part_of_it_nor_a_token_is_left() {
        let hidden = of("https://hooks.example/v1/T024/xQ%2d77Secret", &["tk_5abc", ""]);
        for (text, expected) in [
            ("no POST /v1/T024/xQ%2d77Secret here", "no POST /[hidden] here"),
            ("XQ-77SECRET of t024", "[hidden] of [hidden]"),
            ("Bearer tk_5abctk_5abc", "Bearer [hidden][hidden]"),
            ("v1 is too old, ä", "v1 is too old, ä"),
        ] {
            assert_eq!(hide(text, &hidden), expected);
        }
        assert_eq!(of("https://hooks.example", &[]), Vec::<String>::new());
    }
}
