//! What was done, as a sentence in plain words.

use super::group_word;
use crate::model::{Activity, ActivityGroup, AlertChange, DiskState, SettingChange};
use crate::web::pages::badge::Badge;
use crate::web::pages::time::TimeView;
use crate::web::pages::{text, words};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Characters of a longer text that a detail shows.
const DETAIL_CHARS: usize = 400;
/// Changed settings that a row lists.
const SETTINGS_SHOWN: usize = 30;

/// One doing in words: `who did`, what else there is to say of it, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its kind.
    pub mark: Badge,
    /// The subject.
    pub who: String,
    /// The rest.
    pub did: String,
    /// What else there is to say, a line each.
    pub details: Vec<String>,
    /// The page of what it is about, and words for it.
    pub link: Option<(String, &'static str)>,
}

impl Sentence {
    /// The sentence of an activity; `source` names the API key where one did it.
    pub fn new(activity: &Activity, source: &str) -> Sentence {
        Sentence {
            mark: mark(activity.group()),
            who: who(activity, source),
            did: did(activity),
            details: details(activity),
            link: link(activity),
        }
    }

    /// All of it in one line.
    pub fn whole(&self) -> String {
        format!("{} {}", self.who, self.did)
    }
}

fn mark(group: ActivityGroup) -> Badge {
    let (icon, tone) = match group {
        ActivityGroup::Alerts => ("bell", "high"),
        ActivityGroup::Notifications => ("bell", "info"),
        ActivityGroup::People => ("person", "low"),
        ActivityGroup::Keys => ("key", "low"),
        ActivityGroup::Settings => ("settings", "accent"),
        ActivityGroup::Searches => ("search", "info"),
        ActivityGroup::Log => ("seal", "good"),
        ActivityGroup::Input => ("cross", "medium"),
        ActivityGroup::Appliance => ("health", "medium"),
    };
    Badge { icon, word: group_word(group), tone }
}

fn who(activity: &Activity, source: &str) -> String {
    match activity.by() {
        Some("sealwatch") => "Sealwatch".to_owned(),
        Some("local") => "The host’s operator".to_owned(),
        Some(name) => text::cell(Some(name)),
        None if activity.group() == ActivityGroup::Input => format!("The API key {}", quoted(source)),
        None => "Someone".to_owned(),
    }
}

