//! Access: what users and keys may be called, and what stays of a key that was revoked.

use crate::appliance::{Appliance, lossy};
use crate::client::Client;
use crate::people::add_user;
use crate::samples::{plain, signed};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/audit/events";
const PASSWORD: &str = "correct horse battery";

/// A user called `local` could do things that the log then told of the host's operator, or of the appliance
/// itself.
#[test]
fn nobody_is_called_what_the_log_calls_the_appliance_and_its_operator() {
    let appliance = Appliance::start();
    let client = appliance.everything("names");
    let add = |name: &str| {
        client.post("/api/v1/users", &json!({"name": name, "role": "admin", "password": PASSWORD}))
    };
    for name in ["sealwatch", "local", "demo"] {
        let problem = add(name).expect(422).json();
        assert_eq!(problem["code"], "invalid_user", "{problem}");
        let output = add_user(&appliance, name, "admin", &[], PASSWORD);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", lossy(&output.stderr));
    }
    for name in ["sealwatch2", "locals", "demo-user"] {
        add(name).expect(201);
    }
}

/// A user or key that was bound to the organisation "" was bound to nothing anyone meant: it saw no one's
/// events, or counted what it sent as nobody's.
#[test]
fn nobody_is_bound_to_an_organisation_without_a_name() {
    let appliance = Appliance::start();
    let client = appliance.everything("bindings");
    let user = |name: &str, organizations: Value| {
        let user =
            json!({"name": name, "role": "viewer", "password": PASSWORD, "organizations": organizations});
        client.post("/api/v1/users", &user)
    };
    for organizations in [json!([""]), json!(["org-a", ""])] {
        assert_eq!(user("vic", organizations).expect(422).json()["code"], "invalid_user");
    }
    let output = add_user(&appliance, "vic", "viewer", &["--organization", ""], PASSWORD);
    assert_eq!(output.status.code(), Some(1), "{}", lossy(&output.stderr));
    user("vic", json!(["org-a"])).expect(201);

    let key = |organization: &str| {
        client.post("/api/v1/keys", &json!({"name": "bound", "organization": organization}))
    };
    assert_eq!(key("").expect(422).json()["code"], "invalid_key");
    let output = appliance.run(&["key", "create", "--name", "bound", "--organization", ""]);
    assert_eq!(output.status.code(), Some(1), "{}", lossy(&output.stderr));
    assert!(output.stdout.is_empty(), "no key is shown that does not exist");
    key("org-a").expect(201);
}

/// The secret went with the key, so that after it was revoked an event whose signature was wrong was found to
/// be whole.
#[test]
fn what_a_revoked_key_sent_is_still_held_against_its_secret() {
    let mut appliance = Appliance::start();
    let secret = appliance.file("secret");
    std::fs::write(&secret, "the key's own\n").expect("it can be written");
    let secret = secret.to_str().expect("a plain path");
    let sender =
        appliance.client().with_key(&appliance.key(&["--name", "s", "--signing-secret-file", secret]));
    let send = |event: &Value| sender.post(EVENTS, event).expect(201).json()["id"].clone();
    let good = send(&signed(plain(), "the key's own"));
    let bad = send(&signed(plain(), "another's"));
    let reader = appliance.key(&["--name", "reader", "--scope", "read"]);
    let found = |client: &Client, id: &Value| {
        let id = id.as_str().expect("an id");
        let found = client.post(&format!("{EVENTS}/{id}/verify"), &json!({})).expect(200).json();
        (found["isValid"].clone(), found["details"]["verdict"].clone())
    };
    let check = |client: &Client| {
        assert_eq!(found(client, &good), (json!(true), json!("verified")));
        assert_eq!(found(client, &bad), (json!(false), json!("signature_mismatch")));
    };
    check(&appliance.client().with_key(&reader));
    assert!(appliance.run(&["key", "revoke", "--name", "s"]).status.success());
    sender.post(EVENTS, &plain()).expect(401);
    check(&appliance.client().with_key(&reader));
    appliance.stop();
    appliance.restart();
    check(&appliance.client().with_key(&reader));
}
