//! Signing in and out.

use super::page;
use crate::ingest::Refused;
use crate::keys;
use crate::model::Activity;
use crate::store::{SignIn, StoreError};
use crate::web::auth::{SESSION_COOKIE, check_same_origin, session_of};
use crate::web::body::Form;
use crate::web::error::Problem;
use crate::web::listen::Peer;
use crate::web::pages::frame::Frame;
use crate::web::pages::sign_in::{SignInForm, SignInPage, own_path};
use crate::web::state::{App, Appliance};
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Characters of a tried name that the log keeps.
const NAME_CHARS: usize = 100;

/// The query of the sign-in page.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SignInQuery {
    next: String,
}

/// `GET /sign-in`.
pub async fn show(State(app): State<App>, Query(query): Query<SignInQuery>) -> Result<Response, Problem> {
    page(&blank(&app, "", &query.next, None))
}

fn blank(app: &Appliance, user: &str, next: &str, error: Option<&str>) -> SignInPage {
    let frame = Frame::new(None, 0, app.demo, app.store.size().0, env!("CARGO_PKG_VERSION"));
    let first = first_password_file(app).filter(|file| file.exists());
    // The name of the file, not where it lies: strangers read this page too.
    let hint = first.map(|_| "initial-password in the data directory");
    SignInPage::new(frame, user, next, error, hint)
}

/// Where the first administrator's password lies until it is used.
fn first_password_file(app: &Appliance) -> Option<std::path::PathBuf> {
    Some(app.store.path()?.with_file_name("initial-password"))
}

/// `POST /sign-in`.
pub async fn sign_in(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Result<Response, Problem> {
    check_same_origin(&headers)?;
    let address = client_address(&app, peer, &headers);
    // One after the other from here on, so that guesses in parallel wait as much as guesses in a row.
    let _waiting = app.sign_in_queue.try_acquire().map_err(|_| Problem::from(Refused::Overloaded))?;
    let _turn = app.hashing.acquire().await.map_err(Problem::internal)?;
    if let Some(wait) = app.sign_ins.wait(address, &form.user, Instant::now()) {
        let error = format!("Too many tries. Wait {} and try again.", seconds(wait));
        let mut response = refuse(&app, &form, StatusCode::TOO_MANY_REQUESTS, &error)?;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        return Ok(response);
    }
    let shown_address = address.map(|ip| ip.to_string()).unwrap_or_default();
    let Some(password_hash) = right_password(&app, &form).await? else {
        app.sign_ins.failed(address, &form.user, Instant::now());
        let name = form.user.chars().take(NAME_CHARS).collect();
        let failed = Activity::SignInFailed { name, address: shown_address };
        app.writer.commit(move |txn| txn.append_activity(&failed)).await?;
        return refuse(&app, &form, StatusCode::UNAUTHORIZED, "The name or the password is not right.");
    };
    let token = keys::new_session_token();
    let sign_in = SignIn {
        user: form.user.clone(),
        password_hash,
        address: shown_address,
        instead_of: session_of(&headers),
    };
    let hash = keys::token_hash(&token);
    if !app.writer.commit(move |txn| txn.sign_in(&hash, &sign_in)).await? {
        return refuse(&app, &form, StatusCode::UNAUTHORIZED, "The password was changed meanwhile.");
    }
    app.sign_ins.succeeded(address, &form.user);
    if let Some(file) = first_password_file(&app) {
        // It was only meant to be read once; where it is gone already, all the better.
        drop(std::fs::remove_file(file));
    }
    let mut response = Redirect::to(own_path(&form.next).unwrap_or("/")).into_response();
    set_cookie(&app, &mut response, &token, app.config.web.session_max_secs)?;
    Ok(response)
}

/// The hash that the password was found to fit, if it did.
async fn right_password(app: &App, form: &SignInForm) -> Result<Option<String>, Problem> {
    let (name, password) = (form.user.clone(), form.password.clone());
    let found = app.read(move |app| {
        let hash = app.store.user(&name)?.map(|user| user.password_hash);
        let fits = keys::is_password(&password, hash.as_deref());
        Ok::<_, StoreError>(hash.filter(|_| fits))
    });
    Ok(found.await?)
}

fn refuse(app: &Appliance, form: &SignInForm, status: StatusCode, error: &str) -> Result<Response, Problem> {
    let mut response = page(&blank(app, &form.user, &form.next, Some(error)))?;
    *response.status_mut() = status;
    Ok(response)
}

/// The address of whoever asks, as a trusted proxy gives it where one stands between.
fn client_address(app: &Appliance, peer: Peer, headers: &HeaderMap) -> Option<IpAddr> {
    let direct = peer.address?;
    if !app.config.web.trusted_proxies.contains(&direct) {
        return Some(direct);
    }
    let forwarded = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let nearest = forwarded.and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
    nearest.or(Some(direct))
}

fn seconds(wait: Duration) -> String {
    match wait.as_secs() + 1 {
        1 => "1 second".to_owned(),
        secs => format!("{secs} seconds"),
    }
}

/// `POST /sign-out`.
pub async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    check_same_origin(&headers)?;
    if let Some(hash) = session_of(&headers)
        && let Some(session) = app.read(move |app| app.store.session(&hash)).await?
    {
        app.writer.commit(move |txn| txn.sign_out(&hash, &session.user)).await?;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    set_cookie(&app, &mut response, "", 0)?;
    Ok(response)
}

fn set_cookie(
    app: &Appliance,
    response: &mut Response,
    token: &str,
    max_age_secs: u64,
) -> Result<(), Problem> {
    let secure = if app.config.web.secure_cookies { "; Secure" } else { "" };
    let cookie = format!(
        "{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_secs}{secure}"
    );
    let cookie = HeaderValue::from_str(&cookie).map_err(Problem::internal)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(())
}
