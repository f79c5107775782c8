//! From characters to tokens, each with its place.

use super::fault::SearchTextError;
use super::limits::TEXT_CHARS_MAX;

/// A piece of the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// The index of its first character.
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Open,
    Close,
    Minus,
    Not,
    And,
    Or,
    /// Without a field.
    Free(Value),
    /// The field's name as written, and its value with its place.
    Field(String, usize, Value),
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Without quotes: may hold stars and signs.
    Plain(String),
    /// What stood between quotes.
    Quoted(String),
}

/// Cuts the text up.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SearchTextError> {
    let chars: Vec<char> = text.chars().take(TEXT_CHARS_MAX + 1).collect();
    if chars.len() > TEXT_CHARS_MAX {
        let what = format!("a search text may have {TEXT_CHARS_MAX} characters");
        return Err(SearchTextError::at(TEXT_CHARS_MAX, what));
    }
    let mut lexer = Lexer { chars, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn token(&mut self) -> Result<Option<Token>, SearchTextError> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        let at = self.at;
        let Some(first) = self.peek() else { return Ok(None) };
        let kind = match first {
            '(' => self.single(Kind::Open),
            ')' => self.single(Kind::Close),
            '-' => self.minus()?,
            '"' => Kind::Free(Value::Quoted(self.quoted()?)),
            _ => self.word()?,
        };
        Ok(Some(Token { at, kind }))
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.at += 1;
        kind
    }

    fn minus(&mut self) -> Result<Kind, SearchTextError> {
        let kind = self.single(Kind::Minus);
        if self.peek().is_none_or(char::is_whitespace) {
            let what = "what is to be left out must stand directly behind the minus sign";
            return Err(SearchTextError::at(self.at - 1, what));
        }
        Ok(kind)
    }

    fn word(&mut self) -> Result<Kind, SearchTextError> {
        let at = self.at;
        let head = self.run(|c| is_end(c) || c == ':');
        if self.peek() != Some(':') {
            return Ok(match head.as_str() {
                "NOT" => Kind::Not,
                "AND" => Kind::And,
                "OR" => Kind::Or,
                _ => Kind::Free(Value::Plain(head)),
            });
        }
        if head.is_empty() {
            let what = "the name of a field must stand before the colon; put a text with colons in quotes";
            return Err(SearchTextError::at(at, what));
        }
        self.at += 1;
        let value_at = self.at;
        let value = match self.peek() {
            Some('"') => Value::Quoted(self.quoted()?),
            _ => Value::Plain(self.run(is_end)),
        };
        if value == Value::Plain(String::new()) {
            let what = format!("a value must follow {head}: such as {head}:alice or {head}:\"two words\"");
            return Err(SearchTextError::at(value_at, what));
        }
        Ok(Kind::Field(head, value_at, value))
    }

    fn run(&mut self, ends: impl Fn(char) -> bool) -> String {
        let rest = &self.chars[self.at..];
        let taken: String = rest.iter().take_while(|c| !ends(**c)).collect();
        self.at += taken.chars().count();
        taken
    }

    fn quoted(&mut self) -> Result<String, SearchTextError> {
        let at = self.at;
        let mut text = String::new();
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '"' => return Ok(text),
                '\\' if matches!(self.peek(), Some('"' | '\\')) => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                c => text.push(c),
            }
        }
        Err(SearchTextError::at(at, "this quote is never closed"))
    }
}

fn is_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"')
}
