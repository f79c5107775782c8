//! A value that is looked for, whole or with `*` for any run of characters.

use super::words::folded;

/// Folded pieces between the stars; one piece alone is the whole value. Made by the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<String>,
}

impl Pattern {
    /// The value itself, stars and all.
    pub fn whole(value: &str) -> Pattern {
        Pattern { pieces: vec![folded(value)] }
    }

    /// Each `*` stands for any run of characters.
    pub fn with_stars(value: &str) -> Pattern {
        let mut pieces: Vec<String> = value.split('*').map(folded).collect();
        // Several stars in a row are one.
        let last = pieces.len() - 1;
        let mut at = 0;
        pieces.retain(|piece| {
            at += 1;
            !piece.is_empty() || at == 1 || at == last + 1
        });
        Pattern { pieces }
    }

    /// The folded value, where there is no star in it.
    pub fn as_whole(&self) -> Option<&str> {
        if let [value] = &self.pieces[..] { Some(value) } else { None }
    }

    /// What every match begins with.
    pub fn beginning(&self) -> &str {
        &self.pieces[0]
    }

    /// The pieces between the stars.
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// Whether a folded value is one of those looked for.
    pub fn matches(&self, folded: &str) -> bool {
        let Some((beginning, rest)) = self.pieces.split_first() else { return false };
        let Some((end, middle)) = rest.split_last() else { return folded == beginning };
        let Some(mut left) = folded.strip_prefix(beginning.as_str()) else { return false };
        for piece in middle {
            // The first place is as good as any: it leaves the most for the others.
            let Some(at) = left.find(piece.as_str()) else { return false };
            left = &left[at + piece.len()..];
        }
        left.ends_with(end.as_str())
    }
}
