//! The running numbers that a source gives its events: which of them are missing.

use serde::{Deserialize, Serialize};

/// Gaps that are named; of older ones only the sizes are kept, so that a source that skips numbers takes no more room.
pub const GAPS_MAX: usize = 100;

/// What is known of the numbers of one source. Numbers may come in any order: one that comes late closes its gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// The highest number so far, since the source last began anew.
    pub highest: i64,
    /// Numbers that have not come: first and last of each gap, the lowest first, at most [`GAPS_MAX`].
    pub gaps: Vec<(i64, i64)>,
    /// How many have not come, with those of gaps that are no longer named.
    pub missing: u64,
    /// Numbers that came again.
    pub repeated: u64,
    /// How often the source began at 0 or 1 again.
    pub restarts: u64,
}

impl Sequence {
    /// Begins with the first number of a source.
    pub fn new(number: i64) -> Sequence {
        Sequence { highest: number, gaps: Vec::new(), missing: 0, repeated: 0, restarts: 0 }
    }

    /// Enters one more number.
    pub fn enter(&mut self, number: i64) {
        if number > self.highest {
            if number - 1 > self.highest {
                self.open(self.highest + 1, number - 1);
            }
            self.highest = number;
        } else if let Some(at) = self.gaps.iter().position(|(first, last)| (*first..=*last).contains(&number))
        {
            self.close(at, number);
        } else if (0..=1).contains(&number) && self.highest > 1 {
            // What was missing before stays missing: nobody can tell numbers of the two lives apart.
            self.gaps.clear();
            self.restarts += 1;
            self.highest = number;
        } else {
            self.repeated += 1;
        }
    }

    fn open(&mut self, first: i64, last: i64) {
        self.gaps.push((first, last));
        self.missing = self.missing.saturating_add(last.abs_diff(first)).saturating_add(1);
        if self.gaps.len() > GAPS_MAX {
            self.gaps.remove(0);
        }
    }

    fn close(&mut self, at: usize, number: i64) {
        let (first, last) = self.gaps.remove(at);
        self.missing = self.missing.saturating_sub(1);
        // In two where the number lies in the middle; the list may then be one too long.
        if number < last {
            self.gaps.insert(at, (number + 1, last));
        }
        if number > first {
            self.gaps.insert(at, (first, number - 1));
        }
        if self.gaps.len() > GAPS_MAX {
            self.gaps.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn after(numbers: &[i64]) -> Sequence {
        let mut sequence = Sequence::new(numbers[0]);
        numbers[1..].iter().for_each(|number| sequence.enter(*number));
        sequence
    }

    #[test]
    fn what_was_skipped_is_missing_until_it_comes() {
        let sequence = after(&[5, 6, 10, 12]);
        assert_eq!((&sequence.gaps[..], sequence.missing), (&[(7, 9), (11, 11)][..], 4));
        let sequence = after(&[5, 6, 10, 12, 8, 11]);
        assert_eq!((&sequence.gaps[..], sequence.missing), (&[(7, 7), (9, 9)][..], 2));
        let sequence = after(&[5, 6, 10, 12, 8, 11, 9, 7]);
        assert_eq!((&sequence.gaps[..], sequence.missing, sequence.repeated), (&[][..], 0, 0));
    }

    #[test]
    fn a_number_that_comes_again_and_a_source_that_begins_anew_are_counted() {
        let sequence = after(&[1, 2, 3, 2, 3]);
        assert_eq!((sequence.repeated, sequence.restarts, sequence.missing), (2, 0, 0));
        let sequence = after(&[7, 9, 1, 2, 3]);
        assert_eq!((sequence.restarts, sequence.highest, sequence.missing), (1, 3, 1));
        assert_eq!(sequence.gaps, []);
    }

    #[test]
    fn the_widest_gap_there_can_be_does_not_overflow() {
        let sequence = after(&[i64::MIN, i64::MAX]);
        assert_eq!((sequence.missing, sequence.gaps.len()), (u64::MAX - 1, 1));
        assert_eq!(after(&[i64::MIN, i64::MAX, i64::MIN]).repeated, 1);
    }

    #[test]
    fn however_many_gaps_there_are_so_many_are_named_and_all_are_counted() {
        let mut sequence = Sequence::new(2);
        (1..=1_000).for_each(|n| sequence.enter(2 + n * 10));
        assert_eq!((sequence.gaps.len(), sequence.missing), (GAPS_MAX, 9_000));
        sequence.enter(9_995);
        assert_eq!((sequence.gaps.len(), sequence.missing), (GAPS_MAX, 8_999));
    }

    proptest! {
        /// Against a set of all numbers, where few enough are missing to be named.
        #[test]
        fn it_names_what_a_plain_set_does_not_hold(numbers in prop::collection::vec(10i64..60, 1..80)) {
            let sequence = after(&numbers);
            let set: BTreeSet<i64> = numbers.iter().copied().collect();
            let highest = *set.last().expect("there is one");
            let missing: Vec<i64> = (numbers[0]..=highest).filter(|number| !set.contains(number)).collect();
            let named: Vec<i64> = sequence.gaps.iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert_eq!(&named, &missing);
            prop_assert_eq!((sequence.missing, sequence.highest), (missing.len() as u64, highest));
        }
    }
}
