//! A witness on another machine, before logs that grow, and before what an intruder makes of them.

use crate::appliance::{Appliance, UNCHECKED, eventually, lossy, sealwatch};
use crate::client::Client;
use crate::command::output_of;
use crate::samples::plain_with;
use sealwatch::merkle::{Checkpoint, Note, Verifier, verify_cosignatures};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

const EVENTS: &str = "/api/v1/audit/events";

/// A witness with a directory of its own.
struct Witness(TempDir);

impl Witness {
    fn new() -> Witness {
        Witness(tempfile::tempdir().expect("a temporary directory"))
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn run(&self, from: &str, args: &[&str]) -> Output {
        let mut command = sealwatch();
        command.args(["witness", "--from", from]);
        if !args.contains(&"--name") {
            command.args(["--name", "witness.example"]);
        }
        output_of(command.arg("--state").arg(self.state()).args(args))
    }

    /// What it says of a log, once it has ended with that exit code.
    #[track_caller]
    fn look(&self, from: &str, args: &[&str], code: i32) -> Value {
        let output = self.run(from, &[&["--json"], args].concat());
        let told = lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{told}{}", lossy(&output.stderr));
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
    }

    #[track_caller]
    fn accepts(&self, from: &Path, growth: &str) -> Value {
        let told = self.look(&text(from), &[], 0);
        assert_eq!((&told["verdict"], &told["growth"]), (&json!("good"), &json!(growth)), "{told}");
        told
    }

    #[track_caller]
    fn refuses(&self, from: &Path, why: &str) -> Value {
        let told = self.look(&text(from), &[], 1);
        let words = told["why"].as_str().expect("words");
        assert!(told["verdict"] == "refused" && words.starts_with(why), "{told}");
        told
    }

    /// A file of what it keeps of its one log.
    fn kept(&self, name: &str) -> PathBuf {
        let logs = self.state().join("logs").read_dir().expect("it keeps logs");
        let [dir] = &logs.map(|entry| entry.expect("it can be listed").path()).collect::<Vec<_>>()[..] else {
            panic!("it keeps one log")
        };
        dir.join(name)
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("the path is text").to_owned()
}

fn start() -> Appliance {
    Appliance::start_with(&[("SEALWATCH_LOG__CHECKPOINT_SECS", "1")])
}

fn send(client: &Client, who: &str, count: usize) {
    let events: Vec<Value> =
        (0..count).map(|n| plain_with(json!({"principalId": format!("{who}-{n}")}))).collect();
    client.post(EVENTS, &json!(events)).expect(202);
}

/// Sends events, and stops the appliance, which signs what came last.
fn send_and_stop(appliance: &mut Appliance, client: &Client, who: &str, count: usize) {
    send(&client.at(&appliance.address), who, count);
    assert!(appliance.stop().success());
}

/// Waits until everything that was sent is signed.
fn sealed(client: &Client, at_least: u64) {
    eventually("a checkpoint that covers what was sent", || {
        let reply = client.get("/checkpoint");
        let size = reply.text().lines().nth(1).and_then(|size| size.parse::<u64>().ok());
        (reply.status == 200 && size >= Some(at_least)).then_some(())
    });
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("it can be made");
    for entry in from.read_dir().expect("it is there") {
        let entry = entry.expect("it can be listed");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("it can be asked") {
            kind if kind.is_dir() => copy(&entry.path(), &target),
            _ => drop(std::fs::copy(entry.path(), target).expect("it can be copied")),
        }
    }
}

/// An appliance at rest on a copy of another's data.
fn copy_of(data_dir: &Path) -> Appliance {
    let appliance = Appliance::at_rest();
    copy(data_dir, &appliance.data_dir());
    appliance
}

#[test]
fn a_witness_follows_a_log_by_its_address_its_socket_and_its_files() {
    let mut appliance = start();
    let client = appliance.everything("grows");
    let witness = Witness::new();
    let address = format!("http://{}/", appliance.address);
    send(&client, "first", 300);
    sealed(&client, 300);
    let first = witness.look(&address, &[], 0);
    assert_eq!(first["growth"], "first_contact");
    let key = client.get("/api/v1/log/key").expect(200).text();
    assert_eq!(first["key"], key.trim_end());
    send(&client, "second", 300);
    sealed(&client, 600);
    let grown = witness.accepts(&appliance.data_dir(), "grown");
    assert_eq!(grown["lastGood"]["size"], first["size"]);
    send_and_stop(&mut appliance, &client, "third", 10);
    let grown = witness.accepts(&appliance.data_dir(), "grown");
    let checkpoint = std::fs::read(witness.kept("checkpoint")).expect("it is kept");
    let unchanged = witness.accepts(&appliance.data_dir(), "unchanged");
    assert_eq!(unchanged["size"], grown["size"]);
    assert_eq!(std::fs::read(witness.kept("checkpoint")).expect("it is kept"), checkpoint);
    assert_eq!(witness.kept("history").read_dir().expect("it is there").count(), 3);
    assert_eq!(appliance.run(&["verify"]).status.code(), Some(0), "the log is as it was");
    // What is kept is what anyone can check: the log's signature and the witness's.
    let note = Note::parse(&checkpoint).expect("a signed note");
    let log = Verifier::parse(key.trim_end()).expect("the log's key");
    assert_eq!(Checkpoint::open(&note, &[log]).expect("the log's").tree.size, grown["size"]);
    let own = std::fs::read_to_string(witness.state().join("witness-key.pub")).expect("it is there");
    assert_eq!(grown["witnessKey"], own.trim_end());
    let own = Verifier::parse(own.trim_end()).expect("the witness's key");
    let signed_by = verify_cosignatures(&note, &[own], u64::MAX).expect("cosigned");
    assert_eq!(signed_by[0].name, "witness.example");
    let mode = |file: &str| {
        let data = std::fs::metadata(witness.state().join(file)).expect("it is there");
        data.permissions().mode() & 0o777
    };
    assert_eq!((mode("witness-key.pem"), mode("")), (0o600, 0o700));
}

#[test]
fn people_are_told_what_to_compare_and_what_went_wrong() {
    let mut appliance = Appliance::start();
    let client = appliance.everything("words");
    let early = copy_while_stopped(&mut appliance);
    send_and_stop(&mut appliance, &client, "anyone", 10);
    let witness = Witness::new();
    let first = witness.run(&text(&appliance.data_dir()), &[]);
    let words = lossy(&first.stdout);
    assert_eq!(first.status.code(), Some(0), "{words}{}", lossy(&first.stderr));
    assert!(words.contains("GOOD: first look at") && words.contains("Compare it with"), "{words}");
    assert!(words.contains("This witness is new") && words.contains("witness.example+"), "{words}");
    let refused = witness.run(&text(&early.data_dir()), &[]);
    let words = lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{words}");
    for part in ["REFUSED: rolled back: ", "The last good checkpoint of ", " entries and was accepted at 20"]
    {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(words.contains("refused, beside the last good checkpoint"), "{words}");
}

/// A copy of the data, for which the appliance is stopped and started again.
fn copy_while_stopped(appliance: &mut Appliance) -> Appliance {
    assert!(appliance.stop().success());
    let copied = copy_of(&appliance.data_dir());
    appliance.restart();
    copied
}

#[test]
fn an_older_copy_and_a_fork_under_the_same_key_are_refused() {
    let mut appliance = Appliance::start_with(&[UNCHECKED]);
    let client = appliance.everything("fork");
    send(&client, "everyone", 300);
    let yesterday = copy_while_stopped(&mut appliance);
    let mut fork = copy_of(&yesterday.data_dir());
    let witness = Witness::new();
    witness.accepts(&yesterday.data_dir(), "first_contact");
    send_and_stop(&mut appliance, &client, "mallory", 20);
    let seen = witness.accepts(&appliance.data_dir(), "grown");
    let told = witness.refuses(&yesterday.data_dir(), "rolled back: ");
    assert_eq!(told["lastGood"]["size"], seen["size"]);
    // The intruder has everything, the key too, and writes the tail anew without themselves.
    // The other place of the data is a changed setting, and so an entry.
    fork.restart_with(&[UNCHECKED]);
    send_and_stop(&mut fork, &client, "nobody", 19);
    let told = witness.refuses(&fork.data_dir(), "forked: the log has as many entries as before");
    assert_eq!(told["lastGood"]["root"], seen["root"]);
    fork.restart_with(&[UNCHECKED]);
    send_and_stop(&mut fork, &client, "nobody", 20);
    witness.refuses(&fork.data_dir(), "forked: the log of ");
    let evidence = std::fs::read(witness.kept("refused")).expect("it is kept");
    let evidence = Note::parse(&evidence).expect("it is what the log showed");
    assert!(
        Checkpoint::parse(evidence.text()).is_ok_and(|fork| seen["size"].as_u64() < Some(fork.tree.size))
    );
    // The true one is still the one that was seen.
    witness.accepts(&appliance.data_dir(), "unchanged");
}

#[test]
fn a_key_that_the_former_one_named_is_followed_and_any_other_refused() {
    let origin = [("SEALWATCH_LOG__ORIGIN", "seal.example/log")];
    let mut appliance = Appliance::start_with(&origin);
    let client = appliance.everything("rotation");
    send(&client, "anyone", 10);
    let early = copy_while_stopped(&mut appliance);
    let witness = Witness::new();
    let first = witness.accepts(&early.data_dir(), "first_contact")["key"].clone();
    for _ in 0..2 {
        assert!(appliance.run(&["key", "rotate-log-key"]).status.success());
        send(&client.at(&appliance.address), "anyone", 10);
    }
    assert!(appliance.stop().success());
    let seen = witness.accepts(&appliance.data_dir(), "grown");
    assert_ne!(seen["key"], first);
    assert_eq!(std::fs::read_to_string(witness.kept("keys")).expect("it is there").lines().count(), 3);
    witness.refuses(&early.data_dir(), "rolled back: ");
    let mut replaced = Appliance::start_with(&origin);
    let client = replaced.everything("replaced");
    send_and_stop(&mut replaced, &client, "anyone", 300);
    witness.refuses(&replaced.data_dir(), "key replaced: ");
    // Who was given the first key learns of the others at the first look, and a stranger's key is none of them.
    let first = first.as_str().expect("text");
    let careful = Witness::new();
    assert_eq!(careful.look(&text(&appliance.data_dir()), &["--key", first], 0)["key"], seen["key"]);
    let told = careful.look(&text(&replaced.data_dir()), &["--key", first], 1);
    assert!(told["why"].as_str().is_some_and(|why| why.starts_with("key replaced: ")), "{told}");
}

#[test]
fn another_log_in_the_place_of_the_known_one_is_refused() {
    let mut appliance = Appliance::start();
    let client = appliance.everything("first");
    send_and_stop(&mut appliance, &client, "anyone", 10);
    let mut other = Appliance::start();
    let client = other.everything("second");
    send_and_stop(&mut other, &client, "anyone", 300);
    let witness = Witness::new();
    witness.accepts(&appliance.data_dir(), "first_contact");
    let told = witness.refuses(&other.data_dir(), "other origin: ");
    assert!(told["lastGood"]["size"].as_u64().is_some_and(|size| size > 10), "{told}");
    std::fs::rename(appliance.data_dir(), appliance.file("moved")).expect("it can be moved");
    witness.accepts(&appliance.file("moved"), "unchanged");
    copy(&other.data_dir(), &appliance.file("moved"));
    witness.refuses(&appliance.file("moved"), "other origin: ");
    // One that the operator vouches for is kept beside the first, and may not take its place.
    let key = Witness::new().accepts(&other.data_dir(), "first_contact")["key"].clone();
    let key = key.as_str().expect("text");
    witness.look(&text(&other.data_dir()), &["--key", key], 0);
    witness.accepts(&other.data_dir(), "unchanged");
    assert_eq!(witness.state().join("logs").read_dir().expect("it is there").count(), 2);
    witness.refuses(&appliance.file("moved"), "other origin: ");
}

/// The log of a running appliance as plain files.
fn mirror(client: &Client, dir: &Path) {
    let checkpoint = client.get("/checkpoint").expect(200).text();
    let size: u64 = checkpoint.lines().nth(1).and_then(|size| size.parse().ok()).expect("a size");
    let (mut level, mut hashes) = (0, size);
    while hashes > 0 {
        for index in 0..hashes.div_ceil(256) {
            let width = (hashes - index * 256).min(256);
            let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
            let name = format!("tile/{level}/{index:03}{partial}");
            let file = dir.join(&name);
            std::fs::create_dir_all(file.parent().expect("it lies in a directory")).expect("it can be made");
            std::fs::write(file, client.get(&format!("/{name}")).expect(200).body)
                .expect("it can be written");
        }
        (level, hashes) = (level + 1, hashes / 256);
    }
    std::fs::write(dir.join("checkpoint"), checkpoint).expect("it can be written");
    let history = client.get("/api/v1/log/key?history").expect(200).body;
    std::fs::write(dir.join("key-history.json"), history).expect("it can be written");
}

#[test]
fn plain_files_are_a_log_too_and_tampered_tiles_are_found() {
    let appliance = start();
    let client = appliance.everything("files");
    send(&client, "anyone", 300);
    sealed(&client, 300);
    let dir = appliance.file("mirror");
    mirror(&client, &dir);
    let witness = Witness::new();
    let told = witness.look(&text(&dir), &[], 2);
    assert!(told["why"].as_str().is_some_and(|why| why.contains("--key")), "{told}");
    let key_file = appliance.file("log.pub");
    std::fs::write(&key_file, client.get("/api/v1/log/key").expect(200).body).expect("it can be written");
    witness.look(&text(&dir), &["--key", &text(&key_file)], 0);
    send(&client, "anyone", 300);
    sealed(&client, 600);
    mirror(&client, &dir);
    // The tile in which the old log ended.
    let tile = dir.join("tile/0/001");
    let honest = std::fs::read(&tile).expect("it is there");
    std::fs::remove_file(&tile).expect("it is there");
    witness.refuses(&dir, "tiles missing: ");
    let mut tampered = honest.clone();
    tampered[77] ^= 1;
    std::fs::write(&tile, tampered).expect("it can be written");
    witness.refuses(&dir, "tiles changed: ");
    std::fs::write(&tile, &honest[..honest.len() - 32]).expect("it can be written");
    witness.refuses(&dir, "tiles missing: ");
    std::fs::write(&tile, &honest).expect("it can be written");
    witness.accepts(&dir, "grown");
    let checkpoint = std::fs::read_to_string(dir.join("checkpoint")).expect("it is there");
    std::fs::write(dir.join("checkpoint"), checkpoint.replace('\n', "\r\n")).expect("it can be written");
    witness.refuses(&dir, "bad checkpoint or signature: ");
}

#[test]
fn what_cannot_be_checked_is_neither_good_nor_refused() {
    let witness = Witness::new();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it has one");
    let appliance = Appliance::at_rest();
    appliance.key(&["--name", "made before anything was signed"]);
    let nowhere = text(&appliance.file("nowhere"));
    let unsigned = text(&appliance.data_dir());
    let why = |from: &str, args: &[&str]| {
        let told = witness.look(from, args, 2);
        assert_eq!(told["verdict"], "unchecked");
        told["why"].as_str().expect("words").to_owned()
    };
    assert!(why(&format!("http://{free}"), &[]).contains("no answer"));
    assert!(why(&nowhere, &[]).contains("neither a log"));
    assert!(why(&unsigned, &[]).contains("no checkpoint yet"));
    assert!(why(&unsigned, &["--key", "no key"]).contains("three parts"));
    assert!(why(&unsigned, &["--name", "another"]).contains("named \"witness.example\""));
    assert!(!appliance.file("nowhere").exists(), "looking makes nothing");
    assert!(!witness.state().join("logs").exists(), "nothing was accepted");
    std::fs::remove_file(witness.state().join("witness-key.pem")).expect("it is there");
    assert!(why(&unsigned, &[]).contains("witness-key.pem is missing"));
}
