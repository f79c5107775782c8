//! One pass over a JSON text (RFC 8259) that checks its grammar, and the limits where there are any.

use super::text::{Text, code_unit, is_high_surrogate, is_low_surrogate, plain_end};
use super::{Fault, FaultKind, Limits, path};
use std::borrow::Cow;
use std::collections::HashSet;

/// No text is read deeper than this, whatever the settings say: the reader calls itself for each level.
const NESTING_MAX: usize = 128;

/// Up to this many keys of one object are compared one by one, which is quicker than hashing them.
const KEYS_COMPARED_MAX: usize = 32;

/// Reads one JSON text from its beginning to its end. Two kinds of trouble: a [`Stop`] leaves the rest
/// unreadable and ends the reading; anything else is noted, the worst of it is the outcome, and the reading
/// goes on, so that a text that is not JSON is always called that.
#[derive(Debug)]
pub(super) struct Reader<'a, 'l> {
    text: &'a str,
    at: usize,
    /// Without limits only the grammar is checked.
    limits: Option<&'l Limits>,
    /// The keys of the objects that are open, outermost first.
    keys: Vec<Cow<'a, str>>,
    keys_seen: usize,
    noted: Option<Note>,
}

/// Why the rest cannot be read.
#[derive(Debug)]
pub(super) struct Stop {
    at: usize,
    code: &'static str,
    rule: &'static str,
}

/// A rule that is broken, and where.
#[derive(Debug)]
struct Note {
    at: usize,
    kind: FaultKind,
    code: &'static str,
    rule: Cow<'static, str>,
}

