//! What all pages share: who looks, the frame around, and the bytes that go out.

use crate::model::{Caller, Rights};
use crate::web::auth::{self, Reader};
use crate::web::error::Problem;
use crate::web::pages::address::address;
use crate::web::pages::frame::{Frame, UserView};
use crate::web::pages::message::MessagePage;
use crate::web::state::{App, Appliance};
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::convert::Infallible;

/// Whoever looks at a page. Nobody signed in is sent to the sign-in page, and comes back from there.
pub struct Visitor(pub Caller);

impl FromRequestParts<App> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Visitor, Response> {
        match auth::identify(parts, app).await {
            Ok(Some(_)) => {
                let reader = <Reader as FromRequestParts<App>>::from_request_parts(parts, app).await;
                reader.map(|Reader(caller)| Visitor(caller)).map_err(Problem::into_response)
            }
            Ok(None) => Err(Redirect::to(&sign_in_address(&parts.uri)).into_response()),
            Err(problem) => Err(problem.into_response()),
        }
    }
}

/// The form of the file that an export is to have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    pub(super) format: String,
}

/// Where the appliance is reached, as the request says it: for commands that people copy.
pub struct BaseUrl(pub String);

impl<S: Sync> FromRequestParts<S> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<BaseUrl, Infallible> {
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        // What is no name or address has no business in a shell.
        let is_host = |host: &&str| host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
        let host = host.filter(is_host).unwrap_or("127.0.0.1:5600");
        Ok(BaseUrl(format!("http://{host}")))
    }
}

fn sign_in_address(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if path == "/" { "/sign-in".to_owned() } else { address("/sign-in", [("next", path)]) }
}

/// The frame of a page that this caller looks at.
pub(super) fn frame(app: &Appliance, caller: &Caller) -> Result<Frame, Problem> {
    let counts = app.store.alert_statistics(&caller.organizations)?;
    let user = UserView {
        name: crate::web::pages::text::cell(Some(&caller.name)),
        role: role_of(caller),
        can_triage: caller.rights.triage,
    };
    let version = env!("CARGO_PKG_VERSION");
    let frame = Frame::new(Some(user), counts.open(), app.demo, app.store.size().0, version);
    Ok(Frame { live: Some(address("/live", [("alerts", counts.total.to_string().as_str())])), ..frame })
}

fn role_of(caller: &Caller) -> &'static str {
    match caller.rights {
        Rights { admin: true, .. } => "admin",
        Rights { triage: true, .. } => "analyst",
        Rights { audit: true, .. } => "auditor",
        _ => "viewer",
    }
}

/// A page as an answer.
pub(super) fn page(template: &impl Template) -> Result<Response, Problem> {
    Ok(Html(template.render().map_err(Problem::internal)?).into_response())
}

/// The page that tells of a problem. It shows nothing that needs a right.
pub fn message_response(app: &Appliance, problem: &Problem, request_id: &str) -> Response {
    let frame = Frame::new(None, 0, app.demo, app.store.size().0, env!("CARGO_PKG_VERSION"));
    let status = problem.status.as_u16();
    let message = MessagePage::new(frame, status, &problem.message, Some(request_id.to_owned()));
    match message.render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
