//! The matcher: which alerts a route, a silence or a maintenance window is about; and the silence, made by a person.

use super::{Alert, AlertType, Organizations, Pattern, ReceivedAt, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Which alerts are meant: those that every list allows. An empty list allows all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Matcher {
    /// The least severity.
    pub severity: Option<Severity>,
    /// Areas.
    pub types: BTreeSet<AlertType>,
    /// Patterns.
    pub patterns: BTreeSet<Pattern>,
    /// Organisations.
    pub organizations: BTreeSet<String>,
    /// Tags, one of which the alert must have.
    pub tags: BTreeSet<String>,
    /// Principals, addresses or sources that alerts are about.
    pub keys: BTreeSet<String>,
}

impl Matcher {
    /// Whether the alert is meant.
    pub fn matches(&self, alert: &Alert) -> bool {
        let organization = alert.organization.as_deref();
        self.severity.is_none_or(|least| alert.severity >= least)
            && allows(&self.types, &alert.pattern.alert_type())
            && allows(&self.patterns, &alert.pattern)
            && (self.organizations.is_empty()
                || organization.is_some_and(|name| self.organizations.contains(name)))
            && (self.tags.is_empty() || alert.tags().iter().any(|tag| self.tags.contains(tag)))
            && allows(&self.keys, &alert.key)
    }

    /// Whether it names anything at all.
    pub fn is_empty(&self) -> bool {
        *self == Matcher::default()
    }

    /// Whether it can match something that lies within `scope`.
    pub fn may_touch(&self, scope: &Organizations) -> bool {
        match scope {
            Organizations::All => true,
            Organizations::Only(names) => {
                self.organizations.is_empty() || !self.organizations.is_disjoint(names)
            }
        }
    }

    /// The same without the organisations that do not lie within `scope`, for whoever may not see those.
    fn reduced_to(&self, scope: &Organizations) -> Matcher {
        let organizations = match scope {
            Organizations::All => self.organizations.clone(),
            Organizations::Only(names) => self.organizations.intersection(names).cloned().collect(),
        };
        // Keys are of any organisation, and may be of none of theirs.
        let keys = if self.is_within(scope) { self.keys.clone() } else { BTreeSet::new() };
        Matcher { organizations, keys, ..self.clone() }
    }

    /// Whether all that it can match lies within `scope`.
    pub fn is_within(&self, scope: &Organizations) -> bool {
        match scope {
            Organizations::All => true,
            Organizations::Only(names) => {
                !self.organizations.is_empty() && self.organizations.is_subset(names)
            }
        }
    }
}

fn allows<T: Ord>(list: &BTreeSet<T>, value: &T) -> bool {
    list.is_empty() || list.contains(value)
}

/// Quiet on purpose: until its end, alerts that match are recorded as ever and nobody is told. Made and ended by
/// people; kept afterwards, because it explains why someone was not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    /// Random.
    pub id: Uuid,
    /// What it is about.
    pub matcher: Matcher,
    /// Who made it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was made, and began.
    pub created_at: ReceivedAt,
    /// When it ends, or was ended.
    pub ends_at: ReceivedAt,
}

impl Silence {
    /// Whether it mutes the alert at that time.
    pub fn mutes(&self, alert: &Alert, now: ReceivedAt) -> bool {
        self.is_in_force(now) && self.matcher.matches(alert)
    }

    /// As much of it as whoever is bound to `scope` may read, and whether that is less than it says: of one that is about
    /// others as well neither who made it and why, nor whom it names, nor which other organisations.
    pub fn seen_within(self, scope: &Organizations) -> (Silence, bool) {
        if self.matcher.is_within(scope) {
            return (self, false);
        }
        let matcher = self.matcher.reduced_to(scope);
        let by = "an administrator".to_owned();
        let reason = "it is about other organisations as well".to_owned();
        (Silence { matcher, by, reason, ..self }, true)
    }

    /// Whether it has not ended.
    pub fn is_in_force(&self, now: ReceivedAt) -> bool {
        now < self.ends_at
    }
}
