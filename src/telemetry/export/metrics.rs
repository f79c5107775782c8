//! Metrics as OTLP has them. Encoded here, because the SDK takes no histogram that somebody else has counted.

use super::settings::OtlpSettings;
use crate::telemetry::family::{Amount, Family, Kind, Sample};
use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, Summary, SummaryDataPoint, metric::Data, number_data_point,
    summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

/// The families as the body of a request; counted since `began`.
pub(super) fn encode(
    families: &[Family],
    settings: &OtlpSettings,
    began: Timestamp,
    now: Timestamp,
) -> Vec<u8> {
    let attributes = settings.attributes();
    let attributes = attributes.iter().map(|(name, value)| text(name, value)).collect();
    let scope = InstrumentationScope {
        name: "sealwatch".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let times = Times { start: nanos(began), now: nanos(now) };
    let metrics = families.iter().map(|family| metric(family, times)).collect();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

#[derive(Clone, Copy)]
struct Times {
    start: u64,
    now: u64,
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or_default()
}

fn metric(family: &Family, times: Times) -> Metric {
    let cumulative = AggregationTemporality::Cumulative as i32;
    let samples = family.samples.iter();
    let data = match family.kind {
        Kind::Gauge => {
            Data::Gauge(Gauge { data_points: samples.filter_map(|sample| number(sample, times)).collect() })
        }
        Kind::Counter => Data::Sum(Sum {
            data_points: samples.filter_map(|sample| number(sample, times)).collect(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: samples.filter_map(|sample| histogram(sample, times)).collect(),
            aggregation_temporality: cumulative,
        }),
        Kind::Summary => Data::Summary(Summary {
            data_points: samples.filter_map(|sample| summary(sample, times)).collect(),
        }),
    };
    // The unit and what kind it is stand beside the name here, not in it.
    let name = family.name.trim_end_matches("_total");
    Metric {
        name: name.to_owned(),
        description: family.help.to_owned(),
        unit: family.unit().to_owned(),
        metadata: Vec::new(),
        data: Some(data),
    }
}

fn number(sample: &Sample, times: Times) -> Option<NumberDataPoint> {
    let Amount::Number(value) = sample.amount else { return None };
    Some(NumberDataPoint {
        attributes: attributes(sample),
        // Some count on from where the last run ended, so that the beginning is not known ("0" in the protocol).
        start_time_unix_nano: 0,
        time_unix_nano: times.now,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    })
}

fn histogram(sample: &Sample, times: Times) -> Option<HistogramDataPoint> {
    let Amount::Histogram { cumulative, sum, count } = &sample.amount else { return None };
    let mut below = 0;
    let mut bucket_counts: Vec<u64> = cumulative
        .iter()
        .map(|(_, up_to)| {
            let within = up_to.saturating_sub(below);
            below = *up_to;
            within
        })
        .collect();
    bucket_counts.push(count.saturating_sub(below));
    Some(HistogramDataPoint {
        attributes: attributes(sample),
        start_time_unix_nano: times.start,
        time_unix_nano: times.now,
        count: *count,
        sum: Some(*sum),
        bucket_counts,
        explicit_bounds: cumulative.iter().map(|(end, _)| *end).collect(),
        ..HistogramDataPoint::default()
    })
}

fn summary(sample: &Sample, times: Times) -> Option<SummaryDataPoint> {
    let Amount::Summary { quantiles, sum, count } = &sample.amount else { return None };
    let value = |(quantile, value): &(f64, f64)| ValueAtQuantile { quantile: *quantile, value: *value };
    Some(SummaryDataPoint {
        attributes: attributes(sample),
        start_time_unix_nano: 0,
        time_unix_nano: times.now,
        count: *count,
        sum: *sum,
        quantile_values: quantiles.iter().map(value).collect(),
        flags: 0,
    })
}

fn attributes(sample: &Sample) -> Vec<KeyValue> {
    sample.labels.iter().map(|(name, value)| text(name, value)).collect()
}

fn text(name: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: name.to_owned(), value, ..KeyValue::default() }
}
