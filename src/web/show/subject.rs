//! Reads all of one principal or one resource.

use super::events::row;
use super::{Visitor, frame, page};
use crate::model::{Caller, EventFilter, EventOrder, EventQuery, Seq, Stored};
use crate::search::{FacetRequest, Profile, ProfileRequest, SearchError};
use crate::search_text::Query as SearchText;
use crate::web::chart::histogram::Steps;
use crate::web::error::Problem;
use crate::web::pages::filter::last_before;
use crate::web::pages::subject::{Kind, LISTED, Subject, SubjectData, SubjectPage, SubjectQuery};
use crate::web::patterns::InForce;
use crate::web::searches;
use crate::web::state::{App, Appliance};
use axum::extract::{Query, RawQuery, State};
use axum::response::Response;
use jiff::Timestamp;

/// Newest events that the page lists.
const EVENTS_LISTED: usize = 15;
/// Newest events whose alerts are looked for.
const EVENTS_WITH_ALERTS: usize = 500;
/// Alerts that the page lists.
const ALERTS_LISTED: usize = 8;

/// `GET /principal`.
pub async fn principal(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Query(query): Query<SubjectQuery>,
    RawQuery(address): RawQuery,
) -> Result<Response, Problem> {
    show(app, caller, Kind::Principal, &query, address.as_deref()).await
}

/// `GET /resource`.
pub async fn resource(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Query(query): Query<SubjectQuery>,
    RawQuery(address): RawQuery,
) -> Result<Response, Problem> {
    show(app, caller, Kind::Resource, &query, address.as_deref()).await
}

async fn show(
    app: App,
    caller: Caller,
    kind: Kind,
    query: &SubjectQuery,
    address: Option<&str>,
) -> Result<Response, Problem> {
    let subject =
        Subject::parse(kind, query).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    // To look at one person is a search too.
    searches::note(&app, &caller, subject.path(), address).await?;
    app.list(move |app| {
        let data = read(app, &caller, &subject)?;
        page(&SubjectPage::new(frame(app, &caller)?, &subject, data))
    })
    .await
}

fn read(app: &Appliance, caller: &Caller, subject: &Subject) -> Result<SubjectData, Problem> {
    let filter = filter_of(subject, caller);
    let settings = InForce::read(app)?.settings;
    let off_hours = settings.for_organization(subject.organization.as_deref()).off_hours.clone();
    let counted = match count(app, &filter, off_hours.time_zone.clone()) {
        Ok(counted) => Ok(counted),
        Err(error @ SearchError::NotReady { .. }) => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let (seqs, rows) = match &counted {
        Ok(_) => newest_of_index(app, filter)?,
        Err(_) => newest_of_log(app, filter)?,
    };
    let key = (subject.kind == Kind::Principal).then_some(&*subject.id);
    let alerts = app.store.alerts_about(key, &seqs, &caller.organizations, ALERTS_LISTED)?;
    let rows = rows.iter().filter_map(row).collect();
    Ok(SubjectData { counted, off_hours, alerts, rows })
}

fn filter_of(subject: &Subject, caller: &Caller) -> EventFilter {
    let id = [subject.id.clone()].into();
    let (principals, resource_ids) = match subject.kind {
        Kind::Principal => (id, [].into()),
        Kind::Resource => ([].into(), id),
    };
    EventFilter {
        principals,
        resource_ids,
        resource_types: subject.resource_type.clone().into_iter().collect(),
        organizations: subject.organization.clone().into_iter().collect(),
        from: subject.from,
        to: last_before(subject.to),
        ..EventFilter::all(caller.organizations.clone())
    }
}

fn count(
    app: &Appliance,
    filter: &EventFilter,
    zone: jiff::tz::TimeZone,
) -> Result<(Profile, Option<Steps>), SearchError> {
    let when = FacetRequest { facets: Vec::new(), values_max: 0, histogram: None };
    let span = app.search.facets(&SearchText::everything(), filter, &when)?.span;
    let (first, last) = span.unwrap_or((Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH));
    let steps = Steps::over(filter.from.unwrap_or(first), filter.to.unwrap_or(last));
    let histogram = steps.and_then(|steps| steps.histogram());
    let profile = app.search.profile(filter, &ProfileRequest { values_max: LISTED, histogram, zone })?;
    Ok((profile, steps))
}

fn newest(filter: EventFilter, limit: usize) -> EventQuery {
    EventQuery { filter, order: EventOrder::Timestamp, descending: true, offset: 0, limit, after: None }
}

/// The numbers of many of the newest events, and the first of these events.
fn newest_of_index(app: &Appliance, filter: EventFilter) -> Result<(Vec<Seq>, Vec<Stored>), Problem> {
    let found = app.search.events(&SearchText::everything(), &newest(filter, EVENTS_WITH_ALERTS))?;
    let seqs: Vec<Seq> = found.hits.iter().map(|hit| Seq(hit.seq)).collect();
    let rows = app.store.events_at(&seqs[..seqs.len().min(EVENTS_LISTED)])?.events;
    Ok((seqs, rows))
}

/// The same without an index, where reading the events is all that can be done.
fn newest_of_log(app: &Appliance, filter: EventFilter) -> Result<(Vec<Seq>, Vec<Stored>), Problem> {
    let rows = app.store.events_page(&newest(filter, EVENTS_LISTED))?.events;
    Ok((rows.iter().map(|stored| stored.entry.seq).collect(), rows))
}
