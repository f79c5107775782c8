//! A moment as the `<time>` element shows it.

use crate::model::ReceivedAt;
use jiff::Timestamp;
use serde::Serialize;

/// A moment in the three forms that a page needs; the script turns `text` into the reader's own zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimeView {
    /// For the `datetime` attribute: RFC 3339 in UTC with milliseconds.
    pub machine: String,
    /// For the tooltip: RFC 3339 in UTC with every digit that is known.
    pub exact: String,
    /// For people: `2023-07-10 11:54:47 UTC`.
    pub text: String,
}

impl From<Timestamp> for TimeView {
    fn from(time: Timestamp) -> TimeView {
        TimeView {
            machine: time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            exact: time.to_string(),
            text: time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

impl From<ReceivedAt> for TimeView {
    fn from(time: ReceivedAt) -> TimeView {
        time.timestamp().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_its_three_forms() {
        let view = TimeView::from(ReceivedAt(1_688_990_087_123_456_789));
        assert_eq!(view.machine, "2023-07-10T11:54:47.123Z");
        assert_eq!(view.exact, "2023-07-10T11:54:47.123456789Z");
        assert_eq!(view.text, "2023-07-10 11:54:47 UTC");
    }
}
