//! The numbers as Prometheus text, version 0.0.4 of the exposition format.

use super::state::Appliance;
use crate::counters::CountersError;
use crate::model::{AlertStatus, Organizations, Pattern, Severity, SourceId, Status, Verdict};
use crate::store::StoreError;
use crate::web::api::notify::{TargetView, target_views};
use crate::web::error::Problem;
use jiff::Timestamp;
use std::fmt::Write;

/// Metric families in the making.
#[derive(Default)]
struct Exposition(String);

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

impl Exposition {
    /// Begins a family; its samples follow.
    fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        match &*labels.join(",") {
            "" => self.line(format_args!("{name} {value}")),
            labels => self.line(format_args!("{name}{{{labels}}} {value}")),
        }
    }

    fn single(&mut self, name: &str, kind: Kind, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{text}").expect("a string takes all text");
    }
}

/// A label's value: the format knows three escapes, and other control characters have no business in it.
fn escaped(value: &str) -> String {
    let printable = value.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c });
    printable.collect::<String>().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// All families.
pub fn text(app: &Appliance) -> Result<String, Problem> {
    let mut out = Exposition::default();
    intake(app, &mut out)?;
    counted(app, &mut out)?;
    alerts(app, &mut out)?;
    detection(app, &mut out);
    targets(app, &mut out)?;
    index(app, &mut out)?;
    process(app, &mut out);
    Ok(out.0)
}

fn intake(app: &Appliance, out: &mut Exposition) -> Result<(), StoreError> {
    use Kind::{Counter, Gauge};
    let ring = app.keyring.get();
    let mut accounts: Vec<_> = app.accounts()?.into_iter().collect();
    accounts.sort_by_key(|(source, _)| *source);
    let name = "sealwatch_intake_events_total";
    out.family(
        name,
        Counter,
        "Events by source and what became of them; received = stored + duplicate + rejected.",
    );
    let mut difference = 0;
    for (source, account) in accounts {
        let source = ring.name(source);
        let results = [
            ("received", account.received),
            ("stored", account.stored),
            ("duplicate", account.duplicate),
            ("rejected", account.rejected),
        ];
        for (result, count) in results {
            out.sample(name, &[("source", &source), ("result", result)], count as f64);
        }
        difference += account.unaccounted();
    }
    let name = "sealwatch_source_missing_numbers";
    out.family(name, Gauge, "Running numbers of a source (sourceSeq) that have not come.");
    for (source, sequence) in app.counters.sequences().unwrap_or_default() {
        out.sample(name, &[("source", &ring.name(source))], sequence.missing as f64);
    }
    let help = "Events that the books cannot account for; anything but 0 is a fault.";
    out.single("sealwatch_intake_unaccounted_events", Gauge, help, difference as f64);
    let help = "Share of the room for incoming requests that is taken, 0 to 1.";
    out.single("sealwatch_intake_room_fill_ratio", Gauge, help, app.admission.fill());
    let help = "Events that wait for their commit.";
    out.single("sealwatch_writer_waiting_events", Gauge, help, app.writer.events_waiting() as f64);
    let name = "sealwatch_processing_latency_seconds";
    let summary = app.counters.latency().summary();
    out.line(format_args!(
        "# HELP {name} From the receipt of a request to its durable commit.\n# TYPE {name} summary"
    ));
    for (quantile, millis) in [("0.5", summary.p50), ("0.95", summary.p95), ("0.99", summary.p99)] {
        out.sample(name, &[("quantile", quantile)], millis / 1_000.0);
    }
    out.sample(&format!("{name}_sum"), &[], summary.sum_secs);
    out.sample(&format!("{name}_count"), &[], summary.count as f64);
    Ok(())
}

fn counted(app: &Appliance, out: &mut Exposition) -> Result<(), CountersError> {
    let totals = app.counters.totals()?;
    let total = |name: &str| totals.get(name).copied().unwrap_or_default() as f64;
    let mut family = |name: &str, help: &str, label: &str, prefix: &str, values: &[&str]| {
        out.family(name, Kind::Counter, help);
        for value in values {
            out.sample(name, &[(label, value)], total(&format!("{prefix}/{value}")));
        }
    };
    let statuses = Status::ALL.map(Status::name);
    family("sealwatch_events_by_status_total", "Stored events by status.", "status", "status", &statuses);
    let verdicts = Verdict::ALL.map(Verdict::name);
    let help = "Stored events by what checking their integrity found.";
    family("sealwatch_events_by_verdict_total", help, "verdict", "verdict", &verdicts);
    let patterns = Pattern::ALL.map(Pattern::name);
    family("sealwatch_alerts_raised_total", "Alerts raised, by pattern.", "pattern", "pattern", &patterns);
    let ring = app.keyring.get();
    let name = "sealwatch_events_by_source_total";
    out.family(name, Kind::Counter, "Stored events by source.");
    for (key, count) in &totals {
        let source = key.strip_prefix("source/").and_then(|number| number.parse().ok());
        if let Some(source) = source {
            out.sample(name, &[("source", &ring.name(SourceId(source)))], *count as f64);
        }
    }
    let counters = [
        ("sealwatch_notifications_total", "Notifications, one a cooldown.", "notifications"),
        ("sealwatch_id_conflicts_total", "Events refused for an id that other content had.", "id_conflicts"),
        ("sealwatch_time_suspect_events_total", "Events from too far in the future.", "time_suspect"),
        ("sealwatch_sign_ins_failed_total", "Failed sign-ins to the appliance itself.", "sign_ins_failed"),
    ];
    for (name, help, key) in counters {
        out.single(name, Kind::Counter, help, total(key));
    }
    Ok(())
}

