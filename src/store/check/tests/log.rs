//! A log with something of everything, and ways to change it behind the appliance's back.

use crate::archive;
use crate::detect::{Burst, Firing};
use crate::integrity;
use crate::merkle::{PrivateKey, Signer, Tree, body_digest};
use crate::model::{
    AlertChange, ApiKey, Appended, Draft, Entry, EntryFlags, EvidenceItem, KeyScope, Organizations, Pattern,
    ReceivedAt, Seq, Severity, SourceId, Verdict, event_id,
};
use crate::store::append::BlockSummary;
use crate::store::check::Report;
use crate::store::entries::leaf_hash_of;
use crate::store::tables as t;
use crate::store::{Account, Anchors, DetectionStep, Store};
use redb::backends::InMemoryBackend;
use redb::{ReadableDatabase, ReadableTable, WriteTransaction};
use std::ops::ControlFlow;
use uuid::Uuid;

const SECOND: u64 = 1_000_000_000;
/// Events of each commit.
pub(super) const EVENTS: u64 = 14;
/// Commits with events, ten seconds apart, each signed.
pub(super) const COMMITS: u64 = 30;
/// Where the second block with events begins.
pub(super) const BLOCK: u64 = 3 + EVENTS;
/// Where the alert's first event lies.
pub(super) const FIRED: Seq = Seq(50);

pub(super) fn now(secs: u64) -> ReceivedAt {
    ReceivedAt((1_700_000_000 + secs) * SECOND)
}

pub(super) fn signer(seed: u8) -> Signer {
    Signer::new("seal.example/log", PrivateKey::from_seed(&[seed; 32])).expect("the name is one")
}

/// The log; its first key hands over to a second in the middle.
pub(super) fn log() -> Store {
    let store = Store::open_on(InMemoryBackend::new(), now(0)).expect("memory does not fail");
    write(&store, 0, |txn| {
        txn.fix_origin("seal.example/log").expect("memory");
        txn.name_log_key(None, signer(1).verifier()).expect("memory");
        txn.create_key(api_key(), "ann").expect("memory").expect("the name is free");
    });
    for commit in 0..COMMITS {
        write(&store, 10 * commit, |txn| {
            let drafts = (0..EVENTS).map(|n| draft(&store, commit * EVENTS + n)).collect();
            let appended = txn.append_events(drafts).expect("memory");
            assert!(appended.iter().all(|result| matches!(result, Appended::Stored(_))));
            let account = Account { received: EVENTS, stored: EVENTS, ..Account::default() };
            txn.account(SourceId(1), account).expect("memory");
        });
        if commit == 5 {
            raise(&store, 10 * commit);
        }
        if commit == COMMITS / 2 {
            write(&store, 10 * commit, |txn| {
                txn.name_log_key(Some(&signer(1)), signer(2).verifier()).expect("memory");
            });
        }
        write(&store, 10 * commit, |txn| {
            txn.seal(&signer(if commit < COMMITS / 2 { 1 } else { 2 })).expect("memory");
        });
    }
    store
}

fn api_key() -> ApiKey {
    ApiKey {
        id: SourceId(0),
        name: "app".to_owned(),
        organization: Some("acme".to_owned()),
        scopes: vec![KeyScope::Ingest],
        key_hash: [3; 32],
        signing_secret: None,
        revoked: false,
    }
}

