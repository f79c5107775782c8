//! Who acts most, in bounded memory: the Space-Saving sketch of Metwally, Agrawal and El Abbadi (2005).

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Principals that one hour keeps apart. Whoever makes more than 1/256 of the hour's events is surely among
/// them.
const KEPT: usize = 256;
/// Characters of a name that are kept.
const NAME_CHARS: usize = 200;

/// The busiest principals of one hour. A count may be too high by what the one it replaced had, never too
/// low.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Busiest {
    counts: Vec<PrincipalCount>,
    #[serde(skip)]
    places: HashMap<(Option<String>, String), usize>,
}

/// How much one principal did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalCount {
    /// Whose principal.
    pub organization: Option<String>,
    /// Who.
    pub principal: String,
    /// Events.
    pub events: u64,
    /// Events with `status` `failure`.
    pub failures: u64,
}

impl Busiest {
    /// Counts one event.
    pub fn add(&mut self, organization: Option<&str>, principal: &str, failed: bool) {
        let principal: String = principal.chars().take(NAME_CHARS).collect();
        let organization = organization.map(|name| name.chars().take(NAME_CHARS).collect());
        let (events, failures) = (1, u64::from(failed));
        self.merge_one(PrincipalCount { organization, principal, events, failures });
    }

    /// Adds the counts of another hour, or of the same one counted elsewhere.
    pub fn merge(&mut self, other: &Busiest) {
        other.counts.iter().for_each(|count| self.merge_one(count.clone()));
    }

    fn merge_one(&mut self, more: PrincipalCount) {
        if self.places.len() != self.counts.len() {
            self.find_places();
        }
        let key = (more.organization.clone(), more.principal.clone());
        if let Some(&place) = self.places.get(&key) {
            self.counts[place].events += more.events;
            self.counts[place].failures += more.failures;
        } else if self.counts.len() < KEPT {
            self.places.insert(key, self.counts.len());
            self.counts.push(more);
        } else {
            self.replace_least(key, more);
        }
    }

    fn replace_least(&mut self, key: (Option<String>, String), more: PrincipalCount) {
        let least = (0..self.counts.len()).min_by_key(|place| self.counts[*place].events);
        let place = least.expect("the sketch is full");
        let gone = &self.counts[place];
        self.places.remove(&(gone.organization.clone(), gone.principal.clone()));
        let events = gone.events + more.events;
        self.places.insert(key, place);
        self.counts[place] = PrincipalCount { events, ..more };
    }

    /// After reading back: the table of places is not kept.
    fn find_places(&mut self) {
        let keys = self.counts.iter().map(|count| (count.organization.clone(), count.principal.clone()));
        self.places = keys.enumerate().map(|(place, key)| (key, place)).collect();
    }

    /// The counts, the busiest first.
    pub fn ranked(&self) -> Vec<PrincipalCount> {
        let mut counts = self.counts.clone();
        counts.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.principal.cmp(&b.principal)));
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_survive_a_flood_of_others() {
        let mut busiest = Busiest::default();
        for n in 0..10_000 {
            busiest.add(Some("acme"), &format!("passer-by-{n}"), false);
            if n % 10 == 0 {
                busiest.add(Some("acme"), "mallory", true);
            }
        }
        let ranked = busiest.ranked();
        assert_eq!(ranked.len(), KEPT);
        let mallory =
            ranked.iter().find(|count| count.principal == "mallory").expect("mallory made 1/11 of all");
        assert!(mallory.events >= 1_000 && mallory.failures == 1_000, "{mallory:?}");
    }

    #[test]
    fn what_was_read_back_goes_on_counting() {
        let mut busiest = Busiest::default();
        busiest.add(None, "alice", false);
        let json = serde_json::to_vec(&busiest).expect("it has only string keys");
        let mut read: Busiest = serde_json::from_slice(&json).expect("it was just written");
        read.add(None, "alice", true);
        let alice = PrincipalCount { organization: None, principal: "alice".into(), events: 2, failures: 1 };
        assert_eq!(read.ranked(), [alice]);
    }
}
