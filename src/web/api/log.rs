//! What lets others check the log without trusting us: checkpoints, tiles, proofs (C2SP).

use super::events::find;
use crate::keys::LogKeyError;
use crate::merkle::{Note, TILE_WIDTH, TileContent, TilePath, TiledTree, TlogProof, entry_bundle, leaf_of};
use crate::model::{Organizations, Seq};
use crate::readers::hand_over;
use crate::store::{KeySuccession, StoredCheckpoint};
use crate::web::auth::{Admin, Reader};
use crate::web::error::Problem;
use crate::web::state::{App, Appliance};
use crate::witness::HandOver;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// A type of content, as the one header that an answer needs.
const fn content(kind: &'static str) -> [(HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static(kind))]
}

/// `GET /checkpoint`: the newest signed checkpoint.
pub async fn checkpoint(State(app): State<App>) -> Result<Response, Problem> {
    let newest = app.read(|app| app.store.checkpoint()).await?;
    let newest = newest.ok_or_else(|| not_yet(&app))?;
    Ok((content("text/plain; charset=utf-8"), newest.text).into_response())
}

/// What is asked of the log's key.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct KeyQuestion {
    history: Option<String>,
}

impl From<KeySuccession> for HandOver {
    fn from(succession: KeySuccession) -> HandOver {
        HandOver {
            leaf: succession.leaf,
            salt: succession.salt,
            body: String::from_utf8_lossy(&succession.body).into_owned(),
            checkpoint: succession.checkpoint.text,
        }
    }
}

/// `GET /api/v1/log/key`: the key that verifies checkpoints, as `name+hash+base64`; with `?history` how each key
/// handed over to the next, as JSON.
pub async fn key(State(app): State<App>, Query(question): Query<KeyQuestion>) -> Result<Response, Problem> {
    if question.history.is_none() {
        let key = format!("{}\n", app.signer.current().verifier());
        return Ok((content("text/plain; charset=utf-8"), key).into_response());
    }
    let successions = app.read(|app| app.store.key_successions()).await?;
    Ok(Json(successions.into_iter().map(HandOver::from).collect::<Vec<_>>()).into_response())
}

/// `POST /api/v1/log/key`: a new key signs from here on; the answer is its verifier key.
pub async fn rotate_key(State(app): State<App>, Admin(caller): Admin) -> Result<Response, Problem> {
    if caller.organizations != Organizations::All {
        let message = "the key signs the log of all organisations; ask an administrator of all of them";
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message));
    }
    let _one_at_a_time = app.key_change.lock().await;
    let next = app.read(|app| app.signer.prepare()).await.map_err(|error| match error {
        LogKeyError::Credential => Problem::new(StatusCode::CONFLICT, "key_is_credential", error.to_string()),
        error => Problem::internal(error),
    })?;
    let signer = app.signer.clone();
    app.writer.commit(move |txn| hand_over(txn, &signer, next, &caller.name)).await?;
    app.read(|app| app.signer.settle()).await.map_err(Problem::internal)?;
    let key = format!("{}\n", app.signer.current().verifier());
    Ok((content("text/plain; charset=utf-8"), key).into_response())
}

/// `GET /tile/…`: hashes of the tree, or the leaves of `tile/entries/…`.
pub async fn tile(State(app): State<App>, Path(rest): Path<String>) -> Result<Response, Problem> {
    let path = TilePath::parse(&format!("tile/{rest}"));
    let path = path.map_err(|error| Problem::new(StatusCode::NOT_FOUND, "not_found", error.to_string()))?;
    let bytes = app.read(move |app| read_tile(app, path)).await?;
    let bytes = bytes.ok_or_else(|| Problem::not_found("such tile"))?;
    Ok((content("application/octet-stream"), bytes).into_response())
}

fn read_tile(app: &Appliance, path: TilePath) -> Result<Option<Vec<u8>>, Problem> {
    if let TileContent::Hashes(level) = path.content {
        let hashes = app.store.tile(level, path.index)?;
        return Ok(hashes.and_then(|hashes| Some(hashes.get(..path.width)?.as_flattened().to_vec())));
    }
    let Some(first) = path.index.checked_mul(TILE_WIDTH as u64) else { return Ok(None) };
    let mut leaves = Vec::with_capacity(path.width);
    for seq in first..first.saturating_add(path.width as u64) {
        let Some(read) = app.store.entry(Seq(seq))? else { return Ok(None) };
        leaves.push(leaf_of(&read?.entry));
    }
    Ok(Some(entry_bundle(&leaves)))
}

/// `GET /api/v1/audit/events/{id}/proof`: an inclusion proof against the newest checkpoint.
pub async fn proof(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let seq = find(&app, &id, caller.organizations).await?.entry.seq;
    let newest = app.read(|app| app.store.checkpoint()).await?.filter(|newest| newest.size > seq);
    let newest = newest.ok_or_else(|| not_yet(&app))?;
    let proof = app.read(move |app| prove(app, seq, &newest)).await?;
    Ok((content("text/plain; charset=utf-8"), proof.to_string()).into_response())
}

fn prove(app: &Appliance, seq: Seq, newest: &StoredCheckpoint) -> Result<TlogProof, Problem> {
    let checkpoint = Note::parse(newest.text.as_bytes()).map_err(Problem::internal)?;
    let mut tree =
        TiledTree::new(newest.size.0, |level, index, _| app.store.tile(level, index).ok().flatten());
    let hashes = tree.inclusion_proof(seq.0).map_err(Problem::internal)?;
    Ok(TlogProof { extra: None, index: seq.0, hashes, checkpoint })
}

/// The refusal where the newest checkpoint is too old.
pub fn not_yet(app: &Appliance) -> Problem {
    let message = "no signed checkpoint covers this yet; one comes within seconds";
    let retry_after = Some(app.config.log.checkpoint_secs);
    Problem { retry_after, ..Problem::new(StatusCode::CONFLICT, "no_checkpoint_yet", message) }
}
