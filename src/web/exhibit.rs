//! Gives out the evidence of an alert: collects it, makes the zip, and has the log note it before anyone gets it.

use super::error::Problem;
use super::pages;
use super::state::{App, Appliance};
use crate::detect::Settings;
use crate::evidence::{Bundle, BundleError, Export, ZipError, to_zip};
use crate::model::{Activity, Caller, ReceivedAt};
use crate::store::{AskedEvidence, EvidenceError, Store};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use thiserror::Error;
use uuid::Uuid;

/// Evidence that is ready to be given out.
pub struct Exported {
    /// The file.
    pub zip: Vec<u8>,
    /// What the log is to note of it, before it is given out.
    pub activity: Activity,
}

/// Why evidence cannot be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// It cannot be collected.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// It is larger than a bundle may be.
    #[error("the evidence does not fit into one file: {0}")]
    Bundle(#[from] BundleError),
    /// It cannot be packed.
    #[error(transparent)]
    Zip(#[from] ZipError),
}

/// Makes the zip of an alert that `caller` may see.
pub fn export(
    store: &Store,
    settings: &Settings,
    alert: Uuid,
    caller: &Caller,
    now: ReceivedAt,
) -> Result<Exported, ExportError> {
    let export = Export { by: caller.name.clone(), at: now };
    let asked = AskedEvidence { alert, scope: &caller.organizations, export };
    let exhibit = store.exhibit(&asked, |organization| settings.for_organization(organization))?;
    let bundle = Bundle::of(&exhibit, &pages::evidence::page(&exhibit))?;
    let digest = hex::encode(bundle.digest().expect("a bundle that was just made has its manifest"));
    // With the digest in the log, a file that was given out can be told from any other one for good.
    let what = format!("evidence of alert {alert}, manifest {digest}");
    Ok(Exported {
        zip: to_zip(&bundle)?,
        activity: Activity::Exported { by: caller.name.clone(), what, query: None },
    })
}

/// The name of the file, for whoever gets it.
pub fn file_name(alert: Uuid) -> String {
    format!("sealwatch-evidence-{alert}.zip")
}

/// The evidence as an answer, once the log has noted that it is given out.
pub async fn answer(app: &App, caller: Caller, alert: Uuid) -> Result<Response, Problem> {
    let exported = app.list(move |app| export_here(app, alert, &caller)).await;
    let Exported { zip, activity } = exported.map_err(|error| match error {
        ExportError::Evidence(EvidenceError::NotCovered) => super::api::log::not_yet(app),
        error => error.into(),
    })?;
    app.writer.commit(move |txn| txn.append_activity(&activity)).await?;
    let disposition = format!("attachment; filename=\"{}\"", file_name(alert));
    let disposition = HeaderValue::from_str(&disposition).map_err(Problem::internal)?;
    let kind = HeaderValue::from_static("application/zip");
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], zip)
        .into_response())
}

fn export_here(app: &Appliance, alert: Uuid, caller: &Caller) -> Result<Exported, ExportError> {
    export(&app.store, &app.config.detection.settings, alert, caller, app.now_received())
}
