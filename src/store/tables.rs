//! Every table of `log.redb`. Values are bytes behind a version byte of our own, so that their form is ours
//! to change.

use redb::TableDefinition;

/// Facts about the file itself: see the `META_…` keys.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// The version of everything in this file, u32 little-endian.
pub(super) const META_FORMAT: &str = "format";
/// 16 random bytes, fixed when the log is made.
pub(super) const META_LOG_ID: &str = "log_id";
/// 32 random bytes that key the digests which tell a retry from a conflict.
pub(super) const META_CONTENT_KEY: &str = "content_key";

/// The name under which checkpoints are signed, fixed when the log is made.
pub(super) const META_ORIGIN: &str = "origin";
/// The settings of the last run, as a JSON object of texts.
pub(super) const META_SETTINGS: &str = "settings";
/// When the health check last wrote, ns since 1970, u64 little-endian.
pub(super) const META_PROBED: &str = "probed";
/// What the last check of the log found, as JSON.
pub(super) const META_CHECKED: &str = "checked";

/// Log blocks by the number of their first entry; see [`crate::archive`].
pub(super) const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
/// What a block holds, to pass over it unread: entries u32 ‖ events u32 ‖ events in all blocks before u64 ‖
/// first and last event time, i64 ms each, little-endian.
pub(super) const BLOCK_INDEX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("block_index");
/// Tiles of the Merkle tree by level and index: their hashes, one after another.
pub(super) const TILES: TableDefinition<'_, (u8, u64), &[u8]> = TableDefinition::new("tiles");
/// Signed checkpoints by the size of the tree that they sign: version u8 ‖ when, ns since 1970, u64
/// little-endian ‖ text.
pub(super) const CHECKPOINTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("checkpoints");
/// The keys that sign checkpoints, by the place of the entry that names each: the text of the verifier key.
pub(super) const LOG_KEYS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log_keys");
/// Ids that senders gave: id ‖ digest of the organisation → seq u64 ‖ content digest.
pub(super) const IDS: TableDefinition<'_, &[u8; 32], &[u8; 24]> = TableDefinition::new("ids");

/// Answers to requests with an `Idempotency-Key`, by the digest of caller and key.
pub(super) const ANSWERS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("answers");
/// The same by the time they are kept until, ns since 1970.
pub(super) const ANSWERS_BY_END: TableDefinition<'_, (u64, &[u8; 32]), ()> =
    TableDefinition::new("answers_by_end");

/// Alerts by id, without the events that counted.
pub(super) const ALERTS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("alerts");
/// The events that counted, by the alert's id.
pub(super) const EVIDENCE: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("evidence");
/// Of each fingerprint the alert that is open, or without one the last that was.
pub(super) const CURRENT_ALERTS: TableDefinition<'_, &[u8; 32], &[u8; 16]> =
    TableDefinition::new("current_alerts");
/// Alerts by the events that counted, as far as the evidence names them: seq ‖ alert id.
pub(super) const ALERTS_OF_EVENT: TableDefinition<'_, (u64, &[u8; 16]), ()> =
    TableDefinition::new("alerts_of_event");
/// The entries of each alert's life: alert id ‖ seq → 1 where people were told, else 0.
pub(super) const ENTRIES_OF_ALERT: TableDefinition<'_, (&[u8; 16], u64), u8> =
    TableDefinition::new("entries_of_alert");
/// Events that came too late for a window, by their place in the log.
pub(super) const LATE_EVENTS: TableDefinition<'_, u64, ()> = TableDefinition::new("late_events");

/// Notifications by id: what each route was told when, or was not told and why.
pub(super) const DELIVERIES: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("deliveries");
/// The same by alert and when it was decided, ns since 1970.
pub(super) const DELIVERIES_OF_ALERT: TableDefinition<'_, (&[u8; 16], u64, &[u8; 16]), ()> =
    TableDefinition::new("deliveries_of_alert");
/// Those that are still to be made, by target and when the next try is due, ns since 1970.
pub(super) const OUTBOX: TableDefinition<'_, (&str, u64, &[u8; 16]), ()> = TableDefinition::new("outbox");
/// Those that were given up, by target and when, ns since 1970.
pub(super) const UNDELIVERED: TableDefinition<'_, (&str, u64, &[u8; 16]), ()> =
    TableDefinition::new("undelivered");
/// Those about which nothing more is to be done, by when they ended, ns since 1970.
pub(super) const ENDED_DELIVERIES: TableDefinition<'_, (u64, &[u8; 16]), ()> =
    TableDefinition::new("ended_deliveries");
/// Silences by their end, ns since 1970, and id.
pub(super) const SILENCES: TableDefinition<'_, (u64, &[u8; 16]), &[u8]> = TableDefinition::new("silences");

/// How far each reader has come: the first entry it has not seen.
pub(super) const POSITIONS: TableDefinition<'_, &str, u64> = TableDefinition::new("positions");
/// The detection windows in pieces; piece 0 begins with the position they were taken at. The last possible number
/// holds the settings changed at run time that were in force there.
pub(super) const SNAPSHOT: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("snapshot");

/// API keys by number.
pub(super) const KEYS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("keys");
/// Users by name.
pub(super) const USERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("users");
/// Sessions by the hash of their token.
pub(super) const SESSIONS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("sessions");

/// The searches that people keep, by user and name.
pub(super) const SAVED_SEARCHES: TableDefinition<'_, (&str, &str), &[u8]> =
    TableDefinition::new("saved_searches");

/// Settings changed at run time, by key: JSON.
pub(super) const OVERRIDES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("overrides");

/// Work that failed for good, by kind, whose it was and what it was about: JSON.
pub(super) const FAILED_STEPS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("failed_steps");

/// What the appliance noticed last of itself and its sources, by what it is about: how that was.
pub(super) const NOTICED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("noticed");

/// Per source, what was received, stored, found to be a duplicate and rejected: four u64.
pub(super) const ACCOUNTS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("accounts");
