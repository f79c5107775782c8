//! What people and the appliance itself did, as an entry of the log.

use super::{ActivityGroup, DiskState, Fingerprint, Pattern, ReceivedAt, Seq, Severity};
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
        /// The first entry that was wrong, where it is known which.
        #[serde(default)]
        first_entry: Option<u64>,
    },
    /// The disk that holds the log has more room, or less, than the settings have a word for.
    DiskChanged {
        /// How it is now.
        state: DiskState,
        /// How much of it is in use, in percent.
        used_percent: u8,
        /// How much is free, in bytes.
        free_bytes: u64,
    },
    /// The host's clock jumped while the appliance ran. Times of receipt never go back, so after a jump back they stand
    /// still until the clock has caught up.
    ClockJumped {
        /// By how many milliseconds, against the time that had really passed.
        by_ms: i64,
    },
    /// A source has sent nothing for longer than its setting allows.
    SourceSilent {
        /// The name of its API key.
        source: String,
        /// When its last event was received; `None` where it never sent one.
        last_seen: Option<ReceivedAt>,
        /// For how long it may be silent, in seconds.
        silence_secs: u64,
    },
    /// A source that had fallen silent sends again.
    SourceHeard {
        /// The name of its API key.
        source: String,
    },
    /// What came in from a source is not what was stored, found to be a duplicate and rejected.
    BooksDiffer {
        /// The name of its API key.
        source: String,
        /// Events that came in.
        received: u64,
        /// Newly in the log.
        stored: u64,
        /// In the log before.
        duplicate: u64,
        /// Answered with an error.
        rejected: u64,
    },
    /// Work failed for good and became a dead letter, or one failed again.
    DeadLetterKept {
        /// Which.
        id: String,
        /// The entry that it is about.
        seq: Seq,
        /// Why it failed.
        cause: String,
    },
    /// More dead letters wait than should, or no longer so many.
    DeadLettersWait {
        /// How many wait.
        waiting: u64,
        /// How many may.
        waiting_max: u64,
    },
    /// Someone had dead letters tried again; the readers do so as they come to this entry.
    DeadLettersRetried {
        /// Which.
        ids: Vec<String>,
        /// Who did it.
        by: String,
    },
    /// A dead letter's work is done after all.
    DeadLetterDone {
        /// Which.
        id: String,
    },
    /// Someone gave up on dead letters, or nobody decided in time.
    DeadLettersDiscarded {
        /// Which.
        ids: Vec<String>,
        /// Who did it.
        by: String,
        /// Why.
        reason: String,
    },
    /// The settings are not those of before: since the last run, or because someone changed them. What someone
    /// changed holds for the entries after this one.
    SettingsChanged {
        /// Each key that changed.
        changes: Vec<SettingChange>,
        /// Who changed it while the appliance ran; `None` for a change of the file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
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
        /// What was asked for, as it stands in the address, cut to 2,000 characters; `None` where that says nothing
        /// more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        query: Option<String>,
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
    /// A target was told of an alert, or was given up, or need not be told any more.
    DeliveryEnded {
        /// The alert.
        alert: Uuid,
        /// What was on its way.
        delivery: Uuid,
        /// By which route.
        route: String,
        /// To which target.
        target: String,
        /// Why it was given up; `None`: the target was told, unless it was `withheld`.
        failure: Option<String>,
        /// Why it need not be told any more once it could have been.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        withheld: Option<String>,
    },
    /// Someone had a dead letter sent again.
    DeliveryRevived {
        /// What is on its way again.
        delivery: Uuid,
        /// Who did it.
        by: String,
    },
    /// Someone decided that a dead letter need not arrive.
    DeliveryDiscarded {
        /// What will not arrive.
        delivery: Uuid,
        /// Who did it.
        by: String,
        /// Why, in their own words.
        reason: String,
    },
    /// Someone stopped the telling of a target, or had it begin again.
    BreakerMoved {
        /// The target.
        target: String,
        /// Whether nothing is sent to it now.
        open: bool,
        /// Who did it.
        by: String,
    },
    /// A target has taken nothing for so long, although it was tried, that someone should look; or nothing but other
    /// settings can mend it.
    TargetBroken {
        /// The target.
        target: String,
        /// When the first of the tries failed.
        since: ReceivedAt,
        /// Why the last one did.
        reason: String,
    },
    /// Notifications to a target were given up, the first or twice as many as when this was entered last.
    DeliveriesGivenUp {
        /// The target.
        target: String,
        /// How many wait for a decision.
        waiting: u64,
    },
    /// There is no more trouble with a target of which one of the two was entered: it takes what is sent to it, and nothing
    /// that was given up waits for a decision; or it is no longer in the settings.
    TargetMended {
        /// The target.
        target: String,
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

impl Activity {
    /// What kind of doing it is.
    pub fn group(&self) -> ActivityGroup {
        match self {
            Activity::AlertRaised { .. } | Activity::AlertNotified { .. } | Activity::AlertChanged { .. } => {
                ActivityGroup::Alerts
            }
            Activity::DeliveryEnded { .. }
            | Activity::DeliveryRevived { .. }
            | Activity::DeliveryDiscarded { .. }
            | Activity::BreakerMoved { .. }
            | Activity::TargetBroken { .. }
            | Activity::DeliveriesGivenUp { .. }
            | Activity::TargetMended { .. }
            | Activity::TargetTested { .. }
            | Activity::SilenceMade { .. }
            | Activity::SilenceEnded { .. } => ActivityGroup::Notifications,
            Activity::UserAdded { .. }
            | Activity::UserRemoved { .. }
            | Activity::PasswordChanged { .. }
            | Activity::SignedIn { .. }
            | Activity::SignInFailed { .. }
            | Activity::SignedOut { .. } => ActivityGroup::People,
            Activity::KeyCreated { .. } | Activity::KeyRevoked { .. } => ActivityGroup::Keys,
            Activity::SettingsChanged { .. } => ActivityGroup::Settings,
            Activity::Searched { .. } | Activity::Exported { .. } => ActivityGroup::Searches,
            Activity::InputKept { .. } | Activity::IdConflict { .. } => ActivityGroup::Input,
            Activity::LogCreated { .. }
            | Activity::Silence
            | Activity::LogKeyNamed { .. }
            | Activity::LogKeyRotated { .. }
            | Activity::LogChecked { .. } => ActivityGroup::Log,
            Activity::DiskChanged { .. }
            | Activity::ClockJumped { .. }
            | Activity::SourceSilent { .. }
            | Activity::SourceHeard { .. }
            | Activity::DeadLetterKept { .. }
            | Activity::DeadLettersWait { .. }
            | Activity::DeadLettersRetried { .. }
            | Activity::DeadLetterDone { .. }
            | Activity::DeadLettersDiscarded { .. }
            | Activity::BooksDiffer { .. } => ActivityGroup::Appliance,
        }
    }

    /// Who did it, `sealwatch` for the appliance itself; `None` where a source did or nobody who is known.
    pub fn by(&self) -> Option<&str> {
        match self {
            Activity::AlertChanged { by, .. }
            | Activity::Searched { by, .. }
            | Activity::Exported { by, .. }
            | Activity::DeliveryRevived { by, .. }
            | Activity::DeliveryDiscarded { by, .. }
            | Activity::BreakerMoved { by, .. }
            | Activity::TargetTested { by, .. }
            | Activity::SilenceEnded { by, .. }
            | Activity::LogKeyRotated { by }
            | Activity::DeadLettersRetried { by, .. }
            | Activity::DeadLettersDiscarded { by, .. }
            | Activity::KeyCreated { by, .. }
            | Activity::KeyRevoked { by, .. }
            | Activity::UserAdded { by, .. }
            | Activity::UserRemoved { by, .. }
            | Activity::PasswordChanged { by, .. } => Some(by),
            Activity::SignedIn { name, .. } | Activity::SignedOut { name } => Some(name),
            Activity::SilenceMade { silence } => Some(&silence.by),
            Activity::SettingsChanged { by: Some(by), .. } => Some(by),
            Activity::SignInFailed { .. } | Activity::InputKept { .. } | Activity::IdConflict { .. } => None,
            _ => Some("sealwatch"),
        }
    }

    /// The user that it was done to, or the name that was tried.
    pub fn about(&self) -> Option<&str> {
        match self {
            Activity::UserAdded { name, .. }
            | Activity::UserRemoved { name, .. }
            | Activity::PasswordChanged { name, .. }
            | Activity::SignInFailed { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The alert that it is a step of; what became of a notification is none.
    pub fn alert(&self) -> Option<Uuid> {
        match self {
            Activity::AlertRaised { alert, .. }
            | Activity::AlertNotified { alert, .. }
            | Activity::AlertChanged { alert, .. } => Some(*alert),
            _ => None,
        }
    }
}

/// A setting that has another value than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// Its name, as the configuration file has it.
    pub key: String,
    /// What it was, as the file would have it; `None` where it was not there.
    pub from: Option<String>,
    /// What it is; `None` where it is gone, or the file's value holds again.
    pub to: Option<String>,
}
