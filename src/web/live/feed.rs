//! The stream of one page: looks when something was committed, at most once a second, and tells what is other.

use super::news::{AlertNews, Numbers, numbers};
use super::places::{Full, Place};
use super::stream::{self, push_event};
use super::tail::{Rows, Tail};
use crate::model::{Caller, Seq};
use crate::store::AlertStatistics;
use crate::web::api::search;
use crate::web::auth::{self, Reader};
use crate::web::error::Problem;
use crate::web::pages::events::{EventsFilter, EventsQuery};
use crate::web::show::events::filter_of;
use crate::web::state::{App, Appliance};
use crate::web::stream::{Broken, Source};
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The shortest time from one look to the next.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest silence; a comment ends it, so that both ends learn of a connection that is gone.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// How long a look waits for the counters to come to what was committed.
const COUNTING_PATIENCE: Duration = Duration::from_millis(500);
/// Milliseconds after which a client comes again.
const RETRY_MILLIS: u32 = 3_000;
/// Seconds after which a client that found no place may ask again.
const FULL_RETRY_SECS: u64 = 60;

/// The query of `/live`, but for the filter of the tail, which is that of the list of events.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct LiveQuery {
    /// How many alerts the page knows of.
    alerts: Option<u64>,
    /// From which entry on events are told; without it none are.
    tail: Option<u64>,
}

/// `GET /live`.
pub async fn follow(
    State(app): State<App>,
    Query(query): Query<LiveQuery>,
    Query(events): Query<EventsQuery>,
    headers: HeaderMap,
    Asking { parts, caller }: Asking,
) -> Result<Response, Problem> {
    let asked =
        EventsFilter::parse(&events).map_err(|error| Problem::parameter(error.field, error.to_string()))?;
    let text = search::parse("q", asked.text.as_deref())?;
    let place = app.live.take(holder(&headers, &caller)).map_err(no_place)?;
    let last = headers.get("last-event-id").and_then(|id| Mark::parse(id.to_str().ok()?));
    let tail = query.tail.map(|first| Tail {
        filter: filter_of(&asked, caller.organizations.clone()),
        text: Arc::new(text),
        next: Seq(last.map_or(first, |mark| mark.next)),
    });
    let known = last.map(|mark| mark.alerts).or(query.alerts);
    let committed = app.writer.committed();
    Ok(stream::respond(Feed {
        seen: Seen { known, counts: None, numbers: Numbers::new(), tail },
        spoke: None,
        is_over: false,
        _place: place,
        app,
        parts,
        caller,
        committed,
    }))
}

/// Who asks, and what they asked with, so that they can be asked for again.
pub struct Asking {
    parts: Parts,
    caller: Caller,
}

impl FromRequestParts<App> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Asking, Problem> {
        let Reader(caller) = <Reader as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        Ok(Asking { parts: parts.clone(), caller })
    }
}

/// Whose share of the streams it takes: the session's, else the caller's.
fn holder(headers: &HeaderMap, caller: &Caller) -> String {
    auth::session_of(headers).map_or_else(|| caller.name.clone(), hex::encode)
}

fn no_place(full: Full) -> Problem {
    let (status, code, message) = match full {
        Full::Own => {
            let message = "this session has as many live pages open as it may; close one of them";
            (StatusCode::TOO_MANY_REQUESTS, "live_pages", message)
        }
        Full::All => {
            let message =
                "as many live pages are open as there may be; pages still show what is new when reloaded";
            (StatusCode::SERVICE_UNAVAILABLE, "live_pages", message)
        }
    };
    Problem { retry_after: Some(FULL_RETRY_SECS), ..Problem::new(status, code, message) }
}

/// How far a client has come, as the id of an event: `ALERTS-ENTRY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    alerts: u64,
    next: u64,
}

impl Mark {
    fn parse(id: &str) -> Option<Mark> {
        let (alerts, next) = id.split_once('-')?;
        Some(Mark { alerts: alerts.parse().ok()?, next: next.parse().ok()? })
    }
}

