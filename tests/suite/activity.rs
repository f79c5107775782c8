//! Activity: what people and the appliance itself did is in the log, and shown to whom it concerns.

use crate::appliance::{Appliance, UNCHECKED, eventually, found};
use crate::client::Client;
use crate::people::{add_user, sign_in, with_session};
use crate::samples::{data_access, failed_sign_in, plain, plain_with};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const EVENTS: &str = "/api/v1/audit/events";
const PASSWORD: &str = "correct horse battery";

/// What was done, newest first; `query` stands in the address behind `?`.
#[track_caller]
fn done(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/api/v1/activity?limit=500&{query}")).expect(200).json();
    assert_eq!((&page["pagination"]["searchedBackTo"], page.get("damaged")), (&Value::Null, None));
    page["activities"].as_array().expect("activities stand in an array").clone()
}

#[track_caller]
fn sentences(client: &Client, query: &str) -> Vec<String> {
    done(client, query).iter().map(|one| one["sentence"].as_str().expect("words").to_owned()).collect()
}

/// A user of that role, signed in.
#[track_caller]
fn enter(appliance: &Appliance, name: &str, role: &str, more: &[&str]) -> Client {
    assert!(add_user(appliance, name, role, more, PASSWORD).status.success());
    let client = appliance.client();
    let client = with_session(&client, &sign_in(&client, name, PASSWORD).expect(303));
    client.with("Sec-Fetch-Site", "same-origin")
}

#[test]
fn what_people_do_stands_in_the_log_with_who_and_what() {
    let appliance = Appliance::start_with(&[UNCHECKED]);
    let ada = enter(&appliance, "ada", "admin", &[]);
    sign_in(&appliance.client(), "ada", "wrong").expect(401);
    let new = json!({"name": "bob", "role": "viewer", "password": PASSWORD});
    ada.post("/api/v1/users", &new).expect(201);
    assert!(ada.call("DELETE", "/api/v1/users/bob", b"").status == 204);
    ada.post("/api/v1/keys", &json!({"name": "ward", "organization": "acme"})).expect(201);
    assert!(ada.call("DELETE", "/api/v1/keys/ward", b"").status == 204);
    assert!(appliance.run(&["key", "rotate-log-key"]).status.success());
    ada.post_as("/sign-out", "application/x-www-form-urlencoded", b"").expect(303);
    let auditor = enter(&appliance, "otto", "auditor", &[]);
    let people = sentences(&auditor, "kind=people,keys&person=ada");
    let expected = [
        "ada signed out",
        "ada revoked the API key “ward”",
        "ada made the API key “ward” for the organisation “acme”",
        "ada removed the user “bob”",
        "ada added the user “bob” as viewer",
        "Someone failed to sign in as “ada” from 127.0.0.1",
        "ada signed in from 127.0.0.1",
        "The host’s operator added the user “ada” as admin",
    ];
    assert_eq!(people, expected);
    let log = sentences(&auditor, "kind=log");
    let expected = [
        "Sealwatch named a new key that signs checkpoints from here on",
        "The host’s operator had the key that signs checkpoints replaced",
        "Sealwatch named the key that signs checkpoints",
        "Sealwatch made the log",
    ];
    assert_eq!(log, expected);
    assert_eq!(
        sentences(&auditor, "person=sealwatch&kind=people"),
        ["Sealwatch added the user “admin” as admin"]
    );
    let first = auditor.with("Accept", "text/html").get("/activity?kind=people").expect(200).text();
    assert!(first.contains("removed the user"), "{first}");
}

