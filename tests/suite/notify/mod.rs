//! Notifications: a real mail server and a real HTTP server, what arrives there, and what does not and why.

mod broken;
mod dead_letters;
mod injection;
mod mail_server;
mod once;
mod quiet;
mod receiver;
mod recovery;
mod scope;
mod stubs;
mod traces;
mod trust;
mod ways;

use crate::appliance::{Appliance, eventually};
use crate::client::Client;
use crate::samples::failed_sign_in;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use std::sync::Arc;

/// A certificate that vouches for itself, and a server that shows it.
struct Identity {
    pem: String,
    config: Arc<ServerConfig>,
}

/// An identity for that name, good until that year.
fn identity(name: &str, until: i32) -> Identity {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = params.self_signed(&key).expect("it signs itself");
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("PKCS#8");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .expect("key and certificate belong together");
    Identity { pem: certificate.pem(), config: Arc::new(config) }
}

/// A configuration that allows these endpoints, with this rest.
fn configured(allow: &[String], rest: &str) -> String {
    format!("[notify]\nallow = {allow:?}\npublic_url = \"https://seal.example\"\n{rest}")
}

/// A webhook of that name at that port of this host.
fn hook(name: &str, port: u16) -> String {
    format!("[notify.targets.{name}]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/hook\"\n")
}

/// A route of that name to these targets, for what events show. That one of the targets takes nothing is an alert too, and
/// would be told to the others.
fn route(name: &str, targets: &[&str]) -> String {
    format!("[notify.routes.{name}]\ntargets = {targets:?}\ntypes = [\"SECURITY\"]\n")
}

/// Sends five failed sign-ins, which raise one alert, and waits for it.
#[track_caller]
fn raise(client: &Client, organization: &str, principal: &str) -> String {
    let events: Vec<Value> = (0..5).map(|second| failed_sign_in(organization, principal, second)).collect();
    client.post("/api/v1/audit/events", &Value::from(events)).expect(202);
    eventually("the alert is raised", || alert_of(client, principal))
}

fn alert_of(client: &Client, principal: &str) -> Option<String> {
    let page = client.get("/api/v1/alerts?limit=1000").expect(200).json();
    let alerts = page["data"].as_array()?.clone();
    let of = |alert: &&Value| alert.to_string().contains(&format!("\"{principal}\""));
    Some(alerts.iter().find(of)?["id"].as_str()?.to_owned())
}

/// What became of the notifications of an alert, the newest first.
#[track_caller]
fn deliveries(client: &Client, alert: &str) -> Vec<Value> {
    let found = client.get(&format!("/api/v1/alerts/{alert}/deliveries")).expect(200).json();
    found["data"].as_array().expect("an array").clone()
}

/// The one notification of an alert to that target once it is in that state.
#[track_caller]
fn settled(client: &Client, alert: &str, target: &str, state: &str) -> Value {
    eventually(&format!("{target} is {state}"), || {
        let of = |delivery: &Value| delivery["target"] == target && delivery["state"] == state;
        deliveries(client, alert).into_iter().find(of)
    })
}

/// How a target is, by the appliance's own word.
#[track_caller]
fn target(client: &Client, name: &str) -> Value {
    let found = client.get("/api/v1/notify/targets").expect(200).json();
    let found = found["data"].as_array().expect("an array").iter().find(|target| target["name"] == name);
    found.expect("the target is there").clone()
}

#[test]
fn without_a_target_nothing_is_sent_and_nothing_waits() {
    let appliance = Appliance::start();
    let client = appliance.everything("quiet");
    let alert = raise(&client, "clinic", "ada");
    assert_eq!(deliveries(&client, &alert), Vec::<Value>::new());
    assert_eq!(
        client.get("/api/v1/notify/targets").expect(200).json()["data"],
        Value::from(Vec::<Value>::new())
    );
}
