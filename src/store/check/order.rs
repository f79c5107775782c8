//! The order in which a table's rows must come. Where a damaged page puts a smaller key behind a larger one, whoever
//! goes on behind the last key of each few rows would go in a circle.

use crate::store::error::StoreError;

/// The keys of one table as they are met.
pub(super) struct Order<K> {
    table: &'static str,
    last: Option<K>,
}

impl<K: Ord + Copy> Order<K> {
    pub(super) fn of(table: &'static str) -> Order<K> {
        Order { table, last: None }
    }

    /// The next key, which must be larger than the one before; its row is named by `name` where it is not.
    pub(super) fn next(&mut self, key: K, name: impl Fn() -> String) -> Result<(), StoreError> {
        if self.last.is_some_and(|last| last >= key) {
            return Err(StoreError::damaged(self.table, name(), "its keys are not in order"));
        }
        self.last = Some(key);
        Ok(())
    }
}
