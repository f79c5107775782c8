//! A query for every document that another one leaves.
//!
//! The library's own exclusion asks a phrase for documents behind which it stands already, which it does not
//! allow; and it is nothing by itself, but only beside something that is found.

use tantivy::query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{BitSet, DocId, Score, SegmentReader, TERMINATED};

/// Finds what `left_out` does not.
#[derive(Debug)]
pub(super) struct Complement {
    pub(super) left_out: Box<dyn Query>,
}

impl Clone for Complement {
    fn clone(&self) -> Complement {
        Complement { left_out: self.left_out.box_clone() }
    }
}

impl Query for Complement {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        // What is left out has no say in what fits best.
        let scoring = match scoring.searcher() {
            Some(searcher) => EnableScoring::disabled_from_searcher(searcher),
            None => scoring,
        };
        Ok(Box::new(ComplementWeight { left_out: self.left_out.weight(scoring)? }))
    }
}

struct ComplementWeight {
    left_out: Box<dyn Weight>,
}

impl Weight for ComplementWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut left = BitSet::with_max_value_and_full(segment.max_doc());
        let mut left_out = self.left_out.scorer(segment, 1.0)?;
        let mut document = left_out.doc();
        while document != TERMINATED {
            left.remove(document);
            document = left_out.advance();
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(left), boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("what the other one leaves", 1.0))
    }
}
