//! Where the value of a setting comes from, in words.

use crate::config::Origin;

/// Where a value comes from.
pub fn origin_words(origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::File(line) => format!("file, line {line}"),
        Origin::Variable(name) => format!("environment, {name}"),
        Origin::CommandLine => "command line".to_owned(),
        Origin::Changed => "changed on the pages".to_owned(),
    }
}
