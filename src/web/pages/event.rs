//! One event: all that was sent, what was found, and where it stands in the log.

use super::address::address;
use super::alerts::AlertRow;
use super::badge::Badge;
use super::curl;
use super::events;
use super::fields;
use super::frame::{Frame, Section};
use super::neighbours::Neighbours;
use super::subject::Subject;
use super::time::TimeView;
use super::{text, words};
use crate::model::{Alert, AuditEvent, Entry, EntryFlags, Hash, Verdict, organization_of};
use askama::Template;

/// Above this many characters a value gets a box of its own that scrolls.
const LONG_CHARS: usize = 300;

/// How many characters of the raw bytes the page shows; the rest is a click away.
const RAW_CHARS_MAX: usize = 32_768;

/// What `event.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "event.html")]
pub struct EventPage {
    /// Around it.
    pub frame: Frame,
    /// Its id.
    pub id: String,
    /// What was done.
    pub action: String,
    /// How it ended.
    pub status: Badge,
    /// Who did it; empty where it names nobody.
    pub principal: String,
    /// The page of whoever did it.
    pub principal_href: String,
    /// What it was done to; empty where it names nothing.
    pub target: String,
    /// The page of that, where it has an id.
    pub target_href: Option<String>,
    /// Whose event; empty where it is nobody's.
    pub organization: String,
    /// Whether the API key gave the organisation, not the event.
    pub organization_assigned: bool,
    /// When it happened.
    pub time: TimeView,
    /// What else was noticed about it when it came in, each a sentence.
    pub remarks: Vec<&'static str>,
    /// Every field as sent.
    pub fields: Vec<FieldRow>,
    /// What checking its integrity found.
    pub integrity: IntegrityView,
    /// Its number in the log.
    pub seq: String,
    /// When it was received.
    pub received: TimeView,
    /// Who sent it.
    pub source: String,
    /// Its leaf in the log's tree, 64 hex digits.
    pub leaf_hash: String,
    /// The bytes as received, made visible.
    pub raw: String,
    /// How many bytes those are.
    pub raw_size: String,
    /// How the raw bytes were cut, if they were.
    pub raw_cut: Option<String>,
    /// Where more of the same are: address and words.
    pub more: Vec<(String, String)>,
    /// The alerts that it counted towards.
    pub alerts: Vec<AlertRow>,
    /// What happened around it; nothing where no id ties it to others.
    pub neighbours: Option<Neighbours>,
    /// The call of the API that gives the same.
    pub curl: String,
}

/// What the page is made of. The handler reads it in one go.
#[derive(Clone, Copy, Debug)]
pub struct EventParts<'a> {
    /// The entry of the log.
    pub entry: &'a Entry,
    /// The event in its body.
    pub event: &'a AuditEvent<'a>,
    /// Its leaf in the log's tree.
    pub leaf_hash: Hash,
    /// The name of the API key that sent it.
    pub source: &'a str,
    /// The hash over its content as computed now, in hex; nothing where that cannot be computed.
    pub computed_hash: Option<&'a str>,
    /// The alerts that it counted towards, as far as the user may see them.
    pub alerts: &'a [Alert],
    /// Where the appliance is reached.
    pub base_url: &'a str,
}

impl EventPage {
    /// The page of that event, with what happened around it.
    pub fn new(frame: Frame, parts: EventParts<'_>, neighbours: Option<Neighbours>) -> EventPage {
        let EventParts { entry, event, .. } = parts;
        let organization = organization_of(entry, event);
        let raw = String::from_utf8_lossy(&entry.body);
        let raw_end = raw.char_indices().nth(RAW_CHARS_MAX).map(|(end, _)| end);
        EventPage {
            frame: frame.titled("Event", Section::Events),
            id: entry.id.to_string(),
            action: text::short(&event.action, LONG_CHARS),
            status: event.status.into(),
            principal: text::short(event.principal_id.as_deref().unwrap_or_default(), LONG_CHARS),
            principal_href: Subject::principal(event.principal_id.as_deref().unwrap_or_default()).address(),
            target: events::target(event),
            target_href: events::target_page(event),
            organization: text::cell(organization),
            organization_assigned: entry.assigned_organization.is_some(),
            time: event.timestamp.into(),
            remarks: remarks(entry.flags),
            fields: fields::flatten(&entry.body).iter().map(FieldRow::from).collect(),
            integrity: IntegrityView::new(entry.verdict, event, parts.computed_hash),
            seq: entry.seq.to_string(),
            received: entry.received_at.into(),
            source: text::cell(Some(parts.source)),
            leaf_hash: hex::encode(parts.leaf_hash),
            raw_size: words::counted(entry.body.len() as u64, "byte"),
            raw_cut: raw_end.map(|_| words::count(RAW_CHARS_MAX as u64)),
            raw: text::visible_lines(&raw[..raw_end.unwrap_or(raw.len())]),
            more: more(event, organization),
            alerts: parts.alerts.iter().map(AlertRow::from).collect(),
            neighbours,
            curl: curl::get(parts.base_url, &format!("/api/v1/audit/events/{}", entry.id)),
        }
    }
}

/// One field of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRow {
    /// Where it stands in the JSON.
    pub path: String,
    /// Its value, whole.
    pub value: String,
    /// How long it is, where it is so long that it gets a box of its own.
    pub long: Option<String>,
}

impl From<&fields::Field> for FieldRow {
    fn from(field: &fields::Field) -> FieldRow {
        let length = field.value.chars().count();
        FieldRow {
            path: text::cell(Some(&field.path)),
            value: text::visible(&field.value),
            long: (length > LONG_CHARS).then(|| words::counted(length as u64, "character")),
        }
    }
}

