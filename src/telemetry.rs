//! The program's own messages: to standard error, as text on a terminal and as JSON elsewhere.

use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text for people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Begins to write messages of that level and above. Control characters in what is logged are escaped by both
/// forms.
pub fn begin(level: &str, form: Form) {
    // What sled has to say it also returns, and it is reported where it is handled.
    let filter = EnvFilter::new(format!("{level},sled=off,hyper=warn,reqwest=warn,h2=warn"));
    let is_json = form == Form::Json || (form == Form::Auto && !stderr().is_terminal());
    let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // The journal knows the time itself.
    let has_time = std::env::var_os("JOURNAL_STREAM").is_none();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    // A second call, as tests make it, changes nothing.
    let begun = match (is_json, has_time) {
        (true, _) => builder.json().flatten_event(true).try_init(),
        (false, true) => builder.with_ansi(colour).try_init(),
        (false, false) => builder.with_ansi(colour).without_time().try_init(),
    };
    drop(begun);
}
