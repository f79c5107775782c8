//! What a caller asks of the activities: kinds, people and times, always within what the caller may see.

use super::{Activity, Caller, Entry, Organizations, ReceivedAt, Seq, SourceId};
use std::collections::BTreeSet;

/// A kind of doing, as people filter by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActivityGroup {
    /// Alerts and every step of their life.
    Alerts,
    /// Who was told, and what kept it from being said.
    Notifications,
    /// Users, and who signed in and out.
    People,
    /// API keys.
    Keys,
    /// Changes of settings.
    Settings,
    /// Searches, and what was taken out.
    Searches,
    /// What concerns the log itself: its keys, its checks, its silences.
    Log,
    /// What sources sent that is no event of the log.
    Input,
    /// What the appliance noticed of itself and its sources: its disk, its clock, its books, silences.
    Appliance,
}

impl ActivityGroup {
    /// Every one.
    pub const ALL: [ActivityGroup; 9] = [
        ActivityGroup::Alerts,
        ActivityGroup::Notifications,
        ActivityGroup::People,
        ActivityGroup::Keys,
        ActivityGroup::Settings,
        ActivityGroup::Searches,
        ActivityGroup::Log,
        ActivityGroup::Input,
        ActivityGroup::Appliance,
    ];

    /// The name in addresses and answers.
    pub fn name(self) -> &'static str {
        match self {
            ActivityGroup::Alerts => "alerts",
            ActivityGroup::Notifications => "notifications",
            ActivityGroup::People => "people",
            ActivityGroup::Keys => "keys",
            ActivityGroup::Settings => "settings",
            ActivityGroup::Searches => "searches",
            ActivityGroup::Log => "log",
            ActivityGroup::Input => "input",
            ActivityGroup::Appliance => "appliance",
        }
    }

    /// The group of that name.
    pub fn from_name(name: &str) -> Option<ActivityGroup> {
        ActivityGroup::ALL.into_iter().find(|group| group.name() == name)
    }
}

/// Which activities a caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivityScope {
    /// All of them.
    Everything,
    /// The steps of alerts of these organisations, and nothing that people did elsewhere.
    AlertsOf(Organizations),
}

impl ActivityScope {
    /// What people did is for those who audit everyone: a search or a setting belongs to no organisation.
    pub fn of(caller: &Caller) -> ActivityScope {
        if caller.rights.audit && caller.organizations == Organizations::All {
            return ActivityScope::Everything;
        }
        ActivityScope::AlertsOf(caller.organizations.clone())
    }
}

/// Which activities are asked for, the newest first. Empty sets and `None` do not restrict.
#[derive(Clone, Debug)]
pub struct ActivityQuery {
    /// What the caller may see.
    pub scope: ActivityScope,
    /// Kinds.
    pub groups: BTreeSet<ActivityGroup>,
    /// The name of whoever did it, or to whom it was done.
    pub person: Option<String>,
    /// The source that `person` names, where it names an API key.
    pub source: Option<SourceId>,
    /// Time of receipt, the first that counts.
    pub from: Option<ReceivedAt>,
    /// Time of receipt, the first that counts no more.
    pub before: Option<ReceivedAt>,
    /// Only entries with smaller numbers: where an earlier page ended.
    pub below: Option<Seq>,
    /// How many at most.
    pub limit: usize,
}

impl ActivityQuery {
    /// The newest activities of that scope.
    pub fn newest(scope: ActivityScope, limit: usize) -> ActivityQuery {
        ActivityQuery {
            scope,
            groups: BTreeSet::new(),
            person: None,
            source: None,
            from: None,
            before: None,
            below: None,
            limit,
        }
    }

    /// Whether the activity is one of those asked for, but for whose alert it is about.
    pub fn matches(&self, entry: &Entry, activity: &Activity) -> bool {
        (self.scope == ActivityScope::Everything || activity.alert().is_some())
            && self.from.is_none_or(|from| entry.received_at >= from)
            && self.before.is_none_or(|before| entry.received_at < before)
            && (self.groups.is_empty() || self.groups.contains(&activity.group()))
            && self.person.as_deref().is_none_or(|person| {
                [activity.by(), activity.about()].contains(&Some(person))
                    || self.source.is_some_and(|source| source == entry.source)
            })
    }
}
