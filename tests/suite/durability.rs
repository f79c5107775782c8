//! Durability: what was acknowledged is there once, whatever befell the process.

use crate::appliance::{Appliance, Chance, lossy, strike_after, total};
use crate::client::Client;
use crate::samples::{plain, plain_with};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const EVENTS: &str = "/api/v1/audit/events";
const ROUNDS: usize = 12;

/// What was acknowledged: the marks of single events with their ids, and of batches with how many were taken.
#[derive(Default)]
struct Acknowledged {
    singles: BTreeMap<String, String>,
    batches: BTreeMap<String, u64>,
}

#[test]
fn what_was_acknowledged_is_there_once_after_any_kill() {
    let mut chance = Chance::new("the moments of the kills");
    let mut appliance = Appliance::start();
    let key = appliance.key(&["--name", "kills", "--scope", "ingest", "--scope", "read"]);
    let acknowledged = Mutex::new(Acknowledged::default());
    for round in 0..ROUNDS {
        let client = appliance.client().with_key(&key);
        let killed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (client, killed, acknowledged) = (&client, &killed, &acknowledged);
                scope.spawn(move || {
                    send_until(killed, client, &format!("{round}-{thread}"), thread, acknowledged);
                });
            }
            strike_after(Duration::from_millis(20 + chance.below(380)));
            appliance.kill9();
            killed.store(true, Ordering::Relaxed);
        });
        appliance.restart();
    }
    let client = appliance.client().with_key(&key);
    let (counts, sum) = counts_by_mark(&client);
    assert_eq!(total(&client, ""), sum, "the total is what the list holds");
    let acknowledged = acknowledged.into_inner().expect("no sender panicked");
    assert!(
        acknowledged.singles.len() > ROUNDS && acknowledged.batches.len() > ROUNDS,
        "the test did its work"
    );
    for (mark, id) in &acknowledged.singles {
        assert_eq!(counts.get(mark), Some(&1), "{mark} is there once");
        assert_eq!(client.get(&format!("{EVENTS}/{id}")).expect(200).json()["correlationId"], **mark);
    }
    for (mark, events) in &acknowledged.batches {
        assert_eq!(counts.get(mark), Some(events), "all of batch {mark} is there once");
    }
    for (mark, count) in counts {
        let whole = if mark.starts_with("batch") { 20 } else { 1 };
        assert_eq!(count, whole, "{mark}, acknowledged or not, is there whole");
    }
    // Sending what was in doubt once more, with its id, changes nothing.
    let (mark, _) =
        acknowledged.singles.iter().find(|(mark, _)| mark.starts_with("own")).expect("some had an id");
    client.post(EVENTS, &single(mark)).expect(200);
    assert_eq!(total(&client, ""), sum);
    client.post(EVENTS, &plain()).expect(201);

    assert_eq!(appliance.stop().code(), Some(0));
    let verified = appliance.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}{}", lossy(&verified.stdout), lossy(&verified.stderr));
}

/// An event that carries its mark; one whose mark begins with `own` has an id of its own, made from the mark.
fn single(mark: &str) -> Value {
    let id = mark.starts_with("own").then(|| {
        let digits: String = mark.chars().filter(char::is_ascii_digit).collect();
        format!("0192a0de-0000-7000-8000-{digits:0>12}")
    });
    plain_with(json!({"correlationId": mark, "id": id}))
}

fn send_until(
    killed: &AtomicBool,
    client: &Client,
    name: &str,
    kind: usize,
    acknowledged: &Mutex<Acknowledged>,
) {
    for n in 0.. {
        if killed.load(Ordering::Relaxed) {
            return;
        }
        let mark = format!("{}-{name}-{n:04}", ["own", "bare", "batch", "batch"][kind]);
        let body = if kind < 2 { single(&mark) } else { Value::from(vec![single(&mark); 20]) };
        let client = client.with("Content-Type", "application/json");
        let Ok(reply) = client.try_call("POST", EVENTS, body.to_string().as_bytes()) else { continue };
        let mut acknowledged = acknowledged.lock().expect("no sender panicked");
        match reply.status {
            201 => acknowledged.singles.extend(reply.json()["id"].as_str().map(|id| (mark, id.to_owned()))),
            202 => acknowledged.batches.extend(reply.json()["accepted"].as_u64().map(|count| (mark, count))),
            _ => {}
        }
    }
}

