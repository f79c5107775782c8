//! Every number there is, read from where it lies: one list for Prometheus and for OTLP.

use super::api::notify::{TargetView, target_views};
use super::state::Appliance;
use crate::counters::CountersError;
use crate::model::{AlertStatus, Organizations, Pattern, Severity, SourceId, Status, Verdict};
use crate::routing::BreakerState;
use crate::search::INDEX_DIR;
use crate::store::StoreError;
use crate::telemetry::{Amount, ExportDrop, Families, Family, Kind, Step, Unit};
use crate::web::error::Problem;
use crate::web::health::EXPORT;
use jiff::Timestamp;
use std::path::Path;

/// All families.
pub fn families(app: &Appliance) -> Result<Vec<Family>, Problem> {
    let mut out = Families::default();
    intake(app, &mut out)?;
    counted(app, &mut out)?;
    alerts(app, &mut out)?;
    detection(app, &mut out);
    targets(app, &mut out)?;
    index(app, &mut out)?;
    readers(app, &mut out);
    steps(app, &mut out);
    telemetry(app, &mut out);
    process(app, &mut out);
    Ok(out.take())
}

fn intake(app: &Appliance, out: &mut Families) -> Result<(), StoreError> {
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
            out.number(&[("source", &source), ("result", result)], count as f64);
        }
        difference += account.unaccounted();
    }
    let name = "sealwatch_source_missing_numbers";
    out.family(name, Gauge, "Running numbers of a source (sourceSeq) that have not come.");
    for (source, sequence) in app.counters.sequences().unwrap_or_default() {
        out.number(&[("source", &ring.name(source))], sequence.missing as f64);
    }
    let help = "Events that the books cannot account for; anything but 0 is a fault.";
    out.single("sealwatch_intake_unaccounted_events", Gauge, help, difference as f64);
    let help = "Share of the room for incoming requests that is taken, 0 to 1.";
    out.single("sealwatch_intake_room_fill_ratio", Gauge, help, app.admission.fill());
    let help = "Events that wait for their commit.";
    out.single("sealwatch_writer_waiting_events", Gauge, help, app.writer.events_waiting() as f64);
    let summary = app.counters.latency().summary();
    let quantiles = [(0.5, summary.p50), (0.95, summary.p95), (0.99, summary.p99)];
    let quantiles = quantiles.map(|(share, millis)| (share, millis / 1_000.0)).to_vec();
    let name = "sealwatch_processing_latency_seconds";
    out.family(name, Kind::Summary, "From the receipt of a request to its durable commit, by event.");
    out.sample(&[], Amount::Summary { quantiles, sum: summary.sum_secs, count: summary.count });
    Ok(())
}

