//! Traces and messages as opentelemetry-otlp takes them; what it makes of them goes out by our own sender.

use super::queue::Drop;
use super::sender::{End, Sender, Signal};
use super::settings::OtlpSettings;
use crate::telemetry::level::LogLevel;
use crate::telemetry::record::Record;
use crate::telemetry::trace::{FinishedTrace, Span};
use crate::telemetry::{SpanId, TraceContext, TraceId};
use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::trace::{Link, SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, StringValue, Value as Attribute};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord, SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// The sender gives up by itself; what stands around it must not do so before.
const NEVER: Duration = Duration::from_secs(86_400);

/// Both exporters, each with the end that its last batch came to.
pub(super) struct Encoder {
    spans: SpanExporter,
    spans_end: LastEnd,
    logs: LogExporter,
    logs_end: LastEnd,
    logger: SdkLogger,
    scope: InstrumentationScope,
}

type LastEnd = Arc<Mutex<Option<End>>>;

/// Our sender as opentelemetry-otlp knows one. It answers only success or failure; how a batch ended stands beside it.
struct Transport {
    sender: Arc<Sender>,
    signal: Signal,
    end: LastEnd,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("signal", &self.signal).finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // Its address and headers are left: it takes some from variables of the environment that our settings overrule.
        let end = self.sender.send(self.signal, request.into_body().into(), None).await;
        *self.end.lock().expect("no holder of this lock panics") = Some(end);
        match end {
            End::Taken { .. } => Ok(Response::new(Bytes::new())),
            End::Dropped(why) => Err(why.name().into()),
        }
    }
}

impl Encoder {
    pub(super) fn new(settings: &OtlpSettings, sender: &Arc<Sender>) -> Result<Encoder, ExporterBuildError> {
        let (spans_end, logs_end) = (LastEnd::default(), LastEnd::default());
        let transport =
            |signal, end: &LastEnd| Transport { sender: sender.clone(), signal, end: end.clone() };
        let endpoint =
            |signal: Signal| format!("{}{}", settings.endpoint.trim_end_matches('/'), signal.path());
        let mut spans = SpanExporter::builder()
            .with_http()
            .with_http_client(transport(Signal::Traces, &spans_end))
            .with_retry_policy(RetryPolicy::disabled())
            .with_endpoint(endpoint(Signal::Traces))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(NEVER)
            .build()?;
        let mut logs = LogExporter::builder()
            .with_http()
            .with_http_client(transport(Signal::Logs, &logs_end))
            .with_retry_policy(RetryPolicy::disabled())
            .with_endpoint(endpoint(Signal::Logs))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(NEVER)
            .build()?;
        let attributes = settings.attributes().into_iter().map(|(name, value)| KeyValue::new(name, value));
        let resource = Resource::builder_empty().with_attributes(attributes).build();
        spans.set_resource(&resource);
        logs.set_resource(&resource);
        let scope =
            InstrumentationScope::builder("sealwatch").with_version(env!("CARGO_PKG_VERSION")).build();
        let logger = SdkLoggerProvider::builder().build().logger_with_scope(scope.clone());
        Ok(Encoder { spans, spans_end, logs, logs_end, logger, scope })
    }

    /// Sends the spans of these traces.
    pub(super) async fn send_traces(&self, traces: &[Arc<FinishedTrace>]) -> End {
        let spans = traces.iter().flat_map(|trace| {
            trace.spans.iter().enumerate().map(|(at, span)| span_data(trace, span, at == 0, &self.scope))
        });
        let spans = spans.collect();
        // What it says of an error is less than what the sender knows.
        drop(self.spans.export(spans).await);
        taken(&self.spans_end)
    }

    /// Sends these messages.
    pub(super) async fn send_logs(&self, records: &[Record]) -> End {
        let records: Vec<SdkLogRecord> = records.iter().map(|record| self.log_record(record)).collect();
        let batch: Vec<_> = records.iter().map(|record| (record, &self.scope)).collect();
        drop(self.logs.export(LogBatch::new(&batch)).await);
        taken(&self.logs_end)
    }

