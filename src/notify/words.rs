//! The words of a notification: who did what, when, how often, against which limit, with a link and the newest
//! checkpoint of the log.

use super::target::Target;
use super::template::{self, Template};
use crate::detect;
use crate::model::{Alert, AlertStatus, Delivery, DeliveryState, Evidence, Pattern, ReceivedAt, Severity};
use askama::Template as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// Characters of a title.
const TITLE_CHARS_MAX: usize = 200;
/// Characters of any other value.
const VALUE_CHARS_MAX: usize = 2_000;

/// Everything that a notification can say.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What is on its way.
    pub delivery: Delivery,
    /// Of which alert, as it stands.
    pub alert: Alert,
    /// The newest checkpoint of the log; empty before the first.
    pub checkpoint: String,
    /// Whether it is a test that someone asked for.
    pub test: bool,
    /// Headers that tell a receiver to which trace it belongs (W3C Trace Context and Baggage).
    pub trace: Vec<(&'static str, String)>,
}

/// What a target reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: String,
    /// The text.
    pub text: String,
    /// The text for programs that show HTML.
    pub html: String,
}

#[derive(askama::Template)]
#[template(path = "notification.txt")]
struct Text<'a> {
    explanation: &'a str,
    severity: &'static str,
    organization: &'a str,
    occurrences: &'a str,
    time: &'a str,
    link: &'a str,
    checkpoint: &'a str,
}

#[derive(askama::Template)]
#[template(path = "notification.html")]
struct Html<'a> {
    title: &'a str,
    own_text: Option<&'a str>,
    explanation: &'a str,
    severity: &'static str,
    organization: &'a str,
    occurrences: &'a str,
    time: &'a str,
    link: &'a str,
    checkpoint: &'a str,
}

impl Notice {
    /// A test of that target: an alert that never was.
    pub fn test(target: &str, checkpoint: String, id: Uuid, now: ReceivedAt) -> Notice {
        let time = now.timestamp();
        let alert = Alert {
            trace_id: None,
            unheard: false,
            id,
            organization: None,
            pattern: Pattern::FailedAuth,
            key: "nobody, this is a test".to_owned(),
            fingerprint: [0; 32],
            severity: Severity::Info,
            status: AlertStatus::Active,
            created_at: now,
            last_seen_at: now,
            occurrences: 1,
            threshold: 5,
            timespan_secs: 300,
            first_fired_at: time,
            last_fired_at: time,
            last_notified_at: time,
            cooldown_secs: 300,
            correlation_id: None,
            source: "sealwatch".to_owned(),
            evidence: Evidence::default(),
            history: Vec::new(),
        };
        let delivery = Delivery {
            id: Delivery::id_of(id, 1, "test", target),
            alert: id,
            occurrences: 1,
            route: "test".to_owned(),
            target: target.to_owned(),
            counted: 5,
            fired_at: time,
            decided_at: now,
            failures: Vec::new(),
            state: DeliveryState::ready(now),
        };
        Notice { delivery, alert, checkpoint, test: true, trace: Vec::new() }
    }

    /// The words for that target. `public_url` is where people reach the appliance.
    pub fn words(&self, target: &Target, public_url: &str) -> Words {
        let value = |name: &str| self.value(name, &target.time_zone, public_url);
        let plain = |value: &str| value.to_owned();
        let title = target.title.as_ref().map(|title| title.render(value, plain));
        let title = template::one_line(&title.unwrap_or_else(|| self.title()), TITLE_CHARS_MAX);
        let own_text = target.text.as_ref().map(|text| text.render(value, plain));
        let times = match self.delivery.occurrences {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        let [explanation, organization, time, link, checkpoint] =
            ["explanation", "organization", "time", "link", "checkpoint"].map(value);
        let severity = self.alert.severity.name();
        let text = own_text.clone().unwrap_or_else(|| {
            let text = Text {
                explanation: &explanation,
                severity,
                organization: &organization,
                occurrences: &times,
                time: &time,
                link: &link,
                checkpoint: &checkpoint,
            };
            text.render().expect("a String takes everything")
        });
        let html = Html {
            title: &title,
            own_text: own_text.as_deref(),
            explanation: &explanation,
            severity,
            organization: &organization,
            occurrences: &times,
            time: &time,
            link: &link,
            checkpoint: &checkpoint,
        };
        let html = html.render().expect("a String takes everything");
        Words { title, text, html }
    }

    /// A template of the settings that stands for a whole body, with every value escaped.
    pub fn fill(
        &self,
        body: &Template,
        target: &Target,
        public_url: &str,
        escape: impl Fn(&str) -> String,
    ) -> String {
        let words = self.words(target, public_url);
        let value = |name: &str| match name {
            "title" => words.title.clone(),
            "text" => words.text.clone(),
            name => self.value(name, &target.time_zone, public_url),
        };
        body.render(value, escape)
    }

    /// The page of the alert.
    pub fn link(&self, public_url: &str) -> String {
        format!("{}/alerts/{}", public_url.trim_end_matches('/'), self.alert.id)
    }

    /// The alert as it stood when it was decided to tell of it: a resend says the same.
    pub fn alert_as_told(&self) -> Alert {
        let mut alert = self.alert.clone();
        alert.occurrences = self.delivery.occurrences;
        alert.evidence.count = self.delivery.counted;
        alert.evidence.last_event_at =
            alert.evidence.first_event_at.map(|first| first.max(self.delivery.fired_at));
        alert.last_fired_at = self.delivery.fired_at;
        alert
    }

    fn title(&self) -> String {
        let test = if self.test { "Test: " } else { "" };
        let what = detect::title(self.alert.pattern, &self.alert.key);
        format!("{test}[{}] {what}", self.alert.severity.name())
    }

    fn value(&self, name: &str, zone: &TimeZone, public_url: &str) -> String {
        let line = |text: &str| template::one_line(text, VALUE_CHARS_MAX);
        let alert = &self.alert;
        match name {
            "title" => line(&self.title()),
            "explanation" | "text" => line(&detect::explain_in(&self.alert_as_told(), zone)),
            "severity" => alert.severity.name().to_owned(),
            "pattern" => alert.pattern.name().to_owned(),
            "who" => line(&alert.key),
            "organization" => line(alert.organization.as_deref().unwrap_or_default()),
            "count" => self.delivery.counted.to_string(),
            "occurrences" => self.delivery.occurrences.to_string(),
            "threshold" => alert.threshold.to_string(),
            "timespan_secs" => alert.timespan_secs.to_string(),
            "time" => time(self.delivery.fired_at, zone),
            "status" => alert.status.name().to_owned(),
            "link" => self.link(public_url),
            "alert_id" => alert.id.to_string(),
            "delivery_id" => self.delivery.id.to_string(),
            "route" => line(&self.delivery.route),
            "checkpoint" => self.checkpoint.trim_end().to_owned(),
            _ => String::new(),
        }
    }
}

/// `2026-01-31 12:00:00 CET`.
fn time(at: Timestamp, zone: &TimeZone) -> String {
    let name = zone.to_offset_info(at).abbreviation().to_owned();
    format!("{} {name}", zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S"))
}

/// From 1 to 5, as ntfy counts; and the tag that it shows as a picture.
pub(super) fn priority(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Info => (2, "information_source"),
        Severity::Low => (3, "small_blue_diamond"),
        Severity::Medium => (3, "warning"),
        Severity::High => (4, "rotating_light"),
        Severity::Critical => (5, "rotating_light"),
    }
}
