//! The elements of a request body, each with its exact bytes.

use super::compression::too_large;
use super::members::spans;
use super::reader::{Reader, Stop};
use super::{Fault, FaultKind, Form, Limits, event};
use std::io::BufRead;

/// One element of a request: an event as sent, not yet checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Item<'a> {
    /// Where it stands, counted from 1: the line of the body for [`Form::Lines`], else the place in the
    /// sequence.
    pub line: usize,
    /// Its bytes from the first to the last, without white space around them: what hashes are over.
    pub raw: &'a [u8],
    /// Whether it is too large. [`event`](super::event()) finds everything else that may be wrong with it.
    pub size: Result<(), Fault>,
}

/// What a body of `POST /audit/events` is.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<'a> {
    /// One event.
    Single(Item<'a>),
    /// One event as `{"eventData": {…}, "options": {…}}`, whose time the sender may leave to the server.
    /// `options` is not read.
    Wrapped {
        /// The value of `eventData`.
        item: Item<'a>,
    },
    /// Any number of events, each good or bad for itself.
    Stream(Vec<Item<'a>>),
}

/// Takes a body of `POST /audit/events` apart.
///
/// [`Form::Lines`]: each line that is not blank is an element, ended by LF or CRLF; a bad one does not touch
/// the others.
/// [`Form::Json`]: an array is a stream of its elements, several objects one after the other are a stream,
/// one value is a single event. Where the grammar breaks, nobody knows where the next element begins, so that
/// is the whole request's fault (400), as are invalid UTF-8 and an empty body; too large a body or too many
/// events are 413.
pub fn request<'a>(body: &'a [u8], form: Form, limits: &Limits) -> Result<Request<'a>, Fault> {
    check_body(body, limits)?;
    match form {
        Form::Lines => lines(body, limits).map(Request::Stream),
        Form::Json => json(event::utf8(body)?, limits),
    }
}

/// Takes a body of `POST /audit/events/bulk` apart: `{"events": [ … ]}`, other members are not read. The
/// grammar is the whole request's matter (400), and so is a body of another shape (422).
pub fn bulk<'a>(body: &'a [u8], form: Form, limits: &Limits) -> Result<Vec<Item<'a>>, Fault> {
    if form != Form::Json {
        let message =
            "Content-Type must be application/json here; events a line go to the address without /bulk";
        return Err(Fault::whole(FaultKind::Unsupported, "media_type", message));
    }
    check_body(body, limits)?;
    let members = spans(event::utf8(body)?)?;
    let Some((_, text)) = members.into_iter().find(|(key, _)| key == "events") else {
        return Err(Fault::field(
            FaultKind::Invalid,
            "required",
            "events",
            "is required: an array of events",
        ));
    };
    if !text.starts_with('[') {
        return Err(Fault::field(FaultKind::Invalid, "wrong_type", "events", "must be an array of events"));
    }
    elements(&mut Reader::new(text, None), text, limits)
}

fn check_body(body: &[u8], limits: &Limits) -> Result<(), Fault> {
    if body.len() > limits.body_bytes_max {
        return Err(too_large(limits.body_bytes_max));
    }
    if body.trim_ascii().is_empty() {
        return Err(Fault::whole(
            FaultKind::Malformed,
            "empty_body",
            "the body is empty; send at least one event",
        ));
    }
    Ok(())
}

fn lines<'a>(body: &'a [u8], limits: &Limits) -> Result<Vec<Item<'a>>, Fault> {
    let mut items = Items::new(limits);
    let (mut rest, mut line) = (body, 0);
    while !rest.is_empty() {
        line += 1;
        let start = rest;
        // The library's search for a byte, which takes many at a step; a slice in memory gives no error.
        let length = rest.skip_until(b'\n').unwrap_or(start.len());
        let raw = trim(&start[..length]);
        if !raw.is_empty() {
            items.push(line, raw)?;
        }
    }
    Ok(items.found)
}

fn json<'a>(text: &'a str, limits: &Limits) -> Result<Request<'a>, Fault> {
    let mut reader = Reader::new(text, None);
    reader.white();
    match reader.peek() {
        Some(b'[') => {
            let found = elements(&mut reader, text, limits)?;
            reader.end()?;
            Ok(Request::Stream(found))
        }
        Some(b'{') => objects(&mut reader, text, limits),
        _ => {
            let at = reader.at();
            reader.value(1)?;
            let raw = &text.as_bytes()[at..reader.at()];
            reader.end()?;
            Ok(Request::Single(item(1, raw, limits)))
        }
    }
}

