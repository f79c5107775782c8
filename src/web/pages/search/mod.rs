//! The search: what a text finds among events and alerts, how that is spread, and by what it can be narrowed.

pub mod narrow;
mod state;

pub use state::{QuickRange, SearchQuery, SearchSort, SearchState};

use super::address::address;
use super::alerts::AlertRow;
use super::events::{self, EventRow};
use super::filter::{self, Choice};
use super::frame::{Frame, Section};
use super::{text, words};
use crate::model::{Alert, Pattern, SavedSearch};
use crate::search_text::SearchTextError;
use crate::web::chart::Svg;
use crate::web::chart::histogram::{self, Bar, Steps};
use askama::Template;
use jiff::Timestamp;

/// Events of one page.
pub const HITS_PER_PAGE: usize = 25;
/// Values of each facet that the page shows.
pub const VALUES_SHOWN: usize = 6;
/// Alerts that it shows.
pub const ALERTS_SHOWN: usize = 3;
/// Bytes of the address of the page itself; each of its links that go on has it in it.
pub const ADDRESS_BYTES_MAX: usize = 3_000;
/// Bytes of a link of which there are many.
const LINK_BYTES_MAX: usize = 400;
/// Characters on both sides of the place where a text cannot be read.
const AROUND_CHARS: usize = 40;

/// What `search.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "search.html")]
pub struct SearchPage {
    /// Around it.
    pub frame: Frame,
    /// The search text, as the form has it.
    pub text: String,
    /// The form's times.
    pub from: String,
    /// The end of them.
    pub to: String,
    /// The time back from now that is in force, so that the form keeps it.
    pub range: &'static str,
    /// The times back from now.
    pub ranges: Vec<RangeLink>,
    /// The form's choices of order.
    pub sorts: Vec<Choice>,
    /// The conditions that can be taken out.
    pub conditions: Vec<ConditionView>,
    /// What was found, or why nothing could be.
    pub outcome: Outcome,
    /// This page from its beginning, for whoever comes back to it.
    pub here: String,
    /// The searches that the user keeps; nothing for programs.
    pub saved: Option<SavedView>,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was answered.
    Found(Box<FoundView>),
    /// The text cannot be read.
    Unread(UnreadView),
    /// The index is being made; so much of it is done, in percent.
    NotReady(u8),
    /// It cannot be answered as it is.
    Refused(String),
}

/// A time back from now, as a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeLink {
    /// What people read.
    pub word: &'static str,
    /// Where it leads.
    pub href: String,
    /// Whether it is in force.
    pub chosen: bool,
}

/// A condition that a click made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionView {
    /// The field, in words.
    pub word: &'static str,
    /// The value.
    pub value: String,
    /// Whether it keeps out what has the value.
    pub negated: bool,
    /// The search without it.
    pub href: String,
}

/// Where a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadView {
    /// What is wrong.
    pub message: String,
    /// The text before the place, as much of it as helps.
    pub before: String,
    /// The character at the place; empty at the end.
    pub at: String,
    /// The text behind it.
    pub after: String,
    /// Blanks up to the place.
    pub indent: String,
}

impl UnreadView {
    /// What there is to say of a text and its fault.
    pub fn new(written: &str, fault: &SearchTextError) -> UnreadView {
        let characters: Vec<char> = written.chars().collect();
        let at = (fault.position - 1).min(characters.len());
        let shown = |characters: &[char]| text::visible(&characters.iter().collect::<String>());
        let start = at.saturating_sub(AROUND_CHARS);
        let mut before = shown(&characters[start..at]);
        if start > 0 {
            before.insert(0, '…');
        }
        let mut rest = characters[at..].chunks(AROUND_CHARS);
        let near = rest.next().unwrap_or_default();
        let (place, behind) = near.split_at(near.len().min(1));
        let mut after = shown(behind);
        if rest.next().is_some() {
            after.push('…');
        }
        UnreadView {
            message: format!("Character {}: {}", words::count(fault.position as u64), fault.what),
            indent: " ".repeat(before.chars().count()),
            at: shown(place),
            before,
            after,
        }
    }
}

/// The searches that a user keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedView {
    /// They: name and address.
    pub searches: Vec<(String, String)>,
    /// What would be kept of this one.
    pub query: String,
    /// Whether there is room for one more.
    pub has_room: bool,
}

