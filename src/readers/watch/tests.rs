//! Rounds of the watch over a log on a real disk, with a clock and a gauge that the test moves.

use super::*;
use crate::ingest::{DiskLimits, DiskUse, WriterTask};
use crate::model::{EntryKind, Seq};
use crate::readers::small_log::SmallLog;
use crate::store::{Account, FailedStep, Steps};
use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;

/// The host as the test has it: what its clock says, and how much of its disk is in use, in percent.
#[derive(Clone)]
struct Host(Arc<Mutex<(Timestamp, u64)>>);

impl Host {
    fn new() -> Host {
        Host(Arc::new(Mutex::new((Timestamp::from_second(1_800_000_000).expect("a time"), 10))))
    }

    fn turn_clock(&self, by_secs: i64) {
        self.0.lock().expect("nobody panics").0 += SignedDuration::from_secs(by_secs);
    }

    fn fill_disk(&self, percent: u64) {
        self.0.lock().expect("nobody panics").1 = percent;
    }

    fn clock(&self) -> Clock {
        let host = self.0.clone();
        Clock::new(move || host.lock().expect("nobody panics").0)
    }

    fn disk(&self) -> Disk {
        let host = self.0.clone();
        let limits =
            DiskLimits { warn_percent: 80, alert_percent: 90, refuse_percent: 95, reserve_bytes: 10 };
        let gauge = move || {
            let used = host.lock().expect("nobody panics").1 * 100;
            Ok(DiskUse { used, free: 10_000 - used })
        };
        Disk::new(gauge, limits)
    }
}

struct Running {
    _dir: tempfile::TempDir,
    store: Arc<Store>,
    writer: Writer,
    task: WriterTask,
    watch: WatchReader,
}

fn start(host: &Host) -> Running {
    let clock = host.clock();
    let SmallLog { dir, store, writer, task } = SmallLog::open(&clock, host.disk());
    let counters = Counters::open(&dir.path().join("counters"), &store.log_id(), store.size());
    let watched = Watched {
        store: store.clone(),
        writer: writer.clone(),
        counters: Arc::new(counters.expect("a new directory").0),
        counted: Progress::at(Seq(0)),
        deliveries: DeliveryBoard::default(),
        disk: host.disk(),
        clock,
        keys: Box::new(|| Arc::new(Keyring::new(Vec::new(), None))),
    };
    let settings = WatchSettings {
        clock_jump: Duration::from_secs(5),
        silence: BTreeMap::new(),
        dead_letters_max: 10,
        dead_letters_kept: Duration::from_secs(60),
        targets: vec!["desk".to_owned()],
        broken_after: Duration::from_secs(300),
        ran_until: ReceivedAt(0),
    };
    let watch = WatchReader::new(watched, settings);
    Running { _dir: dir, store, writer, task, watch }
}

impl Running {
    async fn round(&mut self, steady: Instant) {
        self.watch.round(steady).await.expect("the disk works");
    }

    async fn stop(self) {
        self.writer.stop().await;
        self.task.join().expect("the disk works");
    }

    /// What was entered since the log was made.
    fn entered(&self) -> Vec<Activity> {
        let entries = (1..self.store.size().0).map(|seq| {
            let read = self.store.entry(Seq(seq)).expect("it reads").expect("it is there");
            read.expect("it is whole").entry
        });
        let entries = entries.filter(|entry| entry.kind == EntryKind::Activity);
        entries.map(|entry| serde_json::from_slice(&entry.body).expect("an activity")).collect()
    }
}

#[tokio::test]
async fn a_jump_of_the_clock_is_entered_and_does_not_reorder_the_log() {
    let host = Host::new();
    let mut running = start(&host);
    let steady = Instant::now();
    running.round(steady).await;
    let passed = |secs| steady + Duration::from_secs(secs);
    for (by, at) in [(5, 5), (-3_600, 10), (7_200, 15), (5, 20)] {
        host.turn_clock(by);
        running.round(passed(at)).await;
    }
    let jumps: Vec<i64> = running
        .entered()
        .into_iter()
        .map(|activity| match activity {
            Activity::ClockJumped { by_ms } => by_ms / 1_000,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(jumps, [-3_605, 7_195]);
    let received = |seq| running.store.entry(Seq(seq)).expect("it reads").expect("it is there");
    let received = |seq| received(seq).expect("it is whole").entry.received_at;
    assert!(received(0) <= received(1) && received(1) <= received(2));
    running.stop().await;
}

#[tokio::test]
async fn a_disk_that_fills_up_and_is_emptied_is_entered_once_each() {
    let host = Host::new();
    let mut running = start(&host);
    for percent in [50, 91, 91, 96, 100, 96, 20, 20] {
        host.fill_disk(percent);
        running.round(Instant::now()).await;
    }
    let states: Vec<DiskState> = running
        .entered()
        .into_iter()
        .map(|activity| match activity {
            Activity::DiskChanged { state, .. } => state,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(states, [DiskState::Short, DiskState::Full, DiskState::Roomy]);
    running.stop().await;
}

#[tokio::test]
async fn events_that_are_unaccounted_for_are_entered_once() {
    let mut running = start(&Host::new());
    let account = Account { received: 3, stored: 1, ..Account::default() };
    running.writer.commit(move |txn| txn.account(SourceId(4), account)).await.expect("the disk works");
    for _ in 0..=BOOKS_EVERY {
        running.round(Instant::now()).await;
    }
    let entered = running.entered();
    assert!(matches!(entered[..], [Activity::BooksDiffer { received: 3, stored: 1, .. }]), "{entered:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_dead_letter_about_which_nobody_decided_is_given_up_in_time_and_stays_in_the_log() {
    let host = Host::new();
    let mut running = start(&host);
    let fail = |seq| Steps {
        failed: vec![FailedStep { seq: Seq(seq), cause: "the test said so".to_owned() }],
        done: Vec::new(),
    };
    for (seq, wait) in [(0, 30), (1, 30)] {
        running
            .writer
            .commit(move |txn| txn.enter_steps("detect", &fail(seq)))
            .await
            .expect("the disk works");
        host.turn_clock(wait);
    }
    let waiting = |running: &Running| {
        let letters = running.store.dead_letters().expect("it reads");
        letters.into_iter().map(|letter| letter.id).collect::<Vec<_>>()
    };
    // The first failed a minute ago, which is as long as they are kept.
    running.round(Instant::now()).await;
    assert_eq!(waiting(&running), ["step/detect/0", "step/detect/1"]);
    host.turn_clock(1);
    for _ in 0..BOOKS_EVERY {
        running.round(Instant::now()).await;
    }
    assert_eq!(waiting(&running), ["step/detect/1"]);
    let given_up = running.entered().into_iter().find_map(|activity| match activity {
        Activity::DeadLettersDiscarded { ids, by, .. } => Some((ids, by)),
        _ => None,
    });
    assert_eq!(given_up, Some((vec!["step/detect/0".to_owned()], "sealwatch".to_owned())));
    let told = running.entered().into_iter().any(
        |activity| matches!(activity, Activity::DeadLetterKept { cause, .. } if cause == "the test said so"),
    );
    assert!(told, "its cause stays in the log: {:?}", running.entered());
    running.stop().await;
}
