//! The traces that were kept last: what each request and each step of a reader did, and how long its parts took.

use super::frame::{Frame, Section};
use super::time::TimeView;
use super::{text, words};
use crate::telemetry::{FinishedTrace, Kept};
use crate::web::pages::address::address;
use askama::Template;
use std::sync::Arc;

/// Width of the bars, in the units of their drawing.
const WIDTH: f64 = 100.0;
/// What is too short to see is drawn this wide.
const WIDTH_MIN: f64 = 0.6;

/// What `traces.html` shows.
#[derive(Clone, Debug, Template)]
#[template(path = "traces.html")]
pub struct TracesPage {
    /// Around it.
    pub frame: Frame,
    /// The trace that was asked for; empty for the last ones.
    pub id: String,
    /// The traces, the newest first.
    pub rows: Vec<TraceRow>,
}

/// One trace as a row that unfolds.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceRow {
    /// Its id.
    pub id: String,
    /// Where it is looked at alone.
    pub href: String,
    /// What was done.
    pub name: String,
    /// When it began.
    pub at: TimeView,
    /// How long it took.
    pub took: String,
    /// Why it was kept.
    pub kept: &'static str,
    /// Whether that is worth a look.
    pub stands_out: bool,
    /// What it was done with.
    pub about: Vec<(String, String)>,
    /// Its parts.
    pub parts: Vec<PartRow>,
    /// The traces that it has to do with, and where each is looked at.
    pub links: Vec<(String, String)>,
}

/// One part as a bar.
#[derive(Clone, Debug, PartialEq)]
pub struct PartRow {
    /// What was done.
    pub name: String,
    /// How long it took.
    pub took: String,
    /// Where its bar begins, of 100.
    pub x: f64,
    /// How long its bar is, of 100.
    pub width: f64,
}

impl TracesPage {
    /// The page of these traces; `id` is the one that was asked for.
    pub fn new(frame: Frame, id: Option<&str>, traces: &[Arc<FinishedTrace>]) -> TracesPage {
        TracesPage {
            frame: frame.titled("Traces", Section::Health),
            id: id.map_or_else(String::new, |id| text::short(id, 40)),
            rows: traces.iter().map(|trace| TraceRow::new(trace)).collect(),
        }
    }
}

fn href(id: &str) -> String {
    address("/traces", [("id", id)])
}

impl TraceRow {
    fn new(trace: &FinishedTrace) -> TraceRow {
        let root = &trace.spans[0];
        let id = trace.context.trace_id.to_string();
        let whole = root.time.as_secs_f64().max(1e-9);
        let part = |span: &crate::telemetry::Span| {
            let after = span.start.duration_since(root.start).as_secs_f64().max(0.0);
            let x = (after / whole * WIDTH).min(WIDTH - WIDTH_MIN);
            let width = (span.time.as_secs_f64() / whole * WIDTH).max(WIDTH_MIN).min(WIDTH - x);
            PartRow {
                name: text::short(&span.name, 60),
                took: words::millis(span.time.as_secs_f64() * 1e3),
                x,
                width,
            }
        };
        let about = root.attributes.iter().map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            ((*name).to_owned(), text::short(&value, 200))
        });
        let link = |link: &crate::telemetry::TraceContext| {
            let id = link.trace_id.to_string();
            (id.clone(), href(&id))
        };
        TraceRow {
            href: href(&id),
            id,
            name: text::short(&root.name, 100),
            at: root.start.into(),
            took: words::millis(root.time.as_secs_f64() * 1_000.0),
            kept: match trace.kept {
                Kept::Sampled => "sampled",
                Kept::Slow => "slow",
                Kept::Failed => "failed",
            },
            stands_out: trace.kept != Kept::Sampled,
            about: about.collect(),
            parts: trace.spans[1..].iter().map(part).collect(),
            links: trace.links.iter().map(link).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Sampling, Step, Tracer, Traces};
    use std::time::Duration;

    #[test]
    fn a_bar_stands_where_its_part_was_and_within_the_whole() {
        let sampling = Sampling { ratio: 1.0, ..Sampling::default() };
        let tracer = Tracer::new(sampling, Traces::default());
        let trace = tracer.request(None);
        let began = trace.began();
        trace.step(Step::Validate, began, began);
        // One that ends after its whole, as clocks may have it.
        trace.step(Step::Commit, began, began + Duration::from_secs(3_600));
        trace.put("sealwatch.action", "<script>");
        trace.finish("POST /x", false);
        let page = TracesPage::new(Frame::new(None, 0, false, 0, "0"), None, &tracer.traces().recent());
        let bars: Vec<_> = page.rows[0].parts.iter().map(|part| (part.x + part.width) as u32).collect();
        assert!(bars.iter().all(|end| *end <= 100), "{bars:?}");
        let html = page.render().expect("it renders");
        assert!(html.contains("POST /x") && html.contains("commit") && !html.contains("<script>"), "{html}");
    }
}
