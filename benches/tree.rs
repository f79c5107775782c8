//! What the Merkle tree costs the intake: the same events with it, and as bare blocks without it, in turns.
//!
//! `cargo bench --bench tree [-- --dir DIR]`: DIR is on the disk that is measured, by default the working directory's.
#![expect(clippy::print_stdout, reason = "a measurement is there to be read")]

use redb::{Database, Durability, TableDefinition};
use sealwatch::app;
use sealwatch::archive;
use sealwatch::config::Config;
use sealwatch::decode::{self, Limits};
use sealwatch::ingest::{Clock, Notes, Sender, draft};
use sealwatch::integrity::{Key, hash_v1, sign, verify};
use sealwatch::keys;
use sealwatch::merkle::{TreeHead, leaf_hash, verify_inclusion};
use sealwatch::model::{
    ApiKey, Appended, Entry, EntryFlags, EntryKind, KeyScope, ReceivedAt, Salt, Secret, Seq, SourceId,
    event_id,
};
use sealwatch::store::{Options, Store};
use sealwatch::telemetry::Telemetry;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 11;
const COMMITS: usize = 40;
const COMMIT_EVENTS: usize = 1_000;
/// What the events are signed with.
const SECRET: &str = "bench";

const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const BLOCK_INDEX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("block_index");

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--dir").skip(1);
    let place = arguments.next().map_or_else(|| PathBuf::from("."), PathBuf::from);
    let dir = tempfile::tempdir_in(place).expect("a directory on the disk that is measured");
    let key = Key::new(&Secret::new(SECRET.to_owned()));
    let bodies: Vec<Vec<u8>> = (0..COMMIT_EVENTS).map(|n| body(n, &key)).collect();
    let store = Store::open(&dir.path().join("log"), Options::default(), ReceivedAt(1)).expect("a new log");
    let bare = Database::create(dir.path().join("bare.redb")).expect("a new file");
    let mut sender = Connection::to_an_appliance(dir.path().join("appliance"), &bodies.join(&b"\n"[..]));
    let mut next = 0;
    let (mut whole, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    // The first round fills the files, and is not counted.
    for round in 0..=ROUNDS {
        let figures =
            (sender.send(), take_in(&store, &bodies, &key), take_in_bare(&bare, &bodies, &key, &mut next));
        if round > 0 {
            whole.push(figures.0);
            with.push(figures.1);
            without.push(figures.2);
        }
    }
    let (whole, with, without) = (median(&mut whole), median(&mut with), median(&mut without));
    let micros = 1e6 / with - 1e6 / without;
    println!(
        "{COMMIT_EVENTS} signed events a request and commit, durable, medians of {ROUNDS} rounds in turns:"
    );
    println!("  over HTTP, one connection         {whole:>10.0} events/s");
    println!("  from bytes to disk, with the tree {with:>10.0} events/s");
    println!("  the same without the tree         {without:>10.0} events/s");
    println!(
        "  the tree takes {micros:.2} µs an event: {:.1} % of the intake over HTTP",
        micros * whole / 1e4
    );
    println!("an inclusion proof verified, in a tree of 2^30: {:.1} µs", time_of_a_check());
}

/// A sender on a connection to an appliance in this process.
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    _runtime: tokio::runtime::Runtime,
}

impl Connection {
    fn to_an_appliance(data_dir: PathBuf, events: &[u8]) -> Connection {
        let mut config = Config { data_dir, ..Config::default() };
        config.integrity.signing_secret = Some(Secret::new(SECRET.to_owned()));
        let key = make_key(&config);
        let opened = app::open(config, Clock::system(), Telemetry::default(), false).expect("it opens");
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("it has one");
        runtime.spawn(app::serve(opened, listener, CancellationToken::new(), |_| {}));
        let head = format!(
            "POST /api/v1/audit/events HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
            events.len()
        );
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Connection { stream, request: [head.as_bytes(), events].concat(), _runtime: runtime }
    }

    /// Events a second, each request acknowledged before the next one.
    fn send(&mut self) -> f64 {
        let began = Instant::now();
        for _ in 0..COMMITS {
            self.stream.write_all(&self.request).expect("it takes the request");
            let mut answer = Vec::new();
            while !answer.ends_with(b"}") {
                let mut part = [0; 4_096];
                let length = self.stream.read(&mut part).expect("it answers");
                assert!(length > 0, "it hung up");
                answer.extend_from_slice(&part[..length]);
            }
            assert!(answer.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&answer));
        }
        rate(began)
    }
}

fn make_key(config: &Config) -> String {
    let store = Store::open(&config.data_dir, Options::default(), ReceivedAt(1)).expect("a new log");
    let key = keys::new_api_key();
    let record = ApiKey {
        id: SourceId(0),
        name: "bench".to_owned(),
        organization: None,
        scopes: vec![KeyScope::Ingest],
        key_hash: keys::token_hash(&key),
        signing_secret: None,
        revoked: false,
    };
    let mut txn = store.begin(ReceivedAt(1)).expect("a transaction");
    txn.create_key(record, "bench").expect("there is room");
    txn.commit().expect("the disk works");
    key
}

