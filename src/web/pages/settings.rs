//! Every setting in force, and who may use the appliance.

use super::badge::Badge;
use super::frame::{Frame, Section};
use super::setting::origin_words;
use super::text;
use super::time::TimeView;
use crate::config::{Origin, Setting};
use crate::model::{ApiKey, KeyScope, Override, User};
use crate::telemetry::{LogLevel, Output};
use askama::Template;
use std::collections::BTreeMap;

/// What `settings.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "settings.html")]
pub struct SettingsPage {
    /// Around it.
    pub frame: Frame,
    /// The settings by section, in the order of the file.
    pub sections: Vec<(String, Vec<SettingRow>)>,
    /// The signing secret, of which only this is said.
    pub secret: &'static str,
    /// The users; nothing for who may not know them.
    pub users: Option<Vec<UserRow>>,
    /// The API keys; nothing for who may not know them.
    pub keys: Option<Vec<KeyRow>>,
    /// Whether the settings are shown: they are everyone's.
    pub shows_settings: bool,
    /// How much each output of messages says; nothing for who may not change it.
    pub levels: Option<Vec<LevelRow>>,
}

/// One output of messages, and the levels to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelRow {
    /// The setting that it has.
    pub key: &'static str,
    /// What it is called.
    pub output: &'static str,
    /// What the file gives it.
    pub of_the_file: &'static str,
    /// What somebody gave it at run time; empty where nobody did.
    pub chosen: &'static str,
    /// Every level.
    pub levels: [&'static str; LogLevel::NAMES.len()],
}

impl LevelRow {
    /// The row of that output: its level, that of the file, and whether the first was given at run time.
    pub fn new(output: Output, level: LogLevel, of_the_file: LogLevel, is_changed: bool) -> LevelRow {
        LevelRow {
            key: output.key(),
            output: match output {
                Output::Console => "Standard error",
                Output::Journal => "systemd's journal",
                Output::Files => "Files",
                Output::Otlp => "Collector (OTLP)",
            },
            of_the_file: of_the_file.name(),
            chosen: if is_changed { level.name() } else { "" },
            levels: LogLevel::NAMES.map(|(name, _)| name),
        }
    }
}

/// One setting as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRow {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where it comes from.
    pub origin: String,
    /// When it was changed.
    pub changed: Option<TimeView>,
    /// Whether it is what nobody changed.
    pub is_default: bool,
}

/// A user as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: &'static str,
    /// Whose data they see.
    pub organizations: String,
}

/// An API key as a row; the key itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: String,
    /// The organisation that it is bound to.
    pub organization: String,
    /// Whether it has a signing secret of its own.
    pub signs: bool,
    /// Whether it is in force.
    pub state: Badge,
}

impl SettingsPage {
    /// The page of these settings, without users and keys.
    pub fn new(
        frame: Frame,
        settings: Vec<Setting>,
        changed: &BTreeMap<String, Override>,
        secret: bool,
    ) -> Self {
        let mut sections: Vec<(String, Vec<SettingRow>)> = Vec::new();
        let shows_settings = !settings.is_empty();
        for setting in settings {
            let section = section_of(&setting.key);
            let row = SettingRow::new(setting, changed);
            match sections.last_mut().filter(|(name, _)| *name == section) {
                Some((_, rows)) => rows.push(row),
                None => sections.push((section, vec![row])),
            }
        }
        SettingsPage {
            frame: frame.titled("Settings", Section::Settings),
            sections,
            secret: if secret { "set" } else { "not set" },
            users: None,
            keys: None,
            shows_settings,
            levels: None,
        }
    }
}

impl SettingRow {
    fn new(setting: Setting, changed: &BTreeMap<String, Override>) -> SettingRow {
        let row = changed.get(&setting.key);
        SettingRow {
            origin: match row {
                Some(row) => format!("changed by {}", text::cell(Some(&row.by))),
                None => origin_words(&setting.origin),
            },
            changed: row.map(|row| row.at.into()),
            is_default: setting.origin == Origin::Default,
            key: text::short(&setting.key, 300),
            value: setting.value.map_or_else(|| "not set".to_owned(), |value| text::short(&value, 400)),
        }
    }
}

impl From<&User> for UserRow {
    fn from(user: &User) -> UserRow {
        UserRow {
            name: text::cell(Some(&user.name)),
            role: user.role.name(),
            organizations: match &user.organizations[..] {
                [] => "all".to_owned(),
                names => text::short(&names.join(", "), 300),
            },
        }
    }
}

impl From<&ApiKey> for KeyRow {
    fn from(key: &ApiKey) -> KeyRow {
        KeyRow {
            name: text::cell(Some(&key.name)),
            scopes: key.scopes.iter().map(scope_name).collect::<Vec<_>>().join(", "),
            organization: key
                .organization
                .as_deref()
                .map_or_else(|| "any".to_owned(), |name| text::cell(Some(name))),
            signs: key.signing_secret.is_some(),
            state: Badge::of_key(key.revoked),
        }
    }
}

fn scope_name(scope: &KeyScope) -> &'static str {
    match scope {
        KeyScope::Ingest => "ingest",
        KeyScope::Read => "read",
        KeyScope::Admin => "admin",
    }
}

/// `[patterns.FAILED_AUTH]` of `patterns.FAILED_AUTH.threshold`; organisations are one section.
fn section_of(key: &str) -> String {
    match key.rsplit_once('.') {
        None => "The appliance".to_owned(),
        Some(_) if key.starts_with("organizations.") => "[organizations]".to_owned(),
        Some((section, _)) => format!("[{section}]"),
    }
}
