//! Who asks: every read and write is made in the name of a caller and within what it may see.

use super::SourceId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who makes a request, and what they may do. Made by sign-in or from an API key; lives as long as the
/// request.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// What stands in histories and in the log: a user's name, `key:NAME`, `local` or `sealwatch`.
    pub name: String,
    /// What the caller is.
    pub kind: CallerKind,
    /// What it may do.
    pub rights: Rights,
    /// Whose data it may see and send.
    pub organizations: Organizations,
}

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// A program with an API key.
    Key(SourceId),
    /// A person who signed in.
    User,
    /// An operator on the host itself, by way of the data directory's socket.
    Local,
}

/// What a caller may do, each by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Send events.
    pub ingest: bool,
    /// Read events, alerts and numbers.
    pub read: bool,
    /// Change the status of alerts.
    pub triage: bool,
    /// Make keys and users, change settings.
    pub admin: bool,
    /// Read what people and the appliance itself did.
    pub audit: bool,
}

/// Whose data a caller may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Organizations {
    /// Everyone's, and what belongs to nobody.
    All,
    /// That of these, and nothing else.
    Only(BTreeSet<String>),
}

impl Organizations {
    /// Those named; everyone where none is.
    pub fn from_names(names: impl IntoIterator<Item = String>) -> Organizations {
        let names: BTreeSet<String> = names.into_iter().collect();
        if names.is_empty() { Organizations::All } else { Organizations::Only(names) }
    }

    /// Whether data of `organization` is within what the caller may see.
    pub fn allow(&self, organization: Option<&str>) -> bool {
        match self {
            Organizations::All => true,
            Organizations::Only(names) => organization.is_some_and(|name| names.contains(name)),
        }
    }
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Viewer,
    /// Look, and work on alerts.
    Analyst,
    /// Everything.
    Admin,
    /// Look, what the others did included; change nothing.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Analyst, Role::Admin, Role::Auditor];

    /// The name on the command line and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Analyst => "analyst",
            Role::Admin => "admin",
            Role::Auditor => "auditor",
        }
    }

    /// What the role may do.
    pub fn rights(self) -> Rights {
        Rights {
            ingest: false,
            read: true,
            triage: matches!(self, Role::Analyst | Role::Admin),
            admin: self == Role::Admin,
            audit: matches!(self, Role::Admin | Role::Auditor),
        }
    }
}
