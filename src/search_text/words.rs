//! How texts are cut and folded before they are compared: the same for what is looked for and what is looked
//! through.

use super::limits::{VALUE_CHARS_MAX, WORD_CHARS_MAX};
use std::borrow::Cow;
use std::net::IpAddr;
use std::str::Split;

/// The text with every letter small. Letter by letter, so that what a text begins with stays its beginning.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_into(text, &mut folded);
    folded
}

fn fold_into(text: &str, folded: &mut String) {
    if text.is_ascii() {
        folded.push_str(text);
        folded.make_ascii_lowercase();
    } else {
        folded.extend(text.chars().flat_map(char::to_lowercase));
    }
}

/// The words of a text one after the other: runs of letters and digits.
pub struct Words<'a>(Split<'a, fn(char) -> bool>);

impl<'a> Words<'a> {
    /// From its beginning.
    pub fn of(text: &'a str) -> Words<'a> {
        let is_boundary: fn(char) -> bool = |c| !c.is_alphanumeric();
        Words(text.split(is_boundary))
    }

    /// Puts the next one, folded, in the place of what `word` holds; answers whether there was one.
    pub fn next_into(&mut self, word: &mut String) -> bool {
        let Some(next) = self.0.find(|word| !word.is_empty()) else { return false };
        word.clear();
        fold_into(cut(next, WORD_CHARS_MAX), word);
        true
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut word = String::new();
        self.next_into(&mut word).then_some(word)
    }
}

/// The words of a text, folded.
pub fn words(text: &str) -> Words<'_> {
    Words::of(text)
}

/// Whether the text is one word, or a part of one.
pub(super) fn is_in_one_word(text: &str) -> bool {
    text.chars().all(char::is_alphanumeric)
}

/// As much of a name or a value as counts. A NUL, which separates in the index, becomes U+FFFD.
pub fn value_kept<'a>(value: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let value = match value.into() {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text, VALUE_CHARS_MAX)),
        Cow::Owned(text) if text.len() <= VALUE_CHARS_MAX => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(cut(&text, VALUE_CHARS_MAX).to_owned()),
    };
    if value.contains('\0') { Cow::Owned(value.replace('\0', "\u{fffd}")) } else { value }
}

fn cut(text: &str, chars_max: usize) -> &str {
    if text.len() <= chars_max {
        return text;
    }
    text.char_indices().nth(chars_max).map_or(text, |(end, _)| &text[..end])
}

/// The address as a number that keeps networks together: IPv4 as it is mapped into IPv6.
pub fn address_number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    }
}