/// One client's stream.
struct Feed {
    app: App,
    parts: Parts,
    caller: Caller,
    committed: watch::Receiver<Seq>,
    seen: Seen,
    /// When the last part was made.
    spoke: Option<Instant>,
    is_over: bool,
    _place: Place,
}

/// What the client knows.
#[derive(Clone)]
struct Seen {
    /// How many alerts there are; unknown until the first event where the client does not say.
    known: Option<u64>,
    counts: Option<Arc<AlertStatistics>>,
    numbers: Numbers,
    tail: Option<Tail>,
}

impl Source for Feed {
    async fn next(mut self) -> Result<Option<(Bytes, Feed)>, Broken> {
        if self.is_over {
            return Ok(None);
        }
        let streams = self.app.live.clone();
        let part = tokio::select! {
            part = self.part() => part,
            () = streams.ended() => None,
        };
        self.spoke = Some(Instant::now());
        Ok(part.map(|part| (part.into(), self)))
    }
}

impl Feed {
    async fn part(&mut self) -> Option<String> {
        let Some(spoke) = self.spoke else {
            let news = self.look().await?;
            return Some(format!("retry: {RETRY_MILLIS}\n\n{news}"));
        };
        tokio::time::sleep_until(spoke + PAUSE).await;
        loop {
            tokio::select! {
                changed = self.committed.changed() => changed.ok()?,
                () = tokio::time::sleep_until(spoke + SILENCE_MAX) => {
                    return Some(if self.is_known().await { ": still here\n\n".to_owned() } else { self.farewell() });
                }
            }
            let news = self.look().await?;
            if !news.is_empty() {
                return Some(news);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What is other than the client knows; ends the stream where the caller is no longer who they were.
    async fn look(&mut self) -> Option<String> {
        self.committed.mark_unchanged();
        if !self.is_known().await {
            return Some(self.farewell());
        }
        self.app.counted.reaches(self.app.store.size(), COUNTING_PATIENCE).await;
        let (caller, mut seen) = (self.caller.clone(), self.seen.clone());
        let looked = self.app.list(move |app| seen.look(app, &caller).map(|news| (news, seen))).await;
        // What went wrong stands in the log; the client comes again.
        let (news, seen) = looked.ok()?;
        self.seen = seen;
        Some(news)
    }

    async fn is_known(&self) -> bool {
        let caller = auth::identify_again(&self.parts, &self.app).await;
        caller.is_ok_and(|caller| caller.as_ref() == Some(&self.caller))
    }

    fn farewell(&mut self) -> String {
        #[derive(Serialize)]
        struct Farewell {
            reason: &'static str,
        }
        self.is_over = true;
        let mut part = String::new();
        push_event(&mut part, "end", None, &Farewell { reason: "session" });
        part
    }
}

impl Seen {
    fn look(&mut self, app: &Appliance, caller: &Caller) -> Result<String, Problem> {
        let mut part = String::new();
        let counts = app.store.alert_statistics(&caller.organizations)?;
        let known = self.known.unwrap_or(counts.total);
        let found = self.tail.as_mut().map(|tail| tail.look(app)).transpose()?;
        let next = self.tail.as_ref().map_or(0, |tail| tail.next.0);
        let id = format!("{}-{next}", counts.total);
        if self.counts.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &counts)) {
            push_event(&mut part, "alerts", Some(&id), &AlertNews::new(&counts, known));
        }
        self.known = Some(counts.total);
        self.counts = Some(counts);
        let numbers = numbers(app, &caller.organizations)?;
        if self.numbers != numbers {
            push_event(&mut part, "numbers", None, &numbers);
            self.numbers = numbers;
        }
        if let Some(rows) = found.filter(|rows: &Rows| !rows.is_empty()) {
            push_event(&mut part, "rows", Some(&id), &rows);
        }
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_event_says_how_far_a_client_has_come() {
        assert_eq!(Mark::parse("3-17"), Some(Mark { alerts: 3, next: 17 }));
        for id in ["", "3", "3-", "-17", "3-17-1", "a-b"] {
            assert_eq!(Mark::parse(id), None, "{id:?}");
        }
    }
}
