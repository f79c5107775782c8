//! The field of a search text: what was typed, and where it stops making sense.

use super::text;
use crate::search_text::SearchTextError;

/// Characters around a fault that the page shows.
const AROUND_CHARS: usize = 60;

/// What the field shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchField {
    /// The text as it was typed.
    pub text: String,
    /// Why it cannot be read; nothing where it can.
    pub fault: Option<SearchFault>,
}

/// A search text that cannot be read, cut at the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchFault {
    /// What is wrong and what could stand there.
    pub message: String,
    /// What stands before the place.
    pub before: String,
    /// The character at the place; empty at the end of the text.
    pub at: String,
    /// What stands behind it.
    pub after: String,
}

impl SearchField {
    /// The field with what was typed, if anything was, and what reading it said.
    pub fn new(typed: Option<&str>, fault: Option<&SearchTextError>) -> SearchField {
        let typed = typed.unwrap_or_default();
        SearchField { text: typed.to_owned(), fault: fault.map(|fault| SearchFault::new(typed, fault)) }
    }
}

impl SearchFault {
    fn new(typed: &str, fault: &SearchTextError) -> SearchFault {
        let chars: Vec<char> = typed.chars().collect();
        let place = (fault.position - 1).min(chars.len());
        let shown = |chars: &[char]| text::visible(&chars.iter().collect::<String>());
        let (before, rest) = chars.split_at(place);
        let (at, after) = rest.split_at(rest.len().min(1));
        let cut_before = before.len().saturating_sub(AROUND_CHARS);
        let mark = |is_cut: bool| if is_cut { "…" } else { "" };
        SearchFault {
            message: text::short(&fault.to_string(), 400),
            before: format!("{}{}", mark(cut_before > 0), shown(&before[cut_before..])),
            at: shown(at),
            after: format!(
                "{}{}",
                shown(&after[..after.len().min(AROUND_CHARS)]),
                mark(after.len() > AROUND_CHARS)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search_text;

    fn fault(typed: &str) -> SearchFault {
        let fault = search_text::parse(typed).expect_err("it cannot be read");
        SearchField::new(Some(typed), Some(&fault)).fault.expect("there is one")
    }

    #[test]
    fn the_text_is_cut_at_the_place_of_its_fault() {
        let found = fault("über (bob");
        assert_eq!((found.before.as_str(), found.at.as_str(), found.after.as_str()), ("über ", "(", "bob"));
        let found = fault("alice OR");
        assert_eq!((found.before.as_str(), found.at.as_str(), found.after.as_str()), ("alice OR", "", ""));
        assert!(found.message.contains("character 9"), "{}", found.message);
    }

    #[test]
    fn a_long_text_is_shown_around_its_fault_alone() {
        let found = fault(&format!("{} (\u{202e}{}", "a".repeat(500), "b".repeat(500)));
        assert_eq!((found.before.chars().count(), found.at.as_str()), (AROUND_CHARS + 1, "("));
        assert!(found.after.starts_with("[U+202E]b") && found.after.ends_with('…'), "{}", found.after);
        assert_eq!(SearchField::new(Some("fine"), None).fault, None);
    }
}
