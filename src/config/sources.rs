//! `[sources]`: what is expected of single sources.

use super::reader::Reader;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is expected of sources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    /// For how long each may send nothing before that is an alert, by the name of its API key.
    pub silence: BTreeMap<String, Duration>,
    /// Events that each may send in a second, where that differs from the others; 0 does not bound them.
    pub events_per_sec_max: BTreeMap<String, u32>,
}

impl Sources {
    /// `of_all` is how many events a second each may send that has no setting of its own.
    pub(super) fn read(reader: &mut Reader, of_all: u32) -> Sources {
        let (mut silence, mut events_per_sec_max) = (BTreeMap::new(), BTreeMap::new());
        for name in reader.names_under(&["sources"]) {
            let mut section = reader.section(&["sources", &name]);
            let secs = section.integer("silence_secs", 0, 0..=31_536_000);
            events_per_sec_max
                .insert(name.clone(), section.integer("events_per_sec_max", of_all, 0..=10_000_000));
            if secs > 0 {
                silence.insert(name, Duration::from_secs(secs));
            }
        }
        Sources { silence, events_per_sec_max }
    }
}