/// What a value is; containers have been read to their end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool,
    /// As written.
    Number(&'a str),
    Text(Text<'a>),
    Array,
    Object,
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Fault {
        Fault::whole(
            FaultKind::Malformed,
            stop.code,
            format!("not readable JSON at byte {}: {}", stop.at, stop.rule),
        )
    }
}

impl<'a, 'l> Reader<'a, 'l> {
    /// A reader at the beginning of `text`.
    pub(super) fn new(text: &'a str, limits: Option<&'l Limits>) -> Reader<'a, 'l> {
        let keys = Vec::with_capacity(if limits.is_some() { KEYS_COMPARED_MAX } else { 0 });
        Reader { text, at: 0, limits, keys, keys_seen: 0, noted: None }
    }

    /// How many bytes are behind it.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next byte.
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over white space.
    pub(super) fn white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it comes next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// That nothing but white space follows.
    pub(super) fn end(&mut self) -> Result<(), Stop> {
        self.white();
        if self.peek().is_some() { Err(self.syntax("nothing may follow the value")) } else { Ok(()) }
    }

    /// That the grammar does not allow what comes next.
    pub(super) fn syntax(&self, rule: &'static str) -> Stop {
        let rule = if self.peek().is_none() { "the text ends too early" } else { rule };
        Stop { at: self.at, code: "json_syntax", rule }
    }

    /// Keeps a broken rule that makes the event not a valid one; `rule` goes on after the field's name.
    pub(super) fn invalid(&mut self, at: usize, code: &'static str, rule: impl Into<Cow<'static, str>>) {
        if self.noted.is_none() {
            self.noted = Some(Note { at, kind: FaultKind::Invalid, code, rule: rule.into() });
        }
    }

    /// As `invalid`, for a rule with a number in it, which is written out only if it is the first: a body can
    /// break a limit at every third byte.
    fn exceeds(&mut self, at: usize, code: &'static str, rule: impl FnOnce() -> String) {
        if self.noted.is_none() {
            self.invalid(at, code, rule());
        }
    }

    /// Keeps what makes the text not one that JSON in our use can carry; outranks what is merely invalid.
    fn malformed(&mut self, at: usize, code: &'static str, rule: &'static str) {
        if self.noted.as_ref().is_none_or(|note| note.kind != FaultKind::Malformed) {
            self.noted = Some(Note { at, kind: FaultKind::Malformed, code, rule: rule.into() });
        }
    }

    /// The outcome after the end: the first fault of the worst kind.
    pub(super) fn verdict(&mut self) -> Result<(), Fault> {
        let Some(note) = self.noted.take() else { return Ok(()) };
        Err(match path::of(self.text, note.at) {
            Some(path) => Fault::field(note.kind, note.code, &path, &note.rule),
            None => Fault::whole(note.kind, note.code, format!("the event {}", note.rule)),
        })
    }

    /// Reads one value; a container in it has `depth`.
    pub(super) fn value(&mut self, depth: usize) -> Result<Value<'a>, Stop> {
        match self.peek() {
            Some(b'"') => self.text_value().map(Value::Text),
            Some(b'{') => {
                self.object(depth, |reader, _| reader.value(depth + 1).map(drop))?;
                Ok(Value::Object)
            }
            Some(b'[') => {
                self.array(depth, |reader| reader.value(depth + 1).map(drop))?;
                Ok(Value::Array)
            }
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true", Value::Bool),
            Some(b'f') => self.word("false", Value::Bool),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.syntax("expected a value")),
        }
    }

    /// Reads an object, of which `member` reads each value.
    pub(super) fn object(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.enter(depth)?;
        let opened = self.keys.len();
        let mut hashed = None;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.syntax("expected a key in double quotes"));
            }
            let key = self.string()?;
            if let Some(limits) = self.limits {
                self.check_key(key, limits, opened, &mut hashed);
            }
            self.white();
            if !self.take(b':') {
                return Err(self.syntax("expected a colon after the key"));
            }
            self.white();
            member(self, key)?;
            self.white();
            if self.take(b'}') {
                self.keys.truncate(opened);
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.syntax("expected a comma or the end of the object"));
            }
            self.white();
        }
    }

    /// Reads an array, of which `element` reads each value.
    pub(super) fn array(
        &mut self,
        depth: usize,
        mut element: impl FnMut(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.enter(depth)?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            self.white();
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.syntax("expected a comma or the end of the array"));
            }
            self.white();
        }
    }

    /// Steps into a container.
    fn enter(&mut self, depth: usize) -> Result<(), Stop> {
        if depth > NESTING_MAX {
            return Err(Stop { at: self.at, code: "too_deep", rule: "nested more than 128 deep" });
        }
        if let Some(limits) = self.limits.filter(|limits| depth > limits.depth_max) {
            let rule = || {
                format!("is nested too deep: at most {} levels, the event itself is one", limits.depth_max)
            };
            self.exceeds(self.at, "too_deep", rule);
        }
        self.at += 1;
        self.white();
        Ok(())
    }

    fn check_key(
        &mut self,
        key: Text<'a>,
        limits: &Limits,
        opened: usize,
        hashed: &mut Option<HashSet<Cow<'a, str>>>,
    ) {
        let name = key.unescaped();
        self.keys_seen += 1;
        if self.keys_seen > limits.keys_max {
            let rule =
                || format!("is one key too many: an event has at most {} at all depths", limits.keys_max);
            self.exceeds(key.at, "too_many_keys", rule);
        }
        if name.len() > limits.key_bytes_max {
            let rule = || format!("is too long a key: at most {} bytes", limits.key_bytes_max);
            self.exceeds(key.at, "key_too_long", rule);
        }
        let siblings = &self.keys[opened..];
        let is_new = match hashed {
            Some(known) => known.insert(name),
            None if siblings.contains(&name) => false,
            None => {
                if siblings.len() == KEYS_COMPARED_MAX {
                    *hashed = Some(siblings.iter().cloned().chain([name]).collect());
                } else {
                    self.keys.push(name);
                }
                true
            }
        };
        if !is_new {
            self.malformed(key.at, "duplicate_key", "stands twice in one object; each key may stand once");
        }
    }

    fn text_value(&mut self) -> Result<Text<'a>, Stop> {
        let text = self.string()?;
        if let Some(limits) = self.limits.filter(|limits| text.is_longer_than(limits.string_chars_max)) {
            let rule = || format!("is too long: at most {} characters", limits.string_chars_max);
            self.exceeds(text.at, "string_too_long", rule);
        }
        Ok(text)
    }

    fn string(&mut self) -> Result<Text<'a>, Stop> {
        let (bytes, at) = (self.text.as_bytes(), self.at);
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at = plain_end(bytes, self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape(at)?;
                }
                _ => return Err(self.syntax("a control character in a string must be escaped")),
            }
        }
        self.at += 1;
        Ok(Text { written: &self.text[at + 1..self.at - 1], escaped, at })
    }

    /// Steps over one escape (a pair of surrogates is one) of the string that begins at `string_at`.
    fn escape(&mut self, string_at: usize) -> Result<(), Stop> {
        let bytes = self.text.as_bytes();
        match bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let unit = self.unicode_escape()?;
                let paired = is_high_surrogate(unit)
                    && bytes.get(self.at..self.at + 2) == Some(b"\\u")
                    && code_unit(bytes.get(self.at + 2..self.at + 6)).is_some_and(is_low_surrogate);
                if paired {
                    self.at += 6;
                } else if is_high_surrogate(unit) || is_low_surrogate(unit) {
                    let rule = "has half of a surrogate pair, which is no character";
                    self.malformed(string_at, "lone_surrogate", rule);
                }
            }
            _ => return Err(self.syntax("no such escape")),
        }
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<u32, Stop> {
        let unit = code_unit(self.text.as_bytes().get(self.at + 2..self.at + 6));
        let unit = unit.ok_or_else(|| self.syntax("four hex digits must follow \\u"))?;
        self.at += 6;
        Ok(unit)
    }

    fn number(&mut self) -> Result<&'a str, Stop> {
        let at = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut may_overflow = self.at - at > 300;
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
            may_overflow = true;
        }
        let written = &self.text[at..self.at];
        if may_overflow && written.parse::<f64>().is_ok_and(f64::is_infinite) {
            self.malformed(
                at,
                "number_out_of_range",
                "is a number beyond what a double can hold (about 1.8e308)",
            );
        }
        Ok(written)
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let at = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == at { Err(self.syntax("expected a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Stop> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        Err(Stop { at: self.at, code: "json_syntax", rule: "expected a value" })
    }
}
