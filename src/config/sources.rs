//! `[sources]`: what is expected of single sources.

use super::reader::Reader;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is expected of sources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    /// For how long each may send nothing before that is an alert, by the name of its API key.
    pub silence: BTreeMap<String, Duration>,
}

impl Sources {
    pub(super) fn read(reader: &mut Reader) -> Sources {
        let mut silence = BTreeMap::new();
        for name in reader.names_under(&["sources"]) {
            let mut section = reader.section(&["sources", &name]);
            let secs = section.integer("silence_secs", 0, 0..=31_536_000);
            if secs > 0 {
                silence.insert(name, Duration::from_secs(secs));
            }
        }
        Sources { silence }
    }
}
