//! Small logs in memory, honest and not, before a witness that has seen one of them.

use super::*;
use crate::merkle::{
    Checkpoint, CheckpointError, Cosigner, Note, NoteError, PrivateKey, Signer, Tile, Tree, TreeHead,
    body_digest, leaf_bytes, leaf_hash,
};
use crate::model::{Activity, EntryKind, Hash, ReceivedAt, Seq};
use jiff::{SignedDuration, Timestamp};

const ORIGIN: &str = "seal.example/log";
const SALT: [u8; 32] = [9; 32];

fn signer(seed: u8) -> Signer {
    Signer::new(ORIGIN, PrivateKey::from_seed(&[seed; 32])).expect("a name")
}

fn then() -> Timestamp {
    "2026-11-23T09:15:00Z".parse().expect("a time")
}

/// A log whose entries differ by number and by what `tale` it is of.
#[derive(Clone, Default)]
struct Log {
    leaves: Vec<[u8; 50]>,
    hand_overs: Vec<HandOver>,
}

impl Log {
    fn of(size: u64) -> Log {
        let mut log = Log::default();
        log.grow(size, "the truth");
        log
    }

    fn grow(&mut self, entries: u64, tale: &str) {
        (0..entries).for_each(|_| self.push(EntryKind::Event, tale));
    }

    fn push(&mut self, kind: EntryKind, body: &str) {
        let seq = Seq(self.leaves.len() as u64);
        self.leaves.push(leaf_bytes(kind, seq, ReceivedAt(seq.0), &body_digest(&SALT, body.as_bytes())));
    }

    /// Names `next` by an entry of that kind and has `former` sign up to it.
    fn hand_over(&mut self, kind: EntryKind, former: &Signer, next: &Signer) {
        let (key, previous) = (next.verifier().to_string(), Some(former.verifier().to_string()));
        let body = serde_json::to_string(&Activity::LogKeyNamed { key, previous }).expect("it is data");
        self.push(kind, &body);
        let leaf = self.leaves.last().expect("one was pushed").to_vec();
        self.hand_overs.push(HandOver { leaf, salt: SALT, body, checkpoint: self.signed(former) });
    }

    fn tiles(&self) -> (Vec<Tile>, TreeHead) {
        let (mut tiles, mut tree) = (Vec::new(), Tree::default());
        self.leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf), |tile| tiles.push(tile)));
        tiles.extend(tree.partial_tiles());
        (tiles, TreeHead { size: tree.size(), root: tree.root() })
    }

    fn head(&self) -> TreeHead {
        self.tiles().1
    }

    fn signed(&self, by: &Signer) -> String {
        Checkpoint::sign(self.head(), by).to_string()
    }

    /// A witness that has seen the log as it is now, under that key.
    fn seen(&self, key: &Signer) -> Memory {
        memory(&[key], Some(self.head()))
    }

    fn shown_to(&self, memory: &Memory, by: &Signer) -> Result<Accepted, Box<Refused>> {
        judge(memory, Some(self.signed(by).as_bytes()), &self.hand_overs, reading(&self.tiles().0))
    }
}

fn memory(keys: &[&Signer], last: Option<TreeHead>) -> Memory {
    let keys = keys.iter().map(|key| key.verifier().clone()).collect();
    Memory::new(keys, last.map(|tree| LastGood { tree, at: then() })).expect("keys of one log")
}

fn reading(tiles: &[Tile]) -> impl FnMut(u8, u64, usize) -> Option<Vec<Hash>> {
    |level, index, _| {
        tiles.iter().find(|tile| tile.level == level && tile.index == index).map(|tile| tile.hashes.clone())
    }
}

#[track_caller]
fn refusal(judged: Result<Accepted, Box<Refused>>) -> Refusal {
    judged.expect_err("it is refused").why
}

#[test]
fn a_log_that_only_grows_is_accepted() {
    let key = signer(1);
    let sizes = [1, 2, 7, 255, 256, 257, 511, 700];
    for old in sizes {
        let mut log = Log::of(old);
        let memory = log.seen(&key);
        let from = memory.last().expect("it has seen one");
        assert_eq!(log.shown_to(&memory, &key).map(|seen| seen.growth), Ok(Growth::Unchanged { from }));
        for entries in sizes {
            log.grow(entries, "and more");
            let accepted = log.shown_to(&memory, &key).expect("it only grew");
            assert_eq!(accepted.growth, Growth::Grown { from }, "from {old}");
            assert_eq!(accepted.tree, log.head());
        }
    }
    let accepted = Log::of(300).shown_to(&memory(&[&key], None), &key).expect("nothing is against it");
    assert_eq!(accepted.growth, Growth::FirstContact);
}

