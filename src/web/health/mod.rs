//! How the parts of the appliance are: probed now and then, and remembered for whoever asks.
//!
//! Asking never probes, so that nobody can wear out the disk by asking.

mod breakers;
mod probes;
mod prober;

pub use breakers::{EXPORT, Standing, breakers, move_breaker};
pub use prober::Prober;

use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

/// The state of one component, or of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Condition {
    /// As it should be.
    #[default]
    Ok,
    /// Someone should look today.
    Warning,
    /// Someone should look now.
    Critical,
}

impl Condition {
    /// The word in answers and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Condition::Ok => "OK",
            Condition::Warning => "WARNING",
            Condition::Critical => "CRITICAL",
        }
    }

    /// The condition of a value that is worse the higher it is.
    fn of<T: PartialOrd>(value: T, warning: T, critical: T) -> Condition {
        if value >= critical {
            Condition::Critical
        } else if value >= warning {
            Condition::Warning
        } else {
            Condition::Ok
        }
    }
}

/// What the last probe of a component found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// How it is.
    pub status: Condition,
    /// Why, for people.
    pub message: String,
    /// How long the probe took, in milliseconds.
    pub response_time: f64,
    /// When.
    pub last_check: Timestamp,
    /// Numbers, by name.
    pub details: BTreeMap<&'static str, f64>,
}

/// The results of the last probes. Shared.
#[derive(Clone, Default)]
pub struct HealthBoard(Arc<RwLock<BTreeMap<&'static str, Component>>>);

impl HealthBoard {
    /// All components, by name.
    pub fn components(&self) -> BTreeMap<&'static str, Component> {
        self.0.read().expect("no holder of this lock panics").clone()
    }

    /// The worst of them; nothing is known to be well before the first probe.
    pub fn overall(&self) -> Condition {
        let components = self.components();
        components.values().map(|component| component.status).max().unwrap_or(Condition::Critical)
    }

    fn put(&self, components: BTreeMap<&'static str, Component>) {
        self.0.write().expect("no holder of this lock panics").extend(components);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_begins_at_its_threshold() {
        assert_eq!(Condition::of(79, 80, 95), Condition::Ok);
        assert_eq!(Condition::of(80, 80, 95), Condition::Warning);
        assert_eq!(Condition::of(94, 80, 95), Condition::Warning);
        assert_eq!(Condition::of(95, 80, 95), Condition::Critical);
    }

    #[test]
    fn nothing_is_well_before_it_was_looked_at() {
        assert_eq!(HealthBoard::default().overall(), Condition::Critical);
    }
}
