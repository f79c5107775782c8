//! What is asked of the search page; its address holds all of it.

use crate::web::pages::address::address;
use crate::web::pages::filter::{self, InvalidFilter};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// The query of `/search` as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SearchQuery {
    /// The search text.
    pub q: String,
    /// The name of a time back from now; counts where neither `from` nor `to` is given.
    pub range: String,
    /// Not before this.
    pub from: String,
    /// Before this.
    pub to: String,
    /// The name of an order.
    pub sort: String,
    /// Where the page begins, as the page before it said.
    pub cursor: String,
}

/// What is asked of the search page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchState {
    /// The search text as it was written.
    pub text: String,
    /// A time back from now.
    pub range: Option<QuickRange>,
    /// Not before this.
    pub from: Option<Timestamp>,
    /// Before this.
    pub to: Option<Timestamp>,
    /// What comes first.
    pub sort: SearchSort,
    /// Where the page begins; whoever answers made it and reads it.
    pub cursor: Option<String>,
}

/// A time back from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuickRange {
    /// An hour.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

impl QuickRange {
    /// Every one, the shortest first.
    pub const ALL: [QuickRange; 4] = [QuickRange::Hour, QuickRange::Day, QuickRange::Week, QuickRange::Month];

    /// The name in the query.
    pub fn name(self) -> &'static str {
        match self {
            QuickRange::Hour => "hour",
            QuickRange::Day => "day",
            QuickRange::Week => "week",
            QuickRange::Month => "month",
        }
    }

    /// What people read.
    pub fn word(self) -> &'static str {
        match self {
            QuickRange::Hour => "Last hour",
            QuickRange::Day => "24 hours",
            QuickRange::Week => "7 days",
            QuickRange::Month => "30 days",
        }
    }

    fn length(self) -> SignedDuration {
        match self {
            QuickRange::Hour => SignedDuration::from_hours(1),
            QuickRange::Day => SignedDuration::from_hours(24),
            QuickRange::Week => SignedDuration::from_hours(7 * 24),
            QuickRange::Month => SignedDuration::from_hours(30 * 24),
        }
    }

    fn from_name(name: &str) -> Option<QuickRange> {
        QuickRange::ALL.into_iter().find(|range| range.name() == name)
    }
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchSort {
    /// What happened last.
    #[default]
    Newest,
    /// What the words fit best.
    Relevance,
}

impl SearchSort {
    /// Both.
    pub const ALL: [SearchSort; 2] = [SearchSort::Newest, SearchSort::Relevance];

    /// The name in the query.
    pub fn name(self) -> &'static str {
        match self {
            SearchSort::Newest => "newest",
            SearchSort::Relevance => "relevance",
        }
    }

    /// What people read.
    pub fn word(self) -> &'static str {
        match self {
            SearchSort::Newest => "Newest first",
            SearchSort::Relevance => "Best match first",
        }
    }

    fn from_name(name: &str) -> Option<SearchSort> {
        SearchSort::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

impl SearchState {
    /// What the query asks for.
    pub fn parse(query: &SearchQuery) -> Result<SearchState, InvalidFilter> {
        let (from, to) = (filter::instant("from", &query.from)?, filter::instant("to", &query.to)?);
        let range = filter::named("range", &query.range, QuickRange::from_name)?;
        Ok(SearchState {
            text: query.q.trim().to_owned(),
            range: range.filter(|_| from.is_none() && to.is_none()),
            from,
            to,
            sort: filter::named("sort", &query.sort, SearchSort::from_name)?.unwrap_or_default(),
            cursor: filter::words(&query.cursor),
        })
    }

    /// The address of the page in this state.
    pub fn address(&self) -> String {
        self.address_of("/search")
    }

    /// The state as the query of an address, without the place of the page.
    pub fn query(&self) -> String {
        let address = SearchState { cursor: None, ..self.clone() }.address_of("");
        address.strip_prefix('?').unwrap_or_default().to_owned()
    }

    fn address_of(&self, path: &str) -> String {
        let instant = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let (from, to) = (instant(self.from), instant(self.to));
        let pairs = [
            ("q", self.text.as_str()),
            ("range", self.range.map_or("", QuickRange::name)),
            ("from", &from),
            ("to", &to),
            ("sort", if self.sort == SearchSort::default() { "" } else { self.sort.name() }),
            ("cursor", self.cursor.as_deref().unwrap_or_default()),
        ];
        address(path, pairs)
    }

    /// The same from the first page on, with another text.
    pub fn with_text(&self, text: String) -> SearchState {
        SearchState { text, cursor: None, ..self.clone() }
    }

    /// The same from the first page on, within other times.
    pub fn within(
        &self,
        range: Option<QuickRange>,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> SearchState {
        SearchState { range, from, to, cursor: None, ..self.clone() }
    }

    /// Whether this begins to look for something: neither everything nor a further page.
    pub fn is_search(&self) -> bool {
        let narrowed =
            !self.text.is_empty() || self.range.is_some() || self.from.is_some() || self.to.is_some();
        self.cursor.is_none() && narrowed
    }

    /// The first moment that counts.
    pub fn begin(&self, now: Timestamp) -> Option<Timestamp> {
        self.range.map_or(self.from, |range| now.checked_sub(range.length()).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_the_whole_state() {
        let query = SearchQuery {
            q: " principal:\"a&b\" -x ".into(),
            range: "week".into(),
            to: "2023-07-10T12:00".into(),
            sort: "relevance".into(),
            cursor: "50".into(),
            ..SearchQuery::default()
        };
        let state = SearchState::parse(&query).expect("all of it is known");
        let expected =
            "/search?q=principal%3A%22a%26b%22%20-x&to=2023-07-10T12%3A00%3A00Z&sort=relevance&cursor=50";
        assert_eq!(state.address(), expected, "a time that is given wins over one back from now");
        assert!(!state.is_search(), "a further page is none");
        let first = state.within(Some(QuickRange::Hour), None, None);
        assert_eq!(first.query(), "q=principal%3A%22a%26b%22%20-x&range=hour&sort=relevance");
        assert!(first.is_search());
        let now = "2023-07-10T12:00:00Z".parse().expect("a time stamp");
        assert_eq!(first.begin(now).map(|time| time.to_string()).as_deref(), Some("2023-07-10T11:00:00Z"));
    }

    #[test]
    fn nothing_asked_is_everything_and_what_means_nothing_is_refused() {
        let nothing = SearchState::parse(&SearchQuery::default()).expect("nothing is asked");
        assert_eq!((nothing.address().as_str(), nothing.is_search()), ("/search", false));
        let query = SearchQuery { range: "eon".into(), ..SearchQuery::default() };
        assert_eq!(SearchState::parse(&query).expect_err("no range").field, "range");
    }
}