#[test]
fn a_log_that_became_smaller_was_rolled_back() {
    let key = signer(1);
    let memory = Log::of(300).seen(&key);
    for size in [0, 1, 256, 299] {
        let refused = Log::of(size).shown_to(&memory, &key).expect_err("it is smaller");
        assert_eq!(refused.why, Refusal::RolledBack { size });
        let words = refused.to_string();
        assert!(words.starts_with(&format!("rolled back: the log has only {size} entries")), "{words}");
        assert!(words.contains("has 300 entries and was accepted at 2026-11-23T09:15:00Z"), "{words}");
    }
}

#[test]
fn a_cut_tail_that_was_written_anew_is_a_fork_at_every_size() {
    let key = signer(1);
    let memory = Log::of(300).seen(&key);
    for kept in [0, 1, 255, 256, 299] {
        let mut log = Log::of(kept);
        log.grow(300 - kept, "a lie");
        assert_eq!(refusal(log.shown_to(&memory, &key)), Refusal::Forked { size: 300 }, "{kept} kept");
        for size in [301, 512, 600] {
            log.grow(size - log.head().size, "a lie");
            assert_eq!(refusal(log.shown_to(&memory, &key)), Refusal::Rewritten { size }, "{kept} kept");
        }
    }
}

#[test]
fn a_swapped_pair_is_found_although_the_tree_is_made_anew_and_signed() {
    let key = signer(1);
    let mut log = Log::of(600);
    let memory = log.seen(&key);
    log.leaves.swap(17, 300);
    assert_eq!(refusal(log.shown_to(&memory, &key)), Refusal::Forked { size: 600 });
    log.grow(1, "the truth");
    assert_eq!(refusal(log.shown_to(&memory, &key)), Refusal::Rewritten { size: 601 });
}

/// What no proof may let through: a forked log that shows the honest one's tiles wherever that helps.
#[test]
fn no_mixture_of_honest_and_forged_tiles_proves_a_fork() {
    let key = signer(1);
    let mut honest = Log::of(700);
    let memory = honest.seen(&key);
    honest.grow(100, "the truth");
    let mut forged = Log::of(650);
    forged.grow(150, "a lie");
    let (honest, checkpoint) = (honest.tiles().0, forged.signed(&key));
    let forged = forged.tiles().0;
    assert_eq!(honest.len(), forged.len());
    for mixture in 0..1u32 << honest.len() {
        let tiles: Vec<Tile> = honest
            .iter()
            .zip(&forged)
            .zip(0..)
            .map(|((honest, forged), bit)| if mixture >> bit & 1 == 0 { honest } else { forged }.clone())
            .collect();
        let why = refusal(judge(&memory, Some(checkpoint.as_bytes()), &[], reading(&tiles)));
        assert!(matches!(why, Refusal::TilesDiffer | Refusal::Rewritten { size: 800 }), "{mixture:b}: {why}");
    }
}

#[test]
fn a_changed_hash_in_the_tiles_is_either_of_no_account_or_found() {
    let key = signer(1);
    let mut log = Log::of(299);
    let memory = log.seen(&key);
    log.grow(300, "the truth");
    let (tiles, head) = log.tiles();
    let mut found = 0;
    for tile in 0..tiles.len() {
        for hash in 0..tiles[tile].hashes.len() {
            let mut tiles = tiles.clone();
            tiles[tile].hashes[hash][31] ^= 1;
            match judge(&memory, Some(log.signed(&key).as_bytes()), &[], reading(&tiles)) {
                Ok(accepted) => assert_eq!(accepted.tree, head),
                Err(refused) => {
                    assert_eq!(refused.why, Refusal::TilesDiffer, "tile {tile}, hash {hash}");
                    found += 1;
                }
            }
        }
    }
    // The partial tile at the edge, the one that the old tree ended in, and the level above.
    assert_eq!(found, 87 + 256 + 2);
}

#[test]
fn an_end_that_was_cut_off_under_its_checkpoint_is_missed() {
    let key = signer(1);
    let log = Log::of(300);
    let checkpoint = log.signed(&key);
    let cut = Log::of(290).tiles().0;
    for memory in [log.seen(&key), Log::of(200).seen(&key), memory(&[&key], None)] {
        let why = refusal(judge(&memory, Some(checkpoint.as_bytes()), &[], reading(&cut)));
        assert!(matches!(why, Refusal::TilesMissing(_)), "{why}");
        let why = refusal(judge(&memory, Some(checkpoint.as_bytes()), &[], |_, _, _| None));
        assert!(matches!(why, Refusal::TilesMissing(_)), "{why}");
    }
    assert_eq!(refusal(judge(&log.seen(&key), None, &[], |_, _, _| None)), Refusal::NoCheckpoint);
}

