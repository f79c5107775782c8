//! From tokens to the tree: `OR` binds weaker than `AND`, which may be left out; `-` and `NOT` bind most.

use super::fault::SearchTextError;
use super::lexer::{Kind, Token, tokens};
use super::limits::{CLAUSES_MAX, DEPTH_MAX};
use super::query::Query;
use super::value;

/// Reads a search text. The empty one finds everything.
///
/// # Errors
/// Where it stops making sense, and what could stand there.
pub fn parse(text: &str) -> Result<Query, SearchTextError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Query::everything());
    }
    let mut parser = Parser { end: text.chars().count(), tokens: &tokens, clauses: 0 };
    let query = parser.any(0)?;
    match parser.tokens.first() {
        None => Ok(query),
        // `any` goes on as long as there is something that can be read but for this.
        Some(token) => Err(SearchTextError::at(token.at, "no parenthesis is open here")),
    }
}

/// The text between quotes, so that it means itself.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

struct Parser<'t> {
    /// The index behind the last character.
    end: usize,
    tokens: &'t [Token],
    clauses: usize,
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Option<&'t Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn comes(&self, kind: &Kind) -> bool {
        self.tokens.first().is_some_and(|token| token.kind == *kind)
    }

    fn take(&mut self, kind: &Kind) -> bool {
        let found = self.comes(kind);
        if found {
            self.next();
        }
        found
    }

    fn any(&mut self, depth: usize) -> Result<Query, SearchTextError> {
        let mut queries = vec![self.all(depth)?];
        while self.take(&Kind::Or) {
            queries.push(self.all(depth)?);
        }
        Ok(single_or(queries, Query::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Query, SearchTextError> {
        let mut queries = vec![self.one(depth)?];
        loop {
            let joined = self.take(&Kind::And);
            let ends = self.tokens.is_empty() || self.comes(&Kind::Or) || self.comes(&Kind::Close);
            if ends && !joined {
                return Ok(single_or(queries, Query::All));
            }
            queries.push(self.one(depth)?);
        }
    }

    fn one(&mut self, depth: usize) -> Result<Query, SearchTextError> {
        let Some(token) = self.next() else { return Err(missing(self.end)) };
        if depth > DEPTH_MAX {
            let what = format!("parentheses and negations may nest {DEPTH_MAX} deep");
            return Err(SearchTextError::at(token.at, what));
        }
        match &token.kind {
            Kind::Minus | Kind::Not => Ok(Query::Not(Box::new(self.one(depth + 1)?))),
            Kind::Open => {
                let inner = self.any(depth + 1)?;
                if self.take(&Kind::Close) {
                    return Ok(inner);
                }
                Err(SearchTextError::at(token.at, "this parenthesis is never closed"))
            }
            Kind::Close | Kind::And | Kind::Or => Err(missing(token.at)),
            Kind::Free(written) => {
                self.count(token.at)?;
                value::free(token.at, written)
            }
            Kind::Field(name, value_at, written) => {
                self.count(token.at)?;
                value::of_field(name, *value_at, written)
            }
        }
    }

    fn count(&mut self, at: usize) -> Result<(), SearchTextError> {
        self.clauses += 1;
        if self.clauses <= CLAUSES_MAX {
            return Ok(());
        }
        Err(SearchTextError::at(at, format!("a search text may have {CLAUSES_MAX} terms")))
    }
}

fn missing(at: usize) -> SearchTextError {
    let what = "a word, a \"phrase\", field:value or a parenthesis must stand here; \
                put AND, OR and NOT in quotes to look for them as words";
    SearchTextError::at(at, what)
}

fn single_or(mut queries: Vec<Query>, many: fn(Vec<Query>) -> Query) -> Query {
    if queries.len() == 1 { queries.remove(0) } else { many(queries) }
}
