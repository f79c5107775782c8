//! Durability: what was acknowledged is there once, whatever befell the process.

use crate::appliance::{Appliance, Chance, counted, lossy, strike_after};
use crate::client::Client;
use crate::command::Run;
use crate::kills::{Ends, Load, marks_in_the_log};
use crate::samples::{plain, plain_with};
use serde_json::{Value, json};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

const EVENTS: &str = "/api/v1/audit/events";
/// An end is to take ten seconds at most; here it shares the machine with other tests and with who goes on sending.
const STOP_MAX: Duration = Duration::from_secs(20);

#[test]
fn a_first_start_that_was_killed_or_failed_leaves_nothing_that_is_in_the_way() {
    let mut chance = Chance::new("the moments of the first kills");
    for _ in 0..8 {
        let mut appliance = Appliance::at_rest();
        let mut first = Run::begin(&mut appliance.command(&["serve", "--listen", "127.0.0.1:0"]));
        strike_after(Duration::from_millis(chance.below(250)));
        first.child().kill().expect("it is ours to kill");
        first.end();
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
    let (mut load, stopped) = (Load::new(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _ends = Ends(&stopped);
        load.send_until(&stopped, &client, 0, scope);
        load.is_under_way();
        strike_after(Duration::from_millis(300));
        let began = Instant::now();
        let status = appliance.stop();
        assert_eq!(status.code(), Some(0));
        assert!(began.elapsed() < STOP_MAX, "it took {:?}", began.elapsed());
    });
    appliance.restart();
    load.check(&marks_in_the_log(&appliance.client().with_key(&key)));
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
        let metrics = counted(client);
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
        // Not killed, so that there is something to lose.
        assert_eq!(appliance.stop().code(), Some(0));
        damage(&counters);
        appliance.restart();
        assert_eq!(numbers(&appliance.client().with_key(&key)), before);
        // It says what it found and what it has to do again.
        let log = appliance.log();
        let opened = log.lines().rfind(|line| line.contains("the log is open")).expect("each start says so");
        let opened: Value = serde_json::from_str(opened).expect("messages are JSON");
        assert_eq!(opened["events"], 50, "{opened}");
        let (entries, not_counted) = (&opened["entries"], &opened["not_counted_yet"]);
        assert_eq!(not_counted, entries, "all of it is counted again: {opened}");
        assert!(opened["read_again_for_detection"].is_u64() && opened["dead_letters"] == 0, "{opened}");
    }
    for said in ["there were no counters", "the counters were set aside"] {
        assert!(appliance.log().contains(said), "{said}: {}", appliance.log());
    }
}