#[test]
fn each_step_of_an_alert_is_there_and_seen_by_those_who_may_see_the_alert() {
    let appliance = Appliance::start();
    let source = appliance.everything("source");
    source
        .post(EVENTS, &json!([data_access("org-a", "p", "23:00:00"), data_access("org-b", "q", "23:00:00")]))
        .expect(202);
    appliance.detection_is_done(&source);
    let of = |organization: &str| {
        let found = found(&source, &format!("&organizationId={organization}"));
        found[0]["id"].as_str().expect("an id").to_owned()
    };
    let (own, other) = (of("org-a"), of("org-b"));
    let ana = enter(&appliance, "ana", "analyst", &[]);
    for id in [&own, &other] {
        ana.post(&format!("/api/v1/alerts/{id}/resolve"), &json!({"resolutionNotes": "a drill"})).expect(200);
    }
    let vic = enter(&appliance, "vic", "viewer", &["--organization", "org-a"]);
    let bound_auditor = enter(&appliance, "aud", "auditor", &["--organization", "org-a"]);
    for caller in [&vic, &bound_auditor] {
        let seen = done(caller, "");
        assert!(seen.iter().all(|one| one["alertId"] == own), "{seen:?}");
        let kinds: Vec<&str> = seen.iter().filter_map(|one| one["activity"]["activity"].as_str()).collect();
        assert_eq!(kinds, ["alert_changed", "alert_notified", "alert_raised"]);
        assert_eq!(seen[0]["sentence"], "ana resolved an alert");
        assert_eq!(seen[0]["activity"]["note"], "a drill");
    }
    let page = vic.with("Accept", "text/html").get("/activity").expect(200).text();
    assert!(page.contains(&own) && !page.contains(&other) && !page.contains("signed in"), "{page}");
    // Whoever may not see what people did sees alerts, of all organisations.
    let seen = done(&ana, "");
    assert!(seen.iter().all(|one| one["kind"] == "alerts"), "{seen:?}");
    assert!(seen.iter().any(|one| one["alertId"] == other));
    let reader = appliance.client().with_key(&appliance.key(&["--name", "reads", "--scope", "read"]));
    assert!(done(&reader, "").iter().all(|one| one["kind"] == "alerts"));
    assert!(done(&source, "").iter().any(|one| one["kind"] == "people"), "the scope admin sees everything");
    appliance.client().get("/api/v1/activity").expect(401);
    let ingest = appliance.client().with_key(&appliance.key(&["--name", "sends"]));
    ingest.get("/api/v1/activity").expect(403);
}

#[test]
fn a_search_by_a_person_is_noted_before_its_answer_and_one_by_a_program_is_not() {
    let appliance = Appliance::start();
    let source = appliance.everything("source");
    let events: Vec<Value> = (0..60).map(|n| plain_with(json!({"principalId": "p", "n": n}))).collect();
    source.post(EVENTS, &json!(events)).expect(202);
    let auditor = enter(&appliance, "otto", "auditor", &[]);
    let page = auditor.with("Accept", "text/html");
    // Neither the plain lists nor a further page of a search.
    for plain in ["/events", "/alerts", "/alerts?sort=severity&order=asc", "/events?principal=&time=event"] {
        page.get(plain).expect(200);
    }
    auditor.get(EVENTS).expect(200);
    auditor.get("/api/v1/alerts?limit=10").expect(200);
    source.get(&format!("{EVENTS}?principalIds=p")).expect(200);
    source.get("/api/v1/alerts?search=p").expect(200);
    assert_eq!(sentences(&auditor, "kind=searches"), [""; 0]);

    page.get("/events?principal=p&action=test.*").expect(200);
    page.get("/alerts?search=two%20words").expect(200);
    let first = auditor.get(&format!("{EVENTS}?principalIds=p")).expect(200).json();
    let cursor = first["pagination"]["nextCursor"].as_str().expect("there is more");
    auditor.get(&format!("{EVENTS}?principalIds=p&cursor={cursor}")).expect(200);
    auditor.get(&format!("{EVENTS}?principalIds=p&offset=50")).expect(200);
    auditor.get(&format!("/api/v1/alerts?tags={}", "x".repeat(3_000))).expect(200);
    let noted = done(&auditor, "kind=searches");
    let what: Vec<(&str, &str)> = noted
        .iter()
        .map(|one| {
            (
                one["activity"]["place"].as_str().expect("a place"),
                one["activity"]["query"].as_str().expect("a query"),
            )
        })
        .collect();
    let long = format!("tags={}", "x".repeat(1_995));
    let expected = [
        ("/api/v1/alerts", long.as_str()),
        (EVENTS, "principalIds=p"),
        ("/alerts", "search=two%20words"),
        ("/events", "principal=p&action=test.*"),
    ];
    assert_eq!(what, expected);
    assert!(noted.iter().all(|one| one["by"] == "otto"), "{noted:?}");
}

