//! Reads one pattern with its settings, previews a change of them, and makes it.

use super::{Visitor, frame, page};
use crate::config::{Field, PatternForm, Wrong};
use crate::model::Caller;
use crate::web::auth::Admin;
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::pages::address::address;
use crate::web::pages::pattern::{Notice, PatternData, PatternPage, PreviewView};
use crate::web::patterns::{self, DAYS_DEFAULT, InForce, days_of, form_of, may_change, texts_of};
use crate::web::state::{App, Appliance};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use std::collections::HashMap;

/// What a request brings beside the pattern's name.
type Given = HashMap<String, String>;

/// What is shown beside the settings in force.
#[derive(Default)]
struct Shown {
    texts: Vec<(Field, String)>,
    wrong: Vec<Wrong>,
    days: String,
    days_error: Option<String>,
    notice: Option<Notice>,
    preview: Option<PreviewView>,
}

/// `GET /patterns/{name}`; with `preview` in the query, what the values in it would have raised.
pub async fn show(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Path(name): Path<String>,
    Query(given): Query<Given>,
) -> Result<Response, Problem> {
    let form = form_of(&caller, &name, given.get("org").map(String::as_str))?;
    let days = given.get("days").cloned().unwrap_or_default();
    if caller.rights.admin && given.contains_key("preview") {
        return preview(app, caller, form, given, days).await;
    }
    let notice =
        given.get("saved").map(|_| Notice::good("Saved. The new settings hold for every event from now on."));
    app.read(move |app| view(app, &caller, &form, Shown { days, notice, ..Shown::default() })).await
}

async fn preview(
    app: App,
    caller: Caller,
    form: PatternForm,
    given: Given,
    typed_days: String,
) -> Result<Response, Problem> {
    let texts = texts_of(&form, &given);
    let days = days_of(Some(&typed_days));
    let shown = Shown { texts: texts.clone(), days: typed_days, ..Shown::default() };
    let (checked, wrong_form) = (texts.clone(), form.clone());
    let checked = {
        let caller = caller.clone();
        let days = days.as_ref().copied().unwrap_or(DAYS_DEFAULT);
        app.read(move |app| patterns::preview_of(app, &caller, &wrong_form, &checked, days)).await?
    };
    let (of, days) = match (checked, days) {
        (Ok(of), Ok(days)) => (of, days),
        (checked, days) => {
            let (wrong, days_error) =
                (checked.err().unwrap_or_default(), days.err().map(|problem| problem.message));
            return refused(app, caller, form, Shown { wrong, days_error, ..shown }).await;
        }
    };
    let turn = app.previews.turn()?;
    let again = again(&form, &texts, days);
    let shown_days = days;
    app.list(move |app| {
        let preview = patterns::preview(app, turn, &caller.name, of, |preview| {
            PreviewView::new(preview, shown_days, again)
        })?;
        view(app, &caller, &form, Shown { preview: Some(preview), ..shown })
    })
    .await
}

/// `POST /patterns/{name}`: keeps the values of the form, or with `reset` gives one back to the file.
pub async fn save(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Form(given): Form<Given>,
) -> Result<Response, Problem> {
    let form = form_of(&caller, &name, given.get("org").map(String::as_str))?;
    let texts = texts_of(&form, &given);
    let (asked, typed) = (form.clone(), texts.clone());
    let reset = given.get("reset").cloned();
    let found = app
        .read(move |app| {
            let in_force = InForce::read(app)?;
            let layers = &app.config.layers;
            let changes = match reset {
                Some(name) => {
                    let fields =
                        Field::of(asked.pattern).iter().copied().filter(|field| field.name() == name);
                    asked.resets(layers, &in_force.overrides, &fields.collect::<Vec<_>>())
                }
                None => asked.changes(layers, &in_force.overrides, &typed),
            };
            Ok::<_, Problem>((in_force.overrides, changes))
        })
        .await?;
    let days = given.get("days").cloned().unwrap_or_default();
    let (known, changes) = found;
    match changes {
        Ok(changes) => match patterns::change(&app, &caller, known, changes).await {
            Ok(saved) => {
                let saved = saved.map_or("", |_| "1");
                let org = form.organization.as_deref().unwrap_or_default();
                let to =
                    address(&format!("/patterns/{}", form.pattern.name()), [("org", org), ("saved", saved)]);
                Ok(Redirect::to(&to).into_response())
            }
            Err(problem) if problem.status == StatusCode::CONFLICT => {
                let notice = Some(Notice::bad(problem.message));
                let shown = Shown { texts, days, notice, ..Shown::default() };
                let page = app.read(move |app| view(app, &caller, &form, shown)).await?;
                Ok((StatusCode::CONFLICT, page).into_response())
            }
            Err(problem) => Err(problem),
        },
        Err(wrong) => refused(app, caller, form, Shown { texts, wrong, days, ..Shown::default() }).await,
    }
}

/// The form as it was, with every mistake at its field.
async fn refused(app: App, caller: Caller, form: PatternForm, shown: Shown) -> Result<Response, Problem> {
    let notice = Some(Notice::bad("Nothing was changed: some values cannot be as they are."));
    let page = app.read(move |app| view(app, &caller, &form, Shown { notice, ..shown })).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn again(form: &PatternForm, texts: &[(Field, String)], days: u64) -> String {
    let days = days.to_string();
    let org = form.organization.as_deref().unwrap_or_default();
    let fields = texts.iter().map(|(field, text)| (field.name(), text.as_str()));
    let query = [("org", org)].into_iter().chain(fields).chain([("days", days.as_str()), ("preview", "1")]);
    address(&format!("/patterns/{}", form.pattern.name()), query)
}

fn view(app: &Appliance, caller: &Caller, form: &PatternForm, shown: Shown) -> Result<Response, Problem> {
    let in_force = InForce::read(app)?;
    let layers = &app.config.layers;
    let origin = |field: &Field| (*field, layers.origin(&form.key(*field), &in_force.overrides));
    let days = if shown.days.is_empty() { DAYS_DEFAULT.to_string() } else { shown.days };
    page(&PatternPage::new(
        frame(app, caller)?,
        PatternData {
            form,
            settings: &in_force.settings,
            changed: &in_force.changed,
            origins: Field::of(form.pattern).iter().map(origin).collect(),
            texts: shown.texts,
            wrong: shown.wrong,
            organizations: in_force.organizations(&caller.organizations),
            can: (caller.rights.admin, may_change(caller)),
            days,
            days_error: shown.days_error,
            notice: shown.notice,
            preview: shown.preview,
        },
    ))
}