fn did(activity: &Activity) -> String {
    match activity {
        Activity::LogCreated { .. } => "made the log".to_owned(),
        Activity::Silence => "noted that nothing had come for an hour".to_owned(),
        Activity::LogKeyNamed { previous: None, .. } => "named the key that signs checkpoints".to_owned(),
        Activity::LogKeyNamed { .. } => "named a new key that signs checkpoints from here on".to_owned(),
        Activity::LogKeyRotated { .. } => "had the key that signs checkpoints replaced".to_owned(),
        Activity::LogChecked { entries, findings: 0, .. } => {
            format!(
                "read the log from its first entry to the last, {}, and found it whole",
                entries_of(*entries)
            )
        }
        Activity::LogChecked { entries, findings, .. } => {
            let found = words::counted(*findings, "finding");
            format!("read the log from its first entry to the last, {}: {found}", entries_of(*entries))
        }
        Activity::DiskChanged { state, used_percent, .. } => {
            format!("found {used_percent} % of the disk in use: {}", disk_word(*state))
        }
        Activity::ClockJumped { by_ms } => {
            let way = if *by_ms < 0 { "back" } else { "forward" };
            let span = words::span(by_ms.unsigned_abs().div_ceil(1_000));
            format!("noticed that the host’s clock jumped {way} by {span}")
        }
        Activity::SourceSilent { source, silence_secs, .. } => {
            let silence = words::span(*silence_secs);
            format!("heard nothing from the source {} for more than {silence}", quoted(source))
        }
        Activity::SourceHeard { source } => format!("heard from the source {} again", quoted(source)),
        Activity::BooksDiffer { source, .. } => {
            format!("found events of the source {} unaccounted for", quoted(source))
        }
        Activity::DeadLetterKept { id, .. } => {
            format!("failed at {} and keeps it as a dead letter", quoted(id))
        }
        Activity::DeadLettersWait { waiting, .. } => {
            let letters = words::counted(*waiting, "dead letter");
            format!("counted {letters} that {} for a decision", if *waiting == 1 { "waits" } else { "wait" })
        }
        Activity::DeadLettersRetried { ids, .. } => {
            format!("had {} tried again", words::counted(ids.len() as u64, "dead letter"))
        }
        Activity::DeadLetterDone { id } => {
            format!("did the work of the dead letter {} after all", quoted(id))
        }
        Activity::DeadLettersDiscarded { ids, .. } => {
            format!("gave up on {}", words::counted(ids.len() as u64, "dead letter"))
        }
        Activity::SettingsChanged { changes, by } => {
            let verb = if by.is_some() { "changed" } else { "started with" };
            let what = if by.is_some() { "setting" } else { "changed setting" };
            format!("{verb} {}", words::counted(changes.len() as u64, what))
        }
        Activity::Searched { place, .. } => format!("searched the {}", searched(place)),
        Activity::Exported { what, .. } => format!("took out {}", text::short(what, DETAIL_CHARS)),
        Activity::InputKept { code, field, length, .. } => {
            let field = field.as_deref().map(|field| format!(" in the field {}", quoted(field)));
            let length = words::counted(*length, "byte");
            format!(
                "sent {length} that are no event: {}{}",
                text::cell(Some(code)),
                field.unwrap_or_default()
            )
        }
        Activity::AlertRaised { pattern, severity, organization, key, .. } => {
            let whose = organization.as_deref().map(|name| format!(", organisation {}", quoted(name)));
            let (severity, what) = (severity.name().to_lowercase(), pattern.title());
            let whose = whose.unwrap_or_default();
            format!("raised an alert, {severity}: “{what}”, about {}{whose}", quoted(key))
        }
        Activity::AlertNotified { occurrences, .. } => {
            format!("gave notice of an alert that had fired {} ×", words::count(*occurrences))
        }
        Activity::DeliveryEnded { target, withheld: Some(_), .. } => {
            format!("did not tell {} of an alert any more", quoted(target))
        }
        Activity::DeliveryEnded { target, failure: None, .. } => {
            format!("told {} of an alert", quoted(target))
        }
        Activity::DeliveryEnded { target, .. } => format!("gave up telling {} of an alert", quoted(target)),
        Activity::DeliveryRevived { .. } => "had a dead letter sent again".to_owned(),
        Activity::DeliveryDiscarded { .. } => "discarded a dead letter".to_owned(),
        Activity::BreakerMoved { target, open: true, .. } => format!("stopped telling {}", quoted(target)),
        Activity::BreakerMoved { target, .. } => format!("had {} told again", quoted(target)),
        Activity::TargetBroken { target, since, .. } => {
            format!("has not got through to {} since {}", quoted(target), TimeView::from(*since).text)
        }
        Activity::DeliveriesGivenUp { target, waiting } => {
            let letters = words::counted(*waiting, "notification");
            format!(
                "counted {letters} to {} that {} given up",
                quoted(target),
                if *waiting == 1 { "was" } else { "were" }
            )
        }
        Activity::TargetMended { target } => format!("found no more trouble with {}", quoted(target)),
        Activity::TargetTested { target, failure: None, .. } => {
            format!("sent a test to {}, and it arrived", quoted(target))
        }
        Activity::TargetTested { target, .. } => {
            format!("sent a test to {}, and it did not arrive", quoted(target))
        }
        Activity::SilenceMade { silence } => {
            format!("made a silence until {}", TimeView::from(silence.ends_at).text)
        }
        Activity::SilenceEnded { .. } => "ended a silence".to_owned(),
        Activity::AlertChanged { change, .. } => changed(*change).to_owned(),
        Activity::IdConflict { .. } => {
            "sent other content under an id that was in use; it was not stored".to_owned()
        }
        Activity::KeyCreated { name, organization, .. } => match organization {
            Some(of) => format!("made the API key {} for the organisation {}", quoted(name), quoted(of)),
            None => format!("made the API key {} for all organisations", quoted(name)),
        },
        Activity::KeyRevoked { name, .. } => format!("revoked the API key {}", quoted(name)),
        Activity::UserAdded { name, role, .. } => {
            format!("added the user {} as {}", quoted(name), role.name())
        }
        Activity::UserRemoved { name, .. } => format!("removed the user {}", quoted(name)),
        Activity::PasswordChanged { name, by } if name == by => "changed their own password".to_owned(),
        Activity::PasswordChanged { name, .. } => format!("changed the password of {}", quoted(name)),
        Activity::SignedIn { address, .. } => format!("signed in{}", from(address)),
        Activity::SignInFailed { name, address } => {
            format!("failed to sign in as {}{}", quoted(name), from(address))
        }
        Activity::SignedOut { .. } => "signed out".to_owned(),
    }
}

fn disk_word(state: DiskState) -> &'static str {
    match state {
        DiskState::Roomy => "there is room again",
        DiskState::Scarce => "room is scarce",
        DiskState::Short => "room is short",
        DiskState::Full => "no event is taken in until there is room",
        DiskState::Spent => "nothing is written until there is room",
    }
}

