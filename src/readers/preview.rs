//! What a change of the settings would have raised: the stored events once more through the same engine, under the
//! present settings and under the proposed ones.
//!
//! Nothing is written. Both runs begin with empty windows at the same entry, so a burst that began before it counts
//! only from there on, in both alike.

use super::failing::guarded;
use super::{STRETCH_BYTES, observe};
use crate::detect::{self, Bursts, Engine, Settings};
use crate::model::{
    Activity, Alert, AlertChange, Entry, EntryKind, Fingerprint, Organizations, Pattern, ReceivedAt, Seq,
    SourceId, organization_of,
};
use crate::store::{Read, Store, StoreError};
use std::collections::HashMap;
use std::time::Instant;
use uuid::Uuid;

/// About how many bytes the alerts of one run may take; with more, the preview ends early and says so.
const ALERTS_BYTES_MAX: usize = 16 << 20;
/// About what an alert takes beside its texts.
const ALERT_BYTES: usize = 1_024;
/// Alerts of the log whose closing is followed.
const FOLLOWED_MAX: usize = 50_000;

/// What is to be previewed.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewOf {
    /// Which pattern; nothing else is looked for.
    pub pattern: Pattern,
    /// Only the events of this organisation.
    pub organization: Option<String>,
    /// What the caller may see.
    pub scope: Organizations,
    /// Of how many days.
    pub days: u64,
    /// The settings in force.
    pub present: Settings,
    /// What they would be.
    pub proposed: Settings,
}

/// A preview on its way. Made by a request, which takes it as far as its time allows; whoever asks again goes on with
/// it.
pub struct Preview {
    of: PreviewOf,
    since: ReceivedAt,
    first: Seq,
    position: Seq,
    end: Seq,
    events: u64,
    present: Run,
    proposed: Run,
    /// The fingerprints of the alerts that the log tells of, to know which one people closed.
    raised: HashMap<Uuid, Fingerprint>,
}

/// What came of one run.
#[derive(Default)]
pub struct PreviewRun {
    /// The alerts in the order in which they were raised, without their events and their history.
    pub alerts: Vec<Alert>,
    /// How often people would have been told.
    pub notified: u64,
    /// Whether there were more alerts than a preview keeps.
    pub full: bool,
}

struct Run {
    engine: Engine,
    bursts: Bursts,
    /// Of each fingerprint the newest alert.
    current: HashMap<Fingerprint, usize>,
    bytes: usize,
    out: PreviewRun,
}

/// The alerts that only one of the runs has.
pub struct Difference<'p> {
    /// Those that the change would add.
    pub new: Vec<&'p Alert>,
    /// Those that it would take away.
    pub gone: Vec<&'p Alert>,
}

impl Preview {
    /// A preview of what was received since `since`, up to the present end of the log.
    pub fn begin(store: &Store, of: PreviewOf, since: ReceivedAt) -> Result<Preview, StoreError> {
        let end = store.size();
        let first = store.first_received_since(since)?.min(end);
        let (present, proposed) = (Run::new(&of.present, of.pattern), Run::new(&of.proposed, of.pattern));
        let raised = HashMap::new();
        Ok(Preview { of, since, first, position: first, end, events: 0, present, proposed, raised })
    }

    /// Whether it is one of exactly that.
    pub fn is_of(&self, of: &PreviewOf) -> bool {
        self.of == *of
    }

