//! Whether more dead letters wait than should.

use super::{Change, Noticed};
use crate::model::Activity;

/// What the row is called.
const ABOUT: &str = "dead letters";

pub(super) fn change(waiting: u64, waiting_max: u64, noticed: &Noticed) -> Option<Change> {
    let how = (waiting > waiting_max).then(|| waiting.to_le_bytes().to_vec());
    let activity = Activity::DeadLettersWait { waiting, waiting_max };
    (noticed.get(ABOUT) != how.as_ref()).then(|| Change { about: ABOUT.to_owned(), how, activity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_are_told_of_whenever_their_number_changes_and_when_it_is_over() {
        let mut noticed = Noticed::new();
        let mut told = |waiting| {
            let change = change(waiting, 10, &noticed)?;
            match change.how {
                Some(how) => drop(noticed.insert(change.about, how)),
                None => drop(noticed.remove(&change.about)),
            }
            Some(waiting)
        };
        let numbers = [0, 10, 11, 11, 12, 10, 9].map(&mut told);
        assert_eq!(numbers, [None, None, Some(11), None, Some(12), Some(10), None]);
    }
}
