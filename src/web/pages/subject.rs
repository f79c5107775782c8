//! One principal or one resource: everything it did, or had done to it.

use super::address::address;
use super::alerts::AlertRow;
use super::events::EventRow;
use super::filter::{self, InvalidFilter};
use super::frame::{Frame, Section};
use super::time::TimeView;
use super::{text, words};
use crate::detect::OffHours;
use crate::model::{Alert, Status};
use crate::search::{ActionCount, Distinct, FacetCount, Profile, Ranking};
use crate::search_text;
use crate::web::chart::Svg;
use crate::web::chart::histogram::{self, Bar, Steps};
use crate::web::week;
use askama::Template;
use jiff::Timestamp;
use serde::Deserialize;

/// Rows of each list.
pub const LISTED: usize = 10;
/// Bytes of a search with which the values on a page still are links. Each of them holds the whole id, and an id of
/// thousands of characters would make the page as large as a hundred of them.
const LINKED_BYTES_MAX: usize = 400;

/// The query of `/principal` and `/resource` as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SubjectQuery {
    /// A whole `principalId` or `targetResourceId`, every character of it.
    pub id: String,
    /// A whole `targetResourceType`; without one, of any type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Only events of this organisation.
    pub org: String,
    /// Not before this.
    pub from: String,
    /// Before this.
    pub to: String,
}

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Who did something.
    Principal,
    /// What something was done to.
    Resource,
}

/// Whom or what a page is about, and over which time; its address holds all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which page.
    pub kind: Kind,
    /// The id, as it was written.
    pub id: String,
    /// Of which type; only of resources.
    pub resource_type: Option<String>,
    /// Only events of this organisation.
    pub organization: Option<String>,
    /// Not before this.
    pub from: Option<Timestamp>,
    /// Before this.
    pub to: Option<Timestamp>,
}

impl Subject {
    /// What the query asks for. An id may begin and end with anything, so nothing is cut off.
    pub fn parse(kind: Kind, query: &SubjectQuery) -> Result<Subject, InvalidFilter> {
        let whole = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Ok(Subject {
            kind,
            id: whole(&query.id).ok_or_else(|| filter::invalid("id", ""))?,
            resource_type: whole(&query.resource_type).filter(|_| kind == Kind::Resource),
            organization: whole(&query.org),
            from: filter::instant("from", &query.from)?,
            to: filter::instant("to", &query.to)?,
        })
    }

    /// The page of a principal over all time.
    pub fn principal(id: &str) -> Subject {
        Subject {
            kind: Kind::Principal,
            id: id.to_owned(),
            resource_type: None,
            organization: None,
            from: None,
            to: None,
        }
    }

    /// The page of a resource over all time.
    pub fn resource(resource_type: Option<&str>, id: &str) -> Subject {
        let resource_type = resource_type.filter(|text| !text.is_empty()).map(str::to_owned);
        Subject { kind: Kind::Resource, resource_type, ..Subject::principal(id) }
    }

    /// The path of its page.
    pub fn path(&self) -> &'static str {
        match self.kind {
            Kind::Principal => "/principal",
            Kind::Resource => "/resource",
        }
    }

    /// Its page.
    pub fn address(&self) -> String {
        let instant = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let (from, to) = (instant(self.from), instant(self.to));
        let kind = self.resource_type.as_deref().unwrap_or_default();
        let org = self.organization.as_deref().unwrap_or_default();
        address(
            self.path(),
            [("type", kind), ("id", self.id.as_str()), ("org", org), ("from", from.as_str()), ("to", &to)],
        )
    }

    /// The search for its events that `more` finds as well, which may be empty.
    pub fn search(&self, more: &str) -> String {
        address("/search", [("q", self.text(more).as_str())])
    }

    /// The same, as one link among many: empty where it would be too long for that.
    fn narrowed(&self, more: &str) -> String {
        let href = self.search(more);
        if href.len() > LINKED_BYTES_MAX { String::new() } else { href }
    }

    fn text(&self, more: &str) -> String {
        let named = |field: &str, value: &str| format!("{field}:{}", search_text::quoted(value));
        let mut clauses = Vec::new();
        clauses.extend(self.resource_type.as_deref().map(|kind| named("type", kind)));
        let field = if self.kind == Kind::Principal { "principal" } else { "resource" };
        clauses.push(named(field, &self.id));
        clauses.extend(self.organization.as_deref().map(|org| named("org", org)));
        clauses.extend(self.from.map(|from| format!("at:>={from}")));
        clauses.extend(self.to.map(|to| format!("at:<{to}")));
        clauses.extend(Some(more.to_owned()).filter(|more| !more.is_empty()));
        clauses.join(" ")
    }
}