    fn log_record(&self, record: &Record) -> SdkLogRecord {
        let mut made = self.logger.create_log_record();
        let time = system_time(record.time);
        made.set_timestamp(time);
        made.set_observed_timestamp(time);
        let (number, text) = severity(record.level);
        made.set_severity_number(number);
        made.set_severity_text(text);
        made.set_target(record.target);
        made.set_body(record.message.clone().into());
        for (name, value) in &record.fields.0 {
            made.add_attribute(*name, any_value(value));
        }
        let id = |name: &str| record.fields.text(name).unwrap_or_default();
        let ids = (id_from::<16>(id("trace_id")), id_from::<8>(id("span_id")));
        if let (Some(trace), Some(span)) = ids {
            let trace = opentelemetry::trace::TraceId::from_bytes(trace);
            made.set_trace_context(trace, opentelemetry::trace::SpanId::from_bytes(span), None);
        }
        made
    }
}

/// How the batch ended that was just sent; one that never got as far as the sender cannot be encoded.
fn taken(end: &LastEnd) -> End {
    let end = end.lock().expect("no holder of this lock panics").take();
    end.unwrap_or(End::Dropped(Drop::Refused))
}

fn span_data(trace: &FinishedTrace, span: &Span, is_root: bool, scope: &InstrumentationScope) -> SpanData {
    let start_time = system_time(span.start);
    let mut links = SpanLinks::default();
    if is_root {
        links.links =
            trace.links.iter().map(|link| Link::new(span_context(link, true), Vec::new(), 0)).collect();
    }
    SpanData {
        span_context: span_context(&trace.context.at(span.id, true), false),
        parent_span_id: span.parent.map_or(opentelemetry::trace::SpanId::INVALID, otel_span),
        parent_span_is_remote: is_root && trace.has_caller && trace.is_request,
        span_kind: if is_root && trace.is_request { SpanKind::Server } else { SpanKind::Internal },
        name: span.name.clone(),
        start_time,
        end_time: start_time + span.time,
        attributes: span
            .attributes
            .iter()
            .map(|(name, value)| KeyValue::new(*name, attribute(value)))
            .collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: if is_root && trace.failed { Status::error("") } else { Status::Unset },
        instrumentation_scope: scope.clone(),
    }
}

fn span_context(context: &TraceContext, is_remote: bool) -> SpanContext {
    let TraceContext { trace_id: TraceId(trace), span_id, .. } = context;
    let flags = if context.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    // What does not follow the format is not passed on.
    let state = TraceState::from_str(context.state()).unwrap_or_default();
    let trace = opentelemetry::trace::TraceId::from_bytes(*trace);
    SpanContext::new(trace, otel_span(*span_id), flags, is_remote, state)
}

fn otel_span(id: SpanId) -> opentelemetry::trace::SpanId {
    opentelemetry::trace::SpanId::from_bytes(id.0)
}

fn system_time(time: jiff::Timestamp) -> SystemTime {
    let nanos = u64::try_from(time.as_nanosecond()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn id_from<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut id = [0; N];
    hex::decode_to_slice(text, &mut id).ok().map(|()| id)
}

fn severity(level: LogLevel) -> (Severity, &'static str) {
    match level {
        LogLevel::Off | LogLevel::Error => (Severity::Error, "ERROR"),
        LogLevel::Warn => (Severity::Warn, "WARN"),
        LogLevel::Info => (Severity::Info, "INFO"),
        LogLevel::Debug => (Severity::Debug, "DEBUG"),
        LogLevel::Trace => (Severity::Trace, "TRACE"),
    }
}

fn attribute(value: &Value) -> Attribute {
    match value {
        Value::Bool(value) => Attribute::Bool(*value),
        Value::String(text) => Attribute::String(StringValue::from(text.clone())),
        value => match (value.as_i64(), value.as_f64()) {
            (Some(number), _) => Attribute::I64(number),
            (None, Some(number)) => Attribute::F64(number),
            _ => Attribute::String(StringValue::from(value.to_string())),
        },
    }
}

fn any_value(value: &Value) -> AnyValue {
    match attribute(value) {
        Attribute::Bool(value) => AnyValue::Boolean(value),
        Attribute::I64(number) => AnyValue::Int(number),
        Attribute::F64(number) => AnyValue::Double(number),
        other => AnyValue::String(other.as_str().into_owned().into()),
    }
}
