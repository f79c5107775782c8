//! The patterns' settings for pages and API: what is in force, who may change it, and the one preview at a time.

use super::error::Problem;
use super::state::Appliance;
use crate::config::{Field, PatternForm, Wrong};
use crate::detect::Settings;
use crate::model::{Caller, Organizations, Override, Overrides, Pattern, ReceivedAt, Seq, SettingChange};
use crate::readers::{Preview, PreviewOf};
use crate::store::StoreError;
use axum::http::StatusCode;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Days that a preview may go back.
pub const DAYS: RangeInclusive<u64> = 1..=90;
/// Days that it goes back where nothing is said.
pub const DAYS_DEFAULT: u64 = 7;
/// How long one request works on a preview before it tells how far it came.
const SLICE: Duration = Duration::from_secs(8);
/// How long a preview that nobody asks for any more is kept.
const KEPT: Duration = Duration::from_secs(600);
/// Characters of an organisation's name.
const ORGANIZATION_CHARS_MAX: usize = 1_000;

/// What is in force now.
pub struct InForce {
    /// What was changed at run time, with who did it.
    pub changed: BTreeMap<String, Override>,
    /// The same as values alone.
    pub overrides: Overrides,
    /// What detection is told.
    pub settings: Settings,
}

impl InForce {
    /// Reads it.
    pub fn read(app: &Appliance) -> Result<InForce, StoreError> {
        let changed = app.store.overrides()?;
        let overrides = changed.iter().map(|(key, row)| (key.clone(), row.value.clone())).collect();
        let settings = app.config.layers.detection(&overrides).0;
        Ok(InForce { changed, overrides, settings })
    }

    /// The organisations with settings of their own that the caller may see.
    pub fn organizations(&self, scope: &Organizations) -> Vec<String> {
        let mut names: Vec<String> =
            self.settings.organizations.keys().filter(|name| scope.allow(Some(name))).cloned().collect();
        names.sort_unstable();
        names
    }
}

/// Which settings are asked for, within what the caller may see.
pub fn form_of(caller: &Caller, pattern: &str, organization: Option<&str>) -> Result<PatternForm, Problem> {
    let pattern = Pattern::from_name(pattern).ok_or_else(|| Problem::not_found("pattern of this name"))?;
    let organization = organization.filter(|name| !name.is_empty()).map(str::to_owned);
    if let Some(name) = &organization {
        if !caller.organizations.allow(Some(name)) {
            return Err(Problem::not_found("organisation of this name"));
        }
        if name.chars().count() > ORGANIZATION_CHARS_MAX {
            let message = format!("the name of an organisation has 1 to {ORGANIZATION_CHARS_MAX} characters");
            return Err(Problem::parameter("org", message));
        }
    }
    Ok(PatternForm { pattern, organization })
}

/// The fields of the form that a request brings.
pub fn texts_of(form: &PatternForm, given: &HashMap<String, String>) -> Vec<(Field, String)> {
    let fields = Field::of(form.pattern).iter();
    fields.filter_map(|field| Some((*field, given.get(field.name())?.clone()))).collect()
}

/// The days that a request asks for.
pub fn days_of(text: Option<&str>) -> Result<u64, Problem> {
    let text = text.filter(|text| !text.is_empty());
    let days = text.map_or(Some(DAYS_DEFAULT), |text| text.trim().parse().ok());
    days.filter(|days| DAYS.contains(days)).ok_or_else(|| {
        Problem::parameter("days", format!("days must be a number from {} to {}", DAYS.start(), DAYS.end()))
    })
}

/// Whether the caller may change settings: they hold for everyone, so only who administers everyone.
pub fn may_change(caller: &Caller) -> bool {
    caller.rights.admin && caller.organizations == Organizations::All
}

