//! Reads the targets and silences, and does what people ask for on their page.

use super::{Visitor, frame, page};
use crate::model::{Caller, ReceivedAt};
use crate::web::api::notify::{TargetView, send_test, target_views};
use crate::web::api::silences::{NewSilence, check_matcher, make};
use crate::web::auth::{AdminOfAll, Triager};
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::health::move_breaker;
use crate::web::pages::notifications::{NotificationsPage, SilenceForm, TargetRow, preview_words};
use crate::web::pages::{text, undelivered, words};
use crate::web::patterns::may_change;
use crate::web::state::{App, Appliance};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::SignedDuration;

/// Silences that the page lists.
const SILENCES_SHOWN_MAX: usize = 50;
/// How far back the preview looks.
const PREVIEW_DAYS: u64 = 7;

/// `GET /notifications`.
pub async fn show(State(app): State<App>, Visitor(caller): Visitor) -> Result<Response, Problem> {
    app.read(move |app| page(&view(app, &caller)?)).await
}

/// `POST /notifications/targets/{name}/test`.
pub async fn test(
    State(app): State<App>,
    AdminOfAll(caller): AdminOfAll,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let tested = send_test(&app, name.clone(), caller.name.clone()).await?;
    let notice = match tested.failure {
        None => ("good", format!("{name} took the test.")),
        Some(why) => ("critical", format!("{name} did not take the test: {why}")),
    };
    app.read(move |app| page(&NotificationsPage { notice: Some(notice), ..view(app, &caller)? })).await
}

/// What is asked of a target's breaker.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerForm {
    /// Whether nothing is to be sent.
    pub open: bool,
}

/// `POST /notifications/targets/{name}/breaker`.
pub async fn breaker(
    State(app): State<App>,
    AdminOfAll(caller): AdminOfAll,
    Path(name): Path<String>,
    Form(form): Form<BreakerForm>,
) -> Result<Response, Problem> {
    move_breaker(&app, name, form.open, caller.name).await?;
    Ok(Redirect::to("/notifications").into_response())
}

/// `POST /notifications/silences`: shows what it would have muted, or makes it.
pub async fn silence(
    State(app): State<App>,
    Triager(caller): Triager,
    Form(form): Form<SilenceForm>,
) -> Result<Response, Problem> {
    let matcher = match form.matcher() {
        Ok(matcher) => matcher,
        Err(field) => {
            let message = format!("there is no {field} of this name; choose one of the list");
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_silence", message);
            return refused(&app, caller, form, problem).await;
        }
    };
    if form.action == "silence" {
        let hours = form.hours.trim().parse().unwrap_or_default();
        let ends_at = app.now_received().timestamp().saturating_add(SignedDuration::from_hours(hours));
        let ends_at = ends_at.unwrap_or(jiff::Timestamp::MAX);
        let new = NewSilence { matcher, reason: form.reason.clone(), ends_at };
        return match make(&app, &caller, new).await {
            Ok(_) => Ok(Redirect::to("/notifications").into_response()),
            Err(problem) => refused(&app, caller, form, problem).await,
        };
    }
    if let Err(problem) = check_matcher(&matcher, &caller) {
        return refused(&app, caller, form, problem).await;
    }
    let since = ReceivedAt(app.now_received().0.saturating_sub(PREVIEW_DAYS * 86_400_000_000_000));
    app.list(move |app| {
        let muted = app.store.would_have_muted(&matcher, since, &caller.organizations)?;
        let words = preview_words(PREVIEW_DAYS, muted.alerts, muted.notifications, muted.is_more);
        let preview = Some((words, muted.latest.first().map(|alert| format!("/alerts/{alert}"))));
        page(&NotificationsPage { preview, form, ..view(app, &caller)? })
    })
    .await
}

/// The page again, with what was typed and why it cannot be.
async fn refused(
    app: &App,
    caller: Caller,
    form: SilenceForm,
    problem: Problem,
) -> Result<Response, Problem> {
    let (status, notice) = (problem.status, Some(("critical", problem.message)));
    let shown = app.read(move |app| page(&NotificationsPage { notice, form, ..view(app, &caller)? })).await?;
    Ok((status, shown).into_response())
}

/// `POST /notifications/silences/{id}/end`.
pub async fn end(
    State(app): State<App>,
    Triager(caller): Triager,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("silence with this id in force");
    let id = id.parse().map_err(|_| missing())?;
    let scope = caller.organizations;
    let ended = app.writer.commit(move |txn| txn.end_silence(id, &scope, &caller.name)).await?;
    if ended { Ok(Redirect::to("/notifications").into_response()) } else { Err(missing()) }
}

fn view(app: &Appliance, caller: &Caller) -> Result<NotificationsPage, Problem> {
    let targets = may_change(caller).then(|| target_views(app)).transpose()?;
    let targets = targets.map(|targets| targets.into_iter().map(row).collect());
    let silences = app.store.silences(&caller.organizations, SILENCES_SHOWN_MAX)?;
    let (scope, windows) = (&caller.organizations, &app.config.notify.routing.maintenance);
    Ok(NotificationsPage::new(frame(app, caller)?, targets, silences, scope, windows, app.now_received()))
}

fn row(target: TargetView) -> TargetRow {
    let state = match (target.gone, target.breaker) {
        (_, "held") => "stopped by hand".to_owned(),
        (true, _) => "gone: it answered 410".to_owned(),
        _ if target.misconfigured => "takes nothing until its settings are mended".to_owned(),
        (_, "closed") if target.failing_since.is_some() => "fails now".to_owned(),
        (_, "closed") if target.dead > 0 => "takes what is sent now, but something was given up".to_owned(),
        (_, "closed") => "well".to_owned(),
        (_, breaker) => format!("left alone for a while (breaker {breaker})"),
    };
    TargetRow {
        tone: if state == "well" { "good" } else { "critical" },
        state,
        kind: target.kind,
        waiting: format!("{} waiting", target.waiting),
        dead: (target.dead > 0)
            .then(|| (words::counted(target.dead as u64, "dead letter"), undelivered::address(&target.name))),
        is_stopped: target.is_stopped(),
        routes: text::short(&target.routes.join(", "), 200),
        failure: target.last_failure.map(|why| text::short(&why, 400)),
        name: target.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_well_only_when_nothing_is_amiss() {
        let well = || TargetView {
            name: "desk".to_owned(),
            kind: "webhook",
            breaker: "closed",
            gone: false,
            waiting: 0,
            oldest_waiting_at: None,
            dead: 0,
            last_told_at: None,
            last_failed_at: None,
            last_failure: None,
            routes: Vec::new(),
            failing_since: None,
            misconfigured: false,
        };
        let since = Some(jiff::Timestamp::UNIX_EPOCH);
        for (view, state, tone) in [
            (well(), "well", "good"),
            (TargetView { failing_since: since, ..well() }, "fails now", "critical"),
            (
                TargetView { misconfigured: true, failing_since: since, ..well() },
                "takes nothing until its settings are mended",
                "critical",
            ),
            (
                TargetView { dead: 1, ..well() },
                "takes what is sent now, but something was given up",
                "critical",
            ),
            (TargetView { breaker: "held", failing_since: since, ..well() }, "stopped by hand", "critical"),
            (TargetView { gone: true, ..well() }, "gone: it answered 410", "critical"),
            (TargetView { breaker: "open", ..well() }, "left alone for a while (breaker open)", "critical"),
        ] {
            let row = row(view);
            assert_eq!((row.state.as_str(), row.tone), (state, tone));
        }
    }
}