#[test]
fn changed_settings_are_one_entry_of_the_start_that_has_them() {
    let mut appliance = Appliance::start_configured("[patterns.FAILED_AUTH]\nthreshold = 7\n");
    let client = appliance.everything("admin");
    let changes = |client: &Client| -> Vec<Vec<(String, Value, Value)>> {
        let changed = done(client, "kind=settings");
        let of = |one: &Value| {
            let changes = one["activity"]["changes"].as_array().expect("a list").clone();
            // These are the test's own.
            let own = |key: &str| ["data_dir", "listen"].contains(&key) || key.starts_with("health.disk_");
            let told = |change: &Value| !change["key"].as_str().is_some_and(own);
            let part = |change: Value| {
                let key = change["key"].as_str().expect("a key").to_owned();
                (key, change["from"].clone(), change["to"].clone())
            };
            changes.into_iter().filter(told).map(part).collect()
        };
        changed.iter().map(of).collect()
    };
    let threshold =
        |from: &str, to: &str| ("patterns.FAILED_AUTH.threshold".to_owned(), json!(from), json!(to));
    let first = vec![threshold("5", "7")];
    assert_eq!(changes(&client), std::slice::from_ref(&first));
    appliance.stop();
    appliance.restart();
    let client = client.at(&appliance.address);
    assert_eq!(changes(&client).len(), 1, "nothing changed");
    appliance.stop();
    let secret = appliance.file("secret");
    std::fs::write(&secret, "hush-hush").expect("it can be written");
    let config =
        format!("[patterns.FAILED_AUTH]\nthreshold = 9\n[integrity]\nsigning_secret_file = {secret:?}\n");
    std::fs::write(appliance.file("sealwatch.toml"), config).expect("it can be written");
    appliance.restart();
    let client = client.at(&appliance.address);
    let second = vec![
        ("integrity.signing_secret".to_owned(), json!("not set"), json!("set")),
        ("integrity.signing_secret_file".to_owned(), json!(""), json!(secret.display().to_string())),
        threshold("7", "9"),
    ];
    assert_eq!(changes(&client), [second, first]);
    let all = client.get("/api/v1/activity?limit=500").expect(200).text();
    assert!(!all.contains("hush"), "no secret stands in the log");
}

