//! Opening an index: what goes on, what is made anew, and that no damage passes for whole.

use super::{LOG, add, document, entry, event, everything, query};
use crate::model::{Entry, Seq};
use crate::search::{Indexer, Opening, Place, SearchError, SearchState, Wanted};
use crate::search_text::Query;
use std::path::Path;

/// An index on disk with ten events, closed again.
fn written(dir: &Path) -> Seq {
    let entries: Vec<Entry> = (0..10).map(entry).collect();
    let mut indexer = Indexer::new(Place::Directory(dir.to_owned()), LOG.to_owned(), 0);
    assert_eq!(indexer.prepare(Seq(0)).expect("a new directory"), (Seq(0), Opening::New));
    entries.chunks(4).for_each(|chunk| add(&mut indexer, chunk));
    Seq(19)
}

fn opened(dir: &Path, log: &str, size: Seq) -> (Indexer, Seq, Opening) {
    let mut indexer = Indexer::new(Place::Directory(dir.to_owned()), log.to_owned(), 0);
    let (position, opening) = indexer.prepare(size).expect("it begins anew at any trouble");
    (indexer, position, opening)
}

#[test]
fn an_index_goes_on_from_its_position_and_answers_once_it_has_the_log() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("index");
    let end = written(&path);
    let (mut indexer, position, opening) = opened(&path, LOG, Seq(21));
    assert_eq!((position, opening), (end, Opening::Kept));
    let search = indexer.search();
    assert_eq!(search.state(), SearchState::Making { position: end, of: Seq(21) });
    let ask = || search.events(&Query::everything(), &query(everything()));
    assert!(matches!(ask(), Err(SearchError::NotReady { percent: 90 })));
    add(&mut indexer, &[entry(10)]);
    assert_eq!(search.state(), SearchState::Ready);
    assert_eq!(ask().expect("it is ready").total, 11);
}

#[test]
fn an_index_of_another_log_or_ahead_of_it_is_made_anew() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("index");
    written(&path);
    let (indexer, position, opening) = opened(&path, LOG, Seq(18));
    assert_eq!((position, opening), (Seq(0), Opening::Removed("it holds more than the log".to_owned())));
    drop(indexer);
    let (_, _, opening) = opened(&path, "another", Seq(18));
    assert_eq!(opening, Opening::Removed("it belongs to another log".to_owned()));
}

#[test]
fn any_missing_or_damaged_file_is_seen() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let whole = dir.path().join("whole");
    let end = written(&whole);
    let names: Vec<String> = std::fs::read_dir(&whole)
        .expect("it was written")
        .map(|file| file.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    assert!(names.len() > 5, "{names:?}");
    for name in &names {
        for damage in ["missing", "empty", "flipped", "half"] {
            let path = dir.path().join(format!("{damage}-{name}"));
            std::fs::create_dir(&path).expect("the parent exists");
            for other in &names {
                std::fs::copy(whole.join(other), path.join(other)).expect("both exist");
            }
            let file = path.join(name);
            let mut bytes = std::fs::read(&file).expect("it was copied");
            match damage {
                "missing" => std::fs::remove_file(&file).expect("it was copied"),
                "empty" => std::fs::write(&file, []).expect("it was copied"),
                "half" => std::fs::write(&file, &bytes[..bytes.len() / 2]).expect("it was copied"),
                _ => {
                    let at = bytes.len() / 2;
                    bytes[at] ^= 1;
                    std::fs::write(&file, bytes).expect("it was copied");
                }
            }
            let (indexer, position, opening) = opened(&path, LOG, end);
            let found = indexer.search().events(&Query::everything(), &query(everything()));
            match opening {
                Opening::Removed(_) => assert_eq!(position, Seq(0), "{damage} {name}"),
                // Some files, such as the list of what may be deleted, can be done without.
                _ => assert_eq!((position, found.expect("it is ready").total), (end, 10), "{damage} {name}"),
            }
        }
    }
}

#[test]
fn what_was_not_committed_is_not_there_after_a_crash() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("index");
    let end = written(&path);
    let (mut indexer, _, _) = opened(&path, LOG, end);
    let entry = entry(10);
    indexer.add(entry.seq, &document(&entry, &event(&entry))).expect("it is open");
    drop(indexer);
    let (indexer, position, opening) = opened(&path, LOG, end);
    assert_eq!((position, opening), (end, Opening::Kept));
    let found = indexer.search().events(&Query::everything(), &query(everything()));
    assert_eq!(found.expect("it is ready").total, 10);
}

#[test]
fn whoever_asks_for_a_new_index_is_heard_once() {
    let mut indexer = Indexer::new(Place::Memory, LOG.to_owned(), 0);
    indexer.prepare(Seq(0)).expect("memory");
    let search = indexer.search();
    search.make_again("one");
    search.make_again("two");
    assert_eq!(indexer.take_wanted(), Some(Wanted::Made("one".to_owned())));
    assert_eq!(indexer.take_wanted(), None);
}

#[test]
fn a_question_that_panics_lets_the_index_be_checked_but_not_again_and_again() {
    let mut indexer = Indexer::new(Place::Memory, LOG.to_owned(), 0);
    indexer.prepare(Seq(0)).expect("memory");
    add(&mut indexer, &[entry(1)]);
    let search = indexer.search();
    let fail = || search.ask::<()>(|_, _| panic!("a mistake of ours"));
    assert!(matches!(fail(), Err(SearchError::Panicked)));
    assert!(matches!(indexer.take_wanted(), Some(Wanted::Checked(_))));
    assert!(matches!(fail(), Err(SearchError::Panicked)));
    assert_eq!(indexer.take_wanted(), None, "it was checked a moment ago");
    assert_eq!(search.events(&Query::everything(), &query(everything())).expect("it answers").total, 1);
}

#[test]
fn an_index_with_other_fields_is_made_anew() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("index");
    let end = written(&path);
    let meta = path.join("meta.json");
    let text = std::fs::read_to_string(&meta).expect("it was written");
    let other = text.replace("facet_agent", "facet_other");
    assert_ne!(text, other);
    std::fs::write(&meta, other).expect("it can be written");
    let (_, position, opening) = opened(&path, LOG, end);
    assert_eq!((position, opening), (Seq(0), Opening::Removed("it has other fields".to_owned())));
}
