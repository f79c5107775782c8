//! A run of commits on a disk that fails at each of its operations in turn: reopened, it holds what was acknowledged.

use super::disk::{Disk, Fault};
use super::*;

/// Commits of a run.
const COMMITS: u64 = 8;
/// Power cuts with other sectors lost, at each operation.
const CUTS: u64 = 2;

/// What can be told from outside after a number of commits.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    size: Seq,
    events: u64,
    accounts: Vec<(SourceId, Account)>,
    firings: u64,
    position: Seq,
    answered: Vec<bool>,
}

impl Seen {
    fn of(store: &Store) -> Seen {
        Seen {
            size: store.size(),
            events: store.events(),
            accounts: store.accounts().expect("it reads"),
            firings: alerts(store).iter().map(|alert| alert.occurrences).sum(),
            position: store.detection_state().expect("it reads").0,
            answered: (0..COMMITS).map(|n| is_answered(store, n)).collect(),
        }
    }
}

fn answer_key(n: u64) -> AnswerKey {
    AnswerKey::new("key:faults", &n.to_string())
}

fn is_answered(store: &Store, n: u64) -> bool {
    let txn = store.begin(now(n)).expect("it reads");
    !matches!(txn.remembered(answer_key(n), &[n as u8; 32]).expect("it reads"), Remembered::Nothing)
}

/// The texts of commit `n`: few short ones, or many that do not compress, so that the file grows.
fn texts(n: u64) -> Vec<String> {
    use sha2::{Digest, Sha256};
    let (count, long) = if n == 3 { (80, 30) } else { (1 + n % 3, 1) };
    let digest = |m: u64, k: u64| hex::encode(Sha256::digest(format!("{n} {m} {k}")));
    (0..count).map(|m| (0..long).map(|k| digest(m, k)).collect()).collect()
}

fn drafts(store: &Store, n: u64, texts: &[String]) -> Vec<Draft> {
    let id = |m: usize| n.is_multiple_of(2).then_some(u128::from(n) << 32 | m as u128);
    let texts = texts.iter().enumerate();
    texts.map(|(m, text)| draft(store, id(m), text, "2024-01-01T00:00:00Z")).collect()
}

/// One commit as the appliance makes them: events and their books, an answer that is kept, an alert, a checkpoint.
fn commit(store: &Store, n: u64, texts: &[String]) -> Result<(), StoreError> {
    let mut txn = store.begin(now(n))?;
    let drafts = drafts(store, n, texts);
    let count = drafts.len() as u64;
    txn.append_events(drafts)?;
    txn.account(SourceId(1), Account { received: count, stored: count, ..Account::default() })?;
    txn.remember(answer_key(n), &[n as u8; 32], &Answer { status: 202, body: vec![n as u8; 100] })?;
    if n % 3 == 1 {
        txn.apply_detection(&firing_step(n * 1_000))?;
    }
    txn.commit()
}

/// What a whole run looks like after each commit, the empty log first, and how many operations it takes.
struct Plan {
    empty: Vec<u8>,
    texts: Vec<Vec<String>>,
    seen: Vec<Seen>,
    operations: u64,
}

impl Plan {
    fn new() -> Plan {
        let texts: Vec<Vec<String>> = (0..COMMITS).map(texts).collect();
        let disk = Disk::with(Vec::new(), Fault::NONE);
        drop(Store::open_on(disk.clone(), now(0)).expect("the disk works"));
        let empty = disk.content();
        let disk = Disk::with(empty.clone(), Fault::NONE);
        let store = Store::open_on(disk.clone(), now(0)).expect("the disk works");
        let mut seen = vec![Seen::of(&store)];
        for (n, texts) in (0..).zip(&texts) {
            commit(&store, n, texts).expect("the disk works");
            seen.push(Seen::of(&store));
        }
        drop(store);
        Plan { empty, texts, seen, operations: disk.operations() }
    }

    /// Runs until the disk fails; answers how many commits were acknowledged, and the disk.
    fn run(&self, fault: Fault) -> (usize, Disk) {
        let disk = Disk::with(self.empty.clone(), fault);
        let Ok(store) = Store::open_on(disk.clone(), now(0)) else { return (0, disk) };
        let failed = (0..).zip(&self.texts).position(|(n, texts)| commit(&store, n, texts).is_err());
        (failed.unwrap_or(self.texts.len()), disk)
    }