    /// Reads on until everything was read or `deadline` has passed, but at least one stretch.
    pub fn go_on(
        &mut self,
        store: &Store,
        source_name: &dyn Fn(SourceId) -> String,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        while !self.is_done() {
            for block in store.blocks_from(self.position, STRETCH_BYTES)? {
                for read in block.entries_from(self.position) {
                    if self.is_done() {
                        break;
                    }
                    let seq = self.position.0;
                    if let Err(cause) = guarded(|| self.take(read, source_name)) {
                        tracing::error!(seq, cause, "a preview panicked at this entry and passed over it");
                    }
                    self.position = self.position.next();
                }
                self.apply(source_name);
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Ok(())
    }

    /// Whether there is nothing more to read, or no more room.
    pub fn is_done(&self) -> bool {
        self.position >= self.end || self.present.out.full || self.proposed.out.full
    }

    /// How many entries were read, and how many there are to read.
    pub fn progress(&self) -> (u64, u64) {
        (self.position.0 - self.first.0, self.end.0 - self.first.0)
    }

    /// How many events were looked at.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What the present settings raise.
    pub fn present(&self) -> &PreviewRun {
        &self.present.out
    }

    /// What the proposed settings raise.
    pub fn proposed(&self) -> &PreviewRun {
        &self.proposed.out
    }

    /// What the change would add and take away. An alert answers to the one of the same fingerprint that is as many
    /// from the first: another threshold lets the same burst fire on another of its events.
    pub fn difference(&self) -> Difference<'_> {
        let (present, proposed) = (&self.present.out.alerts, &self.proposed.out.alerts);
        Difference { new: surplus(proposed, present), gone: surplus(present, proposed) }
    }

    fn take(&mut self, read: &Read, source_name: &dyn Fn(SourceId) -> String) {
        // A damaged entry is passed over, as it is live, where it is reported.
        let Ok(stored) = read else { return };
        let entry = &stored.entry;
        match entry.kind {
            _ if entry.received_at < self.since => {}
            EntryKind::Event => self.take_event(entry, &source_name(entry.source)),
            EntryKind::Activity => self.take_activity(entry, source_name),
        }
    }

    fn take_event(&mut self, entry: &Entry, source_name: &str) {
        let Some(event) = observe::event_of(entry) else { return };
        if !self.is_wanted(organization_of(entry, &event)) {
            return;
        }
        self.events += 1;
        for run in [&mut self.present, &mut self.proposed] {
            observe::observe_event(entry, &event, source_name, &mut run.engine, &mut run.bursts);
        }
    }

    fn take_activity(&mut self, entry: &Entry, source_name: &dyn Fn(SourceId) -> String) {
        match observe::activity_of(entry) {
            Some(Activity::AlertRaised { alert, pattern, fingerprint, .. })
                if pattern == self.of.pattern && self.raised.len() < FOLLOWED_MAX =>
            {
                self.raised.insert(alert, fingerprint);
            }
            Some(Activity::AlertChanged { alert, change, by, .. }) => {
                if let Some(fingerprint) = self.raised.get(&alert).copied() {
                    self.apply(source_name);
                    for run in [&mut self.present, &mut self.proposed] {
                        run.change(&fingerprint, change, &by, entry.received_at);
                    }
                }
            }
            Some(activity @ Activity::IdConflict { .. }) => self.take_conflict(entry, &activity, source_name),
            _ => {}
        }
    }

    fn take_conflict(
        &mut self,
        entry: &Entry,
        activity: &Activity,
        source_name: &dyn Fn(SourceId) -> String,
    ) {
        let Activity::IdConflict { organization, .. } = activity else { return };
        if self.is_wanted(organization.as_deref()) {
            let source_name = source_name(entry.source);
            for run in [&mut self.present, &mut self.proposed] {
                observe::observe_activity(entry, activity, &source_name, &run.engine, &mut run.bursts);
            }
        }
    }

    fn is_wanted(&self, organization: Option<&str>) -> bool {
        let only = self.of.organization.as_deref();
        self.of.scope.allow(organization) && (only.is_none() || only == organization)
    }

    fn apply(&mut self, source_name: &dyn Fn(SourceId) -> String) {
        for run in [&mut self.present, &mut self.proposed] {
            run.apply(self.of.pattern, source_name);
        }
    }
}

impl Run {
    /// A run that looks for one pattern alone: the windows of a pattern do not depend on those of others.
    fn new(settings: &Settings, pattern: Pattern) -> Run {
        let mut settings = settings.clone();
        for table in std::iter::once(&mut settings.all).chain(settings.organizations.values_mut()) {
            for other in Pattern::WINDOWED.into_iter().filter(|other| *other != pattern) {
                table.get_mut(other).enabled = false;
            }
        }
        let (bursts, out) = (Bursts::default(), PreviewRun::default());
        Run { engine: Engine::new(settings), bursts, current: HashMap::new(), bytes: 0, out }
    }

    fn apply(&mut self, pattern: Pattern, source_name: &dyn Fn(SourceId) -> String) {
        for burst in self.bursts.take().into_iter().filter(|burst| burst.pattern == pattern) {
            let current = self.current.get(&burst.fingerprint).map(|at| self.out.alerts[*at].clone());
            let applied = detect::apply(current, &burst, detect::Circumstances::default(), source_name);
            self.out.notified += applied.notified.len() as u64;
            for alert in applied.alerts {
                self.keep(alert);
            }
        }
    }

    fn keep(&mut self, mut alert: Alert) {
        // Counted already; only their number is shown.
        alert.evidence.first.clear();
        alert.evidence.last.clear();
        alert.history.clear();
        match self.current.get(&alert.fingerprint) {
            Some(at) if self.out.alerts[*at].id == alert.id => self.out.alerts[*at] = alert,
            _ => {
                self.bytes +=
                    ALERT_BYTES + alert.key.len() + alert.organization.as_ref().map_or(0, String::len);
                self.out.full |= self.bytes > ALERTS_BYTES_MAX;
                self.current.insert(alert.fingerprint, self.out.alerts.len());
                self.out.alerts.push(alert);
            }
        }
    }

