//! The settings at a start: which are not those of the last run, and which were changed at run time.

use super::AppError;
use crate::config::Config;
use crate::model::ReceivedAt;
use crate::store::Store;
use crate::telemetry::{LogLevel, Output, Telemetry};

/// Holds the settings against those of the last run; what changed is one entry, in the commit that keeps the new ones.
pub(super) fn note(store: &Store, config: &Config, now: ReceivedAt) -> Result<(), AppError> {
    let mut txn = store.begin(now)?;
    txn.note_settings(&config.texts, &Config::default().texts)?;
    txn.commit()?;
    Ok(())
}

/// Gives each output the level that someone gave it at run time, before this start too.
pub(super) fn apply_levels(store: &Store, telemetry: &Telemetry) -> Result<(), AppError> {
    let changed = store.overrides()?;
    for output in Output::ALL {
        let level =
            changed.get(output.key()).and_then(|row| LogLevel::from_name(row.value.trim_matches('"')));
        if let Some(level) = level {
            telemetry.levels.set(output, level);
        }
    }
    Ok(())
}