fn alerts(app: &Appliance, out: &mut Exposition) -> Result<(), StoreError> {
    let counts = app.store.alert_statistics(&Organizations::All)?;
    let name = "sealwatch_alerts";
    out.family(name, Kind::Gauge, "Alerts by where they stand.");
    for status in AlertStatus::ALL {
        let count = counts.by_status.get(&status).copied().unwrap_or_default();
        out.sample(name, &[("status", status.name())], count as f64);
    }
    let name = "sealwatch_open_alerts";
    out.family(name, Kind::Gauge, "Alerts that nobody has closed, by severity.");
    for severity in Severity::ALL {
        let count = counts.open_by_severity.get(&severity).copied().unwrap_or_default();
        out.sample(name, &[("severity", severity.name())], count as f64);
    }
    Ok(())
}

fn detection(app: &Appliance, out: &mut Exposition) {
    use Kind::{Counter, Gauge};
    let stats = *app.detect_stats.lock().expect("no holder of this lock panics");
    let keys = "sealwatch_detect_keys";
    out.family(keys, Gauge, "Keys that have a window, by pattern.");
    for (pattern, count) in Pattern::WINDOWED.iter().zip(stats.keys) {
        out.sample(keys, &[("pattern", pattern.name())], count as f64);
    }
    let evicted = "sealwatch_detect_evicted_keys_total";
    out.family(evicted, Counter, "Windows let go because a source had too many keys, by pattern.");
    for (pattern, count) in Pattern::WINDOWED.iter().zip(stats.evicted_keys) {
        out.sample(evicted, &[("pattern", pattern.name())], count as f64);
    }
    let counters = [
        ("sealwatch_detect_late_events_total", "Events too late for a window.", stats.late),
        (
            "sealwatch_detect_future_events_total",
            "Events too far after their receipt for a window.",
            stats.future,
        ),
        (
            "sealwatch_detect_dropped_positions_total",
            "Positions beyond a window's bound.",
            stats.dropped_positions,
        ),
    ];
    for (name, help, count) in counters {
        out.single(name, Counter, help, count as f64);
    }
    let name = "sealwatch_reader_lag_entries";
    out.family(name, Gauge, "Entries of the log that a reader has not dealt with.");
    let readers =
        [("detect", &app.detected), ("count", &app.counted), ("seal", &app.sealed), ("index", &app.indexed)];
    for (reader, progress) in readers {
        let lag = app.store.size().0.saturating_sub(progress.position().0);
        out.sample(name, &[("reader", reader)], lag as f64);
    }
}

/// The targets are those of the settings, so their names are bounded.
fn targets(app: &Appliance, out: &mut Exposition) -> Result<(), Problem> {
    let targets = target_views(app)?;
    let now = app.clock.now();
    let mut family = |name: &str, help: &str, value: fn(&TargetView, Timestamp) -> f64| {
        out.family(name, Kind::Gauge, help);
        for target in &targets {
            out.sample(name, &[("target", &target.name)], value(target, now));
        }
    };
    family("sealwatch_outbox_waiting", "Notifications on their way, up to 10,000.", |target, _| {
        target.waiting as f64
    });
    family(
        "sealwatch_outbox_oldest_seconds",
        "Age of the notification that waits longest.",
        TargetView::oldest_secs,
    );
    family(
        "sealwatch_notify_dead_letters",
        "Notifications given up and not decided about, up to 10,000.",
        |target, _| target.dead as f64,
    );
    let help = "Whether a target is sent to: 0 yes (closed), 1 one try (half-open), 2 no (open), 3 stopped by hand, 4 gone.";
    family("sealwatch_breaker_state", help, |target, _| match (target.gone, target.breaker) {
        (_, "held") => 3.0,
        (true, _) => 4.0,
        (_, "open") => 2.0,
        (_, "half-open") => 1.0,
        _ => 0.0,
    });
    Ok(())
}

/// How old the oldest event is that cannot be found yet.
fn index(app: &Appliance, out: &mut Exposition) -> Result<(), StoreError> {
    let first = app.store.entry(app.indexed.position())?.and_then(Result::ok);
    let nanos = first.map_or(0, |stored| app.now_received().0.saturating_sub(stored.entry.received_at.0));
    let help = "Time since the receipt of the oldest entry that a search cannot find yet.";
    out.single("sealwatch_index_lag_seconds", Kind::Gauge, help, nanos as f64 / 1e9);
    Ok(())
}

fn process(app: &Appliance, out: &mut Exposition) {
    use Kind::Gauge;
    let name = "sealwatch_health_status";
    out.family(name, Gauge, "How a component is: 0 OK, 1 warning, 2 critical.");
    for (component, found) in app.health.components() {
        out.sample(name, &[("component", component)], f64::from(found.status as u8));
    }
    out.single("sealwatch_log_entries", Gauge, "Entries of the log.", app.store.size().0 as f64);
    if let Some(bytes) = app.store.path().and_then(|path| Some(std::fs::metadata(path).ok()?.len())) {
        out.single("sealwatch_log_file_bytes", Gauge, "Size of log.redb.", bytes as f64);
    }
    if let Some(bytes) = resident_bytes() {
        out.single("sealwatch_process_resident_memory_bytes", Gauge, "Memory of the process.", bytes as f64);
    }
    let uptime = app.started.elapsed().as_secs_f64();
    out.single("sealwatch_process_uptime_seconds", Gauge, "Since the process began.", uptime);
    let name = "sealwatch_build_info";
    out.family(name, Gauge, "1, with the version as a label.");
    out.sample(name, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
}

/// The memory that the process holds; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let mut out = Exposition::default();
        out.sample("m", &[("source", "a\"} 1\nb\\c\u{1b}[2J")], 1.5);
        assert_eq!(out.0, "m{source=\"a\\\"} 1\\nb\\\\c\u{fffd}[2J\"} 1.5\n");
    }
}
