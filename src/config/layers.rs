//! What the file and the environment say, kept so that what is changed at run time can be laid over it.

use super::reader::{Reader, dotted, variable};
use super::written::{Document, Written};
use super::{Config, Detection, Mistake};
use crate::detect::Settings;
use crate::model::Overrides;
use std::collections::BTreeMap;
use std::path::Path;

/// The shipped file, in which every key stands with its default, commented out.
const MANUAL: &str = include_str!("../../packaging/sealwatch.toml");

/// The settings as they were written. Made by [`super::load`]; kept as long as the process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layers {
    pub(super) document: Document,
    /// Those that stand for a key: name that it should have, name that it has, value.
    pub(super) variables: BTreeMap<String, (String, String)>,
    /// The keys that the command line names, with their values.
    pub(super) command_line: BTreeMap<&'static str, String>,
}

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody named it.
    Default,
    /// This line of the file.
    File(usize),
    /// This variable of the environment.
    Variable(String),
    /// The command line.
    CommandLine,
    /// Someone changed it while the appliance ran.
    Changed,
}

/// One setting in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as the file has it.
    pub key: String,
    /// Its value, as the file would have it; `None` where there is none.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Layers {
    /// What detection is told with these overrides, and what is wrong with it. A value that cannot be is left out, so
    /// that the same layers and overrides always give the same settings.
    pub fn detection(&self, overrides: &Overrides) -> (Settings, Vec<Mistake>) {
        let mut reader = self.reader(overrides);
        let settings = Detection::read(&mut reader).settings;
        (settings, reader.mistakes())
    }

    /// Where the value of a key comes from.
    pub fn origin(&self, key: &str, overrides: &Overrides) -> Origin {
        if overrides.get(key).is_some() {
            return Origin::Changed;
        }
        path_of(key).map_or(Origin::Default, |path| self.written(&path).1)
    }

    /// Every setting in force, in the order of the shipped file, and then those of single organisations, targets,
    /// routes and windows that were written or changed.
    pub fn settings(&self, overrides: &Overrides) -> Vec<Setting> {
        let mut reader = self.reader(overrides);
        Config::read(&mut reader);
        let manual: String = MANUAL.lines().map(|line| uncommented(line).to_owned() + "\n").collect();
        let defaults = Document::parse(&manual, Path::new("")).values;
        let paths = reader.paths().to_vec();
        let texts = reader.texts();
        let settings = paths.into_iter().filter_map(|path| {
            let key = dotted(&path);
            let (written, origin) = match overrides.get(&key) {
                Some(value) => (Some(value.to_owned()), Origin::Changed),
                None => self.written(&path),
            };
            if is_of_one(&path) && written.is_none() {
                return None;
            }
            let written = written.map(|value| match texts.get(&key) {
                Some(text) if is_shown_in_part(&path) => Written::Text(text.clone()).to_toml(),
                _ => value,
            });
            let default = defaults.get(&path).filter(|_| !has_no_default(&path));
            let value = written.or_else(|| default.map(|(written, _)| written.to_toml()));
            Some(Setting { key, value, origin })
        });
        settings.collect()
    }

    fn reader(&self, overrides: &Overrides) -> Reader {
        let mut document = self.document.clone();
        let mut variables = self.variables.clone();
        for (key, value) in overrides.iter() {
            for (path, value) in Document::parse(&format!("{key} = {value}"), Path::new("")).values {
                variables.remove(&variable(&path));
                document.values.insert(path, value);
            }
        }
        Reader::over(document, variables)
    }

    fn written(&self, path: &[String]) -> (Option<String>, Origin) {
        let key = dotted(path);
        if let Some(value) = self.command_line.get(&*key) {
            return (Some(Written::Text(value.clone()).to_toml()), Origin::CommandLine);
        }
        if let Some((name, value)) = self.variables.get(&variable(path)) {
            return (Some(value.clone()), Origin::Variable(name.clone()));
        }
        match self.document.values.get(path) {
            Some((written, line)) => (Some(written.to_toml()), Origin::File(*line)),
            None => (None, Origin::Default),
        }
    }
}

fn path_of(key: &str) -> Option<Vec<String>> {
    Document::parse(&format!("{key} = 0"), Path::new("")).values.into_keys().next()
}

/// The line as it is without its `#`, where it is a key that is commented out.
pub(super) fn uncommented(line: &str) -> &str {
    match line.strip_prefix('#') {
        Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => key,
        _ => line,
    }
}

/// Whether it is a setting of one organisation, target, route or window, which have names of their own.
fn is_of_one(path: &[String]) -> bool {
    path[0] == "organizations" || path[0] == "notify" && path.len() > 2
}

/// Where a target listens, and what is sent there, may let in whoever knows it.
fn is_shown_in_part(path: &[String]) -> bool {
    path[0] == "notify" && path.last().is_some_and(|name| name == "url" || name == "template")
}

/// `signing_secret_file` alone has no default that could be written down: what the manual shows is an example.
fn has_no_default(path: &[String]) -> bool {
    path.last().is_some_and(|name| name == "signing_secret_file")
}
