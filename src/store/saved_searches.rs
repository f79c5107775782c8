//! The searches that people keep.

use super::access::{decode, encode};
use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::model::SavedSearch;
use redb::{ReadableDatabase, ReadableTable};

/// Searches that one person may keep.
pub const SAVED_SEARCHES_MAX: usize = 50;

impl Store {
    /// Those of a user, by name.
    pub fn saved_searches(&self, user: &str) -> Result<Vec<SavedSearch>, StoreError> {
        of_user(&self.db.begin_read()?.open_table(t::SAVED_SEARCHES)?, user)
    }
}

impl Txn<'_> {
    /// Keeps a search for a user, in the place of one that has the same name. `None` where the user keeps as many as
    /// they may.
    pub fn save_search(
        &mut self,
        user: &str,
        name: &str,
        query: &str,
    ) -> Result<Option<SavedSearch>, StoreError> {
        let kept = of_user(&self.reading().open_table(t::SAVED_SEARCHES)?, user)?;
        if kept.len() >= SAVED_SEARCHES_MAX && kept.iter().all(|kept| kept.name != name) {
            return Ok(None);
        }
        let saved = SavedSearch { name: name.to_owned(), query: query.to_owned(), saved_at: self.now() };
        let mut table = self.writing().open_table(t::SAVED_SEARCHES)?;
        table.insert((user, name), &encode(&saved)[..])?;
        Ok(Some(saved))
    }

    /// Forgets a search; `false` where the user keeps none of that name.
    pub fn forget_search(&mut self, user: &str, name: &str) -> Result<bool, StoreError> {
        Ok(self.writing().open_table(t::SAVED_SEARCHES)?.remove((user, name))?.is_some())
    }

    /// Forgets all of a user's.
    pub(super) fn forget_searches_of(&mut self, user: &str) -> Result<(), StoreError> {
        let kept = of_user(&self.reading().open_table(t::SAVED_SEARCHES)?, user)?;
        let mut table = self.writing().open_table(t::SAVED_SEARCHES)?;
        for search in kept {
            table.remove((user, &*search.name))?;
        }
        Ok(())
    }
}

fn of_user(
    table: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    user: &str,
) -> Result<Vec<SavedSearch>, StoreError> {
    let rows = table.range((user, "")..)?.map(|row| {
        let (key, value) = row?;
        let (of, name) = key.value();
        (of == user).then(|| decode("saved_searches", name, value.value())).transpose()
    });
    rows.take(SAVED_SEARCHES_MAX).map_while(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ReceivedAt, Role, User};

    fn names(store: &Store, user: &str) -> Vec<String> {
        store.saved_searches(user).expect("it reads").into_iter().map(|search| search.name).collect()
    }

    #[test]
    fn searches_belong_to_their_user_are_bounded_and_go_with_them() {
        let store = Store::open_on(redb::backends::InMemoryBackend::new(), ReceivedAt(1)).expect("it opens");
        let mut txn = store.begin(ReceivedAt(2)).expect("it begins");
        let user = |name: &str| User {
            name: name.to_owned(),
            password_hash: String::new(),
            role: Role::Viewer,
            organizations: Vec::new(),
        };
        for name in ["ada", "adam"] {
            assert!(txn.add_user(&user(name), "local").expect("it writes"));
            assert!(txn.save_search(name, "mine", "q=a").expect("it writes").is_some());
        }
        for number in 1..SAVED_SEARCHES_MAX {
            assert!(txn.save_search("ada", &format!("{number:02}"), "q=a").expect("it writes").is_some());
        }
        assert_eq!(txn.save_search("ada", "more", "").expect("it writes"), None);
        assert!(txn.save_search("ada", "mine", "q=b").expect("it writes").is_some(), "the same again");
        assert!(!txn.forget_search("adam", "01").expect("it writes"), "it is not theirs");
        txn.commit().expect("it commits");
        assert_eq!(names(&store, "ada").len(), SAVED_SEARCHES_MAX);
        assert_eq!(
            store.saved_searches("ada").expect("it reads").last().map(|it| it.query.clone()),
            Some("q=b".to_owned())
        );
        assert_eq!((names(&store, "adam"), names(&store, "ad")), (vec!["mine".to_owned()], Vec::new()));

        let mut txn = store.begin(ReceivedAt(3)).expect("it begins");
        assert!(txn.remove_user("ada", "local").expect("it writes"));
        txn.commit().expect("it commits");
        assert_eq!((names(&store, "ada").len(), names(&store, "adam").len()), (0, 1));
    }
}
