//! Takes the settings one key at a time and notes every mistake, instead of stopping at the first.

use super::Mistake;
use super::mistake::nearest;
use super::written::{Document, Written, quoted};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// What the name of every variable begins with that stands for a key.
const VARIABLE_PREFIX: &str = "SEALWATCH_";

/// What the name of every variable begins with that holds a target's secret. It stands for no key, and is not kept.
pub(super) const SECRET_PREFIX: &str = "SEALWATCH_SECRET_";

/// Variables that stand for a key by names that others gave; of two for one key the later wins, and our own name for it
/// wins over both.
const FOREIGN_VARIABLES: [(&str, &str); 8] = [
    ("LOG_LEVEL", "SEALWATCH_TELEMETRY__LOG_LEVEL"),
    ("OTEL_TRACES_SAMPLER", "SEALWATCH_TELEMETRY__TRACE_SAMPLER"),
    ("OTEL_TRACES_SAMPLER_ARG", "SEALWATCH_TELEMETRY__TRACE_RATIO"),
    ("OTEL_SERVICE_NAME", "SEALWATCH_OTLP__SERVICE_NAME"),
    ("OTEL_RESOURCE_ATTRIBUTES", "SEALWATCH_OTLP__RESOURCE_ATTRIBUTES"),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "SEALWATCH_OTLP__CA_FILE"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "SEALWATCH_OTLP__ENDPOINT"),
    ("OTLP_ENDPOINT", "SEALWATCH_OTLP__ENDPOINT"),
];

/// Hands out the settings by key. Each call that takes one names the default and what is allowed, so that the
/// calls together are the schema; what nobody took in the end is an unknown key.
#[derive(Debug, Default)]
pub(super) struct Reader {
    file: PathBuf,
    document: Document,
    /// Name that the variable should have, name that it has, value.
    variables: BTreeMap<String, (String, String)>,
    taken: Vec<Vec<String>>,
    /// Each key that was taken with its value in force as text.
    texts: BTreeMap<String, String>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    /// A reader of the text of `file` and of the variables that stand for keys; other variables are passed
    /// over.
    pub(super) fn new(file: &Path, text: &str, variables: BTreeMap<String, String>) -> Reader {
        let mut document = Document::parse(text, file);
        let mistakes = std::mem::take(&mut document.mistakes);
        let foreign = FOREIGN_VARIABLES.into_iter().filter_map(|(name, stands_for)| {
            let value = variables.get(name).filter(|value| !value.is_empty())?;
            Some((stands_for.to_owned(), (name.to_owned(), value.clone())))
        });
        let is_own = |name: &str| name.starts_with(VARIABLE_PREFIX) && !name.starts_with(SECRET_PREFIX);
        let own = variables.iter().filter(|(name, _)| is_own(name));
        let own = own.map(|(name, value)| (name.clone(), (name.clone(), value.clone())));
        let variables = foreign.chain(own).collect();
        let (taken, texts) = (Vec::new(), BTreeMap::new());
        Reader { file: file.to_path_buf(), document, variables, taken, texts, mistakes }
    }

    /// A reader of what was written before.
    pub(super) fn over(document: Document, variables: BTreeMap<String, (String, String)>) -> Reader {
        Reader { document, variables, ..Reader::default() }
    }

    /// What was written, in the file and in variables that stand for keys.
    pub(super) fn written(&self) -> (Document, BTreeMap<String, (String, String)>) {
        (self.document.clone(), self.variables.clone())
    }

