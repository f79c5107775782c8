//! A small log with an alert in it, and its evidence as the store would collect it.

use crate::decode;
use crate::detect::{self, Bursts, Engine, Observation, PatternTable, Settings};
use crate::evidence::{Exhibit, Export, Link, ProvedEntry, Rule};
use crate::merkle::{
    Checkpoint, Note, PrivateKey, Signer, TILE_WIDTH, TiledTree, TlogProof, TreeHead, Verifier, body_digest,
    leaf_bytes, leaf_hash,
};
use crate::model::{
    Activity, Alert, AlertChange, EntryKind, Hash, ReceivedAt, Salt, Seq, SourceId, Verdict, event_id,
};
use serde_json::json;

/// Long before any event of the script is received.
const START: u64 = 1_700_000_000_000_000_000;

/// The key that grows from a seed of that byte.
pub(super) fn signer(seed: u8) -> Signer {
    Signer::new("seal.example/log", PrivateKey::from_seed(&[seed; 32])).expect("a name")
}

/// A log that fits into one tile.
pub(super) struct Log {
    signer: Signer,
    entries: Vec<Kept>,
    checkpoints: Vec<(u64, Note)>,
}

struct Kept {
    leaf: [u8; 50],
    salt: Salt,
    body: Vec<u8>,
}

impl Log {
    /// A log whose key is named.
    pub(super) fn new(signer: Signer) -> Log {
        let mut log = Log { signer, entries: Vec::new(), checkpoints: Vec::new() };
        log.act(&Activity::LogCreated { log_id: "sample".into(), version: "1".into() });
        let key = log.signer.verifier().to_string();
        log.act(&Activity::LogKeyNamed { key, previous: None });
        log
    }

    pub(super) fn push(&mut self, kind: EntryKind, body: Vec<u8>) -> Seq {
        let number = self.entries.len() as u64;
        let salt = [number as u8 ^ 0x5a; 32];
        let leaf = leaf_bytes(kind, Seq(number), received_at(number), &body_digest(&salt, &body));
        self.entries.push(Kept { leaf, salt, body });
        Seq(number)
    }

    pub(super) fn act(&mut self, activity: &Activity) -> Seq {
        self.push(EntryKind::Activity, serde_json::to_vec(activity).expect("JSON"))
    }

    /// A failed sign-in of `key` at `organization`, with an id of its own where `id` is one.
    fn sign_in(&mut self, key: &str, organization: &str, second: u8, id: Option<&str>) -> Seq {
        let time = format!("2023-07-10T12:00:{second:02}Z");
        let mut event = json!({"timestamp": time, "action": "auth.login.failure", "status": "failure",
            "principalId": key, "organizationId": organization, "correlationId": format!("c-{second}")});
        if let Some(id) = id {
            event["id"] = json!(id);
        }
        self.push(EntryKind::Event, event.to_string().into_bytes())
    }

    /// Signs the log as it is.
    pub(super) fn seal(&mut self) {
        let size = self.entries.len() as u64;
        let root = tree(&self.entries, size).root().expect("every leaf is there");
        self.checkpoints.push((size, Checkpoint::sign(TreeHead { size, root }, &self.signer)));
    }

    /// Has another key sign from here on.
    pub(super) fn rotate(&mut self, next: Signer) -> Seq {
        let seq = self.name(&next);
        self.seal();
        self.signer = next;
        seq
    }

    /// Signs with another key from here on, which the one before never handed over to.
    pub(super) fn usurp(&mut self, next: Signer) -> Seq {
        let seq = self.name(&next);
        self.signer = next;
        seq
    }

    fn name(&mut self, next: &Signer) -> Seq {
        let previous = Some(self.signer.verifier().to_string());
        self.act(&Activity::LogKeyNamed { key: next.verifier().to_string(), previous })
    }

    /// An entry with its proof in the first checkpoint that covers it.
    pub(super) fn prove(&self, seq: Seq) -> ProvedEntry {
        let (size, checkpoint) =
            self.checkpoints.iter().find(|(size, _)| *size > seq.0).expect("a checkpoint covers it");
        let hashes = tree(&self.entries, *size).inclusion_proof(seq.0).expect("every leaf is there");
        let proof = TlogProof { extra: None, index: seq.0, hashes, checkpoint: checkpoint.clone() };
        let Kept { leaf, salt, body } = &self.entries[seq.0 as usize];
        ProvedEntry { seq, leaf: leaf.to_vec(), salt: *salt, body: body.clone(), proof }
    }

    pub(super) fn prove_all(&self, seqs: &[Seq]) -> Vec<ProvedEntry> {
        seqs.iter().map(|seq| self.prove(*seq)).collect()
    }

    /// Every checkpoint.
    pub(super) fn chain(&self) -> Vec<Link> {
        let mut before = 0;
        let link = |(size, note): &(u64, Note)| {
            let consistency =
                tree(&self.entries, *size).consistency_proof(before).expect("every leaf is there");
            before = *size;
            Link { size: *size, note: note.clone(), consistency }
        };
        self.checkpoints.iter().map(link).collect()
    }

