//! Whether a source has sent nothing for longer than it may.

use super::{Change, Noticed};
use crate::model::{Activity, ReceivedAt};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the name of each row begins with.
const ABOUT: &str = "silence/";

/// Whether the source of that name has been silent for longer than it may, by what was noticed.
pub fn is_silent(source: &str, noticed: &BTreeMap<String, Vec<u8>>) -> bool {
    noticed.contains_key(&about(source))
}

fn about(source: &str) -> String {
    format!("{ABOUT}{source}")
}

/// How long sources may be silent, and when nobody could hear them.
pub(super) struct Silences {
    allowed: BTreeMap<String, Duration>,
    /// From when to when the appliance did not run before this start: what it could not hear is no silence.
    deaf: (ReceivedAt, ReceivedAt),
}

impl Silences {
    pub(super) fn new(
        allowed: BTreeMap<String, Duration>,
        ran_until: ReceivedAt,
        began: ReceivedAt,
    ) -> Silences {
        Silences { allowed, deaf: (ran_until.min(began), began) }
    }

    /// The sources that have fallen silent, and those that are heard again. `seen` says when each was heard last.
    pub(super) fn changes(
        &self,
        seen: &BTreeMap<String, ReceivedAt>,
        now: ReceivedAt,
        noticed: &Noticed,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for (source, allowed) in &self.allowed {
            let about = about(source);
            let last_seen = seen.get(source).copied();
            let how = last_seen.unwrap_or_default().0.to_le_bytes().to_vec();
            let was = noticed.get(&about);
            if self.silent_for(last_seen, now) > *allowed {
                let (source, silence_secs) = (source.clone(), allowed.as_secs());
                let activity = Activity::SourceSilent { source, last_seen, silence_secs };
                if was != Some(&how) {
                    changes.push(Change { about, how: Some(how), activity });
                }
            } else if was.is_some_and(|was| *was != how) {
                let activity = Activity::SourceHeard { source: source.clone() };
                changes.push(Change { about, how: None, activity });
            }
        }
        changes
    }

    fn silent_for(&self, last_seen: Option<ReceivedAt>, now: ReceivedAt) -> Duration {
        let (from, to) = self.deaf;
        // One that was never heard of is waited for from this start on.
        let since = last_seen.unwrap_or(to);
        let deaf = if since < to { to.0 - from.0.max(since.0) } else { 0 };
        Duration::from_nanos(now.0.saturating_sub(since.0).saturating_sub(deaf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> ReceivedAt {
        ReceivedAt(secs * 1_000_000_000)
    }

    fn silences() -> Silences {
        // It ran until 100 and was started again at 1,000.
        let allowed = BTreeMap::from([("app".to_owned(), Duration::from_secs(60))]);
        Silences::new(allowed, at(100), at(1_000))
    }

    fn told(last_seen: Option<u64>, now: u64, noticed: &mut Noticed) -> Option<&'static str> {
        let seen = last_seen.map(|secs| ("app".to_owned(), at(secs))).into_iter().collect();
        let changes = silences().changes(&seen, at(now), noticed);
        let [Change { about, how, activity }] = &changes[..] else { return None };
        match how {
            Some(how) => drop(noticed.insert(about.clone(), how.clone())),
            None => drop(noticed.remove(about)),
        }
        match activity {
            Activity::SourceSilent { .. } => Some("silent"),
            Activity::SourceHeard { .. } => Some("heard"),
            _ => panic!("{activity:?}"),
        }
    }

    #[test]
    fn a_silence_is_told_once_and_its_end_too() {
        let mut noticed = Noticed::new();
        assert_eq!(told(Some(1_010), 1_070, &mut noticed), None);
        assert_eq!(told(Some(1_010), 1_071, &mut noticed), Some("silent"));
        assert_eq!(told(Some(1_010), 5_000, &mut noticed), None, "whether or not there was a restart");
        assert_eq!(told(Some(5_001), 5_002, &mut noticed), Some("heard"));
        assert_eq!(told(Some(5_001), 5_003, &mut noticed), None);
        assert_eq!(told(Some(5_001), 5_062, &mut noticed), Some("silent"));
    }

    #[test]
    fn the_time_in_which_nobody_could_hear_it_is_no_silence() {
        assert_eq!(told(Some(90), 1_050, &mut Noticed::new()), None);
        assert_eq!(told(Some(90), 1_051, &mut Noticed::new()), Some("silent"));
        assert_eq!(told(None, 1_060, &mut Noticed::new()), None);
        assert_eq!(told(None, 1_061, &mut Noticed::new()), Some("silent"));
        // The clock went back: what was heard lies in the future.
        assert_eq!(told(Some(9_000), 1_061, &mut Noticed::new()), None);
    }
}
