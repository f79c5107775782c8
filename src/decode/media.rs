//! Which form a body has, from its `Content-Type`.

use super::{Fault, FaultKind};

/// How the events stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON value, or several objects one after the other.
    Json,
    /// One event a line.
    Lines,
}

/// Names in use for one JSON value a line; none is registered.
const LINES: [&str; 6] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/jsonl",
    "application/x-jsonl",
];

/// The form that a `Content-Type` names. Without one, with another one, or with a charset other than UTF-8 it
/// is `media_type` (415).
pub fn form_of(content_type: Option<&str>) -> Result<Form, Fault> {
    let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let form = if essence.eq_ignore_ascii_case("application/json") {
        Form::Json
    } else if LINES.iter().any(|name| essence.eq_ignore_ascii_case(name)) {
        Form::Lines
    } else {
        return Err(unsupported());
    };
    if parts.all(is_harmless) { Ok(form) } else { Err(unsupported()) }
}

/// Whether a parameter is something else than a charset that is not UTF-8.
fn is_harmless(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return true };
    !name.trim().eq_ignore_ascii_case("charset")
        || ["utf-8", "utf8"].iter().any(|utf8| value.trim().trim_matches('"').eq_ignore_ascii_case(utf8))
}

fn unsupported() -> Fault {
    Fault::whole(
        FaultKind::Unsupported,
        "media_type",
        "Content-Type must be application/json or application/x-ndjson, in UTF-8",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_lines_in_utf_8_are_spoken_and_nothing_else() {
        for (content_type, expected) in [
            ("application/json", Some(Form::Json)),
            ("Application/JSON", Some(Form::Json)),
            ("application/json; charset=utf-8", Some(Form::Json)),
            ("application/json;charset=\"UTF-8\"", Some(Form::Json)),
            ("application/json; profile=x", Some(Form::Json)),
            ("application/json;", Some(Form::Json)),
            ("application/x-ndjson", Some(Form::Lines)),
            ("application/ndjson; charset=utf-8", Some(Form::Lines)),
            ("application/jsonlines", Some(Form::Lines)),
            ("application/json; charset=utf-16", None),
            ("application/x-ndjson; charset=latin1", None),
            ("application/jsonp", None),
            ("text/plain", None),
            ("text/json", None),
            ("", None),
        ] {
            assert_eq!(form_of(Some(content_type)).ok(), expected, "{content_type}");
        }
        assert_eq!(
            form_of(None).map_err(|fault| (fault.kind, fault.code)),
            Err((FaultKind::Unsupported, "media_type"))
        );
    }
}
