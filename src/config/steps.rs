//! `[steps]`: from where on a step of an event's way counts as slow.

use super::reader::Section;
use crate::telemetry::Step;
use std::time::Duration;

/// From where on each step is slow.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps([Duration; Step::ALL.len()]);

impl Steps {
    pub(super) fn read(mut section: Section<'_>) -> Steps {
        let mut millis =
            |key: &str, default| Duration::from_millis(section.integer(key, default, 1..=3_600_000));
        Steps([
            millis("receive_slow_millis", 2_000),
            millis("validate_slow_millis", 500),
            millis("integrity_slow_millis", 500),
            millis("commit_wait_slow_millis", 250),
            millis("commit_slow_millis", 250),
            millis("detect_slow_millis", 1_000),
            millis("count_slow_millis", 1_000),
            millis("index_slow_millis", 1_000),
            millis("seal_slow_millis", 1_000),
            millis("deliver_slow_millis", 5_000),
        ])
    }

    /// From how long on the step is slow, for 95 of 100.
    pub fn slow(&self, step: Step) -> Duration {
        self.0[step as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn each_key_is_that_of_its_step() {
        let texts = Config::default().texts;
        for step in Step::ALL {
            let text = texts.get(&format!("steps.{}_slow_millis", step.name())).map(String::as_str);
            let slow = Config::default().steps.slow(step).as_millis().to_string();
            assert_eq!(text, Some(&*slow), "{}", step.name());
        }
    }
}
