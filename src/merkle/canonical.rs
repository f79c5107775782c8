//! The numbers, hashes and bytes of C2SP texts, of each of which one spelling counts.

use crate::model::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A number in ASCII digits, without sign and without leading zeroes but for 0 itself.
pub fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    // The standard parser alone would take "+1" and "01".
    text.parse().ok().filter(|_| canonical)
}

/// Standard base64 (RFC 4648, section 4) with its padding and with the unused bits zero.
pub fn parse_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The base64 of those bytes.
pub fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// 32 bytes in base64.
pub fn parse_hash(text: &str) -> Option<Hash> {
    parse_base64(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(parse_decimal("0"), Some(0));
        assert_eq!(parse_decimal("18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "00", "01", "+1", "-1", "1 ", " 1", "1_0", "0x1", "١", "18446744073709551616"] {
            assert_eq!(parse_decimal(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn bytes_have_one_spelling() {
        assert_eq!(parse_base64("AQ=="), Some(vec![1]));
        // No padding, bits set that no byte holds, the other alphabet, a newline, padding in the middle.
        for wrong in ["AQ", "AQ=", "AR==", "-_8=", "AQ==\n", " AQ==", "AQ==AQ=="] {
            assert_eq!(parse_base64(wrong), None, "{wrong:?}");
        }
        assert_eq!(parse_hash(&to_base64(&[7; 32])), Some([7; 32]));
        assert_eq!(parse_hash(&to_base64(&[7; 31])), None);
        assert_eq!(parse_hash(&to_base64(&[7; 33])), None);
    }
}
