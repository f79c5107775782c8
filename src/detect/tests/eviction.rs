//! The limit on keys: what goes first, and that a flood from one source cannot push out another's windows.

use crate::detect::scripts::{Sent, failed_sign_in, settings};
use crate::detect::{Engine, Settings};
use crate::model::SourceId;

fn of(source: u32, key: &str, secs: i64) -> Sent {
    Sent { source: SourceId(source), ..failed_sign_in(key, secs) }
}

/// The numbers of the events that fired, under a limit of keys and a threshold of 2 within 100 seconds.
fn firing(keys_max: usize, script: &[Sent]) -> (Engine, Vec<usize>) {
    let mut engine = Engine::new(Settings { keys_max, ..settings(2, 100) });
    let mut fired = Vec::new();
    for (index, sent) in script.iter().enumerate() {
        if !engine.observe(&sent.observation(index as u64)).firings.is_empty() {
            fired.push(index);
        }
    }
    (engine, fired)
}

#[test]
fn the_window_longest_without_a_match_goes_first() {
    let script = |keys: &[&str]| keys.iter().map(|key| of(1, key, 0)).collect::<Vec<_>>();
    // c pushes out b, as a matched again since.
    let (engine, fired) = firing(2, &script(&["a", "b", "a", "c", "a", "b"]));
    assert_eq!(fired, [2, 4]);
    assert_eq!(engine.stats().evicted_keys, [2, 0, 0, 0, 0]);
    assert_eq!(engine.stats().keys, [2, 0, 0, 0, 0]);
    let (engine, fired) = firing(3, &script(&["a", "b", "a", "c", "a", "b"]));
    assert_eq!((fired, engine.stats().evicted_keys[0]), (vec![2, 4, 5], 0));
}

#[test]
fn a_flood_of_keys_from_one_source_does_not_hide_a_slow_attack_on_another() {
    let mut script = vec![of(1, "victim", 0)];
    script.extend((0..20_000).map(|number| of(2, &format!("nobody-{number}"), 1)));
    script.push(of(1, "victim", 50));
    let (engine, fired) = firing(1_000, &script);
    assert_eq!(fired, [20_001]);
    assert_eq!((engine.stats().keys[0], engine.stats().evicted_keys[0]), (1_001, 19_000));
}

#[test]
fn a_flood_that_names_the_victim_cannot_take_its_window_over() {
    let flood = |from: u32| (from..from + 5_000).map(|number| of(2, &format!("nobody-{number}"), 1));
    let mut script: Vec<Sent> = flood(0).collect();
    script.push(of(2, "victim", 1));
    script.push(of(1, "victim", 1));
    script.push(of(2, "victim", 1));
    script.extend(flood(5_000));
    script.push(of(1, "victim", 50));
    let (_, fired) = firing(1_000, &script);
    assert_eq!(fired, [5_001, 5_002, 10_003]);
}

#[test]
fn a_limit_of_nothing_keeps_the_newest_key() {
    let (engine, fired) = firing(0, &[of(1, "a", 0), of(1, "a", 0), of(1, "b", 0)]);
    assert_eq!((fired, engine.stats().keys[0]), (vec![1], 1));
}
