//! The parsers that meet the outside, with the corpus of the fuzzer and for a moment with changes of it by chance.
//!
//! `SEALWATCH_FUZZ_SECS` gives each more time; `tests/fuzz` runs the same targets guided by coverage.

use crate::appliance::Chance;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../fuzz/targets.rs"]
mod targets;

/// Bytes that mean something to one of the parsers.
const SPECIAL: &[u8] = b"\0\xff{}[]\",:\n-09";
/// Bytes of an input at most.
const INPUT_BYTES_MAX: usize = 64 << 10;

#[test]
fn no_parser_panics_at_the_corpus_or_at_what_chance_makes_of_it() {
    let secs = std::env::var("SEALWATCH_FUZZ_SECS").ok().and_then(|secs| secs.parse().ok()).unwrap_or(1);
    let mut chance = Chance::new("the changed inputs");
    for (name, target) in targets::TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has a corpus");
        corpus.iter().for_each(|input| ask(name, target, input));
        let deadline = Instant::now() + Duration::from_secs(secs);
        let mut asked = 0;
        while Instant::now() < deadline {
            ask(name, target, &changed(&corpus, &mut chance));
            asked += 1;
        }
        println!("{name}: {} inputs of the corpus, {asked} changed ones", corpus.len());
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("it can be listed").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("it is a file")).collect()
}

fn ask(name: &str, target: targets::Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        println!("{name} panicked at {}", hex::encode(input));
        std::panic::resume_unwind(panic);
    }
}

/// An input of the corpus with some changes: bits, bytes, pieces left out, doubled, or of another input.
fn changed(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = pick(corpus, chance).clone();
    for _ in 0..=chance.below(4) {
        let at = below(chance, input.len());
        let end = at + below(chance, (input.len() - at).min(32));
        match chance.below(6) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 if at < input.len() => input[at] = SPECIAL[below(chance, SPECIAL.len() - 1)],
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input[at..end].to_vec();
                drop(input.splice(at..at, piece));
            }
            4 => {
                let other = pick(corpus, chance);
                let from = below(chance, other.len());
                let to = from + below(chance, (other.len() - from).min(64));
                drop(input.splice(at..end, other[from..to].iter().copied()));
            }
            _ => input.truncate(at),
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn pick<'c>(corpus: &'c [Vec<u8>], chance: &mut Chance) -> &'c Vec<u8> {
    &corpus[below(chance, corpus.len() - 1)]
}

/// A number up to `most`.
fn below(chance: &mut Chance, most: usize) -> usize {
    usize::try_from(chance.below(most as u64 + 1)).expect("it is no greater than a length")
}
