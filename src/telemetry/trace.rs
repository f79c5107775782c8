//! Traces: what one request or one step of a reader did and how long each part took. Whether one is kept is decided at its
//! end.

use super::context::{SpanId, TraceContext, TraceId};
use super::origins::Origins;
use super::step::{Step, Steps};
use super::traces::Traces;
use jiff::Timestamp;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Spans of one trace; what comes beyond is counted.
const SPANS_MAX: usize = 64;
/// Attributes of one span.
const ATTRIBUTES_MAX: usize = 16;
/// Characters of an attribute's text.
const TEXT_CHARS_MAX: usize = 200;
/// Other traces that one names.
pub const LINKS_MAX: usize = 16;

/// Which traces are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The share of those that nobody else has decided about, 0 to 1.
    pub ratio: f64,
    /// Whether a caller who does not keep its trace decides that we do not either.
    pub follow_caller: bool,
    /// From how long on a trace is kept in any case.
    pub slow: Duration,
}

impl Default for Sampling {
    fn default() -> Sampling {
        Sampling { ratio: 0.1, follow_caller: true, slow: Duration::from_secs(1) }
    }
}

/// One part of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What was done.
    pub name: Cow<'static, str>,
    /// Its id.
    pub id: SpanId,
    /// The span that it is part of; of the root the caller's, if there was one.
    pub parent: Option<SpanId>,
    /// When it began.
    pub start: Timestamp,
    /// How long it took.
    pub time: Duration,
    /// What it was done with. Never the content of events.
    pub attributes: Vec<(&'static str, Value)>,
}

/// Why a trace was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// By lot, or because the caller keeps it.
    Sampled,
    /// It took long.
    Slow,
    /// It failed.
    Failed,
}

/// A trace that has ended.
#[derive(Clone, Debug)]
pub struct FinishedTrace {
    /// The root: whose place it is.
    pub context: TraceContext,
    /// Whether the root's parent is a caller's span.
    pub has_caller: bool,
    /// Whether it is a request, and not a step of a reader.
    pub is_request: bool,
    /// Whether it failed.
    pub failed: bool,
    /// Why it is kept.
    pub kept: Kept,
    /// The root, and behind it its parts.
    pub spans: Vec<Span>,
    /// Parts beyond the bound.
    pub dropped: u32,
    /// Traces that it has to do with.
    pub links: Vec<TraceContext>,
}

/// Makes traces, and keeps the times of all steps whether their trace is kept or not.
#[derive(Clone, Debug)]
pub struct Tracer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Whether traces are made at all.
    on: bool,
    sampling: Sampling,
    steps: Steps,
    origins: Origins,
    traces: Traces,
}

/// A trace in the making. Whoever works on the request holds a clone; it ends with [`Trace::finish`].
#[derive(Clone, Debug)]
pub struct Trace(Arc<Making>);

#[derive(Debug)]
struct Making {
    tracer: Tracer,
    context: TraceContext,
    parent: Option<SpanId>,
    is_request: bool,
    links: Vec<TraceContext>,
    began: Instant,
    began_at: Timestamp,
    noted: Mutex<Noted>,
}

