//! What somebody outside keeps of the log: its key, and a checkpoint that it signed.

use super::log::*;
use crate::merkle::{Checkpoint, Note, TreeHead};
use crate::store::tables as t;
use crate::store::{Anchors, CheckProgress, Store};
use std::ops::ControlFlow;

fn newest(store: &Store) -> Note {
    let text = store.checkpoint().expect("memory").expect("it is signed").text;
    Note::parse(text.as_bytes()).expect("a note")
}

fn with_checkpoint(note: Note) -> Anchors {
    Anchors { checkpoints: vec![note], ..Anchors::default() }
}

#[test]
fn a_key_of_the_log_is_found_in_it_and_another_is_not() {
    let store = log();
    for (seed, is_whole) in [(1, true), (2, true), (3, false)] {
        let anchors = Anchors { keys: vec![signer(seed).verifier().clone()], ..Anchors::default() };
        let report = checked_against(&store, &anchors);
        assert_eq!(report.is_whole(), is_whole, "{report:#?}");
    }
}

/// Restored from a backup, or cut and signed again with the stolen key: from within it is a log like any other.
#[test]
fn a_log_that_was_set_back_is_told_by_a_checkpoint_from_outside() {
    let newer = log();
    let kept = newest(&newer);
    assert!(checked_against(&newer, &with_checkpoint(kept.clone())).is_whole());
    let older = log();
    let mut cut = entries(&older);
    cut.truncate(cut.len() - 5);
    let size = cut.len() as u64;
    rewrite(&older, cut);
    let report = checked_against(&older, &with_checkpoint(kept));
    assert_eq!(report.is_complete(), Some(false));
    assert_eq!(report.first_wrong, Some(size));
    let words = format!("{:?}", report.missing);
    assert!(words.contains("it was cut or set back"), "{words}");
}

#[test]
fn a_log_that_was_rewritten_and_signed_again_is_told_by_a_checkpoint_from_outside() {
    let store = log();
    let size = store.size().0 - 10;
    let forged = Checkpoint::sign(TreeHead { size, root: [7; 32] }, &signer(2));
    let report = checked_against(&store, &with_checkpoint(forged));
    assert_eq!((report.is_intact(), report.is_complete()), (Some(false), Some(true)), "{report:#?}");
    assert!(format!("{:?}", report.altered).contains("it was rewritten"));
}

#[test]
fn a_checkpoint_that_no_key_of_the_log_signed_proves_nothing() {
    let store = log();
    let tree = store.tree_head();
    let report = checked_against(&store, &with_checkpoint(Checkpoint::sign(tree, &signer(3))));
    assert_eq!(report.is_intact(), Some(false), "{report:#?}");
}

#[test]
fn a_check_tells_how_far_it_is_and_ends_when_told_to() {
    let store = log();
    let mut last = CheckProgress::default();
    let report = store.check(&Anchors::default(), 1, |come| {
        assert!(come.entries > last.entries && come.bytes > last.bytes && come.of == store.size().0);
        last = come;
        ControlFlow::Continue(())
    });
    assert!(report.is_some() && last.entries == store.size().0);
    let mut blocks = 0;
    let ended = store.check(&Anchors::default(), 1, |_| {
        blocks += 1;
        ControlFlow::Break(())
    });
    assert_eq!((ended, blocks), (None, 1));
}

#[test]
fn where_the_index_leads_nowhere_the_check_still_tells_how_far_it_is_and_ends_when_told_to() {
    let store = log();
    tamper(&store, |write| {
        let mut index = write.open_table(t::BLOCK_INDEX).expect("there");
        index.retain(|first, _| first < BLOCK).expect("memory");
    });
    let mut blocks = 0;
    let ended = store.check(&Anchors::default(), 1, |_| {
        blocks += 1;
        if blocks < 10 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!((ended, blocks), (None, 10));
}
