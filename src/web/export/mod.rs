//! Gives out everything that matches as one file: made as it is taken, and noted in the log before its first byte.

mod alerts;
mod csv;
mod events;

use super::error::Problem;
use super::searches;
use super::state::{App, Appliance};
use super::stream::{self, Broken, Source};
use crate::model::{Activity, AlertFilter, Caller, EventFilter};
use crate::search_text::Query;
use alerts::AlertRows;
use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::EventRows;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Exports at once: each holds some megabytes for as long as its reader takes.
const EXPORTS_MAX: usize = 8;
/// Seconds after which one may try again where there are as many.
const RETRY_SECS: u64 = 30;

/// The exports that are under way.
pub struct Exports(Arc<Semaphore>);

impl Default for Exports {
    fn default() -> Exports {
        Exports(Arc::new(Semaphore::new(EXPORTS_MAX)))
    }
}

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table (RFC 4180).
    Csv,
    /// An object a line.
    Ndjson,
}

impl Format {
    /// The form of that name, as the address has it.
    pub fn parse(name: Option<&str>) -> Result<Format, Problem> {
        match name {
            Some("csv") => Ok(Format::Csv),
            Some("ndjson") => Ok(Format::Ndjson),
            _ => Err(Problem::parameter("format", "format must be csv or ndjson")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Format::Csv => "CSV",
            Format::Ndjson => "NDJSON",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::Ndjson => "application/x-ndjson",
        }
    }
}

/// Who takes what out, and how.
pub struct Asking {
    /// Who.
    pub caller: Caller,
    /// In which form.
    pub format: Format,
    /// What the address says.
    pub query: Option<String>,
}

/// All events that match, as an answer.
pub async fn events(app: App, asked: Asking, filter: EventFilter, text: Query) -> Result<Response, Problem> {
    let rows = EventRows::new(asked.format, filter, text, app.store.size());
    answer(app, asked, "events", rows).await
}

/// All alerts that match, as an answer.
pub async fn alerts(app: App, asked: Asking, filter: AlertFilter, text: Query) -> Result<Response, Problem> {
    let rows = AlertRows::new(asked.format, filter, text, app.store.last_received_at().timestamp());
    answer(app, asked, "alerts", rows).await
}

/// What makes the lines of a file.
trait Rows: Send + 'static {
    /// Appends more of them, about a megabyte at most; perhaps none yet. Reads, and so may block.
    fn push(&mut self, app: &Appliance, piece: &mut Vec<u8>) -> Result<(), Problem>;

    /// Whether that was all.
    fn is_over(&self) -> bool;
}

struct Export<R> {
    app: App,
    rows: R,
    /// What was made before there was an answer.
    begun: Option<Vec<u8>>,
    _place: OwnedSemaphorePermit,
}

impl<R: Rows> Export<R> {
    async fn push(self) -> Result<(Vec<u8>, Export<R>), Problem> {
        let app = self.app.clone();
        app.list(move |app| {
            let mut export = self;
            let mut piece = Vec::new();
            export.rows.push(app, &mut piece)?;
            Ok((piece, export))
        })
        .await
    }
}

impl<R: Rows> Source for Export<R> {
    async fn next(mut self) -> Result<Option<(Bytes, Export<R>)>, Broken> {
        if let Some(begun) = self.begun.take() {
            return Ok(Some((begun.into(), self)));
        }
        let ended = self.app.live.clone();
        while !self.rows.is_over() {
            let (piece, export) = tokio::select! {
                made = self.push() => made.map_err(|problem| Broken(problem.message))?,
                () = ended.ended() => return Err(Broken("the appliance stops".to_owned())),
            };
            self = export;
            if !piece.is_empty() {
                return Ok(Some((piece.into(), self)));
            }
        }
        Ok(None)
    }
}

async fn answer(app: App, asked: Asking, what: &str, rows: impl Rows) -> Result<Response, Problem> {
    let Asking { caller, format, query } = asked;
    let place = app.exports.0.clone().try_acquire_owned().map_err(|_| {
        let message = "as many exports are under way as there may be; try again when one of them is done";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "exports", message);
        Problem { retry_after: Some(RETRY_SECS), ..problem }
    })?;
    // The first piece is made before the answer begins, so that what cannot be searched for is refused in words.
    let export = Export { app: app.clone(), rows, begun: None, _place: place };
    let (begun, export) = export.push().await?;
    let exported = Activity::Exported {
        by: caller.name,
        what: format!("{what} as {}", format.name()),
        query: Some(searches::kept(query.as_deref())).filter(|query| !query.is_empty()),
    };
    app.writer.commit(move |txn| txn.append_activity(&exported)).await?;
    let now = app.clock.now().strftime("%Y%m%dT%H%M%SZ");
    let disposition = format!("attachment; filename=\"sealwatch-{what}-{now}.{}\"", format.extension());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(Problem::internal)?),
    ];
    Ok((headers, stream::body(Export { begun: Some(begun), ..export })).into_response())
}
