//! What became of a notification: told when, or not told and why.

use super::badge::Badge;
use super::text;
use super::time::TimeView;
use crate::model::{Delivery, DeliveryState};

/// Characters of a reason that a page shows.
const WHY_CHARS_MAX: usize = 400;

/// One notification of one route to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// What became of it.
    pub mark: Badge,
    /// By which route.
    pub route: String,
    /// To which target.
    pub target: String,
    /// When it was told, given up or decided.
    pub at: TimeView,
    /// Why it is not told, or not yet.
    pub why: Option<String>,
}

impl DeliveryRow {
    /// The row of a notification; `obstacle` says what keeps it from setting out.
    pub fn new(delivery: &Delivery, obstacle: Option<&str>) -> DeliveryRow {
        let (mark, at, why) = match &delivery.state {
            DeliveryState::Told { at, .. } => (("check", "Told", "good"), *at, None),
            DeliveryState::Waiting { last_error: None, .. } => match obstacle {
                None => (("bell", "On its way", "info"), delivery.decided_at, None),
                Some(why) => (("bell", "Not told yet", "medium"), delivery.decided_at, Some(why.to_owned())),
            },
            DeliveryState::Waiting { attempts, last_error: Some(error), .. } => {
                let why = format!("tried {attempts} ×, will be tried again: {error}");
                (("bell", "Not told yet", "medium"), delivery.decided_at, Some(why))
            }
            DeliveryState::Dead { at, attempts, reason } => {
                let why = format!("given up after {attempts} ×: {reason}");
                (("critical", "Not told", "critical"), *at, Some(why))
            }
            DeliveryState::Discarded { at, by, reason } => {
                let why = format!("discarded by {by}: {reason}");
                (("minus", "Not told", "info"), *at, Some(why))
            }
            DeliveryState::NotTold { why, at } => {
                let at = at.unwrap_or(delivery.decided_at);
                (("pause", "Not told", "info"), at, Some(why.to_string()))
            }
        };
        let (icon, word, tone) = mark;
        DeliveryRow {
            mark: Badge { icon, word, tone },
            route: text::cell(Some(&delivery.route)),
            target: text::cell(Some(&delivery.target)),
            at: at.into(),
            why: why.map(|why| text::short(&why, WHY_CHARS_MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NotTold, ReceivedAt};
    use jiff::Timestamp;
    use uuid::Uuid;

    fn row(state: DeliveryState) -> DeliveryRow {
        let delivery = Delivery {
            id: Uuid::nil(),
            alert: Uuid::nil(),
            occurrences: 1,
            route: "all".into(),
            target: "desk".into(),
            counted: 5,
            fired_at: Timestamp::UNIX_EPOCH,
            decided_at: ReceivedAt(0),
            failures: Vec::new(),
            state,
        };
        DeliveryRow::new(&delivery, Some("its target is stopped"))
    }

    #[test]
    fn each_says_when_or_why_not() {
        let at = ReceivedAt(1_000_000_000);
        let told = row(DeliveryState::Told { at, attempts: 2 });
        assert_eq!((told.mark.word, told.at, told.why), ("Told", at.into(), None));
        let dead = row(DeliveryState::Dead { at, attempts: 5, reason: "answered 500".into() });
        assert_eq!(dead.why.as_deref(), Some("given up after 5 ×: answered 500"));
        let quiet = row(DeliveryState::NotTold { why: NotTold::Acknowledged { by: "bob".into() }, at: None });
        assert_eq!((quiet.mark.word, quiet.why.as_deref()), ("Not told", Some("bob had acknowledged it")));
        let held = row(DeliveryState::ready(at));
        assert_eq!((held.mark.word, held.why.as_deref()), ("Not told yet", Some("its target is stopped")));
        let last_error = Some("x".into());
        let later =
            row(DeliveryState::Waiting { since: at, attempts: 1, strikes: 1, next_try: at, last_error });
        assert_eq!(later.why.as_deref(), Some("tried 1 ×, will be tried again: x"));
    }
}