fn changed(change: AlertChange) -> &'static str {
    match change {
        AlertChange::Raised => "raised an alert",
        AlertChange::Notified => "gave notice of an alert",
        AlertChange::Acknowledged => "acknowledged an alert",
        AlertChange::Resolved => "resolved an alert",
        AlertChange::Dismissed => "dismissed an alert",
        AlertChange::Reopened => "reopened an alert",
        AlertChange::Commented => "commented on an alert",
        AlertChange::Suppressed => "raised an alert that a silence covers",
        AlertChange::Resumed => "saw an alert fire after its silence had ended",
    }
}

fn entries_of(number: u64) -> String {
    match number {
        1 => "1 entry".to_owned(),
        number => format!("{} entries", words::count(number)),
    }
}

fn searched(place: &str) -> String {
    match place {
        "/events" => "events".to_owned(),
        "/alerts" => "alerts".to_owned(),
        "/search" => "events and alerts".to_owned(),
        "/principal" => "all of one principal".to_owned(),
        "/resource" => "all of one resource".to_owned(),
        "/api/v1/audit/events" => "events by the API".to_owned(),
        "/api/v1/alerts" => "alerts by the API".to_owned(),
        other => format!("data at {}", text::cell(Some(other))),
    }
}

fn from(address: &str) -> String {
    if address.is_empty() { String::new() } else { format!(" from {}", text::cell(Some(address))) }
}

fn quoted(name: &str) -> String {
    format!("“{}”", text::cell(Some(name)))
}

fn details(activity: &Activity) -> Vec<String> {
    match activity {
        Activity::LogCreated { log_id, version } => {
            vec![format!("log {}, Sealwatch {}", text::cell(Some(log_id)), text::cell(Some(version)))]
        }
        Activity::LogKeyNamed { key, .. } => vec![text::short(key, DETAIL_CHARS)],
        Activity::LogChecked { first: Some(first), .. } => {
            vec![format!("the first: {}", text::short(first, DETAIL_CHARS))]
        }
        Activity::SettingsChanged { changes, .. } => settings(changes),
        Activity::DiskChanged { free_bytes, .. } => vec![format!("{} bytes free", words::count(*free_bytes))],
        Activity::DeadLetterKept { cause, .. } => vec![text::short(cause, DETAIL_CHARS)],
        Activity::DeadLettersDiscarded { ids, reason, .. } => {
            vec![text::short(reason, DETAIL_CHARS), text::short(&ids.join(", "), DETAIL_CHARS)]
        }
        Activity::DeadLettersRetried { ids, .. } => vec![text::short(&ids.join(", "), DETAIL_CHARS)],
        Activity::BooksDiffer { received, stored, duplicate, rejected, .. } => vec![format!(
            "{} received, but {} stored, {} duplicate and {} rejected",
            words::count(*received),
            words::count(*stored),
            words::count(*duplicate),
            words::count(*rejected)
        )],
        Activity::Searched { query, .. } | Activity::Exported { query: Some(query), .. } => {
            vec![text::short(&readable(query), DETAIL_CHARS)]
        }
        Activity::InputKept { sha256, beginning, .. } => {
            let bytes = STANDARD.decode(beginning).unwrap_or_default();
            vec![
                text::short(&String::from_utf8_lossy(&bytes), DETAIL_CHARS),
                format!("SHA-256 {}", hex::encode(sha256)),
            ]
        }
        Activity::DeliveryEnded { delivery, failure, withheld, .. } => {
            let why = failure.as_deref().or(withheld.as_deref()).map(|why| text::short(why, DETAIL_CHARS));
            why.into_iter().chain([format!("delivery {delivery}")]).collect()
        }
        Activity::DeliveryRevived { delivery, .. } => vec![format!("delivery {delivery}")],
        Activity::DeliveryDiscarded { delivery, reason, .. } => {
            vec![format!("“{}”", text::short(reason, DETAIL_CHARS)), format!("delivery {delivery}")]
        }
        Activity::TargetBroken { reason, .. } => vec![text::short(reason, DETAIL_CHARS)],
        Activity::TargetTested { failure: Some(why), .. } => vec![text::short(why, DETAIL_CHARS)],
        Activity::SilenceMade { silence } => {
            vec![
                format!("“{}”", text::short(&silence.reason, DETAIL_CHARS)),
                format!("silence {}", silence.id),
            ]
        }
        Activity::SilenceEnded { silence, .. } => vec![format!("silence {silence}")],
        Activity::AlertChanged { note: Some(note), .. } => {
            vec![format!("“{}”", text::short(note, DETAIL_CHARS))]
        }
        Activity::IdConflict { id, refused_sha256, .. } => {
            vec![format!("id {id}"), format!("SHA-256 of what was refused {}", hex::encode(refused_sha256))]
        }
        _ => Vec::new(),
    }
}

