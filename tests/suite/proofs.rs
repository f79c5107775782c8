//! Checkpoints, tiles and proofs, checked with the log's public key alone, as an auditor would.

use crate::appliance::{Appliance, eventually};
use crate::client::Client;
use crate::command::output_of;
use crate::intake::id_of;
use crate::samples::plain_with;
use sealwatch::merkle::{
    Checkpoint, Leaf, Note, TILE_WIDTH, TiledTree, TlogProof, Verifier, body_digest, leaf_hash, root_of,
    split_entry_bundle, verify_consistency,
};
use sealwatch::model::Hash;
use serde_json::json;

const EVENTS: &str = "/api/v1/audit/events";

/// A checkpoint within a second, so that tests need not wait.
fn start() -> Appliance {
    Appliance::start_with(&[("SEALWATCH_LOG__CHECKPOINT_SECS", "1")])
}

fn verifier(client: &Client) -> Verifier {
    let key = client.get("/api/v1/log/key").expect(200).text();
    Verifier::parse(key.trim_end()).expect("the log's key")
}

/// The newest checkpoint, once it covers `size` entries. Right after the start there is none yet.
fn checkpoint(client: &Client, known: &[Verifier], size: u64) -> Checkpoint {
    eventually("a checkpoint that covers what was sent", || {
        let reply = client.get("/checkpoint");
        if reply.status == 409 {
            return None;
        }
        let note = Note::parse(&reply.expect(200).body).expect("a signed note");
        let checkpoint = Checkpoint::open(&note, known).expect("signed by the log's key");
        (checkpoint.tree.size >= size).then_some(checkpoint)
    })
}

fn send(client: &Client, count: u64) -> u64 {
    let events: Vec<_> =
        (0..count).map(|n| plain_with(json!({"principalId": format!("user-{n}")}))).collect();
    let answer = client.post(EVENTS, &json!(events)).expect(202).json();
    answer["lastSeq"].as_u64().expect("a number") + 1
}

/// The name of a tile of that width, for trees of fewer than 256,000 entries.
fn tile(client: &Client, kind: &str, index: u64, width: usize) -> Option<Vec<u8>> {
    let partial = if width == TILE_WIDTH { String::new() } else { format!(".p/{width}") };
    let reply = client.get(&format!("/tile/{kind}/{index:03}{partial}"));
    (reply.status == 200).then_some(reply.body)
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks().0.to_vec()
}

#[test]
fn an_event_is_proved_with_the_public_key_alone() {
    let appliance = start();
    let client = appliance.everything("prover");
    let stranger = appliance.client();
    let known = [verifier(&stranger)];
    send(&client, 300);
    let event = client.post(EVENTS, &plain_with(json!({"principalId": "the one"}))).expect(201).json();
    let other = client.post(EVENTS, &plain_with(json!({"principalId": "another"}))).expect(201).json();
    let path = format!("{EVENTS}/{}/proof", id_of(&event));
    let text = eventually("a checkpoint that covers the event", || {
        let reply = client.get(&path);
        match reply.status {
            409 => {
                assert!(reply.header("retry-after").is_some(), "who waits must know how long");
                None
            }
            _ => Some(reply.expect(200).body),
        }
    });
    let proof = TlogProof::parse(&text).expect("a tlog-proof");
    let leaf_of = |event: &serde_json::Value| -> Hash {
        let hex = event["leafHash"].as_str().expect("hex digits");
        hex::decode(hex).expect("hex digits").try_into().expect("32 bytes")
    };
    let checkpoint = proof.verify(&leaf_of(&event), &known).expect("the proof holds");
    assert!(checkpoint.tree.size > event["seq"].as_u64().expect("a number"));
    proof.verify(&leaf_of(&other), &known).expect_err("it proves this event and no other");
    stranger.get(&path).expect(401);
    assert!(text.len() <= 1_500, "a proof of {} bytes", text.len());
}

#[test]
fn the_tiles_are_those_of_the_checkpoint() {
    let appliance = start();
    let client = appliance.everything("tiles");
    let stranger = appliance.client();
    let size = send(&client, 700);
    let tree = checkpoint(&stranger, &[verifier(&stranger)], size).tree;
    let mut leaves = Vec::new();
    let mut index = 0;
    while (leaves.len() as u64) < tree.size {
        let width = usize::try_from(tree.size - leaves.len() as u64).expect("small").min(TILE_WIDTH);
        let stored = hashes(&tile(&stranger, "0", index, width).expect("the tile is there"));
        let bundle = tile(&stranger, "entries", index, width).expect("the bundle is there");
        let of_bundle: Vec<Hash> =
            split_entry_bundle(&bundle).expect("a bundle").into_iter().map(leaf_hash).collect();
        assert_eq!(stored, of_bundle, "tile {index}");
        leaves.extend(stored);
        index += 1;
    }
    assert_eq!(root_of(&leaves), tree.root);
    for nowhere in ["0/900", "0/0", "64/000", "0/000.p/256", "entries/900", "../checkpoint"] {
        assert_eq!(stranger.get(&format!("/tile/{nowhere}")).status, 404, "{nowhere}");
    }
}

