//! What is wrong with what was sent, in words for its sender.

use std::fmt::Write;

/// Why something that was sent is refused. Goes to the sender as it is, so it holds nothing that is not
/// theirs to know and echoes at most 64 escaped bytes of their input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of answer it is.
    pub kind: FaultKind,
    /// A stable word for programs: `json_syntax`, `duplicate_key`, `required`…
    pub code: &'static str,
    /// The path of the field, such as `sessionContext.ipAddress`; `None` where it is about the whole.
    pub field: Option<String>,
    /// The field, the rule and what is allowed.
    pub message: String,
}

/// What kind of answer a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It cannot be read: 400.
    Malformed,
    /// It can be read, but is not a valid event: 422.
    Invalid,
    /// It is larger than the limits allow: 413.
    TooLarge,
    /// A form that is not spoken here: 415.
    Unsupported,
}

impl Fault {
    /// A fault of a request or an event as a whole.
    pub(super) fn whole(kind: FaultKind, code: &'static str, message: impl Into<String>) -> Fault {
        Fault { kind, code, field: None, message: message.into() }
    }

    /// A fault of one field: `rule` goes on after the field's name, as in "must be a string".
    pub(super) fn field(kind: FaultKind, code: &'static str, path: &str, rule: &str) -> Fault {
        let path = excerpt(path);
        Fault { kind, code, message: format!("{path} {rule}"), field: Some(path) }
    }
}

/// At most 64 bytes of `text` with whatever does not print escaped; a cut is shown as `…`.
pub(super) fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        let before = shown.len();
        // Writing into a string cannot fail.
        let _ = write!(shown, "{}", character.escape_debug());
        if shown.len() > EXCERPT_BYTES_MAX - '…'.len_utf8() {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown
}

const EXCERPT_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_prints() {
        assert_eq!(excerpt("sessionContext.ipAddress"), "sessionContext.ipAddress");
        assert_eq!(excerpt("a\n\u{1b}[2J\u{202e}"), "a\\n\\u{1b}[2J\\u{202e}");
        for text in ["x".repeat(1000), "\u{1f9ad}".repeat(100), "\0".repeat(100)] {
            let shown = excerpt(&text);
            assert!(shown.len() <= 64 && shown.ends_with('…'), "{shown}");
        }
        assert_eq!(excerpt(&"x".repeat(61)), "x".repeat(61));
    }
}