fn counted(app: &Appliance, out: &mut Families) -> Result<(), CountersError> {
    let totals = app.counters.totals()?;
    let total = |name: &str| totals.get(name).copied().unwrap_or_default() as f64;
    let mut family =
        |name: &'static str, help: &'static str, label: &'static str, prefix: &str, values: &[&str]| {
            out.family(name, Kind::Counter, help);
            for value in values {
                out.number(&[(label, value)], total(&format!("{prefix}/{value}")));
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
            out.number(&[("source", &ring.name(SourceId(source)))], *count as f64);
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

fn alerts(app: &Appliance, out: &mut Families) -> Result<(), StoreError> {
    let counts = app.store.alert_statistics(&Organizations::All)?;
    let name = "sealwatch_alerts";
    out.family(name, Kind::Gauge, "Alerts by where they stand.");
    for status in AlertStatus::ALL {
        let count = counts.by_status.get(&status).copied().unwrap_or_default();
        out.number(&[("status", status.name())], count as f64);
    }
    let name = "sealwatch_open_alerts";
    out.family(name, Kind::Gauge, "Alerts that nobody has closed, by severity.");
    for severity in Severity::ALL {
        let count = counts.open_by_severity.get(&severity).copied().unwrap_or_default();
        out.number(&[("severity", severity.name())], count as f64);
    }
    Ok(())
}

fn detection(app: &Appliance, out: &mut Families) {
    use Kind::{Counter, Gauge};
    let stats = *app.detect_stats.lock().expect("no holder of this lock panics");
    let keys = "sealwatch_detect_keys";
    out.family(keys, Gauge, "Keys that have a window, by pattern.");
    for (pattern, count) in Pattern::WINDOWED.iter().zip(stats.keys) {
        out.number(&[("pattern", pattern.name())], count as f64);
    }
    let evicted = "sealwatch_detect_evicted_keys_total";
    out.family(evicted, Counter, "Windows let go because a source had too many keys, by pattern.");
    for (pattern, count) in Pattern::WINDOWED.iter().zip(stats.evicted_keys) {
        out.number(&[("pattern", pattern.name())], count as f64);
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
}

fn readers(app: &Appliance, out: &mut Families) {
    let readers =
        [("detect", &app.detected), ("count", &app.counted), ("index", &app.indexed), ("seal", &app.sealed)];
    let lag = "sealwatch_reader_lag_entries";
    out.family(lag, Kind::Gauge, "Entries of the log that a reader has not dealt with.");
    for (reader, progress) in readers {
        let lag = app.store.size().0.saturating_sub(progress.position().0);
        out.number(&[("reader", reader)], lag as f64);
    }
    let components = app.health.components();
    let lag = "sealwatch_reader_lag_seconds";
    out.family(
        lag,
        Kind::Gauge,
        "Age of the oldest entry that a reader has not dealt with, when it was last probed.",
    );
    // What signs checkpoints waits on purpose, and is not probed.
    for (reader, _) in &readers[..3] {
        let age = components.get(*reader).and_then(|found| found.details.get("lagSeconds"));
        out.number(&[("reader", *reader)], age.copied().unwrap_or_default());
    }
}

/// The targets are those of the settings, so their names are bounded.
fn targets(app: &Appliance, out: &mut Families) -> Result<(), Problem> {
    let targets = target_views(app)?;
    let now = app.clock.now();
    let mut family = |name: &'static str, help: &'static str, value: fn(&TargetView, Timestamp) -> f64| {
        out.family(name, Kind::Gauge, help);
        for target in &targets {
            out.number(&[("target", &target.name)], value(target, now));
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
    if let Some((breaker, held)) = app.telemetry.export.breaker() {
        let number = if held { 3.0 } else { breaker_number(breaker.state) };
        out.number(&[("target", EXPORT)], number);
    }
    Ok(())
}

/// Bytes of the files right in a directory.
fn dir_bytes(dir: &Path) -> f64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum::<u64>() as f64
}

/// How old the oldest event is that cannot be found yet.
fn index(app: &Appliance, out: &mut Families) -> Result<(), StoreError> {
    let first = app.store.entry(app.indexed.position())?.and_then(Result::ok);
    let nanos = first.map_or(0, |stored| app.now_received().0.saturating_sub(stored.entry.received_at.0));
    let help = "Time since the receipt of the oldest entry that a search cannot find yet.";
    out.single("sealwatch_index_lag_seconds", Kind::Gauge, help, nanos as f64 / 1e9);
    let help = "Size of the search index on disk.";
    out.single("sealwatch_index_bytes", Kind::Gauge, help, dir_bytes(&app.config.data_dir.join(INDEX_DIR)));
    let help = "Steps of readers that failed for good and wait for a decision.";
    out.single("sealwatch_dead_letters", Kind::Gauge, help, app.store.dead_letters_waiting()? as f64);
    Ok(())
}

fn steps(app: &Appliance, out: &mut Families) {
    use Kind::Histogram;
    let name = "sealwatch_step_duration_seconds";
    out.family(
        name,
        Histogram,
        "How long a step of the way took, for each request or each step of a reader.",
    );
    for step in Step::ALL {
        let counts = app.telemetry.tracer.steps().whole(step);
        out.histogram(&[("step", step.name())], Unit::Seconds, &counts);
    }
    let commits = app.writer.stats();
    out.family(
        "sealwatch_writer_commit_duration_seconds",
        Histogram,
        "From the begin of a commit to its end on disk.",
    );
    out.histogram(&[], Unit::Seconds, &commits.time.counts());
    out.family("sealwatch_writer_commit_events", Histogram, "Events of one commit.");
    out.histogram(&[], Unit::Count, &commits.events.counts());
    let help = "Bytes of the events of one commit, as they were received.";
    out.family("sealwatch_writer_commit_bytes", Histogram, help);
    out.histogram(&[], Unit::Count, &commits.bytes.counts());
    out.family("sealwatch_http_requests_total", Kind::Counter, "Requests by the class of their answer.");
    for (class, count) in app.answered.counts() {
        out.number(&[("class", class)], count as f64);
    }
}

fn telemetry(app: &Appliance, out: &mut Families) {
    use Kind::{Counter, Gauge};
    let export = &app.telemetry.export;
    let tallies = export.tallies();
    let help = "Spans, messages and collections of metrics that were to be exported; offered = sent + dropped + waiting.";
    out.family("sealwatch_export_offered_total", Counter, help);
    for (signal, tally) in &tallies {
        out.number(&[("signal", signal)], tally.offered() as f64);
    }
    out.family("sealwatch_export_sent_total", Counter, "Those that the collector took.");
    for (signal, tally) in &tallies {
        out.number(&[("signal", signal)], tally.sent() as f64);
    }
    out.family("sealwatch_export_dropped_total", Counter, "Those that did not get there, by why.");
    for (signal, tally) in &tallies {
        for why in ExportDrop::ALL {
            out.number(&[("signal", signal), ("reason", why.name())], tally.dropped(why) as f64);
        }
    }
    out.family("sealwatch_export_waiting", Gauge, "Those that wait for the collector.");
    for (signal, waiting) in [("traces", export.traces.waiting()), ("logs", export.logs.waiting())] {
        out.number(&[("signal", signal)], waiting as f64);
    }
    out.family("sealwatch_log_messages_lost_total", Counter, "Messages that an output could not take.");
    for (output, lost) in app.telemetry.lost_messages() {
        out.number(&[("output", output)], lost as f64);
    }
}

fn breaker_number(state: BreakerState) -> f64 {
    match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    }
}

fn process(app: &Appliance, out: &mut Families) {
    use Kind::Gauge;
    let name = "sealwatch_health_status";
    out.family(name, Gauge, "How a component is: 0 OK, 1 warning, 2 critical.");
    for (component, found) in app.health.components() {
        out.number(&[("component", component)], f64::from(found.status as u8));
    }
    out.single("sealwatch_log_entries", Gauge, "Entries of the log.", app.store.size().0 as f64);
    if let Some(bytes) = app.store.path().and_then(|path| Some(std::fs::metadata(path).ok()?.len())) {
        out.single("sealwatch_log_file_bytes", Gauge, "Size of log.redb.", bytes as f64);
    }
    let disk = app.health.components().remove("disk").map(|disk| disk.details).unwrap_or_default();
    if let (Some(free), Some(used)) = (disk.get("freeBytes"), disk.get("usedPercent")) {
        let help = "Room left on the disk of the data directory, when it was last probed.";
        out.single("sealwatch_disk_free_bytes", Gauge, help, *free);
        let help = "Share of that disk in use, 0 to 1, when it was last probed.";
        out.single("sealwatch_disk_used_ratio", Gauge, help, used / 100.0);
    }
    if let Some(bytes) = resident_bytes() {
        out.single("sealwatch_process_resident_memory_bytes", Gauge, "Memory of the process.", bytes as f64);
    }
    let uptime = app.started.elapsed().as_secs_f64();
    out.single("sealwatch_process_uptime_seconds", Gauge, "Since the process began.", uptime);
    let name = "sealwatch_build_info";
    out.family(name, Gauge, "1, with the version as a label.");
    out.number(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
}

/// The memory that the process holds; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1_024)
}
