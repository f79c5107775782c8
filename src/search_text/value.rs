//! What a value means to its field: names, addresses, prose, numbers, times.

use super::fault::SearchTextError;
use super::field::Field;
use super::lexer::Value;
use super::limits::{FIELD_CHARS_MAX, STARS_MAX};
use super::pattern::Pattern;
use super::query::{AddressTest, Network, PathTest, ProseTest, Query, TimeRange};
use super::words::{address_number, folded, is_in_one_word, value_kept, words};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use std::net::IpAddr;
use std::ops::Bound;
use std::ops::Bound::{Excluded, Included, Unbounded};

const NUMBER: &str = "a number such as 100, a comparison such as >100 or <=5, or a range such as 10..20";
const TIME: &str = "a date such as 2026-01-31, a time such as 2026-01-31T12:00:00Z, a comparison such as \
                    >2026-01-31, or a range such as 2026-01-01..2026-01-31";
const ADDRESS: &str =
    "an address, a network such as 10.0.0.0/8, or a part of an address with stars such as 10.0.*";
const WORDLESS: &str = "a text must hold letters or digits; signs alone are not looked for";

type Parsed<T> = Result<T, SearchTextError>;

/// What a text without a field looks for.
pub(super) fn free(at: usize, written: &Value) -> Parsed<Query> {
    if let Value::Plain(text) = written
        && text.contains('*')
    {
        return Ok(Query::Part(with_stars(at, text)?));
    }
    let text = written.text();
    Ok(Query::Anywhere { phrase: phrase(at, text)?, whole: Pattern::whole(&value_kept(text)) })
}

/// What a field with a value looks for; `at` is the place of the value.
pub(super) fn of_field(field: &str, at: usize, written: &Value) -> Parsed<Query> {
    let path = folded(field);
    match Field::from_name(&path) {
        Some(Field::Name(name)) => Ok(Query::Name(name, pattern(at, written)?)),
        Some(Field::Address) => Ok(Query::Address(address(at, written.text())?)),
        Some(Field::Prose(field)) => Ok(Query::Prose(field, prose(at, written)?)),
        Some(Field::RecordCount) => Ok(Query::RecordCount(range(at, written.text(), NUMBER, &number)?)),
        Some(Field::Time(field)) => Ok(Query::Time(field, time_range(at, written.text())?)),
        None if field.chars().count() > FIELD_CHARS_MAX => {
            let what = format!("the name of a field may have {FIELD_CHARS_MAX} characters");
            Err(SearchTextError::at(at, what))
        }
        None => Ok(Query::Path(path, path_test(at, written)?)),
    }
}

impl Value {
    fn text(&self) -> &str {
        let (Value::Plain(text) | Value::Quoted(text)) = self;
        text
    }
}

fn pattern(at: usize, written: &Value) -> Parsed<Pattern> {
    match written {
        Value::Quoted(text) => Ok(Pattern::whole(&value_kept(text.as_str()))),
        Value::Plain(text) => with_stars(at, text),
    }
}

fn with_stars(at: usize, text: &str) -> Parsed<Pattern> {
    if text.matches('*').count() > STARS_MAX {
        return Err(SearchTextError::at(at, format!("a value may have {STARS_MAX} stars")));
    }
    let kept = value_kept(text);
    Ok(if text.contains('*') { Pattern::with_stars(&kept) } else { Pattern::whole(&kept) })
}

fn phrase(at: usize, text: &str) -> Parsed<Vec<String>> {
    let phrase: Vec<String> = words(text).collect();
    if phrase.is_empty() { Err(SearchTextError::at(at, WORDLESS)) } else { Ok(phrase) }
}

fn prose(at: usize, written: &Value) -> Parsed<ProseTest> {
    match written {
        Value::Plain(text) if text.contains('*') => {
            if !text.split('*').all(is_in_one_word) {
                let what = "a text with stars must be part of one word here; put several words in quotes";
                return Err(SearchTextError::at(at, what));
            }
            Ok(ProseTest::Word(with_stars(at, text)?))
        }
        _ => Ok(ProseTest::Phrase(phrase(at, written.text())?)),
    }
}

