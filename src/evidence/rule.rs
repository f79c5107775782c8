//! The rule that raised an alert, with the settings that it had then and has now.

use crate::detect::{PatternSettings, PatternTable};
use crate::model::{Alert, Pattern, Severity};
use serde::{Deserialize, Serialize};

/// What stands in `rule.json`. The settings of today are the appliance's word alone; those of then stand in the alert too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Which pattern.
    pub pattern: Pattern,
    /// How many events were enough when the alert was raised.
    pub threshold_then: u64,
    /// Within how long.
    pub timespan_secs_then: u64,
    /// What is in force when the evidence is exported.
    pub now: RuleSettings,
}

/// The settings of one pattern for the organisation of the alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleSettings {
    /// Whether events are matched against it.
    pub enabled: bool,
    /// How many events are enough.
    pub threshold: u64,
    /// Within how long.
    pub timespan_secs: u64,
    /// How serious its alerts are.
    pub severity: Severity,
    /// How long people are left in peace after a notification.
    pub cooldown_secs: u64,
    /// When nobody works; only for the pattern that asks.
    pub off_hours: Option<OffHoursSettings>,
}

/// When nobody works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OffHoursSettings {
    /// Hours of the local day.
    pub hours: Vec<i8>,
    /// Whether Saturdays and Sundays count.
    pub weekends: bool,
    /// Local days that count.
    pub holidays: Vec<jiff::civil::Date>,
    /// What "local" means: the zone's IANA name.
    pub time_zone: Option<String>,
}

impl Rule {
    /// The rule of the alert; `table` is what is in force for its organisation.
    pub fn of(alert: &Alert, table: &PatternTable) -> Rule {
        let PatternSettings { enabled, threshold, timespan_secs, severity, cooldown_secs } =
            *table.get(alert.pattern);
        let off_hours = (alert.pattern == Pattern::OffHours).then(|| OffHoursSettings {
            hours: table.off_hours.hours.iter().copied().collect(),
            weekends: table.off_hours.weekends,
            holidays: table.off_hours.holidays.iter().copied().collect(),
            time_zone: table.off_hours.time_zone.iana_name().map(str::to_owned),
        });
        Rule {
            pattern: alert.pattern,
            threshold_then: alert.threshold,
            timespan_secs_then: alert.timespan_secs,
            now: RuleSettings { enabled, threshold, timespan_secs, severity, cooldown_secs, off_hours },
        }
    }
}
