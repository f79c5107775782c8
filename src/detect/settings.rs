//! What detection may be told: thresholds, hours and bounds, for all and per organisation.

use crate::model::{Pattern, Severity};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use std::collections::{BTreeSet, HashMap};

/// Everything that detection may be told. `config` makes it from the settings file; the default is the table
/// of the specification.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How far, in seconds, an event may lie behind the newest of its window, or before its own receipt, and
    /// still count.
    pub lateness_secs: u64,
    /// How many windows one source may own per pattern before the one longest without a match goes; 0 counts
    /// as 1.
    pub keys_max: usize,
    /// The patterns of every organisation that has no table of its own, and of events that name none.
    pub all: PatternTable,
    /// The patterns of single organisations: each table is whole, so what it does not change repeats that of
    /// `all`.
    pub organizations: HashMap<String, PatternTable>,
}

impl Settings {
    /// The patterns that hold for events of `organization`.
    pub fn for_organization(&self, organization: Option<&str>) -> &PatternTable {
        organization.and_then(|name| self.organizations.get(name)).unwrap_or(&self.all)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            lateness_secs: 300,
            keys_max: 100_000,
            all: PatternTable::default(),
            organizations: HashMap::new(),
        }
    }
}

/// The settings of every pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternTable {
    /// In the order of [`Pattern::ALL`].
    patterns: [PatternSettings; Pattern::ALL.len()],
    /// When nobody works.
    pub off_hours: OffHours,
}

impl PatternTable {
    /// The settings of one pattern.
    pub fn get(&self, pattern: Pattern) -> &PatternSettings {
        &self.patterns[pattern as usize]
    }

    /// The settings of one pattern, to change them.
    pub fn get_mut(&mut self, pattern: Pattern) -> &mut PatternSettings {
        &mut self.patterns[pattern as usize]
    }
}

impl Default for PatternTable {
    fn default() -> PatternTable {
        PatternTable {
            patterns: Pattern::ALL.map(PatternSettings::default_of),
            off_hours: OffHours::default(),
        }
    }
}

/// The settings of one pattern. Those that count in no window fire on a single finding and are always on: of
/// theirs only severity and cooldown are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternSettings {
    /// Whether events are matched against it at all.
    pub enabled: bool,
    /// How many matching events within the timespan make it fire; 0 counts as 1.
    pub threshold: u64,
    /// How long an event counts, open at its old end; 0 counts only events of the same instant.
    pub timespan_secs: u64,
    /// How serious its alerts are.
    pub severity: Severity,
    /// How long after a notification, in event time, there is no further one.
    pub cooldown_secs: u64,
}

impl PatternSettings {
    /// The settings that the specification gives the pattern.
    pub fn default_of(pattern: Pattern) -> PatternSettings {
        let (threshold, timespan_secs) = match pattern {
            Pattern::FailedAuth => (5, 300),
            Pattern::UnauthorizedAccess => (3, 600),
            Pattern::DataVelocity => (50, 60),
            Pattern::BulkOperation => (100, 300),
            _ => (1, 0),
        };
        let severity = pattern.default_severity();
        PatternSettings { enabled: true, threshold, timespan_secs, severity, cooldown_secs: 300 }
    }
}

/// When nobody works: the hours of every day, and where so set whole weekends and holidays.
#[derive(Clone, Debug, PartialEq)]
pub struct OffHours {
    /// Hours of the local day, 0 to 23, in which nobody works.
    pub hours: BTreeSet<i8>,
    /// Whether nobody works on Saturday and Sunday.
    pub weekends: bool,
    /// Local days on which nobody works.
    pub holidays: BTreeSet<Date>,
    /// What "local" means.
    pub time_zone: TimeZone,
}

impl OffHours {
    /// Whether nobody works at that local time.
    pub fn contains(&self, local: DateTime) -> bool {
        self.hours.contains(&local.hour())
            || (self.weekends && matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday))
            || self.holidays.contains(&local.date())
    }
}

impl Default for OffHours {
    fn default() -> OffHours {
        OffHours {
            hours: [22, 23, 0, 1, 2, 3, 4, 5].into(),
            weekends: false,
            holidays: BTreeSet::new(),
            time_zone: TimeZone::UTC,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pattern_finds_its_own_settings() {
        let table = PatternTable::default();
        for pattern in Pattern::ALL {
            assert_eq!(*table.get(pattern), PatternSettings::default_of(pattern), "{}", pattern.name());
        }
    }

    #[test]
    fn an_organisation_without_a_table_takes_that_of_all() {
        let mut settings = Settings::default();
        let mut strict = PatternTable::default();
        strict.get_mut(Pattern::FailedAuth).threshold = 2;
        settings.organizations.insert("clinic".into(), strict);
        let threshold = |name| settings.for_organization(name).get(Pattern::FailedAuth).threshold;
        assert_eq!([threshold(Some("clinic")), threshold(Some("bakery")), threshold(None)], [2, 5, 5]);
    }
}
