//! More than it can take: memory stays within its bounds, nothing acknowledged is lost, and no flood hides an attack.
//!
//! A few seconds and some thousand principals among the other tests; `tests/long overload` and
//! `tests/long principals` for more.

use crate::appliance::{Appliance, PATIENCE, counted_within, eventually, found, metric};
use crate::client::Client;
use crate::samples::{failed_sign_in, plain, plain_with};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const EVENTS: &str = "/api/v1/audit/events";
/// Clients at once: far more than can be answered.
const CLIENTS: usize = 48;
/// Events in each of their requests.
const BATCH: u64 = 500;
/// What the process may take in all under a flood of events. It was found to take 273,000 KiB after a minute and 365,000 KiB
/// after ten, in which 12.6 million events (14 GB) had been taken.
const MEMORY_KIB_MAX: u64 = 500_000;
/// The same under a flood of principals.
const MEMORY_OF_PRINCIPALS_KIB_MAX: u64 = 600_000;

fn given(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn under_far_too_much_load_memory_is_bounded_and_nothing_acknowledged_is_lost() {
    let secs = given("SEALWATCH_OVERLOAD_SECS", 8);
    let appliance = Appliance::start_with(&[
        ("SEALWATCH_INTAKE__BODY_BYTES_MAX", "1048576"),
        ("SEALWATCH_INTAKE__QUEUE_BYTES_MAX", "8388608"),
        // As the unit of the package has it.
        ("MALLOC_MMAP_THRESHOLD_", "131072"),
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
    ]);
    let client = appliance.everything("flood");
    let event = plain_with(json!({"outcomeDescription": "x".repeat(1_000)}));
    let batch = vec![event.to_string(); BATCH as usize - 1].join(",");
    let (accepted, refused, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let deadline = Instant::now() + Duration::from_secs(secs);
    // The last event that each client was told is kept.
    let acknowledged = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (event, batch, acknowledged) = (&event, &batch, &acknowledged);
            let (accepted, refused, failed) = (&accepted, &refused, &failed);
            let client = client.with("Content-Type", "application/json");
            scope.spawn(move || {
                let (mut event, mut last) = (event.clone(), None);
                for request in 0_u64.. {
                    if Instant::now() >= deadline {
                        break;
                    }
                    let id = format!("0192a0de-0000-7000-8{number:03x}-{request:012x}");
                    event["id"] = json!(id);
                    let body = format!("[{event},{batch}]");
                    match client.try_call("POST", EVENTS, body.as_bytes()) {
                        Ok(reply) if reply.status == 202 => {
                            let taken = reply.json()["accepted"].as_u64().expect("a number");
                            accepted.fetch_add(taken, Ordering::Relaxed);
                            last = Some(id);
                        }
                        Ok(reply) => {
                            assert_eq!(reply.status, 429, "{reply}");
                            assert!(reply.header("retry-after").is_some(), "{reply}");
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        // Closed while the body was still on its way: not acknowledged.
                        Err(_) => drop(failed.fetch_add(1, Ordering::Relaxed)),
                    }
                }
                acknowledged.lock().expect("none panics in there").extend(last);
            });
        }
    });
    let began = Instant::now();
    eventually("it is back", || (client.post(EVENTS, &plain()).status == 201).then_some(()));
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
    let (accepted, refused) = (accepted.into_inner(), refused.into_inner());
    let (failed, peak) = (failed.into_inner(), appliance.memory_peak_kib());
    println!(
        "{secs} s: {accepted} events taken, {refused} requests refused, {failed} cut off, {peak} KiB at most"
    );
    assert!(accepted > 0 && refused > 0, "it was too much, and some of it was taken");
    assert!(peak < MEMORY_KIB_MAX, "{peak} KiB");
    // A list of them all would take longer than a list may. The counters fall behind under such load, and take about as
    // long again to come to the end of the log.
    let patience = PATIENCE + 2 * Duration::from_secs(secs);
    let there = counted_within(patience, &client)["eventsProcessed"].as_u64();
    let there = there.expect("a number");
    let in_doubt = failed * BATCH;
    assert!(
        (accepted + 1..=accepted + 1 + in_doubt).contains(&there),
        "{accepted} acknowledged, {there} there"
    );
    for id in acknowledged.into_inner().expect("none panicked") {
        client.get(&format!("{EVENTS}/{id}")).expect(200);
    }
    let metrics = client.get("/metrics").expect(200).text();
    assert!(metrics.contains("sealwatch_intake_unaccounted_events 0"), "{metrics}");
}

/// One source names a new principal in each event; another one's slow attack must be found all the same.
#[test]
fn a_flood_of_principals_takes_bounded_memory_and_hides_no_attack() {
    let principals = given("SEALWATCH_PRINCIPALS", 20_000);
    let appliance = Appliance::start_with(&[("SEALWATCH_DETECTION__KEYS_MAX", "5000")]);
    let (flood, victim) = (appliance.everything("flood"), appliance.everything("victim"));
    let attack = |client: &Client, second: u32| {
        client.post(EVENTS, &failed_sign_in("acme", "mallory", second)).expect(201);
    };
    let steps = 5;
    for step in 0..steps {
        attack(&victim, step);
        let part = principals / u64::from(steps);
        let numbers: Vec<u64> = (0..part).map(|n| u64::from(step) * part + n).collect();
        for numbers in numbers.chunks(1_000) {
            let events = numbers.iter().map(|n| failed_sign_in("acme", &format!("user-{n}"), step));
            flood.post(EVENTS, &events.collect()).expect(202);
        }
    }
    appliance.detection_is_done(&victim);
    let alerts = found(&victim, "&pattern=FAILED_AUTH");
    let about: Vec<&Value> = alerts.iter().map(|alert| &alert["metadata"]["key"]).collect();
    assert_eq!(about, ["mallory"]);
    let evicted = eventually("what was let go is counted", || {
        let evicted = metric(&flood, "sealwatch_detect_evicted_keys_total{pattern=\"FAILED_AUTH\"}")?;
        (evicted >= (principals - 5_000) as f64).then_some(evicted)
    });
    let peak = appliance.memory_peak_kib();
    println!("{principals} principals: {evicted} windows let go, {peak} KiB at most");
    assert!(peak < MEMORY_OF_PRINCIPALS_KIB_MAX, "{peak} KiB");
}
