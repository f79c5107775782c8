//! Takes one step on many alerts at once.

use super::{Visitor, frame, page};
use crate::model::{AlertChange, Caller};
use crate::store::{Refusal, StoreError, Txn};
use crate::web::api::alerts::{change_of, parse_id};
use crate::web::auth::Triager;
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::pages::bulk::{BulkPage, Untouched};
use crate::web::pages::sign_in::own_path;
use crate::web::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use uuid::Uuid;

/// Alerts of one form.
const ALERTS_MAX: usize = 500;

/// What the form asks for.
struct Bulk {
    change: AlertChange,
    ids: Vec<Uuid>,
    note: Option<String>,
    back: String,
}

impl Bulk {
    fn parse(fields: Vec<(String, String)>) -> Result<Bulk, Problem> {
        let (mut step, mut ids, mut note, mut back) = (String::new(), Vec::new(), None, String::new());
        for (name, value) in fields {
            match name.as_str() {
                "id" => ids.push(parse_id(&value)?),
                "step" => step = value,
                "note" => note = Some(value.trim().to_owned()).filter(|note| !note.is_empty()),
                "back" => back = value,
                _ => {}
            }
        }
        ids.sort_unstable();
        ids.dedup();
        let change = change_of(&step)?;
        let refused = |field, message: &str| Err(Problem::parameter(field, message));
        match change {
            AlertChange::Acknowledged => {}
            AlertChange::Dismissed if note.is_some() => {}
            AlertChange::Dismissed => {
                return refused(
                    "note",
                    "say why these alerts are not worth dealing with; nothing was changed",
                );
            }
            _ => return refused("step", "many alerts at once can only be acknowledged or dismissed"),
        }
        if ids.is_empty() {
            return refused("id", "no alert was chosen; tick some and try again");
        }
        if ids.len() > ALERTS_MAX {
            return refused(
                "id",
                &format!("at most {ALERTS_MAX} alerts can be changed at once; nothing was changed"),
            );
        }
        let back = own_path(&back).filter(|path| path.starts_with("/alerts")).unwrap_or("/alerts").to_owned();
        Ok(Bulk { change, ids, note, back })
    }

    /// Takes the step on each; all in one commit.
    fn apply(self, txn: &mut Txn<'_>, caller: &Caller) -> Result<Vec<(Uuid, Option<Refusal>)>, StoreError> {
        let Bulk { change, ids, note, .. } = self;
        let step = |id| {
            let changed = txn.change_alert(id, &caller.organizations, change, &caller.name, note.clone())?;
            Ok((id, changed.err()))
        };
        ids.into_iter().map(step).collect()
    }
}

/// `GET /alerts/bulk`: what is left when the page of a result is asked for again.
pub async fn show(Visitor(_): Visitor) -> Redirect {
    Redirect::to("/alerts")
}

/// `POST /alerts/bulk`.
pub async fn step(
    State(app): State<App>,
    Triager(caller): Triager,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let bulk = Bulk::parse(fields)?;
    let (change, back) = (bulk.change, bulk.back.clone());
    let by = caller.clone();
    let steps = app.writer.commit(move |txn| bulk.apply(txn, &by)).await?;
    app.read(move |app| {
        let mut untouched = Vec::new();
        let mut changed = 0;
        for (id, refusal) in steps {
            let Some(refusal) = refusal else {
                changed += 1;
                continue;
            };
            let alert = app.store.alert(id, &caller.organizations)?;
            untouched.push(Untouched::new(id, alert.as_ref(), &refusal.to_string()));
        }
        let status = if changed == 0 { StatusCode::CONFLICT } else { StatusCode::OK };
        Ok((status, page(&BulkPage::new(frame(app, &caller)?, change, changed, untouched, back))?)
            .into_response())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &[(&str, &str)]) -> Result<Bulk, Problem> {
        Bulk::parse(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    const ID: &str = "00000000-0000-0000-0000-000000000001";

    #[test]
    fn an_alert_that_is_ticked_twice_is_changed_once() {
        let bulk = parse(&[("id", ID), ("step", "acknowledge"), ("id", ID), ("note", " ")]).expect("a form");
        assert_eq!((bulk.change, bulk.ids.len(), bulk.note), (AlertChange::Acknowledged, 1, None));
        assert_eq!(bulk.back, "/alerts");
        let back = |to| parse(&[("id", ID), ("step", "acknowledge"), ("back", to)]).expect("a form").back;
        assert_eq!(back("/alerts?status=all&page=2"), "/alerts?status=all&page=2");
        assert_eq!(back("//example.org"), "/alerts");
        assert_eq!(back("/sign-out"), "/alerts");
    }

    #[test]
    fn what_no_form_of_ours_sends_is_refused() {
        let code =
            |fields: &[(&str, &str)]| parse(fields).err().map(|problem| problem.field.unwrap_or_default());
        assert_eq!(code(&[("id", ID), ("step", "dismiss"), ("note", " ")]).as_deref(), Some("note"));
        assert_eq!(code(&[("id", ID), ("step", "resolve"), ("note", "x")]).as_deref(), Some("step"));
        assert_eq!(code(&[("step", "acknowledge")]).as_deref(), Some("id"));
        let many = |count: u128| {
            let ids = (0..count).map(|n| ("id".to_owned(), Uuid::from_u128(n).to_string()));
            Bulk::parse(ids.chain([("step".to_owned(), "acknowledge".to_owned())]).collect()).is_ok()
        };
        assert!(many(ALERTS_MAX as u128));
        assert!(!many(ALERTS_MAX as u128 + 1));
    }
}
