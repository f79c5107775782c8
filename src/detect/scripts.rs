//! Events and alerts for the tests of detection.

use super::observation::Observation;
use super::settings::Settings;
use crate::model::{
    Alert, AlertChange, AlertStatus, AlertStep, AuditEvent, Claim, Classification, Evidence, Pattern,
    ReceivedAt, Seq, Severity, SourceId, Status, Verdict,
};
use jiff::Timestamp;
use uuid::Uuid;

/// An event of nothing in particular, which no pattern matches.
pub(super) fn an_event() -> AuditEvent<'static> {
    AuditEvent {
        timestamp_text: None,
        timestamp: at(0),
        action: "thing.touched".into(),
        status: Status::Success,
        principal_id: Some("ada".into()),
        organization_id: None,
        target_resource_type: None,
        target_resource_id: None,
        outcome_description: None,
        claim: Claim::default(),
        event_version: None,
        correlation_id: None,
        session: None,
        classification: Classification::Internal,
        retention_policy: "standard".into(),
        record_count: None,
        id: None,
        source_seq: None,
    }
}

/// An alert that was just raised.
pub(super) fn an_alert() -> Alert {
    Alert {
        id: Uuid::from_u128(1),
        organization: Some("clinic".into()),
        pattern: Pattern::FailedAuth,
        key: "ada".into(),
        fingerprint: [7; 32],
        severity: Severity::High,
        status: AlertStatus::Active,
        created_at: ReceivedAt(1),
        last_seen_at: ReceivedAt(1),
        occurrences: 1,
        threshold: 5,
        timespan_secs: 300,
        first_fired_at: at(0),
        last_fired_at: at(0),
        last_notified_at: at(0),
        cooldown_secs: 300,
        correlation_id: None,
        trace_id: None,
        unheard: false,
        source: "portal".into(),
        evidence: Evidence::default(),
        history: vec![AlertStep {
            change: AlertChange::Raised,
            at: ReceivedAt(1),
            by: "sealwatch".into(),
            note: None,
        }],
    }
}

/// Seconds after noon of a Tuesday.
pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::new(1_688_990_400 + secs, 0).expect("near enough to 2023")
}

/// An event as a source sent it, owned by the script.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) event: AuditEvent<'static>,
    pub(super) source: SourceId,
    pub(super) organization: Option<&'static str>,
    pub(super) received_at: ReceivedAt,
    pub(super) verdict: Verdict,
}

impl Sent {
    /// The event, sent by the first source and received in time.
    pub(super) fn new(event: AuditEvent<'static>) -> Sent {
        let received_at = ReceivedAt(1_800_000_000_000_000_000);
        Sent { event, source: SourceId(1), organization: None, received_at, verdict: Verdict::Verified }
    }

    /// The event as the one of that number in the log.
    pub(super) fn observation(&self, seq: u64) -> Observation<'_> {
        Observation {
            seq: Seq(seq),
            id: Uuid::from_u128(seq.into()),
            received_at: self.received_at,
            source: self.source,
            source_name: "portal",
            organization: self.organization,
            event: &self.event,
            verdict: self.verdict,
            time_suspect: false,
        }
    }
}

/// A failed sign-in of `key`, that many seconds after noon.
pub(super) fn failed_sign_in(key: &str, secs: i64) -> Sent {
    Sent::new(AuditEvent {
        timestamp: at(secs),
        action: "auth.login.failure".into(),
        status: Status::Failure,
        principal_id: Some(key.to_owned().into()),
        ..an_event()
    })
}

/// Settings under which failed sign-ins fire on the `threshold`-th within `timespan_secs`.
pub(super) fn settings(threshold: u64, timespan_secs: u64) -> Settings {
    let mut settings = Settings::default();
    let failed = settings.all.get_mut(Pattern::FailedAuth);
    (failed.threshold, failed.timespan_secs) = (threshold, timespan_secs);
    settings
}