fn draft(store: &Store, n: u64) -> Draft {
    let id = n.is_multiple_of(3).then(|| Uuid::from_u128(u128::from(n + 1) << 64));
    let own = id.map(|id| format!(r#""id":"{id}","#)).unwrap_or_default();
    // Some are forged, and known to be.
    let hash = if n.is_multiple_of(7) { format!(r#""hash":"{}","#, "0".repeat(64)) } else { String::new() };
    let body = format!(
        r#"{{{own}{hash}"timestamp":"2023-11-14T22:{:02}:00Z","action":"data.read","status":"success","principalId":"p{n}"}}"#,
        n % 60
    );
    let event =
        crate::decode::event(body.as_bytes(), &crate::decode::Limits::default(), None).expect("valid");
    let salt = [n as u8; 32];
    Draft {
        id,
        source: SourceId(1),
        verdict: integrity::verify(&event, body.as_bytes(), None).verdict,
        flags: EntryFlags::default(),
        timestamp: Some(event.timestamp),
        organization: Some("acme".to_owned()),
        organization_assigned: true,
        salt,
        body_digest: body_digest(&salt, body.as_bytes()),
        content_digest: if id.is_some() { store.content_digest(body.as_bytes()) } else { [0; 16] },
        body: body.into_bytes(),
    }
}

/// An alert in which three events counted; someone has looked at it.
fn raise(store: &Store, secs: u64) {
    let item = |seq: Seq| {
        let entry = store.entry(seq).expect("memory").expect("there").expect("whole").entry;
        let event = crate::decode::stored(&entry.body, entry.received_at).expect("an event");
        EvidenceItem { seq, id: entry.id, time: event.timestamp }
    };
    let items: Vec<EvidenceItem> = (FIRED.0..FIRED.0 + 3).map(|seq| item(Seq(seq))).collect();
    let last = items[2];
    let firing = Firing {
        seq: last.seq,
        id: last.id,
        received_at: now(secs),
        time: last.time,
        window_end: last.time,
        counted: items.clone(),
        correlation_id: None,
        source: SourceId(1),
    };
    let burst = Burst {
        fingerprint: [1; 32],
        pattern: Pattern::FailedAuth,
        organization: Some("acme".to_owned()),
        key: "bob".to_owned(),
        severity: Severity::High,
        threshold: 3,
        timespan_secs: 3_600,
        cooldown_secs: 300,
        window: items,
        firings: vec![firing],
    };
    let position = Seq(FIRED.0 + 3);
    let step = DetectionStep { bursts: vec![burst], position, ..DetectionStep::default() };
    write(store, secs, |txn| txn.apply_detection(&step).expect("memory"));
    let alert = alert_id(store);
    write(store, secs + 1, |txn| {
        let change = txn.change_alert(alert, &Organizations::All, AlertChange::Acknowledged, "ann", None);
        change.expect("memory").expect("it is open");
    });
}

pub(super) fn alert_id(store: &Store) -> Uuid {
    let alerts = store.db.begin_read().expect("memory").open_table(t::ALERTS).expect("there");
    let first = alerts.first().expect("memory").expect("one was raised");
    Uuid::from_bytes(*first.0.value())
}

fn write(store: &Store, secs: u64, work: impl FnOnce(&mut crate::store::Txn<'_>)) {
    let mut txn = store.begin(now(secs)).expect("memory does not fail");
    work(&mut txn);
    txn.commit().expect("memory does not fail");
}

/// What a check finds, against nothing from outside.
pub(super) fn checked(store: &Store) -> Report {
    checked_against(store, &Anchors::default())
}

pub(super) fn checked_against(store: &Store, anchors: &Anchors) -> Report {
    store.check(anchors, 2, |_| ControlFlow::Continue(())).expect("nobody ended it")
}

/// Changes tables as somebody with an editor would.
pub(super) fn tamper(store: &Store, change: impl FnOnce(&WriteTransaction)) {
    let write = store.db.begin_write().expect("memory");
    change(&write);
    write.commit().expect("memory");
}

/// Changes one entry where it lies, with a block around it that fits.
pub(super) fn change_entry(store: &Store, seq: u64, change: impl FnOnce(&mut Entry)) {
    tamper(store, |write| {
        let mut blocks = write.open_table(t::BLOCKS).expect("there");
        let (first, mut entries) = {
            let row = blocks.range(..=seq).expect("memory").next_back().expect("there").expect("memory");
            (row.0.value(), archive::decode(row.1.value(), Seq(row.0.value())).expect("whole"))
        };
        change(&mut entries[(seq - first) as usize]);
        blocks.insert(first, &archive::encode(&entries)[..]).expect("memory");
    });
}

/// All entries.
pub(super) fn entries(store: &Store) -> Vec<Entry> {
    let all = (0..store.size().0).map(|seq| store.entry(Seq(seq)).expect("memory").expect("there"));
    all.map(|read| read.expect("whole").entry).collect()
}

/// Gives the log other entries, renumbered, with blocks, index, ids and tiles that fit: what somebody can do who knows
/// the format, and has no key.
pub(super) fn rewrite(store: &Store, mut entries: Vec<Entry>) {
    for (seq, entry) in (0..).zip(&mut entries) {
        if entry.seq.0 != seq && crate::model::seq_of_event_id(entry.id) == Some(entry.seq) {
            entry.id = event_id(entry.received_at, Seq(seq), 7);
        }
        entry.seq = Seq(seq);
    }
    tamper(store, |write| {
        let mut blocks = write.open_table(t::BLOCKS).expect("there");
        let mut index = write.open_table(t::BLOCK_INDEX).expect("there");
        let mut tiles = write.open_table(t::TILES).expect("there");
        let mut ids = write.open_table(t::IDS).expect("there");
        blocks.retain(|_, _| false).expect("memory");
        index.retain(|_, _| false).expect("memory");
        tiles.retain(|_, _| false).expect("memory");
        let mut tree = Tree::default();
        let mut filled = Vec::new();
        let mut events_before = 0;
        for run in entries.chunks(20) {
            let mut summary = BlockSummary { events_before, ..BlockSummary::EMPTY };
            for entry in run {
                summary.entries += 1;
                tree.push(leaf_hash_of(entry), |tile| filled.push(tile));
                if let Ok(event) = crate::decode::stored(&entry.body, entry.received_at) {
                    summary.count_event(event.timestamp.as_millisecond());
                    if event.id.is_some() {
                        let key = crate::store::append::id_key(entry.id, Some("acme"));
                        let mut row = [0; 24];
                        row[..8].copy_from_slice(&entry.seq.0.to_le_bytes());
                        row[8..].copy_from_slice(&store.content_digest(&entry.body));
                        ids.insert(&key, &row).expect("memory");
                    }
                }
            }
            events_before += u64::from(summary.events);
            blocks.insert(run[0].seq.0, &archive::encode(run)[..]).expect("memory");
            index.insert(run[0].seq.0, &summary.encode()[..]).expect("memory");
        }
        filled.extend(tree.partial_tiles());
        for tile in filled {
            tiles.insert((tile.level, tile.index), tile.hashes.as_flattened()).expect("memory");
        }
    });
}

/// The verdict that an attacker would like.
pub(super) const GOOD: Verdict = Verdict::Verified;
