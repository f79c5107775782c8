//! API keys and users as they are kept: secrets only as hashes, but for the ones that sign.

use super::{Organizations, Rights, Role};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The number of an API key, which is also what an event's source is counted by. 0 is the appliance itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u32);

/// An API key: a program's right to send or to read. `key create` makes it; it ends when it is revoked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its number.
    pub id: SourceId,
    /// What people call it; the source of the events that it sends.
    pub name: String,
    /// The organisation that it is bound to; `None` is good for all.
    pub organization: Option<String>,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// SHA-256 of the key, which is random enough to need no slow hash.
    #[serde(with = "hex::serde")]
    pub key_hash: [u8; 32],
    /// What its events are signed with; `None` takes the appliance's default secret.
    pub signing_secret: Option<Secret>,
    /// Whether it was ended; its number and name stay with what it sent.
    #[serde(default)]
    pub revoked: bool,
}

impl ApiKey {
    /// What the key may do.
    pub fn rights(&self) -> Rights {
        let has = |scope| self.scopes.contains(&scope) || self.scopes.contains(&KeyScope::Admin);
        Rights {
            ingest: has(KeyScope::Ingest),
            read: has(KeyScope::Read),
            triage: has(KeyScope::Admin),
            admin: has(KeyScope::Admin),
            audit: has(KeyScope::Admin),
        }
    }

    /// Whose data it may see and send.
    pub fn organizations(&self) -> Organizations {
        Organizations::from_names(self.organization.clone())
    }
}

/// What an API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Send events.
    Ingest,
    /// Read events, alerts and numbers.
    Read,
    /// Everything.
    Admin,
}

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Unique, lower case.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whose data they may see; empty is everyone's.
    pub organizations: Vec<String>,
    /// Argon2id in PHC form.
    pub password_hash: String,
}

/// A text that must never be shown: it is wiped when it ends, and prints as nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// The text itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
