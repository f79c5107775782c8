//! To which trace something belongs, as callers tell it and as we tell those we call (W3C Trace Context and Baggage).

use std::fmt;
use std::sync::Arc;

/// Characters of `tracestate` that are passed on; a longer one is left out (Trace Context, 3.3.1.5).
const STATE_CHARS_MAX: usize = 512;
/// Characters of `baggage` that are passed on; a longer one is left out (Baggage, 3.3.2).
const BAGGAGE_CHARS_MAX: usize = 8_192;

/// The id of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span in its trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span in it.
    pub span_id: SpanId,
    /// Whether whoever began it keeps it.
    pub sampled: bool,
    /// What is passed on unread.
    carried: Option<Arc<Carried>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Carried {
    state: String,
    baggage: String,
}

impl TraceContext {
    /// A place that we make.
    pub fn new(trace_id: TraceId, span_id: SpanId, sampled: bool) -> TraceContext {
        TraceContext { trace_id, span_id, sampled, carried: None }
    }

    /// Reads `traceparent`. What does not follow the format counts as none, as the standard wants it.
    pub fn parse(traceparent: &str) -> Option<TraceContext> {
        let bytes = traceparent.trim().as_bytes();
        let (head, rest) = bytes.split_at_checked(55)?;
        let parts = [&head[..2], &head[3..35], &head[36..52], &head[53..]];
        let is_hex = |part: &&[u8]| part.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let dashes = [2, 35, 52].into_iter().all(|at| head[at] == b'-');
        // Later versions may say more behind it; version ff is none.
        let fits = match parts[0] {
            b"ff" => false,
            b"00" => rest.is_empty(),
            _ => rest.first().is_none_or(|c| *c == b'-'),
        };
        if !dashes || !fits || !parts.iter().all(is_hex) {
            return None;
        }
        let (mut trace_id, mut span_id, mut flags) = ([0; 16], [0; 8], [0; 1]);
        hex::decode_to_slice(parts[1], &mut trace_id).ok()?;
        hex::decode_to_slice(parts[2], &mut span_id).ok()?;
        hex::decode_to_slice(parts[3], &mut flags).ok()?;
        let is_one = trace_id != [0; 16] && span_id != [0; 8];
        is_one.then(|| TraceContext::new(TraceId(trace_id), SpanId(span_id), flags[0] & 1 == 1))
    }

    /// The same with `tracestate` and `baggage`, each as far as it can be passed on.
    pub fn carrying(mut self, tracestate: &str, baggage: &str) -> TraceContext {
        let fit = |text: &str, most: usize| {
            let is_plain = text.len() <= most && text.bytes().all(|c| (b' '..=b'~').contains(&c));
            if is_plain { text.trim().to_owned() } else { String::new() }
        };
        let carried =
            Carried { state: fit(tracestate, STATE_CHARS_MAX), baggage: fit(baggage, BAGGAGE_CHARS_MAX) };
        self.carried = (!carried.state.is_empty() || !carried.baggage.is_empty()).then(|| Arc::new(carried));
        self
    }

    /// The same trace at another of its spans.
    pub fn at(&self, span_id: SpanId, sampled: bool) -> TraceContext {
        TraceContext { span_id, sampled, ..self.clone() }
    }

    /// The caller's `tracestate`.
    pub fn state(&self) -> &str {
        self.carried.as_deref().map_or("", |carried| &carried.state)
    }

    /// The same without what is only passed on, for those who keep many.
    pub fn bare(&self) -> TraceContext {
        TraceContext { carried: None, ..self.clone() }
    }

    /// The headers that tell it to whom we call: an empty one is left out.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let parent = format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled));
        let mut headers = vec![("traceparent", parent)];
        if let Some(carried) = &self.carried {
            let others = [("tracestate", &carried.state), ("baggage", &carried.baggage)];
            headers.extend(
                others
                    .into_iter()
                    .filter(|(_, text)| !text.is_empty())
                    .map(|(name, text)| (name, text.clone())),
            );
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_was_taken_in_is_passed_on_with_our_span() {
        let taken = TraceContext::parse(PARENT).expect("the standard's own example");
        let ours = taken.carrying("vendor=x", "k=v").at(SpanId([7; 8]), true);
        let expected = [
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01"),
            ("tracestate", "vendor=x"),
            ("baggage", "k=v"),
        ];
        assert_eq!(ours.headers(), expected.map(|(name, value)| (name, value.to_owned())));
        let bare = TraceContext::parse(PARENT).expect("the same").carrying("", "a\nb");
        assert_eq!(bare.headers().len(), 1, "nothing empty and nothing unsafe is passed on");
        let long = TraceContext::parse(PARENT).expect("the same").carrying(&"x".repeat(513), "");
        assert_eq!(long.headers().len(), 1);
    }

    #[test]
    fn what_does_not_follow_the_format_is_none() {
        let sampled = |text: &str| TraceContext::parse(text).map(|context| context.sampled);
        assert_eq!(sampled(PARENT), Some(true));
        assert_eq!(sampled(&PARENT.replace("-01", "-00")), Some(false));
        assert_eq!(sampled(&format!("01{}-more", &PARENT[2..])), Some(true), "a later version");
        for bad in [
            String::new(),
            "00-x".to_owned(),
            format!("{PARENT}-more"),
            format!("ff{}", &PARENT[2..]),
            format!("01{}more", &PARENT[2..]),
            PARENT.to_uppercase(),
            PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            PARENT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            PARENT.replace('-', "_"),
            format!("00-{}-00f067aa0ba902b7-0é", "4".repeat(32)),
        ] {
            assert_eq!(sampled(&bad), None, "{bad}");
        }
    }
}
