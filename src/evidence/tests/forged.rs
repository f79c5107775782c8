//! Bundles that a forger made anew, with a manifest and a page that fit.

use super::sample::{Log, change, exhibit, exhibit_of, exhibit_with, keys, signer};
use super::{bundle_of, checked};
use crate::evidence::{Exhibit, Finding};
use crate::model::{Activity, AlertChange, AlertStatus, EntryKind, Pattern, Seq, Severity};
use jiff::SignedDuration;

type Forgery = fn(&mut Exhibit);

/// What is found in the evidence after `forge`.
fn found(forge: impl FnOnce(&mut Exhibit)) -> Vec<Finding> {
    let mut forged = exhibit();
    forge(&mut forged);
    let checked = checked(&bundle_of(&forged), &[]);
    assert!(!checked.is_whole() && !checked.findings.is_empty(), "{checked:#?}");
    checked.findings
}

#[track_caller]
fn names(findings: &[Finding], file: &str) {
    assert!(findings.iter().any(|finding| finding.file.starts_with(file)), "{file} is not in {findings:#?}");
}

#[test]
fn events_that_were_swapped_dropped_or_added_are_found() {
    let swapped = found(|exhibit| {
        let [a, b, ..] = &mut exhibit.events[..] else { panic!("there are six") };
        std::mem::swap(&mut a.body, &mut b.body);
    });
    names(&swapped, "events/000000000002.json");
    names(&swapped, "events/000000000003.json");
    let moved = found(|exhibit| {
        let [a, b, ..] = &mut exhibit.events[..] else { panic!("there are six") };
        std::mem::swap(&mut a.seq, &mut b.seq);
    });
    names(&moved, "events/000000000002.leaf");
    names(&found(|exhibit| drop(exhibit.events.remove(3))), "events/000000000005.json");
    let added = found(|exhibit| {
        let another = exhibit.keys[0].clone();
        exhibit.events.push(another);
    });
    names(&added, "events/000000000001.json");
    let silenced = found(|exhibit| {
        exhibit.events.pop();
        exhibit.alert.evidence.first.pop();
        exhibit.alert.evidence.count -= 1;
    });
    names(&silenced, "alert.json");
}

#[test]
fn whatever_the_alert_says_otherwise_than_the_log_is_found() {
    let forgeries: [(&str, Forgery); 20] = [
        ("id", |e| e.alert.id = uuid::Uuid::from_u128(7)),
        ("key", |e| e.alert.key = "alice".into()),
        ("organisation", |e| e.alert.organization = None),
        ("pattern", |e| e.alert.pattern = Pattern::OffHours),
        ("severity", |e| e.alert.severity = Severity::Info),
        ("fingerprint", |e| e.alert.fingerprint[0] ^= 1),
        ("raised", |e| e.alert.created_at.0 += 1_000_000),
        ("threshold", |e| (e.alert.threshold, e.rule.threshold_then) = (6, 6)),
        ("timespan", |e| (e.alert.timespan_secs, e.rule.timespan_secs_then) = (3, 3)),
        ("rule", |e| e.rule.threshold_then = 1),
        ("status", |e| e.alert.status = AlertStatus::Dismissed),
        ("count", |e| e.alert.evidence.count = 7),
        ("time", |e| e.alert.evidence.first[0].time += SignedDuration::from_secs(1)),
        ("first event", |e| e.alert.evidence.first_event_at = None),
        ("event id", |e| e.alert.evidence.first[5].id = uuid::Uuid::from_u128(7)),
        ("fired first", |e| e.alert.first_fired_at -= SignedDuration::from_secs(1)),
        ("fired last", |e| e.alert.last_fired_at += SignedDuration::from_secs(1)),
        ("seen last", |e| e.alert.last_seen_at.0 += 1),
        ("told", |e| e.alert.last_notified_at -= SignedDuration::from_secs(1)),
        ("correlation", |e| e.alert.correlation_id = Some("other".into())),
    ];
    for (what, forge) in forgeries {
        let findings = found(forge);
        assert!(findings.iter().all(|finding| !finding.file.contains("tlog")), "{what}: {findings:?}");
    }
}

#[test]
fn a_history_that_the_log_does_not_prove_is_found() {
    names(&found(|e| e.alert.history[2].by = "eve".into()), "history/");
    names(&found(|e| e.alert.history[3].note = Some("nothing happened".into())), "history/");
    names(&found(|e| e.alert.history[2].at.0 += 1), "history/");
    names(&found(|e| e.alert.history[1].at.0 += 1), "history/");
    names(&found(|e| e.alert.history[2].change = AlertChange::Resolved), "history/");
    names(&found(|e| drop(e.alert.history.pop())), "alert.json");
    names(&found(|e| drop(e.history.pop())), "alert.json");
    let unsaid = found(|e| {
        e.history.remove(2);
        e.alert.history.remove(2);
    });
    names(&unsaid, "alert.json");
    let other = exhibit_of("oscar", signer(1));
    let swapped = found(|e| {
        (e.history, e.chain, e.keys) = (other.history.clone(), other.chain.clone(), other.keys.clone());
    });
    names(&swapped, "history/");
    names(&swapped, "events/");
}