    /// The section of that path; the empty path is the top of the file.
    pub(super) fn section<'r>(&'r mut self, path: &[&str]) -> Section<'r> {
        Section { path: path.iter().map(|part| (*part).to_owned()).collect(), reader: self }
    }

    /// The names under `[name.…]`, in the file or in a variable. A variable names the one of the file that
    /// equals it in capitals, else one in small letters.
    pub(super) fn names_under(&self, sections: &[&str]) -> BTreeSet<String> {
        let under = |path: &&Vec<String>| {
            path.len() > sections.len() && path.iter().zip(sections).all(|(a, b)| a == b)
        };
        let mut names: BTreeSet<String> =
            self.document.values.keys().filter(under).map(|path| path[sections.len()].clone()).collect();
        let sections: Vec<String> = sections.iter().map(|part| (*part).to_owned()).collect();
        let prefix = format!("{}__", variable(&sections));
        for rest in self.variables.keys().filter_map(|key| key.strip_prefix(&prefix)) {
            let is_of = |name: &String| {
                rest.strip_prefix(&variable_part(name)).is_some_and(|key| key.starts_with("__"))
            };
            if !names.iter().any(is_of) {
                names.insert(rest.split("__").next().unwrap_or(rest).to_lowercase());
            }
        }
        names
    }

    /// Notes a mistake at a key, wherever its value was written.
    pub(super) fn mistake(&mut self, path: &[String], message: String) {
        match self.variables.get(&variable(path)) {
            Some((name, _)) => {
                let name = name.clone();
                self.mistake_in_variable(&name, message);
            }
            None => self.mistake_in_file(path, message),
        }
    }

    /// Notes a mistake in a variable.
    pub(super) fn mistake_in_variable(&mut self, name: &str, message: String) {
        self.mistakes.push(Mistake { file: None, line: None, key: name.to_owned(), message });
    }

    fn mistake_in_file(&mut self, path: &[String], message: String) {
        let line = self.document.values.get(path).map(|(_, line)| *line);
        self.mistakes.push(Mistake { file: Some(self.file.clone()), line, key: dotted(path), message });
    }

    /// Every mistake, unknown keys included, in the order of the file's lines; the environment's come last.
    pub(super) fn finish(mut self) -> Vec<Mistake> {
        self.note_unknown_keys();
        self.note_unknown_variables();
        self.mistakes.sort_by_key(|mistake| (mistake.file.is_none(), mistake.line));
        self.mistakes
    }

    /// The mistakes in what was taken; unknown keys are none.
    pub(super) fn mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }

    /// The paths that were taken, in order.
    pub(super) fn paths(&self) -> &[Vec<String>] {
        &self.taken
    }

    /// Each key that was taken with its value in force as text.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        self.texts.clone()
    }

    /// The keys that were taken, in order.
    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = String> {
        self.taken.iter().map(|path| dotted(path))
    }

    fn note_unknown_keys(&mut self) {
        let known: Vec<String> = self.taken.iter().map(|path| dotted(path)).collect();
        let unknown: Vec<Vec<String>> = self
            .document
            .values
            .iter()
            .filter(|(path, (value, _))| !self.taken.contains(path) && !self.is_empty_section(path, value))
            .map(|(path, _)| path.clone())
            .collect();
        for path in unknown {
            let is_section = self.taken.iter().any(|taken| taken.starts_with(&path));
            let message = match nearest(&dotted(&path), known.iter().map(String::as_str)) {
                _ if is_section => format!("is a section; write [{}] and its keys below it", dotted(&path)),
                Some(name) if !name.contains('.') && path.len() > 1 => {
                    format!("unknown key; did you mean {name}, above the first [section]?")
                }
                Some(name) => format!("unknown key; did you mean {name}?"),
                None => self.hint_at_section(&path),
            };
            self.mistake(&path, message);
        }
    }

    /// What to say of a key that is like none: perhaps its section is like one.
    fn hint_at_section(&self, path: &[String]) -> String {
        let sections = self.taken.iter().filter(|taken| taken.len() > 1).map(|taken| taken[0].as_str());
        match nearest(&path[0], sections) {
            Some(section) if section != path[0] => format!("unknown section; did you mean [{section}]?"),
            _ => "unknown key; the shipped sealwatch.toml lists them all".to_owned(),
        }
    }

    /// A section that is known and has no keys, as in the shipped file, where all of them are commented out.
    fn is_empty_section(&self, path: &[String], value: &Written) -> bool {
        *value == Written::Other("a section".to_owned())
            && (matches!(&*path[0], "organizations" | "sources" | "notify") && path.len() <= 2
                || self.taken.iter().any(|taken| taken.len() > path.len() && taken.starts_with(path)))
    }

    /// A variable without `__` that is no key is let be: container platforms set `SEALWATCH_PORT` and the
    /// like for a service of our name.
    fn note_unknown_variables(&mut self) {
        let known: BTreeSet<String> = self.taken.iter().map(|path| variable(path)).collect();
        for name in self.variables.keys().filter(|name| name.contains("__") && !known.contains(*name)) {
            let hint = nearest(name, known.iter().map(String::as_str))
                .map_or_else(String::new, |known| format!("; did you mean {known}?"));
            let message = format!("stands for no key{hint}");
            self.mistakes.push(Mistake { file: None, line: None, key: name.clone(), message });
        }
    }
}

/// One section of the configuration while it is read.
#[derive(Debug)]
pub(super) struct Section<'r> {
    reader: &'r mut Reader,
    path: Vec<String>,
}

