//! Reads what is proven of the log.

use super::{Visitor, frame, page};
use crate::merkle::{Checkpoint, Note};
use crate::model::{Activity, ActivityGroup, ActivityQuery, ActivityScope, ReceivedAt, Seq};
use crate::store::StoredCheckpoint;
use crate::web::error::Problem;
use crate::web::pages::integrity::{IntegrityPage, IntegritySheet, LastCheck, LogState};
use crate::web::state::{App, Appliance};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use std::time::{Duration, Instant};

/// About how long the log is searched for its last check of itself.
const CHECK_PATIENCE: Duration = Duration::from_secs(1);
/// Entries about the log of one step of that search; one of them may tell of a check.
const STEP: usize = 100;

/// `GET /integrity`.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let base_url = base_url(&headers);
    app.list(move |app| {
        let check = last_check(app)?;
        page(&IntegrityPage::new(frame(app, &caller)?, &read(app, check, base_url)?))
    })
    .await
}

/// `GET /integrity/sheet`.
pub async fn sheet(
    State(app): State<App>,
    Visitor(caller): Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (base_url, now) = (base_url(&headers), app.clock.now());
    app.read(move |app| {
        let log = read(app, LastCheck::None(None), base_url)?;
        page(&IntegritySheet::new(frame(app, &caller)?, &log, now))
    })
    .await
}

fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("127.0.0.1:5600"))
}

fn read(app: &Appliance, last_check: LastCheck, base_url: String) -> Result<LogState, Problem> {
    let tree_of = |checkpoint: StoredCheckpoint| {
        let note = Note::parse(checkpoint.text.as_bytes()).map_err(Problem::internal)?;
        let tree = Checkpoint::parse(note.text()).map_err(Problem::internal)?.tree;
        Ok::<_, Problem>((checkpoint, tree))
    };
    let mut keys = Vec::new();
    for key in app.store.log_keys()? {
        let named = app.store.entry(key.named_at)?.and_then(Result::ok);
        keys.push((key, named.map(|stored| stored.entry.received_at)));
    }
    Ok(LogState {
        origin: app.store.origin()?.unwrap_or_default(),
        // Before the size, so that a checkpoint never covers more than there seems to be.
        checkpoint: app.store.checkpoint()?.map(tree_of).transpose()?,
        size: app.store.size(),
        keys,
        last_check,
        base_url,
    })
}

/// The newest entry that tells of a check. Everyone may know of it: it says nothing of any event.
fn last_check(app: &Appliance) -> Result<LastCheck, Problem> {
    let groups = [ActivityGroup::Log].into();
    let started = Instant::now();
    let mut query = ActivityQuery { groups, ..ActivityQuery::newest(ActivityScope::Everything, STEP) };
    loop {
        let left = CHECK_PATIENCE.saturating_sub(started.elapsed());
        let found = app.store.activities_page(&query, left)?;
        let check = found.activities.iter().find_map(|found| match &found.activity {
            Activity::LogChecked { entries, findings, first, .. } => Some(LastCheck::Done {
                at: found.stored.entry.received_at,
                entries: *entries,
                findings: *findings,
                first: first.clone(),
            }),
            _ => None,
        });
        match (check, found.below) {
            (Some(check), _) => return Ok(check),
            (None, None) => return Ok(LastCheck::None(None)),
            (None, Some(below)) if found.cut_short || left.is_zero() => {
                return Ok(LastCheck::None(received_at(app, below)?));
            }
            (None, below) => query.below = below,
        }
    }
}

fn received_at(app: &Appliance, seq: Seq) -> Result<Option<jiff::Timestamp>, Problem> {
    let entry = app.store.entry(seq)?.and_then(Result::ok);
    Ok(entry.map(|stored| stored.entry.received_at).map(ReceivedAt::timestamp))
}
