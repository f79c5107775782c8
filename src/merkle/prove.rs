//! Inclusion and consistency proofs as RFC 6962, sections 2.1.1 and 2.1.2, defines them.

use super::tiled::{TiledTree, TiledTreeError};
use crate::model::Hash;

impl<R: FnMut(u8, u64, usize) -> Option<Vec<Hash>>> TiledTree<R> {
    /// The proof that the leaf at `index` is in this tree: PATH(index, D\[size\]), from the leaf's sibling
    /// up.
    pub fn inclusion_proof(&mut self, index: u64) -> Result<Vec<Hash>, TiledTreeError> {
        let size = self.size();
        if index >= size {
            return Err(TiledTreeError::BeyondTree { asked: index, size });
        }
        let mut proof = Vec::new();
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let middle = start + left_size(end - start);
            let sibling = if index < middle {
                let right = self.range_hash(middle, end)?;
                end = middle;
                right
            } else {
                let left = self.range_hash(start, middle)?;
                start = middle;
                left
            };
            proof.push(sibling);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The proof that this tree continues its own first `old_size` leaves: PROOF(old size, D\[size\]). Empty
    /// from size 0 and from the same size.
    pub fn consistency_proof(&mut self, old_size: u64) -> Result<Vec<Hash>, TiledTreeError> {
        let size = self.size();
        if old_size > size {
            return Err(TiledTreeError::BeyondTree { asked: old_size, size });
        }
        if old_size == 0 {
            return Ok(Vec::new());
        }
        let mut proof = Vec::new();
        let (mut start, mut end) = (0, size);
        while old_size < end {
            let middle = start + left_size(end - start);
            if old_size <= middle {
                proof.push(self.range_hash(middle, end)?);
                end = middle;
            } else {
                proof.push(self.range_hash(start, middle)?);
                start = middle;
            }
        }
        // What is left is a subtree that both trees share; where it is the whole old tree, the verifier has
        // its root already.
        if start > 0 {
            proof.push(self.range_hash(start, end)?);
        }
        proof.reverse();
        Ok(proof)
    }
}

/// The leaves of the left child: the largest power of two smaller than `leaves`, which is at least 2.
fn left_size(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

#[cfg(test)]
mod tests;
