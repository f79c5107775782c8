//! Whether received = stored + duplicate + rejected, for each source.

use super::{Change, Noticed};
use crate::model::{Activity, SourceId};
use crate::store::Account;

pub(super) fn changes(
    accounts: &[(SourceId, Account)],
    name: impl Fn(SourceId) -> String,
    noticed: &Noticed,
) -> Vec<Change> {
    let differing = accounts.iter().filter(|(_, account)| account.unaccounted() > 0);
    let change = differing.map(|(source, account)| {
        let Account { received, stored, duplicate, rejected } = *account;
        let activity = Activity::BooksDiffer { source: name(*source), received, stored, duplicate, rejected };
        let how = account.unaccounted().to_le_bytes().to_vec();
        Change { about: format!("books/{}", source.0), how: Some(how), activity }
    });
    // A difference that stays the same is told once.
    change.filter(|change| noticed.get(&change.about) != change.how.as_ref()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_once_and_again_when_it_grows() {
        let books = |received| {
            let good = Account { received: 5, stored: 3, duplicate: 1, rejected: 1 };
            [(SourceId(1), good), (SourceId(2), Account { received, ..good })]
        };
        let name = |source: SourceId| format!("source {}", source.0);
        assert_eq!(changes(&books(5), name, &Noticed::new()), []);
        let found = changes(&books(7), name, &Noticed::new());
        let [Change { about, how: Some(how), activity }] = &found[..] else { panic!("{found:?}") };
        assert!(
            matches!(activity, Activity::BooksDiffer { source, received: 7, .. } if source == "source 2")
        );
        let noticed = Noticed::from([(about.clone(), how.clone())]);
        assert_eq!(changes(&books(7), name, &noticed), []);
        assert_eq!(changes(&books(8), name, &noticed).len(), 1);
        assert_eq!(changes(&books(4), name, &Noticed::new()).len(), 1, "too few received is one too");
    }
}