#[test]
fn another_key_or_another_name_is_refused() {
    let (key, thief) = (signer(1), signer(2));
    let mut log = Log::of(10);
    let memory = log.seen(&key);
    log.grow(1, "the truth");
    let (found, trusted) = (thief.verifier().id().to_string(), key.verifier().id());
    assert_eq!(refusal(log.shown_to(&memory, &thief)), Refusal::OtherKey { found, trusted });
    let other = Signer::new("other.example/log", PrivateKey::from_seed(&[1; 32])).expect("a name");
    let found = "other.example/log".to_owned();
    assert_eq!(refusal(log.shown_to(&memory, &other)), Refusal::OtherOrigin { found });
    let witness = Cosigner::new(ORIGIN, PrivateKey::from_seed(&[1; 32])).expect("a name");
    assert_eq!(Memory::new(vec![key.verifier().clone(), witness.verifier().clone()], None), None);
    assert_eq!(Memory::new(vec![key.verifier().clone(), other.verifier().clone()], None), None);
    assert_eq!(Memory::new(Vec::new(), None), None);
}

#[test]
fn an_odd_note_is_refused_and_what_others_signed_is_left_out() {
    let (key, other) = (signer(1), signer(2));
    let log = Log::of(10);
    let memory = log.seen(&key);
    let shown = |text: &str| judge(&memory, Some(text.as_bytes()), &[], reading(&log.tiles().0));
    let good = log.signed(&key);
    let line = |signed: &str| signed.lines().last().expect("a signature").to_owned() + "\n";
    let wrong = line(&Log::of(9).signed(&key));
    let foreign = line(&log.signed(&other));
    let text = &good[..good.find("\n\n").expect("text and signatures") + 2];
    // Of the last digit before the padding two bits are unused, and zero.
    let place = "AEIMQUYcgkosw048".find(&good[good.len() - 3..good.len() - 2]).expect("two bits are zero");
    let loose = &"BFJNRVZdhlptx159"[place..=place];
    for (odd, error) in [
        (good.replace('\n', "\r\n"), NoteError::ControlCharacter(b'\r')),
        (good.trim_end().to_owned(), NoteError::NoFinalNewline),
        (good.replace("\n\n", "\n"), NoteError::NoEmptyLine),
        (format!("{}{loose}=\n", &good[..good.len() - 3]), NoteError::SignatureLine { line: 1 }),
        (format!("{good}\n"), NoteError::NoSignature),
    ] {
        assert_eq!(refusal(shown(&odd)), Refusal::Checkpoint(error.into()), "{odd:?}");
    }
    let id = key.verifier().id();
    let forged = NoteError::WrongSignature { name: ORIGIN.to_owned(), id };
    for both in [[&wrong, &line(&good)], [&line(&good), &wrong]] {
        let shown = shown(&format!("{text}{}{}", both[0], both[1]));
        assert_eq!(refusal(shown), Refusal::Checkpoint(CheckpointError::Note(forged.clone())));
    }
    let accepted = shown(&format!("{text}{foreign}{}", line(&good))).expect("the log's own key signed");
    assert_eq!(accepted.note.to_string(), good);
    assert!(matches!(refusal(shown(&format!("{text}{foreign}"))), Refusal::OtherKey { .. }));
}

#[test]
fn a_new_key_is_trusted_where_the_former_one_named_it() {
    let (first, second, third) = (signer(1), signer(2), signer(3));
    let mut log = Log::of(300);
    let memory = log.seen(&first);
    log.hand_over(EntryKind::Activity, &first, &second);
    assert_eq!(log.shown_to(&memory, &first).map(|seen| seen.keys.len()), Ok(1), "its last checkpoint");
    let at_hand_over = log.seen(&first);
    log.grow(5, "the truth");
    assert!(matches!(refusal(log.shown_to(&memory, &first)), Refusal::FormerKey { .. }));
    log.hand_over(EntryKind::Activity, &second, &third);
    log.grow(5, "the truth");
    let keys: Vec<_> = [&first, &second, &third].map(|key| key.verifier().clone()).into();
    for memory in [memory, at_hand_over] {
        assert_eq!(log.shown_to(&memory, &third).map(|seen| seen.keys), Ok(keys.clone()));
        assert!(matches!(refusal(log.shown_to(&memory, &second)), Refusal::OtherKey { .. }));
    }
    let later = Memory::new(keys, Some(LastGood { tree: log.head(), at: then() })).expect("one log");
    log.grow(1, "the truth");
    assert!(log.shown_to(&later, &third).is_ok(), "what names former keys is passed over");
    assert!(matches!(refusal(log.shown_to(&later, &first)), Refusal::FormerKey { .. }));
    assert_eq!(refusal(Log::of(200).shown_to(&later, &first)), Refusal::RolledBack { size: 200 });
}

