//! The search index over many events: how fast it is made, how large it is, how long questions take.
//!
//! `cargo bench --bench search -- [EVENTS]`; without a number a million. Prints medians in milliseconds, and in
//! parentheses the mean of the processor's time.

use sealwatch::decode;
use sealwatch::model::{
    Entry, EntryFlags, EntryKind, EventFilter, EventOrder, EventQuery, Organizations, ReceivedAt, Seq,
    SourceId, Verdict, event_id,
};
use sealwatch::search::{Facet, FacetRequest, Histogram, Indexer, Place, ProfileRequest, Search};
use sealwatch::search_text::{Document, parse};
use std::collections::BTreeSet;
use std::io::{Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

const START: i64 = 1_767_225_600;
/// Events between two commits while the index is made.
const COMMIT_EVENTS: u64 = 50_000;
const ROUNDS: usize = 15;

const ACTIONS: [&str; 12] = [
    "auth.login.success",
    "auth.login.failure",
    "data.read",
    "data.export",
    "data.update",
    "data.delete",
    "fhir.patient.read",
    "fhir.patient.update",
    "fhir.observation.read",
    "admin.user.create",
    "api.call",
    "report.view",
];
const REASONS: [&str; 8] = [
    "request completed",
    "access denied by policy",
    "record not found",
    "invalid credentials supplied",
    "export finished and delivered",
    "session expired during the request",
    "quota exceeded for this tenant",
    "completed with warnings",
];

/// The event of that number: the same at every run.
fn event(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let millis = number * 40 + random(40);
    let (secs, rest) = (START + (millis / 1_000) as i64, millis % 1_000);
    let time = jiff::Timestamp::new(secs, rest as i32 * 1_000_000).expect("a time of this century");
    let status = ["success", "success", "success", "failure", "attempt"][random(5) as usize];
    let class = ["INTERNAL", "INTERNAL", "PHI", "CONFIDENTIAL", "PUBLIC"][random(5) as usize];
    // A few do most, as in life.
    let principal = random(5_000).min(random(5_000)).min(random(5_000));
    format!(
        r#"{{"timestamp":"{time}","action":"{}","status":"{status}","principalId":"user-{principal:04}@example.com","organizationId":"org-{}","targetResourceType":"Patient","targetResourceId":"patient/{:06}","outcomeDescription":"{} on node {}","correlationId":"{:016x}","sessionContext":{{"sessionId":"sess-{:08x}","ipAddress":"10.{}.{}.{}","userAgent":"Mozilla/5.0 (X11; Linux x86_64) client/{}.0"}},"dataClassification":"{class}","retentionPolicy":"standard","recordCount":{},"details":{{"region":"us-east-{}","module":"module-{}","note":"batch {} of the nightly transfer"}}}}"#,
        ACTIONS[random(12) as usize],
        random(20),
        random(200_000),
        REASONS[random(8) as usize],
        random(300),
        random(u64::MAX),
        random(300_000),
        random(4),
        random(256),
        random(256),
        random(9),
        random(500),
        random(4),
        random(40),
        random(10_000),
    )
}

fn entry(number: u64) -> Entry {
    let received_at =
        ReceivedAt((START as u64 + number / 25) * 1_000_000_000 + number % 25 * 40_000_000 + 5_000_000);
    Entry {
        seq: Seq(number),
        kind: EntryKind::Event,
        received_at,
        salt: [0; 32],
        id: event_id(received_at, Seq(number), (number as u32).wrapping_mul(0x9e37_79b9)),
        source: SourceId(1),
        verdict: Verdict::Unsigned,
        flags: EntryFlags::default(),
        assigned_organization: None,
        body: event(number).into_bytes(),
    }
}

fn main() {
    let events = std::env::args().filter_map(|text| text.parse().ok()).next().unwrap_or(1_000_000_u64);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let place = dir.path().join("index");
    let mut indexer = Indexer::new(Place::Directory(place.clone()), "bench".to_owned(), 50_000_000);
    indexer.prepare(Seq(0)).expect("a new directory");
    let (mut working, mut adding) = (Duration::ZERO, Duration::ZERO);
    let (mut bytes, mut commits) = (0, Vec::new());
    for first in (0..events).step_by(COMMIT_EVENTS as usize) {
        let entries: Vec<Entry> = (first..events.min(first + COMMIT_EVENTS)).map(entry).collect();
        bytes += entries.iter().map(|entry| entry.body.len()).sum::<usize>();
        let (began, began_on_cpu) = (Instant::now(), on_cpu());
        for entry in &entries {
            let event = decode::stored(&entry.body, entry.received_at).expect("an event");
            let values = decode::values(&entry.body).expect("an event");
            indexer
                .add(entry.seq, &Document::of_event(entry, &event, "bench", values))
                .expect("the index is open");
        }
        adding += on_cpu() - began_on_cpu;
        let committing = Instant::now();
        indexer.commit(Seq(first + entries.len() as u64)).expect("the index is open");
        commits.push(committing.elapsed());
        working += began.elapsed();
    }
    commits.sort_unstable();
    let size = size_of_dir(&place);
    say(&format!(
        "{events} events of {} bytes: {:.0} events/s, commits of {COMMIT_EVENTS} {:.0} ms (median), {:.1} MB per million, resident {:.0} MB",
        bytes as u64 / events.max(1),
        events as f64 / working.as_secs_f64(),
        commits[commits.len() / 2].as_secs_f64() * 1_000.0,
        size as f64 / events as f64,
        resident_megabytes(),
    ));
    for (name, bytes) in sizes_by_kind(&place) {
        say(&format!("  {name:<10} {:.1} MB", bytes as f64 / 1e6));
    }
    say(&format!(
        "  processor: {:.1} s of the thread that adds, {:.1} s of all that still run",
        adding.as_secs_f64(),
        program_on_cpu().as_secs_f64()
    ));
    let search = indexer.search();
    questions(&search, events);
    say(&format!("resident after the questions: {:.0} MB", resident_megabytes()));
    drop(indexer);
    let mut again = Indexer::new(Place::Directory(place), "bench".to_owned(), 50_000_000);
    let began = Instant::now();
    again.prepare(Seq(events)).expect("it was closed");
    say(&format!("opened and checked in {:.0} ms", began.elapsed().as_secs_f64() * 1_000.0));
}

fn questions(search: &Search, events: u64) {
    let middle = jiff::Timestamp::from_second(START + (events / 50) as i64).expect("a time of this century");
    let hour = jiff::SignedDuration::from_hours(1);
    let texts = [
        ("newest 50", ""),
        ("a rare term", "user-0042@example.com"),
        ("a field", "principal:user-0001@example.com"),
        ("a common word", "completed"),
        ("words", "export delivered"),
        ("a phrase", "\"access denied\""),
        ("a prefix", "action:data.*"),
        ("a network", "ip:10.1.0.0/16"),
        ("a number", "recordCount:>450"),
        ("a path", "details.region:us-east-1"),
        ("a part of a name", "principal:*0042*"),
        ("a part of an id", "id:*ab12*"),
        ("a part anywhere", "*enie*"),
        ("leaving out", "-status:success"),
        (
            "the manual's",
            "principal:user-00* action:data.* status:failure ip:10.0.0.0/8 recordCount:>100 \"access denied\" -org:org-1",
        ),
    ];
    for (name, text) in texts {
        let query = parse(text).expect("a text of ours");
        let all = EventFilter::all(Organizations::All);
        let ranged = EventFilter {
            from: Some(middle - hour),
            to: Some(middle + hour),
            ..EventFilter::all(Organizations::All)
        };
        let scoped = EventFilter::all(Organizations::Only(BTreeSet::from(["org-3".to_owned()])));
        let page = |filter: &EventFilter| EventQuery {
            filter: filter.clone(),
            order: EventOrder::Timestamp,
            descending: true,
            offset: 0,
            limit: 50,
            after: None,
        };
        let request = FacetRequest {
            facets: Facet::ALL.into(),
            values_max: 20,
            histogram: Some(Histogram { from: middle - hour * 6, to: middle + hour * 6, buckets: 60 }),
        };
        let began = Instant::now();
        let found = match search.events(&query, &page(&all)) {
            Ok(found) => found.total,
            Err(error) => {
                let millis = began.elapsed().as_secs_f64() * 1_000.0;
                say(&format!("{name:<17} refused after {millis:.0} ms: {error}"));
                continue;
            }
        };
        let first = began.elapsed().as_secs_f64() * 1_000.0;
        let whole = median(|| drop(search.events(&query, &page(&all))));
        let in_range = median(|| drop(search.events(&query, &page(&ranged))));
        let in_scope = median(|| drop(search.events(&query, &page(&scoped))));
        let best = median(|| drop(search.most_relevant(&query, &all, 0, 50)));
        let began = Instant::now();
        drop(search.facets(&query, &all, &request));
        let facets_first = began.elapsed().as_secs_f64() * 1_000.0;
        let facets = median(|| drop(search.facets(&query, &all, &request)));
        say(&format!(
            "{name:<17} {found:>8} found  newest {whole}, the first time {first:.2}  in two hours {in_range}  one organisation {in_scope}  relevance {best}  facets and histogram {facets}, the first time {facets_first:.2}"
        ));
    }
    profiles(search, middle);
}

/// What the pages of principals and resources ask: of the busiest, of a rare one, and of everything.
fn profiles(search: &Search, middle: jiff::Timestamp) {
    let hours = jiff::SignedDuration::from_hours(6);
    let request = ProfileRequest {
        values_max: 20,
        histogram: Some(Histogram { from: middle - hours, to: middle + hours, buckets: 60 }),
        zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("the zone database is bundled"),
    };
    let all = EventFilter::all(Organizations::All);
    let named = |name: &str| BTreeSet::from([name.to_owned()]);
    let filters = [
        ("busy principal", EventFilter { principals: named("user-0001@example.com"), ..all.clone() }),
        ("rare principal", EventFilter { principals: named("user-4000@example.com"), ..all.clone() }),
        ("resource", EventFilter { resource_ids: named("patient/000042"), ..all.clone() }),
        ("organisation", EventFilter { organizations: named("org-3"), ..all.clone() }),
        ("resource type", EventFilter { resource_types: named("Patient"), ..all.clone() }),
        ("everything", all),
    ];
    for (name, filter) in filters {
        let found = search.profile(&filter, &request).expect("it is ready").total;
        let time = median(|| drop(search.profile(&filter, &request)));
        say(&format!("profile of {name:<15} {found:>8} found  {time}"));
    }
}

/// The median time, and what the processor had to do on average: on a busy machine the two differ.
fn median(mut ask: impl FnMut()) -> String {
    let began_on_cpu = on_cpu();
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            ask();
            began.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    let on_cpu = (on_cpu() - began_on_cpu).as_secs_f64() * 1_000.0 / ROUNDS as f64;
    times.sort_unstable_by(f64::total_cmp);
    format!("{:.2} ({on_cpu:.2})", times[times.len() / 2])
}

/// How long this thread has had the processor: other programs on the machine do not count.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

/// The same for all threads of the program.
fn program_on_cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    Duration::from_nanos(stats.filter_map(|stat| stat.split(' ').next()?.parse::<u64>().ok()).sum())
}

fn say(line: &str) {
    drop(writeln!(stdout(), "{line}"));
}

fn files(dir: &Path) -> Vec<(String, u64)> {
    let files = std::fs::read_dir(dir).expect("the directory is there").flatten();
    let of = |file: std::fs::DirEntry| {
        let kind = file.path().extension().unwrap_or_default().to_string_lossy().into_owned();
        (kind, file.metadata().map_or(0, |found| found.len()))
    };
    files.map(of).collect()
}

fn size_of_dir(dir: &Path) -> u64 {
    files(dir).into_iter().map(|(_, bytes)| bytes).sum()
}

fn sizes_by_kind(dir: &Path) -> std::collections::BTreeMap<String, u64> {
    let mut sizes = std::collections::BTreeMap::new();
    files(dir).into_iter().for_each(|(kind, bytes)| *sizes.entry(kind).or_default() += bytes);
    sizes
}

fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0.0) / 1_024.0
}
