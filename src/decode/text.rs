//! A JSON string as written, unescaped only where someone asks for it.

use std::borrow::Cow;

/// A string token whose escapes the reader has checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    /// What stands between the quotes.
    pub(super) written: &'a str,
    /// Whether there is a backslash in it.
    pub(super) escaped: bool,
    /// Where its opening quote stands.
    pub(super) at: usize,
}

impl<'a> Text<'a> {
    /// The text that is meant. A lone surrogate, which the reader has noted as a fault, gives U+FFFD.
    pub(super) fn unescaped(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.written)) } else { Cow::Borrowed(self.written) }
    }

    /// Whether the text that is meant has more than `max` characters.
    pub(super) fn is_longer_than(self, max: usize) -> bool {
        // Neither an escape nor a character has fewer bytes than it counts, so most texts need no counting.
        self.written.len() > max && self.unescaped().chars().count() > max
    }
}

/// The first position from `from` on of a byte that a string cannot hold as it is: a quote, a backslash or a
/// control character. Eight bytes at a step: in each word the lowest bit that is set is exact, because a
/// borrow only runs upwards.
pub(super) fn plain_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(eight) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(eight.try_into().expect("a slice of eight bytes"));
        let quote = word ^ (EACH * u64::from(b'"'));
        let backslash = word ^ (EACH * u64::from(b'\\'));
        let below = |word: u64, bound: u64| word.wrapping_sub(EACH * bound) & !word;
        let special = (below(word, 0x20) | below(quote, 1) | below(backslash, 1)) & (EACH * 0x80);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, ..0x20 | b'"' | b'\\')).unwrap_or(rest.len())
}

const EACH: u64 = u64::from_le_bytes([1; 8]);

/// The four hex digits after `\u`, if they are.
pub(super) fn code_unit(digits: Option<&[u8]>) -> Option<u32> {
    digits?.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

/// Whether it is the first half of a pair.
pub(super) fn is_high_surrogate(unit: u32) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

/// Whether it is the second half of a pair.
pub(super) fn is_low_surrogate(unit: u32) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

fn unescape(written: &str) -> String {
    let mut meant = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(backslash) = rest.find('\\') {
        meant.push_str(&rest[..backslash]);
        let (character, length) = escape(&rest.as_bytes()[backslash..]);
        meant.push(character);
        rest = &rest[backslash + length..];
    }
    meant.push_str(rest);
    meant
}

/// The character that an escape stands for, and how many bytes the escape has.
fn escape(bytes: &[u8]) -> (char, usize) {
    match bytes.get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => unicode_escape(bytes),
        other => (other.map_or(char::REPLACEMENT_CHARACTER, |byte| char::from(*byte)), 2),
    }
}

fn unicode_escape(bytes: &[u8]) -> (char, usize) {
    let unit = code_unit(bytes.get(2..6)).unwrap_or(0xfffd);
    if is_high_surrogate(unit)
        && bytes.get(6..8) == Some(b"\\u")
        && let Some(low) = code_unit(bytes.get(8..12)).filter(|low| is_low_surrogate(*low))
    {
        let scalar = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_plain_text_is_found_at_every_offset_and_for_every_byte() {
        for byte in 0..=255 {
            for place in 0..20 {
                let mut bytes = [b'a'; 20];
                bytes[place] = byte;
                bytes[19] = b'"';
                let plain = !matches!(byte, ..0x20 | b'"' | b'\\') && place < 19;
                assert_eq!(plain_end(&bytes, 0), if plain { 19 } else { place }, "{byte} at {place}");
            }
        }
        assert_eq!(plain_end(b"abc", 1), 3);
        assert_eq!(plain_end(b"", 1), 1);
    }

    #[test]
    fn every_escape_gives_the_character_that_json_says() {
        for written in [
            r"plain",
            r#"\"\\\/\b\f\n\r\t"#,
            r"a\u0041\u00e9\u2028z",
            r"\ud83e\uddad",
            r"\u0000\u001F",
            r"é\u00E9\\u0041",
        ] {
            let text = Text { written, escaped: true, at: 0 };
            let expected: String = serde_json::from_str(&format!("\"{written}\"")).expect("valid JSON");
            assert_eq!(text.unescaped(), expected);
        }
    }

    #[test]
    fn length_is_counted_in_characters_that_are_meant() {
        let text = |written| Text { written, escaped: str::contains(written, '\\'), at: 0 };
        for (written, chars) in [("abc", 3), ("éé", 2), (r"\ud83e\uddad", 1), (r"\n\n", 2), ("🦭", 1)] {
            assert!(!text(written).is_longer_than(chars), "{written}");
            assert!(text(written).is_longer_than(chars - 1), "{written}");
        }
    }
}