/// What is noted until the end.
#[derive(Debug, Default)]
struct Noted {
    attributes: Vec<(&'static str, Value)>,
    parts: Vec<(&'static str, Instant, Instant)>,
    dropped: u32,
}

impl Default for Tracer {
    fn default() -> Tracer {
        Tracer::new(Sampling::default(), Traces::default())
    }
}

impl Tracer {
    /// A tracer whose kept traces go to `traces`.
    pub fn new(sampling: Sampling, traces: Traces) -> Tracer {
        let (steps, origins) = (Steps::default(), Origins::default());
        Tracer(Arc::new(Shared { on: true, sampling, steps, origins, traces }))
    }

    /// One that keeps the times of the steps and makes no traces: what others are measured against.
    pub fn off() -> Tracer {
        let (steps, origins, traces) = (Steps::default(), Origins::default(), Traces::default());
        Tracer(Arc::new(Shared { on: false, sampling: Sampling::default(), steps, origins, traces }))
    }

    /// How long the steps took.
    pub fn steps(&self) -> &Steps {
        &self.0.steps
    }

    /// From which request each of the last entries of the log came.
    pub fn origins(&self) -> &Origins {
        &self.0.origins
    }

    /// The traces that were kept last.
    pub fn traces(&self) -> &Traces {
        &self.0.traces
    }

    /// Begins the trace of a request; `caller` is what its headers say.
    pub fn request(&self, caller: Option<TraceContext>) -> Trace {
        self.begin(caller, None, Instant::now())
    }

    /// The trace of a reader's step, `began` then, on entries of which some came from requests whose traces are kept: it is
    /// kept where there is one.
    pub fn reading(&self, links: Vec<TraceContext>, began: Instant) -> Trace {
        self.begin(None, Some(links), began)
    }

    /// The trace of what `origin` led to, `began` then: another part of the same trace, where that is known.
    pub fn following(&self, origin: Option<TraceContext>, began: Instant) -> Trace {
        self.begin(origin, Some(Vec::new()), began)
    }

    fn begin(
        &self,
        caller: Option<TraceContext>,
        reading: Option<Vec<TraceContext>>,
        began: Instant,
    ) -> Trace {
        let mut random = [0; 24];
        if self.0.on {
            getrandom::fill(&mut random)
                .expect("the kernel's random source is always there once the host is up");
        }
        let (trace, span) = random.split_first_chunk().expect("16 of 24 bytes");
        let trace_id = caller.as_ref().map_or(TraceId(*trace), |caller| caller.trace_id);
        let mut span_id = SpanId(span.try_into().expect("the other 8"));
        // Zero is no id.
        span_id.0[0] |= 1;
        let by_lot = is_drawn(trace_id, self.0.sampling.ratio);
        let sampled = match (&caller, &reading) {
            (Some(origin), Some(_)) => origin.sampled,
            (None, Some(links)) => links.iter().any(|link| link.sampled),
            (Some(caller), _) if self.0.sampling.follow_caller => caller.sampled,
            (Some(caller), _) => caller.sampled || by_lot,
            (None, None) => by_lot,
        };
        let parent = caller.as_ref().map(|caller| caller.span_id);
        let context = caller.map_or_else(
            || TraceContext::new(trace_id, span_id, sampled),
            |caller| caller.at(span_id, sampled),
        );
        Trace(Arc::new(Making {
            tracer: self.clone(),
            context,
            parent,
            is_request: reading.is_none(),
            links: reading.unwrap_or_default(),
            began,
            began_at: before(Timestamp::now(), began.elapsed()),
            noted: Mutex::default(),
        }))
    }
}

/// Draws by the id, so that everyone who draws with the same share keeps the same traces.
fn is_drawn(id: TraceId, ratio: f64) -> bool {
    let (_, low) = id.0.split_last_chunk::<8>().expect("it has 16 bytes");
    let drawn = u64::from_be_bytes(*low) >> 11;
    (drawn as f64) < ratio * (1_u64 << 53) as f64
}

impl Trace {
    /// The place of its root, for whom we call and for what it leads to.
    pub fn context(&self) -> &TraceContext {
        &self.0.context
    }

    /// When it began.
    pub fn began(&self) -> Instant {
        self.0.began
    }

    /// Who made it.
    pub fn tracer(&self) -> &Tracer {
        &self.0.tracer
    }

    /// Says more of the whole.
    pub fn put(&self, name: &'static str, value: impl Into<Value>) {
        if !self.0.tracer.0.on {
            return;
        }
        let mut noted = self.0.noted.lock().expect("no holder of this lock panics");
        if noted.attributes.len() < ATTRIBUTES_MAX {
            noted.attributes.push((name, value.into()));
        }
    }

    /// Notes how long a step took, in the metrics and as a part of this trace.
    pub fn step(&self, step: Step, begin: Instant, end: Instant) {
        self.0.tracer.steps().record(step, end.saturating_duration_since(begin));
        self.part(step.name(), begin, end);
    }

    /// Notes a part of this trace.
    pub fn part(&self, name: &'static str, begin: Instant, end: Instant) {
        if !self.0.tracer.0.on {
            return;
        }
        let mut noted = self.0.noted.lock().expect("no holder of this lock panics");
        if noted.parts.len() + 1 < SPANS_MAX {
            noted.parts.push((name, begin, end));
        } else {
            noted.dropped += 1;
        }
    }

    /// Ends it. It is kept where it was drawn, where the caller keeps it, and where it failed or took long.
    pub fn finish(&self, name: impl Into<Cow<'static, str>>, failed: bool) {
        let making = &*self.0;
        let time = making.began.elapsed();
        let shared = &making.tracer.0;
        let kept = match (failed, time >= shared.sampling.slow, making.context.sampled) {
            _ if !shared.on => return,
            (true, _, _) => Kept::Failed,
            (_, true, _) => Kept::Slow,
            (_, _, true) => Kept::Sampled,
            _ => return,
        };
        // What is made below is made for the few that are kept.
        let noted = std::mem::take(&mut *making.noted.lock().expect("no holder of this lock panics"));
        let root = Span {
            name: short(name.into()),
            id: making.context.span_id,
            parent: making.parent,
            start: making.began_at,
            time,
            attributes: noted.attributes.into_iter().map(|(name, value)| (name, bounded(value))).collect(),
        };
        let parts = noted.parts.iter().zip(1..).map(|(part, n)| making.span(*part, n));
        shared.traces.put(FinishedTrace {
            context: making.context.clone(),
            has_caller: making.parent.is_some(),
            is_request: making.is_request,
            failed,
            kept,
            spans: std::iter::once(root).chain(parts).collect(),
            dropped: noted.dropped,
            links: making.links.clone(),
        });
    }
}

impl Making {
    /// The n-th part as a span.
    fn span(&self, (name, begin, end): (&'static str, Instant, Instant), n: u64) -> Span {
        let after = begin.saturating_duration_since(self.began);
        Span {
            name: name.into(),
            id: nth_after(self.context.span_id, n),
            parent: Some(self.context.span_id),
            start: self.began_at.checked_add(after).unwrap_or(self.began_at),
            time: end.saturating_duration_since(begin),
            attributes: Vec::new(),
        }
    }
}

fn before(now: Timestamp, past: Duration) -> Timestamp {
    now.checked_sub(past).unwrap_or(now)
}

/// The id of the n-th part: counted from the root's, which was drawn.
fn nth_after(root: SpanId, n: u64) -> SpanId {
    let id = u64::from_be_bytes(root.0).wrapping_add(n);
    SpanId(if id == 0 { u64::MAX } else { id }.to_be_bytes())
}

/// A name that is not too long.
fn short(name: Cow<'static, str>) -> Cow<'static, str> {
    match name.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => name[..end].to_owned().into(),
        None => name,
    }
}

/// A text without control characters and not too long.
fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => {
            super::record::escaped(&text).chars().take(TEXT_CHARS_MAX).collect::<String>().into()
        }
        value => value,
    }
}

#[cfg(test)]
mod tests;
