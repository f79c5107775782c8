//! Searches events and alerts, and counts what is found.

use super::events::row;
use super::{Visitor, frame, page};
use crate::model::{AlertFilter, AlertOrder, Caller, CallerKind, EventFilter, EventOrder, EventQuery, Seq};
use crate::search::{Facet, FacetRequest, Found, SearchError};
use crate::search_text::{self, Query};
use crate::store::{SAVED_SEARCHES_MAX, StoreError};
use crate::web::api::events::{cursor, parse_cursor};
use crate::web::chart::histogram::Steps;
use crate::web::error::Problem;
use crate::web::pages::filter::last_before;
use crate::web::pages::search::narrow::FIELDS;
use crate::web::pages::search::{
    ADDRESS_BYTES_MAX, ALERTS_SHOWN, AlertsView, FacetView, FoundView, HITS_PER_PAGE, Outcome, SavedView,
    SearchPage, SearchQuery, SearchSort, SearchState, SpreadView, UnreadView, VALUES_SHOWN, exports,
};
use crate::web::pages::words;
use crate::web::searches;
use crate::web::state::{App, Appliance};
use axum::extract::{Query as Parameters, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

/// Hits that may stand before a page in the order of relevance.
const OFFSET_MAX: usize = 100_000;
/// Seconds after which the index may be asked again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// `GET /search`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Parameters(query): Parameters<SearchQuery>,
    RawQuery(address): RawQuery,
) -> Result<Response, Problem> {
    let state =
        SearchState::parse(&query).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    if state.is_search() {
        searches::note(&app, &caller, "/search", address.as_deref()).await?;
    }
    let now = app.clock.now();
    app.list(move |app| {
        let outcome = outcome(app, &caller, &state, now)?;
        let status = match &outcome {
            Outcome::Found(_) => StatusCode::OK,
            Outcome::Unread(_) | Outcome::Refused(_) => StatusCode::BAD_REQUEST,
            Outcome::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let saved = match caller.kind {
            CallerKind::User => {
                let saved = app.store.saved_searches(&caller.name)?;
                Some(SavedView::new(saved, &state, SAVED_SEARCHES_MAX))
            }
            _ => None,
        };
        let mut response = page(&SearchPage::new(frame(app, &caller)?, &state, outcome, saved))?;
        *response.status_mut() = status;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        Ok(response.into_response())
    })
    .await
}

/// What the index refuses is an outcome that the page tells of, and everything else a problem.
fn outcome(
    app: &Appliance,
    caller: &Caller,
    state: &SearchState,
    now: Timestamp,
) -> Result<Outcome, Problem> {
    if state.address().len() > ADDRESS_BYTES_MAX {
        let message =
            "The search text is too long for this page. Shorten it, or ask the API, which takes longer ones.";
        return Ok(Outcome::Refused(message.to_owned()));
    }
    let text = match search_text::parse(&state.text) {
        Ok(text) => text,
        Err(fault) => return Ok(Outcome::Unread(UnreadView::new(&state.text, &fault))),
    };
    let looking = Looking { app, caller, state, text: &text, now };
    match looking.find() {
        Ok(found) => Ok(Outcome::Found(Box::new(found))),
        Err(Trouble::Index(SearchError::NotReady { percent })) => Ok(Outcome::NotReady(percent)),
        Err(Trouble::Index(error @ SearchError::TooWide)) => {
            Ok(Outcome::Refused(sentence(&error.to_string())))
        }
        Err(Trouble::Index(error @ SearchError::Damaged(_))) => {
            tracing::error!(%error, "a search failed");
            Ok(Outcome::NotReady(0))
        }
        Err(Trouble::Index(error)) => Err(error.into()),
        Err(Trouble::Other(problem)) => Err(problem),
    }
}

/// An error's message as people read it.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

/// One search of one caller.
struct Looking<'a> {
    app: &'a Appliance,
    caller: &'a Caller,
    state: &'a SearchState,
    text: &'a Query,
    now: Timestamp,
}

enum Trouble {
    Index(SearchError),
    Other(Problem),
}

