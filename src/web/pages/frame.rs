//! What stands around every page: its title, the navigation, who is signed in.

use super::text;
use super::words;
use crate::model::Role;

/// The data of `base.html`. A handler makes it once per request with [`Frame::new`]; each page gives it its
/// title.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Stands in the browser's tab.
    pub title: String,
    /// The entry of the navigation that is marked.
    pub section: Section,
    /// Who is signed in; without anyone there is no navigation.
    pub user: Option<UserView>,
    /// How many alerts are open, among those that the user may see.
    pub open_alerts: u64,
    /// Whether this is `sealwatch demo`: says so on every page.
    pub demo: bool,
    /// How many entries the log has, grouped in threes.
    pub log_size: String,
    /// The program's version.
    pub version: &'static str,
    /// Where the page hears what is new, if it does.
    pub live: Option<String>,
}

impl Frame {
    /// The frame of a request; `log_size` counts the log's entries.
    pub fn new(
        user: Option<UserView>,
        open_alerts: u64,
        demo: bool,
        log_size: u64,
        version: &'static str,
    ) -> Frame {
        Frame {
            title: String::new(),
            section: Section::None,
            user,
            open_alerts,
            demo,
            log_size: words::count(log_size),
            version,
            live: None,
        }
    }

    /// The frame of the page with that title, in that section.
    pub fn titled(self, title: impl Into<String>, section: Section) -> Frame {
        Frame { title: title.into(), section, ..self }
    }

    /// Whether whoever is signed in may change alerts.
    pub fn can_triage(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.can_triage)
    }
}

/// Where a page belongs in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The overview.
    Overview,
    /// The alerts and each one of them.
    Alerts,
    /// The search.
    Search,
    /// The events and each one of them.
    Events,
    /// Who is told.
    Notifications,
    /// The patterns and each one of them.
    Patterns,
    /// The settings.
    Settings,
    /// The sources.
    Sources,
    /// How the appliance is.
    Health,
    /// The help.
    Help,
    /// What people and the appliance itself did.
    Activity,
    /// What is proven of the log.
    Integrity,
    /// Nowhere: sign-in and messages.
    None,
}

/// Whoever is signed in, as the frame shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserView {
    /// Their name.
    pub name: String,
    /// What they are: `analyst`.
    pub role: &'static str,
    /// Whether they may change alerts.
    pub can_triage: bool,
}

impl UserView {
    /// The user of that name and role.
    pub fn new(name: &str, role: Role) -> UserView {
        UserView { name: text::cell(Some(name)), role: role.name(), can_triage: role.rights().triage }
    }
}
