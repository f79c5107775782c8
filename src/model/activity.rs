//! What people and the appliance itself did, as an entry of the log.

use super::{Fingerprint, Pattern, ReceivedAt, Severity};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One thing that was done: the body of an [`EntryKind::Activity`](super::EntryKind::Activity) entry, as
/// JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "activity", rename_all = "snake_case")]
pub enum Activity {
    /// The log was created.
    LogCreated {
        /// Random, fixed for the life of the log.
        log_id: String,
        /// Version of the program that made it.
        version: String,
    },
    /// Nothing came for an hour.
    Silence,
    /// The key that signs checkpoints from here on. One that signed before has signed the checkpoint that ends with
    /// this entry, and none after it. Published with its salt, so it says nothing of people.
    LogKeyNamed {
        /// The key, as C2SP signed-note writes verifier keys.
        key: String,
        /// The one that signed until here; `None` for the log's first.
        previous: Option<String>,
    },
    /// Someone had the key that signs checkpoints replaced; the next entry names the new one.
    LogKeyRotated {
        /// Who did it.
        by: String,
    },
    /// The log was read from its first entry to the last and compared with its tree.
    LogChecked {
        /// How many entries there were.
        entries: u64,
        /// How much was wrong.
        findings: u64,
        /// What was wrong first.
        first: Option<String>,
    },
    /// The settings are not those of the last run.
    SettingsChanged {
        /// Each key that changed.
        changes: Vec<SettingChange>,
    },
    /// Someone looked for events or alerts.
    Searched {
        /// Who did it.
        by: String,
        /// The page or the call.
        place: String,
        /// What was asked for, as it stands in the address, cut to 2,000 characters.
        query: String,
    },
    /// Someone took data out of the appliance.
    Exported {
        /// Who did it.
        by: String,
        /// What it was.
        what: String,
    },
    /// Input that was no valid event, kept as evidence of what came.
    InputKept {
        /// What its answer said.
        code: String,
        /// The field that breaks a rule.
        field: Option<String>,
        /// SHA-256 of all of it.
        #[serde(with = "hex::serde")]
        sha256: [u8; 32],
        /// How long it was, in bytes.
        length: u64,
        /// Its beginning, in base64.
        beginning: String,
    },
    /// An alert was raised.
    AlertRaised {
        /// The alert.
        alert: Uuid,
        /// What it is about.
        pattern: Pattern,
        /// How serious.
        severity: Severity,
        /// Pattern, organisation and key in one value.
        #[serde(with = "hex::serde")]
        fingerprint: Fingerprint,
        /// Whose events.
        organization: Option<String>,
        /// The principal, address or source that it is about.
        key: String,
        /// When the event that fired first was received.
        created_at: ReceivedAt,
        /// The ids of the events that had counted by then.
        events: Vec<Uuid>,
    },
    /// People were told of an alert, and the cooldown began anew.
    AlertNotified {
        /// The alert.
        alert: Uuid,
        /// Pattern, organisation and key in one value.
        #[serde(with = "hex::serde")]
        fingerprint: Fingerprint,
        /// How often it had fired by then.
        occurrences: u64,
        /// Event time, in nanoseconds since 1970, at which the cooldown ends.
        quiet_until: ReceivedAt,
    },
    /// A target was told of an alert, or was given up.
    DeliveryEnded {
        /// The alert.
        alert: Uuid,
        /// What was on its way.
        delivery: Uuid,
        /// By which route.
        route: String,
        /// To which target.
        target: String,
        /// Why it was given up; `None`: the target was told.
        failure: Option<String>,
    },
    /// Someone had a dead letter sent again.
    DeliveryRevived {
        /// What is on its way again.
        delivery: Uuid,
        /// Who did it.
        by: String,
    },
    /// Someone had a test sent to a target.
    TargetTested {
        /// The target.
        target: String,
        /// Who did it.
        by: String,
        /// Why it failed; `None`: it arrived.
        failure: Option<String>,
    },
    /// Someone made a silence.
    SilenceMade {
        /// The silence, with who made it and why.
        silence: super::Silence,
    },
    /// Someone ended a silence early.
    SilenceEnded {
        /// Which.
        silence: Uuid,
        /// Who did it.
        by: String,
    },
    /// Someone changed the status of an alert or said something about it.
    AlertChanged {
        /// The alert.
        alert: Uuid,
        /// What was done.
        change: super::AlertChange,
        /// Who did it.
        by: String,
        /// Why.
        note: Option<String>,
    },
    /// An id came again with other content; the second event was not stored.
    IdConflict {
        /// The id.
        id: Uuid,
        /// Whose event.
        organization: Option<String>,
        /// SHA-256 of the bytes that were refused.
        #[serde(with = "hex::serde")]
        refused_sha256: [u8; 32],
    },
    /// An API key was made.
    KeyCreated {
        /// Its name.
        name: String,
        /// Its number.
        id: u32,
        /// The organisation that it is bound to.
        organization: Option<String>,
        /// Who made it.
        by: String,
    },
    /// An API key was revoked.
    KeyRevoked {
        /// Its name.
        name: String,
        /// Who did it.
        by: String,
    },
    /// A user was added.
    UserAdded {
        /// The user.
        name: String,
        /// What they may do.
        role: super::Role,
        /// Who added them.
        by: String,
    },
    /// A user was removed.
    UserRemoved {
        /// The user.
        name: String,
        /// Who did it.
        by: String,
    },
    /// A user's password was changed; their sessions ended.
    PasswordChanged {
        /// The user.
        name: String,
        /// Who did it.
        by: String,
    },
    /// Someone signed in.
    SignedIn {
        /// The user.
        name: String,
        /// From where.
        address: String,
    },
    /// Someone failed to sign in.
    SignInFailed {
        /// The name that was tried, cut to 100 characters.
        name: String,
        /// From where.
        address: String,
    },
    /// Someone signed out.
    SignedOut {
        /// The user.
        name: String,
    },
}

/// A setting that has another value than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// Its name, as the configuration file has it.
    pub key: String,
    /// What it was; `None` where it was not there.
    pub from: Option<String>,
    /// What it is; `None` where it is gone.
    pub to: Option<String>,
}
