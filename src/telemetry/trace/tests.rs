//! Which traces are kept, and what is in them.

use super::*;

fn tracer(ratio: f64, slow_secs: u64) -> Tracer {
    let sampling = Sampling { ratio, slow: Duration::from_secs(slow_secs), ..Sampling::default() };
    Tracer::new(sampling, Traces::default())
}

fn caller(sampled: bool) -> TraceContext {
    TraceContext::new(TraceId([1; 16]), SpanId([2; 8]), sampled)
}

fn kept(tracer: &Tracer) -> Vec<Kept> {
    tracer.traces().recent().iter().map(|trace| trace.kept).collect()
}

#[test]
fn the_caller_decides_and_without_one_the_lot() {
    for (ratio, of_caller, expected) in [
        (1.0, None, &[Kept::Sampled][..]),
        (0.0, None, &[]),
        (1.0, Some(false), &[]),
        (0.0, Some(true), &[Kept::Sampled]),
    ] {
        let tracer = tracer(ratio, 1_000);
        tracer.request(of_caller.map(caller)).finish("x", false);
        assert_eq!(kept(&tracer), expected, "{ratio} {of_caller:?}");
    }
}

#[test]
fn what_failed_and_what_took_long_is_kept_in_any_case() {
    let tracer = tracer(0.0, 0);
    tracer.request(None).finish("slow", false);
    tracer.request(Some(caller(false))).finish("failed", true);
    assert_eq!(kept(&tracer), [Kept::Failed, Kept::Slow]);
}

#[test]
fn a_share_of_all_ids_is_drawn_and_the_same_ones_by_everyone() {
    let ids = (0..10_000_u64).map(|n| {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        TraceId(id)
    });
    let drawn: Vec<TraceId> = ids.filter(|id| is_drawn(*id, 0.1)).collect();
    assert!((900..1_100).contains(&drawn.len()), "{}", drawn.len());
    assert!(drawn.iter().all(|id| is_drawn(*id, 0.2)));
    assert!(is_drawn(TraceId([0xff; 16]), 1.0) && !is_drawn(TraceId([0; 16]), 0.0));
}

#[test]
fn parts_hang_on_their_root_and_are_so_many() {
    let tracer = tracer(1.0, 1_000);
    let trace = tracer.request(Some(caller(true)));
    trace.put("sealwatch.action", format!("a\n{}", "x".repeat(500)));
    let began = trace.began();
    for _ in 0..100 {
        trace.step(Step::Commit, began, began + Duration::from_millis(2));
    }
    trace.finish("POST /x", false);
    let found = tracer.traces().recent().pop().expect("it was kept");
    assert_eq!((found.spans.len(), found.dropped), (SPANS_MAX, 100 - (SPANS_MAX as u32 - 1)));
    let root = &found.spans[0];
    assert_eq!((&*root.name, root.parent), ("POST /x", Some(SpanId([2; 8]))));
    assert_eq!(found.context.trace_id, TraceId([1; 16]));
    let ids: std::collections::HashSet<_> = found.spans.iter().map(|span| span.id).collect();
    assert_eq!(ids.len(), SPANS_MAX, "each has an id of its own");
    assert!(found.spans[1..].iter().all(|span| span.parent == Some(root.id)));
    let text = root.attributes[0].1.as_str().expect("a text");
    assert!(text.starts_with("a\\n") && text.chars().count() == TEXT_CHARS_MAX);
    assert_eq!(tracer.steps().whole(Step::Commit).count(), 100, "the metrics know them all");
}

#[test]
fn what_a_request_led_to_is_part_of_its_trace_and_kept_with_it() {
    let tracer = tracer(1.0, 1_000);
    let later = tracer.following(Some(caller(true)), Instant::now());
    later.finish("deliver", false);
    tracer.following(Some(caller(false)), Instant::now()).finish("deliver", false);
    tracer.following(None, Instant::now()).finish("deliver", false);
    let found = tracer.traces().recent();
    assert_eq!(found.len(), 1, "that of a request that is not kept, and that of none, is not kept either");
    assert_eq!((found[0].context.trace_id, found[0].is_request), (TraceId([1; 16]), false));
    assert_eq!(found[0].spans[0].parent, Some(SpanId([2; 8])));
    let headers = later.context().headers();
    let parent = format!("00-{}-{}-01", TraceId([1; 16]), found[0].spans[0].id);
    assert_eq!(headers, [("traceparent", parent)]);
}

#[test]
fn a_step_of_a_reader_is_kept_with_the_requests_it_works_for() {
    let tracer = tracer(1.0, 1_000);
    tracer.reading(vec![caller(false)], Instant::now()).finish("detect", false);
    assert!(kept(&tracer).is_empty());
    tracer.reading(vec![caller(false), caller(true)], Instant::now()).finish("detect", false);
    assert_eq!(tracer.traces().recent()[0].links.len(), 2);
}
