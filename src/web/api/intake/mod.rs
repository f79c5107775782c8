//! Taking events in: every form of `POST /audit/events`, and `/bulk`.

mod answers;
mod outcomes;

use crate::decode::{self, Fault, Form, Item, Limits, Request};
use crate::ingest::{self, Notes, Rejection, Sender, Weight};
use crate::keys::Known;
use crate::model::{Activity, Caller, CallerKind, Draft, Salt, Seq, SourceId};
use crate::store::{Account, Answer, StoreError, Txn};
use crate::telemetry::{Step, Trace};
use crate::web::auth::Ingester;
use crate::web::body::{self, Received};
use crate::web::error::Problem;
use crate::web::idempotency::{self, Guard, Guarded};
use crate::web::layers::RequestId;
use crate::web::state::{App, Appliance};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use outcomes::{Outcomes, Shape};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a body up to which it is taken apart on the spot; a larger one goes to a thread of its own.
const ON_THE_SPOT: usize = 32 << 10;
/// Refused inputs of one request that are kept as evidence; the others are counted.
const KEPT_PER_REQUEST_MAX: usize = 10;

/// `POST /api/v1/audit/events`.
pub async fn events(
    State(app): State<App>,
    Ingester(caller): Ingester,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Extension(trace): Extension<Trace>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let request = Incoming { caller, request_id, trace, headers, began: Instant::now() };
    request
        .take_in(&app, body, "/audit/events", |bytes, form, limits| {
            Ok(match decode::request(bytes, form, limits)? {
                Request::Single(item) => (Shape::Single, false, vec![item]),
                Request::Wrapped { item } => (Shape::Single, true, vec![item]),
                Request::Stream(items) => (Shape::Summary, false, items),
            })
        })
        .await
}

/// `POST /api/v1/audit/events/bulk`.
pub async fn bulk(
    State(app): State<App>,
    Ingester(caller): Ingester,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Extension(trace): Extension<Trace>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let request = Incoming { caller, request_id, trace, headers, began: Instant::now() };
    request
        .take_in(&app, body, "/audit/events/bulk", |bytes, form, limits| {
            Ok((Shape::Each, true, decode::bulk(bytes, form, limits)?))
        })
        .await
}

/// A request that brings events, but for its body.
struct Incoming {
    caller: Caller,
    request_id: String,
    trace: Trace,
    headers: HeaderMap,
    began: Instant,
}

impl Incoming {
    async fn take_in(
        self,
        app: &App,
        body: Body,
        path: &str,
        apart: impl for<'a> FnOnce(&'a [u8], Form, &Limits) -> TakeApart<'a> + Send + 'static,
    ) -> Result<Response, Problem> {
        let source = source_of(&self.caller)?;
        app.disk.admit()?;
        let per_sec = app.events_per_sec_max(&app.keyring.get().name(source));
        if per_sec > 0 {
            app.rates.admit(source, per_sec, self.began).map_err(|wait| too_many(per_sec, wait))?;
        }
        let received = booked(app, source, body::receive(app, &self.headers, body).await)?;
        self.trace.step(Step::Receive, self.began, Instant::now());
        // Looked up when the body is there: the key may have been revoked while it came.
        let sender = app.keyring.get().by_source(source).ok_or_else(revoked)?;
        let guard = Guard::of(&self.headers, &self.caller, path, &received.bytes)?;
        let kind = self.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
        let form = decode::form_of(kind);
        let began = Instant::now();
        let taken = match take(app, &sender, received, move |bytes, limits| apart(bytes, form?, limits)).await
        {
            Ok(taken) => {
                note(&self.trace, &taken, began);
                taken
            }
            Err(whole) => {
                let Whole { problem, kept } = *whole;
                settle(app, source, Account { received: 1, rejected: 1, ..Account::default() }, kept).await;
                return Err(problem);
            }
        };
        if per_sec > 0 {
            app.rates.spend(source, per_sec, taken.items.len(), Instant::now());
        }
        store(app, source, taken, guard, self.request_id, self.began, &self.trace).await
    }
}

/// Tells the trace and the log what the request is about, in words that are nobody's data.
fn note(trace: &Trace, taken: &Taken, began: Instant) {
    let Notes { validating, checking, .. } = taken.notes;
    // Events are read and checked in turn; the trace shows the sums one behind the other.
    trace.step(Step::Validate, began, began + validating);
    trace.step(Step::Integrity, began + validating, began + validating + checking);
    trace.put("sealwatch.events", taken.items.len());
    let said = [
        ("sealwatch.action", &taken.notes.action),
        ("sealwatch.organization", &taken.notes.organization),
        ("sealwatch.resource_type", &taken.notes.resource_type),
    ];
    for (name, said) in said {
        if let Some(text) = said.one() {
            trace.put(name, text);
        }
    }
    if let Some(correlation) = taken.notes.correlation.one() {
        tracing::Span::current().record("correlation_id", correlation);
    }
}

