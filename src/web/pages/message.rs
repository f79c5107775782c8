//! The page that says that something did not work, and what to do now.

use super::frame::{Frame, Section};
use super::text;
use askama::Template;

/// What `message.html` shows, for every answer that is not the page that was asked for.
#[derive(Clone, Debug, Template)]
#[template(path = "message.html")]
pub struct MessagePage {
    /// Around it.
    pub frame: Frame,
    /// The HTTP status, as a number.
    pub status: u16,
    /// What happened, in a few words.
    pub headline: &'static str,
    /// What exactly: the outside message of the error; may be empty.
    pub detail: String,
    /// What to do now.
    pub advice: &'static str,
    /// Where to go on: address and words.
    pub way_on: (&'static str, &'static str),
    /// What finds the request in the appliance's own log.
    pub request_id: Option<String>,
}

impl MessagePage {
    /// The page for that HTTP status; `detail` may come from anywhere, it is made visible here.
    pub fn new(frame: Frame, status: u16, detail: &str, request_id: Option<String>) -> MessagePage {
        let (headline, advice) = words_of(status);
        MessagePage {
            frame: frame.titled(headline, Section::None),
            status,
            headline,
            detail: text::short(detail, 600),
            advice,
            // The overview sends whoever is not signed in to sign in.
            way_on: if status == 401 { ("/sign-in", "Sign in") } else { ("/", "Go to the overview") },
            request_id,
        }
    }
}

/// What happened, and what to do about it.
fn words_of(status: u16) -> (&'static str, &'static str) {
    match status {
        400 | 415 | 422 => (
            "This request could not be read",
            "Go back and correct what is named above, or start again from the overview.",
        ),
        401 => {
            ("Please sign in", "The session has ended or there was none. Sign in, and the page opens again.")
        }
        403 => (
            "Not allowed",
            "Your role does not cover this. An admin can give you another one with “sealwatch user add”.",
        ),
        404 => (
            "Not found",
            "It does not exist, or it belongs to an organisation that is not yours to see. Check the \
             address.",
        ),
        405 => (
            "Not done that way",
            "The address exists, but not for this. Go back and use the page's own buttons.",
        ),
        409 => (
            "That no longer fits",
            "Somebody else was probably quicker. Go back, reload the page, and look at its history before \
             you try again.",
        ),
        413 => ("Too large", "Shorten the text and send it again."),
        429 => ("Too many tries", "Wait a minute, then try again."),
        503 => (
            "Not ready",
            "The appliance is starting, stopping or overloaded. Wait a moment and reload; “/readyz” tells \
             the reason.",
        ),
        507 => ("No space left", "The disk is full: nothing was changed. Free some space, then try again."),
        _ => (
            "Something went wrong here",
            "It is not your fault. Reload the page; if it stays, look for the request id in the appliance's \
             log.",
        ),
    }
}
