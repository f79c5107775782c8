//! `[retry]` and `[breaker]`: how what fails is tried again, and when a place out there is left alone.

use super::reader::Section;
use crate::routing::{BreakerLimits, Retry};
use std::time::Duration;

pub(super) fn read_retry(mut section: Section<'_>) -> Retry {
    let default = Retry::default();
    Retry {
        tries_max: section.integer("tries", default.tries_max, 2..=20),
        base: Duration::from_millis(section.integer("base_millis", 1_000, 10..=60_000)),
        delay_max: Duration::from_secs(section.integer("delay_max_secs", 30, 1..=600)),
    }
}

pub(super) fn read_breaker(mut section: Section<'_>) -> BreakerLimits {
    let default = BreakerLimits::default();
    BreakerLimits {
        failures_max: section.integer("failures", default.failures_max, 1..=100),
        within: Duration::from_secs(section.integer("within_secs", 60, 10..=3_600)),
        calls_for_a_rate: section.integer("calls_for_a_rate", default.calls_for_a_rate, 2..=100),
        open_for: Duration::from_secs(section.integer("open_secs", 30, 1..=3_600)),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::routing::{BreakerLimits, Retry};
    use std::time::Duration;

    #[test]
    fn each_key_is_its_own_field() {
        let text = "[retry]\ntries = 7\nbase_millis = 250\ndelay_max_secs = 9\n\
                    [breaker]\nfailures = 3\nwithin_secs = 20\ncalls_for_a_rate = 6\nopen_secs = 4\n";
        let config = Config::of_text(text).expect("all of it is allowed");
        let retry =
            Retry { tries_max: 7, base: Duration::from_millis(250), delay_max: Duration::from_secs(9) };
        let breaker = BreakerLimits {
            failures_max: 3,
            calls_for_a_rate: 6,
            within: Duration::from_secs(20),
            open_for: Duration::from_secs(4),
        };
        assert_eq!((config.retry, config.breaker), (retry, breaker));
    }

    #[test]
    fn without_settings_the_defaults_hold() {
        let config = Config::default();
        assert_eq!((config.retry, config.breaker), (Retry::default(), BreakerLimits::default()));
    }
}
