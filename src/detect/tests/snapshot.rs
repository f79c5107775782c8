//! A restart: the engine of a snapshot goes on as the one that never stopped.

use super::plain_model::{scripts, small_settings};
use crate::detect::scripts::{failed_sign_in, settings};
use crate::detect::{Engine, Settings, SnapshotError};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn an_engine() -> Engine {
    let mut engine = Engine::new(settings(2, 10));
    for (seq, key) in (0..).zip(["ada", "bob", "ada", "cy"]) {
        engine.observe(&failed_sign_in(key, 0).observation(seq));
    }
    engine
}

proptest! {
    #[test]
    fn a_restored_engine_goes_on_as_one_that_never_stopped(
        settings in small_settings(), script in scripts(), stop in 0..120_usize, keys_max in 1..8_usize,
    ) {
        let settings = Settings { keys_max, ..settings };
        let stop = stop.min(script.len());
        let mut steady = Engine::new(settings.clone());
        for (seq, sent) in (0..).zip(&script[..stop]) {
            steady.observe(&sent.observation(seq));
        }
        let snapshot = steady.snapshot();
        let mut restored = Engine::restore(settings, &snapshot).expect("the engine just wrote it");
        prop_assert_eq!(&restored, &steady);
        prop_assert_eq!(restored.snapshot(), snapshot);
        for (seq, sent) in (stop as u64..).zip(&script[stop..]) {
            prop_assert_eq!(restored.observe(&sent.observation(seq)), steady.observe(&sent.observation(seq)));
        }
        prop_assert_eq!(restored, steady);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_do_no_harm(at in any::<prop::sample::Index>(), byte: u8) {
        let whole = an_engine().snapshot();
        let mut damaged = whole.clone();
        let at = at.index(damaged.len());
        damaged[at] = byte;
        if damaged != whole {
            prop_assert!(Engine::restore(settings(2, 10), &damaged).is_err());
        }
        let body = whole.len() - 32;
        let digest = Sha256::digest(&damaged[..body]);
        damaged[body..].copy_from_slice(&digest);
        // With its digest made right it may be another engine or an error, but nothing worse.
        drop(Engine::restore(settings(2, 10), &damaged));
    }
}

#[test]
fn a_snapshot_that_was_cut_anywhere_is_an_error() {
    let whole = an_engine().snapshot();
    for len in 0..whole.len() {
        assert!(Engine::restore(settings(2, 10), &whole[..len]).is_err(), "{len}");
        let mut sealed = whole[..len].to_vec();
        sealed.extend(Sha256::digest(&whole[..len]).as_slice());
        let whole_again = len == whole.len() - 32;
        assert_eq!(Engine::restore(settings(2, 10), &sealed).is_ok(), whole_again, "{len}");
    }
}

#[test]
fn an_absurd_length_is_refused_before_room_is_made_for_it() {
    let mut snapshot = Engine::new(settings(2, 10)).snapshot();
    let body = snapshot.len() - 32;
    snapshot.truncate(body);
    snapshot[body - 20..body - 16].copy_from_slice(&u32::MAX.to_le_bytes());
    let digest = Sha256::digest(&snapshot);
    snapshot.extend_from_slice(&digest);
    let refused = Engine::restore(settings(2, 10), &snapshot).expect_err("there are no such windows");
    assert!(matches!(refused, SnapshotError::Malformed { .. }), "{refused}");
}

#[test]
fn a_window_that_stands_there_twice_is_an_error() {
    let mut engine = Engine::new(settings(2, 10));
    engine.observe(&failed_sign_in("ada", 0).observation(0));
    let whole = engine.snapshot();
    // Header, number of windows of the first pattern, its one window, four patterns without any, digest.
    let (windows, end) = (69, whole.len() - 32 - 4 * 4);
    let window = &whole[windows + 4..end];
    let mut twice = [&whole[..windows], &2_u32.to_le_bytes(), window, window, &[0; 16]].concat();
    let digest = Sha256::digest(&twice);
    twice.extend_from_slice(&digest);
    assert!(matches!(Engine::restore(settings(2, 10), &twice), Err(SnapshotError::Malformed { .. })));
}

#[test]
fn what_is_no_snapshot_says_so() {
    let restore = |bytes: &[u8]| Engine::restore(settings(2, 10), bytes).map(|_| ());
    assert_eq!(restore(b""), Err(SnapshotError::Unknown));
    assert_eq!(restore(b"{\"windows\":[]}"), Err(SnapshotError::Unknown));
    assert_eq!(restore(b"SWDS\x02"), Err(SnapshotError::Unknown));
    assert_eq!(restore(b"SWDS\x01"), Err(SnapshotError::Digest));
}

#[test]
fn settings_may_change_over_a_restart() {
    let snapshot = an_engine().snapshot();
    let lowered = Settings { keys_max: 1, ..settings(1, 10) };
    let mut engine = Engine::restore(lowered, &snapshot).expect("settings are not part of it");
    assert_eq!(engine.stats().keys[0], 3);
    let observed = engine.observe(&failed_sign_in("bob", 1).observation(4));
    assert_eq!(observed.firings[0].firing.counted.len(), 2);
    assert_eq!(engine.stats().keys[0], 1);
}