/// The numbers of the books: received, stored, duplicate, rejected.
fn books(client: &Client) -> Vec<f64> {
    let metrics = client.get("/metrics").expect(200).text();
    let sum = |outcome: &str| -> f64 {
        let lines =
            metrics.lines().filter(|line| line.starts_with("sealwatch_intake_") && line.contains(outcome));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    ["received", "stored", "duplicate", "rejected", "unaccounted"].map(sum).to_vec()
}

#[test]
fn refused_input_is_kept_with_hash_and_beginning_and_changes_no_answer() {
    let appliance = Appliance::start();
    let client = appliance.everything("ward");
    let broken = format!("{{\"action\": \"{}\"}}", "\u{1f9ad}".repeat(2_000));
    let refused = client.post_text(EVENTS, &broken).expect(422).json();
    let whole = client.post_text(EVENTS, "{\"a\":").expect(400).json();
    let kind = client.post_as(EVENTS, "text/csv", b"a,b").expect(415).json();
    let lines = format!("{}\nnot json\n{{\"action\":1}}\n", plain());
    let mixed = client.post_as(EVENTS, "application/x-ndjson", lines.as_bytes()).expect(202).json();
    assert_eq!((&mixed["accepted"], &mixed["rejected"]), (&json!(1), &json!(2)));

    let kept = done(&client, "kind=input");
    assert_eq!(kept.len(), 5, "{kept:?}");
    let of = |body: &[u8]| {
        let hash = hex::encode(Sha256::digest(body));
        let found = kept.iter().find(|one| one["activity"]["sha256"] == hash);
        found.unwrap_or_else(|| panic!("{hash} is not in {kept:?}"))
    };
    for (body, answer) in [(broken.as_bytes(), &refused), (b"{\"a\":", &whole), (b"a,b", &kind)] {
        let one = of(body);
        let activity = &one["activity"];
        assert_eq!((&activity["code"], &activity["length"]), (&answer["code"], &json!(body.len())));
        assert_eq!(&activity["field"], answer.get("field").unwrap_or(&Value::Null));
        let beginning = STANDARD.decode(activity["beginning"].as_str().expect("base64")).expect("base64");
        assert_eq!(beginning, body[..body.len().min(4_096)]);
        assert_eq!(one["by"], "key:ward");
    }
    of(b"not json");
    assert_eq!(done(&client, "kind=input&person=key:ward").len(), 5);
    assert_eq!(done(&client, "kind=input&person=key:nobody").len(), 0);
    let [received, stored, duplicate, rejected, unaccounted] = books(&client)[..] else {
        panic!("five numbers")
    };
    assert_eq!((received, stored, duplicate, rejected, unaccounted), (6.0, 1.0, 0.0, 5.0, 0.0));
}

#[test]
fn refused_input_is_kept_within_bounds_and_not_at_all_where_so_set() {
    let appliance = Appliance::start_with(&[("SEALWATCH_INTAKE__KEEP_REJECTED_PER_MINUTE", "12")]);
    let client = appliance.everything("flood");
    let many = vec!["{}"; 30].join("\n");
    let send =
        |client: &Client| client.post_as(EVENTS, "application/x-ndjson", many.as_bytes()).expect(202).json();
    assert_eq!(send(&client)["rejected"], 30);
    assert_eq!(done(&client, "kind=input").len(), 10, "of one request");
    for _ in 0..3 {
        send(&client);
    }
    // A minute may have ended in between, and another begun.
    let kept = done(&client, "kind=input").len();
    assert!([12, 22, 24].contains(&kept), "{kept}");
    assert_eq!(books(&client)[3], 120.0);

    let appliance = Appliance::start_with(&[("SEALWATCH_INTAKE__KEEP_REJECTED_PER_MINUTE", "0")]);
    let client = appliance.everything("flood");
    send(&client);
    assert_eq!(done(&client, "kind=input").len(), 0);
    assert_eq!(books(&client)[3], 30.0);
}

#[test]
fn an_id_that_comes_again_with_other_content_is_told_of_its_source() {
    let appliance = Appliance::start();
    let client = appliance.everything("ward");
    let id = "0197f000-0000-7000-8000-000000000001";
    client.post(EVENTS, &plain_with(json!({"id": id}))).expect(201);
    client.post(EVENTS, &plain_with(json!({"id": id, "action": "other"}))).expect(409);
    let told = done(&client, "kind=input");
    assert_eq!(told.len(), 1, "the conflict is one entry, and no input is kept beside it");
    assert_eq!((&told[0]["by"], &told[0]["activity"]["id"]), (&json!("key:ward"), &json!(id)));
}

#[test]
fn pages_go_on_by_a_cursor_and_what_is_not_known_is_refused() {
    let appliance = Appliance::start_with(&[UNCHECKED]);
    let client = appliance.everything("pages");
    for n in 0..3 {
        sign_in(&appliance.client(), &format!("nobody-{n}"), "wrong");
    }
    let all = done(&client, "");
    let mut paged: Vec<Value> = Vec::new();
    let mut address = "/api/v1/activity?limit=4".to_owned();
    while paged.len() <= all.len() {
        let page = client.get(&address).expect(200).json();
        paged.extend(page["activities"].as_array().expect("a list").clone());
        let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { break };
        address = format!("/api/v1/activity?limit=4&cursor={cursor}");
    }
    assert_eq!(paged, all);
    let oldest = all.last().expect("the log was made");
    assert_eq!((&oldest["seq"], &oldest["activity"]["activity"]), (&json!(0), &json!("log_created")));
    let end = oldest["receivedAt"].as_str().expect("a time");
    assert_eq!(done(&client, &format!("endDate={end}")), std::slice::from_ref(oldest));
    assert_eq!(done(&client, "startDate=2100-01-01"), [Value::Null; 0]);
    for wrong in ["kind=x", "limit=0", "limit=501", "cursor=x", "startDate=x", "colour=red"] {
        client.get(&format!("/api/v1/activity?{wrong}")).expect(400);
    }
    let page = enter(&appliance, "ada", "admin", &[]).with("Accept", "text/html");
    page.get("/activity?kind=x").expect(400);
}

#[test]
fn the_page_of_integrity_says_what_is_signed_and_prints_it() {
    let appliance = Appliance::start_with(&[("SEALWATCH_LOG__CHECKPOINT_SECS", "1"), UNCHECKED]);
    let source = appliance.everything("source");
    source.post(EVENTS, &failed_sign_in("org-b", "mallory", 0)).expect(201);
    // Sizes and hashes are no one's data.
    let vic = enter(&appliance, "vic", "viewer", &["--organization", "org-a"]).with("Accept", "text/html");
    let checkpoint = eventually("a checkpoint covers the whole log", || {
        let page = vic.get("/integrity").expect(200).text();
        page.contains("every entry is signed").then(|| vic.get("/checkpoint").expect(200).text())
    });
    let page = vic.get("/integrity").expect(200).text();
    let key = vic.get("/api/v1/log/key").expect(200).text();
    let size = checkpoint.lines().nth(1).expect("the size").to_owned();
    // The template writes "+" of a key as a reference.
    let shown = |text: &str| text.trim_end().replace('+', "&#43;");
    for words in [
        &format!("{size} entries"),
        key.trim_end(),
        "It does not prove by itself",
        "not checked as a whole yet",
    ] {
        assert!(page.contains(words) || page.contains(&shown(words)), "{words}: {page}");
    }
    assert!(!page.contains("mallory"));
    let sheet = vic.get("/integrity/sheet").expect(200).text();
    assert!(sheet.contains(checkpoint.trim_end()) || sheet.contains(&shown(&checkpoint)), "{sheet}");
    assert!(sheet.contains("<svg class=\"qr\"") && !sheet.contains("style="), "{sheet}");
    let nobody = appliance.client().with("Accept", "text/html");
    nobody.get("/integrity").expect(303);
    nobody.get("/integrity/sheet").expect(303);
}
