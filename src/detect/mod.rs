//! Finds misuse in the stream of stored events: pure functions of the events in their order, time included.
//!
//! [`Bursts::observe`] takes one event through the [`Engine`], which counts it in the windows of every
//! pattern that it matches; what fires is collected per fingerprint, and [`apply`] turns each [`Burst`] into
//! alerts and notifications. A new pattern is one file in `rules` and one line in its list.

mod alerting;
mod burst;
mod engine;
mod eviction;
mod evidence;
mod observation;
mod related;
mod rules;
mod settings;
mod snapshot;
mod transition;
mod window;
mod words;

pub use alerting::{APPLIANCE, Applied, Circumstances, Notification, Raised, StatusChange, apply};
pub use burst::{Burst, Bursts, Finding, IdConflict, fingerprint, id_conflict};
pub use engine::{Engine, EngineStats, Fired, Firing, Observed};
pub use observation::{Observation, Place};
pub use related::{Relation, relation};
pub use settings::{OffHours, PatternSettings, PatternTable, Settings};
pub use snapshot::SnapshotError;
pub use transition::{IllegalTransition, NOTE_CHARS_MAX, change, taken};
pub use words::{explain, explain_in, title};

#[cfg(test)]
mod scripts;
#[cfg(test)]
mod tests;
