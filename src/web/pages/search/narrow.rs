//! Clauses that are put to a search text by a click, and taken out of it again.

use crate::search_text::{Query, parse, quoted};

/// The fields that can be clicked.
pub const FIELDS: [&str; 5] = ["action", "principal", "org", "status", "classification"];

/// One clause of the text that a click may have made: `-field:"value"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The field.
    pub field: &'static str,
    /// The value.
    pub value: String,
    /// Whether it keeps out what has the value.
    pub negated: bool,
    /// The text without it.
    pub rest: String,
}

/// The text with `field:"value"`, or with `-field:"value"`, as one more condition; nothing where that makes no text
/// that can be read.
pub fn with(text: &str, field: &str, value: &str, negated: bool) -> Option<String> {
    let sign = if negated { "-" } else { "" };
    and(text, &format!("{sign}{field}:{}", quoted(value)))
}

/// Both texts as conditions; nothing where that makes no text that can be read.
pub fn and(text: &str, clause: &str) -> Option<String> {
    let both = match parse(text).ok()? {
        Query::All(queries) if queries.is_empty() => clause.to_owned(),
        // OR binds weaker than AND.
        Query::Any(_) => format!("({text}) {clause}"),
        _ => format!("{text} {clause}"),
    };
    parse(&both).is_ok().then_some(both)
}

/// The clauses of the text that a click may have made and that may be taken out: the conditions that are left are then
/// the others, and no other ones.
pub fn clauses(text: &str) -> Vec<Clause> {
    let Ok(query) = parse(text) else { return Vec::new() };
    let all = conditions(&query);
    let mut found = Vec::new();
    for (start, end, negated, field, value) in candidates(text) {
        let rest = format!("{} {}", text[..start].trim_end(), text[end..].trim_start()).trim().to_owned();
        let (Ok(clause), Ok(others)) = (parse(&text[start..end]), parse(&rest)) else { continue };
        let Some(at) = all.iter().position(|condition| *condition == clause) else { continue };
        let mut left = all.to_vec();
        left.remove(at);
        if conditions(&others) == left {
            found.push(Clause { field, value, negated, rest });
        }
    }
    found
}

fn conditions(query: &Query) -> &[Query] {
    match query {
        Query::All(queries) => queries,
        query => std::slice::from_ref(query),
    }
}

/// Where something stands that looks like such a clause: start, end, whether it is negated, field and value.
fn candidates(text: &str) -> Vec<(usize, usize, bool, &'static str, String)> {
    let mut found = Vec::new();
    let begins_word = |at: usize| text[..at].chars().next_back().is_none_or(char::is_whitespace);
    for (start, _) in text.char_indices().filter(|(at, _)| begins_word(*at)) {
        let negated = text[start..].starts_with('-');
        let name_at = start + usize::from(negated);
        let rest = &text[name_at..];
        let field = FIELDS
            .into_iter()
            .find(|field| rest.strip_prefix(field).is_some_and(|rest| rest.starts_with(":\"")));
        let Some(field) = field else { continue };
        let value_at = name_at + field.len() + 2;
        let Some((value, length)) = unquoted(&text[value_at..]) else { continue };
        let end = value_at + length;
        if text[end..].chars().next().is_none_or(char::is_whitespace) {
            found.push((start, end, negated, field, value));
        }
    }
    found
}

/// What stands before the closing quote, and how long that is in the text, with the quote.
fn unquoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next()? {
            (at, '"') => return Some((value, at + 1)),
            (_, '\\') => value.push(characters.next()?.1),
            (_, character) => value.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_that_is_put_to_a_text_can_be_taken_out_again() {
        for text in ["", "denied", "a OR b", "-x (y OR z)", "\"a phrase\" ip:10.0.0.0/8"] {
            for value in ["alice", "a b", "say \"x\"", "back\\slash", "<script>", "-x OR y", "ü (", "*"] {
                for negated in [false, true] {
                    let both = with(text, "principal", value, negated).expect("it can be read");
                    let found = clauses(&both);
                    assert_eq!(found.len(), 1, "{both}");
                    assert_eq!(
                        (found[0].field, &*found[0].value, found[0].negated),
                        ("principal", value, negated)
                    );
                    assert_eq!(parse(&found[0].rest), parse(text), "{both}");
                }
            }
        }
    }

    #[test]
    fn a_value_narrows_an_alternative_as_a_whole() {
        let both = with("a OR b", "status", "failure", false).expect("it can be read");
        assert_eq!(both, "(a OR b) status:\"failure\"");
        assert_eq!(
            with(&both, "action", "x", true).as_deref(),
            Some("(a OR b) status:\"failure\" -action:\"x\"")
        );
        assert_eq!(with("(", "action", "x", false), None);
    }

    #[test]
    fn what_is_no_condition_of_its_own_cannot_be_taken_out() {
        for text in [
            "a OR status:\"failure\"",
            "NOT status:\"failure\"",
            "(status:\"failure\" OR b) c",
            "\"x status:\"failure\" y\"",
            "details.status:\"failure\"",
            "status:\"fail",
            "status:failure",
        ] {
            assert_eq!(clauses(text), [], "{text}");
        }
    }
}
