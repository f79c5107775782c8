//! Takes a stream of JSON apart into its elements, however they are written, without holding more than one.

use std::io::{self, BufRead};

/// The largest element that is sent, in bytes: as much as a request holds.
pub(super) const ELEMENT_BYTES_MAX: usize = 4 << 20;

/// How far the first line is looked into to tell how a file is written, in bytes.
const LOOK_BYTES_MAX: usize = 1 << 20;

/// One element of the input, with its exact bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    /// The byte at which it begins, from 0.
    pub(super) offset: u64,
    /// Its bytes, or why it cannot be sent.
    pub(super) bytes: Result<Vec<u8>, &'static str>,
}

/// How the elements of a file are written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// One a line, so that a broken one ends with its line.
    Lines,
    /// The elements of an array, or objects one after the other, over any number of lines.
    Values,
}

/// The elements of one input, in order.
#[derive(Debug)]
pub(super) struct Elements<R> {
    input: R,
    /// What was read to find out the form and is still to be taken.
    ahead: std::collections::VecDeque<u8>,
    form: Option<Form>,
    in_array: bool,
    line: usize,
    offset: u64,
}

impl<R: BufRead> Elements<R> {
    /// The elements of that input.
    pub(super) fn new(input: R) -> Elements<R> {
        Elements { input, ahead: [].into(), form: None, in_array: false, line: 1, offset: 0 }
    }

    /// The next element; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Element>> {
        self.skip_between()?;
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let form = match self.form {
            Some(form) => form,
            None => self.find_form()?,
        };
        self.form = Some(form);
        match form {
            Form::Lines => self.line_element().map(Some),
            Form::Values => self.value_element(),
        }
    }

    /// How many bytes were taken so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    fn line_element(&mut self) -> io::Result<Element> {
        let (line, offset) = (self.line, self.offset);
        let mut bytes = Vec::new();
        let mut too_long = false;
        while let Some(byte) = self.take()? {
            if byte == b'\n' {
                break;
            }
            too_long |= bytes.len() == ELEMENT_BYTES_MAX;
            if !too_long {
                bytes.push(byte);
            }
        }
        bytes.truncate(bytes.trim_ascii_end().len());
        Ok(Element { line, offset, bytes: if too_long { Err(TOO_LONG) } else { Ok(bytes) } })
    }

    fn value_element(&mut self) -> io::Result<Option<Element>> {
        loop {
            match self.peek()? {
                None => return Ok(None),
                Some(b'[') if !self.in_array => self.in_array = true,
                Some(b']') => self.in_array = false,
                Some(b',') => {}
                Some(_) => return self.value().map(Some),
            }
            self.take()?;
            self.skip_between()?;
        }
    }

    fn value(&mut self) -> io::Result<Element> {
        let (line, offset) = (self.line, self.offset);
        let mut bytes = Vec::new();
        let mut too_long = false;
        let mut nesting = Nesting::default();
        while let Some(byte) = self.peek()? {
            if nesting.is_before_scalar_end(byte) {
                break;
            }
            self.take()?;
            too_long |= bytes.len() == ELEMENT_BYTES_MAX;
            if !too_long {
                bytes.push(byte);
            }
            if nesting.ends_with(byte) {
                break;
            }
        }
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
        let why_not =
            if too_long { Some(TOO_LONG) } else { (!is_json()).then_some("is not valid JSON; not sent") };
        Ok(Element { line, offset, bytes: why_not.map_or(Ok(bytes), Err) })
    }

    /// White space, and the byte order mark that some editors put first.
    fn skip_between(&mut self) -> io::Result<()> {
        if self.offset == 0 {
            self.look_ahead(3)?;
            if self.ahead.iter().take(3).eq(b"\xef\xbb\xbf") {
                self.ahead.drain(..3);
                self.offset = 3;
            }
        }
        while self.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.take()?;
        }
        Ok(())
    }

    /// Pretty-printed JSON opens its first object on a line of its own; what holds a second value on its
    /// first line is not one value a line either.
    fn find_form(&mut self) -> io::Result<Form> {
        self.look_ahead(LOOK_BYTES_MAX)?;
        let first: Vec<u8> = self.ahead.iter().copied().take_while(|byte| *byte != b'\n').collect();
        let first = first.trim_ascii();
        let mut nesting = Nesting::default();
        let end = first.iter().position(|byte| nesting.ends_with(*byte));
        let has_more =
            end.is_some_and(|end| first[end + 1..].starts_with(b"{") || first[end + 1..].starts_with(b" {"));
        let is_values = first.starts_with(b"[") || first == b"{" || has_more;
        Ok(if is_values { Form::Values } else { Form::Lines })
    }

    /// Reads on until the rest of the line is at hand, or so many bytes.
    fn look_ahead(&mut self, bytes_max: usize) -> io::Result<()> {
        while self.ahead.len() < bytes_max && !self.ahead.contains(&b'\n') {
            let read = self.input.fill_buf()?;
            if read.is_empty() {
                break;
            }
            let count = read.len();
            self.ahead.extend(read);
            self.input.consume(count);
        }
        Ok(())
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        match self.ahead.front() {
            Some(byte) => Ok(Some(*byte)),
            None => Ok(self.input.fill_buf()?.first().copied()),
        }
    }

    fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if self.ahead.pop_front().is_none() && byte.is_some() {
            self.input.consume(1);
        }
        self.offset += u64::from(byte.is_some());
        self.line += usize::from(byte == Some(b'\n'));
        Ok(byte)
    }
}

