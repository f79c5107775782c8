//! Sources: their running numbers, their silences, and the books of what they sent.

use crate::appliance::{Appliance, counted, eventually, found};
use crate::client::Client;
use crate::people::{add_user, sign_in, with_session};
use crate::samples::{plain, plain_with};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";

fn source(client: &Client, name: &str) -> Value {
    let answer = client.get("/api/v1/sources").expect(200).json();
    let sources = answer["sources"].as_array().expect("an array");
    sources.iter().find(|source| source["name"] == name).expect("it sends").clone()
}

#[test]
fn numbers_that_have_not_come_are_found_and_shown() {
    let mut appliance = Appliance::start();
    let key = appliance.key(&["--name", "app", "--scope", "ingest", "--scope", "read"]);
    let client = appliance.client().with_key(&key);
    let numbered = |numbers: &[i64]| -> Value {
        numbers.iter().map(|number| plain_with(json!({"sourceSeq": number}))).collect()
    };
    client.post(EVENTS, &plain()).expect(201);
    counted(&client);
    assert_eq!(source(&client, "app")["numbers"], Value::Null);
    client.post(EVENTS, &numbered(&[1, 2, 5, 6, 9])).expect(202);
    counted(&client);
    let numbers = source(&client, "app")["numbers"].clone();
    assert_eq!((&numbers["missing"], &numbers["gaps"]), (&json!(4), &json!([[3, 4], [7, 8]])));
    appliance.kill9();
    appliance.restart();
    let client = appliance.client().with_key(&key);
    client.post(EVENTS, &numbered(&[4, 10, 9])).expect(202);
    counted(&client);
    let found = source(&client, "app");
    let expected = json!({
        "highest": 10, "missing": 3, "gaps": [[3, 3], [7, 8]], "repeated": 1, "restarts": 0,
    });
    assert_eq!(found["numbers"], expected);
    assert_eq!(
        (&found["received"], &found["stored"], &found["unaccounted"]),
        (&json!(9), &json!(9), &json!(0))
    );
    let metrics = client.get("/metrics").expect(200).text();
    assert!(metrics.contains("sealwatch_source_missing_numbers{source=\"app\"} 3"), "{metrics}");

    assert!(add_user(&appliance, "ada", "viewer", &[], "correct horse battery").status.success());
    let person = appliance.client();
    let person = with_session(&person, &sign_in(&person, "ada", "correct horse battery").expect(303));
    let page = person.get("/sources").expect(200).text();
    assert!(page.contains("3, 7–8"), "{page}");
    let overview = person.get("/").expect(200).text();
    assert!(overview.contains("9 received = 9 stored + 0 duplicate + 0 rejected."), "{overview}");
}

#[test]
fn a_source_that_falls_silent_raises_one_alert_and_is_heard_again() {
    let mut appliance = Appliance::start_configured("[sources.app]\nsilence_secs = 1\n");
    let key = appliance.key(&["--name", "app", "--scope", "ingest", "--scope", "read"]);
    let client = appliance.client().with_key(&key);
    client.post(EVENTS, &plain()).expect(201);
    let alert = eventually("the silence", || found(&client, "&pattern=SOURCE_SILENT").into_iter().next());
    assert_eq!((&alert["metadata"]["key"], &alert["type"]), (&json!("app"), &json!("SYSTEM")));
    assert_eq!(source(&client, "app")["silent"], true);
    assert_eq!(appliance.stop().code(), Some(0));
    appliance.restart();
    let client = appliance.client().with_key(&key);
    eventually("it is heard again", || {
        client.post(EVENTS, &plain()).expect(201);
        (source(&client, "app")["silent"] == false).then_some(())
    });
    eventually("it is silent again", || (source(&client, "app")["silent"] == true).then_some(()));
    let alerts = eventually("the second silence counts", || {
        let alerts = found(&client, "&pattern=SOURCE_SILENT");
        // Each pause between two of the events above that was long enough counts too.
        (alerts[0]["occurrences"].as_u64() >= Some(2)).then_some(alerts)
    });
    assert_eq!(alerts.len(), 1);
}
