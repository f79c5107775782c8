//! The list of what people and the appliance itself did, with its filters.

mod sentence;

use super::address::address;
use super::filter::{self, Choice, InvalidFilter};
use super::frame::{Frame, Section};
use super::time::TimeView;
use super::words;
use crate::model::{ActivityGroup, Entry, Seq};
use askama::Template;
use jiff::Timestamp;
pub use sentence::Sentence;
use serde::Deserialize;

/// How many activities a page of the list shows.
pub const ACTIVITIES_PER_PAGE: usize = 50;

/// What `activity.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "activity.html")]
pub struct ActivityPage {
    /// Around it.
    pub frame: Frame,
    /// What is asked for, as the form's texts.
    pub query: ActivityForm,
    /// The form's choices of kind.
    pub groups: Vec<Choice>,
    /// Whether the caller sees what people did, or steps of alerts only.
    pub sees_all: bool,
    /// Whether anything is filtered.
    pub filtered: bool,
    /// The activities of this page.
    pub rows: Vec<ActivityRow>,
    /// How many entries could not be read, in words.
    pub damaged: Option<String>,
    /// Where a search that took too long has come.
    pub searched_back_to: Option<TimeView>,
    /// The address of the newest ones, where this is not their page.
    pub newest: Option<String>,
    /// The address of what comes before these.
    pub older: Option<String>,
}

/// What was found, for [`ActivityPage::new`].
#[derive(Clone, Debug, Default)]
pub struct FoundActivities {
    /// The rows, newest first.
    pub rows: Vec<ActivityRow>,
    /// How many entries could not be read.
    pub damaged: u64,
    /// Where the next page begins.
    pub below: Option<Seq>,
    /// How far a search came that was given up for want of time.
    pub searched_back_to: Option<Timestamp>,
    /// Whether the caller sees what people did.
    pub sees_all: bool,
}

impl ActivityPage {
    /// The page of what the filter found.
    pub fn new(frame: Frame, filter: &ActivityFilter, found: FoundActivities) -> ActivityPage {
        let at = |below: Option<Seq>| ActivityFilter { below, ..filter.clone() }.address();
        ActivityPage {
            frame: frame.titled("Activity", Section::Activity),
            query: filter.form(),
            groups: filter.choices(found.sees_all),
            sees_all: found.sees_all,
            filtered: ActivityFilter { below: None, ..filter.clone() } != ActivityFilter::default(),
            rows: found.rows,
            damaged: (found.damaged > 0).then(|| words::count(found.damaged)),
            searched_back_to: found.searched_back_to.map(TimeView::from),
            newest: filter.below.is_some().then(|| at(None)),
            older: found.below.map(|below| at(Some(below))),
        }
    }
}

/// One activity as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRow {
    /// The number of its entry.
    pub seq: String,
    /// When.
    pub time: TimeView,
    /// Who did what.
    pub sentence: Sentence,
}

impl ActivityRow {
    /// The row of an entry and the sentence of its body.
    pub fn new(entry: &Entry, sentence: Sentence) -> ActivityRow {
        ActivityRow { seq: words::count(entry.seq.0), time: entry.received_at.into(), sentence }
    }
}

/// What people call a kind.
pub(super) fn group_word(group: ActivityGroup) -> &'static str {
    match group {
        ActivityGroup::Alerts => "Alerts",
        ActivityGroup::Notifications => "Notifications",
        ActivityGroup::People => "People",
        ActivityGroup::Keys => "API keys",
        ActivityGroup::Settings => "Settings",
        ActivityGroup::Searches => "Searches",
        ActivityGroup::Log => "Log",
        ActivityGroup::Input => "Refused input",
        ActivityGroup::Appliance => "Appliance",
    }
}

/// The query of `/activity` as it was written, and the texts of the form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ActivityForm {
    /// The name of a kind.
    pub kind: String,
    /// A name.
    pub person: String,
    /// Not before this.
    pub from: String,
    /// Before this.
    pub to: String,
    /// The number of the entry below which the page begins.
    pub cursor: String,
}

/// What is asked of the list; its address holds all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// Only of this kind.
    pub group: Option<ActivityGroup>,
    /// Only what this person did, or what was done to them.
    pub person: Option<String>,
    /// Not before this.
    pub from: Option<Timestamp>,
    /// Before this.
    pub to: Option<Timestamp>,
    /// Only entries with smaller numbers.
    pub below: Option<Seq>,
}

impl ActivityFilter {
    /// The filter that the query asks for.
    pub fn parse(query: &ActivityForm) -> Result<ActivityFilter, InvalidFilter> {
        let cursor = query.cursor.trim();
        let below = (!cursor.is_empty()).then(|| cursor.parse().map(Seq)).transpose();
        Ok(ActivityFilter {
            group: filter::named("kind", &query.kind, ActivityGroup::from_name)?,
            person: filter::words(&query.person),
            from: filter::instant("from", &query.from)?,
            to: filter::instant("to", &query.to)?,
            below: below.map_err(|_| filter::invalid("cursor", cursor))?,
        })
    }

    /// The address of the list with this filter.
    pub fn address(&self) -> String {
        let instant = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let (from, to, form) = (instant(self.from), instant(self.to), self.form());
        let pairs = [
            ("kind", form.kind.as_str()),
            ("person", &form.person),
            ("from", &from),
            ("to", &to),
            ("cursor", &form.cursor),
        ];
        address("/activity", pairs)
    }

    fn form(&self) -> ActivityForm {
        ActivityForm {
            kind: self.group.map_or("", ActivityGroup::name).to_owned(),
            person: self.person.clone().unwrap_or_default(),
            from: filter::local_input(self.from),
            to: filter::local_input(self.to),
            cursor: self.below.map(|below| below.to_string()).unwrap_or_default(),
        }
    }

    fn choices(&self, sees_all: bool) -> Vec<Choice> {
        let choice = |group: ActivityGroup| Choice {
            value: group.name(),
            word: group_word(group),
            chosen: self.group == Some(group),
        };
        let visible = |group: &ActivityGroup| sees_all || *group == ActivityGroup::Alerts;
        ActivityGroup::ALL.into_iter().filter(visible).map(choice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_the_whole_filter_and_what_means_nothing_is_refused() {
        let query = ActivityForm {
            kind: "people".into(),
            person: " ada ".into(),
            from: "2023-07-10T11:30".into(),
            to: "2023-07-10T12:00:00Z".into(),
            cursor: "17".into(),
        };
        let filter = ActivityFilter::parse(&query).expect("all of it is known");
        let expected = "/activity?kind=people&person=ada&from=2023-07-10T11%3A30%3A00Z\
                        &to=2023-07-10T12%3A00%3A00Z&cursor=17";
        assert_eq!(filter.address(), expected);
        let refused = |query: ActivityForm| ActivityFilter::parse(&query).expect_err("means nothing").field;
        assert_eq!(refused(ActivityForm { kind: "all".into(), ..ActivityForm::default() }), "kind");
        assert_eq!(refused(ActivityForm { cursor: "-1".into(), ..ActivityForm::default() }), "cursor");
    }

    #[test]
    fn only_alerts_can_be_chosen_by_who_sees_no_more() {
        let filter = ActivityFilter::default();
        assert_eq!(filter.choices(false).len(), 1);
        assert_eq!(filter.choices(true).len(), ActivityGroup::ALL.len());
    }
}
