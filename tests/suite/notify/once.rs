//! Once: exactly one delivery per alert and route across kills, and one notification a cooldown with an exact count.

use super::receiver::{Answer, Receiver};
use super::{configured, deliveries, hook, route};
use crate::appliance::{Appliance, Chance, eventually, strike_after};
use crate::samples::{after_ten, plain_with};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const EVENTS: &str = "/api/v1/audit/events";

/// A number from the environment, for the long form of a test.
fn long_form(variable: &str, short: usize) -> usize {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(short)
}

#[test]
fn kills_in_the_middle_of_deliveries_lose_none_and_a_resend_carries_the_same_id() {
    let rounds = long_form("SEALWATCH_TEST_DELIVERY_KILLS", 12);
    let mut chance = Chance::new("the moments of the kills");
    // Half of them are slow, so that the kill comes while they are on their way.
    let slow = Receiver::scripted(|_| Answer::of(200).after(Duration::from_millis(60)));
    let quick = Receiver::start();
    let rest = [
        hook("slow", slow.port),
        hook("quick", quick.port),
        route("one", &["slow"]),
        route("two", &["quick"]),
    ]
    .concat();
    let mut appliance = Appliance::start_configured(&configured(&[slow.address(), quick.address()], &rest));
    let key = appliance.key(&["--name", "kills", "--scope", "ingest", "--scope", "read"]);
    for round in 0..rounds {
        let client = appliance.client().with_key(&key);
        for half in 0..2 {
            let events: Vec<Value> = (0..5)
                .map(|second| crate::samples::failed_sign_in("clinic", &format!("p{round}-{half}"), second))
                .collect();
            client.post(EVENTS, &Value::from(events)).expect(202);
        }
        strike_after(Duration::from_millis(chance.below(180)));
        appliance.kill9();
        appliance.restart();
    }
    let client = appliance.client().with_key(&key);
    appliance.detection_is_done(&client);
    let alerts = crate::appliance::found(&client, "");
    assert_eq!(alerts.len(), 2 * rounds, "one alert each");
    let mut expected: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for alert in &alerts {
        let id = alert["id"].as_str().expect("an id");
        let told = eventually("both routes have told", || {
            Some(deliveries(&client, id)).filter(|found| found.iter().all(|one| one["state"] == "told"))
        });
        assert_eq!(told.len(), 2, "one delivery per alert and route: {told:?}");
        for delivery in told {
            let name = if delivery["target"] == "slow" { "slow" } else { "quick" };
            let id = delivery["id"].as_str().expect("an id").replace('-', "");
            expected.entry(name).or_default().push(format!("msg_{id}"));
        }
    }
    let mut resent = 0;
    for (name, receiver) in [("slow", &slow), ("quick", &quick)] {
        let mut arrived: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for got in receiver.got() {
            let json = got.json();
            if json["data"]["alert"]["organizationId"] != "clinic" {
                continue;
            }
            let alert = json["data"]["alert"]["id"].as_str().expect("an id").to_owned();
            let entry = arrived.entry(got.header("webhook-id").to_owned()).or_insert((0, alert.clone()));
            assert_eq!(entry.1, alert, "an id stands for one alert");
            entry.0 += 1;
        }
        resent += arrived.values().map(|(times, _)| times - 1).sum::<usize>();
        let mut ids = expected.remove(name).expect("some were told");
        ids.sort_unstable();
        assert_eq!(arrived.into_keys().collect::<Vec<_>>(), ids, "what arrived is what was to be told");
    }
    println!("{rounds} kills, {} deliveries, {resent} sent again with the id they had", 4 * rounds);
}

#[test]
fn identical_failures_are_told_once_a_cooldown_with_an_exact_count() {
    let total = long_form("SEALWATCH_TEST_IDENTICAL_FAILURES", 6_000);
    const SPAN_SECS: usize = 1_500;
    const BATCH: usize = 10_000;
    let receiver = Receiver::start();
    let rest = [hook("desk", receiver.port), route("all", &["desk"])].concat();
    let appliance = Appliance::start_configured(&configured(&[receiver.address()], &rest));
    let client = appliance.everything("flood");
    let second_of = |number: usize| number * SPAN_SECS / total;
    let began = Instant::now();
    for first in (0..total).step_by(BATCH) {
        let events: Vec<Value> = (first..total.min(first + BATCH))
            .map(|number| {
                plain_with(json!({
                    "timestamp": after_ten(u32::try_from(second_of(number)).expect("it is small")),
                    "action": "auth.login.failure",
                    "status": "failure",
                    "organizationId": "clinic",
                    "principalId": "ada",
                }))
            })
            .collect();
        client.post(EVENTS, &Value::from(events)).expect(202);
    }
    let sent = began.elapsed();
    appliance.detection_is_done(&client);
    // What must be told, by the rule: the fifth failure fires, and then the first after each cooldown.
    let mut expected: Vec<(u64, u64)> = Vec::new();
    let mut last = None;
    for number in 4..total {
        let second = second_of(number);
        if last.is_none_or(|last| second - last >= 300) {
            last = Some(second);
            expected.push(((number - 3) as u64, (number + 1) as u64));
        }
    }
    let told = eventually("all have arrived", || {
        let got: Vec<Value> = receiver.got().iter().map(|got| got.json()["data"]["alert"].clone()).collect();
        let got: Vec<Value> = got.into_iter().filter(|alert| alert["organizationId"] == "clinic").collect();
        (got.len() >= expected.len()).then_some(got)
    });
    let mut counts: Vec<(u64, u64)> = told
        .iter()
        .map(|alert| {
            (
                alert["occurrences"].as_u64().expect("a number"),
                alert["eventsCounted"].as_u64().expect("a number"),
            )
        })
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, expected, "(occurrences, events) of each notification");
    println!("{total} failures sent in {sent:?}, {} notifications", counts.len());
}