impl From<SearchError> for Trouble {
    fn from(error: SearchError) -> Trouble {
        Trouble::Index(error)
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Trouble {
        Trouble::Other(problem)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Other(error.into())
    }
}

impl Looking<'_> {
    fn find(&self) -> Result<FoundView, Trouble> {
        let begin = self.state.begin(self.now);
        let filter = EventFilter {
            from: begin,
            to: last_before(self.state.to),
            ..EventFilter::all(self.caller.organizations.clone())
        };
        let (found, next) = self.hits(&filter)?;
        let seqs: Vec<Seq> = found.hits.iter().map(|hit| Seq(hit.seq)).collect();
        let read = self.app.store.events_at(&seqs)?;
        let (spread, facets) = self.counts(&filter)?;
        let at = |cursor: Option<String>| SearchState { cursor, ..self.state.clone() }.address();
        let damaged = (read.damaged > 0).then(|| words::counted(read.damaged, "event"));
        let is_timed = self.state.range.is_some() || self.state.from.is_some() || self.state.to.is_some();
        Ok(FoundView {
            rows: read.events.iter().filter_map(row).collect(),
            total: words::counted(found.total, "event"),
            damaged,
            first: self.state.cursor.is_some().then(|| at(None)),
            next: next.map(|next| at(Some(next))),
            spread,
            facets,
            alerts: self.alerts(&filter)?,
            exports: exports(self.state, (begin, self.state.to)),
            at_all_times: is_timed.then(|| self.state.within(None, None, None).address()),
        })
    }

    /// The events of the page, and where the next one begins.
    fn hits(&self, filter: &EventFilter) -> Result<(Found, Option<String>), Trouble> {
        let place = self.state.cursor.as_deref();
        if self.state.sort == SearchSort::Relevance && !self.text.is_everything() {
            let offset = place.map_or(Ok(0), str::parse).ok().filter(|offset| *offset <= OFFSET_MAX);
            let offset = offset.ok_or_else(|| {
                Problem::parameter(
                    "cursor",
                    "cursor must be that of a page before; narrow the search to see more",
                )
            })?;
            let found = self.app.search.most_relevant(self.text, filter, offset, HITS_PER_PAGE)?;
            let next = offset + found.hits.len();
            let next = (found.has_next && next <= OFFSET_MAX).then(|| next.to_string());
            return Ok((found, next));
        }
        let query = EventQuery {
            filter: filter.clone(),
            order: EventOrder::Timestamp,
            descending: true,
            offset: 0,
            limit: HITS_PER_PAGE,
            after: place.map(parse_cursor).transpose()?,
        };
        let found = self.app.search.events(self.text, &query)?;
        let next = found.hits.last().filter(|_| found.has_next).map(|last| cursor(*last));
        Ok((found, next))
    }

    /// How what was found is spread over time and over values.
    fn counts(&self, filter: &EventFilter) -> Result<(Option<SpreadView>, Vec<FacetView>), Trouble> {
        let facets =
            [Facet::Action, Facet::Principal, Facet::Organization, Facet::Status, Facet::Classification];
        let span = FacetRequest { facets: Vec::new(), values_max: 0, histogram: None };
        let Some((first, last)) = self.app.search.facets(self.text, filter, &span)?.span else {
            return Ok((None, Vec::new()));
        };
        // A time back from now ends now, and not with the last event.
        let last = if self.state.range.is_some() { last.max(self.now) } else { last };
        let steps = Steps::over(filter.from.unwrap_or(first), filter.to.unwrap_or(last));
        let histogram = steps.and_then(|steps| steps.histogram());
        let request = FacetRequest { facets: facets.to_vec(), values_max: VALUES_SHOWN, histogram };
        let counted = self.app.search.facets(self.text, filter, &request)?;
        let views = FIELDS.into_iter().zip(counted.facets).map(|(field, counts)| {
            FacetView::new(self.state, field, counts.into_iter().map(|count| (count.value, count.count)))
        });
        let spread = steps.map(|steps| SpreadView::new(self.state, &steps, &counted.histogram));
        Ok((spread, views.filter(|facet| !facet.values.is_empty()).collect()))
    }

    fn alerts(&self, filter: &EventFilter) -> Result<AlertsView, Trouble> {
        let scope = self.caller.organizations.clone();
        let wanted = AlertFilter { from: filter.from, to: filter.to, ..AlertFilter::all(scope) };
        let order = AlertOrder::CreatedAt;
        let found = self.app.store.alerts_page(&wanted, self.text, order, true, 0, ALERTS_SHOWN)?;
        let times = (filter.from, self.state.to);
        Ok(AlertsView::new(self.state, times, &found.alerts, found.total, found.by_pattern))
    }
}