/// The elements of the array that comes next.
fn elements<'a>(reader: &mut Reader<'a, '_>, text: &'a str, limits: &Limits) -> Result<Vec<Item<'a>>, Fault> {
    let mut items = Items::new(limits);
    let mut overfull = None;
    reader.array(0, |reader| {
        let at = reader.at();
        reader.value(1)?;
        if overfull.is_none() {
            let line = items.found.len() + 1;
            overfull = items.push(line, &text.as_bytes()[at..reader.at()]).err();
        }
        Ok(())
    })?;
    overfull.map_or(Ok(items.found), Err)
}

/// One object, or several one after the other.
fn objects<'a>(reader: &mut Reader<'a, '_>, text: &'a str, limits: &Limits) -> Result<Request<'a>, Fault> {
    let mut items = Items::new(limits);
    let at = reader.at();
    let wrapping = wrapping(reader)?;
    let first = &text.as_bytes()[at..reader.at()];
    items.push(1, first)?;
    loop {
        reader.white();
        let at = reader.at();
        match reader.peek() {
            None => break,
            Some(b'{') => reader.value(1)?,
            _ => return Err(reader.syntax("only another object may follow an object").into()),
        };
        items.push(items.found.len() + 1, &text.as_bytes()[at..reader.at()])?;
    }
    if items.found.len() > 1 {
        return Ok(Request::Stream(items.found));
    }
    let Some((start, end)) = wrapping else { return Ok(Request::Single(item(1, first, limits))) };
    // The wrapping has no check of its own as an event has: two `eventData` would be one that nobody sees.
    spans(&text[at..at + first.len()])?;
    Ok(Request::Wrapped { item: item(1, &text.as_bytes()[start..end], limits) })
}

/// Reads an object and gives the span of its `eventData` if it is the form that wraps an event.
fn wrapping(reader: &mut Reader<'_, '_>) -> Result<Option<(usize, usize)>, Stop> {
    let mut span = None;
    let mut is_event = false;
    reader.object(1, |reader, key| {
        let (at, next) = (reader.at(), reader.peek());
        reader.value(2)?;
        match key.unescaped().as_ref() {
            "eventData" if next == Some(b'{') => span = Some((at, reader.at())),
            "action" => is_event = true,
            _ => {}
        }
        Ok(())
    })?;
    Ok(span.filter(|_| !is_event))
}

/// The elements found so far, up to as many as a request may have.
struct Items<'a, 'l> {
    found: Vec<Item<'a>>,
    limits: &'l Limits,
}

impl<'a, 'l> Items<'a, 'l> {
    fn new(limits: &'l Limits) -> Items<'a, 'l> {
        Items { found: Vec::new(), limits }
    }

    fn push(&mut self, line: usize, raw: &'a [u8]) -> Result<(), Fault> {
        if self.found.len() >= self.limits.batch_events_max {
            let message = format!("a request has at most {} events", self.limits.batch_events_max);
            return Err(Fault::whole(FaultKind::TooLarge, "too_many_events", message));
        }
        self.found.push(item(line, raw, self.limits));
        Ok(())
    }
}

fn item<'a>(line: usize, raw: &'a [u8], limits: &Limits) -> Item<'a> {
    Item { line, raw, size: event::check_size(raw, limits) }
}

