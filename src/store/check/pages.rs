//! The pages of the file: those that are in use must be as they were written, whatever table they belong to.

use super::report::{Fault, Report};
use crate::store::error::StoreError;
use crate::store::open::Store;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Where redb keeps its flags: which of two commits is in force, and whether the file was closed in good order.
const FLAGS_AT: usize = 9;
const SECOND_IN_FORCE: u8 = 1;
const NOT_CLOSED: u8 = 2;
/// Where the numbers of the two commits stand.
const COMMITS_AT: [usize; 2] = [64 + 104, 192 + 104];
const HEAD_BYTES: usize = 320;

impl Store {
    /// Compares every page in use with its checksum, in all tables. For a store that was opened by
    /// [`Store::open_as_it_stands`].
    pub fn check_pages(&mut self, report: &mut Report) {
        if let Some(path) = self.path().map(Path::to_owned)
            && let Err(error) = check_head(&path, report)
        {
            report.note(Fault::Altered, None, error);
        }
        let checked = catch_unwind(AssertUnwindSafe(|| self.db.check_integrity()));
        let what = match checked {
            Ok(Ok(true)) => return,
            Ok(Ok(false)) => "a page of log.redb is not as it was written".to_owned(),
            Ok(Err(error)) => format!("log.redb: {error}"),
            Err(_) => "the database panicked while its pages were read".to_owned(),
        };
        report.note(Fault::Altered, None, what);
    }
}

/// The commit in force must be the newer one: a single bit could set everything back by one commit, and both are
/// whole. After a kill the newer one may be unfinished, and then it was never acknowledged.
fn check_head(path: &Path, report: &mut Report) -> Result<(), StoreError> {
    let mut head = [0; HEAD_BYTES];
    let read = File::open(path).and_then(|file| file.read_exact_at(&mut head, 0));
    read.map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
    let number = |at: usize| head[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let [first, second] = COMMITS_AT.map(number);
    let flags = head[FLAGS_AT];
    let is_newer = if flags & SECOND_IN_FORCE == 0 { first > second } else { second > first };
    match (is_newer, flags & NOT_CLOSED != 0) {
        (true, _) => {}
        (false, false) => {
            report.note(Fault::Missing, None, "log.redb was set back by one commit: its head points to the older of two");
        }
        (false, true) => report.not_checked.push(
            "whether the last commit of log.redb is missing: it was not closed in good order, and holds an unfinished one"
                .to_owned(),
        ),
    }
    Ok(())
}