/// The verdict, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrityView {
    /// What was found.
    pub verdict: Badge,
    /// What that means.
    pub meaning: &'static str,
    /// What the hash covers.
    pub covers: &'static str,
    /// The hash's algorithm.
    pub hash_algorithm: String,
    /// The hash that came with the event.
    pub stored_hash: Option<String>,
    /// The hash over its content.
    pub computed_hash: Option<String>,
    /// Whether the two are the same; nothing where one of them is missing.
    pub same: Option<bool>,
    /// The signature that came with it, and its algorithm.
    pub signature: Option<(String, String)>,
}

impl IntegrityView {
    fn new(verdict: Verdict, event: &AuditEvent<'_>, computed_hash: Option<&str>) -> IntegrityView {
        let claim = &event.claim;
        let hash_algorithm = claim.hash_algorithm.as_deref().unwrap_or("SHA-256");
        let algorithm = claim.algorithm.as_deref().unwrap_or("HMAC-SHA256");
        let signature = claim.signature.as_deref();
        IntegrityView {
            verdict: verdict.into(),
            meaning: meaning(verdict, claim.hash.is_some()),
            covers: covers(hash_algorithm),
            hash_algorithm: text::cell(Some(hash_algorithm)),
            stored_hash: claim.hash.as_deref().map(|hash| text::cell(Some(hash))),
            computed_hash: computed_hash.map(str::to_owned),
            same: claim
                .hash
                .as_deref()
                .zip(computed_hash)
                .map(|(stored, now)| stored.eq_ignore_ascii_case(now)),
            signature: signature.map(|it| (text::short(it, LONG_CHARS), text::cell(Some(algorithm)))),
        }
    }
}

fn meaning(verdict: Verdict, has_hash: bool) -> &'static str {
    match (verdict, has_hash) {
        (Verdict::Verified, _) => {
            "The hash is that of the content and, where a key of the source is known, so is the signature: \
             what was sealed by the sender is what arrived here."
        }
        (Verdict::Unsigned, false) => {
            "The sender gave no hash. Nobody can tell whether the event was changed before it arrived; from \
             then on the log's tree holds it fast."
        }
        (Verdict::Unsigned, true) => {
            "The hash is that of the content, but the signature is missing that the source's key would have \
             made: anyone could have written this hash."
        }
        (Verdict::HashMismatch, _) => {
            "The hash is not that of the content. The event was changed after it was sealed, or the sender \
             computes its hash wrongly. It is kept as evidence."
        }
        (Verdict::SignatureMismatch, _) => {
            "The hash is that of the content, but the signature was not made with the source's key. Someone \
             else may have written it, or the key was changed on one side only."
        }
        (Verdict::Unverifiable, _) => {
            "It could not be checked: the algorithm or the key is not at hand here, or a number in it is \
             too large for the canonical form."
        }
    }
}

fn covers(hash_algorithm: &str) -> &'static str {
    match hash_algorithm {
        "SHA-256-JCS" => "The whole event, but for the seal itself.",
        _ => {
            "Eight fields: action, organizationId, outcomeDescription, principalId, status, \
             targetResourceId, targetResourceType, timestamp. The others are held fast from receipt on."
        }
    }
}

fn remarks(flags: EntryFlags) -> Vec<&'static str> {
    let known = [
        (EntryFlags::TIME_SUSPECT, "Its time lies too far after its receipt, so no pattern counts it."),
        (EntryFlags::TIME_ASSIGNED, "The sender gave no time; the time of receipt counts."),
        (EntryFlags::UNKNOWN_VERSION, "Its eventVersion is not one that is known here."),
    ];
    known.into_iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, remark)| remark).collect()
}

fn more(event: &AuditEvent<'_>, organization: Option<&str>) -> Vec<(String, String)> {
    let ip_address = event.session.as_ref().and_then(|session| session.ip_address.as_deref());
    let kinds = [
        ("principal", "by this principal", event.principal_id.as_deref()),
        ("address", "from this address", ip_address),
        ("correlation", "with this correlation id", event.correlation_id.as_deref()),
        ("action", "of this action", Some(&*event.action)),
        ("type", "on this type of target", event.target_resource_type.as_deref()),
        ("org", "of this organisation", organization),
    ];
    kinds
        .into_iter()
        .filter_map(|(field, words, value)| Some((field, words, value.filter(|value| !value.is_empty())?)))
        .map(|(field, words, value)| (address("/events", [(field, value)]), format!("More {words}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_remark_stands_for_its_flag() {
        assert!(remarks(EntryFlags::default()).is_empty());
        let flags = EntryFlags::TIME_ASSIGNED.with(EntryFlags::UNKNOWN_VERSION, true);
        let said = remarks(flags);
        assert_eq!(said.len(), 2);
        assert!(said[0].contains("time of receipt") && said[1].contains("eventVersion"));
    }

    #[test]
    fn an_unsigned_event_is_told_apart_by_whether_it_has_a_hash() {
        assert!(meaning(Verdict::Unsigned, false).contains("no hash"));
        assert!(meaning(Verdict::Unsigned, true).contains("signature is missing"));
    }

    #[test]
    fn a_long_value_is_whole_and_says_how_long_it_is() {
        let row = |length| FieldRow::from(&fields::Field { path: "a".into(), value: "x".repeat(length) });
        assert_eq!(row(LONG_CHARS).long, None);
        assert_eq!(row(10_000).long.as_deref(), Some("10,000 characters"));
        assert_eq!(row(10_000).value.len(), 10_000);
    }
}