#[test]
fn the_log_only_grows_across_a_restart_and_keeps_its_key() {
    let mut appliance = start();
    let client = appliance.everything("growth");
    let key = verifier(&client);
    let size = send(&client, 400);
    let old = checkpoint(&client, std::slice::from_ref(&key), size).tree;
    appliance.kill9();
    appliance.restart();
    let client = appliance.everything("growth-again");
    assert_eq!(verifier(&client).to_string(), key.to_string());
    let size = send(&client, 400);
    let new = checkpoint(&client, &[key], size).tree;
    let read = |level: u8, index: u64, width: usize| {
        tile(&client, &level.to_string(), index, width).map(|bytes| hashes(&bytes))
    };
    let proof = TiledTree::new(new.size, read).consistency_proof(old.size).expect("every tile is there");
    verify_consistency(&old, &new, &proof).expect("the old tree is the beginning of the new one");
}

#[test]
fn the_origin_is_fixed_when_the_log_is_made() {
    let mut appliance = Appliance::start_with(&[("SEALWATCH_LOG__ORIGIN", "seal.example/log")]);
    let client = appliance.client();
    let first = checkpoint(&client, &[verifier(&client)], 1);
    assert_eq!(first.origin(), "seal.example/log");
    appliance.stop();
    let mut again = appliance.command(&["serve", "--listen", "127.0.0.1:0"]);
    let refused = output_of(again.env("SEALWATCH_LOG__ORIGIN", "other.example/log"));
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("seal.example/log") && words.contains("log.origin"), "{words}");
}

/// What the entry says that hands over, once it is proved from what the former key signed.
fn next_key(hand_over: &serde_json::Value, former: &Verifier) -> Verifier {
    let hex_of = |name: &str| hex::decode(hand_over[name].as_str().expect("hex digits")).expect("hex digits");
    let text = |name: &str| hand_over[name].as_str().expect("text").to_owned();
    let (leaf, salt, body) = (hex_of("leaf"), hex_of("salt"), text("body"));
    let note = Note::parse(text("checkpoint").as_bytes()).expect("a signed note");
    let checkpoint = Checkpoint::open(&note, std::slice::from_ref(former)).expect("signed by the former key");
    let parts = Leaf::parse(&leaf).expect("a leaf");
    assert_eq!(parts.seq.0 + 1, checkpoint.tree.size, "it ends the former key's last checkpoint");
    let salt = salt.as_slice().try_into().expect("32 bytes");
    assert_eq!(parts.body_digest, body_digest(salt, body.as_bytes()));
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["previous"], former.to_string());
    Verifier::parse(body["key"].as_str().expect("text")).expect("the new key")
}

#[test]
fn a_new_key_is_named_by_what_the_former_one_signed() {
    let mut appliance = start();
    let client = appliance.everything("rotation");
    let first = verifier(&client);
    let rotate = |appliance: &Appliance| {
        let done = appliance.run(&["key", "rotate-log-key"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Verifier::parse(String::from_utf8_lossy(&done.stdout).trim_end()).expect("the new key")
    };
    let second = rotate(&appliance);
    assert_eq!(verifier(&client), second);
    let size = send(&client, 10);
    // Until the second one signs, the newest checkpoint is the first one's last.
    checkpoint(&client, &[first.clone(), second.clone()], size);
    appliance.stop();
    let third = rotate(&appliance);
    appliance.restart();
    let client = appliance.client();
    assert_eq!(verifier(&client), third);
    let history = client.get("/api/v1/log/key?history").expect(200).json();
    let hand_overs = history.as_array().expect("a list");
    assert_eq!(hand_overs.len(), 2);
    assert_eq!(next_key(&hand_overs[0], &first), second);
    assert_eq!(next_key(&hand_overs[1], &second), third);
    checkpoint(&client, &[second, third], size + 2);
    let reader = client.with_key(&appliance.key(&["--name", "looks", "--scope", "read"]));
    reader.post("/api/v1/log/key", &json!({})).expect(403);
}
