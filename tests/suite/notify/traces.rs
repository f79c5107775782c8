//! A notification goes on with the trace of the request that brought the event which raised its alert.

use super::receiver::Receiver;
use super::{configured, hook, route};
use crate::appliance::{Appliance, eventually};
use crate::samples::failed_sign_in;
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

#[test]
fn a_webhook_is_told_the_trace_of_the_event_that_raised_the_alert() {
    let receiver = Receiver::start();
    let mut appliance = Appliance::at_rest();
    let rest = [hook("desk", receiver.port), route("all", &["desk"])].concat();
    appliance.configure(&configured(&[receiver.address()], &rest));
    let client = appliance.everything("traced");
    let traced = client
        .with("traceparent", &format!("00-{TRACE}-{CALLER}-01"))
        .with("tracestate", "vendor=value")
        .with("baggage", "team=blue");
    let events: Vec<Value> = (0..5).map(|n| failed_sign_in("clinic", "ada", n)).collect();
    traced.post("/api/v1/audit/events", &Value::from(events)).expect(202);
    let got = eventually("the webhook is told", || receiver.got().pop());
    let parts: Vec<&str> = got.header("traceparent").split('-').collect();
    let [version, trace, span, flags] = parts[..] else { panic!("{parts:?}") };
    assert_eq!((version, trace, flags), ("00", TRACE, "01"));
    assert_eq!((got.header("tracestate"), got.header("baggage")), ("vendor=value", "team=blue"));
    // It is looked at beside the request, as what that led to.
    let kept = eventually("the delivery is part of the trace", || {
        let traces = client.get(&format!("/api/v1/telemetry/traces/{TRACE}")).expect(200).json();
        let spans = traces["traces"].as_array()?.iter().map(|trace| trace["spans"][0].clone());
        spans.into_iter().find(|root| root["name"] == "deliver")
    });
    assert_eq!((&kept["spanId"], &kept["attributes"]["sealwatch.target"]), (&span.into(), &"desk".into()));
}
