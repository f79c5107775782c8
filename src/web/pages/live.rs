//! The live tail: the newest events as they come.

use super::address::address;
use super::badge::Badge;
use super::chips::{self, Chip};
use super::events::{EventRow, EventsFilter};
use super::frame::{Frame, Section};
use super::search_field::SearchField;
use crate::model::{Seq, Status, Verdict};
use crate::search_text::SearchTextError;
use askama::Template;

/// Events that the page holds at once; the oldest make room.
const ROWS_MAX: u32 = 200;

/// What `live.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "live.html")]
pub struct LivePage {
    /// Around it.
    pub frame: Frame,
    /// The search text.
    pub search: SearchField,
    /// The filters in force.
    pub chips: Vec<Chip>,
    /// Those that the form of the search text does not show: name and value.
    pub others: Vec<(&'static str, String)>,
    /// The same as a list of all events.
    pub list_href: String,
    /// This page again.
    pub href: String,
    /// The newest events, the newest first.
    pub rows: Vec<EventRow>,
    /// How many rows the page may hold.
    pub rows_max: u32,
    /// Every mark that a row can have, for the script to copy.
    pub marks: Vec<Badge>,
}

impl LivePage {
    /// The page of `rows`; what comes in from the entry `next` on is told live, unless the search text has a fault.
    pub fn new(
        frame: Frame,
        filter: &EventsFilter,
        rows: Vec<EventRow>,
        next: Result<Seq, &SearchTextError>,
    ) -> LivePage {
        let filter = EventsFilter { cursor: None, ..filter.clone() };
        let pairs = filter.pairs();
        let query = || pairs.iter().map(|(name, value)| (&**name, value.as_str()));
        let live = match (&frame.live, next) {
            (Some(live), Ok(next)) => {
                let next = next.to_string();
                Some(address(live, [("tail", next.as_str())].into_iter().chain(query())))
            }
            (live, _) => live.clone(),
        };
        let statuses = Status::ALL.into_iter().map(Badge::from);
        LivePage {
            search: SearchField::new(filter.text.as_deref(), next.err()),
            chips: chips::of_events(&filter, here),
            others: pairs.iter().filter(|(name, value)| *name != "q" && !value.is_empty()).cloned().collect(),
            list_href: filter.address(),
            href: here(&filter),
            rows,
            rows_max: ROWS_MAX,
            marks: statuses.chain(Verdict::ALL.into_iter().map(Badge::from)).collect(),
            frame: Frame { live, ..frame.titled("Live events", Section::Events) },
        }
    }
}

/// The live tail with that filter.
fn here(filter: &EventsFilter) -> String {
    address("/events/live", filter.pairs().iter().map(|(name, value)| (*name, value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search_text;

    #[test]
    fn the_stream_has_the_filter_of_the_page() {
        let frame = Frame { live: Some("/live?alerts=3".to_owned()), ..Frame::new(None, 0, false, 1, "0") };
        let filter = EventsFilter {
            principal: Some("a&b".to_owned()),
            cursor: Some("x".to_owned()),
            ..EventsFilter::default()
        };
        let page = LivePage::new(frame.clone(), &filter, Vec::new(), Ok(Seq(7)));
        assert_eq!(page.frame.live.as_deref(), Some("/live?alerts=3&tail=7&principal=a%26b"));
        assert_eq!(page.href, "/events/live?principal=a%26b");
        assert_eq!(page.others, [("principal", "a&b".to_owned())]);
        assert_eq!(page.chips[0].href, "/events/live");
        let filter = EventsFilter { text: Some("OR".to_owned()), ..filter };
        let fault = search_text::parse("OR").expect_err("no text");
        let page = LivePage::new(frame, &filter, Vec::new(), Err(&fault));
        assert_eq!(page.frame.live.as_deref(), Some("/live?alerts=3"), "nothing is followed");
        assert!(page.search.fault.is_some_and(|fault| fault.at == "O"));
    }
}