/// Where everything of a key stands, which is a principal or, of events that name nobody, an address.
pub fn of_key(key: &str) -> String {
    match key.parse::<std::net::IpAddr>() {
        Ok(_) => address("/events", [("address", key)]),
        Err(_) => Subject::principal(key).address(),
    }
}

/// What `subject.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "subject.html")]
pub struct SubjectPage {
    /// Around it.
    pub frame: Frame,
    /// `Principal` or `Resource`.
    pub kind: &'static str,
    /// The path of the form.
    pub path: &'static str,
    /// The id, for people.
    pub name: String,
    /// The type, for people; empty where any is meant.
    pub resource_type: String,
    /// What is asked for, as the form's texts.
    pub query: SubjectQuery,
    /// The same over all time and of every organisation, where this is less.
    pub whole: Option<String>,
    /// All of its events.
    pub search: String,
    /// What was counted; nothing as long as there is no index.
    pub counted: Option<Counted>,
    /// Why nothing was counted.
    pub notice: Option<String>,
    /// Alerts that it has to do with, the newest first.
    pub alerts: Vec<AlertRow>,
    /// Its alerts as a list; only of principals.
    pub alerts_href: Option<String>,
    /// Its newest events.
    pub rows: Vec<EventRow>,
}

/// What is known of it. The handler reads it.
#[derive(Clone, Debug)]
pub struct SubjectData {
    /// What was counted, and over which stretches; or why nothing was.
    pub counted: Result<(Profile, Option<Steps>), String>,
    /// When nobody works, and where the clock stands.
    pub off_hours: OffHours,
    /// Alerts that it has to do with, the newest first.
    pub alerts: Vec<Alert>,
    /// Its newest events.
    pub rows: Vec<EventRow>,
}

impl SubjectPage {
    /// The page of `subject`.
    pub fn new(frame: Frame, subject: &Subject, data: SubjectData) -> SubjectPage {
        let Subject { id, organization, .. } = subject;
        let kind = if subject.kind == Kind::Principal { "Principal" } else { "Resource" };
        let alerts = || search_text::quoted(id);
        let alerts_href =
            || address("/alerts", [("status", "all"), ("search", &*format!("principal:{}", alerts()))]);
        let is_part = organization.is_some() || subject.from.is_some() || subject.to.is_some();
        let whole = Subject { organization: None, from: None, to: None, ..subject.clone() };
        let off_hours = data.off_hours;
        let (counted, notice) = match data.counted {
            Ok((profile, steps)) => (Some(Counted::new(subject, profile, steps, &off_hours)), None),
            Err(why) => (None, Some(why)),
        };
        SubjectPage {
            frame: frame.titled(format!("{kind} {}", text::cell(Some(id))), Section::Events),
            kind,
            path: subject.path(),
            name: text::short(id, 400),
            resource_type: text::cell(subject.resource_type.as_deref()),
            query: SubjectQuery {
                id: id.clone(),
                resource_type: subject.resource_type.clone().unwrap_or_default(),
                org: organization.clone().unwrap_or_default(),
                from: filter::local_input(subject.from),
                to: filter::local_input(subject.to),
            },
            whole: is_part.then(|| whole.address()),
            search: subject.search(""),
            counted,
            notice,
            alerts: data.alerts.iter().map(AlertRow::from).collect(),
            alerts_href: (subject.kind == Kind::Principal).then(alerts_href),
            rows: data.rows,
        }
    }
}