impl SavedView {
    /// The searches of a user who looks at the page in that state.
    pub fn new(saved: Vec<SavedSearch>, state: &SearchState, max: usize) -> SavedView {
        let has_room = saved.len() < max;
        let searches = saved.into_iter().map(|saved| (saved.name, format!("/search?{}", saved.query)));
        SavedView { searches: searches.collect(), query: state.query(), has_room }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct FoundView {
    /// The events of this page.
    pub rows: Vec<EventRow>,
    /// How many there are in all, in words.
    pub total: String,
    /// Events of the page that cannot be read, in words.
    pub damaged: Option<String>,
    /// The first page, where this is another.
    pub first: Option<String>,
    /// The page behind this.
    pub next: Option<String>,
    /// How it is spread over time.
    pub spread: Option<SpreadView>,
    /// How often each value occurs.
    pub facets: Vec<FacetView>,
    /// The alerts that the same text finds.
    pub alerts: AlertsView,
    /// All of it as a file: CSV and NDJSON.
    pub exports: [(&'static str, String); 2],
    /// The search at all times, where it is not.
    pub at_all_times: Option<String>,
}

/// How the events are spread over time.
#[derive(Clone, Debug)]
pub struct SpreadView {
    /// As a picture.
    pub chart: Svg,
    /// As numbers: those that are not 0.
    pub bars: Vec<Bar>,
}

impl SpreadView {
    /// The counts of those steps.
    pub fn new(state: &SearchState, steps: &Steps, counts: &[u64]) -> SpreadView {
        let (chart, bars) = histogram::spread(Some(steps), counts, |(from, to)| {
            let href = state.within(None, Some(from), Some(to)).address();
            Some(href).filter(|href| href.len() <= LINK_BYTES_MAX)
        });
        SpreadView { chart, bars }
    }
}

/// One facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetView {
    /// The id of its heading.
    pub id: &'static str,
    /// What it is called.
    pub word: &'static str,
    /// The most frequent values.
    pub values: Vec<ValueView>,
}

/// One value of a facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueView {
    /// As people see it.
    pub value: String,
    /// How often it occurs.
    pub count: String,
    /// Whether it is a condition already.
    pub chosen: bool,
    /// The search for this value alone.
    pub only: Option<String>,
    /// The search without it.
    pub without: Option<String>,
}

impl FacetView {
    /// The counts of a field's values in a search.
    pub fn new(
        state: &SearchState,
        field: &'static str,
        counts: impl IntoIterator<Item = (String, u64)>,
    ) -> FacetView {
        let conditions = narrow::clauses(&state.text);
        let is_chosen =
            |value: &str| conditions.iter().any(|it| !it.negated && it.field == field && it.value == value);
        let link = |value: &str, negated| {
            let text = narrow::with(&state.text, field, value, negated)?;
            Some(state.with_text(text).address()).filter(|href| href.len() <= LINK_BYTES_MAX)
        };
        let view = |(value, count): (String, u64)| {
            let chosen = is_chosen(&value);
            ValueView {
                count: words::count(count),
                chosen,
                only: if chosen { None } else { link(&value, false) },
                without: if chosen { None } else { link(&value, true) },
                value: text::short(&value, 60),
            }
        };
        FacetView { id: field, word: word_of(field), values: counts.into_iter().map(view).collect() }
    }
}

fn word_of(field: &str) -> &'static str {
    match field {
        "action" => "Action",
        "principal" => "Principal",
        "org" => "Organisation",
        "status" => "Status",
        _ => "Classification",
    }
}

/// The alerts that a search finds.
#[derive(Clone, Debug)]
pub struct AlertsView {
    /// How many, in words.
    pub total: String,
    /// All of them.
    pub href: String,
    /// How many of each pattern: its title, its number, and they.
    pub patterns: Vec<(&'static str, String, String)>,
    /// The newest of them.
    pub newest: Vec<AlertRow>,
}

impl AlertsView {
    /// The alerts that the text of `state` finds from `from` until before `to`.
    pub fn new(
        state: &SearchState,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        newest: &[Alert],
        total: usize,
        by_pattern: impl IntoIterator<Item = (Pattern, usize)>,
    ) -> AlertsView {
        // The list of alerts knows times in the text alone.
        let times = [from.map(|from| format!("at:>={from}")), to.map(|to| format!("at:<{to}"))];
        let text =
            times.into_iter().flatten().try_fold(state.text.clone(), |text, at| narrow::and(&text, &at));
        let text = text.unwrap_or_else(|| state.text.clone());
        let href =
            |pattern| address("/alerts", [("status", "all"), ("pattern", pattern), ("search", &*text)]);
        let of = |(pattern, count): (Pattern, usize)| {
            (pattern.title(), words::count(count as u64), href(pattern.name()))
        };
        let mut by_pattern: Vec<(Pattern, usize)> = by_pattern.into_iter().collect();
        by_pattern.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        AlertsView {
            total: words::counted(total as u64, "alert"),
            href: href(""),
            patterns: by_pattern.into_iter().map(of).collect(),
            newest: newest.iter().map(AlertRow::from).collect(),
        }
    }
}

/// All that a search finds as a file: the addresses of both forms.
pub fn exports(
    state: &SearchState,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
) -> [(&'static str, String); 2] {
    let instant = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let to = filter::last_before(to);
    let (from, to) = (instant(from), instant(to));
    let filter = [("q", state.text.clone()), ("startDate", from), ("endDate", to)];
    events::exports("/api/v1/audit/events/export", &filter)
}

impl SearchPage {
    /// The page of a search and what came of it.
    pub fn new(frame: Frame, state: &SearchState, outcome: Outcome, saved: Option<SavedView>) -> SearchPage {
        let range = |range: Option<QuickRange>, word| RangeLink {
            word,
            href: state.within(range, None, None).address(),
            chosen: state.range == range && state.from.is_none() && state.to.is_none(),
        };
        let is_short = state.address().len() <= ADDRESS_BYTES_MAX;
        let ranges = QuickRange::ALL.map(|quick| range(Some(quick), quick.word()));
        let condition = |clause: narrow::Clause| ConditionView {
            word: word_of(clause.field),
            value: text::short(&clause.value, 60),
            negated: clause.negated,
            href: state.with_text(clause.rest).address(),
        };
        let sort =
            |sort: SearchSort| Choice { value: sort.name(), word: sort.word(), chosen: sort == state.sort };
        let conditions = narrow::clauses(&state.text).into_iter().take(2 * VALUES_SHOWN);
        SearchPage {
            frame: frame.titled("Search", Section::Search),
            text: state.text.clone(),
            from: filter::local_input(state.from),
            to: filter::local_input(state.to),
            range: state.range.map_or("", QuickRange::name),
            ranges: if is_short {
                ranges.into_iter().chain([range(None, "All times")]).collect()
            } else {
                Vec::new()
            },
            sorts: SearchSort::ALL.map(sort).into(),
            conditions: if is_short { conditions.map(condition).collect() } else { Vec::new() },
            outcome,
            here: state.within(state.range, state.from, state.to).address(),
            saved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search_text::parse;

    #[test]
    fn the_place_where_a_text_cannot_be_read_is_marked() {
        let view = |text: &str| UnreadView::new(text, &parse(text).expect_err("it cannot be read"));
        let bob = view("alice (bob");
        assert_eq!((&*bob.before, &*bob.at, &*bob.after, bob.indent.len()), ("alice ", "(", "bob", 6));
        let end = view("über OR");
        assert_eq!((&*end.before, &*end.at, &*end.after, end.indent.len()), ("über OR", "", "", 7));
        let long = view(&format!("{} ) {}", "a ".repeat(100), "b".repeat(100)));
        assert_eq!((long.before.chars().count(), long.indent.len(), &*long.at), (41, 41, ")"));
        assert!(long.before.starts_with('…') && long.after.ends_with('…'));
        assert_eq!(view("a\u{202e} )").before, "a[U+202E] ");
    }

    #[test]
    fn a_value_leads_to_the_search_for_it_and_without_it() {
        let state = SearchState { text: "a OR b".to_owned(), ..SearchState::default() };
        let facet = FacetView::new(&state, "principal", [("x\"y".to_owned(), 1_234)]);
        let value = &facet.values[0];
        assert_eq!(value.only.as_deref(), Some("/search?q=%28a%20OR%20b%29%20principal%3A%22x%5C%22y%22"));
        assert_eq!(
            value.without.as_deref(),
            Some("/search?q=%28a%20OR%20b%29%20-principal%3A%22x%5C%22y%22")
        );
        let chosen = state.with_text("principal:\"x\\\"y\"".to_owned());
        assert!(FacetView::new(&chosen, "principal", [("x\"y".to_owned(), 1)]).values[0].chosen);
        let long = FacetView::new(&state, "action", [("x".repeat(5_000), 1)]);
        assert_eq!((&long.values[0].only, &long.values[0].without), (&None, &None));
        assert!(long.values[0].value.len() < 100);
    }
}
