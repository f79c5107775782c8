//! The sign-in page.

use super::frame::{Frame, Section};
use super::text;
use askama::Template;
use serde::Deserialize;

/// How much of a name that was tried comes back in the form.
const USER_CHARS_MAX: usize = 100;

/// What `sign_in.html` shows. The form is posted to `/sign-in` as [`SignInForm`].
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Around it.
    pub frame: Frame,
    /// The name that was tried, so that it need not be typed again.
    pub user: String,
    /// Where to go afterwards: a path of ours, or empty.
    pub next: String,
    /// Why it did not work the last time.
    pub error: Option<String>,
    /// Where the first password lies, while nobody has ever signed in.
    pub first_password_hint: Option<String>,
}

impl SignInPage {
    /// The page as it is first seen, or after a failed try with its `error`. A `next` that leaves this site
    /// is dropped.
    pub fn new(
        frame: Frame,
        user: &str,
        next: &str,
        error: Option<&str>,
        first_password_hint: Option<&str>,
    ) -> Self {
        SignInPage {
            frame: frame.titled("Sign in", Section::None),
            user: user.chars().take(USER_CHARS_MAX).collect(),
            next: own_path(next).unwrap_or_default().to_owned(),
            error: error.map(text::visible),
            first_password_hint: first_password_hint.map(text::visible),
        }
    }
}

/// The body of `POST /sign-in`.
#[derive(Clone, Default, Deserialize)]
pub struct SignInForm {
    /// The name.
    #[serde(default)]
    pub user: String,
    /// The password.
    #[serde(default)]
    pub password: String,
    /// Where to go afterwards; check it with [`own_path`].
    #[serde(default)]
    pub next: String,
}

/// `next` where it is a path on this site. Browsers read `//host` and `/\host` as another site, and drop tabs
/// and line ends before they look.
pub fn own_path(next: &str) -> Option<&str> {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    (is_path && !next.chars().any(char::is_control)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_site_may_follow_a_sign_in() {
        assert_eq!(own_path("/alerts?severity=HIGH"), Some("/alerts?severity=HIGH"));
        for elsewhere in
            ["", "alerts", "https://example.org", "//example.org", "/\\example.org", "/\t/example.org"]
        {
            assert_eq!(own_path(elsewhere), None, "{elsewhere:?}");
        }
    }
}
