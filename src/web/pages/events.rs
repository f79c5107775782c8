//! The list of events, with its filters.

use super::address::address;
use super::badge::Badge;
use super::chips::{self, Chip};
use super::curl;
use super::filter::{self, Choice, InvalidFilter};
use super::frame::{Frame, Section};
use super::search_field::SearchField;
use super::subject::Subject;
use super::time::TimeView;
use super::{text, words};
use crate::model::{AuditEvent, Classification, Entry, Status, Verdict, organization_of};
use crate::search_text::SearchTextError;
use askama::Template;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many events a page of the list shows.
pub const EVENTS_PER_PAGE: u64 = 50;

/// What `events.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "events.html")]
pub struct EventsPage {
    /// Around it.
    pub frame: Frame,
    /// What is asked for, as the form's texts.
    pub query: EventsQuery,
    /// The search text.
    pub search: SearchField,
    /// The filters in force.
    pub chips: Vec<Chip>,
    /// The form's choices of status.
    pub statuses: Vec<Choice>,
    /// The form's choices of classification.
    pub classifications: Vec<Choice>,
    /// The form's choices of verdict.
    pub verdicts: Vec<Choice>,
    /// The form's choices of which time counts.
    pub times: Vec<Choice>,
    /// Whether any filter is in force that is folded away at first.
    pub more_open: bool,
    /// The events of this page.
    pub rows: Vec<EventRow>,
    /// How many match, in words.
    pub total: String,
    /// The address of the newest ones, where this is not their page.
    pub newest: Option<String>,
    /// The address of the ones before these.
    pub older: Option<String>,
    /// Whether there is any event at all that the user may see.
    pub any: bool,
    /// How many of the newest entries the index did not have yet.
    pub unsearched: Option<String>,
    /// The live tail with the same filter.
    pub live: String,
    /// The call of the API that gives the same, where there is one.
    pub curl: Option<String>,
    /// All that match as a file: CSV and NDJSON.
    pub exports: [(&'static str, String); 2],
}

impl EventsPage {
    /// The page of what was found, which is filtered and cut as `filter` says, newest first.
    pub fn new(frame: Frame, filter: &EventsFilter, found: FoundEvents<'_>, base_url: &str) -> EventsPage {
        let FoundEvents { rows, total, next_cursor, any, unsearched, fault } = found;
        let live = EventsFilter { cursor: None, ..filter.clone() }.pairs();
        let at = |cursor: Option<String>| EventsFilter { cursor, ..filter.clone() }.address();
        EventsPage {
            frame: frame.titled("Events", Section::Events),
            query: filter.form(),
            search: SearchField::new(filter.text.as_deref(), fault),
            chips: chips::of_events(filter, EventsFilter::address),
            statuses: filter.status_choices(),
            classifications: filter.classification_choices(),
            verdicts: filter.verdict_choices(),
            times: filter.time_choices(),
            more_open: filter.has_rare_filter(),
            rows,
            total: words::counted(total, "event"),
            newest: filter.cursor.is_some().then(|| at(None)),
            older: next_cursor.map(|cursor| at(Some(cursor))),
            any,
            unsearched: (unsearched > 0).then(|| words::count(unsearched)),
            live: address("/events/live", live.iter().map(|(name, value)| (*name, value.as_str()))),
            curl: curl::events(filter, base_url),
            exports: exports("/events/export", &live),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct FoundEvents<'a> {
    /// The events of the page.
    pub rows: Vec<EventRow>,
    /// How many match.
    pub total: u64,
    /// What leads to the older ones.
    pub next_cursor: Option<String>,
    /// Whether there would be some without the filter.
    pub any: bool,
    /// The newest entries of the log that the index did not have yet.
    pub unsearched: u64,
    /// Why the search text could not be read, and nothing was looked for.
    pub fault: Option<&'a SearchTextError>,
}

/// The addresses of both forms of an export with that filter.
pub fn exports(path: &str, filter: &[(&'static str, String)]) -> [(&'static str, String); 2] {
    [("CSV", "csv"), ("NDJSON", "ndjson")].map(|(word, format)| {
        let filter = filter.iter().map(|(name, value)| (*name, value.as_str()));
        (word, address(path, [("format", format)].into_iter().chain(filter)))
    })
}

/// One event as a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRow {
    /// Its page.
    pub href: String,
    /// When it happened.
    pub time: TimeView,
    /// What was done.
    pub action: String,
    /// How it ended.
    pub status: Badge,
    /// Who did it; empty where it names nobody.
    pub principal: String,
    /// The page of whoever did it.
    pub principal_href: String,
    /// What it was done to: type and id.
    pub target: String,
    /// The page of that, where it has an id.
    pub target_href: Option<String>,
    /// From which address; empty where it names none.
    pub ip_address: String,
    /// Whose event; empty where it is nobody's.
    pub organization: String,
    /// How sensitive.
    pub classification: &'static str,
    /// What checking its integrity found.
    pub verdict: Badge,
}

impl EventRow {
    /// The row of an entry and the event in its body.
    pub fn new(entry: &Entry, event: &AuditEvent<'_>) -> EventRow {
        let organization = organization_of(entry, event);
        let principal = event.principal_id.as_deref().unwrap_or_default();
        EventRow {
            href: format!("/events/{}", entry.id),
            time: event.timestamp.into(),
            action: text::cell(Some(&event.action)),
            status: event.status.into(),
            principal: text::cell(Some(principal)),
            principal_href: Subject::principal(principal).address(),
            target: target(event),
            target_href: target_page(event),
            ip_address: text::cell(event.session.as_ref().and_then(|session| session.ip_address.as_deref())),
            organization: text::cell(organization),
            classification: event.classification.name(),
            verdict: entry.verdict.into(),
        }
    }
}

/// `aws.s3 my-bucket`: type and id of what an event was done to, as far as it names them.
pub fn target(event: &AuditEvent<'_>) -> String {
    let parts = [event.target_resource_type.as_deref(), event.target_resource_id.as_deref()];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| text::cell(Some(part))).collect();
    parts.join(" ")
}

/// The page of what an event was done to, where that has an id.
pub fn target_page(event: &AuditEvent<'_>) -> Option<String> {
    let id = event.target_resource_id.as_deref().filter(|id| !id.is_empty())?;
    Some(Subject::resource(event.target_resource_type.as_deref(), id).address())
}

/// The query of `/events` as it was written, and the texts of the form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EventsQuery {
    /// A search text.
    pub q: String,
    /// A whole `principalId`.
    pub principal: String,
    /// A whole `action`, or one that ends in `*`.
    pub action: String,
    /// The name of a status.
    pub status: String,
    /// An organisation's id.
    pub org: String,
    /// The name of a classification.
    pub classification: String,
    /// The name of a verdict.
    pub verdict: String,
    /// A whole `targetResourceType`.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// A whole `correlationId`.
    pub correlation: String,
    /// A whole `sessionContext.ipAddress`.
    pub address: String,
    /// Not before this.
    pub from: String,
    /// Before this.
    pub to: String,
    /// Which time `from` and `to` mean: `event` (as when empty) or `received`.
    pub time: String,
    /// Where the page begins, as the page before it said.
    pub cursor: String,
}

/// What is asked of the list of events; its address holds all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventsFilter {
    /// Only those that this search text finds.
    pub text: Option<String>,
    /// Only of this `principalId`.
    pub principal: Option<String>,
    /// Only with this `action`; with those that begin so where it ends in `*`.
    pub action: Option<String>,
    /// Only with this status.
    pub status: Option<Status>,
    /// Only of this organisation.
    pub organization: Option<String>,
    /// Only of this classification.
    pub classification: Option<Classification>,
    /// Only with this verdict.
    pub verdict: Option<Verdict>,
    /// Only with this `targetResourceType`.
    pub resource_type: Option<String>,
    /// Only with this `correlationId`.
    pub correlation_id: Option<String>,
    /// Only from this `sessionContext.ipAddress`.
    pub ip_address: Option<String>,
    /// Not before this.
    pub from: Option<Timestamp>,
    /// Before this.
    pub to: Option<Timestamp>,
    /// Which time `from` and `to` mean.
    pub time: EventTime,
    /// Where the page begins; the store made it and reads it.
    pub cursor: Option<String>,
}

/// Which of an event's two times is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventTime {
    /// When it happened: `timestamp`.
    #[default]
    Event,
    /// When the appliance took it in: `receivedAt`.
    Received,
}

