//! Silences: what is muted, by whom, why and until when; and what one would have muted.

use crate::model::{Caller, Matcher, Pattern, ReceivedAt, Silence, tag_of};
use crate::store::SilenceRefusal;
use crate::web::auth::{Reader, Triager};
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::state::App;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Silences that one answer lists.
const LISTED_MAX: usize = 500;
/// Characters of a reason, and of a name in a matcher; names in one of its lists.
const REASON_CHARS_MAX: usize = 1_000;
const NAMES_MAX: usize = 100;
/// The longest that a silence lasts: 90 days.
const SECS_MAX: u64 = 90 * 86_400;
/// How far back a preview looks, at most: 30 days; and where nothing is said.
const PREVIEW_DAYS_MAX: u64 = 30;
const PREVIEW_DAYS: u64 = 7;

/// What somebody asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSilence {
    /// What it is about.
    pub matcher: Matcher,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// What a preview is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewOf {
    /// What the silence would be about.
    pub matcher: Matcher,
    /// How many days back.
    #[serde(default)]
    pub days: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SilenceView {
    id: Uuid,
    matcher: Matcher,
    by: String,
    reason: String,
    created_at: Timestamp,
    ends_at: Timestamp,
    in_force: bool,
    /// Whether it is about others as well, whom the matcher here does not name.
    partial: bool,
}

impl SilenceView {
    fn new((silence, partial): (Silence, bool), now: ReceivedAt) -> SilenceView {
        SilenceView {
            partial,
            in_force: silence.is_in_force(now),
            id: silence.id,
            created_at: silence.created_at.timestamp(),
            ends_at: silence.ends_at.timestamp(),
            matcher: silence.matcher,
            by: silence.by,
            reason: silence.reason,
        }
    }
}

/// `GET /api/v1/silences`: those that can mute something of what the caller may see, the last to end first; of those that are
/// about others as well, without what only those may know.
pub async fn list(State(app): State<App>, Reader(caller): Reader) -> Result<Response, Problem> {
    let now = app.now_received();
    let scope = caller.organizations.clone();
    let found = app.read(move |app| app.store.silences(&scope, LISTED_MAX)).await?;
    let seen = found.into_iter().map(|silence| silence.seen_within(&caller.organizations));
    let views: Vec<SilenceView> = seen.map(|silence| SilenceView::new(silence, now)).collect();
    Ok(Json(serde_json::json!({ "data": views })).into_response())
}

/// `POST /api/v1/silences`.
pub async fn create(
    State(app): State<App>,
    Triager(caller): Triager,
    Object(new): Object<NewSilence>,
) -> Result<Response, Problem> {
    let silence = make(&app, &caller, new).await?;
    let view = SilenceView::new((silence, false), app.now_received());
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Checks what was asked for, and makes the silence.
pub async fn make(app: &App, caller: &Caller, new: NewSilence) -> Result<Silence, Problem> {
    let invalid = |message: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_silence", message);
    check_matcher(&new.matcher, caller)?;
    if new.matcher.is_empty() {
        return Err(invalid("a silence must say what it is about; to be told of nothing, change the routes"));
    }
    let reason = new.reason.trim().to_owned();
    if !(1..=REASON_CHARS_MAX).contains(&reason.chars().count()) {
        return Err(invalid("a silence needs a reason of 1 to 1,000 characters"));
    }
    let ends_at = ReceivedAt::from_timestamp(new.ends_at);
    let secs = ends_at.0.checked_sub(app.now_received().0).map(|nanos| nanos / 1_000_000_000);
    if !secs.is_some_and(|secs| (1..=SECS_MAX).contains(&secs)) {
        return Err(invalid("a silence ends in the future, at most 90 days from now"));
    }
    let (by, created_at) = (caller.name.clone(), ReceivedAt(0));
    let silence = Silence { id: Uuid::now_v7(), matcher: new.matcher, by, reason, created_at, ends_at };
    let made = app.writer.commit(move |txn| txn.make_silence(silence)).await?;
    made.map_err(|refusal: SilenceRefusal| {
        Problem::new(StatusCode::CONFLICT, "too_many_silences", refusal.to_string())
    })
}

/// `POST /api/v1/silences/preview`: what such a silence would have muted in the last days.
pub async fn preview(
    State(app): State<App>,
    Triager(caller): Triager,
    Object(of): Object<PreviewOf>,
) -> Result<Response, Problem> {
    check_matcher(&of.matcher, &caller)?;
    let days = of.days.unwrap_or(PREVIEW_DAYS);
    if !(1..=PREVIEW_DAYS_MAX).contains(&days) {
        return Err(Problem::parameter("days", "days must be a number from 1 to 30"));
    }
    let since = ReceivedAt(app.now_received().0.saturating_sub(days * 86_400_000_000_000));
    let muted =
        app.list(move |app| app.store.would_have_muted(&of.matcher, since, &caller.organizations)).await?;
    let answer = serde_json::json!({
        "days": days,
        "alerts": muted.alerts,
        "notifications": muted.notifications,
        "latestAlertIds": muted.latest,
        "more": muted.is_more,
    });
    Ok(Json(answer).into_response())
}

/// `DELETE /api/v1/silences/{id}`: ends it now.
pub async fn end(
    State(app): State<App>,
    Triager(caller): Triager,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("silence with this id in force");
    let id: Uuid = id.parse().map_err(|_| missing())?;
    let ended =
        app.writer.commit(move |txn| txn.end_silence(id, &caller.organizations, &caller.name)).await?;
    if ended { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(missing()) }
}

/// Nobody mutes what they may not see, and no matcher is without bounds.
pub fn check_matcher(matcher: &Matcher, caller: &Caller) -> Result<(), Problem> {
    if !matcher.is_within(&caller.organizations) {
        let message = "name the organisations in the matcher, and only those that are yours";
        return Err(Problem::new(StatusCode::FORBIDDEN, "organization_not_allowed", message));
    }
    let lists = [&matcher.organizations, &matcher.tags, &matcher.keys];
    let known = |tag: &String| Pattern::ALL.iter().any(|pattern| tag_of(*pattern) == *tag);
    if lists.iter().any(|list| list.iter().any(|name| name.trim().is_empty()))
        || !matcher.tags.iter().all(known)
    {
        let message =
            "a name in the matcher is blank, or a tag is that of no alert: such a silence mutes nothing";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_silence", message));
    }
    let fits = |name: &String| name.chars().count() <= REASON_CHARS_MAX;
    if lists.iter().any(|list| list.len() > NAMES_MAX || !list.iter().all(fits)) {
        let message = "each list of a matcher has at most 100 names of at most 1,000 characters";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_silence", message));
    }
    Ok(())
}
