//! The appliance checks its own log when asked to, and tells how far it has come.

use crate::merkle::{Note, Verifier};
use crate::model::Organizations;
use crate::store::{Anchors, CheckProgress, Report};
use crate::web::auth::Admin;
use crate::web::body::Object;
use crate::web::error::Problem;
use crate::web::state::App;
use crate::web::stream;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use tokio::sync::mpsc;

/// Lines that may wait for whoever reads them.
const LINES_MAX: usize = 16;
/// Threads that read ahead: who sends events comes first.
const THREADS: usize = 1;
/// Keys and checkpoints that one request may bring.
const ANCHORS_MAX: usize = 100;

/// What a caller keeps outside of the log and wants to find in it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Anchored {
    /// Verifier keys.
    pub keys: Vec<String>,
    /// Signed notes.
    pub checkpoints: Vec<String>,
}

/// One line of the answer.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Line {
    /// How far the check has come.
    Progress {
        /// Entries that were checked.
        entries: u64,
        /// Entries that there are to check.
        of: u64,
    },
    /// The last line: what was found.
    Report(Box<Report>),
}

/// `POST /api/v1/log/check`: checks the log as it is at the call. Who hangs up ends it.
pub async fn check(
    State(app): State<App>,
    Admin(caller): Admin,
    Object(anchored): Object<Anchored>,
) -> Result<Response, Problem> {
    if caller.organizations != Organizations::All {
        let message = "the log is that of all organisations; ask an administrator of all of them";
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message));
    }
    let anchors = anchors(&anchored)?;
    let turn = app.log_check.clone().try_lock_owned().map_err(|_| {
        Problem::new(
            StatusCode::CONFLICT,
            "check_under_way",
            "the log is being checked; ask again when that is done",
        )
    })?;
    let (lines, receiver) = mpsc::channel(LINES_MAX);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let mut told = 0;
        let report = app.store.check(&anchors, THREADS, |come| tell(&lines, &mut told, come));
        if let Some(report) = report {
            // Who has hung up does not want to know.
            drop(lines.blocking_send(line(&Line::Report(Box::new(report)))));
        }
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, stream::body(receiver)).into_response())
}

fn anchors(given: &Anchored) -> Result<Anchors, Problem> {
    let invalid = |message: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message);
    if given.keys.len() + given.checkpoints.len() > ANCHORS_MAX {
        return Err(invalid(format!("at most {ANCHORS_MAX} keys and checkpoints can be given")));
    }
    let keys = given.keys.iter().map(|key| Verifier::parse(key).map_err(|error| invalid(error.to_string())));
    let notes = given.checkpoints.iter();
    let notes = notes.map(|note| Note::parse(note.as_bytes()).map_err(|error| invalid(error.to_string())));
    Ok(Anchors { keys: keys.collect::<Result<_, _>>()?, checkpoints: notes.collect::<Result<_, _>>()? })
}

/// Tells of each hundredth; waits for a slow reader, and ends where there is none.
fn tell(lines: &mpsc::Sender<Bytes>, told: &mut u64, come: CheckProgress) -> ControlFlow<()> {
    let hundredth = come.entries * 100 / come.of.max(1) + 1;
    if hundredth == *told {
        return if lines.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    }
    *told = hundredth;
    let progress = Line::Progress { entries: come.entries, of: come.of };
    match lines.blocking_send(line(&progress)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

fn line(line: &Line) -> Bytes {
    let mut bytes = serde_json::to_vec(line).expect("a report has only string keys");
    bytes.push(b'\n');
    bytes.into()
}
