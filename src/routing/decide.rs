//! From an alert to the targets that are told of it, with a reason for each one that is not.

use super::maintenance::Maintenance;
use crate::model::{
    Alert, AlertChange, AlertStatus, Delivery, Matcher, NotTold, Pattern, ReceivedAt, Silence,
};
use std::collections::HashMap;

/// Who hears of which alerts, as the settings have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routing {
    /// The routes, by name in order; an alert takes each one that matches.
    pub routes: Vec<Route>,
    /// When nobody is told.
    pub maintenance: Vec<Maintenance>,
}

/// A way from alerts to targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What people call it.
    pub name: String,
    /// Which alerts take it.
    pub matcher: Matcher,
    /// The names of the targets that are told, at least one.
    pub targets: Vec<String>,
}

/// What a route comes to for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<'r> {
    /// The route.
    pub route: &'r str,
    /// The target.
    pub target: &'r str,
    /// `None`: tell it now.
    pub quiet: Option<NotTold>,
}

/// What each matching route comes to at `now`; nothing where no route matches.
pub fn decide<'r>(
    routing: &'r Routing,
    silences: &[Silence],
    alert: &Alert,
    now: ReceivedAt,
) -> Vec<Verdict<'r>> {
    let routes = routing.routes.iter().filter(|route| route.matcher.matches(alert));
    let quiet = reason_for_quiet(routing, silences, alert, now);
    let mut told: HashMap<&str, &str> = HashMap::new();
    let mut verdicts = Vec::new();
    for (route, target) in routes.flat_map(|route| route.targets.iter().map(move |target| (route, target))) {
        let again = told.get(target.as_str()).map(|by| NotTold::SameTarget { route: (*by).to_owned() });
        // Whoever is told that a target takes nothing cannot be told by way of it.
        let is_about = alert.pattern == Pattern::Undelivered && alert.key == *target;
        let quiet = quiet.clone().or(is_about.then_some(NotTold::AboutTheTarget)).or(again);
        if quiet.is_none() {
            told.insert(target, &route.name);
        }
        verdicts.push(Verdict { route: &route.name, target, quiet });
    }
    verdicts
}

/// Whether a silence or a maintenance window keeps everyone from being told of the alert at `now`.
pub fn is_covered(routing: &Routing, silences: &[Silence], alert: &Alert, now: ReceivedAt) -> bool {
    quiet_on_purpose(routing, silences, alert, now).is_some()
}

/// What is known of the others of a delivery's alert, route and target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Company {
    /// Whether the target was told one of them.
    pub was_told: bool,
    /// Whether a newer one waits.
    pub newer_waits: bool,
    /// Whether the target was told a newer one.
    pub newer_told: bool,
}

/// Why a delivery that waited is not worth telling any more, seen at `now`. The newest of an open alert of which the target
/// has heard nothing always goes: without it nobody knows of the alert. So does what somebody wants sent again.
pub fn outlived(
    routing: &Routing,
    silences: &[Silence],
    alert: &Alert,
    delivery: &Delivery,
    company: Company,
    now: ReceivedAt,
) -> Option<NotTold> {
    if delivery.was_revived() {
        return None;
    }
    if alert.is_closed() {
        let step = [AlertChange::Resolved, AlertChange::Dismissed].map(|change| alert.last_step(change));
        let by = step.into_iter().flatten().max_by_key(|step| step.at).map_or("somebody", |step| &step.by);
        return Some(NotTold::Closed { by: by.to_owned() });
    }
    if company.newer_waits || company.newer_told {
        return Some(NotTold::Superseded);
    }
    if company.was_told { reason_for_quiet(routing, silences, alert, now) } else { None }
}

fn reason_for_quiet(
    routing: &Routing,
    silences: &[Silence],
    alert: &Alert,
    now: ReceivedAt,
) -> Option<NotTold> {
    if alert.status == AlertStatus::Acknowledged {
        let by = alert.last_step(AlertChange::Acknowledged).map_or("somebody", |step| &step.by);
        return Some(NotTold::Acknowledged { by: by.to_owned() });
    }
    quiet_on_purpose(routing, silences, alert, now)
}