const TOO_LONG: &str = "is larger than 4 MiB; not sent";

/// Where in a value one is: just enough of the grammar to find its end.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    in_text: bool,
    escaped: bool,
    in_scalar: bool,
}

impl Nesting {
    /// Whether a value outside brackets, such as a number, is over before this byte.
    fn is_before_scalar_end(&self, byte: u8) -> bool {
        self.in_scalar && (byte.is_ascii_whitespace() || b",]}[{\"".contains(&byte))
    }

    /// Takes the next byte; whether the value ends with it.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_text {
            self.in_text = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return self.depth == 0 && !self.in_text;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => self.in_scalar = self.depth == 0,
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line and text of each element, as read from a source that gives `step` bytes at a time.
    fn read(text: &str, step: usize) -> Vec<(usize, String)> {
        let input = io::BufReader::with_capacity(step, text.as_bytes());
        let mut elements = Elements::new(input);
        let mut found = Vec::new();
        while let Some(element) = elements.next().expect("memory can be read") {
            let bytes = element.bytes.unwrap_or_else(|why| why.as_bytes().to_vec());
            if text.as_bytes()[element.offset as usize..].starts_with(&bytes) || !bytes.starts_with(b"{") {
                found.push((element.line, String::from_utf8(bytes).expect("the tests write UTF-8")));
            }
        }
        assert_eq!(elements.offset(), text.len() as u64);
        found
    }

    fn check(text: &str, expected: &[(usize, &str)]) {
        for step in [1, 2, 7, 1000] {
            let found = read(text, step);
            let found: Vec<(usize, &str)> = found.iter().map(|(line, text)| (*line, text.as_str())).collect();
            assert_eq!(found, expected, "{text:?} in steps of {step}");
        }
    }

    #[test]
    fn lines_keep_their_bytes_and_a_broken_one_ends_with_its_line() {
        check("{\"a\": 1}\n{\"b\n\n{\"c\":3}\r\n", &[(1, "{\"a\": 1}"), (2, "{\"b"), (4, "{\"c\":3}")]);
        check("\n\n {\"a\":1}", &[(3, "{\"a\":1}")]);
        check("{\"a\":1}junk\n{}", &[(1, "{\"a\":1}junk"), (2, "{}")]);
        check("", &[]);
    }

    #[test]
    fn an_array_is_taken_apart_over_its_lines() {
        check(
            "[\n {\"a\": [1,\n 2]},\n {\"]\": \"\\\"}\"}\n]\n",
            &[(2, "{\"a\": [1,\n 2]}"), (4, "{\"]\": \"\\\"}\"}")],
        );
        check("[1, \"x\",[2],{}]", &[(1, "1"), (1, "\"x\""), (1, "[2]"), (1, "{}")]);
        check("[]", &[]);
    }

    #[test]
    fn objects_may_follow_each_other_with_or_without_lines() {
        check("{\"a\":1}{\"b\":\"}\"}", &[(1, "{\"a\":1}"), (1, "{\"b\":\"}\"}")]);
        check("{\n\"a\":1\n}\n{\n\"b\":2\n}", &[(1, "{\n\"a\":1\n}"), (4, "{\n\"b\":2\n}")]);
        check("[{\"a\":1}, {\"b\": ]", &[(1, "{\"a\":1}"), (1, "is not valid JSON; not sent")]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_element() {
        check("\u{feff}{\"a\":1}\n", &[(1, "{\"a\":1}")]);
    }

    #[test]
    fn an_element_beyond_the_limit_is_told_and_the_next_one_is_read() {
        let line = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        let text = format!("{}\n{}\n1\n", line(ELEMENT_BYTES_MAX), line(ELEMENT_BYTES_MAX + 1));
        let found = read(&text, 4096);
        let lengths: Vec<(usize, usize)> = found.iter().map(|(line, text)| (*line, text.len())).collect();
        assert_eq!(lengths, [(1, ELEMENT_BYTES_MAX), (2, TOO_LONG.len()), (3, 1)]);
    }
}