/// How often each mark stands in the whole list, read with cursors, and how many events that are.
fn counts_by_mark(client: &Client) -> (BTreeMap<String, u64>, u64) {
    let (mut counts, mut sum, mut more) = (BTreeMap::new(), 0, String::new());
    loop {
        let page = client.get(&format!("{EVENTS}?limit=1000&sortField=receivedAt{more}")).expect(200).json();
        for event in page["events"].as_array().expect("an array") {
            sum += 1;
            *counts.entry(event["correlationId"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
        let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { return (counts, sum) };
        more = format!("&cursor={cursor}");
    }
}

#[test]
fn a_first_start_that_was_killed_or_failed_leaves_nothing_that_is_in_the_way() {
    let mut chance = Chance::new("the moments of the first kills");
    for _ in 0..8 {
        let mut appliance = Appliance::at_rest();
        let mut first = appliance.command(&["serve", "--listen", "127.0.0.1:0"]);
        let first = first.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn();
        let mut first = first.expect("it can be started");
        strike_after(Duration::from_millis(chance.below(250)));
        first.kill().expect("it is ours to kill");
        first.wait().expect("it was started here");
        appliance.restart();
        admin_can_sign_in(&appliance);
        appliance.everything("after").post(EVENTS, &plain()).expect(201);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it is bound").to_string();
    let mut appliance = Appliance::at_rest();
    let failed = appliance.run(&["serve", "--listen", &port]);
    assert_eq!(failed.status.code(), Some(74), "{}", lossy(&failed.stderr));
    assert!(lossy(&failed.stderr).contains(&port), "it names the address");
    appliance.restart();
    admin_can_sign_in(&appliance);
}

/// There is a first user, and the password of that user is to be found.
#[track_caller]
fn admin_can_sign_in(appliance: &Appliance) {
    let password = std::fs::read_to_string(appliance.data_dir().join("initial-password"));
    let password = password.expect("a first user whose password nobody knows is of no use");
    crate::people::sign_in(&appliance.client(), "admin", password.trim()).expect(303);
}

#[test]
fn a_second_process_on_the_same_data_is_refused_and_touches_nothing() {
    let mut appliance = Appliance::start();
    let client = appliance.everything("first");
    client.post(EVENTS, &plain()).expect(201);
    let second = appliance.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(75), "{}", lossy(&second.stderr));
    let told = lossy(&second.stderr);
    assert!(told.contains("in use") || told.contains("another"), "a clear text: {told}");
    assert!(told.contains(&*appliance.data_dir().to_string_lossy()), "it names the directory: {told}");
    client.post(EVENTS, &plain()).expect(201);
    assert_eq!(appliance.run(&["verify"]).status.code(), Some(0), "the first one checks itself");
    assert_eq!(appliance.stop().code(), Some(0));
    assert_eq!(appliance.run(&["verify"]).status.code(), Some(0));
}

#[test]
fn sigterm_under_load_answers_whoever_waits_and_loses_nothing() {
    let mut appliance = Appliance::start();
    let key = appliance.key(&["--name", "load", "--scope", "ingest", "--scope", "read"]);
    let client = appliance.client().with_key(&key);
    let (acknowledged, stopped) = (Mutex::new(Acknowledged::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (client, stopped, acknowledged) = (&client, &stopped, &acknowledged);
            scope.spawn(move || send_until(stopped, client, &format!("0-{thread}"), thread, acknowledged));
        }
        strike_after(Duration::from_millis(300));
        let began = Instant::now();
        let status = appliance.stop();
        stopped.store(true, Ordering::Relaxed);
        assert_eq!(status.code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    });
    appliance.restart();
    let (counts, _) = counts_by_mark(&appliance.client().with_key(&key));
    let acknowledged = acknowledged.into_inner().expect("no sender panicked");
    assert!(!acknowledged.singles.is_empty() && !acknowledged.batches.is_empty());
    for mark in acknowledged.singles.keys() {
        assert_eq!(counts.get(mark), Some(&1), "{mark}");
    }
    for mark in acknowledged.batches.keys() {
        assert_eq!(counts.get(mark), Some(&20), "{mark}");
    }
}

#[test]
fn verify_finds_each_byte_that_was_changed_in_an_entry() {
    let mut appliance = Appliance::start();
    let client = appliance.everything("verify");
    // Texts that do not compress, so that they stand in the file as they are.
    let mut chance = Chance::new("the texts and the bytes that are changed");
    let texts: Vec<String> =
        (0..40).map(|_| format!("{:016x}{:016x}", chance.below(u64::MAX), chance.below(u64::MAX))).collect();
    let events: Vec<Value> = texts.iter().map(|text| plain_with(json!({ "mark": text }))).collect();
    client.post(EVENTS, &Value::from(events)).expect(202);
    assert_eq!(appliance.stop().code(), Some(0));
    let whole = appliance.run(&["verify", "--json"]);
    assert_eq!(whole.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&whole.stdout).expect("JSON on standard output");
    assert!(report.is_object());

    let file = appliance.data_dir().join("log.redb");
    let good = std::fs::read(&file).expect("the log is there");
    let mut found = 0;
    for text in texts.iter().step_by(8) {
        let places = good.windows(text.len()).enumerate().filter(|(_, window)| *window == text.as_bytes());
        let mut changed = good.clone();
        for (at, _) in places {
            let at = at + usize::try_from(chance.below(text.len() as u64)).expect("it is small");
            changed[at] ^= 1 << chance.below(3);
            found += 1;
        }
        if changed == good {
            continue;
        }
        std::fs::write(&file, &changed).expect("it can be written");
        let output = appliance.run(&["verify"]);
        let told = lossy(&[output.stdout, output.stderr].concat());
        assert!(matches!(output.status.code(), Some(1 | 2)), "{:?}: {told}", output.status);
        assert!(!told.trim().is_empty(), "it names what is wrong");
    }
    assert!(found > 0, "the texts stand in the file");
    std::fs::write(&file, &good).expect("it can be written");
    assert_eq!(appliance.run(&["verify"]).status.code(), Some(0));
    // What cannot be opened at all is never called whole.
    std::fs::write(&file, &good[..good.len() / 2]).expect("it can be written");
    assert!(matches!(appliance.run(&["verify"]).status.code(), Some(1 | 2)));
    std::fs::remove_file(&file).expect("it is there");
    assert_eq!(appliance.run(&["verify"]).status.code(), Some(2));
}

#[test]
fn counters_that_are_lost_or_damaged_are_rebuilt() {
    let mut appliance = Appliance::start();
    let key = appliance.key(&["--name", "counters", "--scope", "ingest", "--scope", "read"]);
    let client = appliance.client().with_key(&key);
    client.post(EVENTS, &Value::from(vec![plain(); 50])).expect(202);
    let numbers = |client: &Client| {
        let metrics = client.get("/api/v1/metrics/audit").expect(200).json();
        [&metrics["eventsProcessed"], &metrics["eventsByStatus"], &metrics["eventsByVerdict"]]
            .map(Value::clone)
    };
    let before = numbers(&client);
    assert_eq!(before[1], json!({"success": 50}));
    let counters = appliance.data_dir().join("counters");
    let damages: [fn(&std::path::Path); 2] = [
        |dir| std::fs::remove_dir_all(dir).expect("it is there"),
        |dir| {
            let database = dir.join("db");
            let mut bytes = std::fs::read(&database).expect("sled keeps its data there");
            bytes.iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
            std::fs::write(&database, bytes).expect("it can be written");
        },
    ];
    for damage in damages {
        appliance.kill9();
        damage(&counters);
        appliance.restart();
        assert_eq!(numbers(&appliance.client().with_key(&key)), before);
    }
}
