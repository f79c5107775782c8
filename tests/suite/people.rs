//! People: users, sign-in and out, roles.

use crate::appliance::{Appliance, eventually, total};
use crate::client::{Client, Reply, encoded};
use crate::command::Run;
use crate::samples::{data_access, plain};
use serde_json::json;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

const EVENTS: &str = "/api/v1/audit/events";

/// `user add`, the password through standard input.
pub(crate) fn add_user(
    appliance: &Appliance,
    name: &str,
    role: &str,
    more: &[&str],
    password: &str,
) -> Output {
    let args = [&["user", "add", name, "--role", role, "--password-stdin"], more].concat();
    let mut command = appliance.command(&args);
    let mut added = Run::begin(command.stdin(Stdio::piped()));
    let mut input = added.child().stdin.take().expect("it is piped");
    // It may refuse before it has read anything.
    drop(input.write_all(format!("{password}\n").as_bytes()));
    drop(input);
    added.end()
}

/// What the form of the sign-in page sends.
pub(crate) fn sign_in(client: &Client, name: &str, password: &str) -> Reply {
    let form = format!("user={}&password={}&next=", encoded(name), encoded(password));
    let client = client.with("Sec-Fetch-Site", "same-origin").with("Accept", "text/html");
    client.post_as("/sign-in", "application/x-www-form-urlencoded", form.as_bytes())
}

/// The same client with the session that the reply began.
pub(crate) fn with_session(client: &Client, reply: &Reply) -> Client {
    let cookie =
        reply.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie is set");
    client.with("Cookie", cookie)
}

#[test]
fn the_first_password_lies_in_a_file_until_the_first_sign_in() {
    let mut appliance = Appliance::start();
    let file = appliance.data_dir().join("initial-password");
    let mode = std::fs::metadata(&file).expect("standard output is no terminal").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let password = std::fs::read_to_string(&file).expect("it can be read").trim().to_owned();
    assert!(!appliance.log().contains(&password), "no password stands in the log");
    appliance.stop();
    appliance.restart();
    let again = std::fs::read_to_string(&file).expect("it is still there").trim().to_owned();
    assert_eq!(again, password, "a restart makes no other");
    let client = appliance.client();
    assert!(
        client.with("Accept", "text/html").get("/sign-in").expect(200).text().contains("initial-password")
    );
    let reply = sign_in(&client, "admin", &password).expect(303);
    assert_eq!(reply.header("location"), Some("/"));
    let cookie = reply.header("set-cookie").unwrap_or_default().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!file.exists(), "it was only meant to be read once");
    let signed_in = with_session(&client, &reply);
    for page in ["/", "/alerts", "/events"] {
        let shown = signed_in.get(page).expect(200);
        assert!(shown.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{page}");
        assert!(shown.text().contains("admin"), "{page}");
        let elsewhere = client.get(page).expect(303);
        assert!(elsewhere.header("location").is_some_and(|to| to.starts_with("/sign-in")), "{page}");
    }
}

#[test]
fn a_session_ends_with_its_sign_out_and_cannot_be_used_across_sites() {
    let appliance = Appliance::start();
    assert!(add_user(&appliance, "ada", "admin", &[], "correct horse battery").status.success());
    let client = appliance.client();
    let first = with_session(&client, &sign_in(&client, "ada", "correct horse battery").expect(303));
    let second = with_session(&client, &sign_in(&client, "ada", "correct horse battery").expect(303));
    first.get("/api/v1/alerts").expect(200);
    let form = "application/x-www-form-urlencoded";
    for from in [
        client.clone(),
        client.with("Sec-Fetch-Site", "cross-site"),
        client.with("Sec-Fetch-Site", "same-site"),
        client.with("Origin", "http://127.0.0.1:1"),
    ] {
        from.post_as("/sign-in", form, b"user=ada&password=correct+horse+battery").expect(403);
    }
    for (name, value) in
        [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://example.org"), ("Origin", "null")]
    {
        first.with(name, value).post_as("/sign-out", form, b"").expect(403);
        first.with(name, value).post("/api/v1/keys", &json!({"name": "x"})).expect(403);
    }
    first.get("/api/v1/alerts").expect(200);
    let own = first.with("Sec-Fetch-Site", "same-origin");
    assert_eq!(own.post(EVENTS, &plain()).expect(403).json()["code"], "not_allowed", "people send no events");
    let out = own.post_as("/sign-out", form, b"").expect(303);
    assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    first.get("/api/v1/alerts").expect(401);
    assert_eq!(first.get("/alerts").status, 303);
    second.get("/api/v1/alerts").expect(200);
    assert!(appliance.run(&["user", "remove", "ada"]).status.success());
    second.get("/api/v1/alerts").expect(401);
    client.with("Cookie", "sealwatch_session=x").get("/api/v1/alerts").expect(401);
}

#[test]
fn guessing_a_password_is_refused_and_then_made_to_wait() {
    let appliance = Appliance::start();
    assert!(add_user(&appliance, "ada", "viewer", &[], "correct horse battery").status.success());
    let client = appliance.client();
    let reply = sign_in(&client, "ada", "wrong");
    assert_eq!((reply.status, reply.header("set-cookie")), (401, None));
    let known = reply.text();
    let unknown = sign_in(&client, "nobody", "wrong").expect(401).text();
    assert_eq!(known.replace("ada", "nobody").len(), unknown.len(), "it does not tell which names there are");
    let last = eventually("even the right one waits", || {
        // The first wait is a second, in which a slow machine may not ask again; then it begins anew.
        let waits = sign_in(&client, "ada", "wrong again").status == 429;
        waits.then(|| sign_in(&client, "ada", "correct horse battery")).filter(|last| last.status == 429)
    });
    assert!(last.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|secs| secs > 0)));
    let entered = eventually("the wait is over", || {
        let reply = sign_in(&client, "ada", "correct horse battery");
        (reply.status != 429).then_some(reply)
    });
    entered.expect(303);
}

