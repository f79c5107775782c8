//! Checkpoints, tiles and proofs, checked by an implementation that is not ours and shares no code with it.

use crate::appliance::{Appliance, eventually};
use crate::client::Client;
use crate::intake::id_of;
use crate::samples::plain_with;
use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, Hash, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash,
};

const EVENTS: &str = "/api/v1/audit/events";
/// The height of tiles in C2SP tlog-tiles.
const HEIGHT: u8 = 8;

/// The checkpoint in a note, once the log's key, as the log gives it, has signed it.
fn open(note: &[u8], key: &str) -> Checkpoint {
    let verifier = StandardVerifier::new(key).expect("their reading of our verifier key");
    let note = Note::from_bytes(note).expect("their reading of our note");
    let (signed, _) =
        note.verify(&VerifierList::new(vec![Box::new(verifier)])).expect("their check of our signature");
    let checkpoint = Checkpoint::from_bytes(note.text()).expect("their reading of our checkpoint");
    assert_eq!(checkpoint.origin(), signed[0].name());
    checkpoint
}

fn newest(client: &Client, key: &str, size: u64) -> Checkpoint {
    eventually("a checkpoint that covers what was sent", || {
        let reply = client.get("/checkpoint");
        let checkpoint = (reply.status == 200).then(|| open(&reply.body, key))?;
        (checkpoint.size() >= size).then_some(checkpoint)
    })
}

/// The place, the hashes and the checkpoint of a proof, read without our own code.
fn read_proof(text: &str) -> (u64, Vec<Hash>, &str) {
    let (proof, note) = text.split_once("\n\n").expect("an empty line before the checkpoint");
    let mut lines = proof.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    let index = lines.next().and_then(|line| line.strip_prefix("index ")).expect("the place");
    let hashes = lines.map(|line| Hash::parse_hash(line).expect("base64 of 32 bytes")).collect();
    (index.parse().expect("a number"), hashes, note)
}

/// The tiles that the appliance serves.
struct Served<'c>(&'c Client);

impl TileReader for Served<'_> {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            let partial = if tile.width() == 256 { String::new() } else { format!(".p/{}", tile.width()) };
            let path = format!("/tile/{}/{:03}{partial}", tile.level(), tile.level_index());
            let reply = self.0.get(&path);
            if reply.status == 200 { Ok(reply.body) } else { Err(Error::InvalidTile) }
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// Sends events and returns them as they were stored.
fn send(client: &Client, count: u64) -> Vec<Value> {
    let events: Vec<_> = (0..count).map(|n| plain_with(json!({"principalId": format!("p-{n}")}))).collect();
    let answer = client.post(&format!("{EVENTS}/bulk"), &json!({"events": events})).expect(200).json();
    let results = answer["results"].as_array().expect("a result for each").iter();
    results.map(|result| result["event"].clone()).collect()
}

#[test]
fn another_implementation_accepts_checkpoints_tiles_and_proofs() {
    let appliance = Appliance::start_with(&[("SEALWATCH_LOG__CHECKPOINT_SECS", "1")]);
    let client = appliance.everything("independent");
    let key = client.get("/api/v1/log/key").expect(200).text();
    let key = key.trim_end();

    let first = send(&client, 300);
    let old = newest(&client, key, first[299]["seq"].as_u64().expect("a number") + 1);
    let second = send(&client, 400);
    let new = newest(&client, key, second[399]["seq"].as_u64().expect("a number") + 1);

    let tiles = Served(&client);
    let tiles = TileHashReader::new(new.size(), *new.hash(), &tiles);
    let growth = prove_tree(new.size(), old.size(), &tiles).expect("the tiles are those of the checkpoint");
    check_tree(&growth, new.size(), *new.hash(), old.size(), *old.hash()).expect("the log only grew");

    for event in first.iter().step_by(37).chain(second.iter().step_by(41)) {
        let path = format!("{EVENTS}/{}", id_of(event));
        let leaf = record_hash(&client.get(&format!("{path}/leaf")).expect(200).body);
        assert_eq!(hex::encode(leaf.0), event["leafHash"]);
        let text = client.get(&format!("{path}/proof")).expect(200).text();
        let (index, hashes, note) = read_proof(&text);
        assert_eq!(event["seq"], index);
        let checkpoint = open(note.as_bytes(), key);
        let (size, root) = (checkpoint.size(), *checkpoint.hash());
        check_record(&hashes, size, root, index, leaf).expect("the event is in the log");
        check_record(&hashes, size, root, index + 1, leaf).expect_err("and in this place only");
        let from_tiles = prove_record(new.size(), index, &tiles).expect("the tiles hold");
        if size == new.size() {
            assert_eq!(from_tiles, hashes);
        }
    }
}
