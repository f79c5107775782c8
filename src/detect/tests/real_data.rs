//! A recorded attack: exactly the four alerts that its description names.

use crate::detect::scripts::{Sent, an_event};
use crate::detect::{Bursts, Circumstances, Engine, Settings, apply};
use crate::model::{Alert, AuditEvent, Fingerprint, ReceivedAt, SessionContext, Status};
use serde_json::Value;
use std::collections::BTreeMap;

fn event(line: &str) -> AuditEvent<'static> {
    let value: Value = serde_json::from_str(line).expect("each line is JSON");
    let text = |name: &str| value[name].as_str().map(|text| text.to_owned().into());
    let ip_address = value["sessionContext"]["ipAddress"].as_str().map(|ip| ip.to_owned().into());
    let time = value["timestamp"].as_str().expect("each has a time");
    AuditEvent {
        timestamp: time.parse().expect("each time is RFC 3339"),
        action: text("action").expect("each has an action"),
        status: value["status"].as_str().and_then(Status::from_name).expect("each has a status"),
        principal_id: text("principalId"),
        organization_id: text("organizationId"),
        target_resource_type: text("targetResourceType"),
        outcome_description: text("outcomeDescription"),
        correlation_id: text("correlationId"),
        session: Some(SessionContext { ip_address, ..Default::default() }),
        record_count: value["recordCount"].as_f64(),
        ..an_event()
    }
}

/// The alerts of the recording, taken in runs of `run` events, in the order in which they were raised.
fn alerts(lines: &str, run: usize) -> Vec<Alert> {
    let sent: Vec<Sent> = lines.lines().map(|line| Sent::new(event(line))).collect();
    let mut engine = Engine::new(Settings::default());
    let mut alerts: BTreeMap<Fingerprint, Alert> = BTreeMap::new();
    for (start, run) in (0..).step_by(run).zip(sent.chunks(run)) {
        let mut bursts = Bursts::default();
        for (seq, sent) in (start..).zip(run) {
            let received_at = ReceivedAt(sent.received_at.0 + seq);
            let organization = sent.event.organization_id.as_deref();
            let observation =
                crate::detect::Observation { organization, received_at, ..sent.observation(seq) };
            let observed = bursts.observe(&mut engine, &observation);
            assert!(!observed.late && !observed.future);
        }
        for burst in bursts.take() {
            let applied = apply(alerts.remove(&burst.fingerprint), &burst, Circumstances::default(), |_| {
                "portal".into()
            });
            assert_eq!(applied.alerts.len(), 1);
            alerts.extend(applied.alerts.into_iter().map(|alert| (alert.fingerprint, alert)));
        }
    }
    let mut alerts: Vec<Alert> = alerts.into_values().collect();
    alerts.sort_by_key(|alert| alert.created_at);
    alerts
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn the_recorded_attack_raises_its_four_alerts_and_nothing_else() {
    let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let Ok(lines) = std::fs::read_to_string(shared.join("data/cloudtrail-attack-2023.ndjson")) else {
        println!("skipped: {} holds no recording", shared.display());
        return;
    };
    let role = "arn:aws:sts::123837392027:assumed-role/stratus-red-team";
    let found = alerts(&lines, 1);
    let seen: Vec<(&str, String, String)> = found
        .iter()
        .map(|alert| {
            assert_eq!(alert.organization.as_deref(), Some("123837392027"));
            let key = alert.key.replace(role, "…");
            (alert.pattern.name(), key, alert.first_fired_at.strftime("%H:%M:%S").to_string())
        })
        .collect();
    let wanted = [
        ("UNAUTHORIZED_ACCESS", "…-ec2-get-password-data-role/aws-go-sdk-1688990082523310002", "11:54:47"),
        ("UNAUTHORIZED_ACCESS", "arn:aws:iam::123837392027:user/bert-jan", "11:54:47"),
        ("DATA_VELOCITY", "arn:aws:iam::123837392027:user/bert-jan", "11:57:49"),
        ("UNAUTHORIZED_ACCESS", "…-get-usr-data-role/aws-go-sdk-1688990565286187801", "12:02:55"),
    ];
    assert_eq!(seen, wanted.map(|(pattern, key, time)| (pattern, key.to_owned(), time.to_owned())));
    assert_eq!(alerts(&lines, 1_000), found, "the size of the runs must not show");
}
