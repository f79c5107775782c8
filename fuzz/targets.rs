//! What is asked of each parser with any bytes at all: that it ends without a panic, within its bounds, and agrees with
//! itself. Run by cargo-fuzz (`fuzz_targets/`), and with the corpus among the tests.

use jiff::Timestamp;
use sealwatch::archive;
use sealwatch::config::Config;
use sealwatch::decode::{self, Form, Item, Limits, Request};
use sealwatch::detect::{Engine, Settings};
use sealwatch::evidence;
use sealwatch::integrity::{self, Key};
use sealwatch::merkle::{
    Checkpoint, Note, TilePath, TlogProof, Verifier, split_entry_bundle, verify_cosignatures,
};
use sealwatch::model::{
    Entry, EntryFlags, EntryKind, EventFilter, EventOrder, EventQuery, Organizations, ReceivedAt, Secret,
    Seq, SourceId, Verdict,
};
use sealwatch::search::{Indexer, Place, Search, SearchError};
use sealwatch::search_text::{self, Document};
use std::sync::{Arc, OnceLock};

/// A parser, asked with some bytes. It panics where it finds something.
pub type Target = fn(&[u8]);

/// Every one, by the name of its corpus. A new one is a function, a line here and a file in `fuzz_targets/`.
pub const TARGETS: [(&str, Target); 11] = [
    ("event", event),
    ("body", body),
    ("gzip", gzip),
    ("config", config),
    ("note", note),
    ("proof", proof),
    ("names", names),
    ("evidence", evidence_zip),
    ("block", block),
    ("snapshot", snapshot),
    ("search", search),
];

/// One event: what is taken can be read back, and is judged.
pub fn event(bytes: &[u8]) {
    let limits = Limits::default();
    for assumed in [None, Some(Timestamp::UNIX_EPOCH)] {
        let Ok(event) = decode::event(bytes, &limits, assumed) else { continue };
        decode::stored(bytes, ReceivedAt(0)).expect("what was taken can be read back");
        decode::members(bytes).expect("and its members can be shown");
        let key = Key::new(&Secret::new("fuzz".to_owned()));
        let without = integrity::verify(&event, bytes, None);
        assert_eq!(without, integrity::verify(&event, bytes, None), "the verdict is a function of the event");
        integrity::verify(&event, bytes, Some(&key));
    }
}

/// A body: taken apart into pieces of itself, no more than there may be. The first byte chooses the form.
pub fn body(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let limits = Limits { body_bytes_max: 1 << 16, batch_events_max: 100, ..Limits::default() };
    let form = if choice % 2 == 0 { Form::Json } else { Form::Lines };
    let items: Vec<Item<'_>> = match decode::request(body, form, &limits) {
        Err(_) => Vec::new(),
        Ok(Request::Single(item) | Request::Wrapped { item }) => vec![item],
        Ok(Request::Stream(items)) => items,
    };
    let more = decode::bulk(body, form, &limits).unwrap_or_default();
    for items in [items, more] {
        assert!(items.len() <= limits.batch_events_max, "{} events", items.len());
        let mut end = body.as_ptr() as usize;
        for item in items {
            let begin = item.raw.as_ptr() as usize;
            assert!(begin >= end, "the events stand one after the other");
            end = begin + item.raw.len();
            drop(decode::event(item.raw, &limits, None));
        }
        assert!(end <= body.as_ptr() as usize + body.len(), "and within the body");
    }
}

/// A packed body: never more than was allowed.
pub fn gzip(bytes: &[u8]) {
    const MAX: usize = 1 << 20;
    if let Ok(plain) = decode::gunzip(bytes, MAX) {
        assert!(plain.len() <= MAX, "{} bytes", plain.len());
    }
}

/// A configuration: the settings, or what is wrong with it.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(mistakes) = Config::of_text(text) {
        assert!(!mistakes.is_empty(), "a refusal says why");
        assert!(mistakes.iter().all(|mistake| !mistake.to_string().is_empty()));
    }
}

/// A signed note, and the checkpoint in it.
pub fn note(bytes: &[u8]) {
    let Ok(note) = Note::parse(bytes) else { return };
    let written = note.to_string();
    assert_eq!(Note::parse(written.as_bytes()).as_ref(), Ok(&note), "it can be written and read again");
    drop(note.verify(&[]));
    drop(verify_cosignatures(&note, &[], 0));
    if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
        assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
    }
}

/// A proof as C2SP tlog-proof has it.
pub fn proof(bytes: &[u8]) {
    let Ok(proof) = TlogProof::parse(bytes) else { return };
    assert_eq!(TlogProof::parse(proof.to_string().as_bytes()).as_ref(), Ok(&proof));
    drop(proof.verify(&[7; 32], &[]));
}

