//! The documents of a segment that a query finds, so that several columns can be counted over them.

use super::parallel;
use tantivy::query::{AllQuery, EnableScoring, Query, Weight};
use tantivy::{BitSet, DocId, Searcher, SegmentReader};

/// Documents from which on a second thread helps; tests are to see both ways with few.
pub(super) const WIDE_DOCUMENTS: u64 = if cfg!(test) { 50 } else { 100_000 };
/// Documents that are handed on at once.
const BLOCK: usize = 1_024;
/// Documents of one word of a set.
const WORD: u32 = 64;

/// What was found in one segment.
pub(super) enum Hits {
    /// Every document; there are so many.
    All(DocId),
    /// These.
    Some {
        /// One bit a document.
        documents: BitSet,
        /// How many they are.
        count: u64,
    },
}

impl Hits {
    /// What the query finds in each segment.
    pub(super) fn of(searcher: &Searcher, query: &dyn Query) -> tantivy::Result<Vec<Hits>> {
        let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
        let finds_all = query.is::<AllQuery>();
        let wide = !finds_all && searcher.num_docs() >= WIDE_DOCUMENTS;
        let hits = parallel::each(wide, searcher.segment_readers(), |segment| {
            if finds_all && segment.alive_bitset().is_none() {
                return Ok(Hits::All(segment.max_doc()));
            }
            Hits::in_segment(&*weight, segment)
        });
        hits.into_iter().collect()
    }

    fn in_segment(weight: &dyn Weight, segment: &SegmentReader) -> tantivy::Result<Hits> {
        let mut documents = BitSet::with_max_value(segment.max_doc());
        let mut count = 0;
        weight.for_each_no_score(segment, &mut |found| {
            for document in found {
                if segment.alive_bitset().is_none_or(|alive| alive.is_alive(*document)) {
                    count += u64::from(documents.insert(*document));
                }
            }
        })?;
        Ok(Hits::Some { documents, count })
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        match self {
            Hits::All(count) => u64::from(*count),
            Hits::Some { count, .. } => *count,
        }
    }

    /// Hands them on in their order.
    pub(super) fn each_block(&self, mut take: impl FnMut(&[DocId])) {
        let mut block = Vec::with_capacity(BLOCK + WORD as usize);
        match self {
            Hits::All(count) => {
                for first in (0..*count).step_by(BLOCK) {
                    block.clear();
                    block.extend(first..first.saturating_add(BLOCK as DocId).min(*count));
                    take(&block);
                }
            }
            Hits::Some { documents, .. } => {
                for word in 0..documents.max_value().div_ceil(WORD) {
                    let mut bits = documents.tinyset(word);
                    while let Some(bit) = bits.pop_lowest() {
                        block.push(word * WORD + bit);
                    }
                    if block.len() >= BLOCK {
                        take(&block);
                        block.clear();
                    }
                }
                if !block.is_empty() {
                    take(&block);
                }
            }
        }
    }
}