/// Whether a guess had to wait was asked before the password was looked at, so guesses that came together all
/// found that none had failed yet, and each was tried.
#[test]
fn guesses_in_parallel_wait_as_much_as_guesses_in_a_row() {
    let appliance = Appliance::start();
    assert!(add_user(&appliance, "ada", "viewer", &[], "correct horse battery").status.success());
    let client = appliance.client();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = |n: usize| sign_in(&client, "ada", &format!("wrong {n}")).status;
        let guesses: Vec<_> = (0..40).map(|n| scope.spawn(move || guess(n))).collect();
        guesses.into_iter().map(|guess| guess.join().expect("it is answered")).collect()
    });
    let tried = statuses.iter().filter(|status| **status == 401).count();
    assert!((1..=12).contains(&tried), "{statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
}

/// Signing in again gave the browser another cookie, and left the session of the one before open until it ran
/// out.
#[test]
fn signing_in_again_ends_the_session_that_the_browser_had() {
    let appliance = Appliance::start();
    assert!(add_user(&appliance, "ada", "viewer", &[], "correct horse battery").status.success());
    let client = appliance.client();
    let enter =
        |from: &Client| with_session(&client, &sign_in(from, "ada", "correct horse battery").expect(303));
    let elsewhere = enter(&client);
    let old = enter(&client);
    let new = enter(&old);
    new.get("/alerts").expect(200);
    let turned_away = old.get("/alerts").expect(303);
    assert!(turned_away.header("location").is_some_and(|to| to.starts_with("/sign-in")), "{turned_away}");
    old.get("/api/v1/alerts").expect(401);
    elsewhere.get("/alerts").expect(200);
}

#[test]
fn users_may_do_what_their_role_says_and_see_what_is_theirs() {
    let mut appliance = Appliance::start();
    let everything = appliance.everything("events");
    let event = |organization: &str| data_access(organization, "p", "23:00:00");
    everything.post(EVENTS, &json!([event("org-a"), event("org-b")])).expect(202);
    appliance.detection_is_done(&everything);
    let password = "correct horse battery";
    assert!(add_user(&appliance, "vic", "viewer", &["--organization", "org-a"], password).status.success());
    assert_eq!(
        add_user(&appliance, "vic", "viewer", &[], password).status.code(),
        Some(1),
        "the name is taken"
    );
    assert_eq!(add_user(&appliance, "x", "viewer", &[], "short").status.code(), Some(1));
    assert_eq!(add_user(&appliance, "UPPER", "viewer", &[], password).status.code(), Some(1));
    appliance.stop();
    assert!(add_user(&appliance, "ana", "analyst", &[], password).status.success(), "stopped as well");
    appliance.restart();
    let client = appliance.client();
    let enter = |name: &str| {
        with_session(&client, &sign_in(&client, name, password).expect(303))
            .with("Sec-Fetch-Site", "same-origin")
    };
    let (vic, ana) = (enter("vic"), enter("ana"));
    assert_eq!(total(&vic, ""), 1);
    let own = vic.get("/api/v1/alerts").expect(200).json();
    assert_eq!(own["pagination"]["total"], 1);
    let id = own["data"][0]["id"].as_str().expect("an id").to_owned();
    vic.post(&format!("/api/v1/alerts/{id}/acknowledge"), &json!({})).expect(403);
    vic.post("/api/v1/users", &json!({"name": "eve", "role": "admin", "password": password})).expect(403);
    let form = "application/x-www-form-urlencoded";
    vic.post_as(&format!("/alerts/{id}/acknowledge"), form, b"note=").expect(403);
    ana.post_as(&format!("/alerts/{id}/acknowledge"), form, b"note=").expect(303);
    ana.post_as(&format!("/alerts/{id}/resolve"), form, b"note=seen+it").expect(303);
    let alert = vic.get(&format!("/api/v1/alerts/{id}")).expect(200).json();
    assert_eq!((&alert["resolvedBy"], &alert["resolutionNotes"]), (&json!("ana"), &json!("seen it")));
    ana.get("/api/v1/keys").expect(403);
    let theirs = everything_of(&appliance, "org-b");
    vic.get(&format!("/events/{theirs}")).expect(404);
    ana.get(&format!("/events/{theirs}")).expect(200);
}

/// The id of an event of that organisation.
fn everything_of(appliance: &Appliance, organization: &str) -> String {
    let key = appliance.key(&["--name", "finder", "--scope", "read"]);
    let page = appliance
        .client()
        .with_key(&key)
        .get(&format!("{EVENTS}?organizationIds={organization}"))
        .expect(200);
    page.json()["events"][0]["id"].as_str().expect("there is one").to_owned()
}
