//! Reads the list of alerts.

use super::{BaseUrl, Visitor, Wanted, frame, page};
use crate::model::{AlertFilter, AlertOrder, AlertStatus};
use crate::search_text;
use crate::store::AlertPage;
use crate::web::api::search;
use crate::web::error::Problem;
use crate::web::export::{self, Asking, Format};
use crate::web::pages::alerts::{ALERTS_PER_PAGE, AlertSort, AlertsFilter, AlertsPage, AlertsQuery, Found};
use crate::web::searches;
use crate::web::state::App;
use axum::extract::{Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeSet;

/// `GET /alerts`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    BaseUrl(base_url): BaseUrl,
    Query(query): Query<AlertsQuery>,
    RawQuery(address): RawQuery,
) -> Result<Response, Problem> {
    let asked =
        AlertsFilter::parse(&query).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    let text = search_text::parse(asked.search.as_deref().unwrap_or_default());
    if asked.is_search() && text.is_ok() {
        searches::note(&app, &caller, "/alerts", address.as_deref()).await?;
    }
    let status = if text.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let shown = app.list(move |app| {
        let all = AlertFilter::all(caller.organizations.clone());
        let filter = AlertFilter { scope: caller.organizations.clone(), ..filter_of(&asked, all) };
        let offset = usize::try_from(asked.offset()).unwrap_or(usize::MAX);
        let limit = ALERTS_PER_PAGE as usize;
        let (order, descending) = (order_of(asked.sort), asked.descending);
        let find = |text| app.store.alerts_listed(&filter, text, order, descending, offset, limit);
        let found = text.as_ref().map_or_else(|_| Ok(AlertPage::default()), find)?;
        let any = found.total > 0 || app.store.alert_statistics(&caller.organizations)?.total > 0;
        let fault = text.as_ref().err();
        let found = Found { alerts: &found.alerts, total: found.total as u64, any, fault };
        page(&AlertsPage::new(frame(app, &caller)?, &asked, found, &base_url))
    });
    Ok((status, shown.await?).into_response())
}

/// `GET /alerts/export`: all alerts that the list has with that filter, as a file.
pub async fn export(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Query(query): Query<AlertsQuery>,
    Query(wanted): Query<Wanted>,
    RawQuery(address): RawQuery,
) -> Result<Response, Problem> {
    let format = Format::parse(Some(&wanted.format))?;
    let asked =
        AlertsFilter::parse(&query).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    let text = search::parse("search", asked.search.as_deref())?;
    let filter = filter_of(&asked, AlertFilter::all(caller.organizations.clone()));
    export::alerts(app, Asking { caller, format, query: address }, filter, text).await
}

fn filter_of(asked: &AlertsFilter, all: AlertFilter) -> AlertFilter {
    let statuses = AlertStatus::ALL.into_iter().filter(|status| asked.status.allows(*status));
    AlertFilter {
        statuses: statuses.collect(),
        severities: asked.severity.into_iter().collect(),
        patterns: asked.pattern.into_iter().collect(),
        organizations: asked.organization.clone().into_iter().collect::<BTreeSet<_>>(),
        ..all
    }
}

fn order_of(sort: AlertSort) -> AlertOrder {
    match sort {
        AlertSort::Severity => AlertOrder::Severity,
        AlertSort::Pattern => AlertOrder::Pattern,
        AlertSort::Status => AlertOrder::Status,
        AlertSort::Organization => AlertOrder::Organization,
        AlertSort::Occurrences => AlertOrder::Occurrences,
        AlertSort::FirstSeen => AlertOrder::CreatedAt,
        AlertSort::LastSeen => AlertOrder::LastSeenAt,
    }
}
