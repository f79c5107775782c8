//! Whether the disk has more room, or less, than when it was last noticed.

use super::{Change, Noticed};
use crate::ingest::{Disk, DiskUse};
use crate::model::{Activity, DiskState};

/// What the row is called.
const ABOUT: &str = "disk";
/// By how much of a hundredth the disk must have more room before that counts, so that one that hovers at a limit does not
/// fill the log.
const SLACK_SHARE: u64 = 100;

pub(super) fn change(disk: &Disk, noticed: &Noticed) -> Option<Change> {
    let usage = disk.usage().ok()?;
    // The last state is told while there is room to do so: as full.
    let state = |usage| disk.state_of(usage).min(DiskState::Full);
    let was = noticed.get(ABOUT).map_or(DiskState::Roomy, |row| state_of(row));
    let (mut now, fuller) = (state(usage), with_slack(usage));
    if now < was {
        now = was.min(state(fuller));
    }
    let how = (now != DiskState::Roomy).then(|| now.name().as_bytes().to_vec());
    let activity = Activity::DiskChanged {
        state: now,
        used_percent: usage.percent().round() as u8,
        free_bytes: usage.free,
    };
    (now != was).then(|| Change { about: ABOUT.to_owned(), how, activity })
}

fn with_slack(usage: DiskUse) -> DiskUse {
    let slack = ((usage.used + usage.free) / SLACK_SHARE).min(usage.free);
    DiskUse { used: usage.used + slack, free: usage.free - slack }
}

fn state_of(row: &[u8]) -> DiskState {
    let states = [DiskState::Scarce, DiskState::Short, DiskState::Full];
    states.into_iter().find(|state| state.name().as_bytes() == row).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::DiskLimits;

    /// The states that are told as the disk comes to each of these percentages in turn.
    fn told(percents: &[u64]) -> Vec<DiskState> {
        let limits =
            DiskLimits { warn_percent: 80, alert_percent: 90, refuse_percent: 95, reserve_bytes: 10 };
        let mut noticed = Noticed::new();
        let mut told = Vec::new();
        for percent in percents {
            let usage = DiskUse { used: percent * 1_000, free: 100_000 - percent * 1_000 };
            let disk = Disk::new(move || Ok(usage), limits);
            if let Some(Change { about, how, activity }) = change(&disk, &noticed) {
                match how {
                    Some(how) => drop(noticed.insert(about, how)),
                    None => drop(noticed.remove(&about)),
                }
                let Activity::DiskChanged { state, .. } = activity else { panic!("it is of the disk") };
                told.push(state);
            }
        }
        told
    }

    #[test]
    fn each_change_is_told_once_in_both_directions() {
        use DiskState::{Full, Roomy, Scarce, Short};
        assert_eq!(told(&[10, 20, 80, 85, 91, 96, 97, 50, 50]), [Scarce, Short, Full, Roomy]);
        assert_eq!(told(&[92, 85, 70]), [Short, Scarce, Roomy]);
    }

    #[test]
    fn a_disk_that_hovers_at_a_limit_is_told_of_once() {
        assert_eq!(told(&[90, 89, 90, 89, 90]), [DiskState::Short]);
        assert_eq!(told(&[90, 88]), [DiskState::Short, DiskState::Scarce]);
    }
}