/// The source that a caller is: events come by API keys only.
fn source_of(caller: &Caller) -> Result<SourceId, Problem> {
    match caller.kind {
        CallerKind::Key(source) => Ok(source),
        CallerKind::User | CallerKind::Local => {
            let message = "events are sent with an API key, so that their source is known";
            Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message))
        }
    }
}

fn too_many(per_sec: u32, wait: Duration) -> Problem {
    let message = format!("this source may send {per_sec} events a second; nothing was stored");
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
    Problem { retry_after: Some(wait.as_secs_f64().ceil().max(1.0) as u64), ..problem }
}

fn revoked() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "unknown_key",
        "this API key was revoked while the request came in",
    )
}

/// Enters a request that was refused as a whole into the books. What was refused for want of room never came
/// in.
fn booked<T>(app: &Appliance, source: SourceId, result: Result<T, Problem>) -> Result<T, Problem> {
    if result.as_ref().is_err_and(|problem| problem.retry_after.is_none()) {
        app.book_later(source, Account { received: 1, rejected: 1, ..Account::default() });
    }
    result
}

/// A request taken apart, each event ready for the log or refused.
struct Taken {
    shape: Shape,
    items: Vec<(usize, Result<Draft, Rejection>)>,
    /// What is kept of the refused ones.
    kept: Vec<Activity>,
    notes: Notes,
    received: Received,
}

/// A request that was refused as a whole, and what is kept of it.
struct Whole {
    problem: Problem,
    kept: Vec<Activity>,
}

type TakeApart<'a> = Result<(Shape, bool, Vec<Item<'a>>), Fault>;

async fn take(
    app: &App,
    sender: &Arc<Known>,
    received: Received,
    apart: impl for<'a> FnOnce(&'a [u8], &Limits) -> TakeApart<'a> + Send + 'static,
) -> Result<Taken, Box<Whole>> {
    let now = app.clock.now();
    let known = sender.clone();
    let work = move |app: &Appliance, received: Received| {
        let mut notes = Notes::default();
        let limits = &app.config.intake.limits;
        let budget = |wanted: usize| keeping_budget(app, known.key.id, wanted, now);
        let (shape, may_assume, items) = apart(&received.bytes, limits).map_err(|fault| {
            let keep = |_| ingest::kept(&received.bytes, fault.code, fault.field.as_deref());
            let kept = (0..budget(1)).map(keep).collect();
            Box::new(Whole { problem: Problem::from(fault), kept })
        })?;
        let sender = Sender {
            source: known.key.id,
            organization: known.key.organization.as_deref(),
            key: known.signing.as_deref(),
        };
        let salts = salts(items.len());
        let mut refused = Vec::new();
        let items = items.into_iter().zip(salts).map(|(item, salt)| {
            let drafted = item.size.map_err(Rejection::from).and_then(|()| {
                let assumed = may_assume.then_some(now);
                let digest = |raw: &[u8]| app.store.content_digest(raw);
                ingest::draft(item.raw, &sender, limits, assumed, salt, digest, &mut notes)
            });
            if let Err(rejection) = &drafted
                && refused.len() < KEPT_PER_REQUEST_MAX
            {
                refused.push((item.raw, rejection.clone()));
            }
            (item.line, drafted)
        });
        let items = items.collect();
        let kept = refused.iter().take(budget(refused.len()));
        let kept = kept.map(|(raw, rejection)| ingest::kept(raw, rejection.code(), rejection.field()));
        Ok(Taken { shape, items, kept: kept.collect(), notes, received })
    };
    if received.bytes.len() <= ON_THE_SPOT {
        return work(app, received);
    }
    app.read_in_turn(&app.taking_apart, move |app| work(app, received)).await
}

/// How many of `wanted` refused inputs are kept.
fn keeping_budget(app: &Appliance, source: SourceId, wanted: usize, now: Timestamp) -> usize {
    let wanted = u32::try_from(wanted.min(KEPT_PER_REQUEST_MAX)).expect("it is a small number");
    app.keeping.take(source, wanted, app.config.intake.keep_rejected_per_minute, now) as usize
}

fn salts(count: usize) -> Vec<Salt> {
    let mut salts = vec![[0; 32]; count];
    getrandom::fill(salts.as_flattened_mut())
        .expect("the kernel's random source is always there once the host is up");
    salts
}