/// Makes the changes; they hold from the entry on that is returned. `None` where there is nothing to change.
pub async fn change(
    app: &Appliance,
    caller: &Caller,
    known: Overrides,
    changes: Vec<SettingChange>,
) -> Result<Option<Seq>, Problem> {
    if !may_change(caller) {
        let message =
            "settings hold for all organisations: only an administrator of all of them changes them";
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message));
    }
    if changes.is_empty() {
        return Ok(None);
    }
    let by = caller.name.clone();
    let changed = app.writer.commit(move |txn| txn.change_settings(&known, &changes, &by)).await?;
    changed.map(Some).ok_or_else(|| {
        let message = "someone else changed settings at the same moment; look at them and try again";
        Problem::new(StatusCode::CONFLICT, "settings_changed", message)
    })
}

/// The one preview at a time, and the one that somebody may want to go on with.
#[derive(Clone, Default)]
pub struct Previews(Arc<Mutex<Option<Kept>>>);

/// A preview that a request left unfinished.
pub struct Kept {
    preview: Preview,
    by: String,
    at: Instant,
}

/// The right to work on a preview.
pub struct Turn(OwnedMutexGuard<Option<Kept>>);

impl Previews {
    /// The turn, unless somebody else's preview runs.
    pub fn turn(&self) -> Result<Turn, Problem> {
        self.0.clone().try_lock_owned().map(Turn).map_err(|_| {
            let message =
                "another preview is running, and there is one at a time; try again in a few seconds";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "preview_busy", message);
            Problem { retry_after: Some(SLICE.as_secs()), ..problem }
        })
    }

    /// Lets go of one that nobody has asked for in a while.
    pub fn forget_old(&self) {
        if let Ok(mut kept) = self.0.try_lock() {
            *kept = kept.take().filter(|kept| kept.at.elapsed() < KEPT);
        }
    }
}

/// What is to be previewed: the present settings, and the same with what the texts change.
pub fn preview_of(
    app: &Appliance,
    caller: &Caller,
    form: &PatternForm,
    texts: &[(Field, String)],
    days: u64,
) -> Result<Result<PreviewOf, Vec<Wrong>>, StoreError> {
    let in_force = InForce::read(app)?;
    let layers = &app.config.layers;
    let changes = match form.changes(layers, &in_force.overrides, texts) {
        Ok(changes) => changes,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let mut proposed = in_force.overrides;
    proposed.apply(&changes);
    Ok(Ok(PreviewOf {
        pattern: form.pattern,
        organization: form.organization.clone(),
        scope: caller.organizations.clone(),
        days,
        present: in_force.settings,
        proposed: layers.detection(&proposed).0,
    }))
}

/// Works on the preview for a while, on from where the same caller's last request left it, and shows it.
pub fn preview<T>(
    app: &Appliance,
    mut turn: Turn,
    by: &str,
    of: PreviewOf,
    show: impl FnOnce(&Preview) -> T,
) -> Result<T, StoreError> {
    let deadline = Instant::now() + SLICE;
    let kept = turn.0.take().filter(|kept| kept.by == by && kept.preview.is_of(&of));
    let mut preview = match kept {
        Some(kept) => kept.preview,
        None => {
            let age = of.days.saturating_mul(86_400 * 1_000_000_000);
            let since = ReceivedAt(app.now_received().0.saturating_sub(age));
            Preview::begin(&app.store, of, since)?
        }
    };
    let keyring = app.keyring.get();
    preview.go_on(&app.store, &|source| keyring.name(source), deadline)?;
    let shown = show(&preview);
    if !preview.is_done() {
        *turn.0 = Some(Kept { preview, by: by.to_owned(), at: Instant::now() });
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_preview_runs_at_a_time() {
        let previews = Previews::default();
        let turn = previews.turn().map_err(|problem| problem.status);
        let busy = previews.turn().err().map(|problem| (problem.status, problem.retry_after));
        assert_eq!(busy, Some((StatusCode::TOO_MANY_REQUESTS, Some(SLICE.as_secs()))));
        drop(turn);
        assert!(previews.turn().is_ok(), "the turn ends with the request");
    }
}
