//! What people and the appliance itself did, as JSON, and the reading of it that the page shares.

use super::parameters::Parameters;
use crate::model::{ActivityGroup, ActivityQuery, ActivityScope, ReceivedAt, Seq, SourceId};
use crate::store::{ActivityPage, StoredActivity};
use crate::web::auth::Reader;
use crate::web::error::Problem;
use crate::web::pages::activity::Sentence;
use crate::web::state::{App, Appliance};
use crate::web::view;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::Duration;
use uuid::Uuid;

/// Activities of one answer.
const LIMIT_MAX: usize = 500;
const LIMIT_DEFAULT: usize = 50;
/// About how long one answer may be searched for; the next goes on from there.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Page {
    activities: Vec<ActivityJson>,
    pagination: Pagination,
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActivityJson {
    seq: Seq,
    received_at: String,
    leaf_hash: String,
    kind: &'static str,
    by: Option<String>,
    sentence: String,
    alert_id: Option<Uuid>,
    /// The entry's body as it stands in the log.
    activity: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    limit: usize,
    next_cursor: Option<String>,
    /// Where a search that took too long has come: it goes on from `nextCursor`.
    searched_back_to: Option<String>,
}

/// `GET /api/v1/activity`.
pub async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut given = Parameters::parse(query.as_deref())?;
    let kinds = "alerts, notifications, people, keys, settings, searches, log, input";
    let cursor = given.one("cursor")?;
    let invalid_cursor = || Problem::parameter("cursor", "cursor must be a nextCursor of an earlier answer");
    let asked = ActivityQuery {
        groups: given.set("kind", ActivityGroup::from_name, kinds)?,
        person: given.one("person")?,
        from: given.start("startDate")?.map(ReceivedAt::from_timestamp),
        // The last moment that counts is named here, the first that does not is meant there.
        before: given
            .end("endDate")?
            .map(|end| ReceivedAt(ReceivedAt::from_timestamp(end).0.saturating_add(1))),
        below: cursor.map(|text| text.parse().map(Seq).map_err(|_| invalid_cursor())).transpose()?,
        ..ActivityQuery::newest(
            ActivityScope::of(&caller),
            given.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?,
        )
    };
    given.finish()?;
    let limit = asked.limit;
    let page = app.list(move |app| {
        let page = read(app, asked)?;
        let searched_back_to = searched_back_to(app, &page)?.map(view::instant);
        let next_cursor = page.below.map(|below| below.to_string());
        Ok::<_, Problem>(Page {
            activities: page.activities.iter().map(|found| json(app, found)).collect(),
            pagination: Pagination { limit, next_cursor, searched_back_to },
            damaged: (page.damaged > 0).then_some(page.damaged),
        })
    });
    Ok(Json(page.await?).into_response())
}

/// The activities that the query asks for. A person may also be an API key, as `key:NAME`.
pub fn read(app: &Appliance, asked: ActivityQuery) -> Result<ActivityPage, Problem> {
    let key = asked.person.as_deref().and_then(|person| person.strip_prefix("key:"));
    let ring = app.keyring.get();
    let source = key.and_then(|key| ring.names().iter().find(|(_, name)| *name == key));
    let source = source.map(|(source, _)| *source);
    Ok(app.store.activities_page(&ActivityQuery { source, ..asked }, PATIENCE)?)
}

/// When the entry was received at which a search was given up.
pub fn searched_back_to(app: &Appliance, page: &ActivityPage) -> Result<Option<ReceivedAt>, Problem> {
    let Some(below) = page.below.filter(|_| page.cut_short) else { return Ok(None) };
    let entry = app.store.entry(below)?.and_then(Result::ok);
    Ok(Some(entry.map_or(app.store.last_received_at(), |stored| stored.entry.received_at)))
}

/// What was done in words; the API key that did it by its name.
pub fn sentence(app: &Appliance, found: &StoredActivity) -> Sentence {
    Sentence::new(&found.activity, &app.keyring.get().name(found.stored.entry.source))
}

fn json(app: &Appliance, found: &StoredActivity) -> ActivityJson {
    let (entry, activity) = (&found.stored.entry, &found.activity);
    let key = (entry.source != SourceId(0)).then(|| format!("key:{}", app.keyring.get().name(entry.source)));
    let body = String::from_utf8_lossy(&entry.body).into_owned();
    ActivityJson {
        seq: entry.seq,
        received_at: view::instant(entry.received_at),
        leaf_hash: hex::encode(found.stored.leaf_hash),
        kind: activity.group().name(),
        by: activity.by().map(str::to_owned).or(key),
        sentence: sentence(app, found).whole(),
        alert_id: activity.alert(),
        activity: RawValue::from_string(body).expect("the body was just read as JSON"),
    }
}