/// The numbers.
#[derive(Clone, Debug)]
pub struct Counted {
    /// How many events, in words.
    pub total: String,
    /// The first and the last of them; nothing where there is none.
    pub span: Option<(TimeView, TimeView)>,
    /// The events over time.
    pub chart: Svg,
    /// The same in rows.
    pub bars: Vec<Bar>,
    /// The events by hour of the week.
    pub week: Svg,
    /// The same in rows, each day with its 24 hours.
    pub week_rows: Vec<(&'static str, Vec<String>)>,
    /// Where the clock stands.
    pub zone: String,
    /// How many fall into hours in which nobody works, in words.
    pub off: String,
    /// What was done.
    pub actions: Vec<ActionRow>,
    /// How many of how many are listed.
    pub actions_shown: String,
    /// The values of other fields.
    pub lists: Vec<List>,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRow {
    /// What was done.
    pub name: String,
    /// Those events; empty where the address would be too long.
    pub href: String,
    /// How often.
    pub count: String,
    /// How often it was done, refused and tried, each with its events where there are any.
    pub by_status: [(String, Option<String>); 3],
}

/// The most frequent values of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its name within the page.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// How many of how many are listed.
    pub shown: String,
    /// The values.
    pub rows: Vec<ListRow>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// What people read.
    pub name: String,
    /// What stands below it; may be empty.
    pub sub: String,
    /// Where it leads; empty where the address would be too long.
    pub href: String,
    /// How often.
    pub count: String,
    /// Which part of all.
    pub share: String,
}

impl Counted {
    fn new(subject: &Subject, profile: Profile, steps: Option<Steps>, off_hours: &OffHours) -> Counted {
        let off = week::off_count(&profile.week, off_hours);
        let hours = |day: usize| profile.week[day * 24..][..24].iter().map(|count| words::count(*count));
        let (chart, bars) = histogram::spread(steps.as_ref(), &profile.histogram, |(from, to)| {
            let range = Subject {
                from: Some(from.max(subject.from.unwrap_or(Timestamp::MIN))),
                to: Some(to.min(subject.to.unwrap_or(Timestamp::MAX))),
                ..subject.clone()
            };
            Some(range.narrowed("")).filter(|href| !href.is_empty())
        });
        Counted {
            total: words::counted(profile.total, "event"),
            span: profile.span.map(|(first, last)| (first.into(), last.into())),
            chart,
            bars,
            week: week::draw(&profile.week, off_hours),
            week_rows: (0..7).map(|day| (week::DAYS[day], hours(day).collect())).collect(),
            zone: off_hours.time_zone.iana_name().unwrap_or("UTC").to_owned(),
            off: format!("{} ({})", words::count(off), words::percent(off, profile.total)),
            actions: profile.actions.first.iter().map(|count| action_row(subject, count)).collect(),
            actions_shown: shown(&profile.actions),
            lists: lists(subject, &profile),
        }
    }
}

fn shown<T>(ranking: &Ranking<T>) -> String {
    let listed = ranking.first.len() as u64;
    match ranking.distinct {
        Distinct::Exactly(distinct) if distinct == listed => words::count(listed),
        Distinct::Exactly(distinct) => format!("{} of {}", words::count(listed), words::count(distinct)),
        Distinct::AtLeast(distinct) => {
            format!("{} of {} or more", words::count(listed), words::count(distinct))
        }
    }
}

fn action_row(subject: &Subject, count: &ActionCount) -> ActionRow {
    let named = format!("action:{}", search_text::quoted(&count.action));
    let of_status = |status: Status| {
        let number = count.by_status[status as usize];
        let href = || subject.narrowed(&format!("{named} status:{}", status.name()));
        (words::count(number), (number > 0).then(href).filter(|href| !href.is_empty()))
    };
    ActionRow {
        name: text::cell(Some(&count.action)),
        href: subject.narrowed(&named),
        count: words::count(count.count()),
        by_status: [Status::Success, Status::Failure, Status::Attempt].map(of_status),
    }
}

fn lists(subject: &Subject, profile: &Profile) -> Vec<List> {
    let list = |id, title, ranking: &Ranking<FacetCount>, href: &dyn Fn(&str) -> String| List {
        id,
        title,
        shown: shown(ranking),
        rows: ranking
            .first
            .iter()
            .map(|it| {
                row(text::cell(Some(&it.value)), String::new(), href(&it.value), it.count, profile.total)
            })
            .collect(),
    };
    let search = |field: &'static str| {
        move |value: &str| subject.narrowed(&format!("{field}:{}", search_text::quoted(value)))
    };
    let of_org = |name: &str| Subject { organization: Some(name.to_owned()), ..subject.clone() }.address();
    let others = match subject.kind {
        Kind::Principal => List {
            id: "resources",
            title: "Resources",
            shown: shown(&profile.resources),
            rows: profile
                .resources
                .first
                .iter()
                .map(|it| {
                    let page = Subject::resource(Some(&it.resource_type), &it.id).address();
                    let kind = text::cell(Some(&it.resource_type));
                    row(text::cell(Some(&it.id)), kind, page, it.count, profile.total)
                })
                .collect(),
        },
        Kind::Resource => {
            list("principals", "Principals", &profile.principals, &|id| Subject::principal(id).address())
        }
    };
    vec![
        others,
        list("addresses", "Addresses", &profile.addresses, &|value| subject.narrowed(&format!("ip:{value}"))),
        list("agents", "User agents", &profile.agents, &search("agent")),
        list("organisations", "Organisations", &profile.organizations, &of_org),
        list("classifications", "Classification", &profile.classifications, &search("classification")),
    ]
}