/// Every way to forge a hand-over for someone who has not the former key, or has it too late.
#[test]
fn a_hand_over_that_is_not_the_former_keys_makes_no_key_trusted() {
    let (first, second, thief) = (signer(1), signer(2), signer(3));
    let seen = Log::of(300);
    let memory = seen.seen(&first);
    let why = |log: &Log| match refusal(log.shown_to(&memory, &second)) {
        Refusal::HandOver { why, .. } => why,
        other => panic!("{other}"),
    };
    let grown = |kind| {
        let mut log = seen.clone();
        log.hand_over(kind, &first, &second);
        log.grow(5, "the truth");
        log
    };
    let honest = grown(EntryKind::Activity);
    assert!(honest.shown_to(&memory, &second).is_ok());
    // An event may bring any fields, these too, and a checkpoint may happen to end with it.
    assert_eq!(why(&grown(EntryKind::Event)), HandOverError::Leaf);
    let with = |change: &dyn Fn(&mut HandOver)| {
        let mut log = honest.clone();
        change(&mut log.hand_overs[0]);
        why(&log)
    };
    assert_eq!(with(&|forged| forged.salt[0] ^= 1), HandOverError::Leaf);
    assert_eq!(with(&|forged| forged.leaf.truncate(49)), HandOverError::Leaf);
    assert_eq!(with(&|forged| forged.checkpoint = seen.signed(&first)), HandOverError::NotLast);
    let by_thief = honest.signed(&thief);
    assert!(matches!(with(&|forged| forged.checkpoint = by_thief.clone()), HandOverError::Checkpoint(_)));
    // Signed with the stolen key, but in another log than the one that is shown.
    let mut forked = seen.clone();
    forked.leaves[3] = Log::of(4).leaves[0];
    forked.hand_over(EntryKind::Activity, &first, &second);
    let outside = forked.hand_overs[0].clone();
    assert!(matches!(with(&|forged| *forged = outside.clone()), HandOverError::NotInLog(_)));
    // The checkpoint is of this log, but the leaf is not: only the inclusion tells.
    let mut twice = grown(EntryKind::Activity);
    twice.leaves[300] = Log::of(301).leaves[300];
    let mut elsewhere = seen.clone();
    elsewhere.hand_over(EntryKind::Activity, &first, &second);
    let mut cut = twice.clone();
    cut.leaves.truncate(301);
    twice.hand_overs = elsewhere.hand_overs;
    twice.hand_overs[0].checkpoint = cut.signed(&first);
    assert!(matches!(why(&twice), HandOverError::NotInLog(_)));
    // A key of another name, and one that is none.
    let stranger = Signer::new("other.example/log", PrivateKey::from_seed(&[2; 32])).expect("a name");
    let mut renamed = seen.clone();
    renamed.hand_over(EntryKind::Activity, &first, &stranger);
    renamed.grow(1, "the truth");
    assert!(matches!(why(&renamed), HandOverError::Key(_)));
}

#[test]
fn a_key_that_signed_after_it_had_handed_over_is_found() {
    let (first, second) = (signer(1), signer(2));
    let mut log = Log::of(10);
    log.hand_over(EntryKind::Activity, &first, &second);
    log.grow(5, "the truth");
    let memory = log.seen(&first);
    log.grow(5, "the truth");
    let why = HandOverError::SignedAfter { signed: 16, size: 11 };
    let from = first.verifier().id();
    assert_eq!(refusal(log.shown_to(&memory, &second)), Refusal::HandOver { from, why });
}

#[test]
fn a_log_that_stands_still_for_longer_than_two_hours_is_held_back() {
    let from = LastGood { tree: Log::of(1).head(), at: then() };
    let after = |secs| then() + SignedDuration::from_secs(secs);
    let unchanged = Growth::Unchanged { from };
    assert_eq!(unchanged.held_back_since(after(HELD_BACK_SECS)), None);
    assert_eq!(unchanged.held_back_since(after(HELD_BACK_SECS + 1)), Some(then()));
    assert_eq!(Growth::Grown { from }.held_back_since(after(HELD_BACK_SECS + 1)), None);
    assert_eq!(unchanged.held_back_since(after(-5)), None, "a clock that went back");
}

#[test]
fn the_accepted_note_is_a_checkpoint_under_the_key_in_force() {
    let key = signer(1);
    let log = Log::of(3);
    let accepted = log.shown_to(&memory(&[&key], None), &key).expect("it is good");
    let note = Note::parse(accepted.note.to_string().as_bytes()).expect("a note");
    let checkpoint = Checkpoint::open(&note, &[key.verifier().clone()]).expect("signed");
    assert_eq!(checkpoint.tree, log.head());
}
