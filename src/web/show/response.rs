//! What all pages share: who looks, the frame around, and the bytes that go out.

use crate::model::Caller;
use crate::web::auth::{self, Reader};
use crate::web::error::Problem;
use crate::web::pages::frame::{Frame, UserView};
use crate::web::pages::message::MessagePage;
use crate::web::state::{App, Appliance};
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};

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

fn sign_in_address(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if path == "/" {
        "/sign-in".to_owned()
    } else {
        super::super::pages::address::address("/sign-in", [("next", path)])
    }
}

/// The frame of a page that this caller looks at.
pub(super) fn frame(app: &Appliance, caller: &Caller) -> Result<Frame, Problem> {
    let open = app.store.alert_statistics(&caller.organizations)?.open();
    let user = UserView {
        name: crate::web::pages::text::cell(Some(&caller.name)),
        role: role_of(caller),
        can_triage: caller.rights.triage,
    };
    let version = env!("CARGO_PKG_VERSION");
    Ok(Frame::new(Some(user), open, app.demo, app.store.size().0, version))
}

fn role_of(caller: &Caller) -> &'static str {
    match (caller.rights.admin, caller.rights.triage) {
        (true, _) => "admin",
        (false, true) => "analyst",
        (false, false) => "viewer",
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
