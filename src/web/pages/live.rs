//! The live tail: the newest events as they come.

use super::address::address;
use super::badge::Badge;
use super::events::{EventRow, EventsFilter};
use super::frame::{Frame, Section};
use super::text;
use crate::model::{Seq, Status, Verdict};
use askama::Template;

/// Events that the page holds at once; the oldest make room.
const ROWS_MAX: u32 = 200;

/// What `live.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "live.html")]
pub struct LivePage {
    /// Around it.
    pub frame: Frame,
    /// The filter in force: what it is called and what it is.
    pub filter: Vec<(&'static str, String)>,
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
    /// The page of `rows`; what comes in from the entry `next` on is told live.
    pub fn new(frame: Frame, filter: &EventsFilter, rows: Vec<EventRow>, next: Seq) -> LivePage {
        let filter = EventsFilter { cursor: None, ..filter.clone() };
        let pairs = filter.pairs();
        let query = || pairs.iter().map(|(name, value)| (&**name, value.as_str()));
        let next = next.to_string();
        let tail = [("tail", next.as_str())].into_iter().chain(query());
        let live = frame.live.as_deref().map(|live| address(live, tail));
        let statuses = Status::ALL.into_iter().map(Badge::from);
        LivePage {
            filter: pairs
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (*name, text::cell(Some(value))))
                .collect(),
            list_href: filter.address(),
            href: address("/events/live", query()),
            rows,
            rows_max: ROWS_MAX,
            marks: statuses.chain(Verdict::ALL.into_iter().map(Badge::from)).collect(),
            frame: Frame { live, ..frame.titled("Live events", Section::Events) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_has_the_filter_of_the_page() {
        let frame = Frame { live: Some("/live?alerts=3".to_owned()), ..Frame::new(None, 0, false, 1, "0") };
        let filter = EventsFilter {
            principal: Some("a&b".to_owned()),
            cursor: Some("x".to_owned()),
            ..EventsFilter::default()
        };
        let page = LivePage::new(frame, &filter, Vec::new(), Seq(7));
        assert_eq!(page.frame.live.as_deref(), Some("/live?alerts=3&tail=7&principal=a%26b"));
        assert_eq!(page.href, "/events/live?principal=a%26b");
        assert_eq!(page.filter, [("principal", "a&b".to_owned())]);
    }
}