    /// What is wrong with what was found on the disk afterwards.
    fn fault_in(&self, content: Vec<u8>, acknowledged: usize) -> Option<String> {
        let disk = Disk::with(content, Fault::NONE);
        let store = match Store::open_on(disk, now(100)) {
            Ok(store) => store,
            Err(error) => return Some(format!("it does not open: {error}")),
        };
        let seen = Seen::of(&store);
        // The commit that failed may have come through all the same, but whole, and no more than that one.
        let possible = &self.seen[acknowledged..=(acknowledged + 1).min(self.seen.len() - 1)];
        let Some(found) = possible.iter().position(|possible| *possible == seen) else {
            return Some(format!("{acknowledged} commits were acknowledged, and it holds {seen:?}"));
        };
        let report = checked(&store);
        if !report.is_whole() {
            return Some(format!("a check finds {:?}", report.first_finding()));
        }
        let sent = self.texts[..acknowledged + found].iter().flatten();
        if !texts_of(&store).iter().eq(sent) {
            return Some("the events are not those that were sent, in their order".to_owned());
        }
        append(&store, vec![draft(&store, Some(u128::MAX), "fresh", "2024-01-02T00:00:00Z")]);
        (store.events() != seen.events + 1).then(|| "it takes no fresh event".to_owned())
    }
}

/// The texts that the events carry, in the order of the log.
fn texts_of(store: &Store) -> Vec<String> {
    let entries = (0..store.size().0).filter_map(|seq| store.entry(Seq(seq)).expect("it reads"));
    let entries = entries.map(|read| read.expect("it is whole").entry);
    let events = entries.filter(|entry| entry.kind == EntryKind::Event);
    let event = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).expect("JSON");
    events.map(|entry| event(&entry.body)["principalId"].as_str().expect("a text").to_owned()).collect()
}

/// Numbers by chance (splitmix64), the same for each run of the tests.
fn chance(seed: u64) -> impl FnMut() -> bool {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}

#[test]
fn whatever_operation_the_disk_fails_at_what_was_acknowledged_is_there_when_it_is_opened_again() {
    let plan = Plan::new();
    assert!(plan.operations > 100, "{} operations are hardly a run", plan.operations);
    let mut in_doubt = 0;
    for after in 0..plan.operations {
        for (once, torn) in [(false, false), (true, false), (false, true)] {
            let fault = Fault { after, once, torn, lies: false };
            let (acknowledged, disk) = plan.run(fault);
            let wrong = plan.fault_in(disk.content(), acknowledged);
            assert_eq!(wrong, None, "{fault:?}");
            in_doubt += u64::from(acknowledged < COMMITS as usize);
        }
    }
    assert!(in_doubt > plan.operations, "most of the faults met a commit");
}

#[test]
fn whenever_the_power_is_cut_what_was_acknowledged_is_there_afterwards() {
    let plan = Plan::new();
    for after in 0..plan.operations {
        let (acknowledged, disk) = plan.run(Fault { after, ..Fault::NONE });
        for cut in 0..CUTS {
            let content = disk.content_after_power_cut(chance(after << 8 | cut));
            let wrong = plan.fault_in(content, acknowledged);
            assert_eq!(wrong, None, "after {after} operations, cut {cut}");
        }
    }
}

/// The control of the two above: they must be able to see a loss.
#[test]
fn a_disk_that_only_says_that_it_has_synced_is_seen_to_lose_what_was_acknowledged() {
    let plan = Plan::new();
    let mut seen = 0;
    for after in (0..plan.operations).step_by(7) {
        let (acknowledged, disk) = plan.run(Fault { after, lies: true, ..Fault::NONE });
        let content = disk.content_after_power_cut(chance(after));
        // What is left may be so bad that opening it panics, which is loss enough.
        let lost = std::panic::catch_unwind(|| plan.fault_in(content, acknowledged).is_some());
        seen += u64::from(lost.unwrap_or(true));
    }
    assert!(seen > 10, "{seen} losses were seen");
}