/// An event of about 900 bytes, hashed and signed as an application sends it.
fn body(n: usize, key: &Key) -> Vec<u8> {
    let event = format!(
        r#"{{"timestamp":"2026-11-03T08:00:00.{n:06}Z","action":"patient.chart.view","status":"success","principalId":"nurse-{n}","organizationId":"clinic-{}","eventVersion":"1.0","correlationId":"0192f0c1-{n:012x}","dataClassification":"PHI","retentionPolicy":"standard","sessionContext":{{"sessionId":"session-{n:08x}","ipAddress":"10.20.30.{}","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36"}},"details":{{"ward":"{}","chart":"vitals","device":"workstation-{}","reason":"routine round, no changes made to the record of the patient"}}"#,
        n % 7,
        n % 256,
        n % 40,
        n % 900
    );
    let unsigned = format!("{event}}}");
    let hash = hash_v1(&decode::event(unsigned.as_bytes(), &Limits::default(), None).expect("a valid event"));
    let (hash, signature) = (hex::encode(hash), hex::encode(sign(&hash, key)));
    let claim = format!(
        r#","hash":"{hash}","hashAlgorithm":"SHA-256","signature":"{signature}","algorithm":"HMAC-SHA256"}}"#
    );
    [event, claim].concat().into_bytes()
}

fn salt(n: u64) -> Salt {
    let mut salt = [7; 32];
    salt[..8].copy_from_slice(&n.to_le_bytes());
    salt
}

/// Events a second from bytes to durable, as intake does it.
fn take_in(store: &Store, bodies: &[Vec<u8>], key: &Key) -> f64 {
    let began = Instant::now();
    let sender = Sender { source: SourceId(1), organization: None, key: Some(key) };
    let limits = Limits::default();
    for _ in 0..COMMITS {
        let numbered = bodies.iter().zip(store.size().0..);
        let drafts = numbered.map(|(body, n)| {
            draft(body, &sender, &limits, None, salt(n), |_| [0; 16], &mut Notes::default())
        });
        let drafts = drafts.collect::<Result<_, _>>().expect("valid events");
        let mut txn = store.begin(ReceivedAt(1)).expect("a transaction");
        let appended = txn.append_events(drafts).expect("there is room");
        assert!(appended.iter().all(|one| matches!(one, Appended::Stored(_))));
        txn.commit().expect("the disk works");
    }
    rate(began)
}

/// The same into blocks of the same form in a file of the same kind, without salted hashes, leaves, tiles and a root.
fn take_in_bare(db: &Database, bodies: &[Vec<u8>], key: &Key, next: &mut u64) -> f64 {
    let began = Instant::now();
    for _ in 0..COMMITS {
        let first = *next;
        let entries: Vec<Entry> = bodies.iter().zip(first..).map(|(body, n)| entry(body, n, key)).collect();
        *next += entries.len() as u64;
        let mut write = db.begin_write().expect("a transaction");
        write.set_durability(Durability::Immediate).expect("it is allowed");
        write.set_quick_repair(true);
        let mut blocks = write.open_table(BLOCKS).expect("a table");
        let mut index = write.open_table(BLOCK_INDEX).expect("a table");
        blocks.insert(first, &archive::encode(&entries)[..]).expect("there is room");
        index.insert(first, &[0; 32][..]).expect("there is room");
        drop((blocks, index));
        write.commit().expect("the disk works");
    }
    rate(began)
}

fn entry(body: &[u8], n: u64, key: &Key) -> Entry {
    let event = decode::event(body, &Limits::default(), None).expect("a valid event");
    let verdict = verify(&event, body, Some(key)).verdict;
    let (seq, received_at, salt) = (Seq(n), ReceivedAt(1), salt(n));
    let (id, kind, source) = (event_id(received_at, seq, 7), EntryKind::Event, SourceId(1));
    let (flags, assigned_organization) = (EntryFlags::default(), None);
    Entry {
        seq,
        kind,
        received_at,
        salt,
        id,
        source,
        verdict,
        flags,
        assigned_organization,
        body: body.to_vec(),
    }
}

fn rate(began: Instant) -> f64 {
    (COMMITS * COMMIT_EVENTS) as f64 / began.elapsed().as_secs_f64()
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Thirty hashes up to the root. It does not hold, which costs as much to find.
fn time_of_a_check() -> f64 {
    let hashes = [[7; 32]; 30];
    let tree = TreeHead { size: 1 << 30, root: [9; 32] };
    let leaf = leaf_hash(b"an entry");
    let mut times: Vec<f64> = (0..1_001)
        .map(|n| {
            let began = Instant::now();
            assert!(verify_inclusion(&leaf, n, &tree, &hashes).is_err());
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    median(&mut times)
}