    /// What people did to the alert of the log, done to its counterpart. What is not possible there is left.
    fn change(&mut self, fingerprint: &Fingerprint, change: AlertChange, by: &str, at: ReceivedAt) {
        if let Some(index) = self.current.get(fingerprint).copied()
            && let Ok(changed) = detect::change(&self.out.alerts[index], change, by, at, Some(by))
        {
            self.out.alerts[index] = Alert { history: Vec::new(), ..changed };
        }
    }
}

/// Those of `alerts` that go beyond the number of the same fingerprint in `others`.
fn surplus<'a>(alerts: &'a [Alert], others: &[Alert]) -> Vec<&'a Alert> {
    let mut left: HashMap<Fingerprint, u64> = HashMap::new();
    for alert in others {
        *left.entry(alert.fingerprint).or_default() += 1;
    }
    let mut is_beyond = |alert: &&Alert| match left.get_mut(&alert.fingerprint) {
        Some(number) if *number > 0 => {
            *number -= 1;
            false
        }
        _ => true,
    };
    alerts.iter().filter(|alert| is_beyond(alert)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::body_digest;
    use crate::model::{Draft, EntryFlags, Severity, Verdict};
    use crate::store::Options;

    const NOW: ReceivedAt = ReceivedAt(1_800_000_000_000_000_000);
    const HOUR_NANOS: u64 = 3_600_000_000_000;

    /// Work outside hours of that person of that organisation, with much text.
    fn draft(organization: &str, principal: &str) -> Draft {
        let body = format!(
            r#"{{"timestamp":"2027-01-14T23:00:00Z","action":"data.read","status":"success","principalId":"{principal}","organizationId":"{organization}","outcomeDescription":"{}"}}"#,
            "x".repeat(9_000)
        );
        let salt = [7; 32];
        Draft {
            id: None,
            source: SourceId(1),
            verdict: Verdict::Unsigned,
            flags: EntryFlags::default(),
            timestamp: Some("2027-01-14T23:00:00Z".parse().expect("a time")),
            organization: None,
            organization_assigned: false,
            salt,
            body_digest: body_digest(&salt, body.as_bytes()),
            content_digest: [0; 16],
            body: body.into_bytes(),
        }
    }

    /// A log of ten hours with a hundred events in each, of ten people of two organisations.
    fn log(dir: &std::path::Path) -> Store {
        let store = Store::open(dir, Options::default(), NOW).expect("it opens");
        for hour in 1..=10 {
            let mut txn = store.begin(ReceivedAt(NOW.0 + hour * HOUR_NANOS)).expect("it begins");
            let organization = |n: u64| if n.is_multiple_of(2) { "clinic" } else { "bakery" };
            let drafts = (0..100).map(|n| draft(organization(n), &format!("p{}", n % 10))).collect();
            txn.append_events(drafts).expect("they are appended");
            txn.commit().expect("it is committed");
        }
        store
    }

    fn of(scope: Organizations) -> PreviewOf {
        let mut proposed = Settings::default();
        proposed.all.get_mut(Pattern::OffHours).severity = Severity::High;
        let (pattern, present) = (Pattern::OffHours, Settings::default());
        PreviewOf { pattern, organization: None, scope, days: 7, present, proposed }
    }

    /// Goes on stretch by stretch; gives how often, and the alerts of both runs.
    fn finish(mut preview: Preview, store: &Store) -> (usize, Vec<Alert>, Vec<Alert>) {
        let mut slices = 0;
        let mut read = 0;
        while !preview.is_done() {
            preview.go_on(store, &|_| "portal".to_owned(), Instant::now()).expect("it reads");
            assert!(preview.progress().0 > read, "every slice comes further");
            (slices, read) = (slices + 1, preview.progress().0);
        }
        (slices, preview.present.out.alerts, preview.proposed.out.alerts)
    }

    #[test]
    fn a_preview_goes_on_where_its_time_ended_and_says_how_far_it_came() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = log(dir.path());
        let preview = Preview::begin(&store, of(Organizations::All), NOW).expect("it begins");
        assert_eq!(preview.progress(), (0, 1_001));
        let (slices, present, proposed) = finish(preview, &store);
        assert!(slices > 1, "nine megabytes are more than a stretch");
        assert_eq!((present.len(), present[0].occurrences, present[0].severity), (10, 100, Severity::Low));
        assert_eq!(
            (proposed.len(), proposed[0].occurrences, proposed[0].severity),
            (10, 100, Severity::High)
        );
    }

    #[test]
    fn a_preview_looks_at_its_days_and_at_what_the_caller_may_see() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = log(dir.path());
        let clinic = Organizations::from_names(["clinic".to_owned()]);
        let since = ReceivedAt(NOW.0 + 8 * HOUR_NANOS);
        let preview = Preview::begin(&store, of(clinic), since).expect("it begins");
        let (_, present, _) = finish(preview, &store);
        assert_eq!((present.len(), present[0].occurrences), (5, 30), "three hours of the clinic's five");
        let later = ReceivedAt(NOW.0 + 11 * HOUR_NANOS);
        let preview = Preview::begin(&store, of(Organizations::All), later).expect("it begins");
        assert_eq!((preview.progress(), preview.is_done()), ((0, 0), true));
    }
}