impl Section<'_> {
    /// A section inside this one.
    pub(super) fn section(&mut self, name: &str) -> Section<'_> {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        Section { reader: self.reader, path }
    }

    /// A whole number within a range, both ends included.
    pub(super) fn integer<T>(&mut self, key: &str, default: T, range: RangeInclusive<T>) -> T
    where
        T: Copy + PartialOrd + Display + TryFrom<i64>,
    {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        let parse = |written: &Written| {
            let number = match written {
                Written::Integer(number) => *number,
                Written::Variable(text) => text.trim().parse().ok()?,
                _ => return None,
            };
            T::try_from(number).ok().filter(|number| range.contains(number))
        };
        self.take(key, &allowed, default, parse, T::to_string)
    }

    /// A share from 0 to 1.
    pub(super) fn ratio(&mut self, key: &str, default: f64) -> f64 {
        let parse = |written: &Written| {
            let number: f64 = match written {
                Written::Integer(number) => *number as f64,
                Written::Other(text) | Written::Variable(text) => text.trim().parse().ok()?,
                _ => return None,
            };
            (0.0..=1.0).contains(&number).then_some(number)
        };
        self.take(key, "a number from 0 to 1", default, parse, f64::to_string)
    }

    /// The path of a file or directory; none where it is empty.
    pub(super) fn file(&mut self, key: &str) -> Option<PathBuf> {
        let show = |path: &Option<PathBuf>| path.as_deref().map_or_else(String::new, super::show_path);
        self.text(key, "a path, or \"\" for none", None, |text| Some(super::path(text)), show)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &str, default: bool) -> bool {
        let parse = |written: &Written| match written {
            Written::Boolean(value) => Some(*value),
            Written::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        self.take(key, "true or false", default, parse, bool::to_string)
    }

    /// A text that `parse` understands; `allowed` says what that is, and `show` makes a text of it again.
    pub(super) fn text<T>(
        &mut self,
        key: &str,
        allowed: &str,
        default: T,
        parse: impl Fn(&str) -> Option<T>,
        show: impl Fn(&T) -> String,
    ) -> T {
        let parse = |written: &Written| match written {
            Written::Text(text) | Written::Variable(text) => parse(text),
            _ => None,
        };
        self.take(key, allowed, default, parse, show)
    }

    /// One of a few names, in any case.
    pub(super) fn choice<T: Copy + PartialEq>(&mut self, key: &str, default: T, names: &[(&str, T)]) -> T {
        let quoted: Vec<String> = names.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let allowed = format!("one of {}", quoted.join(", "));
        let named = |text: &str| names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
        let name_of =
            |value: &T| names.iter().find(|(_, named)| named == value).map_or("", |(name, _)| *name);
        let parse = |text: &str| named(text).map(|(_, value)| *value);
        self.text(key, &allowed, default, parse, |value| name_of(value).to_owned())
    }

    /// A list whose items `parse` understands; in a variable they are separated by commas.
    pub(super) fn list<T: Display + Ord>(
        &mut self,
        key: &str,
        allowed: &str,
        default: Vec<T>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let parse = |written: &Written| match written {
            Written::List(items) => items
                .iter()
                .map(|item| match item {
                    Written::Text(text) => parse(text),
                    Written::Integer(number) => parse(&number.to_string()),
                    _ => None,
                })
                .collect(),
            Written::Variable(text) => {
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(&parse).collect()
            }
            _ => None,
        };
        // Every list is a set: the same items in another order are no other setting.
        let show = |items: &Vec<T>| {
            let items: BTreeSet<&T> = items.iter().collect();
            items.into_iter().map(T::to_string).collect::<Vec<_>>().join(", ")
        };
        self.take(key, allowed, default, parse, show)
    }

    /// Notes a mistake at a key of this section unless the condition holds.
    pub(super) fn require(&mut self, holds: bool, key: &str, message: impl Into<String>) {
        if !holds {
            let path = self.path_of(key);
            self.reader.mistake(&path, message.into());
        }
    }

    fn take<T>(
        &mut self,
        key: &str,
        allowed: &str,
        default: T,
        parse: impl Fn(&Written) -> Option<T>,
        show: impl Fn(&T) -> String,
    ) -> T {
        let path = self.path_of(key);
        let value = self.value_of(&path, allowed, default, parse);
        self.reader.texts.insert(dotted(&path), show(&value));
        value
    }

    fn value_of<T>(
        &mut self,
        path: &[String],
        allowed: &str,
        default: T,
        parse: impl Fn(&Written) -> Option<T>,
    ) -> T {
        let variable =
            self.reader.variables.get(&variable(path)).map(|(_, text)| Written::Variable(text.clone()));
        let in_file = self.reader.document.values.get(path).map(|(written, _)| written.clone());
        self.reader.taken.push(path.to_vec());
        // A mistake in the file is one even where a variable overrides it today.
        if let (Some(_), Some(written)) = (&variable, &in_file)
            && parse(written).is_none()
        {
            self.reader.mistake_in_file(path, not_allowed(written, allowed));
        }
        let Some(written) = variable.or(in_file) else { return default };
        parse(&written).unwrap_or_else(|| {
            self.reader.mistake(path, not_allowed(&written, allowed));
            default
        })
    }

    fn path_of(&self, key: &str) -> Vec<String> {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        path
    }
}

fn not_allowed(written: &Written, allowed: &str) -> String {
    format!("{written} is not {allowed}")
}

/// `organizations."St. Mary".time_zone`: the key as it would be written in one line.
pub(super) fn dotted(path: &[String]) -> String {
    let is_bare = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    let parts: Vec<String> =
        path.iter().map(|part| if is_bare(part) { part.clone() } else { quoted(part) }).collect();
    parts.join(".")
}

/// The variable that stands for a key: `SEALWATCH_PATTERNS__FAILED_AUTH__THRESHOLD`.
pub(super) fn variable(path: &[String]) -> String {
    let parts: Vec<String> = path.iter().map(|part| variable_part(part)).collect();
    format!("{VARIABLE_PREFIX}{}", parts.join("__"))
}

fn variable_part(part: &str) -> String {
    part.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}