/// Without the white space that JSON allows around a value.
fn trim(line: &[u8]) -> &[u8] {
    let is_white = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let Some(start) = line.iter().position(|byte| !is_white(byte)) else { return &[] };
    let end = line.iter().rposition(|byte| !is_white(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body is, in short: the form and, of each element, its line and its bytes or the fault's code.
    fn shape(body: &str, form: Form) -> String {
        let limits =
            Limits { event_bytes_max: 40, batch_events_max: 4, body_bytes_max: 200, ..Limits::default() };
        let show = |item: &Item<'_>| match &item.size {
            Ok(()) => format!(" {}:{}", item.line, String::from_utf8_lossy(item.raw)),
            Err(fault) => format!(" {}:{}", item.line, fault.code),
        };
        match request(body.as_bytes(), form, &limits) {
            Ok(Request::Single(item)) => format!("single{}", show(&item)),
            Ok(Request::Wrapped { item }) => format!("wrapped{}", show(&item)),
            Ok(Request::Stream(items)) => format!("stream{}", items.iter().map(show).collect::<String>()),
            Err(fault) => fault.code.to_owned(),
        }
    }

    #[test]
    fn a_json_body_is_one_event_an_array_or_objects_in_a_row() {
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(40));
        for (body, expected) in [
            (r#" {"a":1} "#, r#"single 1:{"a":1}"#),
            ("null", "single 1:null"),
            (" 1 ", "single 1:1"),
            ("\"x\"", "single 1:\"x\""),
            ("[]", "stream"),
            ("[{} , 1,[2]]", "stream 1:{} 2:1 3:[2]"),
            (r#"{"a":1}{"b":2}"#, r#"stream 1:{"a":1} 2:{"b":2}"#),
            ("{}\n{} {}\n", "stream 1:{} 2:{} 3:{}"),
            (r#"{"a":1e400}{"a":"\ud800"}"#, r#"stream 1:{"a":1e400} 2:{"a":"\ud800"}"#),
            (&format!("[{{}},{long},{{}}]"), "stream 1:{} 2:event_too_large 3:{}"),
            (&long, "single 1:event_too_large"),
            ("[{},{},{},{}]", "stream 1:{} 2:{} 3:{} 4:{}"),
            ("[{},{},{},{},{}]", "too_many_events"),
            ("{}{}{}{}{}", "too_many_events"),
            ("", "empty_body"),
            (" \n ", "empty_body"),
            ("{}x", "json_syntax"),
            ("{}1", "json_syntax"),
            ("{},{}", "json_syntax"),
            ("1 2", "json_syntax"),
            ("[{}", "json_syntax"),
            ("[{}]{}", "json_syntax"),
            ("{} {\"a\"}", "json_syntax"),
            ("\u{feff}{}", "json_syntax"),
            (&"[".repeat(200), "too_deep"),
            (&" ".repeat(201), "body_too_large"),
        ] {
            assert_eq!(shape(body, Form::Json), expected, "{body:.200}");
        }
    }

    #[test]
    fn each_line_stands_for_itself_and_keeps_its_number() {
        let long = format!("{{}}\n\"{}\"\n{{}}", "x".repeat(40));
        for (body, expected) in [
            ("{}", "stream 1:{}"),
            ("{}\n{}\n", "stream 1:{} 2:{}"),
            ("{}\r\n\r\n {} \r\n", "stream 1:{} 3:{}"),
            ("\n\n{}", "stream 3:{}"),
            ("x\n{}\n{", "stream 1:x 2:{} 3:{"),
            (&long, "stream 1:{} 2:event_too_large 3:{}"),
            ("{}\n{}\n{}\n{}\n", "stream 1:{} 2:{} 3:{} 4:{}"),
            ("{}\n{}\n{}\n{}\n{}", "too_many_events"),
            ("\r\n", "empty_body"),
        ] {
            assert_eq!(shape(body, Form::Lines), expected, "{body:.200}");
        }
        let body = b"{\"a\":\"\xff\"}\n{}";
        let Ok(Request::Stream(items)) = request(body, Form::Lines, &Limits::default()) else {
            panic!("a stream")
        };
        assert_eq!(items[0].raw, &body[..9]);
    }

    #[test]
    fn an_event_may_be_wrapped_with_options() {
        for (body, expected) in [
            (r#"{"eventData": {"a":1} }"#, r#"wrapped 1:{"a":1}"#),
            (r#"{"options":{"x":[]},"event\u0044ata":{}}"#, "wrapped 1:{}"),
            (r#"{"eventData":{},"action":"a"}"#, r#"single 1:{"eventData":{},"action":"a"}"#),
            (r#"{"eventData":1}"#, r#"single 1:{"eventData":1}"#),
            (r#"{"eventData":{},"eventData":{}}"#, "duplicate_key"),
            (r#"{"eventData":{}} {}"#, r#"stream 1:{"eventData":{}} 2:{}"#),
        ] {
            assert_eq!(shape(body, Form::Json), expected, "{body}");
        }
    }

    #[test]
    fn a_bulk_body_is_an_object_with_an_array_of_events() {
        let found = |body: &str| {
            let items =
                bulk(body.as_bytes(), Form::Json, &Limits { batch_events_max: 2, ..Limits::default() });
            items.map(|items| items.len()).map_err(|fault| (fault.kind, fault.code))
        };
        assert_eq!(found(r#"{"events":[]}"#), Ok(0));
        assert_eq!(found(r#"{"options":{},"events":[ {"a":"\ud800"} , 1 ]}"#), Ok(2));
        assert_eq!(found(r#"{"events":[1,2,3]}"#), Err((FaultKind::TooLarge, "too_many_events")));
        assert_eq!(found("{}"), Err((FaultKind::Invalid, "required")));
        assert_eq!(found(r#"{"events":null}"#), Err((FaultKind::Invalid, "wrong_type")));
        assert_eq!(found("[]"), Err((FaultKind::Invalid, "wrong_type")));
        assert_eq!(found(r#"{"events":[1]"#), Err((FaultKind::Malformed, "json_syntax")));
        assert_eq!(found(r#"{"events":[],"events":[]}"#), Err((FaultKind::Malformed, "duplicate_key")));
        assert_eq!(found(""), Err((FaultKind::Malformed, "empty_body")));
    }
}