fn settings(changes: &[SettingChange]) -> Vec<String> {
    let value = |value: &Option<String>| match value.as_deref() {
        None => "not there".to_owned(),
        Some("") => "empty".to_owned(),
        Some(value) => text::cell(Some(value)),
    };
    let shown = changes.iter().take(SETTINGS_SHOWN).map(|change| {
        format!("{}: {} → {}", text::cell(Some(&change.key)), value(&change.from), value(&change.to))
    });
    let more = changes.len().saturating_sub(SETTINGS_SHOWN) as u64;
    shown.chain((more > 0).then(|| format!("and {} more", words::count(more)))).collect()
}

/// `principal=a%20b&action=` as `principal: a b`; what cannot be read as an address's query stays as it is.
fn readable(query: &str) -> String {
    let pairs = format!("/?{query}").parse().ok().and_then(|uri| {
        axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).ok().map(|query| query.0)
    });
    let Some(pairs) = pairs else { return query.to_owned() };
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
}

fn link(activity: &Activity) -> Option<(String, &'static str)> {
    match activity {
        Activity::IdConflict { id, .. } => Some((format!("/events/{id}"), "Open the event that has it")),
        Activity::DeliveryEnded { alert, .. } => Some((format!("/alerts/{alert}"), "Open the alert")),
        activity => activity.alert().map(|id| (format!("/alerts/{id}"), "Open the alert")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Matcher, Pattern, ReceivedAt, Role, Severity, Silence};
    use uuid::Uuid;

    fn check(activity: &Activity, sentence: &str, details: &[&str]) {
        let found = Sentence::new(activity, "app");
        assert_eq!(found.whole(), sentence);
        assert_eq!(found.details, details);
    }

    #[test]
    fn people_are_told_of_by_name() {
        let (name, by) = ("bob".to_owned(), "ada".to_owned());
        let address = "10.0.0.1".to_owned();
        check(&Activity::SignedIn { name: by.clone(), address }, "ada signed in from 10.0.0.1", &[]);
        let failed = Activity::SignInFailed { name: "ro\u{202e}ot".to_owned(), address: String::new() };
        check(&failed, "Someone failed to sign in as “ro[U+202E]ot”", &[]);
        let added =
            Activity::UserAdded { name: name.clone(), role: Role::Viewer, by: "sealwatch".to_owned() };
        check(&added, "Sealwatch added the user “bob” as viewer", &[]);
        let own = Activity::PasswordChanged { name: by.clone(), by: by.clone() };
        check(&own, "ada changed their own password", &[]);
        let revoked = Activity::KeyRevoked { name, by: "local".to_owned() };
        check(&revoked, "The host’s operator revoked the API key “bob”", &[]);
        let query = "principal=a%20b&status=&action=data.%2A".to_owned();
        let searched = Activity::Searched { by, place: "/events".to_owned(), query };
        check(&searched, "ada searched the events", &["principal: a b, action: data.*"]);
        let what = "events as CSV".to_owned();
        let exported =
            Activity::Exported { by: "key:app".to_owned(), what, query: Some("q=a%20b".to_owned()) };
        check(&exported, "key:app took out events as CSV", &["q: a b"]);
    }

    #[test]
    fn alerts_lead_to_their_page_and_notes_stand_below() {
        let alert = Uuid::from_u128(7);
        let raised = Activity::AlertRaised {
            alert,
            pattern: Pattern::FailedAuth,
            severity: Severity::High,
            fingerprint: [0; 32],
            organization: Some("acme".to_owned()),
            key: "mallory".to_owned(),
            created_at: ReceivedAt(0),
            events: Vec::new(),
        };
        let title = Pattern::FailedAuth.title();
        let expected =
            format!("Sealwatch raised an alert, high: “{title}”, about “mallory”, organisation “acme”");
        check(&raised, &expected, &[]);
        assert_eq!(Sentence::new(&raised, "").link, Some((format!("/alerts/{alert}"), "Open the alert")));
        let change = AlertChange::Resolved;
        let note = Some("a drill".to_owned());
        let changed = Activity::AlertChanged { alert, change, by: "ada".to_owned(), note };
        check(&changed, "ada resolved an alert", &["“a drill”"]);
    }

    #[test]
    fn who_was_told_and_what_was_silenced_is_said_with_the_reason() {
        let (alert, id, by) = (Uuid::from_u128(7), Uuid::from_u128(8), "ada".to_owned());
        let target = "on-call".to_owned();
        let ended = |failure: Option<&str>, withheld: Option<&str>| Activity::DeliveryEnded {
            alert,
            delivery: id,
            route: "all".to_owned(),
            target: target.clone(),
            failure: failure.map(str::to_owned),
            withheld: withheld.map(str::to_owned),
        };
        let delivery = format!("delivery {id}");
        check(&ended(None, None), "Sealwatch told “on-call” of an alert", &[&delivery]);
        let refused = ["it said no", &delivery];
        check(&ended(Some("it said no"), None), "Sealwatch gave up telling “on-call” of an alert", &refused);
        assert_eq!(
            Sentence::new(&ended(None, None), "").link,
            Some((format!("/alerts/{alert}"), "Open the alert"))
        );
        check(
            &ended(None, Some("closed")),
            "Sealwatch did not tell “on-call” of an alert any more",
            &["closed", &delivery],
        );
        let revived = Activity::DeliveryRevived { delivery: id, by: by.clone() };
        check(&revived, "ada had a dead letter sent again", &[&delivery]);
        let reason = "they were called".to_owned();
        let discarded = Activity::DeliveryDiscarded { delivery: id, by: by.clone(), reason };
        check(&discarded, "ada discarded a dead letter", &["“they were called”", &delivery]);
        let moved = |open| Activity::BreakerMoved { target: target.clone(), open, by: by.clone() };
        check(&moved(true), "ada stopped telling “on-call”", &[]);
        check(&moved(false), "ada had “on-call” told again", &[]);
        let reason = "answered 500".to_owned();
        let broken = Activity::TargetBroken { target: target.clone(), since: ReceivedAt(0), reason };
        let since = "Sealwatch has not got through to “on-call” since 1970-01-01 00:00:00 UTC";
        check(&broken, since, &["answered 500"]);
        let mended = Activity::TargetMended { target: target.clone() };
        check(&mended, "Sealwatch found no more trouble with “on-call”", &[]);
        let given_up = |waiting| Activity::DeliveriesGivenUp { target: target.clone(), waiting };
        check(&given_up(1), "Sealwatch counted 1 notification to “on-call” that was given up", &[]);
        check(&given_up(2), "Sealwatch counted 2 notifications to “on-call” that were given up", &[]);
        let tested = |failure: Option<String>| Activity::TargetTested {
            target: target.clone(),
            by: by.clone(),
            failure,
        };
        check(&tested(None), "ada sent a test to “on-call”, and it arrived", &[]);
        let refused = tested(Some("it said no".to_owned()));
        check(&refused, "ada sent a test to “on-call”, and it did not arrive", &["it said no"]);
        let silence = Silence {
            id,
            matcher: Matcher::default(),
            by: by.clone(),
            reason: "a drill".to_owned(),
            created_at: ReceivedAt(0),
            ends_at: ReceivedAt(3_600_000_000_000),
        };
        let named = format!("silence {id}");
        let until = "ada made a silence until 1970-01-01 01:00:00 UTC";
        check(&Activity::SilenceMade { silence }, until, &["“a drill”", &named]);
        check(&Activity::SilenceEnded { silence: id, by }, "ada ended a silence", &[&named]);
    }

    #[test]
    fn settings_name_both_values_and_kept_input_shows_its_beginning() {
        let change = |key: &str, from: Option<&str>, to: Option<&str>| SettingChange {
            key: key.to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        let changes = vec![change("a.b", Some("1"), Some("2")), change("c", None, Some(""))];
        let changed = Activity::SettingsChanged { changes, by: None };
        let details = ["a.b: 1 → 2", "c: not there → empty"];
        check(&changed, "Sealwatch started with 2 changed settings", &details);
        let kept = Activity::InputKept {
            code: "json_syntax".to_owned(),
            field: None,
            sha256: [0; 32],
            length: 2,
            beginning: STANDARD.encode(b"{\0"),
        };
        let hash = format!("SHA-256 {}", "0".repeat(64));
        check(&kept, "The API key “app” sent 2 bytes that are no event: json_syntax", &["{[U+0000]", &hash]);
    }

    #[test]
    fn a_check_says_what_it_found() {
        let checked =
            |findings: u64| Activity::LogChecked { entries: 1_234, findings, first: None, first_entry: None };
        let read = "Sealwatch read the log from its first entry to the last, 1,234 entries";
        check(&checked(0), &format!("{read}, and found it whole"), &[]);
        check(&checked(2), &format!("{read}: 2 findings"), &[]);
    }
}