fn address(at: usize, text: &str) -> Parsed<AddressTest> {
    let fault = || SearchTextError::at(at, format!("ip takes {ADDRESS}"));
    if text.contains('*') {
        return Ok(AddressTest::Written(with_stars(at, text)?));
    }
    let (base, bits) = match text.split_once('/') {
        Some((base, bits)) => (base, Some(bits.parse::<u32>().map_err(|_| fault())?)),
        None => (text, None),
    };
    let base: IpAddr = base.parse().map_err(|_| fault())?;
    // The bits of the number that are free: those of an IPv4 address are its last 32.
    let free = match (base, bits) {
        (_, None) => 0,
        (IpAddr::V4(_), Some(bits)) => 32_u32.checked_sub(bits).ok_or_else(fault)?,
        (IpAddr::V6(_), Some(bits)) => 128_u32.checked_sub(bits).ok_or_else(fault)?,
    };
    let mask = u128::MAX.checked_shr(128 - free).unwrap_or(0);
    let number = address_number(base);
    Ok(AddressTest::In(Network { first: number & !mask, last: number | mask }))
}

fn path_test(at: usize, written: &Value) -> Parsed<PathTest> {
    match written {
        Value::Plain(text) if text.starts_with(['<', '>']) => {
            Ok(PathTest::Number(range(at, text, NUMBER, &number)?))
        }
        // A range only where it cannot be anything else: a value may hold two dots as well.
        Value::Plain(text) if text.contains("..") => match range(at, text, NUMBER, &number) {
            Ok(range) => Ok(PathTest::Number(range)),
            Err(_) => Ok(PathTest::Value(with_stars(at, text)?)),
        },
        _ => Ok(PathTest::Value(pattern(at, written)?)),
    }
}

/// The first and the last moment that a text stands for.
type Read<'r, T> = &'r dyn Fn(&str) -> Option<(T, T)>;

/// `5`, `>5`, `>=5`, `<5`, `<=5`, `5..9`, `5..`, `..9` or `*`. Two ends include themselves.
fn range<T>(at: usize, text: &str, allowed: &str, read: Read<'_, T>) -> Parsed<(Bound<T>, Bound<T>)> {
    let value = |text: &str| {
        read(text)
            .ok_or_else(|| SearchTextError::at(at, format!("{text:?} cannot stand here, but {allowed}")))
    };
    if text == "*" {
        return Ok((Unbounded, Unbounded));
    }
    for (sign, bounds) in signs() {
        if let Some(rest) = text.strip_prefix(sign) {
            return value(rest).map(bounds);
        }
    }
    match text.split_once("..") {
        Some(("", "")) => Err(SearchTextError::at(at, format!("a range needs an end: {allowed}"))),
        Some((low, high)) => {
            let low = if low.is_empty() { Unbounded } else { Included(value(low)?.0) };
            let high = if high.is_empty() { Unbounded } else { Included(value(high)?.1) };
            Ok((low, high))
        }
        None => value(text).map(|(first, last)| (Included(first), Included(last))),
    }
}

type Bounds<T> = fn((T, T)) -> (Bound<T>, Bound<T>);

/// The longer ones first. A day is later than another from its first moment on, and `<=` takes all of it in.
fn signs<T>() -> [(&'static str, Bounds<T>); 4] {
    [
        (">=", |(first, _)| (Included(first), Unbounded)),
        ("<=", |(_, last)| (Unbounded, Included(last))),
        (">", |(first, _)| (Excluded(first), Unbounded)),
        ("<", |(first, _)| (Unbounded, Excluded(first))),
    ]
}

fn number(text: &str) -> Option<(f64, f64)> {
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some((number, number))
}

fn time_range(at: usize, text: &str) -> Parsed<TimeRange> {
    range(at, text, TIME, &moments)
}

/// A time; a date is all of its day, and what names no zone is UTC.
fn moments(text: &str) -> Option<(Timestamp, Timestamp)> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some((time, time));
    }
    let utc = |time: DateTime| TimeZone::UTC.to_timestamp(time).ok();
    // A date with a time also parses as a date; its length tells the two apart.
    if text.len() == "2026-01-31".len() {
        let date: Date = text.parse().ok()?;
        return Some((utc(date.to_datetime(Time::midnight()))?, utc(date.to_datetime(Time::MAX))?));
    }
    let time = utc(text.parse().ok()?)?;
    Some((time, time))
}