impl EventTime {
    const ALL: [EventTime; 2] = [EventTime::Event, EventTime::Received];

    /// The name in the query.
    pub fn name(self) -> &'static str {
        match self {
            EventTime::Event => "event",
            EventTime::Received => "received",
        }
    }

    fn from_name(name: &str) -> Option<EventTime> {
        EventTime::ALL.into_iter().find(|time| time.name() == name)
    }
}

impl EventsFilter {
    /// The filter that the query asks for.
    pub fn parse(query: &EventsQuery) -> Result<EventsFilter, InvalidFilter> {
        Ok(EventsFilter {
            text: filter::words(&query.q),
            principal: filter::words(&query.principal),
            action: filter::words(&query.action),
            status: filter::named("status", &query.status, Status::from_name)?,
            organization: filter::words(&query.org),
            classification: filter::named(
                "classification",
                &query.classification,
                Classification::from_name,
            )?,
            verdict: filter::named("verdict", &query.verdict, Verdict::from_name)?,
            resource_type: filter::words(&query.resource_type),
            correlation_id: filter::words(&query.correlation),
            ip_address: filter::words(&query.address),
            from: filter::instant("from", &query.from)?,
            to: filter::instant("to", &query.to)?,
            time: filter::named("time", &query.time, EventTime::from_name)?.unwrap_or_default(),
            cursor: filter::words(&query.cursor),
        })
    }

