//! The values of filter forms: from the text of a query to types, and back into the choices of a form.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A filter's value that means nothing; answered with 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the filter “{field}” cannot be “{value}”")]
pub struct InvalidFilter {
    /// The name in the query.
    pub field: &'static str,
    /// What stood there.
    pub value: String,
}

/// One choice of a `<select>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: &'static str,
    /// What people read.
    pub word: &'static str,
    /// Whether it is the one that is in force.
    pub chosen: bool,
}

/// The value that `from_name` knows by that text; nothing where the text is empty.
pub fn named<T>(
    field: &'static str,
    text: &str,
    from_name: fn(&str) -> Option<T>,
) -> Result<Option<T>, InvalidFilter> {
    if text.is_empty() {
        return Ok(None);
    }
    from_name(text).map(Some).ok_or_else(|| invalid(field, text))
}

/// The text without the blanks around it; nothing where none is left.
pub fn words(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An instant as RFC 3339, or as `<input type=datetime-local>` sends it, which is then in UTC.
pub fn instant(field: &'static str, text: &str) -> Result<Option<Timestamp>, InvalidFilter> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(Some(instant));
    }
    let local: DateTime = text.parse().map_err(|_| invalid(field, text))?;
    TimeZone::UTC.to_timestamp(local).map(Some).map_err(|_| invalid(field, text))
}

/// The last moment before the end of a page's stretch of time. There the end is the first moment that counts no more;
/// filters and the API name the last one that does.
pub fn last_before(end: Option<Timestamp>) -> Option<Timestamp> {
    end?.checked_sub(SignedDuration::from_nanos(1)).ok()
}

/// An instant as `<input type=datetime-local>` wants it: in UTC, without a zone.
pub fn local_input(instant: Option<Timestamp>) -> String {
    instant.map(|instant| instant.strftime("%Y-%m-%dT%H:%M:%S").to_string()).unwrap_or_default()
}

/// The refusal of `value` for `field`.
pub fn invalid(field: &'static str, value: &str) -> InvalidFilter {
    InvalidFilter { field, value: super::text::short(value, 100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_as_rfc_3339_or_as_utc() {
        let expected: Timestamp = "2023-07-10T11:54:00Z".parse().expect("a time stamp");
        for text in
            ["2023-07-10T11:54:00Z", "2023-07-10T13:54:00+02:00", "2023-07-10T11:54", " 2023-07-10T11:54:00"]
        {
            assert_eq!(instant("from", text), Ok(Some(expected)), "{text}");
        }
        assert_eq!(local_input(Some(expected)), "2023-07-10T11:54:00");
        assert_eq!(instant("from", ""), Ok(None));
        assert_eq!(instant("from", "yesterday"), Err(invalid("from", "yesterday")));
    }

    #[test]
    fn a_name_that_means_nothing_is_refused_by_field_and_value() {
        let status = crate::model::AlertStatus::from_name;
        assert_eq!(named("status", "", status), Ok(None));
        let refused = named("status", "opne", status).expect_err("no such status");
        assert_eq!(refused.to_string(), "the filter “status” cannot be “opne”");
    }
}