    fn observe(&self, engine: &mut Engine, bursts: &mut Bursts, seq: Seq) {
        let kept = &self.entries[seq.0 as usize];
        let received_at = received_at(seq.0);
        let event = decode::stored(&kept.body, received_at).expect("an event");
        let salt = u32::from_le_bytes(*kept.salt.first_chunk().expect("32 bytes"));
        let observation = Observation {
            seq,
            id: event.id.unwrap_or_else(|| event_id(received_at, seq, salt)),
            received_at,
            source: SourceId(1),
            source_name: "portal",
            organization: Some("clinic"),
            event: &event,
            verdict: Verdict::Verified,
            time_suspect: false,
        };
        bursts.observe(engine, &observation);
    }
}

fn received_at(number: u64) -> ReceivedAt {
    ReceivedAt(START + number * 1_000_000_000)
}

fn tree(entries: &[Kept], size: u64) -> TiledTree<impl FnMut(u8, u64, usize) -> Option<Vec<Hash>>> {
    assert!(entries.len() < TILE_WIDTH, "one tile holds it");
    let leaves: Vec<Hash> = entries.iter().map(|kept| leaf_hash(&kept.leaf)).collect();
    TiledTree::new(size, move |_, _, width| leaves.get(..width).map(<[Hash]>::to_vec))
}

/// The evidence of an alert about `key`: five failed sign-ins raised it, someone acknowledged it, the log's key was
/// replaced, and a sixth came.
pub(super) fn exhibit_of(key: &str, first: Signer) -> Exhibit {
    exhibit_with(key, first, "clinic")
}

/// The same with the sixth event of some organisation.
pub(super) fn exhibit_with(key: &str, first: Signer, sixth: &str) -> Exhibit {
    let mut log = Log::new(first);
    let (mut engine, mut bursts) = (Engine::new(Settings::default()), Bursts::default());
    let ids = ["018b2f5e-0000-7000-8000-000000000001", "018b2f5e-0000-4000-8000-000000000002"];
    let mut events: Vec<Seq> =
        (0..5u8).map(|n| log.sign_in(key, "clinic", n, ids.get(usize::from(n)).copied())).collect();
    events.iter().for_each(|seq| log.observe(&mut engine, &mut bursts, *seq));
    log.seal();
    let mut history = Vec::new();
    let alert = apply(&mut log, None, &mut bursts, &mut history);
    let (alert, step) = change(&mut log, &alert, AlertChange::Acknowledged, None);
    history.push(step);
    let keys = vec![Seq(1), log.rotate(signer(2))];
    events.push(log.sign_in(key, sixth, 9, None));
    log.observe(&mut engine, &mut bursts, events[5]);
    let alert = apply(&mut log, Some(alert), &mut bursts, &mut history);
    log.seal();
    let (alert, step) = change(&mut log, &alert, AlertChange::Commented, Some("they called"));
    history.push(step);
    log.seal();
    let [events, history, keys] = [events, history, keys].map(|seqs| log.prove_all(&seqs));
    let rule = Rule::of(&alert, &PatternTable::default());
    let export = Export { by: "ada".into(), at: ReceivedAt(START + 1_000_000_000_000) };
    Exhibit { export, rule, alert, events, history, keys, chain: log.chain() }
}

/// The same about mallory, in the log of the first key.
pub(super) fn exhibit() -> Exhibit {
    exhibit_of("mallory", signer(1))
}

/// The keys that sign it.
pub(super) fn keys() -> [Verifier; 2] {
    [signer(1), signer(2)].map(|signer| signer.verifier().clone())
}

fn apply(log: &mut Log, alert: Option<Alert>, bursts: &mut Bursts, history: &mut Vec<Seq>) -> Alert {
    let burst = bursts.take().pop().expect("it fired");
    let applied = detect::apply(alert, &burst, detect::Circumstances::default(), |_| "portal".to_owned());
    let alert = applied.alerts.last().expect("it changed").clone();
    for raised in applied.raised {
        history.push(log.act(&Activity::AlertRaised {
            alert: alert.id,
            pattern: alert.pattern,
            severity: alert.severity,
            fingerprint: alert.fingerprint,
            organization: alert.organization.clone(),
            key: alert.key.clone(),
            created_at: alert.created_at,
            events: raised.events,
        }));
    }
    for told in applied.notified {
        history.push(log.act(&Activity::AlertNotified {
            alert: alert.id,
            fingerprint: alert.fingerprint,
            occurrences: told.occurrences,
            quiet_until: told.quiet_until,
        }));
    }
    alert
}

/// The alert after ada did something, and the entry that says so.
pub(super) fn change(log: &mut Log, alert: &Alert, change: AlertChange, note: Option<&str>) -> (Alert, Seq) {
    let activity =
        Activity::AlertChanged { alert: alert.id, change, by: "ada".into(), note: note.map(str::to_owned) };
    let seq = log.act(&activity);
    let changed = detect::change(alert, change, "ada", received_at(seq.0), note);
    (changed.expect("it is possible"), seq)
}