/// Verifier keys, paths of tiles and bundles of entries.
pub fn names(bytes: &[u8]) {
    if let Ok(entries) = split_entry_bundle(bytes) {
        assert!(entries.iter().map(|entry| entry.len() + 2).sum::<usize>() == bytes.len());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(path) = TilePath::parse(text) {
        assert_eq!(path.to_string(), text, "a tile has one name");
    }
    if let Ok(verifier) = Verifier::parse(text) {
        assert_eq!(Verifier::parse(&verifier.to_string()), Ok(verifier));
    }
}

/// Evidence as a zip: judged, and the same once packed again.
pub fn evidence_zip(bytes: &[u8]) {
    let Ok(bundle) = evidence::from_zip(bytes) else { return };
    let checked = evidence::check(&bundle, &[], |_| String::new());
    assert!(checked.exhibit.is_some() || !checked.findings.is_empty(), "what cannot be read is a finding");
    let packed = evidence::to_zip(&bundle).expect("memory does not fail");
    let again = evidence::from_zip(&packed).expect("it was just packed");
    assert!(bundle.files().eq(again.files()));
}

/// A block of the log: as it is, and with a checksum that fits.
pub fn block(bytes: &[u8]) {
    use sha2::{Digest, Sha256};
    let whole = [bytes, &Sha256::digest(bytes)[..]].concat();
    for block in [bytes, &whole] {
        drop(archive::salvage(block, Seq(0)));
        let Ok(entries) = archive::decode(block, Seq(5)) else { continue };
        let again = archive::decode(&archive::encode(&entries), Seq(5));
        assert_eq!(again.as_ref(), Ok(&entries), "it can be written and read again");
    }
}

/// The windows of detection as they were kept, as they are and with a digest that fits.
pub fn snapshot(bytes: &[u8]) {
    use sha2::{Digest, Sha256};
    drop(Engine::restore(Settings::default(), bytes));
    let whole = [bytes, &Sha256::digest(bytes)[..]].concat();
    let Ok(engine) = Engine::restore(Settings::default(), &whole) else { return };
    let again = Engine::restore(Settings::default(), &engine.snapshot()).expect("it was just written");
    assert_eq!(engine, again);
}

/// A search text: refused within itself, or found by the index just where its plain meaning finds it.
pub fn search(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let query = match search_text::parse(text) {
        Err(fault) => {
            assert!((1..=text.chars().count() + 1).contains(&fault.position), "{fault}");
            return;
        }
        Ok(query) => query,
    };
    let (entries, index) = indexed();
    let found = entries.iter().filter(|entry| {
        let event = decode::stored(&entry.body, entry.received_at).expect("an event of ours");
        let values = decode::values(&entry.body).expect("an event of ours");
        query.matches(&Document::of_event(entry, &event, "Ward 7", values))
    });
    let asked = EventQuery {
        filter: EventFilter::all(Organizations::All),
        order: EventOrder::ReceivedAt,
        descending: false,
        offset: 0,
        limit: 10,
        after: None,
    };
    match index.events(&query, &asked) {
        Ok(page) => {
            let hits: Vec<u64> = page.hits.iter().map(|hit| hit.seq).collect();
            assert_eq!(hits, found.map(|entry| entry.seq.0).collect::<Vec<u64>>(), "{query:?}");
        }
        Err(SearchError::TooWide) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Events that [`search`] looks for: every field that can be asked for, and what is awkward about values.
const SEARCHED: [&str; 4] = [
    r#"{"timestamp":"2026-01-15T10:30:00.5Z","action":"data.export.csv","status":"failure",
        "principalId":"Alice@Example.com","organizationId":"acme-corp","targetResourceType":"Patient",
        "targetResourceId":"records/2026/0042","outcomeDescription":"Access denied: no write permission",
        "correlationId":"REQ-77","dataClassification":"PHI","recordCount":150,
        "sessionContext":{"sessionId":"s-1","ipAddress":"10.1.2.3","userAgent":"curl/8.5"},
        "details":{"Region":"us-east-1","tags":["Nightly","Über Größe"],"size":2.5e3,"dry":true,"none":null}}"#,
    r#"{"timestamp":"0001-01-01T00:00:00Z","action":"auth.login","status":"success","principalId":"bob",
        "sessionContext":{"sessionId":"s","ipAddress":"2001:db8::1"},"recordCount":-0.5}"#,
    r#"{"timestamp":"9998-12-31T23:59:59.999999999Z","action":"a","status":"attempt",
        "details":{"x":[1,"1",[[]]],"y":{"z":"a b \u0000 c"}}}"#,
    r#"{"timestamp":"1969-12-31T23:59:59.9999999Z","action":"Data.Export","status":"success",
        "principalId":"*","outcomeDescription":"OR AND NOT","recordCount":1e9}"#,
];

/// Those as entries, and in an index in memory.
fn indexed() -> &'static (Vec<Entry>, Arc<Search>) {
    static INDEXED: OnceLock<(Vec<Entry>, Arc<Search>)> = OnceLock::new();
    INDEXED.get_or_init(|| {
        let entry = |(seq, body): (u64, &&str)| Entry {
            seq: Seq(seq * 2),
            kind: EntryKind::Event,
            received_at: ReceivedAt(1_768_500_000_000_000_000 + seq),
            salt: [0; 32],
            id: Default::default(),
            source: SourceId(1),
            verdict: Verdict::Unsigned,
            flags: EntryFlags::default(),
            assigned_organization: None,
            body: body.as_bytes().to_vec(),
        };
        let entries: Vec<Entry> = (0..).zip(&SEARCHED).map(entry).collect();
        let mut indexer = Indexer::new(Place::Memory, "00112233445566778899aabbccddeeff".to_owned(), 0);
        indexer.prepare(Seq(0)).expect("memory");
        for entry in &entries {
            let event = decode::stored(&entry.body, entry.received_at).expect("an event of ours");
            let values = decode::values(&entry.body).expect("an event of ours");
            indexer.add(entry.seq, &Document::of_event(entry, &event, "Ward 7", values)).expect("it is open");
        }
        indexer.commit(Seq(7)).expect("it is open");
        (entries, indexer.search())
    })
}