async fn store(
    app: &App,
    source: SourceId,
    taken: Taken,
    guard: Option<Guard>,
    request_id: String,
    began: Instant,
    trace: &Trace,
) -> Result<Response, Problem> {
    let Taken { shape, items, kept, received, .. } = taken;
    if guard.is_none() && items.iter().all(|(_, drafted)| drafted.is_err()) {
        let outcomes = Outcomes::new(shape, request_id, began, items, Vec::new());
        settle(app, source, outcomes.account(), kept).await;
        return answers::answer(app, outcomes, false).await;
    }
    let events = items.len();
    let weight = Weight { events, bytes: received.bytes.len() };
    let (state, submitted) = (app.clone(), Instant::now());
    let (tracer, context) = (trace.tracer().clone(), trace.context().clone());
    let guarded = app.writer.submit(weight, move |txn| {
        let first = txn.size();
        let work = |txn: &mut Txn<'_>| {
            let outcomes = append(txn, shape, request_id, began, items)?;
            keep_all(txn, source, &kept)?;
            Ok(outcomes)
        };
        let keep = |outcomes: &Outcomes| {
            let body = serde_json::to_vec(outcomes).expect("outcomes have only string keys");
            Some(Answer { status: StatusCode::OK.as_u16(), body })
        };
        let guarded = Guard::run(guard, txn, work, keep)?;
        book(txn, &state, source, account_of(events, &guarded))?;
        if let Some(last) = txn.size().0.checked_sub(1).map(Seq).filter(|last| *last >= first) {
            tracer.origins().put(first, last, &context);
        }
        Ok(guarded)
    });
    let (guarded, times) = guarded.await?;
    // Work may join a commit that others began.
    let begun = times.began.max(submitted);
    trace.step(Step::CommitWait, submitted, begun);
    trace.step(Step::Commit, begun, times.durable);
    trace.put("sealwatch.commit_events", times.events);
    drop(received);
    match guarded {
        Guarded::Done(outcomes) => {
            app.counters.latency().record(began.elapsed(), events.max(1) as u64);
            answers::answer(app, outcomes, false).await
        }
        Guarded::Replayed(kept) => {
            let outcomes = serde_json::from_slice(&kept.body).map_err(Problem::internal)?;
            answers::answer(app, outcomes, true).await
        }
        Guarded::OtherRequest => Err(idempotency::other_request()),
    }
}

fn append(
    txn: &mut Txn<'_>,
    shape: Shape,
    request_id: String,
    began: Instant,
    items: Vec<(usize, Result<Draft, Rejection>)>,
) -> Result<Outcomes, StoreError> {
    let mut drafts = Vec::with_capacity(items.len());
    let mut rest = Vec::with_capacity(items.len());
    for (line, drafted) in items {
        rest.push((line, drafted.map(|draft| drafts.push(draft))));
    }
    let appended = txn.append_events(drafts)?;
    Ok(Outcomes::new(shape, request_id, began, rest, appended))
}

fn keep_all(txn: &mut Txn<'_>, source: SourceId, kept: &[Activity]) -> Result<(), StoreError> {
    kept.iter().try_for_each(|kept| txn.append_activity_from(source, kept).map(drop))
}

fn account_of(events: usize, guarded: &Guarded<Outcomes>) -> Account {
    match guarded {
        Guarded::Done(outcomes) => outcomes.account(),
        Guarded::Replayed(kept) => {
            let kept: Option<Outcomes> = serde_json::from_slice(&kept.body).ok();
            let account = kept.map_or(Account::default(), |outcomes| outcomes.account());
            Account { stored: 0, duplicate: account.stored + account.duplicate, ..account }
        }
        Guarded::OtherRequest => {
            Account { received: events as u64, rejected: events as u64, ..Account::default() }
        }
    }
}

fn book(txn: &mut Txn<'_>, app: &Appliance, source: SourceId, account: Account) -> Result<(), StoreError> {
    for (source, account) in app.take_unbooked() {
        txn.account(source, account)?;
    }
    txn.account(source, account)
}

/// Enters a request that brought no event into the books, in one commit with what is kept of it. The answer is the
/// same whether there is room for that or not: where there is none, it is counted alone.
async fn settle(app: &App, source: SourceId, account: Account, kept: Vec<Activity>) {
    let state = app.clone();
    let entered = !kept.is_empty()
        && app
            .writer
            .submit(Weight::default(), move |txn| {
                keep_all(txn, source, &kept)?;
                book(txn, &state, source, account)
            })
            .await
            .is_ok();
    if !entered {
        app.book_later(source, account);
    }
}
