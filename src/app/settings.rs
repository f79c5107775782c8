//! Notes in the log which settings are not those of the last run.

use super::AppError;
use crate::config::Config;
use crate::model::ReceivedAt;
use crate::store::Store;

/// Holds the settings against those of the last run; what changed is one entry, in the commit that keeps the new ones.
pub(super) fn note(store: &Store, config: &Config, now: ReceivedAt) -> Result<(), AppError> {
    let mut txn = store.begin(now)?;
    txn.note_settings(&config.texts, &Config::default().texts)?;
    txn.commit()?;
    Ok(())
}