#[test]
fn checkpoints_and_proofs_that_do_not_fit_are_found() {
    names(&found(|e| drop(e.chain.remove(0))), "events/");
    names(&found(|e| drop(e.chain.remove(1))), "keys/");
    names(&found(|e| e.chain[1].consistency.swap(0, 1)), "checkpoints/");
    names(&found(|e| e.chain.clear()), "checkpoints");
    names(&found(|e| drop(e.keys.remove(0))), "keys/");
    names(&found(|e| e.keys.clear()), "keys");
    names(&found(|e| e.events[0].proof.hashes.swap(0, 1)), "events/000000000002.tlog-proof");
    names(&found(|e| e.events[0].proof.hashes.clear()), "events/000000000002.tlog-proof");
    // Signed by the log's own later key: it was not the one to sign then.
    let again = found(|e| {
        let text = e.chain[0].note.text().to_owned();
        let signature = signer(2).sign(&text);
        e.chain[0].note = crate::merkle::Note::new(text, signature).expect("a note");
    });
    names(&again, "checkpoints/000000000007.txt");
}

/// A forger's own log is whole in itself; only a key from elsewhere tells.
#[test]
fn another_log_is_told_by_the_key_alone() {
    let forged = bundle_of(&exhibit_of("mallory", signer(9)));
    assert!(checked(&forged, &[]).is_whole());
    let found = checked(&forged, &keys()[..1]);
    assert!(!found.is_whole());
    names(&found.findings, "checkpoints/");
}

/// A forger can have an own log name the true key as its next one; it has then signed nothing.
#[test]
fn a_true_key_that_is_named_but_has_not_signed_proves_nothing() {
    let true_key = signer(3).verifier().clone();
    let mut forged = exhibit_of("mallory", signer(9));
    let mut log = Log::new(signer(9));
    log.seal();
    let named = log.rotate(signer(3));
    (forged.keys, forged.chain) = (log.prove_all(&[Seq(1), named]), log.chain());
    let found = checked(&bundle_of(&forged), &[true_key]);
    assert!(found.findings.iter().any(|finding| finding.what.contains("signed none")), "{found:?}");
}

/// Whoever may send an event writes its body: taken for the appliance's own entry, it could name a key of theirs.
#[test]
fn an_event_is_nothing_that_the_appliance_did_whatever_it_says() {
    let mut log = Log::new(signer(1));
    log.seal();
    let named = log.prove(Seq(1));
    let sent = log.push(EntryKind::Event, named.body.clone());
    log.seal();
    assert!(named.activity().is_some());
    assert_eq!(log.prove(sent).activity(), None);
}

/// The entry says what was done to another alert of the same log.
#[test]
fn a_step_of_another_alert_is_found() {
    let mut forged = exhibit();
    let mut log = Log::new(signer(1));
    let other = crate::model::Alert { id: uuid::Uuid::from_u128(5), ..forged.alert.clone() };
    let (_, step) = change(&mut log, &other, AlertChange::Dismissed, None);
    log.seal();
    assert!(matches!(log.prove(step).activity(), Some(Activity::AlertChanged { .. })));
    forged.history.push(log.prove(step));
    forged.history.sort_by_key(|entry| entry.seq);
    assert!(!checked(&bundle_of(&forged), &[]).is_whole());
}

/// The event keeps its id and its time, so only its bytes tell.
#[test]
fn an_event_that_says_something_else_is_found() {
    let found = found(|exhibit| {
        let body = String::from_utf8_lossy(&exhibit.events[0].body).replace("failure", "success");
        exhibit.events[0].body = body.into_bytes();
    });
    assert_eq!(found.len(), 1, "{found:#?}");
    names(&found, "events/000000000002.json");
}

#[test]
fn an_event_of_another_organisation_is_found() {
    let found = checked(&bundle_of(&exhibit_with("mallory", signer(1), "bakery")), &[]).findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].file.starts_with("events/") && found[0].what.contains("organisation"), "{found:?}");
}

/// Whoever has a true beginning of the log can go on with a key of their own, but not have the true one say so.
#[test]
fn a_key_that_the_former_one_did_not_hand_over_to_is_found() {
    let mut forged = exhibit();
    let mut log = Log::new(signer(1));
    log.seal();
    let named = log.usurp(signer(9));
    log.act(&Activity::Silence);
    log.seal();
    (forged.keys, forged.chain) = (log.prove_all(&[Seq(1), named]), log.chain());
    let found = checked(&bundle_of(&forged), &keys()[..1]).findings;
    names(&found, "keys/000000000002.json");
    assert!(found.iter().any(|finding| finding.what.contains("hands over")), "{found:#?}");
}