fn quiet_on_purpose(
    routing: &Routing,
    silences: &[Silence],
    alert: &Alert,
    now: ReceivedAt,
) -> Option<NotTold> {
    if let Some(silence) = silences.iter().find(|silence| silence.mutes(alert, now)) {
        return Some(NotTold::of_silence(silence));
    }
    let window = routing.maintenance.iter().find(|window| window.covers(alert, now.timestamp()))?;
    Some(NotTold::Maintenance { window: window.name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AlertStep, AlertType, DeliveryState, Evidence, Severity};
    use crate::routing::Recurrence;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use uuid::Uuid;

    const NOW: ReceivedAt = ReceivedAt(1_700_000_000_000_000_000);

    fn alert() -> Alert {
        let time = Timestamp::UNIX_EPOCH;
        Alert {
            trace_id: None,
            unheard: false,
            id: Uuid::from_u128(1),
            organization: Some("clinic".into()),
            pattern: Pattern::FailedAuth,
            key: "ada".into(),
            fingerprint: [0; 32],
            severity: Severity::High,
            status: AlertStatus::Active,
            created_at: NOW,
            last_seen_at: NOW,
            occurrences: 1,
            threshold: 5,
            timespan_secs: 300,
            first_fired_at: time,
            last_fired_at: time,
            last_notified_at: time,
            cooldown_secs: 300,
            correlation_id: None,
            source: "portal".into(),
            evidence: Evidence::default(),
            history: Vec::new(),
        }
    }

    fn route(name: &str, targets: &[&str], matcher: Matcher) -> Route {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        Route { name: name.to_owned(), matcher, targets }
    }

    fn routing(routes: Vec<Route>) -> Routing {
        Routing { routes, maintenance: Vec::new() }
    }

    fn silence(matcher: Matcher, ends_at: ReceivedAt) -> Silence {
        let (by, reason) = ("bob".to_owned(), "a drill".to_owned());
        Silence { id: Uuid::from_u128(9), matcher, by, reason, created_at: ReceivedAt(0), ends_at }
    }

    #[test]
    fn an_alert_takes_the_routes_that_match_it_in_every_way() {
        let mut cases = vec![
            (true, Matcher::default()),
            (true, Matcher { severity: Some(Severity::High), ..Matcher::default() }),
            (false, Matcher { severity: Some(Severity::Critical), ..Matcher::default() }),
            (true, Matcher { types: [AlertType::Security].into(), ..Matcher::default() }),
            (false, Matcher { types: [AlertType::System].into(), ..Matcher::default() }),
            (true, Matcher { patterns: [Pattern::FailedAuth].into(), ..Matcher::default() }),
            (false, Matcher { patterns: [Pattern::OffHours].into(), ..Matcher::default() }),
            (true, Matcher { organizations: ["clinic".into()].into(), ..Matcher::default() }),
            (false, Matcher { organizations: ["bakery".into()].into(), ..Matcher::default() }),
            (true, Matcher { tags: ["failed-auth".into(), "x".into()].into(), ..Matcher::default() }),
            (false, Matcher { tags: ["x".into()].into(), ..Matcher::default() }),
            (true, Matcher { keys: ["ada".into()].into(), ..Matcher::default() }),
            (false, Matcher { keys: ["bob".into()].into(), ..Matcher::default() }),
        ];
        let both = Matcher { organizations: ["clinic".into()].into(), ..cases[6].1.clone() };
        cases.push((false, both));
        for (takes, matcher) in cases {
            let routing = routing(vec![route("r", &["mail"], matcher.clone())]);
            assert_eq!(!decide(&routing, &[], &alert(), NOW).is_empty(), takes, "{matcher:?}");
        }
    }

    #[test]
    fn each_target_is_told_once_however_many_routes_lead_to_it() {
        let all = Matcher::default();
        let routing = routing(vec![route("a", &["mail", "push"], all.clone()), route("b", &["push"], all)]);
        let found: Vec<(&str, &str, Option<NotTold>)> = decide(&routing, &[], &alert(), NOW)
            .into_iter()
            .map(|verdict| (verdict.route, verdict.target, verdict.quiet))
            .collect();
        let again = NotTold::SameTarget { route: "a".into() };
        assert_eq!(found, [("a", "mail", None), ("a", "push", None), ("b", "push", Some(again))]);
    }

    #[test]
    fn that_a_target_takes_nothing_is_told_by_way_of_the_others() {
        let alert = Alert { pattern: Pattern::Undelivered, key: "mail".into(), ..alert() };
        let routing = routing(vec![route("a", &["mail", "push"], Matcher::default())]);
        let quiet: Vec<Option<NotTold>> =
            decide(&routing, &[], &alert, NOW).into_iter().map(|verdict| verdict.quiet).collect();
        assert_eq!(quiet, [Some(NotTold::AboutTheTarget), None]);
    }

    #[test]
    fn who_acknowledged_an_alert_is_not_told_again_and_the_reason_names_them() {
        let mut alert = alert();
        alert.status = AlertStatus::Acknowledged;
        let step = |change, by: &str| AlertStep { change, at: NOW, by: by.to_owned(), note: None };
        alert.history = vec![step(AlertChange::Acknowledged, "ada"), step(AlertChange::Acknowledged, "bob")];
        let routing = routing(vec![route("a", &["mail"], Matcher::default())]);
        let quiet = decide(&routing, &[], &alert, NOW).remove(0).quiet;
        assert_eq!(quiet, Some(NotTold::Acknowledged { by: "bob".into() }));
    }

    #[test]
    fn a_silence_mutes_what_it_matches_until_the_instant_it_ends() {
        let routing = routing(vec![route("a", &["mail"], Matcher::default())]);
        let quiet = |silence: Silence, now| decide(&routing, &[silence], &alert(), now).remove(0).quiet;
        let mine = Matcher { keys: ["ada".into()].into(), ..Matcher::default() };
        let other = Matcher { keys: ["bob".into()].into(), ..Matcher::default() };
        assert!(quiet(silence(mine.clone(), ReceivedAt(NOW.0 + 1)), NOW).is_some());
        assert_eq!(quiet(silence(mine, NOW), NOW), None, "it has ended");
        assert_eq!(quiet(silence(other, ReceivedAt(u64::MAX)), NOW), None);
    }

    #[test]
    fn what_waited_until_it_was_over_is_not_told_but_the_first_of_an_open_alert_and_what_is_sent_again_are() {
        let all = Routing::default();
        let waits = || Delivery {
            id: Uuid::nil(),
            alert: Uuid::nil(),
            occurrences: 2,
            route: "a".to_owned(),
            target: "mail".to_owned(),
            counted: 5,
            fired_at: Timestamp::UNIX_EPOCH,
            decided_at: NOW,
            failures: Vec::new(),
            state: DeliveryState::ready(NOW),
        };
        let mut open = alert();
        let first = Company::default();
        let further = Company { was_told: true, ..first };
        let overtaken = Company { newer_waits: true, ..first };
        let outlived =
            |alert: &Alert, delivery: &Delivery, company| outlived(&all, &[], alert, delivery, company, NOW);
        assert_eq!(outlived(&open, &waits(), first), None);
        assert_eq!(outlived(&open, &waits(), further), None);
        assert_eq!(outlived(&open, &waits(), overtaken), Some(NotTold::Superseded));
        let late = Company { newer_told: true, ..further };
        assert_eq!(outlived(&open, &waits(), late), Some(NotTold::Superseded));
        open.status = AlertStatus::Acknowledged;
        assert_eq!(outlived(&open, &waits(), first), None, "nobody has heard of it this way");
        let by = "somebody".to_owned();
        assert_eq!(outlived(&open, &waits(), further), Some(NotTold::Acknowledged { by: by.clone() }));
        open.status = AlertStatus::Resolved;
        assert_eq!(outlived(&open, &waits(), first), Some(NotTold::Closed { by }));
        let revived = Delivery { state: DeliveryState::ready(ReceivedAt(NOW.0 + 1)), ..waits() };
        assert_eq!(outlived(&open, &revived, overtaken), None, "somebody wants it sent");
    }

    #[test]
    fn a_silence_covers_an_alert_that_somebody_has_acknowledged_as_well() {
        let acknowledged = Alert { status: AlertStatus::Acknowledged, ..alert() };
        let silence = Silence {
            id: Uuid::nil(),
            matcher: Matcher::default(),
            by: String::new(),
            reason: String::new(),
            created_at: ReceivedAt(0),
            ends_at: ReceivedAt(u64::MAX),
        };
        assert!(is_covered(&Routing::default(), &[silence], &acknowledged, NOW));
        assert!(!is_covered(&Routing::default(), &[], &acknowledged, NOW));
    }

    #[test]
    fn a_maintenance_window_is_named_as_the_reason() {
        let mut routing = routing(vec![route("a", &["mail"], Matcher::default())]);
        routing.maintenance.push(Maintenance {
            name: "patching".into(),
            matcher: Matcher::default(),
            recurrence: Recurrence::daily(0, 24 * 60, TimeZone::UTC),
        });
        let quiet = decide(&routing, &[], &alert(), NOW).remove(0).quiet;
        assert_eq!(quiet, Some(NotTold::Maintenance { window: "patching".into() }));
    }
}