    /// Whether this begins to look for something: neither the plain list nor a further page.
    pub fn is_search(&self) -> bool {
        let without_time = EventsFilter { time: EventTime::default(), ..self.clone() };
        self.cursor.is_none() && without_time != EventsFilter::default()
    }

    /// The address of the list with this filter.
    pub fn address(&self) -> String {
        let pairs = self.pairs();
        address("/events", pairs.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// The filter as the pairs of a query; those that do not restrict are empty.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let instant = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let query = self.form();
        let time = if self.time == EventTime::Received { self.time.name() } else { "" };
        vec![
            ("q", query.q),
            ("principal", query.principal),
            ("action", query.action),
            ("status", query.status),
            ("org", query.org),
            ("classification", query.classification),
            ("verdict", query.verdict),
            ("type", query.resource_type),
            ("correlation", query.correlation),
            ("address", query.address),
            ("from", instant(self.from)),
            ("to", instant(self.to)),
            ("time", time.to_owned()),
            ("cursor", query.cursor),
        ]
    }

    /// The filter as the form's texts.
    pub fn form(&self) -> EventsQuery {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        EventsQuery {
            q: text(&self.text),
            principal: text(&self.principal),
            action: text(&self.action),
            status: self.status.map_or("", Status::name).to_owned(),
            org: text(&self.organization),
            classification: self.classification.map_or("", Classification::name).to_owned(),
            verdict: self.verdict.map_or("", Verdict::name).to_owned(),
            resource_type: text(&self.resource_type),
            correlation: text(&self.correlation_id),
            address: text(&self.ip_address),
            from: filter::local_input(self.from),
            to: filter::local_input(self.to),
            time: self.time.name().to_owned(),
            cursor: text(&self.cursor),
        }
    }

    fn has_rare_filter(&self) -> bool {
        let texts = [&self.organization, &self.resource_type, &self.correlation_id, &self.ip_address];
        texts.into_iter().any(Option::is_some)
            || self.classification.is_some()
            || self.from.is_some()
            || self.to.is_some()
            || self.time == EventTime::Received
    }

    fn status_choices(&self) -> Vec<Choice> {
        let choice =
            |s: Status| Choice { value: s.name(), word: Badge::from(s).word, chosen: self.status == Some(s) };
        Status::ALL.into_iter().map(choice).collect()
    }

    fn classification_choices(&self) -> Vec<Choice> {
        let choice = |c: Classification| Choice {
            value: c.name(),
            word: c.name(),
            chosen: self.classification == Some(c),
        };
        Classification::ALL.into_iter().map(choice).collect()
    }

    fn verdict_choices(&self) -> Vec<Choice> {
        let choice = |v: Verdict| Choice {
            value: v.name(),
            word: Badge::from(v).word,
            chosen: self.verdict == Some(v),
        };
        Verdict::ALL.into_iter().map(choice).collect()
    }

    fn time_choices(&self) -> Vec<Choice> {
        let word = |time| if time == EventTime::Event { "when it happened" } else { "when it was received" };
        let choice = |t: EventTime| Choice { value: t.name(), word: word(t), chosen: self.time == t };
        EventTime::ALL.into_iter().map(choice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_the_whole_filter() {
        let query = EventsQuery {
            q: " denied -org:acme ".into(),
            principal: "arn:aws:iam::1:user/x".into(),
            action: "data.*".into(),
            status: "failure".into(),
            verdict: "hash_mismatch".into(),
            classification: "PHI".into(),
            resource_type: "aws.s3".into(),
            address: "10.0.0.1".into(),
            from: "2023-07-10T11:30".into(),
            to: "2023-07-10T12:00:00Z".into(),
            time: "received".into(),
            cursor: "17".into(),
            ..EventsQuery::default()
        };
        let filter = EventsFilter::parse(&query).expect("all of it is known");
        let expected = "/events?q=denied%20-org%3Aacme&principal=arn%3Aaws%3Aiam%3A%3A1%3Auser%2Fx&action=data.%2A&status=failure\
                        &classification=PHI&verdict=hash_mismatch&type=aws.s3&address=10.0.0.1\
                        &from=2023-07-10T11%3A30%3A00Z&to=2023-07-10T12%3A00%3A00Z&time=received&cursor=17";
        assert_eq!(filter.address(), expected);
        assert!(filter.has_rare_filter());
        assert!(!filter.is_search(), "a further page is none");
        assert!(EventsFilter { cursor: None, ..filter }.is_search());
    }

    #[test]
    fn without_a_query_there_is_no_filter_and_what_means_nothing_is_refused() {
        assert_eq!(EventsFilter::parse(&EventsQuery::default()), Ok(EventsFilter::default()));
        assert_eq!(EventsFilter::default().address(), "/events");
        assert!(!EventsFilter { time: EventTime::Received, ..EventsFilter::default() }.is_search());
        let query = EventsQuery { verdict: "fine".into(), ..EventsQuery::default() };
        assert_eq!(EventsFilter::parse(&query).expect_err("no verdict").field, "verdict");
    }
}
