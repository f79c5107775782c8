//! Templates that people write: text with `{{ placeholders }}`, and nothing else that could be done in one.

use std::fmt::Write;

/// What may stand between the braces.
pub const PLACEHOLDERS: [&str; 18] = [
    "title",
    "explanation",
    "severity",
    "pattern",
    "who",
    "organization",
    "count",
    "occurrences",
    "threshold",
    "timespan_secs",
    "time",
    "status",
    "link",
    "alert_id",
    "delivery_id",
    "route",
    "checkpoint",
    "text",
];

/// A template that was checked: every placeholder in it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(&'static str),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, for the person who wrote it.
    pub fn parse(text: &str) -> Result<Template, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or("a {{ is not closed by }}")?;
            let known = PLACEHOLDERS.into_iter().find(|known| *known == name.trim());
            let unknown = || {
                let name: String = name.trim().chars().take(40).collect();
                format!("there is no {{{{ {name} }}}}; there are {}", PLACEHOLDERS.join(", "))
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Placeholder(known.ok_or_else(unknown)?));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Template(parts))
    }

    /// The text with each placeholder's value. `escape` is applied to values and never to the text between.
    pub fn render(&self, value: impl Fn(&str) -> String, escape: impl Fn(&str) -> String) -> String {
        let mut rendered = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => rendered.push_str(text),
                // What a value holds is never read as a template again.
                Part::Placeholder(name) => rendered.push_str(&escape(&value(name))),
            }
        }
        rendered
    }
}

/// A value as it stands within the quotes of a JSON text.
pub fn json_escape(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// A value as Slack and those like it show it to the letter: without their links, mentions and entities.
pub fn slack_escape(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A value on one line, without what moves the cursor or turns the direction of the text: C0 and C1 controls, line and
/// paragraph separators, bidirectional marks. At most `chars_max` characters.
pub fn one_line(value: &str, chars_max: usize) -> String {
    let mut line = String::new();
    for (at, character) in value.chars().enumerate() {
        if at == chars_max {
            line.push('…');
            break;
        }
        let hidden = character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}');
        line.push(if hidden { ' ' } else { character });
    }
    line
}

/// A value whose bytes are percent-encoded unless they are letters, digits, `-`, `_` or `.` between others.
pub fn path_segment(value: &str) -> String {
    let mut segment = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => segment.push(char::from(byte)),
            byte => write!(segment, "%{byte:02X}").expect("a String takes everything"),
        }
    }
    // A path would be walked up by these.
    if segment.chars().all(|c| c == '.') { segment.replace('.', "_") } else { segment }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once_and_values_are_no_templates() {
        let template = Template::parse("{{title}} / {{ who }} {").expect("all is known");
        let value = |name: &str| format!("<{name} {{{{ link }}}}>");
        let rendered = template.render(value, slack_escape);
        assert_eq!(rendered, "&lt;title {{ link }}&gt; / &lt;who {{ link }}&gt; {");
    }

    #[test]
    fn what_is_wrong_with_a_template_is_said() {
        for (text, why) in [
            ("{{ titel }}", "there is no {{ titel }}; there are title,"),
            ("{{ title", "not closed"),
            ("{{}}", "there is no {{  }}"),
            ("{{ title | safe }}", "there is no {{ title | safe }}"),
        ] {
            let found = Template::parse(text).expect_err(text);
            assert!(found.contains(why), "{found}");
        }
    }

    #[test]
    fn values_stay_within_their_quotes_their_line_and_their_segment() {
        let value = "a\"b\\c\r\nd\u{1b}[2J\u{202e}e\u{85}f";
        let json: String = serde_json::from_str(&format!("\"{}\"", json_escape(value))).expect("still JSON");
        assert_eq!(json, value);
        assert_eq!(one_line(value, 100), "a\"b\\c  d [2J e f");
        assert_eq!(one_line("äöü", 2), "äö…");
        assert_eq!(path_segment("St. Mary/../x?"), "St.%20Mary%2F..%2Fx%3F");
        assert_eq!((path_segment("..").as_str(), path_segment(".").as_str()), ("__", "_"));
    }
}
