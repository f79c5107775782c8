//! `[health]`: from where on a component counts as unwell.

use super::reader::Section;

/// From where on a component is WARNING or CRITICAL.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Percentage of the data directory's disk in use that is WARNING.
    pub disk_warn_percent: u8,
    /// Percentage of it in use at which an alert is raised.
    pub disk_alert_percent: u8,
    /// Percentage of it in use that is CRITICAL, and at which no event is taken in.
    pub disk_critical_percent: u8,
    /// Bytes of it that are kept free: below that nothing is written.
    pub disk_reserve_bytes: u64,
    /// Age of the oldest entry that a reader has still to read that is WARNING.
    pub reader_lag_warn_secs: u64,
    /// Age of the oldest entry that a reader has still to read that is CRITICAL.
    pub reader_lag_critical_secs: u64,
    /// How far the host's clock may jump before it is WARNING.
    pub clock_jump_warn_secs: u64,
    /// How far the host's clock may jump before it is CRITICAL.
    pub clock_jump_critical_secs: u64,
    /// How long a component may take to answer a probe before that alone is WARNING.
    pub probe_warn_millis: u64,
    /// Percentage of the room for incoming requests in use that is WARNING.
    pub queue_warn_percent: u8,
    /// Percentage of it in use that is CRITICAL.
    pub queue_critical_percent: u8,
    /// For how long a notification may wait before it is WARNING.
    pub notify_wait_warn_secs: u64,
}

impl Health {
    pub(super) fn read(mut section: Section<'_>) -> Health {
        let health = Health {
            disk_warn_percent: section.integer("disk_warn_percent", 80, 1..=99),
            disk_alert_percent: section.integer("disk_alert_percent", 90, 1..=99),
            disk_critical_percent: section.integer("disk_critical_percent", 95, 2..=100),
            disk_reserve_bytes: section.integer(
                "disk_reserve_bytes",
                33_554_432,
                1_048_576..=1_099_511_627_776,
            ),
            reader_lag_warn_secs: section.integer("reader_lag_warn_secs", 5, 1..=3_600),
            reader_lag_critical_secs: section.integer("reader_lag_critical_secs", 60, 2..=86_400),
            clock_jump_warn_secs: section.integer("clock_jump_warn_secs", 5, 1..=3_600),
            clock_jump_critical_secs: section.integer("clock_jump_critical_secs", 300, 2..=86_400),
            probe_warn_millis: section.integer("probe_warn_millis", 1_000, 1..=60_000),
            queue_warn_percent: section.integer("queue_warn_percent", 80, 1..=99),
            queue_critical_percent: section.integer("queue_critical_percent", 99, 2..=100),
            notify_wait_warn_secs: section.integer("notify_wait_warn_secs", 600, 1..=86_400),
        };
        let mut rising = |key: &str, warn: u64, critical: u64| {
            let message = format!("must be below the value at which the same is critical ({critical})");
            section.require(warn < critical, key, message);
        };
        rising("disk_warn_percent", health.disk_warn_percent.into(), health.disk_critical_percent.into());
        rising("disk_alert_percent", health.disk_alert_percent.into(), health.disk_critical_percent.into());
        rising("reader_lag_warn_secs", health.reader_lag_warn_secs, health.reader_lag_critical_secs);
        rising("queue_warn_percent", health.queue_warn_percent.into(), health.queue_critical_percent.into());
        rising("clock_jump_warn_secs", health.clock_jump_warn_secs, health.clock_jump_critical_secs);
        health
    }
}
