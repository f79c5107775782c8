//! Entry bundles of C2SP tlog-tiles: up to 256 leaves, each behind its length.

use super::tree::TILE_WIDTH;
use thiserror::Error;

/// Why bytes are not an entry bundle.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BundleError {
    /// It ends within an entry or its length.
    #[error("the entry bundle is cut off within entry {place}")]
    CutOff {
        /// The entry's place in the bundle, from 0.
        place: usize,
    },
    /// More entries than a tile has hashes.
    #[error("the entry bundle holds more than {TILE_WIDTH} entries")]
    TooMany,
}

/// The bundle of those leaves: for each its length as big-endian u16, then its bytes.
pub fn entry_bundle(leaves: &[[u8; 50]]) -> Vec<u8> {
    leaves.iter().flat_map(|leaf| [0, leaf.len() as u8].into_iter().chain(*leaf)).collect()
}

/// The entries of a bundle of any log, in order. An empty one has none.
pub fn split_entry_bundle(bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        if entries.len() == TILE_WIDTH {
            return Err(BundleError::TooMany);
        }
        let cut_off = BundleError::CutOff { place: entries.len() };
        let (length, after) = rest.split_first_chunk::<2>().ok_or(cut_off)?;
        let (entry, after) = after.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(cut_off)?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_come_back_from_their_bundle() {
        let leaves: Vec<[u8; 50]> = (0..=255).map(|n| [n; 50]).collect();
        let bundle = entry_bundle(&leaves);
        assert_eq!(bundle[..4], [0, 50, 0, 0]);
        assert_eq!(bundle.len(), 256 * 52);
        assert_eq!(split_entry_bundle(&bundle).expect("whole"), leaves);
        assert_eq!(split_entry_bundle(&[]), Ok(Vec::new()));
        let one_more = [&bundle[..], &[0, 0]].concat();
        assert_eq!(split_entry_bundle(&one_more), Err(BundleError::TooMany));
    }

    #[test]
    fn long_and_empty_entries_of_other_logs_are_read() {
        let bundle = [&[0, 0, 1, 2][..], &[7; 258]].concat();
        assert_eq!(split_entry_bundle(&bundle), Ok(vec![&[][..], &[7; 258]]));
    }

    #[test]
    fn a_bundle_that_is_cut_off_says_where() {
        let bundle = entry_bundle(&[[1; 50], [2; 50]]);
        for length in [53, 54, 103] {
            assert_eq!(
                split_entry_bundle(&bundle[..length]),
                Err(BundleError::CutOff { place: 1 }),
                "{length}"
            );
        }
        assert_eq!(split_entry_bundle(&bundle[..1]), Err(BundleError::CutOff { place: 0 }));
        assert_eq!(split_entry_bundle(&bundle[..52]).map(|entries| entries.len()), Ok(1));
    }
}