fn row(name: String, sub: String, href: String, count: u64, total: u64) -> ListRow {
    ListRow { name, sub, href, count: words::count(count), share: words::percent(count, total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_the_whole_subject_whatever_its_id_is() {
        let query = SubjectQuery {
            id: " a\"b&c/../#".into(),
            resource_type: "Patient".into(),
            org: "acme".into(),
            from: "2026-01-05T10:00".into(),
            to: String::new(),
        };
        let subject = Subject::parse(Kind::Resource, &query).expect("all of it is known");
        let expected =
            "/resource?type=Patient&id=%20a%22b%26c%2F..%2F%23&org=acme&from=2026-01-05T10%3A00%3A00Z";
        assert_eq!(subject.address(), expected);
        let text = subject.text("status:failure");
        let expected =
            r##"type:"Patient" resource:" a\"b&c/../#" org:"acme" at:>=2026-01-05T10:00:00Z status:failure"##;
        assert_eq!(text, expected);
        search_text::parse(&text).expect("our own text can be read");
        let principal = Subject::parse(Kind::Principal, &query).expect("a type is no trouble");
        assert_eq!(principal.resource_type, None);
        assert_eq!(
            Subject::parse(Kind::Principal, &SubjectQuery::default()).expect_err("nobody").field,
            "id"
        );
    }

    #[test]
    fn an_action_says_how_it_ended_and_leads_to_what_there_is() {
        let mut by_status = [0; 3];
        by_status[Status::Failure as usize] = 2;
        let row = action_row(&Subject::principal("eve"), &ActionCount { action: "a".into(), by_status });
        let numbers: Vec<&str> = row.by_status.iter().map(|(number, _)| number.as_str()).collect();
        assert_eq!((row.count.as_str(), numbers), ("2", vec!["0", "2", "0"]));
        assert_eq!(row.by_status[0].1, None);
        assert!(
            row.by_status[1].1.as_ref().is_some_and(|href| href.ends_with("status%3Afailure")),
            "{row:?}"
        );
    }
}
