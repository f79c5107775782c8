//! A query for every term of a field, within a range, that passes a test: the one way to look for beginnings,
//! parts, networks and values by their path.

use super::error::TOO_WIDE;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tantivy::postings::TermInfo;
use tantivy::query::{
    BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, Score, SegmentReader, TantivyError};

/// How long the clauses of one question may look at terms. What is left to do then, the page of what was
/// found, takes some tens of milliseconds, so that no question takes longer than two seconds.
const WALK_MAX: Duration = Duration::from_millis(1_500);
/// Terms between two looks at the clock.
const TERMS_A_LOOK: usize = 1_024;
/// Terms that one clause may stand for.
const TERMS_FOUND_MAX: usize = 1_000_000;

/// What a term must be.
pub(super) type Test = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Every document with a term from `first` on and before `end` that passes the test.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) field: Field,
    pub(super) first: String,
    pub(super) end: Vec<u8>,
    pub(super) test: Option<Test>,
}

impl Terms {
    /// Those that begin so, and pass the test if there is one.
    pub(super) fn beginning(field: Field, beginning: String, test: Option<Test>) -> Terms {
        // No term holds the byte 0xff, which is not UTF-8.
        let end = [beginning.as_bytes(), &[0xff]].concat();
        Terms { field, first: beginning, end, test }
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms").field("field", &self.field).finish_non_exhaustive()
    }
}

impl Query for Terms {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        // All clauses of a question are made ready at once, before any of them is asked.
        Ok(Box::new(TermsWeight {
            terms: self.clone(),
            until: Instant::now() + WALK_MAX,
            found: AtomicUsize::new(0),
        }))
    }
}

struct TermsWeight {
    terms: Terms,
    until: Instant,
    found: AtomicUsize,
}

impl TermsWeight {
    /// Refuses when the time is over; looks at the clock now and then.
    fn look(&self, walked: usize) -> tantivy::Result<()> {
        let is_over = walked.is_multiple_of(TERMS_A_LOOK) && Instant::now() > self.until;
        if is_over { Err(too_wide()) } else { Ok(()) }
    }

    fn found(&self, segment: &SegmentReader) -> tantivy::Result<Vec<TermInfo>> {
        let Terms { field, first, end, test } = &self.terms;
        let index = segment.inverted_index(*field)?;
        let mut stream = index.terms().range().ge(first).lt(end).into_stream()?;
        let mut found = Vec::new();
        let mut walked = 0;
        while stream.advance() {
            walked += 1;
            self.look(walked)?;
            let passes = |test: &Test| std::str::from_utf8(stream.key()).is_ok_and(|term| test(term));
            if test.as_ref().is_none_or(passes) {
                found.push(stream.value().clone());
            }
            if found.len() > TERMS_FOUND_MAX {
                return Err(too_wide());
            }
        }
        let in_all = self.found.fetch_add(found.len(), Ordering::Relaxed) + found.len();
        if in_all > TERMS_FOUND_MAX { Err(too_wide()) } else { Ok(found) }
    }
}

fn too_wide() -> TantivyError {
    TantivyError::InvalidArgument(TOO_WIDE.to_owned())
}

impl Weight for TermsWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let found = self.found(segment)?;
        let index = segment.inverted_index(self.terms.field)?;
        match &found[..] {
            [] => return Ok(Box::new(EmptyScorer)),
            [one] => {
                let postings = index.read_postings_from_terminfo(one, IndexRecordOption::Basic)?;
                return Ok(Box::new(ConstScorer::new(postings, boost)));
            }
            _ => {}
        }
        let mut documents = BitSet::with_max_value(segment.max_doc());
        for (at, term) in found.iter().enumerate() {
            self.look(at)?;
            let mut postings = index.read_block_postings_from_terminfo(term, IndexRecordOption::Basic)?;
            while !postings.docs().is_empty() {
                for document in postings.docs() {
                    documents.insert(*document);
                }
                postings.advance();
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(documents), boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("a term that passes", 1.0))
    }
}
